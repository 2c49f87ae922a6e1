"""Fine-tuning is kept only where it helps by more than chance."""

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
    points = torch.randn(60, 1, 4, generator=torch.Generator().manual_seed(0))
    points[:, 0, 0] += 2.0 * (labels * 2 - 1)
    model = Classifier(torch.nn.Sequential(torch.nn.Sequential(torch.nn.Identity())), 4, 2)
    model.freeze(["0"])
    rows = Rows(points, labels)
    return Phase("finetune", model, 0, rows, rows, TrainConfig(), PLAIN, torch.device("cpu"), 1, 0, lambda *_: None)


def turn(phase, slope, noise=0.0):
    """A head that goes by what tells the classes apart, and by something that does not."""
    with torch.no_grad():
        phase.model.head.linear.weight.copy_(torch.tensor([[-slope, -noise, 0, 0], [slope, noise, 0, 0.0]]))


def alone(n, gain, error, better, worse, share=1.0):
    """What was found on n photos that have nothing to do with each other."""
    return Choice(share, torch.zeros(n, 2), gain, error, better, worse, n, better, worse)


def test_a_clear_gain_is_kept_and_told(phase):
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 1.0)
    choice = choose(phase, probe, logits, range(60))
    assert choice.share == 1 and choice.gain > 2 * choice.error and "by more than chance" in choice.words
    assert torch.allclose(validate(phase)[0], choice.logits)


def test_a_loss_gives_the_frozen_blocks_back_bit_by_bit(phase):
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, -1.0)
    choice = choose(phase, probe, logits, range(60))
    assert choice.share == 0 and "did not lower" in choice.words
    assert all(torch.equal(value, probe[name]) for name, value in snapshot(phase).items())


def test_a_gain_that_chance_explains_is_not_kept(phase):
    turn(phase, 0.5)
    probe, logits = snapshot(phase), validate(phase)[0]
    with torch.no_grad():
        phase.model.head.linear.weight[1, 3] += 0.02
    assert choose(phase, probe, logits, range(60)).share == 0


def test_too_far_a_step_is_taken_only_part_of_the_way(phase):
    turn(phase, 0.5, noise=1.0)
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 0.5, noise=-1.5)
    choice = choose(phase, probe, logits, range(60))
    assert choice.share in SHARES and "of the way" in choice.words
    assert float(losses(phase, choice.logits).mean()) < float(losses(phase, logits).mean())


def test_being_louder_is_neither_gain_nor_harm(phase):
    turn(phase, 1.0)
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 3.0)
    choice = choose(phase, probe, logits, range(60))
    assert choice.share == 0 and abs(choice.gain) < 0.01


def test_fewer_right_answers_are_never_kept():
    assert alone(100, gain=0.2, error=0.01, better=5, worse=5).sure
    assert not alone(100, gain=0.2, error=0.01, better=4, worse=5).sure


def test_clearly_more_right_answers_count_even_where_the_loss_says_nothing():
    assert alone(100, gain=-0.01, error=0.02, better=9, worse=1).sure
    assert not alone(100, gain=-0.01, error=0.02, better=3, worse=1).sure
    assert not alone(100, gain=-0.10, error=0.02, better=9, worse=1).sure


def test_numbers_out_of_bounds_are_never_kept(phase):
    turn(phase, 0.5)
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, float("nan"))
    assert choose(phase, probe, logits, range(60)).share == 0
    assert all(torch.equal(value, probe[name]) for name, value in snapshot(phase).items())


def test_four_places_are_four_chances_to_be_lucky():
    assert not alone(200, gain=0.2, error=0.1, better=3, worse=1).sure  # two errors: one of 40 for a single place
    assert alone(200, gain=0.25, error=0.1, better=3, worse=1).sure


def test_frames_of_few_scenes_are_no_proof(phase):
    probe, logits = snapshot(phase), validate(phase)[0]
    turn(phase, 1.0)
    pairs = choose(phase, probe, logits, [i // 2 for i in range(60)])
    assert (pairs.share, pairs.units) == (1, 30)
    scenes = choose(phase, probe, logits, [i % 2 for i in range(60)])
    assert (scenes.share, scenes.units) == (0, 2) and "are 2 series" in scenes.words


def test_a_lower_loss_with_fewer_right_answers_is_told_as_that():
    words = alone(100, gain=0.2, error=0.01, better=5, worse=6, share=0.0).words
    assert "fewer photos right" in words and "more than chance" not in words
