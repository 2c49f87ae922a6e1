"""The phases of a run: first the head on frozen features, then the stages that learn from that head on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from transferui.config import TrainConfig
from transferui.data.preprocessing import VIEWS
from transferui.training.choose import choose, snapshot
from transferui.training.features import StoppedError
from transferui.training.loop import Outcome, run_phase
from transferui.training.machine import in_parts, one_thread
from transferui.training.mirror import ASKED, UNMIRRORED, ask_mirror
from transferui.training.phase import Phase, Rows, predict_rows
from transferui.training.state import Hooks, Trained
from transferui.training.watch import one_answer

# Rows carried on to the head at once; small, so that Stop is heard soon.
CARRY_BATCH = 16
# Validation photos from which on one and the same answer for all says something.
ENOUGH_TO_TELL = 10
# What the phases are called where a person reads of them.
LESSON = {"head": "The head's lesson", "finetune": "Fine-tuning"}
UNREADABLE = "A photo could no longer be read, so no changed copies were shown."
# Takes names of views and which training pictures (all when None).
Copies = Callable[[Sequence[str], Sequence[int] | None], Tensor | None]


class Phases:
    """The phases of one run over the same rows.

    Args:
        parts: every picture as it is, by part of the split.
        copies: gives changed copies of training pictures (`Prefix.copies`).
    """

    def __init__(self, run: Trained, parts: dict[str, Rows], copies: Copies, hooks: Hooks) -> None:
        self.run, self.parts, self.copies, self.hooks = run, parts, copies, hooks
        self.device = torch.device(run.device)
        self.config: TrainConfig = run.config
        self.epochs_done = 0
        groups = run.groups()
        self.units = tuple(groups[i] for i in run.split.val)

    def learn(self) -> None:
        """Head first, then the stages that learn; the better of both by validation loss is kept."""
        run = self.run
        pooled = self._pooled() if run.config.head_start == "trained" or not run.trainable else None
        if pooled:
            run.pooled = {part: rows.inputs.float() for part, rows in pooled.items() if part != "test"}
            train = pooled["train"]
            run.pooled_views = train.every_view() if train.copies is not None else None
        outcome = self._head(pooled) if pooled else self._untrained_head()
        if run.trainable and not run.stopped:
            if run.kept_phase:  # copies and blocks take long, and whoever stops then keeps all that the head has learned
                self.hooks.keep(run)
            self._finetune(outcome)

    def logits_of(self, rows: Rows) -> Tensor | None:
        """Logits of the finished model for a part of the split, or None when it is empty."""
        return predict_rows(self.phase("finetune", self.parts, self.run.boundary, 0), rows.inputs) if len(rows) else None

    def _pooled(self) -> dict[str, Rows]:
        """The head's inputs: rows carried on from the boundary through the stages that are to learn."""
        if self.run.boundary == len(self.run.model.stages):
            self._ask_mirror(self.parts["train"], lambda rows: rows)
            return self.parts | {"train": self.with_copies()}
        phase = self.phase("head", self.parts, self.run.boundary, 0)
        total, pooled = sum(len(self.parts[part]) for part in ("train", "val")), {}
        for part in ("train", "val"):  # as they are, so that the head is the same as without blocks that learn
            rows = self.parts[part]
            pooled[part] = Rows(self._carry_on(phase, rows.inputs, total), rows.labels)
        self._ask_mirror(pooled["train"], lambda rows: self._carry_on(phase, rows, len(rows)))
        return pooled

    def with_copies(self) -> Rows:
        """The training rows with the changed copies that are wanted; pictures themselves are changed anew in every batch."""
        train, views = self.parts["train"], VIEWS[self.config.augmentation][1:]
        if not views or not self.run.boundary:
            return train
        copies = self.copies(views, None)
        self.run.notes += [UNREADABLE] if copies is None else []
        return replace(train, copies=copies)

    def _ask_mirror(self, pooled: Rows, features: Callable[[Tensor], Tensor]) -> None:
        """If mirrored photos are wanted, but would be mistaken: say it, and go on as if none had been asked for.

        Args:
            pooled: features of the training photos.
            features: carries rows at the boundary on to the head.
        """
        if self.config.augmentation not in UNMIRRORED:
            return
        rows, random = self.parts["train"], torch.Generator().manual_seed(self.config.seed)
        picks = torch.randperm(len(rows), generator=random)[:ASKED]
        mirrored = self.copies(("flip",), picks.tolist()) if self.run.boundary else rows.inputs[picks].flip(-1).unsqueeze(1)
        if mirrored is None:
            return
        answer = ask_mirror(pooled.inputs[picks].float(), features(mirrored[:, 0]).float(), rows.labels[picks])
        if answer and answer.harms:
            self.run.notes.append(answer.words)
            self.run.augmentation = UNMIRRORED[self.config.augmentation]
            self.config = self.config.model_copy(update={"augmentation": self.run.augmentation})

    @torch.inference_mode()
    def _carry_on(self, phase: Phase, rows: Tensor, total: int) -> Tensor:
        """Pooled features (N, D) of one view of boundary rows."""
        phase.model.eval()
        features = []
        for part in rows.split(CARRY_BATCH):
            if self.hooks.should_stop():
                raise StoppedError
            features.append(in_parts(lambda rows: phase.features(rows.to(self.device)).cpu(), part))
            done = sum(len(f) for f in features)
            self.hooks.report({"what": "Preparing the head's first lesson", "done": done, "total": total})
        return torch.cat(features)

    def phase(self, name: str, parts: dict[str, Rows], boundary: int, epochs: int) -> Phase:
        """One phase over rows that lie at `boundary`."""
        run = self.run
        return Phase(
            name, run.model, boundary, parts["train"], parts["val"], self.config, run.preprocessing, self.device, epochs,
            self.epochs_done, _Keeper(self, name), self.units,
        )  # fmt: skip

    def _head(self, pooled: dict[str, Rows]) -> Outcome:
        """Train the head on frozen features; every stage is frozen meanwhile."""
        run = self.run
        run.model.freeze(())
        run.model.head.standardize(pooled["train"].every_view().flatten(0, 1).float().to(self.device))
        phase = self.phase("head", pooled, len(run.model.stages), run.config.epochs)
        with one_thread():
            outcome = self._finish(phase, run_phase(phase, self.hooks.report, self.hooks.should_stop))
        run.model.freeze(run.trainable, run.config.batchnorm_statistics)
        run.kept_phase, run.best_epoch, run.val_logits = "head", outcome.best_epoch, outcome.val_logits
        run.head_val_logits = outcome.val_logits
        return outcome

    def _untrained_head(self) -> Outcome:
        self.run.notes.append("The head started from nothing together with the blocks, as asked.")
        return Outcome()

    def _finetune(self, head: Outcome) -> None:
        """Train the stages that learn together with the head, from the trained head on."""
        run = self.run
        try:
            parts = self.parts | {"train": self.with_copies()}
        except StoppedError:  # the trained head is there to keep
            run.stopped = True
            return
        phase = self.phase("finetune", parts, run.boundary, run.config.finetune_passes(len(parts["train"])))
        probe = snapshot(phase) if run.kept_phase else None
        outcome = self._finish(phase, run_phase(phase, self.hooks.report, self.hooks.should_stop))
        run.val_logits, run.kept_phase, run.best_epoch = outcome.val_logits, "finetune", outcome.best_epoch
        if probe is None or head.val_logits is None:
            return
        assert outcome.val_logits is not None
        choice = choose(phase, probe, head.val_logits, outcome.val_logits)
        run.val_logits = choice.logits
        run.notes.append(choice.words)
        run.kept_share = choice.share or 1.0
        if not choice.share:
            run.kept_phase, run.best_epoch = "head", head.best_epoch

    def _finish(self, phase: Phase, outcome: Outcome) -> Outcome:
        """Note how a phase ended."""
        run = self.run
        self.epochs_done += outcome.epochs_done
        run.stopped = outcome.reason == "stopped"
        run.notes += outcome.notes
        if outcome.reason == "diverged":
            run.notes.append(
                f"{LESSON[phase.name]} went wrong again and again, at last with {outcome.slower:g} of the step size, and ended."
            )
        only = one_answer(outcome.val_logits, phase.val.labels) if outcome.val_logits is not None else None
        if only is not None and len(phase.val) >= ENOUGH_TO_TELL:
            name = run.dataset.class_names[only]
            untrained = ": no pass over the photos did better than the untrained one" if outcome.best_epoch == 0 else ""
            run.notes.append(
                f"{LESSON[phase.name]} has brought nothing of use{untrained}. Every checked photo is called {name!r}."
            )
        if 0 < outcome.at_once < min(run.config.batch_size, len(phase.train)):
            run.notes.append(
                f"Memory was short: {outcome.at_once} photos went through the network at once, with the same result."
            )
        run.phases.append(
            {
                "name": phase.name,
                "epochs": outcome.epochs_done,
                "best_epoch": outcome.best_epoch,
                "ended": outcome.reason,
                "slower": outcome.slower,
                "trouble": outcome.trouble,
                "val_loss": outcome.val_loss if math.isfinite(outcome.val_loss) else None,
                "trainable": list(run.model.trainable),
            }
        )
        run.seconds[phase.name] = outcome.seconds
        return outcome


@dataclass(frozen=True)
class _Keeper:
    """Tells the run's owner about a better state, which is then kept on disk."""

    owner: Phases
    phase: str

    def __call__(self, epoch: int, logits: Tensor) -> None:
        run = self.owner.run
        run.kept_phase, run.best_epoch, run.val_logits = self.phase, epoch, logits
        self.owner.hooks.keep(run)
