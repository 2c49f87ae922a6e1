"""What the command line shows while it works: one line of progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any


class Progress:
    """One line on stderr: redrawn on a terminal, a line per second elsewhere."""

    def __init__(self) -> None:
        self.live, self.last = sys.stderr.isatty(), 0.0

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Show a progress row, unless the last one is hardly older."""
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
