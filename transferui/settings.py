"""One row of the settings table: what widget, flag, check, help text and documentation are made from."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Setting:
    """One row of the settings table: inclusive range of a number, allowed words of a choice."""

    name: str
    label: str
    help: str
    kind: Literal["int", "float", "choice", "text"]
    default: int | float | str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    group: str = "training"

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "text":
            return "text of at most 500 characters"
        whole = "a whole number" if self.kind == "int" else "a number"
        return f"{whole} from {self.low:g} to {self.high:g}" if self.high and self.high < 1e6 else f"{whole} from {self.low:g}"


def _limit(field: FieldInfo, name: str) -> float | None:
    return next((getattr(m, name) for m in field.metadata if getattr(m, name, None) is not None), None)


def row_of(name: str, field: FieldInfo) -> Setting:
    """The row of one field of `TrainConfig`."""
    kinds: dict[Any, Literal["int", "float", "text"]] = {int: "int", float: "float", str: "text"}
    choices = typing.get_args(field.annotation) if typing.get_origin(field.annotation) is Literal else ()
    extra = field.json_schema_extra
    group = str(extra["group"]) if isinstance(extra, dict) else "training"
    return Setting(
        name=name,
        label=field.title or name,
        help=field.description or "",
        kind="choice" if choices else kinds[field.annotation],
        default=field.default,
        low=_limit(field, "ge"),
        high=_limit(field, "le"),
        choices=choices,
        group=group,
    )
