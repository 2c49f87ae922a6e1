"""Step 1, what happens: photos come, classes are named and removed, the last change is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from transferui.data.dataset import Dataset
from transferui.data.samples import sample_sets
from transferui.errors import UserError
from transferui.ui import health_view
from transferui.ui.data_step import MAX_CARDS, DataStep, cards_shown, drafts, view
from transferui.ui.desk import LONG, QUIET, Desk, Server, ask, desk_of, forget_dataset, skips, update, uploaded
from transferui.ui.html import notice, photos, picked, sent

# Findings that a desk remembers as ignored; those of long gone photos fall out.
IGNORED = 200


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
        step.summary.pick(self.on_finding, owner, out, **LONG)
        step.undo.click(self.undo, owner, out, **QUIET)
        for i, card in enumerate(step.cards):
            card.add.upload(partial(self.add_photos, i), [owner, card.name, card.add], out, preprocess=False, **LONG)
            card.shot.input(partial(self.add_shot, i), [owner, card.name, card.shot], [card.shot, *out], preprocess=False, **LONG)
            card.camera.click(_show_camera, None, card.shot, **QUIET)
            # A name changes nothing in other steps, and outputs of this one may be skipped because it is on the screen.
            named = [step.message, *step.out]
            gr.on([card.name.submit, card.name.blur], partial(self.rename, i), [owner, card.name], named, **QUIET)
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
            pairs = [(str(relative), str(uploaded(self.server, path)[0])) for relative, path in sent(event).get("files", [])]
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
            desk = desk_of(self.server, owner)
            files = [str(path) for path in uploaded(self.server, value)]
        except UserError as error:
            yield self._refused(owner, error)
            return
        if not files:
            yield self._all(desk)
            return
        dataset = desk.dataset
        known = dataset.class_names[i] if dataset and i < len(dataset.class_names) else ""
        class_name = known or (name or "").strip() or _free_name(dataset, i)
        if not known:
            self._drop_draft(desk, i)
        dataset_id = dataset.id if dataset else None
        for row in self._ask(owner, "add_pictures", dataset_id=dataset_id, class_name=class_name, files=files):
            if isinstance(row[0], str) and 'role="alert"' in row[0]:  # nothing was added: the typed names stay where they were
                back = update(self.server, owner, drafts=drafts(desk))
                yield [row[0], *self._all(back)[1:]]
            else:
                yield row

    def add_shot(self, i: int, owner: str, name: str, value: Any) -> Iterator[list[Any]]:
        """The camera took a photo, or one was pasted, on card `i`; the camera is free for the next one at once."""
        for row in self.add_photos(i, owner, name, value):
            yield [None, *row]

    def add_class(self, owner: str) -> list[Any]:
        """One more card."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as error:
            return self._refused(owner, error)
        return self._all(update(self.server, owner, cards=min(MAX_CARDS, cards_shown(desk, desk.dataset) + 1)))

    def rename(self, i: int, owner: str, name: str) -> list[Any]:
        """The name on card `i` was changed; an empty card keeps its name until photos come."""
        try:
            desk = desk_of(self.server, owner)
            names = desk.dataset.class_names if desk.dataset else ()
            if i >= len(names):
                self._keep_draft(desk, i - len(names), name)
            if desk.dataset is None or i >= len(names) or names[i] == (name or "").strip():
                return skips(1 + self.n_out)
            answer = self.server.engine.ask(
                "rename_class", owner=owner, dataset_id=desk.dataset.id, class_name=names[i], new_name=name or ""
            )
            return [notice(), *view(self.take(owner, None, answer))]
        except UserError as error:
            return self._refused(owner, error)[: 1 + self.n_out]

    def remove(self, i: int, owner: str) -> Iterator[list[Any]]:
        """The class on card `i` was removed."""
        try:
            dataset = desk_of(self.server, owner).dataset
        except UserError as error:
            yield self._refused(owner, error)
            return
        if dataset and i < len(dataset.class_names):
            yield from self._ask(owner, "remove_class", sample=None, dataset_id=dataset.id, class_name=dataset.class_names[i])

    def on_finding(self, owner: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A button of a finding about the photos was pressed: act on it, ignore it, show what was ignored, or look for some."""
        what, _, rest = picked(event).partition("|")
        try:
            desk = desk_of(self.server, owner)
            if what in (health_view.IGNORE, health_view.SHOW_AGAIN):
                now = [*desk.values.get("ignored", []), rest[:100]][-IGNORED:] if what == health_view.IGNORE else []
                yield self._all(update(self.server, owner, ignored=now))
                return
            if desk.dataset is None:
                raise UserError("EMPTY_DATASET", "There are no photos (any more).", "Add photos first.")
        except UserError as error:
            yield self._refused(owner, error)
            return
        if what == health_view.RECHECK:
            yield from self._ask(owner, "examine_again", sample=None, dataset_id=desk.dataset.id)
        else:
            yield from self._act(owner, desk.dataset, rest)

    def _act(self, owner: str, dataset: Dataset, place: str) -> Iterator[list[Any]]:
        """Do what the button at a place ``finding|case|action`` says, and tell how to take it back."""
        finding, case, action = [*place.split("|"), "", ""][:3]
        if not _is_number(case) or not _is_number(action):
            yield self._refused(owner, UserError("NOT_FOUND", "This finding does not exist (any more).", "Reload the page."))
            return
        where = {"finding": finding, "case": int(case), "action": int(action)}
        for row in self._ask(owner, "act_on_finding", sample=None, dataset_id=dataset.id, **where):
            if row[0] == "":
                now = desk_of(self.server, owner).dataset
                gone = len(dataset.samples) - (len(now.samples) if now else 0)
                done = f"{photos(gone)} dropped." if gone else "Done: the photos are in one class now."
                yield [notice(f"{done} “Undo the last change” takes it back.", "ok"), *row[1:]]
            else:
                yield row

    def undo(self, owner: str) -> list[Any]:
        """Take the last change back; pressed again, it is made again."""
        try:
            desk = desk_of(self.server, owner)
            former = desk.former
            if former is None:
                raise UserError("NOT_FOUND", "There is nothing to take back (any more).", "Go on from here.")
            swapped = {"dataset": desk.values["former"], "former": desk.values.get("dataset")}
            samples = {"sample": desk.values.get("former_sample", ""), "former_sample": desk.values.get("sample", "")}
            return self._all(update(self.server, owner, **swapped, **samples))
        except UserError as error:
            return self._refused(owner, error)

    def _keep_draft(self, desk: Desk, place: int, name: str) -> None:
        """Remember the name on an empty card, so that neither another change nor a refresh wipes it."""
        names = drafts(desk)
        names += [""] * (place + 1 - len(names))
        names[place] = str(name or "")[:200]
        update(self.server, desk.owner, drafts=names[:MAX_CARDS])

    def _drop_draft(self, desk: Desk, i: int) -> None:
        """Card `i` gets photos: its name is a class's now, and the other empty cards move up."""
        place = i - (len(desk.dataset.class_names) if desk.dataset else 0)
        update(self.server, desk.owner, drafts=[name for n, name in enumerate(drafts(desk)) if n != place])

    def _with_files(self, owner: str, value: Any, question: str) -> Iterator[list[Any]]:
        try:
            path = uploaded(self.server, value)[0]
        except (UserError, IndexError) as error:
            yield self._refused(owner, error if isinstance(error, UserError) else UserError("NOT_UPLOADED", "No file came."))
            return
        yield from self._ask(owner, question, path=str(path), name=path.stem)

    def _ask(self, owner: str, question: str, sample: str | None = "", **arguments: Any) -> Iterator[list[Any]]:
        """Ask the engine; show progress, then everything anew, or the reason why not."""
        try:
            desk_of(self.server, owner)  # before anything is stored for nobody
        except UserError as error:
            yield self._refused(owner, error)
            return
        for html in ask(self.server, question, partial(self.take, owner, sample), owner=owner, **arguments):
            if html is None:
                yield self._all(desk_of(self.server, owner))
            elif 'role="alert"' in html:
                yield [html, *self._all(desk_of(self.server, owner))[1:]]
            else:
                yield [html, *skips(self.n_out + self.n_after)]

    def take(self, owner: str, sample: str | None, answer: dict[str, Any]) -> Desk:
        """Put the new dataset on the desk; the one before stays for Undo, and the one before that goes."""
        desk = desk_of(self.server, owner)
        gone, now = desk.values.get("former"), desk.values.get("dataset")
        values = {"former": now, "former_sample": desk.values.get("sample", "")}
        values |= {} if sample is None else {"sample": sample}
        desk = update(self.server, owner, dataset=answer["dataset_id"], **values)
        forget_dataset(desk, str(gone or ""))
        return desk

    def _refused(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why not, and everything as it is: a skipped output would wipe what a step that is not open yet has to show."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(self.n_out + self.n_after)]
        return [notice(problem), *self._all(desk)[1:]]

    def _all(self, desk: Desk) -> list[Any]:
        return [notice(), *view(desk), *self.refresh(desk)]


def _free_name(dataset: Dataset | None, i: int) -> str:
    """A name for a class that was given none, not one that is taken."""
    taken = dataset.class_names if dataset else ()
    return next(name for name in (f"Class {n}" for n in range(i + 1, i + 3 + len(taken))) if name not in taken)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 9


def _show_camera() -> gr.Image:
    return gr.Image(visible=True)
