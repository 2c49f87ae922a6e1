"""The network as a row of blocks: frozen (ice) or trainable (warm). A custom gr.HTML component.

Its value is the list of trainable stage names (the head always learns and is not in the list).
Mouse, touch, Space, Enter, arrow keys; Python may set the value (presets) and reads it on `.input`.
A factory function, not a subclass: subclassing a Gradio component makes it write a .pyi file next to this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import gradio as gr

from transferui.backbones.catalogue import Backbone
from transferui.evaluation.shown import short

SNOW = (
    '<svg class="ico" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 2v20M3.3 7l17.4 10M20.7 7 3.3 17M12 6 9.5 3.5M12 6l'
    "2.5-2.5M12 18l-2.5 2.5M12 18l2.5 2.5M6.8 9 3.4 9.9M6.8 9l-.9-3.4M17.2 15l3.4-.9M17.2 15l.9 3.4M17.2 9l.9-3.4M17.2 9l3.4.9"
    'M6.8 15l-.9 3.4M6.8 15l-3.4-.9"/></svg>'
)
FLAME = (
    '<svg class="ico flame" viewBox="0 0 24 24" aria-hidden="true"><path d="M12.6 2c.5 3.6 5.9 6.3 5.9 12a6.5 6.5 0 0 1-13 0'
    'c0-2.7 1.4-4.5 3-5.8.1 1.7.8 2.7 1.8 3C10.1 7.9 10.7 4.3 12.6 2z"/></svg>'
)

# Written as one JavaScript template literal; Gradio re-evaluates it when `value` or a prop changes and patches the DOM
# in place, so the focused block keeps its focus. Do not write two braces in a row: Handlebars reads the text first.
# A skipped output leaves a step that is not open yet without its properties. Where it is opened before they come again, there is
# nothing to draw: an error here would also lose the listeners of SCRIPT for good.
TEMPLATE = """${typeof stages === 'undefined' || typeof value === 'undefined' || !value ? '' : `
<div class="net" style="--n:${stages.length}">
  <div class="sees" aria-hidden="true">
    ${groups.map(g => `<span style="grid-column:span ${g.span}">${g.text}</span>`).join('')}
  </div>
  <div class="flow" role="group" aria-label="The network, from the photo to the answer. Each block is a switch: on means it learns.">
    ${stages.map((s, i) => {
      const on = s.name === 'head' || value.includes(s.name), fixed = s.name === 'head';
      const first = stages.findIndex(t => t.name === 'head' || value.includes(t.name));
      const state = on ? 'learns' : i < first ? 'frozen' : 'frozen late';
      return `<button type="button" role="switch" class="stage ${state}" data-stage="${s.name}" aria-checked="${on}"
        ${fixed ? 'aria-disabled="true"' : ''} style="--size:${s.size}"
        aria-label="${s.name}, ${s.params.toLocaleString('en-US')} weights, output ${s.out}"
        title="${fixed ? 'The head is new. It always learns.' : on ? 'Learns. Click to freeze.' : 'Frozen. Click to let it learn.'}">
        <span class="track"><span class="block"><span class="i-snow">${snow}</span><span class="i-flame">${flame}</span></span></span>
        <span class="name">${s.name}</span><span class="count">${s.short}</span><span class="out">${s.out}</span></button>`;
    }).join('')}
  </div>
  <div class="spans" aria-hidden="true">
    ${(() => {
      const first = stages.findIndex(t => t.name === 'head' || value.includes(t.name)), rest = stages.length - first;
      const ice = `<span class="ice" style="grid-column:span ${first || 1};${first ? '' : 'display:none'}">${first > 2 ? 'runs once per photo, then remembered' : 'once'}</span>`;
      const warm = `<span class="warm" style="grid-column:span ${rest}">${rest > 2 ? 'runs again in every epoch' : 'learns'}</span>`;
      return ice + warm;
    })()}
  </div>
  <p class="say" aria-live="polite">
    ${(() => {
      const total = stages.reduce((a, s) => a + s.params, 0);
      const train = stages.filter(s => s.name === 'head' || value.includes(s.name)).reduce((a, s) => a + s.params, 0);
      const first = stages.findIndex(t => t.name === 'head' || value.includes(t.name));
      const big = n => n >= 1e6 ? (n / 1e6).toFixed(1) + ' million' : n.toLocaleString('en-US');
      const share = 100 * train / total, percent = train === total ? '100' : share < .1 ? 'under 0.1' : share > 99 ? 'over 99' : share < 10 ? share.toFixed(1) : Math.round(share);
      const why = first === stages.length - 1 ? 'The frozen part runs once per photo and is remembered.'
        : first === 0 ? 'Nothing is remembered: every photo goes through the whole network in every epoch. This is the slowest way.'
        : `The first ${first > 1 ? first + ' blocks run once per photo and are' : 'block runs once per photo and is'} remembered. The rest runs again in every epoch.`;
      return `<b>You will train ${big(train)} of ${big(total)} weights (${percent} %).</b> <span>${why}</span>`;
    })()}
  </p>
</div>`}"""

SCRIPT = """
const flip = (name) => {
  const now = props.value || [];
  const next = now.includes(name) ? now.filter(n => n !== name) : [...now, name];
  props.value = props.stages.map(s => s.name).filter(n => next.includes(n));   // in network order
  trigger('input');
};
element.addEventListener('click', (e) => {
  const b = e.target.closest('[data-stage]');
  if (b && b.getAttribute('aria-disabled') !== 'true') flip(b.dataset.stage);
});
element.addEventListener('keydown', (e) => {                  // Space and Enter click a <button> by themselves
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key], b = e.target.closest('[data-stage]');
  if (!b || !step) return;
  e.preventDefault();
  const all = [...element.querySelectorAll('[data-stage]')];
  all[Math.max(0, Math.min(all.length - 1, all.indexOf(b) + step))].focus();
});
"""

STYLE = """
.net { display: grid; gap: 4px; }
.sees, .flow, .spans { display: grid; grid-template-columns: repeat(var(--n), minmax(0, 1fr)); column-gap: 8px; }
.sees span { font-size: 13px; color: var(--tu-ink-2); text-align: center; border-bottom: 1px solid var(--tu-line); padding-bottom: 6px; }
.flow { position: relative; padding-block: 4px; }
.flow::before { content: ''; position: absolute; inset: 96px 0 auto 0; border-top: 2px solid var(--tu-line-2); }
.stage { position: relative; display: grid; justify-items: stretch; gap: 2px; padding: 0 0 6px; margin: 0; border: 0; background: none;
  color: inherit; font: inherit; cursor: pointer; border-radius: 12px; text-align: center; min-width: 0; }
.stage[aria-disabled='true'] { cursor: default; }
.track { height: 184px; display: grid; align-items: center; }
.block { height: calc(34px + var(--size) * 140px); border-radius: 10px; border: 1.5px solid; display: grid; place-items: center;
  transition: background-color .25s, border-color .25s, box-shadow .2s, transform .2s; }
.frozen .block { background: var(--tu-ice); border-color: var(--tu-ice-line); color: var(--tu-ice-ink); }
.late .block { border-style: dashed; }
.learns .block { background: var(--tu-warm); border-color: var(--tu-warm-line); color: var(--tu-warm-ink); }
.stage:not([aria-disabled='true']):hover .block { transform: translateY(-2px); box-shadow: 0 6px 16px rgb(0 0 0 / .12); }
.i-snow, .i-flame { grid-area: 1 / 1; display: grid; transition: opacity .2s, transform .3s; }
.learns .i-snow, .frozen .i-flame { opacity: 0; transform: scale(.3) rotate(60deg); }
.ico { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; }
.flame { fill: currentColor; stroke: none; }
.name { font-size: 14px; font-weight: 600; } .count { font-size: 12.5px; color: var(--tu-ink-2); font-variant-numeric: tabular-nums; }
.out { font-size: 12px; color: var(--tu-ink-3); font-variant-numeric: tabular-nums; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.spans span { font-size: 13px; font-weight: 500; text-align: center; padding: 8px 4px 0; border-top: 3px solid; white-space: nowrap; }
.spans .ice { color: var(--tu-ice-ink); border-color: var(--tu-ice-line); }
.spans .warm { color: var(--tu-warm-ink); border-color: var(--tu-warm-line); }
.say { margin: 16px 0 0; font-size: 16px; line-height: 1.5; color: var(--tu-ink-2); }
.say b { display: block; color: var(--tu-ink); font-size: 19px; font-weight: 650; font-variant-numeric: tabular-nums; }
@media (max-width: 720px) {
  .sees, .spans { display: none; }
  .flow { grid-template-columns: 1fr; row-gap: 2px; padding: 0; } .flow::before { display: none; }
  .stage { grid-template-columns: 60px 1fr 62px; align-items: center; gap: 8px; min-height: 44px; padding: 0; text-align: start; }
  .track { height: auto; grid-column: 2; grid-row: 1; }
  .block { height: 34px; width: calc(36px + var(--size) * (100% - 36px)); }
  .out { display: none; } .name { grid-column: 1; grid-row: 1; } .count { grid-column: 3; grid-row: 1; text-align: end; }
}
"""


class Block(TypedDict):
    """One drawn block: `params` weights, `short` the same in few signs, `size` its height from 0 to 1, `out` its output."""

    name: str
    params: int
    short: str
    size: float
    sees: str
    out: str


class Group(TypedDict):
    """Neighboring blocks under one word."""

    text: str
    span: int


# What layers at a fourth of the depth each tend to react to; a rough guide (Zeiler and Fergus, 2014), not a measurement.
_SEES = ("edges and colors", "textures", "parts", "whole things")


def blocks(backbone: Backbone, n_classes: int) -> list[Block]:
    """The stages that have weights, and the head, as drawn blocks."""
    stages = [stage for stage in backbone.stages if stage.params]
    head = (backbone.feature_width + 1) * n_classes
    largest = max(stage.params for stage in stages)
    rows: list[Block] = []
    for i, (name, params, output) in enumerate([(s.name, s.params, s.output) for s in stages] + [("head", head, (n_classes,))]):
        sees = "your classes" if name == "head" else _SEES[min(3, i * 4 // len(stages))]
        # The exponent keeps 900 and 1.7 million weights both visible.
        size = round(min(1.0, (params / largest) ** 0.3), 3)
        rows.append({"name": name, "params": params, "short": short(params), "size": size, "sees": sees, "out": shape(output)})
    return rows


def shape(output: Sequence[int]) -> str:
    """An output shape for people: 32 × 112 × 112."""
    return " × ".join(str(n) for n in output)


def drawing(rows: list[Block], trainable: list[str]) -> gr.HTML:
    """The component for these blocks; `trainable` names those that learn at the start, without the head."""
    return gr.HTML(
        value=trainable, html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, apply_default_css=False, elem_id="network",
        stages=rows, groups=groups(rows), snow=SNOW, flame=FLAME, padding=False,
    )  # fmt: skip


def redrawn(rows: list[Block], trainable: list[str]) -> gr.HTML:
    """An update of the component for another network."""
    # All of them: an update that comes before the step was opened replaces the properties instead of merging them.
    return gr.HTML(value=trainable, stages=rows, groups=groups(rows), snow=SNOW, flame=FLAME)


def groups(rows: Sequence[Block]) -> list[Group]:
    """Join neighboring blocks that see the same kind of thing: [{'text': 'edges', 'span': 2}, ...]."""
    out: list[Group] = []
    for row in rows:
        if out and out[-1]["text"] == row["sees"]:
            out[-1]["span"] += 1
        else:
            out.append({"text": row["sees"], "span": 1})
    return out
