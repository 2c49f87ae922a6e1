"""The honest result of a run as HTML: accuracy, interval, baselines, notes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from transferui.ui.html import percent


def result(values: Mapping[str, Any] | None) -> str:
    """The honest result: accuracy, interval, number of photos, the simple baselines, on one scale from 0 to 100 %."""
    if not values:
        return ""
    me, low, high = values["val_accuracy"], values["val_accuracy_low"], values["val_accuracy_high"]
    base = values["majority_accuracy"]
    ticks = "".join(f'<span style="left:{x}%">{percent(x / 100)}</span>' for x in (0, 25, 50, 75, 100))
    test = ""
    if values.get("n_test"):
        test = (
            f"<br>On {values['n_test']} photos set aside for the end <em>(test)</em>: <b>{percent(values['test_accuracy'])}</b>."
        )
    head = values.get("head_val_accuracy")
    probe = ""
    if head is not None and values["trainable"]:
        probe = f"<br>Frozen blocks and a new head alone <em>(linear probe)</em>: <b>{percent(head)}</b>."
    notes = "".join(f"<p>{escape(note)}</p>" for note in [*values["notes"], *_never_better(values)])
    return (
        f'<section class="tu-card tu-result"><div><h2>Result</h2><p class="tu-huge">{percent(me)}</p><p>of {values["n_val"]} validation '
        f"photos answered right.<br>On new photos of the same kind, expect <b>{percent(low)} to {percent(high)}</b> "
        f"<em>(95\u00a0% interval)</em>.{probe}{test}</p>{notes}</div>"
        f'<div class="scale" role="img" aria-label="{percent(me)}, interval {percent(low)} to {percent(high)}; largest class {percent(base)}">'
        f'<div class="line"><i class="range" style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
        f'<i class="pt" style="left:{100 * me:.1f}%"></i><i class="base" style="left:{100 * base:.1f}%"></i>'
        f'<u class="guess" style="left:{100 * base:.1f}%;--at:{100 * base:.0f}">always guessing the<br>largest class: {percent(base)}</u>'
        f'<u class="me" style="left:{100 * me:.1f}%;--at:{100 * me:.0f}">your network: {percent(me)}</u></div><div class="ticks">{ticks}</div></div></section>'
    )


def _never_better(values: Mapping[str, Any]) -> list[str]:
    """A sentence for a run that kept what it had before its first epoch."""
    if values.get("kept_phase") != "head" or values.get("best_epoch") != 0:
        return []
    return [
        "No epoch had a lower validation loss than the untrained head, so that one was kept. Often the step size is too large: "
        "try a smaller one in Advanced settings."
    ]
