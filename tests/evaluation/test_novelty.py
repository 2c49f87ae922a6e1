from types import SimpleNamespace

import pytest
import torch

from transferui.evaluation import novelty
from transferui.evaluation.novelty import Novelty, fit_novelty, gaps, thresholds
from transferui.training.state import Kept

WIDTH = 60


def draw(n, label, seed, strange=0.0):
    """Features around a mean of their class; strange ones lie in directions that no class uses."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, WIDTH, generator=g) * 0.3
    x[:, label] += 5
    x[:, -10:] += strange * torch.randn(n, 10, generator=g)
    return x


def run_of(n=100, n_val=100):
    """As much of a run as novelty reads: features, labels, logits."""
    labels = [0] * n + [1] * n + [0] * n_val + [1] * n_val
    train, val = torch.cat([draw(n, 0, 0), draw(n, 1, 1)]), torch.cat([draw(n_val, 0, 2), draw(n_val, 1, 3)])
    return SimpleNamespace(
        kept=Kept(train, val, tuple(range(2 * n))),
        val_logits=val[:, :2],
        dataset=SimpleNamespace(
            samples=[SimpleNamespace(label=label, sha256=str(i)) for i, label in enumerate(labels)], class_names=("a", "b")
        ),
        split=SimpleNamespace(train=tuple(range(2 * n)), val=tuple(range(2 * n, 2 * n + 2 * n_val))),
    )


def test_strangers_are_unknown_and_right_answers_are_kept():
    found = fit_novelty(run_of())
    fresh = torch.cat([draw(300, 0, 4), draw(300, 1, 5)])
    kept = sum(v == "sure" for v in found.verdict(fresh, fresh[:, :2])) / len(fresh)
    assert 0.9 <= kept <= 0.99
    strange = draw(200, 0, 6, strange=3.0)
    assert found.verdict(strange, strange[:, :2]).count("unknown") >= 190


def test_photos_that_were_learned_from_set_no_threshold():
    run = run_of()
    for i in run.split.val:
        run.dataset.samples[i].sha256 = "0"
    assert fit_novelty(run) is None


def test_a_tie_between_two_classes_is_not_sure():
    found = fit_novelty(run_of())
    near = draw(1, 0, 7)
    assert found.verdict(near, torch.tensor([[1.0, 1.0]])) == ["not_sure"]


@pytest.mark.parametrize("n", [19, 20, 59, 200, 1000])
def test_thresholds_keep_at_least_95_percent_of_new_right_answers(n):
    g = torch.Generator().manual_seed(n)
    kept = []
    for _ in range(200):
        d, c = torch.rand(n + 50, generator=g), torch.rand(n + 50, generator=g)
        far, unclear = thresholds(d[:n], c[:n])
        kept.append(((d[n:] <= far) & (c[n:] >= unclear)).float().mean().item())
    assert sum(kept) / len(kept) >= 0.945


def test_few_right_answers_leave_room_beyond_the_farthest():
    far, unclear = thresholds(torch.tensor([1.0, 2.0]), torch.tensor([0.1, 3.0]))
    assert far == 2.0 * novelty.SLACK and unclear == 0.0


def test_nothing_is_known_without_a_right_answer_or_without_features():
    run = run_of(10, 10)
    run.val_logits = run.val_logits.flip(1)
    assert fit_novelty(run) is None
    run.kept = None
    assert fit_novelty(run) is None


def test_it_comes_back_from_its_tensors_and_no_wrong_one_gets_in():
    found = fit_novelty(run_of())
    x = draw(5, 0, 8)
    again = Novelty.from_tensors(found.tensors(), 2, WIDTH)
    assert torch.equal(again.distance(x), found.distance(x))
    for change in (
        {"extra": torch.zeros(1)},
        {"means": found.means[:1]},
        {"means": found.means.half()},
        {"axes": found.axes[:, :3]},
        {"far": torch.tensor(float("nan"))},
        {"rest": torch.tensor(0.0)},
        {"variances": -found.variances},
    ):
        with pytest.raises(ValueError):
            Novelty.from_tensors({**found.tensors(), **change}, 2, WIDTH)
    with pytest.raises(ValueError):
        Novelty.from_tensors({k: v for k, v in found.tensors().items() if k != "far"}, 2, WIDTH)


def test_no_single_photo_is_in_what_travels():
    run = run_of()
    found = fit_novelty(run)
    unit = torch.nn.functional.normalize(run.kept.train, dim=1)
    rows = torch.cat([found.means, found.axes.T.float()])
    assert (torch.nn.functional.normalize(rows, dim=1) @ unit.T).max() < 0.9995
    assert found.axes.shape[1] <= novelty.DIRECTIONS


def test_a_gap_is_between_the_two_best_logits():
    assert gaps(torch.tensor([[1.0, 4.0, 3.0]])).tolist() == [1.0]
