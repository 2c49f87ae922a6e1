"""Every setting that has a plain widget, made from its row in the settings table."""

from __future__ import annotations

from typing import Any

import gradio as gr

from transferui.config import SETTINGS
from transferui.settings import Setting

# The words for SETTINGS["weights"].
START = {"imagenet": "what it learned from ImageNet", "random": "random weights"}
# Chosen elsewhere on step 2: by cards and in the drawing.
_DRAWN = ("backbone", "trainable", "augmentation")
WIDGETS = tuple(name for name in SETTINGS if name not in _DRAWN)


def start_switch() -> gr.Radio:
    """From what the network starts: on the page itself, because it is what transfer learning is about."""
    setting = SETTINGS["weights"]
    choices = [(START.get(choice, choice), choice) for choice in setting.choices]
    return gr.Radio(choices, value=setting.default, label="It starts from", info=setting.help, elem_id=f"set-{setting.name}",
                    elem_classes="tu-start", interactive=True)  # fmt: skip


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
