from transferui.ui.home_step import model_card


def test_before_a_run_the_card_says_when_it_will_be_written():
    class Empty:
        run = None

    assert "when a run is over" in model_card(Empty())
