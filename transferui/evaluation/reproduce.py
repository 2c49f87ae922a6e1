"""The code that makes a run again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transferui.config import SETTINGS


def overrides(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that differ from their defaults; those that this version does not know are left out.

    A model to start from is named without its place: who reads this has it elsewhere.
    """
    changed = {name: value for name, value in settings.items() if name in SETTINGS and value != SETTINGS[name].default}
    if "start_from" in changed:
        name = Path(str(changed["start_from"])).name
        changed["start_from"] = name if name.endswith(".zip") else f"model-of-{name}.zip"
    return changed


def python_code(settings: Mapping[str, Any]) -> str:
    """A run in Python."""
    changed = "".join(f"\n    {name}={value!r}," for name, value in overrides(settings).items())
    return (
        "import transferui as tui\n\n# one folder per class\n"
        'dataset = tui.open_dataset("photos/")\n'
        f"config = tui.TrainConfig({changed}{chr(10) if changed else ''})\n"
        "result = tui.train(dataset, config, report=print)\n"
        'result.save("model.zip")\n\n'
        'model = tui.load_model("model.zip")\nprint(model.predict("new.jpg"))\n'
    )


def shell_code(settings: Mapping[str, Any]) -> str:
    """A run on the command line."""
    values = overrides(settings)
    flags = [f"--{name} {shlex.quote(str(values.pop(name)))}" for name in ("backbone", "trainable") if name in values]
    flags += [f"--from {shlex.quote(values.pop('start_from'))}"] if "start_from" in values else []
    flags += [f"--set {shlex.quote(f'{name}={value}')}" for name, value in values.items()]
    train = f"python -m transferui train photos/ {' '.join([*flags, '--save model.zip'])}"
    return f"{train}\npython -m transferui predict model.zip new.jpg\n"
