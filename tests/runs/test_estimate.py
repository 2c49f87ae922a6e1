import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transferui.backbones.catalogue import CATALOGUE
from transferui.config import TrainConfig
from transferui.runs.estimate import Pace, corrected, estimate, read_pace, reference, write_pace
from transferui.training import choose, mirror


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_stage_of_every_network_has_a_pace(name):
    assert len(reference()[name]) == len(CATALOGUE[name].stages)
    assert all(look >= 0 and learn > 0 for look, learn in reference()[name])


def test_the_estimate_counts_the_checks_that_training_makes():
    from transferui.runs import estimate

    assert estimate.ASKED == mirror.ASKED and len(choose.SHARES) + 1 == estimate.CHECKS


def test_more_work_is_estimated_to_take_longer():
    few, many = (estimate(TrainConfig(), n, Pace()).total for n in (100, 1000))
    frozen, last, all_of_it = (estimate(TrainConfig(trainable=t), 400, Pace()).total for t in ("none", "last", "all"))
    assert few < many and frozen < last < all_of_it
    assert estimate(TrainConfig(), 400, Pace(), cached=1.0).total < estimate(TrainConfig(), 400, Pace()).total / 2
    assert estimate(TrainConfig(), 400, Pace(look=3)).total > estimate(TrainConfig(), 400, Pace()).total


def test_a_run_that_took_longer_makes_the_next_estimate_longer(tmp_path):
    config, pace = TrainConfig(), Pace()
    expected = estimate(config, 400, pace)
    slower = corrected(pace, config, 400, {"prefix": 3 * expected.look, "decode": 3 * expected.decode}, computed=400)
    write_pace(tmp_path, slower)
    assert read_pace(tmp_path) == slower and slower.look == pytest.approx(2) and slower.decode_ms == pytest.approx(6)
    assert corrected(pace, config, 400, {"prefix": 0.0, "decode": 0.0}, computed=0) == pace


@example({"cores": 1e305, "look": 1.0, "learn": 1.0, "decode_ms": 1.0})
@example({"cores": 2.0, "look": 1e308, "learn": 1.0, "decode_ms": 1.0})
@given(
    st.one_of(
        st.text(),
        st.dictionaries(st.sampled_from(["cores", "look", "learn", "decode_ms"]), st.one_of(st.floats(), st.text(max_size=3))),
    )
)
def test_a_damaged_pace_file_is_no_pace(tmp_path_factory, content):
    import json

    folder = tmp_path_factory.mktemp("pace")
    (folder / "pace.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    pace = read_pace(folder)
    assert pace is None or math.isfinite(estimate(TrainConfig(), 100, pace).total)


def test_the_pace_of_this_machine_can_be_measured(data_dir):
    from transferui.runs.pace import ensure_pace

    pace = ensure_pace(data_dir)
    assert pace.cores >= 1 and 0.01 < pace.look < 100 and 0.01 < pace.learn < 100
    assert ensure_pace(data_dir) == pace
