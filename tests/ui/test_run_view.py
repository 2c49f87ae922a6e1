import re
import time

import pytest

from transferui.config import TrainConfig
from transferui.runs.store import Run
from transferui.ui.run_view import SILENT_S, remembered, status, stop_button, total_epochs


def test_before_the_start_it_says_how_long_it_will_take():
    assert "About 8 s" in status(None, hint="About 8 s.") and "Not started" in status(None)


def test_somebody_who_waits_sees_the_place():
    assert "number 2 of 3" in status({"state": "queued", "place": 2, "length": 3})


def test_while_it_looks_it_tells_how_far_how_fast_and_what_came_from_the_cache():
    shown = status({"state": "preparing", "what": "Looking at every photo once", "done": 150, "total": 400, "images_per_s": 210, "cached": 100,
                    "eta_s": 1.2, "updated": time.time()})  # fmt: skip
    for words in ("Looking at every photo once", "150 of 400", "210 photos/s", "100 remembered from before", "1\u00a0s left"):
        assert words in shown


def test_while_it_learns_it_tells_epoch_and_best():
    rows = [{"phase": "head", "epoch": n, "epoch_total": n, "epochs": 10, "elapsed_s": float(n), "val_accuracy": a, "best_epoch": best}
            for n, a, best in ((1, 0.5, 1), (2, 0.8, 2), (3, 0.9, 2))]  # fmt: skip
    shown = status({"state": "running", "phase": "head", "epoch": 3}, rows=rows, config=TrainConfig(epochs=10))
    assert (
        "epoch 3 of 10" in shown and "7\u00a0s left" in shown and "best so far by validation loss: 80\u00a0% (epoch 2)" in shown
    )


def test_while_blocks_learn_the_best_epoch_is_counted_as_the_charts_count():
    row = {
        "phase": "finetune",
        "epoch": 2,
        "epoch_total": 12,
        "epochs": 5,
        "elapsed_s": 1.0,
        "val_accuracy": 0.7,
        "best_epoch": 2,
    }
    assert "70\u00a0% (epoch 12 in the charts)" in status({"state": "running", "phase": "finetune", "epoch": 2}, rows=[row])


def test_nothing_is_called_the_best_before_an_epoch_has_beaten_the_start():
    row = {"phase": "head", "epoch": 1, "epoch_total": 1, "epochs": 5, "elapsed_s": 1.0, "val_accuracy": 0.7, "best_epoch": 0}
    assert "best so far" not in status({"state": "running", "phase": "head", "epoch": 1}, rows=[row])


def test_a_screen_reader_hears_of_a_new_phase_and_not_of_every_number():
    told = {re.search(r'role="status">([^<]*)<', status({"state": "running", "phase": "head", "epoch": n, "eta_s": 9 - n}))[1] for n in (1, 2, 3)}  # fmt: skip
    assert told == {"Learning (the head)"}
    failed = status({"state": "failed", "message": "The disk is full.", "hint": "Free some."})
    assert 'role="status">This did not work. The disk is full. Free some.<' in failed


def test_a_process_that_says_nothing_is_said_to_say_nothing():
    assert "no sign of life" in status({"state": "running", "epoch": 1, "updated": time.time() - 2 * SILENT_S})


@pytest.mark.parametrize(
    ("state", "word"), [("stopped", "Stopped"), ("failed", "This did not work"), ("interrupted", "Interrupted")]
)
def test_every_other_end_has_its_word_and_reason(state, word):
    shown = status({"state": state, "message": "Because <b>", "hint": "Do that."})
    assert word in shown and "Because &lt;b&gt; Do that." in shown


def test_a_finished_run_tells_what_it_cost_and_that_freezing_was_checked():
    results = {
        "phases": [{"epochs": 12}, {"epochs": 3}],
        "seconds": {"total": 2.31},
        "cached_images": 300,
        "prefix_images": 98,
        "frozen_unchanged": True,
    }
    shown = status({"state": "finished"}, results)
    for words in (
        "15 epochs",
        "2.3\u00a0s",
        "98 photos looked at, 300 known from an earlier run",
        "the frozen blocks did not change",
    ):
        assert words in shown


def test_epochs_of_both_phases_are_on_the_axis():
    both = {"epochs": 5, "trainable": "all", "finetune_epochs": 3}
    assert total_epochs(TrainConfig(epochs=5), 100) == 5 and total_epochs(TrainConfig(**both), 100) == 8
    assert total_epochs(TrainConfig(**both, head_start="random"), 100) == 3
    by_steps = TrainConfig(trainable="all")
    assert total_epochs(by_steps, 100) == 30 + by_steps.finetune_passes(80)


def test_what_is_remembered_is_told_in_words():
    assert "nothing yet" in remembered(0) and "less than 1 MB" in remembered(5) and "12 MB" in remembered(12_000_000)


def test_the_stop_button_says_that_it_was_pressed_until_the_run_has_ended(tmp_path):
    run = Run("one", tmp_path)
    assert stop_button(run, live=True).value == "Stop" and stop_button(run, live=True).interactive
    run.ask_to_stop()
    assert stop_button(run, live=True).value == "Stopping …"
    assert stop_button(run, live=False).value == "Stop" and not stop_button(run, live=False).interactive
    assert stop_button(None, live=False).value == "Stop"
