"""What all commands share: options, output, progress on stderr, and Ctrl-C that keeps what was finished."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Self

from transferui.data.dataset import default_data_dir


def add_command(commands: Any, name: str, function: Any, help_text: str) -> argparse.ArgumentParser:
    """A command with the options that all have."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(command=function)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--data-dir", type=Path, help="where runs, weights and features are kept")
    return parser


def data_dir_of(options: argparse.Namespace) -> Path:
    """Where this command keeps things."""
    return options.data_dir or default_data_dir()


def print_result(options: argparse.Namespace, values: Mapping[str, Any], text: str) -> None:
    """One JSON object, or lines for people."""
    print(json.dumps(values, ensure_ascii=False) if options.json else text)


class Progress:
    """One line on stderr: redrawn on a terminal, a line per second elsewhere."""

    def __init__(self) -> None:
        self.live, self.last = sys.stderr.isatty(), 0.0

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Show a row of progress, if the last one is old enough."""
        now = time.monotonic()
        if now - self.last < (0.1 if self.live else 1.0):
            return
        self.last = now
        text = f"{row.get('what', '')} {row.get('phase', '')} {row.get('epoch', '')}"
        if "total" in row:
            text += f" {row['done']} of {row['total']}"
        if "row" in row:
            text += f" val_accuracy {row['row']['val_accuracy']:.3f} val_loss {row['row']['val_loss']:.3f}"
        print(f"\r{text:<78}" if self.live else text, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the redrawn line."""
        if self.live:
            print(file=sys.stderr)


class Interruptible:
    """The first Ctrl-C asks the work to stop and keep what is finished; the second ends the command.

    Attributes:
        progress: a `Progress`.
    """

    def __init__(self) -> None:
        self.progress, self.asked = Progress(), False
        self.before: Any = None

    def __enter__(self) -> Self:
        self.before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)
        self.progress.end()

    def should_stop(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self.asked

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("\nStopping: what is finished is kept.", file=sys.stderr)
