"""Step 1: pictures in, what there is, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from transferui.data.dataset import Dataset
from transferui.data.samples import sample_sets
from transferui.errors import UserError
from transferui.ui import data_view
from transferui.ui.desk import LONG, QUIET, Desk, Server, ask, desk_of, skips, update, uploaded
from transferui.ui.html import clickable, notice, picked, section, show, title

MAX_CARDS, FIRST_CARDS = 10, 2
PICTURE_TYPES = ["image", ".tif", ".tiff", ".heic", ".avif"]
# The browser's own folder picker keeps class folders; Gradio's does not. Dotfiles stay at home.
FOLDER_HTML = """<label class="tu-folder"><input type="file" webkitdirectory multiple aria-label="Choose a folder of class folders">
<span>Choose a folder</span></label><small class="tu-sent" role="status"></small>"""
FOLDER_JS = """
const input = element.querySelector('input'), say = element.querySelector('.tu-sent');
input.addEventListener('change', async () => {
  const files = [...input.files].filter(f => !f.name.startsWith('.')), out = [];
  let next = 0;
  const work = async () => {
    while (next < files.length) {
      const f = files[next++], sent = await upload(f);
      out.push([f.webkitRelativePath || f.name, sent.path]);
      say.textContent = `sending ${out.length} of ${files.length}`;
    }
  };
  try { await Promise.all([work(), work(), work(), work()]); say.textContent = ''; trigger('folder', {files: out}); }
  catch (e) { say.textContent = 'Sending failed. Choose the folder again, or pack it as a ZIP.'; }
  input.value = '';
});
"""


@dataclass(frozen=True)
class Card:
    """One class on the page."""

    box: gr.Column
    name: gr.Textbox
    count: gr.HTML
    strip: gr.HTML
    add: gr.UploadButton
    camera: gr.Button
    shot: gr.Image
    remove: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with the dataset."""
        return [self.box, self.name, self.count, self.strip, self.remove]


@dataclass(frozen=True)
class DataStep:
    """The components that others refer to."""

    samples: gr.HTML
    message: gr.HTML
    zip_file: gr.File
    folder: gr.HTML
    cards: list[Card]
    add_class: gr.Button
    summary: gr.HTML
    next: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with the dataset."""
        return [self.samples, self.summary, self.add_class, *(part for card in self.cards for part in card.out)]


def layout() -> DataStep:
    """Draw the step."""
    show(title("Show it your photos", "Sort photos into classes. About 20 per class are enough to begin."))
    show(section("Start from a sample set, or bring your own"))
    with gr.Row(elem_classes="tu-source"):
        samples = clickable(data_view.sample_cards(sample_sets(), ""), "sample-set")
        with gr.Column(elem_classes="tu-drop", min_width=230):
            zip_file = gr.File(
                label="ZIP of class folders",
                show_label=False,
                file_types=[".zip"],
                elem_id="zip-upload",
                height=84,
                interactive=True,
            )
            show('<p class="tu-drop-hint"><b>Drop a ZIP here</b><small>one folder per class</small></p>', elem_classes="tu-hint")
            folder = show(FOLDER_HTML, js_on_load=FOLDER_JS, elem_id="folder-upload")
    message = show("", elem_id="data-message")
    with gr.Row(elem_classes="tu-two"):
        with gr.Column(scale=2, min_width=320):
            show(section("Your classes"))
            with gr.Row(elem_id="class-cards", elem_classes="tu-cards"):
                cards = [_card(i) for i in range(MAX_CARDS)]
                add_class = gr.Button("Add a class", elem_classes="tu-plus", elem_id="add-class")
        with gr.Column(scale=1, min_width=300):
            summary = show(data_view.summary(None, 0.2, 0), elem_id="dataset-summary")
    with gr.Row(elem_classes="tu-nav"):
        forward = gr.Button("Next: choose a network", variant="primary", elem_id="next-2")
    return DataStep(samples, message, zip_file, folder, cards, add_class, summary, forward)


def _card(i: int) -> Card:
    """One class: name, thumbnails, count, ways to add photos."""
    with gr.Column(visible=i < FIRST_CARDS, elem_classes="tu-class", min_width=230, elem_id=f"class-{i + 1}") as box:
        with gr.Row(elem_classes="tu-class-top"):
            name = gr.Textbox(
                label=f"Name of class {i + 1}", show_label=False, container=False, placeholder=f"Name of class {i + 1}", interactive=True,
                max_length=100,
            )  # fmt: skip
            count = show('<span class="tu-count">0</span>')
        strip = show('<div class="tu-strip none">No photos yet</div>')
        with gr.Row(elem_classes="tu-add"):
            add = gr.UploadButton(
                "Add photos", file_count="multiple", file_types=PICTURE_TYPES, size="sm", elem_id=f"add-photos-{i + 1}"
            )
            camera = gr.Button("Camera or paste", size="sm")
            remove = gr.Button("Remove", size="sm", visible=False, elem_classes="tu-remove")
        shot = gr.Image(
            sources=["webcam", "clipboard"], type="filepath", image_mode=None, visible=False, label=f"Camera for class {i + 1}", height=200,
            buttons=[], webcam_options=gr.WebcamOptions(mirror=True), interactive=True,
        )  # fmt: skip
    return Card(box, name, count, strip, add, camera, shot, remove)


def view(desk: Desk) -> list[Any]:
    """Updates for `DataStep.out`."""
    dataset = desk.dataset
    names = dataset.class_names if dataset else ()
    shown = max(FIRST_CARDS, len(names), int(desk.values.get("cards", FIRST_CARDS)))
    settings = desk.settings
    summary = data_view.summary(dataset, settings.get("val_fraction", 0.2), settings.get("seed", 0))
    chosen = str(desk.values.get("sample", ""))
    out: list[Any] = [data_view.sample_cards(sample_sets(), chosen), summary, gr.Button(visible=shown < MAX_CARDS)]
    for i in range(MAX_CARDS):
        out += _card_view(dataset, i, shown)
    return out


def _card_view(dataset: Dataset | None, i: int, shown: int) -> list[Any]:
    if dataset is None or i >= len(dataset.class_names):
        empty = '<div class="tu-strip none">No photos yet</div>'
        return [
            gr.Column(visible=i < shown),
            "" if dataset or i >= shown else gr.skip(),
            '<span class="tu-count">0</span>',
            empty,
            gr.Button(visible=False),
        ]
    name = dataset.class_names[i]
    count = f'<span class="tu-count">{dataset.counts[name]:,}</span>'
    return [gr.Column(visible=True), name, count, data_view.strip(dataset, i), gr.Button(visible=True)]


class DataEvents:
    """What happens in step 1; every handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: DataStep) -> None:
        self.server, self.step = server, step
        self.n_out = len(step.out)

    def wire(self, owner: gr.BrowserState, after: list[Any], refresh: Any) -> None:
        """Connect the components.

        Args:
            after: components of other steps that change with the dataset.
            refresh: function of the desk that gives their updates.
        """
        step, self.refresh = self.step, refresh
        out = [step.message, *step.out, *after]
        self.n_after = len(after)
        step.samples.pick(self.open_sample, owner, out, **LONG)
        step.zip_file.upload(self.import_zip, [owner, step.zip_file], [step.zip_file, *out], preprocess=False, **LONG)
        step.folder.folder(self.import_folder, owner, out, **LONG)
        step.add_class.click(self.add_class, owner, out, **QUIET)
        for i, card in enumerate(step.cards):
            card.add.upload(partial(self.add_photos, i), [owner, card.name, card.add], out, preprocess=False, **LONG)
            card.shot.input(partial(self.add_photos, i), [owner, card.name, card.shot], out, preprocess=False, **LONG)
            card.camera.click(_show_camera, None, card.shot, **QUIET)
            gr.on([card.name.submit, card.name.blur], partial(self.rename, i), [owner, card.name], out, **QUIET)
            card.remove.click(partial(self.remove, i), owner, out, **LONG)

    def open_sample(self, owner: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A sample set was chosen."""
        key = picked(event)
        online = next((s.online for s in sample_sets() if s.key == key), False)
        yield from self._ask(owner, "open_online" if online else "open_sample", sample=key, key=key)

    def import_zip(self, owner: str, value: Any) -> Iterator[list[Any]]:
        """A ZIP was dropped."""
        for row in self._with_files(owner, value, "import_zip"):
            yield [None, *row]  # the drop zone is free again at once

    def import_folder(self, owner: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A folder was chosen and its files were sent."""
        try:
            pairs = [
                (str(relative), str(uploaded(self.server, path)[0])) for relative, path in (event._data or {}).get("files", [])
            ]
            name = pairs[0][0].split("/")[0] if pairs else "Folder"
        except (UserError, ValueError, TypeError, IndexError) as error:
            problem = (
                error if isinstance(error, UserError) else UserError("NOT_UPLOADED", "A folder was expected.", "Choose it again.")
            )
            yield self._refused(owner, problem)
            return
        yield from self._ask(owner, "import_folder", files=pairs, name=name)

    def add_photos(self, i: int, owner: str, name: str, value: Any) -> Iterator[list[Any]]:
        """Photos were added to card `i`."""
        try:
            dataset = desk_of(self.server, owner).dataset
            known = dataset.class_names[i] if dataset and i < len(dataset.class_names) else ""
            files = [str(path) for path in uploaded(self.server, value)]
        except UserError as error:
            yield self._refused(owner, error)
            return
        if not files:
            return
        class_name = known or (name or "").strip() or f"Class {i + 1}"
        yield from self._ask(
            owner, "add_pictures", dataset_id=dataset.id if dataset else None, class_name=class_name, files=files
        )

    def add_class(self, owner: str) -> list[Any]:
        """One more card."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as error:
            return self._refused(owner, error)
        names = desk.dataset.class_names if desk.dataset else ()
        shown = max(FIRST_CARDS, len(names), int(desk.values.get("cards", FIRST_CARDS)))
        return self._all(update(self.server, owner, cards=min(MAX_CARDS, shown + 1)))

    def rename(self, i: int, owner: str, name: str) -> list[Any]:
        """The name on card `i` was changed; an unused card keeps its name until photos come."""
        try:
            dataset = desk_of(self.server, owner).dataset
            if dataset is None or i >= len(dataset.class_names) or dataset.class_names[i] == (name or "").strip():
                return self._all(desk_of(self.server, owner))
            answer = self.server.engine.ask(
                "rename_class", owner=owner, dataset_id=dataset.id, class_name=dataset.class_names[i], new_name=name or ""
            )
        except UserError as error:
            return self._refused(owner, error)
        return self._all(self._take(owner, None, answer))

    def remove(self, i: int, owner: str) -> Iterator[list[Any]]:
        """The class on card `i` was removed."""
        dataset = desk_of(self.server, owner).dataset
        if dataset and i < len(dataset.class_names):
            yield from self._ask(owner, "remove_class", dataset_id=dataset.id, class_name=dataset.class_names[i])

    def _with_files(self, owner: str, value: Any, question: str) -> Iterator[list[Any]]:
        try:
            path = uploaded(self.server, value)[0]
        except (UserError, IndexError) as error:
            yield self._refused(owner, error if isinstance(error, UserError) else UserError("NOT_UPLOADED", "No file came."))
            return
        yield from self._ask(owner, question, path=str(path), name=path.stem)

    def _ask(self, owner: str, question: str, sample: str | None = "", **arguments: Any) -> Iterator[list[Any]]:
        """Ask the engine; show progress, then everything anew, or the reason why not."""
        for html in ask(self.server, question, partial(self._take, owner, sample), owner=owner, **arguments):
            if html is None:
                yield self._all(desk_of(self.server, owner))
            elif 'role="alert"' in html:
                yield [html, *self._all(desk_of(self.server, owner))[1:]]
            else:
                yield [html, *skips(self.n_out + self.n_after)]

    def _take(self, owner: str, sample: str | None, answer: dict[str, Any]) -> Desk:
        """Put the new dataset on the desk and let unused drafts go."""
        values = {} if sample is None else {"sample": sample}
        desk = update(self.server, owner, dataset=answer["dataset_id"], **values)
        self.server.store.drop_unused_datasets(owner)
        return desk

    def _refused(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why not, and everything as it is: a skipped output would wipe what a step that is not open yet has to show."""
        if problem.code == "NO_OWNER":
            return [notice(problem), *skips(self.n_out + self.n_after)]
        return [notice(problem), *self._all(desk_of(self.server, owner))[1:]]

    def _all(self, desk: Desk) -> list[Any]:
        return [notice(), *view(desk), *self.refresh(desk)]


def _show_camera() -> gr.Image:
    return gr.Image(visible=True)
