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
