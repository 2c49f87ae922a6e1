"""The steps ahead that have something to show: after going back, a click at the top opens them again.

Gradio's Walkthrough lets people click backwards only: it disables every step after the one that is open, and does not listen to
them either. So the script enables those that may be opened, each time Gradio has disabled them, and tells of the clicks itself.
"""

from __future__ import annotations

import gradio as gr

from transferui.errors import UserError
from transferui.ui.desk import Desk
from transferui.ui.html import show

JS = """
const free = () => {
  const far = Number(element.querySelector('[data-far]')?.dataset.far || 1);
  for (const b of document.querySelectorAll('#steps .step-button.pending')) {
    const locked = Number(b.dataset.tabId) > far;
    if (b.disabled !== locked) b.disabled = locked;
    if (b.getAttribute('aria-disabled') !== String(locked)) b.setAttribute('aria-disabled', locked);
  }
};
const begin = () => {
  const bar = document.querySelector('#steps .stepper-wrapper'), changes = new MutationObserver(free);
  if (!bar) { setTimeout(begin, 50); return; }
  for (const part of [bar, element]) {
    changes.observe(part, {childList: true, subtree: true, attributeFilter: ['class', 'disabled', 'data-far']});
  }
  bar.addEventListener('click', (e) => {
    const b = e.target.closest('.step-button.pending');
    if (b && !b.disabled) trigger('open', {step: Number(b.dataset.tabId)});
  });
  free();
};
begin();"""


def layout() -> gr.HTML:
    """What tells the browser how far it may go; raises the event `open`."""
    return show(js_on_load=JS, elem_id="ahead")


def furthest(desk: Desk) -> int:
    """The last step that has something to show: all of them with a model, step 3 with photos that can be learned from."""
    if desk.model_path:
        return 6
    try:
        if desk.dataset:
            desk.dataset.require_trainable()
            return 3
    except UserError:  # step 1 says why
        pass
    return 1


def view(desk: Desk) -> str:
    """Update for the component."""
    return f'<i data-far="{furthest(desk)}"></i>'
