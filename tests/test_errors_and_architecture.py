"""The house rules of ARCHITECTURE.md, held by machine."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from transferui.errors import UserError

ROOT = Path(__file__).parents[1]
ORDER = [
    "errors",
    "files",
    "settings",
    "config",
    "presets",
    "data",
    "backbones",
    "training",
    "evaluation",
    "insight",
    "export",
    "runs",
    "doctor",
    "terminal",
    "cli_insight",
    "cli",
    "ui",
]
FILES = sorted((ROOT / "transferui").rglob("*.py"))
# What a server needs; `app` loads them all, so that one process shows it for every one.
TORCH_FREE = ["transferui", "transferui.errors", "transferui.config", "transferui.runs.store", "transferui.runs.queue",
              "transferui.runs.engine", "transferui.backbones.catalogue", "transferui.ui.page"]  # fmt: skip


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_an_error_says_what_and_what_to_do():
    error = UserError("CODE", "One was expected.", "Do that.", "field")
    assert str(error) == "One was expected. Do that."
    assert UserError(**error.as_dict()).as_dict() == error.as_dict()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path):
    own = path.relative_to(ROOT / "transferui").parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    for module in imports(path):
        if module.startswith("transferui."):
            assert ORDER.index(room(module)) <= ORDER.index(own), f"{path.name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_page_knows_gradio_and_nobody_unpickles(path):
    names = {module.split(".")[0] for module in imports(path)}
    assert "gradio" not in names or "ui" in path.parts
    assert not names & {"pickle", "joblib", "dill", "shelve"}
    text = path.read_text()
    assert "extractall" not in text
    assert "session_hash" not in text
    assert "torch.load(" not in text.replace("safetensors.torch.load(", "") or "weights_only=True" in text


@pytest.mark.parametrize(("module", "with_it"), [("transferui", ["transferui"]), ("app", TORCH_FREE)])
def test_a_server_never_loads_torch(module, with_it, tmp_path):
    code = f"import sys; import {module}; print('torch' in sys.modules, set({with_it}) <= set(sys.modules))"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TRANSFERUI_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]


def test_files_and_functions_stay_short():
    long = []
    for path in [*FILES, ROOT / "app.py"]:
        text = path.read_text()
        if text.count("\n") > 300:
            long.append(f"{path.name}: {text.count(chr(10))} lines")
        limit = 80 if "ui" in path.parts else 45
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > limit:
                long.append(f"{path.name}:{node.name}: {node.end_lineno - node.lineno + 1} lines")
    assert long == []


def test_nothing_committed_names_this_workplace():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    # Folders of one machine, and package indexes: what to install is named, never where from.
    # And notes that no reader of a clone has.
    bad = re.compile(
        r"(?<![\w.])/(work|root|home/\w+)/[\w.]|--(extra-)?index-url|--find-links|https?://\S+/simple\b"
        r"|\bnotes \d|methods notes|DESIGN section"
    )
    assert bad.search("cd /work" + "/main") and bad.search("pip install --index" + "-url x") and not bad.search("network/main")
    for name in names:
        path = ROOT / name
        if path != Path(__file__) and path.suffix in {".py", ".md", ".toml", ".txt", ".css", ".json", ""} and path.is_file():
            found = bad.search(path.read_text(errors="replace"))
            assert found is None, f"{name}: {found}"
