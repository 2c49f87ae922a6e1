"""What every measurement of this room says besides its own numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

# A difference in accuracy below a point is not worth a slower network, one more block that learns, or a day with the camera.
WORTH = 0.01
# What there is to say when a measurement ended before it had looked at every photo.
STOPPED = "Stopped before every photo was looked at."


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """How a measurement went.

    Attributes:
        notes: sentences about what makes its numbers uncertain.
        stopped: somebody ended it; what was finished is in it.
    """

    notes: tuple[str, ...] = ()
    stopped: bool = False
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
