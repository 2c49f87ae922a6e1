"""Every setting that has a plain widget, made from its row in the settings table."""

from __future__ import annotations

from typing import Any

import gradio as gr

from transferui.config import SETTINGS
from transferui.settings import Setting

# Chosen elsewhere on step 2: by cards and in the drawing.
_DRAWN = ("backbone", "weights", "start_from", "trainable", "augmentation")
WIDGETS = tuple(name for name in SETTINGS if name not in _DRAWN)


def widget(setting: Setting) -> Any:
    """A setting as a widget; it checks nothing, because `make_config` does."""
    common: dict[str, Any] = {"label": setting.label, "interactive": True, "elem_id": f"set-{setting.name}", "min_width": 260}
    if setting.kind == "choice":
        return gr.Dropdown(list(setting.choices), value=setting.default, info=setting.help, **common)
    return gr.Number(
        float(setting.default) if setting.kind == "float" else int(setting.default),
        info=f"{setting.help} ({setting.allowed})",
        **common,
    )
