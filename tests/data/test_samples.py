import socket

import pytest

from transferui.data.samples import open_sample_set, sample_sets
from transferui.errors import UserError

OFFLINE = [one for one in sample_sets() if not one.online]
ONLINE = [one for one in sample_sets() if one.online]


def test_at_least_three_drawn_sets_and_the_digits_come_with_the_app():
    assert len(OFFLINE) >= 4 and "digits" in {one.key for one in OFFLINE}
    assert all(len(one.previews) == 4 and all(p.is_file() for p in one.previews) and one.source for one in OFFLINE)


@pytest.mark.parametrize("one", OFFLINE, ids=lambda one: one.key)
def test_a_set_holds_what_it_says(one, data_dir):
    dataset = open_sample_set(one.key, data_dir)
    assert dataset.class_names == one.class_names and len(dataset.samples) == one.n_images and len(dataset.class_names) >= 4
    assert min(dataset.counts.values()) >= 40 and not dataset.skipped
    dataset.require_trainable()


@pytest.mark.parametrize("one", ONLINE, ids=lambda one: one.key)
def test_an_online_set_without_internet_is_one_sentence(one, data_dir, monkeypatch):
    def unplugged(*_):
        raise socket.gaierror("Temporary failure in name resolution")

    monkeypatch.setattr(socket, "create_connection", unplugged)
    with pytest.raises(UserError, match="internet cannot be reached") as caught:
        open_sample_set(one.key, data_dir)
    assert (
        caught.value.code == "NO_NETWORK"
        and "come with the app" in caught.value.hint
        and not list((data_dir / "downloads").rglob("*.*"))
    )


def test_an_unknown_set_is_answered_with_those_there_are(data_dir):
    with pytest.raises(UserError, match="signs"):
        open_sample_set("../x", data_dir)
