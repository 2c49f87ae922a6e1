"""Two runs on the same pictures."""

from __future__ import annotations

import pytest

from transferui.evaluation.compare import compare_answers, holm, rank_runs, same_classes, same_photos


def test_a_golden_value_of_mcnemar() -> None:
    # 2 pictures only A has right, 10 only B: 2 * (1 + 12 + 66) / 2**12.
    found = compare_answers([True] * 52 + [False] * 10, [False] * 2 + [True] * 60)
    assert found.p_value == pytest.approx(158 / 4096)
    assert found.difference == pytest.approx(8 / 62)
    assert 0 < found.low < found.difference < found.high
    assert found.verdict == "b_better"


def test_the_other_way_round() -> None:
    found = compare_answers([True] * 30, [False] * 12 + [True] * 18)
    assert found.verdict == "a_better"
    assert found.high < 0


def test_a_few_pictures_are_no_difference() -> None:
    assert compare_answers([True, False, True], [True, True, True]).verdict == "no_clear_difference"
    same = compare_answers([True, False], [True, False])
    assert (same.p_value, same.low, same.high) == (1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="same pictures"):
        compare_answers([True], [])


def test_only_pictures_that_both_have_answered_count() -> None:
    a = {"dataset_fingerprint": "x", "val_items": [{"sample": i, "true": 0, "predicted": 1} for i in range(20)]}
    b = {"dataset_fingerprint": "x", "val_items": [{"sample": i, "true": 0, "predicted": 0} for i in range(5, 30)]}
    found = rank_runs([a, b])
    assert found is not None and (found.n, found.best) == (15, 1)
    assert [(i, c.n, c.difference, c.verdict) for i, c in found.against] == [(0, 15, 1.0, "b_better")]
    assert rank_runs([a, b | {"dataset_fingerprint": "y"}]) is None
    assert rank_runs([a, b | {"val_items": []}]) is None


def results(right, photos="x", first=0):
    items = [{"sample": first + i, "true": 0, "predicted": 0 if hit else 1} for i, hit in enumerate(right)]
    return {"dataset_fingerprint": photos, "val_items": items}


def test_holm_multiplies_the_smallest_most_and_never_falls() -> None:
    # The worked example of Holm's paper in its usual form: 0.01 * 4, 0.02 * 3 and twice what came before.
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_several_runs_are_held_against_the_best_of_them() -> None:
    weak, good, best = [True] * 40 + [False] * 60, [True] * 88 + [False] * 12, [True] * 90 + [False] * 10
    found = rank_runs([results(weak), results(good), results(best)])
    assert found is not None
    assert (found.n, found.best, found.accuracies) == (100, 2, (0.4, 0.88, 0.9))
    assert [(i, c.verdict) for i, c in found.against] == [(0, "b_better"), (1, "no_clear_difference")]


def test_a_difference_that_two_runs_would_show_may_be_luck_among_many() -> None:
    a, b = [True] * 52 + [False] * 10, [False] * 2 + [True] * 60
    two, many = rank_runs([results(a), results(b)]), rank_runs([results(a), results(b), *[results(a)] * 3])
    assert two is not None
    assert two.against[0][1].verdict == "b_better"
    assert many is not None
    assert {c.verdict for _, c in many.against} == {"no_clear_difference"}


def test_only_runs_on_the_same_photos_are_ranked() -> None:
    three = [results([True]), results([True], "y"), results([False])]
    assert rank_runs(three) is None
    assert same_photos(three) == [[0, 2], [1]]
    assert rank_runs([results([True] * 5), results([True] * 5, first=5)]) is None


def by_content(photos, classes=("ants", "bees"), wrong=(), fingerprint="x"):
    """Results of a run that was checked with these photos of the first class, as newer runs keep them."""
    items = [
        {"sample": n, "photo": f"{photo:04x}", "true": 0, "predicted": int(photo in wrong)} for n, photo in enumerate(photos)
    ]
    return {"dataset_fingerprint": fingerprint, "classes": list(classes), "val_items": items}


def test_sets_that_differ_in_one_photo_are_compared_on_the_photos_that_both_runs_were_checked_with() -> None:
    before, after = by_content(range(30), wrong=range(12)), by_content(range(1, 31), fingerprint="y")
    ranked = rank_runs([before, after])
    assert ranked is not None and (ranked.n, ranked.best, ranked.against[0][1].better) == (29, 1, 11)
    assert same_photos([before, after]) == [[0, 1]]


def test_too_few_photos_in_common_or_other_classes_are_not_compared() -> None:
    one = by_content(range(30))
    assert rank_runs([one, by_content(range(16, 46))]) is None
    assert rank_runs([one, by_content(range(9))]) is None
    assert rank_runs([one, by_content(range(30), classes=("ants", "wasps"))]) is None
    few = by_content(range(4))
    ranked = rank_runs([few, few])
    assert ranked is not None and ranked.n == 4


def test_photos_that_the_other_run_has_learned_from_do_not_count() -> None:
    one, other = by_content(range(30)), by_content(range(30), wrong=range(3))
    ranked = rank_runs([one, other], [{"0000", "0001"}, {"0004", "beef"}])
    assert ranked is not None and (ranked.n, ranked.left_out) == (27, 3)
    assert same_photos([one, other], [set(), {f"{n:04x}" for n in range(20)}]) == [[0], [1]]


def test_the_same_photos_in_another_order_are_paired_by_what_they_show() -> None:
    right = [True] * 10 + [False] * 30
    one = results(right)
    for item in one["val_items"]:
        item["photo"] = f"{item['sample']:04x}"
    moved = [{**item, "sample": 39 - item["sample"]} for item in reversed(one["val_items"])]
    ranked = rank_runs([one, {**one, "val_items": moved}])
    assert ranked is not None
    assert ranked.n == 40
    assert all((c.better, c.worse) == (0, 0) for _, c in ranked.against)


def test_a_lucky_series_is_no_proof_but_many_small_ones_are() -> None:
    right_a, right_b = [False] * 20 + [True] * 20, [True] * 40
    assert compare_answers(right_a, right_b).verdict == "b_better"
    one_film = compare_answers(right_a, right_b, [0] * 20 + list(range(1, 21)))
    assert (one_film.units, one_film.p_value, one_film.verdict) == (21, 1.0, "no_clear_difference")
    pairs = compare_answers(right_a, right_b, [n // 2 for n in range(40)])
    assert pairs.p_value == pytest.approx(2 / 2**10)
    assert pairs.verdict == "b_better"


def test_flipping_photos_that_stand_alone_is_mcnemars_test() -> None:
    right_a, right_b = [True] * 52 + [False] * 10, [False] * 2 + [True] * 60
    alone = compare_answers(right_a, right_b)
    with_one_pair_of_copies = compare_answers([*right_a, True], [*right_b, True], [*range(62), 61])
    assert with_one_pair_of_copies.p_value == pytest.approx(alone.p_value, rel=0.01)


def test_runs_know_which_of_their_photos_belong_together() -> None:
    weak, best = results([False] * 12 + [True] * 20), results([True] * 32)
    for values in (weak, best):
        for item in values["val_items"][:12]:
            item["group"] = 3
    ranked = rank_runs([weak, best])
    assert ranked is not None
    assert (ranked.against[0][1].units, ranked.against[0][1].verdict) == (21, "no_clear_difference")


def of_two(classes, photos=range(30), *, swapped=False, moved=(), fingerprint="y"):
    """Results with the even photos in one class and the odd ones in the other, all answered right."""
    labels = {photo: (photo + swapped + (photo in moved)) % 2 for photo in photos}
    items = [{"sample": n, "photo": f"{photo:04x}", "true": t, "predicted": t} for n, (photo, t) in enumerate(labels.items())]
    return {"dataset_fingerprint": fingerprint, "classes": list(classes), "val_items": items}


@pytest.mark.parametrize(
    ("classes", "swapped", "found"),
    [
        (("Ameisen", "bees"), False, {0: 0, 1: 1}),
        (("Bienen", "Ameisen"), True, {0: 1, 1: 0}),  # another order by the alphabet
        (("bees", "ants"), True, {0: 1, 1: 0}),
        (("bees", "ants"), False, {0: 0, 1: 1}),  # the names were mistaken for each other, then put right
    ],
)
def test_classes_with_other_names_are_known_by_their_photos(classes, swapped, found):
    one, other = of_two(("ants", "bees")), of_two(classes, swapped=swapped, fingerprint="x")
    assert same_classes(one, other) == found
    ranked = rank_runs([one, other])
    assert ranked is not None and ranked.n == 30


def test_photos_that_are_sorted_otherwise_or_not_shown_make_other_classes():
    one = of_two(("ants", "bees"))
    assert same_classes(one, of_two(("Ameisen", "Bienen"), moved=[4])) is None
    assert same_classes(one, of_two(("Ameisen", "Bienen"), photos=range(0, 60, 2))) is None  # no bee in common
    assert same_classes(one, of_two(("ants", "bees", "wasps"))) is None
    assert same_photos([one, of_two(("Ameisen", "Bienen"), moved=range(9))]) == [[0], [1]]


def test_a_class_without_photos_in_common_is_known_by_its_name():
    assert same_classes(of_two(("ants", "bees")), of_two(("Ameisen", "bees"), photos=range(0, 60, 2))) == {0: 0, 1: 1}


def test_a_photo_that_was_moved_to_another_class_does_not_count():
    ranked = rank_runs([of_two(("ants", "bees")), of_two(("ants", "bees"), moved=[4])])
    assert ranked is not None and ranked.n == 29
