"""Which place on the curves is marked, and what is said of it: never a number that the result does not have."""

import pytest

from transferui.evaluation.kept_epoch import best_row, mark_best, mark_kept


def rows(*epochs):
    """Rows of (phase, validation accuracy, best epoch of the phase so far)."""
    seen = []
    for total, (phase, accuracy, best) in enumerate(epochs, start=1):
        epoch = 1 + sum(row["phase"] == phase for row in seen)
        seen.append(
            {"phase": phase, "epoch": epoch, "epoch_total": total, "val_accuracy": accuracy, "val_loss": 0.5, "best_epoch": best}
        )
    return seen


BOTH = rows(("head", 0.7, 1), ("head", 0.8, 1), ("finetune", 0.75, 0), ("finetune", 0.9, 2), ("finetune", 0.95, 2))


def results(phase, epoch, accuracy, **more):
    return {"kept_phase": phase, "best_epoch": epoch, "val_accuracy": accuracy, **more}


def test_the_best_so_far_is_what_training_calls_best_and_not_the_highest_accuracy():
    assert best_row(BOTH[:2])["val_accuracy"] == 0.7
    assert mark_best(BOTH[:2]).words("accuracy") == "best so far: epoch 1 · 70\u00a0%"


def test_until_fine_tuning_has_beaten_the_head_the_head_is_the_best():
    assert [best_row(BOTH[:n])["epoch_total"] for n in (3, 4, 5)] == [1, 4, 4]


def test_before_any_epoch_has_beaten_the_start_nothing_is_the_best():
    assert best_row([]) is None and mark_best(rows(("head", 0.5, 0))) is None


@pytest.mark.parametrize(("phase", "epoch", "accuracy", "total"), [("head", 1, 0.7, 1), ("finetune", 2, 0.9, 4)])
def test_the_kept_epoch_is_counted_as_the_charts_count_and_has_the_accuracy_of_the_result(phase, epoch, accuracy, total):
    mark = mark_kept(BOTH, results(phase, epoch, accuracy))
    assert mark.row["epoch_total"] == total and mark.words("accuracy") == f"kept: epoch {total} · {100 * accuracy:.0f}\u00a0%"
    assert mark.words("loss") == f"kept: epoch {total} · 0.50"


def test_a_mix_of_both_phases_is_said_and_has_no_place_on_the_curve():
    mark = mark_kept(BOTH, results("finetune", 2, 0.97, kept_share=0.5))
    assert mark.row is None and mark.words("accuracy") == "kept: a mix of the head and epoch 4 · 97\u00a0%"
    assert mark.words("loss") == "kept: a mix of the head and epoch 4"
    by_chance = mark_kept(BOTH, results("finetune", 2, 0.9, kept_share=0.5))  # the same accuracy as the epoch's own
    assert by_chance.row is None


def test_what_was_there_before_the_first_epoch_is_said_and_has_no_place_on_the_curve():
    mark = mark_kept(BOTH, results("head", 0, 0.5))
    assert mark.row is None and mark.words("accuracy") == "kept: the state before epoch 1 · 50\u00a0%"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([], results("head", 1, 0.7)),
        (BOTH, None),
        (BOTH, {}),
        (BOTH, results("head", 7, 0.7)),
        (BOTH, results("finetune", 2, 0.97)),
    ],
)
def test_nothing_is_marked_that_is_not_known_for_sure(told, found):
    assert mark_kept(told, found) is None
