"""Step 5: the model as a bundle, its card, the code, and opening a bundle from elsewhere."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from transferui.backbones.catalogue import get_backbone
from transferui.errors import UserError
from transferui.evaluation.headline import card_rows, class_by_class, headline, learned_weights
from transferui.evaluation.reproduce import python_code, shell_code
from transferui.runs.store import hash_owner
from transferui.training.lineage import EARLY, NOT_FINE_TUNED, ended_early, fine_tuning, learned_stages
from transferui.ui import saving
from transferui.ui.desk import LONG, Desk, Server, ask, desk_of, skips, update, uploaded
from transferui.ui.html import notice, percent, show, title

# Its number in the page.
STEP = 5
OPENED = "The model is open."


@dataclass(frozen=True)
class HomeStep:
    """The components that others refer to."""

    message: gr.HTML
    about: gr.HTML
    download: gr.DownloadButton
    open_file: gr.UploadButton
    card: gr.HTML
    python: gr.Code
    shell: gr.Code
    report: saving.Keep
    with_photos: gr.Checkbox
    figures: saving.Keep
    erase: gr.Button
    back: gr.Button
    next: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with the model."""
        return [self.about, self.download, self.card, self.python, self.shell]


def layout() -> HomeStep:
    """Draw the step."""
    show(title("Take it home", "The network is yours. It works without this app, and gives the same answers."))
    message = show("", elem_id="home-message")
    with gr.Row(elem_classes="tu-dls", equal_height=True):
        with gr.Column(elem_classes="tu-card tu-dlcard", min_width=260):
            about = show(_download_card(None))
            download = gr.DownloadButton("Download model", variant="primary", elem_id="download-model", interactive=False)
        with gr.Column(elem_classes="tu-card tu-dlcard", min_width=260):
            show(
                _tile(
                    "⤒",
                    "Open a model",
                    "A model.zip from here or from another computer. Then try it out in step 4.",
                    "no photos are in it",
                )
            )
            open_file = gr.UploadButton("Open model", file_types=[".zip"], elem_id="open-model", interactive=True)
        with gr.Column(elem_classes="tu-card tu-dlcard", min_width=260):
            show(
                _tile(
                    "⌫",
                    "Finish and erase",
                    "On a shared computer: deletes your photos, runs and models from this server. Files as you sent them are gone within about a day.",
                    "cannot be undone",
                )
            )
            erase = gr.Button("Erase everything of mine", variant="stop", elem_id="erase")
    with gr.Row(elem_classes="tu-dls", equal_height=True):
        with gr.Column(elem_classes="tu-card tu-dlcard", min_width=320):
            show(_tile("▤", "Report", "The run in one file: result, curves, mistakes, settings and code. Opens in any browser, prints on A4.", "report.html"))  # fmt: skip
            with_photos = gr.Checkbox(
                label="With photos", info="Small copies of some of your photos go into the file.", elem_id="report-photos"
            )
            report = saving.report("report")
        with gr.Column(elem_classes="tu-card tu-dlcard", min_width=320):
            show(_tile("◔", "Figures", "Curves, confusion matrix, recall of each class and more, as PNG and as SVG, for slides and papers.", "figures.zip"))  # fmt: skip
            figures = saving.figures("home-figures")
    with gr.Row(elem_classes="tu-even"):
        with gr.Column(min_width=320):
            card = show("", elem_id="model-card")
        with gr.Column(min_width=320), gr.Accordion("Show me the code", open=True, elem_classes="tu-acc tu-code"):
            show('<p class="tu-p">The same run, in Python:</p>')
            python = _code(python_code({}), "python", 10)
            show('<p class="tu-p">Or in a terminal:</p>')
            shell = _code(shell_code({}), "shell", 2)
    with gr.Row(elem_classes="tu-nav"):
        back = gr.Button("Back", elem_classes="tu-back", elem_id="back-4")
        forward = gr.Button("Next: why it worked", elem_id="next-6")
    return HomeStep(message, about, download, open_file, card, python, shell, report, with_photos, figures, erase, back, forward)


def _code(text: str, language: Literal["python", "shell"], lines: int) -> gr.Code:
    """Code without line numbers: where Gradio lays out the block before it is seen, they stand beside other lines."""
    return gr.Code(
        text, language=language, lines=lines, show_label=False, interactive=False, wrap_lines=True, show_line_numbers=False
    )


def _tile(icon: str, name: str, text: str, meta: str) -> str:
    return f'<div class="tu-dl"><span class="tu-ico" aria-hidden="true">{icon}</span><b>{name}</b><p>{text}</p><small>{meta}</small></div>'


def _download_card(path: Path | None) -> str:
    meta = f"model.zip · {max(1, round(path.stat().st_size / 1e6))} MB" if path else "ready when a run is over"
    return _tile("▣", "Model bundle", "Weights, class names and model card in one file. Open it again here or in Python.", meta)


def model_card(desk: Desk) -> str:
    """The card that travels with the model, in short."""
    run = desk.run
    results = run.results() if run else None
    if run is None or not results:
        return (
            '<section class="tu-card tu-mc"><h2>Model card</h2><p class="tu-none">It is written when a run is over.</p></section>'
        )
    weakest = min(class_by_class(results)["per_class"], key=lambda row: row["recall"] if row["n"] else 2)
    rows = [
        ("Answers", ", ".join(results["classes"][:30])),
        ("Made from", _made_from(results)),
        ("Learned", _learned(results)),
        ("Learned from", f"{results['n_train']:,} photos"),
        *([("Ended", EARLY)] if ended_early(results) else []),
        *card_rows(results),
        ("Weak spot", _weak_spot(weakest, headline(results).n)),
        ("Not for", "photos of anything else: it often says so, but not always"),
    ]
    body = "".join(f"<div><dt>{name}</dt><dd><bdi>{escape(text)}</bdi></dd></div>" for name, text in rows)
    return f'<section class="tu-card tu-mc"><h2>Model card</h2><p>Travels with the model, so that others know what it can do.</p><dl>{body}</dl></section>'


def _learned(results: dict[str, Any]) -> str:
    """What is different from the pretrained network in the model that was kept."""
    if (became := fine_tuning(results)) in NOT_FINE_TUNED:
        return f"head only; {NOT_FINE_TUNED[became]}"
    weights = f"({learned_weights(results):,} of {results['total_parameters']:,} weights)"
    return f"{', '.join(results['trainable'])} and head {weights}" if results["trainable"] else f"head only {weights}"


def _weak_spot(weakest: dict[str, Any], n: int) -> str:
    if weakest["recall"] >= 1:
        return f"none was seen, but {n} photos are few to see one" if n < 200 else "none was seen"
    return f"finds {percent(weakest['recall'])} of “{weakest['class_name']}”"


def _made_from(results: dict[str, Any]) -> str:
    before, backbone = results.get("lineage"), get_backbone(results["backbone"])
    n = len(results["frozen_prefix"]) if learned_stages(results) else len(backbone.stages)
    start = f", from your model of {before[-1]['dataset_name']} ({results['relation']} transfer)" if before else ""
    return f"{backbone.title}, {n} stages frozen{start}"


def view(desk: Desk) -> list[Any]:
    """Updates for `HomeStep.out`, without a new bundle."""
    settings = desk.run.config.model_dump() if desk.run else {}
    path = ready_bundle(desk)
    button = gr.DownloadButton(value=str(path) if path else None, interactive=path is not None)
    return [_download_card(path), button, model_card(desk), python_code(settings), shell_code(settings)]


def ready_bundle(desk: Desk) -> Path | None:
    """The bundle of the shown run, if it was already written in this server's life."""
    known = desk.values.get("bundle") or {}
    path = desk.server.uploads / str(known.get("folder", "-")) / "model.zip"
    same = desk.run is not None and known.get("run") == desk.run.id and known.get("made") == _made(desk)
    return path if same and path.is_file() else None


def _made(desk: Desk) -> float:
    """When the shown run's model was last written."""
    file = desk.run.folder / "checkpoint.safetensors" if desk.run else None
    return file.stat().st_mtime if file and file.is_file() else 0.0


class HomeEvents:
    """What happens in step 5; every handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: HomeStep) -> None:
        self.server, self.step = server, step

    def wire(self, owner: gr.BrowserState, after: list[Any], refresh: Any) -> None:
        """Connect the components.

        Args:
            after: step 4's components, which change when a model is opened.
            refresh: function of the desk that gives their updates.
        """
        step, self.refresh, self.n_after = self.step, refresh, len(after)
        step.open_file.upload(self.open_model, [owner, step.open_file], [step.message, *after], preprocess=False, **LONG)
        keeping = saving.Saving(self.server)
        keeping.wire_report(step.report, owner, step.with_photos)
        keeping.wire_figures(step.figures, owner)

    def prepare(self, owner: str) -> Iterator[list[Any]]:
        """Write the shown run's bundle into a folder that nobody can guess; for `[message, *HomeStep.out]`."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as error:
            yield [notice(error), *skips(len(self.step.out))]
            return
        if desk.run is None or not desk.run.results() or ready_bundle(desk):
            yield [notice(), *view(desk)]
            return
        folder = secrets.token_hex(16)
        target = self.server.uploads / folder / "model.zip"
        known = {"run": desk.run.id, "folder": folder, "made": _made(desk)}
        then = partial(self._written, owner, known)
        yield [notice("Writing the model bundle", "work"), *view(desk)]
        for html in ask(self.server, "save_bundle", then, folder=str(desk.run.folder), to=str(target)):
            yield [html or notice(), *view(desk_of(self.server, owner))]

    def prepare_if_open(self, owner: str) -> Iterator[list[Any]]:
        """The page was loaded: where step 5 is on the screen, its bundle is written again after a restart of the server."""
        with contextlib.suppress(UserError):
            desk = desk_of(self.server, owner)
            if desk.values.get("step") == STEP:
                yield from self.prepare(owner)
            else:
                yield [notice(), *view(desk)]

    def _written(self, owner: str, known: dict[str, Any], _: Any) -> None:
        update(self.server, owner, bundle=known)

    def open_model(self, owner: str, value: Any) -> Iterator[list[Any]]:
        """A bundle was chosen: check it, keep it, test with it."""
        try:
            desk = desk_of(self.server, owner)
            path = next(iter(uploaded(self.server, value)), None)
            if path is None:
                yield [notice(), *self.refresh(desk)]
                return
            kept = self.server.data_dir / "models" / f"{hash_owner(owner)}-{secrets.token_hex(8)}.zip"
            kept.parent.mkdir(exist_ok=True, mode=0o700)
            shutil.copyfile(path, kept)
        except UserError as error:
            yield [notice(error), *self._as_it_is(owner)]
            return
        then = partial(self._opened, owner, path.name, kept)
        for html in ask(self.server, "open_bundle", then, path=str(kept)):
            if html is None:
                yield [notice(f"{OPENED} Go to step 4 to try it out.", "ok"), *self.refresh(desk_of(self.server, owner))]
                return
            yield [html, *self.refresh(desk_of(self.server, owner))]
        kept.unlink(missing_ok=True)

    def _as_it_is(self, owner: str) -> list[Any]:
        """Step 4 unchanged; for somebody unknown, as for a newcomer."""
        try:
            return list(self.refresh(desk_of(self.server, owner)))
        except UserError:
            return skips(self.n_after)

    def _opened(self, owner: str, name: str, kept: Path, facts: dict[str, Any]) -> None:
        for old in kept.parent.glob(f"{hash_owner(owner)}-*.zip"):
            if old != kept:
                old.unlink(missing_ok=True)
        update(self.server, owner, model={"file": kept.name, "name": name, "class_names": facts["class_names"]})

    def erase(self, owner: str) -> None:
        """Delete everything of this person."""
        for file in (self.server.data_dir / "models").glob(f"{hash_owner(owner)}-*.zip"):
            file.unlink(missing_ok=True)
        bundle = dict(desk_of(self.server, owner).values.get("bundle") or {})
        if re.fullmatch("[0-9a-f]{32}", str(bundle.get("folder", ""))):
            shutil.rmtree(self.server.uploads / str(bundle["folder"]), ignore_errors=True)
        for run in (*self.server.store.list_runs(owner), *self.server.store.list_measurements(owner)):
            self.server.queue.stop(owner, run.id)
        self.server.store.erase_owner(owner)
