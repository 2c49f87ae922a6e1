import pytest

from tests.ui.conftest import answers
from transferui.evaluation.compare import rank_runs
from transferui.files import write_json
from transferui.training.start import SEEN
from transferui.ui.compare_view import comparison, in_words


def compared(*entries):
    return comparison(entries, {run.id: f"Run {n + 1}" for n, (run, _, _) in enumerate(entries)})


def test_a_clear_difference_names_the_better_run(entry):
    html = compared(entry(answers(60, 40)), entry(answers(95, 5)))
    assert "<b>Run 2 is better</b>" in html and "+35.0 points" in html
    assert "the 100 validation photos that both were checked with" in html


def test_a_small_difference_is_none(entry):
    html = compared(entry(answers(90, 10)), entry(answers(91, 9)))
    assert "No clear difference" in html and "Run 2 is better" not in html and "Holm" not in html


def test_three_runs_are_held_against_the_best_with_a_correction():
    found = rank_runs([answers(60, 40), answers(94, 6), answers(95, 5)])
    main, more = in_words(found, ["Run 1", "Run 2", "Run 3"])
    assert main == "Run 3 is better than Run 1; no clear difference to Run 2" and "Holm" in more
    alike = rank_runs([answers(94, 6), answers(94, 6), answers(95, 5)])
    assert in_words(alike, ["A", "B", "C"])[0] == "No clear difference between any of them"
    far = rank_runs([answers(50, 50), answers(51, 49), answers(95, 5)])
    assert in_words(far, ["A", "B", "C"])[0] == "C is better than A and B"


def test_a_run_that_is_only_clearly_worse_than_the_second_is_named():
    def of(*right):
        items = [{"sample": i, "true": 0, "predicted": int(not hit)} for i, hit in enumerate(right)]
        return {**answers(1), "val_items": items}

    first, second = of(*[False] * 29, *[True] * 171), of(*[True] * 170, *[False] * 30)
    found = rank_runs([first, second, of(*[True] * 155, *[False] * 45)])
    assert found.others == ((1, 2),) and {c.verdict for _, c in found.against} == {"no_clear_difference"}
    said = in_words(found, ["Run 1", "Run 2", "Run 3"])[0]
    assert said == "No run is clearly better than all the others; Run 2 is better than Run 3"


def test_runs_of_other_photos_are_left_out_and_named(entry):
    other = {**answers(10, 90), "dataset_fingerprint": "another"}
    html = compared(entry(answers(60, 40)), entry(answers(95, 5)), entry(other))
    assert "Run 2 is better" in html and "Run 3 was checked with other photos" in html


def test_two_runs_of_different_photos_get_no_verdict(entry):
    html = compared(entry(answers(60, 40)), entry({**answers(95, 5), "dataset_fingerprint": "another"}))
    assert "checked with different photos" in html and "tu-verdict" not in html and "95.0" in html


def test_runs_that_tell_other_classes_apart_are_named_so(entry):
    html = compared(entry(answers(60, 40)), entry(answers(95, 5, ("ants", "wasps"))))
    assert "tell different classes apart" in html and "tu-verdict" not in html


def test_a_renamed_class_is_compared_and_it_is_said(entry):
    runs = []
    for right, classes in ((60, ("ants", "bees")), (95, ("Ameisen", "bees"))):
        known = answers(right, 100 - right, classes)
        for item in known["val_items"]:
            item["photo"] = f"{item['sample']:016x}"
        runs.append(entry({**known, "dataset_fingerprint": classes[0]}))
    html = compared(*runs)
    assert "Run 2 is better" in html and "Some classes have other names in Run 1 than in Run 2" in html
    assert "other names" not in compared(runs[0], runs[0])


def test_photos_that_a_run_has_learned_from_before_are_left_out_and_it_is_said(entry):
    runs = []
    for right in (60, 95):
        known = answers(right, 100 - right)
        for item in known["val_items"]:
            item["photo"] = f"{item['sample']:016x}"
        runs.append(entry(known))
    write_json(runs[0][0].folder / SEEN, {"photos": [f"{n:016x}" for n in range(8)]})
    html = compared(*runs)
    assert "the 92 validation photos that both were checked with, without 8 photos that taught one of them" in html


def test_another_split_of_the_same_photos_is_compared_only_where_it_overlaps(entry):
    later = answers(95, 5)
    later["val_items"] = [{**item, "sample": item["sample"] + 200} for item in later["val_items"]]
    assert "cannot be compared photo by photo" in compared(entry(answers(60, 40)), entry(later))


@pytest.mark.parametrize(
    ("state", "said"),
    [("failed", "did not work"), ("running", "still going on"), ("interrupted", "interrupted"), ("stopped", "stopped")],
)
def test_a_run_without_result_is_in_the_table_and_said(entry, state, said):
    html = compared(entry(answers(60, 40)), entry(state=state))
    assert (
        f"Run 2 {'is ' if said == 'still going on' else 'was ' if said in ('interrupted', 'stopped') else ''}{said}" in html
        and "–" in html
    )


def test_a_run_that_goes_on_is_compared_by_its_best_state_so_far(entry):
    assert "best state so far" in compared(entry(answers(60, 40)), entry(answers(95, 5), state="running"))


def test_the_table_has_the_settings_that_differ_and_no_others(entry):
    html = compared(entry(answers(60, 40), epochs=5), entry(answers(95, 5), epochs=9))
    assert "Passes over the photos (epochs)" in html and "Batch" not in html and "batch size" not in html


def test_runs_without_curves_show_no_charts(entry):
    assert "tu-over" not in compared(entry(answers(60, 40), rows=[]), entry(answers(95, 5), rows=[]))
