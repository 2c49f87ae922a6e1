import contextlib
import hashlib
import http.server
import io
import multiprocessing
import threading
import time
from dataclasses import replace

import pytest
import torch

from tests.backbones.test_efficientnet_lite import GOWN, MORTARBOARD, UNIFORM, grace_hopper
from transferui.backbones import weights
from transferui.backbones.catalogue import get_backbone
from transferui.backbones.efficientnet_lite import efficientnet_lite0
from transferui.backbones.stages import build_backbone
from transferui.errors import UserError

CONTENT = bytes(range(256)) * 6000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; the class attribute `mode` says how it goes wrong."""

    mode, log = "good", []

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.log.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.mode != "no range" else 0
        body = CONTENT[start:] if self.mode != "wrong" else bytes(len(CONTENT))
        if self.mode == "stall":
            time.sleep(3)
        if self.mode == "garbage":
            self.wfile.write(b"WELCOME TO THE HOTEL, PLEASE LOG IN\r\n\r\n")
            return
        self.send_response(404 if self.mode == "missing" else 206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        if self.mode == "trickle":
            with contextlib.suppress(OSError):
                for n in range(100):
                    self.wfile.write(body[n : n + 1])
                    time.sleep(0.05)
        self.wfile.write(body[:half] if self.mode == "cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def source(monkeypatch, data_dir):
    """A backbone whose weights come from a server on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()  # asks so often whether to end
    monkeypatch.setenv("TRANSFERUI_WEIGHTS_MIRROR", f"http://127.0.0.1:{server.server_port}/mirror")
    Handler.mode, Handler.log = "good", []
    yield replace(get_backbone("resnet18"), file_name=f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth")
    server.shutdown()


def test_a_download_is_checked_reported_and_kept(source, data_dir):
    rows = []
    path = weights.download(source, data_dir / "weights", report=rows.append)
    assert path.read_bytes() == CONTENT and rows and rows[0]["total"] == len(CONTENT)
    assert [p.name for p in path.parent.iterdir()] == [source.file_name]


def test_a_cut_connection_is_said_and_continued_next_time(source, data_dir):
    Handler.mode = "cut"
    with pytest.raises(UserError, match="EfficientNet-Lite0") as caught:
        weights.download(source, data_dir / "weights")
    assert caught.value.code == "NO_NETWORK" and not (data_dir / "weights" / source.file_name).exists()
    Handler.mode = "good"
    assert weights.download(source, data_dir / "weights").read_bytes() == CONTENT
    assert Handler.log[-1] == f"bytes={len(CONTENT) // 2}-"


def test_a_server_without_ranges_starts_over(source, data_dir):
    (data_dir / "weights").mkdir()
    (data_dir / "weights" / source.file_name).with_suffix(".partial").write_bytes(b"old")
    Handler.mode = "no range"
    assert weights.download(source, data_dir / "weights").read_bytes() == CONTENT


def test_wrong_bytes_are_never_kept(source, data_dir):
    Handler.mode = "wrong"
    with pytest.raises(UserError) as caught:
        weights.download(source, data_dir / "weights")
    assert caught.value.code == "WEIGHTS_BROKEN" and not list((data_dir / "weights").iterdir())


@pytest.mark.parametrize("mode", ["stall", "missing", "garbage"])
def test_a_server_that_does_not_serve_is_given_up(source, data_dir, monkeypatch, mode):
    monkeypatch.setattr(weights, "TIMEOUT_S", 0.3)
    Handler.mode = mode
    with pytest.raises(UserError) as caught:
        weights.download(source, data_dir / "weights")
    assert caught.value.code == "NO_NETWORK"


def test_no_network_is_one_sentence_that_names_what_is_ready(source, data_dir, monkeypatch):
    monkeypatch.setenv("TRANSFERUI_WEIGHTS_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"ResNet-18 is not on this machine.*Ready on this machine: EfficientNet-Lite0"):
        weights.load_state(source, data_dir)


def test_stop_ends_a_download(source, data_dir):
    with pytest.raises(weights.StoppedDownloadError):
        weights.download(source, data_dir / "weights", should_stop=lambda: True)


@pytest.mark.parametrize("mode", ["stall", "trickle"])
def test_stop_is_heard_within_a_second_while_the_server_says_little_or_nothing(source, data_dir, mode):
    Handler.mode = mode
    begun = time.monotonic()
    with pytest.raises(weights.StoppedDownloadError):
        weights.download(source, data_dir / "weights", should_stop=lambda: time.monotonic() - begun > 0.3)
    assert time.monotonic() - begun < 1.3
    assert not (data_dir / "weights" / source.file_name).exists()


@pytest.mark.parametrize("mirror", ["no address", "ftp//x", "http://[broken"])
def test_a_mirror_that_is_no_address_is_a_sentence(source, data_dir, monkeypatch, mirror):
    monkeypatch.setenv("TRANSFERUI_WEIGHTS_MIRROR", mirror)
    with pytest.raises(UserError, match="could not be downloaded"):
        weights.download(source, data_dir / "weights")


def test_a_half_written_file_is_never_taken_for_the_whole(source, data_dir, monkeypatch):
    monkeypatch.setenv("TRANSFERUI_WEIGHTS_MIRROR", "http://127.0.0.1:9")
    (data_dir / "weights").mkdir()
    (data_dir / "weights" / source.file_name).with_suffix(".partial").write_bytes(CONTENT)
    with pytest.raises(UserError) as caught:
        weights.load_state(source, data_dir)
    assert caught.value.code == "NO_NETWORK"


def test_a_downloaded_state_builds_the_network_it_came_from(source, data_dir, monkeypatch):
    import torchvision

    state, buffer = torchvision.models.squeezenet1_1(weights=None).state_dict(), io.BytesIO()
    torch.save(state, buffer)
    monkeypatch.setattr("tests.backbones.test_weights.CONTENT", buffer.getvalue())
    named = replace(get_backbone("squeezenet1_1"), file_name=f"x-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth")
    loaded = weights.load_state(named, data_dir)
    assert loaded.keys() == state.keys() and all(torch.equal(loaded[k], state[k]) for k in state)


def test_a_file_without_a_state_in_it_is_named(tmp_path, data_dir, monkeypatch):
    b = get_backbone("resnet18")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(torch.ones(3), tmp_path / "hub" / "checkpoints" / b.file_name)
    with pytest.raises(UserError, match="damaged"):
        weights.load_state(b, data_dir)


def _download(source, folder, done):
    done.put(weights.download(source, folder).read_bytes() == CONTENT)


def test_two_processes_download_once(source, data_dir):
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    jobs = [context.Process(target=_download, args=(source, data_dir / "weights", done)) for _ in range(2)]
    for job in jobs:
        job.start()
    assert done.get(timeout=20) and done.get(timeout=20)
    assert len(Handler.log) == 1


def test_a_damaged_file_in_our_folder_is_fetched_again(monkeypatch, data_dir, source):
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(3)}, buffer)
    monkeypatch.setattr("tests.backbones.test_weights.CONTENT", buffer.getvalue())
    named = replace(source, file_name=f"net-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth")
    (data_dir / "weights").mkdir()
    (data_dir / "weights" / named.file_name).write_bytes(buffer.getvalue()[:100])
    assert torch.equal(weights.load_state(named, data_dir)["a"], torch.ones(3))


def test_a_damaged_file_in_torchs_cache_is_named(monkeypatch, tmp_path, data_dir):
    b = get_backbone("resnet18")
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / b.file_name).write_bytes(b"half a file")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(UserError, match=b.file_name):
        weights.load_state(b, data_dir)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2"])
def test_real_weights_in_torchs_cache_are_used(name, shared_data, monkeypatch, data_dir):
    monkeypatch.setenv("TORCH_HOME", str(shared_data / "torch_home"))
    assert int(grace_hopper(name).argmax()) in (GOWN, MORTARBOARD, UNIFORM, 457, 834, 906)


def test_densenets_old_names_are_understood(tmp_path, data_dir, monkeypatch):
    stages, classifier = build_backbone("densenet121", "random")
    import torchvision

    model = torchvision.models.densenet121(weights=None)
    import re

    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", name): value for name, value in model.state_dict().items()}
    assert old.keys() != model.state_dict().keys()
    assert {weights._modern(name) for name in old} == set(model.state_dict())


def test_weights_of_another_network_do_not_fit(data_dir):
    from transferui.backbones.efficientnet_lite import load_by_order

    stages, _ = efficientnet_lite0()
    with pytest.raises(ValueError, match="do not fit"):
        load_by_order(stages, {"a": torch.zeros(3)})
