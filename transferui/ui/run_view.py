"""A run on the page: its status in words, the button that stops it, and what is remembered of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr

from transferui.config import TrainConfig
from transferui.evaluation.kept_epoch import best_row
from transferui.runs.store import ACTIVE_STATES, Run
from transferui.ui.html import percent, photos, seconds

# A training process writes its status at least this often; older than that it is said not to answer.
SILENT_S = 15.0
Status = Mapping[str, Any]
STOP, STOPPING = "Stop", "Stopping …"
# Said by the browser at the click: on a busy machine the server's answer takes seconds.
STOPPING_JS = f"() => '{STOPPING}'"


def total_epochs(config: TrainConfig, n_photos: int) -> int:
    """Epochs of all phases together, for so many photos."""
    head = config.epochs if config.head_start == "trained" or config.trainable == "none" else 0
    n_train = round(n_photos * (1 - config.val_fraction))
    return head + (config.finetune_passes(n_train) if config.trainable != "none" else 0)


def stop_button(run: Run | None, *, live: bool) -> gr.Button:
    """An update of the button that stops a run; until a run that was asked to end has ended, it says that it was."""
    return gr.Button(STOPPING if run and live and run.is_to_stop else STOP, interactive=live)


def status(
    state: Status | None,
    results: Mapping[str, Any] | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
    config: TrainConfig | None = None,
    hint: str = "",
) -> str:
    """One line: what it is doing, how far, how long."""
    if state is None:
        return _line(
            "idle", "Not started", f"{hint} Press the button. You can stop at any time and keep what was learned.".strip()
        )
    kind = str(state["state"])
    if kind == "queued":
        return _line(
            "queued",
            f"Waiting: number {state['place']} of {state['length']} in line",
            "It starts by itself. You may close this page.",
        )
    if kind in ACTIVE_STATES:
        return _active(_completed(state, rows, config) if config else state, rows)
    if kind == "finished":
        return _line("done", "Finished", _finished(results or {}), 1.0)
    hint = f"{state.get('message', '')} {state.get('hint', '')}".strip()
    name = {"stopped": "Stopped", "failed": "This did not work", "interrupted": "Interrupted"}[kind]
    return _line(kind, name, hint)


def _completed(state: Status, rows: Sequence[Mapping[str, Any]], config: TrainConfig) -> Status:
    """A status with the epochs to come and the time left; epochs that are over in a blink are reported without."""
    if not state.get("epoch") or state.get("epochs"):
        return state
    told = [row for row in rows if row["phase"] == state.get("phase")]
    mine = [row["elapsed_s"] for row in told]
    epochs = int(told[-1].get("epochs", 0)) if told else config.epochs
    each = (mine[-1] - mine[0]) / (len(mine) - 1) if len(mine) > 1 else 0.0
    left = max(0, epochs - int(state["epoch"]))
    return {**state, "epochs": epochs, "done": state["epoch"], "total": epochs, "eta_s": round(each * left, 1)}


def _active(state: Status, rows: Sequence[Mapping[str, Any]]) -> str:
    done, total = float(state.get("done", 0)), float(state.get("total", 0))
    learning = state["state"] == "running"
    main = said = str(state.get("what", "Getting ready"))
    if learning and state.get("epoch"):
        said = f"Learning ({'the head' if state.get('phase') == 'head' else 'blocks and head'})"
        main = f"{said}, epoch {state['epoch']}" + (f" of {state['epochs']}" if state.get("epochs") else "")
    more = [_count(state, done, total)] if total else []
    if state.get("images_per_s"):
        more.append(f"{state['images_per_s']:,.0f} photos/s")
    if state.get("cached"):
        more.append(f"{state['cached']:,} remembered from before")
    if state.get("eta_s"):
        more.append(f"{seconds(state['eta_s'])} left")
    if best := best_row(rows):
        # While blocks learn, epochs are counted from 1 again; the charts count on.
        where = " in the charts" if rows[-1]["epoch"] != rows[-1]["epoch_total"] else ""
        accuracy = percent(best["val_accuracy"])
        more.append(f"best so far by validation loss: {accuracy} (epoch {best['epoch_total']}{where})")
    silent = time.time() - float(state.get("updated", time.time()))
    if silent > SILENT_S:
        more.append(f"no sign of life for {seconds(silent)}")
    share = done / total if total else 0.0
    return _line("learn" if learning else "look", main, " · ".join(more) or "One moment", share, said)


def _count(state: Status, done: float, total: float) -> str:
    if state.get("unit") == "bytes":
        return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
    return f"{done:,.0f} of {total:,.0f}" if state["state"] == "preparing" else percent(done / total)


def _finished(results: Mapping[str, Any]) -> str:
    words = [f"{sum(int(p['epochs']) for p in results.get('phases', []))} epochs"]
    if "seconds" in results:
        words.append(f"{results['seconds']['total']:.1f}\u00a0s")
    cached = results.get("cached_images", 0)
    computed = results.get("prefix_images", 0)
    if cached or computed:
        words.append(f"{photos(computed)} looked at, {cached:,} known from an earlier run")
    if results.get("frozen_unchanged"):
        words.append("checked: the frozen blocks did not change")
    return " · ".join(words)


def _line(css: str, main: str, more: str, share: float | None = None, said: str = "") -> str:
    """The line; what a screen reader is told of by itself stands apart, because the numbers change twice a second."""
    bar = "" if share is None else (
        f'<div class="prog" role="progressbar" aria-label="Training" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}"><i style="width:{100 * share:.1f}%"></i></div>'
    )  # fmt: skip
    told = f'<span class="sr" role="status">{escape(said or f"{main}. {more}")}</span>'
    return f'<div class="tu-status {css}">{told}<b>{escape(main)}</b><span>{escape(more)}</span>{bar}</div>'


def remembered(size: int) -> str:
    """What is kept, of everybody on the server, so that no photo has to be looked at twice."""
    kept = f"{size / 1e6:,.0f} MB" if size >= 1e6 else "less than 1 MB" if size else "nothing yet"
    return (
        f'<p class="tu-p"><b>Remembered features</b> <em>(cache)</em>, of everybody on this server: {kept}. With them the next run '
        "on the same photos starts at once; without them it only takes longer.</p>"
    )
