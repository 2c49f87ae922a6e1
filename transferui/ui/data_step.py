"""Step 1: pictures in, what there is, what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import gradio as gr

from transferui.data.dataset import Dataset
from transferui.data.samples import sample_sets
from transferui.ui import data_view
from transferui.ui.desk import Desk
from transferui.ui.html import clickable, section, show, title
from transferui.ui.typed import drafts

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
    undo: gr.Button
    open_model: gr.UploadButton
    next: gr.Button
    shown: gr.Textbox

    @property
    def out(self) -> list[Any]:
        """What changes with the dataset."""
        cards = (part for card in self.cards for part in card.out)
        return [self.samples, self.summary, self.undo, self.add_class, *cards, self.shown]


def layout(shown: gr.Textbox) -> DataStep:
    """Draw the step.

    Args:
        shown: hidden outside of all steps; holds which photos this one shows.
    """
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
            summary = clickable(data_view.summary(None, 0.2, 0), "dataset-summary")
            undo = gr.Button("Undo the last change", visible=False, size="sm", elem_id="undo")
    with gr.Row(elem_classes="tu-nav"):
        open_model = gr.UploadButton(
            "Open a trained model", file_types=[".zip"], elem_id="open-model-first", elem_classes="tu-back"
        )
        forward = gr.Button("Next: choose a network", variant="primary", elem_id="next-2")
    return DataStep(samples, message, zip_file, folder, cards, add_class, summary, undo, open_model, forward, shown)


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
            camera = gr.Button("Camera or paste", size="sm", elem_id=f"camera-{i + 1}")
            remove = gr.Button("Remove", size="sm", visible=False, elem_classes="tu-remove")
        shot = gr.Image(
            sources=["webcam", "clipboard"], type="filepath", image_mode=None, visible=False, label=f"Camera for class {i + 1}", height=200,
            buttons=[], webcam_options=gr.WebcamOptions(mirror=False), interactive=True, elem_id=f"shot-{i + 1}",
        )  # fmt: skip
    return Card(box, name, count, strip, add, camera, shot, remove)


def cards_shown(desk: Desk, dataset: Dataset | None) -> int:
    """How many class cards are on the page."""
    return min(
        MAX_CARDS, max(FIRST_CARDS, len(dataset.class_names) if dataset else 0, int(desk.values.get("cards", FIRST_CARDS)))
    )


def view(desk: Desk, leave: Collection[int] = ()) -> list[Any]:
    """Updates for `DataStep.out`.

    Args:
        leave: cards whose names stay as they are in the browser; only while this step is on the screen.
    """
    dataset, settings = desk.dataset, desk.settings
    shown = cards_shown(desk, dataset)
    ignored = [str(one) for one in desk.values.get("ignored", [])]
    summary = data_view.summary(dataset, settings.get("val_fraction", 0.2), settings.get("seed", 0), MAX_CARDS, ignored)
    chosen = str(desk.values.get("sample", ""))
    out: list[Any] = [
        data_view.sample_cards(sample_sets(), chosen),
        summary,
        gr.Button(visible=desk.former is not None),
        gr.Button(visible=shown < MAX_CARDS),
    ]
    names = dataset.class_names if dataset else ()
    typed = dict(enumerate(drafts(desk), start=len(names)))
    for i in range(MAX_CARDS):
        full = dataset is not None and i < len(names)
        card = _full_card(dataset, i) if dataset and full else _empty_card(typed.get(i, ""), visible=i < shown)
        out += [card[0], gr.skip(), *card[2:]] if i in leave else card
    return [*out, dataset.id if dataset else ""]


def _empty_card(name: str, *, visible: bool) -> list[Any]:
    empty = '<div class="tu-strip none">No photos yet</div>'
    return [gr.Column(visible=visible), name, '<span class="tu-count">0</span>', empty, gr.Button(visible=False)]


def _full_card(dataset: Dataset, i: int) -> list[Any]:
    name = dataset.class_names[i]
    count = f'<span class="tu-count">{dataset.counts[name]:,}</span>'
    return [gr.Column(visible=True), name, count, data_view.strip(dataset, i), gr.Button(visible=True)]
