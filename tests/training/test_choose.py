"""Fine-tuning is kept only where it helps by more than chance."""

from dataclasses import replace

import pytest
import torch

from transferui.config import TrainConfig
from transferui.data.preprocessing import Preprocessing
from transferui.training.choose import SHARES, Choice, choose, snapshot
from transferui.training.model import Classifier
from transferui.training.phase import Phase, Rows, losses, validate

PLAIN = Preprocessing(8, 8, "bilinear", (0.5,) * 3, (0.5,) * 3)


@pytest.fixture
def phase():
    """A network of one stage that lets 60 points in two classes through, and a head that knows nothing yet."""
    labels = torch.arange(60) % 2
    points = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    points[:, 0] += 2.0 * (labels * 2 - 1)
    model = Classifier(torch.nn.Sequential(torch.nn.Sequential(torch.nn.Identity())), 4, 2)
    model.freeze(["0"])
    rows = Rows(points, labels)
    return Phase("finetune", model, 0, rows, rows, TrainConfig(), PLAIN, torch.device("cpu"), 1, 0, lambda *_: None)


def turn(phase, slope, noise=0.0):
    """A head that goes by what tells the classes apart, and by something that does not."""
    with torch.no_grad():
        phase.model.head.linear.weight.copy_(torch.tensor([[-slope, -noise, 0, 0], [slope, noise, 0, 0.0]]))


def found(gain, better, worse, loss=1.0, right=1.0, share=1.0):
    """What was found on 100 photos, with an error of 0.02, and how likely chance alone is in loss and in right answers."""
    return Choice(share, torch.zeros(100, 2), gain, 0.02, better, worse, 100, loss, right)


def test_a_clear_gain_is_kept_and_told(phase):
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 1.0)
    choice = choose(phase, probe, logits, validate(phase)[0])
    assert choice.share == 1 and choice.gain > 2 * choice.error and "by more than chance" in choice.words
    assert torch.allclose(validate(phase)[0], choice.logits)


def test_a_loss_gives_the_frozen_blocks_back_bit_by_bit(phase):
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, -1.0)
    choice = choose(phase, probe, logits, validate(phase)[0])
    assert choice.share == 0 and "did not lower" in choice.words
    assert all(torch.equal(value, probe[name]) for name, value in snapshot(phase).items())


def test_a_gain_that_chance_explains_is_not_kept(phase):
    turn(phase, 0.5)
    probe, logits = snapshot(phase), validate(phase)[0]
    with torch.no_grad():
        phase.model.head.linear.weight[1, 3] += 0.02
    assert choose(phase, probe, logits, validate(phase)[0]).share == 0


def test_too_far_a_step_is_taken_only_part_of_the_way(phase):
    turn(phase, 0.5, noise=1.0)
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 0.5, noise=-1.5)
    choice = choose(phase, probe, logits, validate(phase)[0])
    assert choice.share in SHARES and "of the way" in choice.words
    assert float(losses(phase, choice.logits).mean()) < float(losses(phase, logits).mean())


def test_being_louder_is_neither_gain_nor_harm(phase):
    turn(phase, 1.0)
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 3.0)
    choice = choose(phase, probe, logits, validate(phase)[0])
    assert choice.share == 0 and abs(choice.gain) < 0.01


def test_fewer_right_answers_are_never_kept():
    assert found(0.2, better=5, worse=5, loss=0.01).sure
    assert not found(0.2, better=4, worse=5, loss=0.01).sure


def test_clearly_more_right_answers_count_even_where_the_loss_says_nothing():
    assert found(-0.01, better=9, worse=1, right=0.01).sure
    assert not found(-0.01, better=3, worse=1, right=0.3).sure
    assert not found(-0.10, better=9, worse=1, right=0.01).sure


def test_numbers_out_of_bounds_are_never_kept(phase):
    turn(phase, 0.5)
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, float("nan"))
    assert choose(phase, probe, logits, validate(phase)[0]).share == 0
    assert all(torch.equal(value, probe[name]) for name, value in snapshot(phase).items())


def test_four_places_and_two_questions_share_one_chance(phase):
    turn(phase, 0.5)
    probe, logits = snapshot(phase), validate(phase)[0]
    kept = 0
    for seed in range(100):
        with torch.no_grad():
            phase.model.head.linear.weight.copy_(probe["1.linear.weight"])
            phase.model.head.linear.weight[1, 1:] += 0.05 * torch.randn(3, generator=torch.Generator().manual_seed(seed))
        kept += choose(phase, probe, logits, validate(phase)[0]).share > 0
    assert kept <= 10  # of a hundred changes that have nothing to do with the classes


def test_frames_of_few_scenes_are_no_proof(phase):
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 1.0)
    tuned = validate(phase)[0]
    pairs = choose(replace(phase, units=tuple(i // 2 for i in range(60))), probe, logits, tuned)
    assert (pairs.share, pairs.units) == (1, 30)
    scenes = choose(replace(phase, units=tuple(i % 2 for i in range(60))), probe, logits, tuned)
    assert (scenes.share, scenes.units) == (0, 2) and "photos of a series counted together" in scenes.words


def test_a_lower_loss_with_fewer_right_answers_is_told_as_that():
    words = found(0.2, better=5, worse=6, loss=0.01, share=0.0).words
    assert "fewer photos right" in words and "more than chance" not in words
