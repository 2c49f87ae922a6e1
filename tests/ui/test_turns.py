import threading
import time

import pytest

from transferui.errors import UserError
from transferui.ui.turns import Line, in_turn, line_of, turn


def test_changes_have_their_turn_in_the_order_in_which_they_came():
    line, done, threads = Line(), [], []

    def change(n):
        with line.turn():
            done.append(n)

    with line.turn():
        for n in range(20):
            threads.append(threading.Thread(target=change, args=(n,)))
            threads[-1].start()
            time.sleep(0.005)
        assert done == []
    for thread in threads:
        thread.join(10)
    assert done == list(range(20))


def test_a_wait_is_told_and_given_up_and_the_next_one_has_its_turn(monkeypatch):
    monkeypatch.setattr("transferui.ui.turns.PATIENCE_S", 0.01)
    line, told = Line(), []
    busy = pytest.raises(UserError, match="just being changed")
    with line.turn(lambda: told.append("at once")), busy, line.turn(lambda: told.append("waits"), limit_s=0.05):
        pass
    assert told == ["waits"]
    with line.turn(limit_s=0.05):
        pass


def test_a_person_has_one_line_while_somebody_waits_in_it_and_others_have_another():
    mine = line_of("me")
    assert line_of("me") is mine and line_of("other") is not mine


def test_a_generator_cannot_be_a_quick_choice():
    with pytest.raises(TypeError, match="outside its turn"):

        @in_turn
        def slow(self, owner):
            yield


def test_a_quick_choice_may_use_another_of_the_same_person():
    with turn("me"), turn("me"):
        pass
