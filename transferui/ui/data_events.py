"""Step 1, what happens: photos come, classes are named and removed, the last change is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import gradio as gr

from transferui.data.dataset import Dataset
from transferui.data.findings import find_action
from transferui.data.samples import sample_sets
from transferui.errors import UserError
from transferui.ui import health_view, typed
from transferui.ui.changes import Change, free_name, key_of, make, of_class, of_dataset, removed, same_photos, with_photos
from transferui.ui.data_step import MAX_CARDS, DataStep, cards_shown, view
from transferui.ui.desk import LONG, QUIET, Desk, Server, desk_of, forget_dataset, skips, update, uploaded
from transferui.ui.html import notice, photos, picked, sent
from transferui.ui.turns import CHANGE, in_turn, line_of, turn

# Findings that a desk remembers as ignored; those of long gone photos fall out.
IGNORED = 200
# Undo does not wait longer for a change that is on its way: it would take back another than the person has seen.
UNDO_S = 3.0


class DataEvents:
    """What happens in step 1; a handler's first arguments are the owner's token and the dataset that this tab shows."""

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
        out, who = [step.message, *step.out, *after], [owner, step.shown]
        self.n_after = len(after)
        step.samples.pick(self.open_sample, who, out, **CHANGE)
        step.zip_file.upload(self.import_zip, [*who, step.zip_file], [step.zip_file, *out], preprocess=False, **CHANGE)
        step.folder.folder(self.import_folder, who, out, **CHANGE)
        step.add_class.click(self.add_class, who, out, **QUIET)
        step.summary.pick(self.on_finding, who, out, **CHANGE)
        step.undo.click(self.undo, who, out, **QUIET)
        # A name changes nothing in other steps, and outputs of this one may be skipped because it is on the screen.
        named = [step.message, *step.out]
        for i, card in enumerate(step.cards):
            card.add.upload(partial(self.add_photos, i), [*who, card.name, card.add], out, preprocess=False, **CHANGE)
            card.shot.input(
                partial(self.add_shot, i), [*who, card.name, card.shot], [card.shot, *out], preprocess=False, **CHANGE
            )
            card.camera.click(_show_camera, None, card.shot, **QUIET)
            card.name.input(partial(self.type_name, i), [owner, card.name], None, **{**QUIET, "trigger_mode": "always_last"})
            # The last name counts, so it is the only one that has to wait for the one before.
            last = {**LONG, "trigger_mode": "always_last"}
            gr.on([card.name.submit, card.name.blur], partial(self.rename, i), [*who, card.name], named, **last)
            card.remove.click(partial(self.remove, i), [*who, card.name], out, **LONG)

    def open_sample(self, owner: str, shown: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A sample set was chosen."""
        key = picked(event)
        online = next((s.online for s in sample_sets() if s.key == key), False)
        yield from self._replace(owner, shown, "open_online" if online else "open_sample", sample=key, key=key)

    def import_zip(self, owner: str, shown: str, value: Any) -> Iterator[list[Any]]:
        """A ZIP was dropped; the drop zone is free again at once."""
        yield [None, *skips(1 + self.n_out + self.n_after)]
        try:
            path = uploaded(self.server, value)[0]
        except (UserError, IndexError) as error:
            problem = error if isinstance(error, UserError) else UserError("NOT_UPLOADED", "No file came.")
            yield [gr.skip(), *self._refused(owner, shown, problem)]
            return
        for row in self._replace(owner, shown, "import_zip", path=str(path), name=path.stem):
            yield [gr.skip(), *row]

    def import_folder(self, owner: str, shown: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A folder was chosen and its files were sent."""
        try:
            pairs = [(str(relative), str(uploaded(self.server, path)[0])) for relative, path in sent(event).get("files", [])]
            name = pairs[0][0].split("/")[0] if pairs else "Folder"
        except (UserError, ValueError, TypeError, IndexError) as error:
            problem = (
                error if isinstance(error, UserError) else UserError("NOT_UPLOADED", "A folder was expected.", "Choose it again.")
            )
            yield self._refused(owner, shown, problem)
            return
        yield from self._replace(owner, shown, "import_folder", files=pairs, name=name)

    def _replace(self, owner: str, shown: str, question: str, sample: str = "", **arguments: Any) -> Iterator[list[Any]]:
        """Other photos in place of those on the desk."""
        yield from self._make(owner, shown, Change(question, lambda _: arguments, partial(self.take, sample), whole=True))

    def add_photos(self, i: int, owner: str, shown: str, name: str, value: Any) -> Iterator[list[Any]]:
        """Photos were added to card `i`."""
        try:
            desk = desk_of(self.server, owner)
            files = [str(path) for path in uploaded(self.server, value)]
        except UserError as error:
            yield self._refused(owner, shown, error)
            return
        if not files:
            yield self._all(desk, typed.boxes(desk, shown))
            return
        # The class is told by its name: the cards may have moved when it is this change's turn.
        names, name = typed.class_names(desk), typed.clean(name)
        class_name = names[i] if i < len(names) else name or free_name(names, i)
        arguments = partial(with_photos, name, class_name, files)
        yield from self._make(owner, shown, Change("add_pictures", arguments, partial(self._take_photos, i, name)))

    def _take_photos(self, i: int, name: str, desk: Desk, answer: dict[str, Any]) -> None:
        """Photos came for card `i`; if they made a class, the card's name is no draft any more."""
        now = self.take("", desk, answer)
        if len(typed.class_names(now)) > len(typed.class_names(desk)):
            typed.drop_draft(desk, i, name)

    def add_shot(self, i: int, owner: str, shown: str, name: str, value: Any) -> Iterator[list[Any]]:
        """The camera took a photo, or one was pasted, on card `i`; the camera is free for the next one at once."""
        yield [None, *skips(1 + self.n_out + self.n_after)]
        for row in self.add_photos(i, owner, shown, name, value):
            yield [gr.skip(), *row]

    @in_turn
    def add_class(self, owner: str, shown: str) -> list[Any]:
        """One more card."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as error:
            return self._refused(owner, shown, error)
        more = update(self.server, owner, cards=min(MAX_CARDS, cards_shown(desk, desk.dataset) + 1))
        return self._all(more, typed.boxes(more, shown))

    def type_name(self, i: int, owner: str, name: str) -> None:
        """Somebody types on card `i`."""
        with suppress(UserError):  # a page that has not told who it is
            typed.keep(self.server, owner, i, name, typing=True)

    def rename(self, i: int, owner: str, shown: str, name: str) -> Iterator[list[Any]]:
        """The name on card `i` was changed; an empty card keeps its name until photos come."""
        try:
            typed.keep(self.server, owner, i, name, typing=False)
            desk = desk_of(self.server, owner)
        except UserError as error:
            yield self._refused(owner, shown, error)[: 1 + self.n_out]
            return
        names, before = typed.class_names(desk), typed.boxes(desk, shown)
        if i >= len(names) or names[i] == (name or "").strip():
            yield skips(1 + self.n_out)
            return
        if before and i < len(before):
            before[i] = name  # put back where it is refused, else left alone: the person may be typing on
        arguments = partial(of_class, {"class_name": names[i], "new_name": name or ""})
        for html in make(self.server, owner, Change("rename_class", arguments, partial(self.take, None))):
            if html is None or 'role="alert"' in html:
                desk = desk_of(self.server, owner)
                yield [html or notice(), *view(desk, typed.kept(desk, before, MAX_CARDS))]
            else:
                yield [html, *skips(self.n_out)]

    def remove(self, i: int, owner: str, shown: str, name: str) -> Iterator[list[Any]]:
        """The class on card `i` was removed."""
        try:
            names = typed.class_names(desk_of(self.server, owner))
        except UserError as error:
            yield self._refused(owner, shown, error)
            return
        arguments = partial(removed, i, typed.clean(name), names[i] if i < len(names) else "")
        yield from self._make(
            owner, shown, Change("remove_class", arguments, partial(self.take, None), once=f"remove:{i}:{name}")
        )

    def on_finding(self, owner: str, shown: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A button of a finding about the photos was pressed: act on it, ignore it, show what was ignored, or look for some."""
        what, _, rest = picked(event).partition("|")
        try:
            desk = desk_of(self.server, owner)
            if what in (health_view.IGNORE, health_view.SHOW_AGAIN):
                desk = self._ignore(owner, rest if what == health_view.IGNORE else "")
                yield self._all(desk, typed.boxes(desk, shown))
            elif desk.dataset is None:
                raise UserError("EMPTY_DATASET", "There are no photos (any more).", "Add photos first.")
            elif what == health_view.RECHECK:
                yield from self._make(owner, shown, Change("examine_again", of_dataset, partial(self.take, None), once=what))
            else:
                yield from self._act(owner, shown, desk.dataset, rest)
        except UserError as error:
            yield self._refused(owner, shown, error)

    def _ignore(self, owner: str, finding: str) -> Desk:
        """A finding, or with an empty name none, is ignored."""
        with turn(owner):
            before = desk_of(self.server, owner).values.get("ignored", [])
            return update(self.server, owner, ignored=[*before, finding[:100]][-IGNORED:] if finding else [])

    def _act(self, owner: str, shown: str, dataset: Dataset, place: str) -> Iterator[list[Any]]:
        """Do what the button at a place ``finding|case|action`` says, and tell how to take it back.

        Raises:
            UserError: ``NOT_FOUND`` when the finding is not there (any more).
        """
        finding, case, action = [*place.split("|"), "", ""][:3]
        if not _is_number(case) or not _is_number(action):
            raise UserError("NOT_FOUND", "This finding does not exist (any more).", "Reload the page.")
        chosen = find_action(dataset, finding, int(case), int(action))
        # By their content: when this change has its turn, another may have moved them.
        keys = [key_of(dataset, i) for i in chosen.samples]
        to = dataset.class_names[chosen.label] if chosen.do == "move" and chosen.label is not None else None
        question, done = (
            ("move_samples", "Done: the photos are in one class now.")
            if to
            else ("drop_samples", f"{photos(len(keys))} dropped.")
        )
        change = Change(question, partial(same_photos, keys, to), partial(self.take, None), once=f"{finding}|{case}")
        for row in self._make(owner, shown, change):
            yield [notice(f"{done} “Undo the last change” takes it back.", "ok"), *row[1:]] if row[0] == "" else row

    def undo(self, owner: str, shown: str) -> list[Any]:
        """Take the last change back; pressed again, it is made again."""
        try:
            desk_of(self.server, owner)
            with line_of(owner).turn(limit_s=UNDO_S):
                desk = desk_of(self.server, owner)
                if desk.former is None:
                    raise UserError("NOT_FOUND", "There is nothing to take back (any more).", "Go on from here.")
                swapped = {"dataset": desk.values["former"], "former": desk.values.get("dataset")}
                samples = {"sample": desk.values.get("former_sample", ""), "former_sample": desk.values.get("sample", "")}
                desk = update(self.server, owner, **swapped, **samples)
            return self._all(desk, typed.boxes(desk, shown))
        except UserError as error:
            return self._refused(owner, shown, error)

    def _make(self, owner: str, shown: str, change: Change) -> Iterator[list[Any]]:
        """Make a change; show progress, then everything anew, or the reason why not."""
        try:
            before = typed.boxes(desk_of(self.server, owner), shown)  # and nothing is stored for nobody
        except UserError as error:
            yield self._refused(owner, shown, error)
            return
        html: Any = gr.skip()  # a double click: the first one tells what comes of it
        for html in make(self.server, owner, change):
            if html is not None and 'role="alert"' not in html:
                yield [html, *skips(self.n_out + self.n_after)]
        yield [notice() if html is None else html, *self._all(desk_of(self.server, owner), before)[1:]]

    def take(self, sample: str | None, before: Desk, answer: dict[str, Any]) -> Desk:
        """Put the new dataset on the desk; the one before stays for Undo, and the one before that goes.

        Args:
            sample: the sample set that the photos are; None when that has not changed.
            before: the desk as it was when the new dataset was made from it.
        """
        gone, now = before.values.get("former"), before.values.get("dataset")
        values = {"former": now, "former_sample": before.values.get("sample", "")}
        values |= {} if sample is None else {"sample": sample}
        desk = update(self.server, before.owner, dataset=answer["dataset_id"], **values)
        forget_dataset(desk, str(gone or ""))
        return desk

    def _refused(self, owner: str, shown: str, problem: UserError) -> list[Any]:
        """The reason why not, and everything as it is: a skipped output would wipe what a step that is not open yet has to show."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(self.n_out + self.n_after)]
        return [notice(problem), *self._all(desk, typed.boxes(desk, shown))[1:]]

    def _all(self, desk: Desk, before: typed.Boxes) -> list[Any]:
        """Everything anew, but no name that the page holds already: the person may be typing another one there."""
        return [notice(), *view(desk, typed.kept(desk, before, MAX_CARDS)), *self.refresh(desk)]


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 9


def _show_camera() -> gr.Image:
    return gr.Image(visible=True)
