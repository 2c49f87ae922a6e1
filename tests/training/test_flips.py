"""What chance alone would do, by flipping signs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, permutation_test

from transferui.training.flips import by_chance


@given(up=st.integers(0, 13), down=st.integers(0, 13))
def test_of_gains_of_one_it_is_the_sign_test(up, down):
    found = by_chance(np.array([[1] * up + [-1] * down + [0] * 5]))
    wanted = binom.sf(up - 1, up + down, 0.5) if up + down else 1.0
    assert found == pytest.approx(wanted, abs=1e-9 if up + down <= 13 else 0.02)


def test_of_one_question_it_is_scipys_test_by_permutation():
    gains = np.random.default_rng(1).normal(0.4, size=12)
    wanted = permutation_test((gains,), np.sum, permutation_type="samples", alternative="greater", n_resamples=np.inf)
    assert by_chance(gains[None]) == pytest.approx(wanted.pvalue)


def test_asking_the_same_again_costs_nothing_and_asking_something_else_does():
    random = np.random.default_rng(2)
    gains = random.normal(0.3, size=(1, 40))
    alone = by_chance(gains)[0]
    assert by_chance(np.repeat(gains, 5, axis=0)) == pytest.approx([alone] * 5)
    assert by_chance(np.concatenate([gains, random.normal(size=(4, 40))]))[0] > 1.5 * alone


def test_pure_chance_is_found_to_be_more_about_as_often_as_asked_for():
    random, hits = np.random.default_rng(3), 0
    for _ in range(200):
        common = random.normal(size=30)
        gains = np.stack([common + 0.3 * random.normal(size=30) for _ in range(4)] + [np.sign(common)])
        hits += by_chance(gains).min() < 0.05
    assert 2 <= hits <= 20


def test_nothing_that_changed_is_no_gain():
    assert by_chance(np.zeros((3, 5))).tolist() == [1, 1, 1]
    assert by_chance(np.array([[0, 0, 0], [1, 1, 1]]))[0] == 1


def test_size_does_not_matter_and_one_large_gain_is_no_proof():
    gains = np.random.default_rng(4).normal(0.4, size=20)
    assert by_chance(1e-6 * gains[None]) == pytest.approx(by_chance(gains[None]))
    assert by_chance(np.array([[100.0] + [0.0] * 30])) == 0.5
