import os
import shutil

import torch

from transferui.training.cache import FeatureCache, cache_key, empty_rows


def test_the_cache_forgets_the_least_recently_used_and_survives_damage(tmp_path):
    kept = FeatureCache(tmp_path, budget=10_000)
    rows = torch.ones(10, 100)
    names = [str(i) for i in range(10)]
    for key in ("a", "b", "c"):
        assert kept.save(key, names, rows)
    assert kept.size() <= 10_000 and not kept.load("a", names) and len(kept.load("c", names)) == 10
    for shard in tmp_path.glob("c/*.safetensors"):
        shard.write_bytes(shard.read_bytes()[:50])
    assert kept.load("c", names) == {}
    assert not kept.save("d", names, torch.ones(10, 10_000))
    kept.clear()
    assert kept.size() == 0


def test_rows_that_do_not_fit_in_memory_lie_in_a_file_that_nobody_sees(tmp_path):
    rows = empty_rows((100, 50), torch.float32, budget=10, folder=tmp_path)
    rows.fill_(2.0)
    assert float(rows.sum()) == 10_000 and not list(tmp_path.iterdir())
    assert cache_key("a", "b") != cache_key("ab")


def test_what_another_process_renames_or_drops_meanwhile_is_no_error(tmp_path, monkeypatch):
    """Two runs write at once: a file that was listed may be gone when it is looked at."""
    kept, rows = FeatureCache(tmp_path), torch.ones(2, 3)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".1-x.tmp").symlink_to(tmp_path / "gone")  # listed, but not there
    assert kept.save("a", ["1", "2"], rows) and len(kept.load("a", ["1", "2"])) == 2
    monkeypatch.setattr(os, "utime", lambda path: shutil.rmtree(tmp_path / "nowhere"))
    assert len(kept.load("a", ["1"])) == 1


def test_a_folder_that_cannot_be_made_costs_the_memory_only(tmp_path):
    (tmp_path / "a").write_text("not a folder")
    assert not FeatureCache(tmp_path).save("a", ["1"], torch.ones(1, 3))


def test_a_shard_that_a_killed_process_left_is_swept(tmp_path):
    kept = FeatureCache(tmp_path)
    kept.save("a", ["1"], torch.ones(1, 3))
    old, new = tmp_path / "a" / ".1-old.tmp", tmp_path / "a" / ".1-new.tmp"
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (1.0, 1.0))
    kept.save("a", ["2"], torch.ones(1, 3))
    assert not old.exists() and new.exists()


def test_a_budget_of_nothing_forgets_what_there_was(tmp_path):
    assert FeatureCache(tmp_path).save("a", ["1"], torch.ones(1, 3))
    kept = FeatureCache(tmp_path, budget=0)
    assert not kept.save("b", ["1"], torch.ones(1, 3)) and kept.size() == 0
