"""What to try after a run: settings to change and what that does, in words. Plain data in and out; nothing here loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.errors import UserError
from transferui.evaluation.headline import Headline
from transferui.presets import mirror_warning, propose

# A loss that rises from so early an epoch on was overshot.
SOON = 2
# The presets of freezing from the most to the fewest frozen blocks.
LADDER = ("none", "last", "half", "all")
LADDER_WORDS = {
    "none": "freeze every block",
    "last": "train the last stage too",
    "half": "train the last half",
    "all": "train every block",
}
# Class weights change something for a class whose share of the photos is so many times smaller than an even one.
SMALLER = 1.2
Row = Mapping[str, Any]
# Words and the settings that do it, or words alone where there is nothing to set.
Advice = tuple[str, Mapping[str, Any]] | str


@dataclass(frozen=True)
class Facts:
    """What the rules look at.

    Attributes:
        me: the accuracy that stands for the run.
        rows: one per epoch, of all phases.
        settings: the run's settings.
    """

    me: Headline
    results: Mapping[str, Any]
    rows: Sequence[Row]
    settings: Mapping[str, Any]

    @property
    def train(self) -> float | None:
        """Share of training photos that the kept state answers right, without changed copies."""
        return self.results.get("train_accuracy")

    @property
    def last_phase(self) -> list[Row]:
        """Rows of the phase that ended the run."""
        name = self.rows[-1]["phase"] if self.rows else ""
        return [row for row in self.rows if row["phase"] == name]

    @property
    def enough_to_tune(self) -> bool:
        """Whether a recipe that changes blocks would be proposed for these photos."""
        counts = self.results.get("scene_counts") or self.results.get("train_counts") or []
        return propose({str(n): count for n, count in enumerate(counts)}).preset != "quick"

    @property
    def tuned(self) -> bool:
        """Whether blocks of the network learned too."""
        return bool(self.results["trainable"])


def calmer(facts: Facts, rise: tuple[Row, int] | None) -> Advice:
    """What makes learning by heart harder: smaller steps where it came at once, changed copies, fewer blocks that learn."""
    if rise and rise[1] <= SOON and len(facts.last_phase) > 4:
        return smaller_steps(facts, str(facts.last_phase[-1]["phase"]))
    if facts.settings.get("augmentation") not in ("crops", "crops_no_flip"):
        return copies(facts)
    fewer = ladder(facts, -1) if facts.results["kept_phase"] == "finetune" else None  # else all blocks are as they were
    return fewer or "More photos help most against that."


def stronger(facts: Facts) -> Advice:
    """What lets it learn more: more blocks, or more epochs where all learn already or the photos are too few for that."""
    return (ladder(facts, 1) if facts.enough_to_tune else None) or longer(facts, facts.tuned)


def for_class(facts: Facts, label: int) -> Advice:
    """What helps a class that is missed: to count more where it has fewer photos than most, else more and clearer photos."""
    results, counts = facts.results, facts.results.get("train_counts") or []
    if counts and not results.get("class_weighted", True) and SMALLER * counts[label] * len(counts) <= sum(counts):
        return "let every class count the same (class weights)", {"class_weights": "balanced"}
    name = results["classes"][label]
    return f"More photos of “{name}”, and clearer ones, would help most. Also check that its photos are all in the right class."


def longer(facts: Facts, fine: bool) -> tuple[str, Mapping[str, Any]]:
    """Twice the passes, or twice the steps where fine-tuning goes by these."""
    if fine and not facts.settings["finetune_epochs"]:
        steps = min(100_000, 2 * int(facts.settings["finetune_steps"]))
        return f"twice the steps: {steps:,}", {"finetune_steps": steps}
    name = "finetune_epochs" if fine else "epochs"
    epochs = min(1000, 2 * int(facts.settings[name]))
    return f"more epochs: {epochs}", {name: epochs}


def copies(facts: Facts) -> tuple[str, Mapping[str, Any]]:
    """Changed copies; mirrored ones only where neither the names of the classes nor the run itself speak against a mirror."""
    mistaken = facts.settings.get("augmentation") == "flip" and facts.results.get("augmentation") == "none"
    if mistaken or mirror_warning(facts.results["classes"], str(facts.results.get("dataset_name", ""))):
        return "show cut copies too, none mirrored", {"augmentation": "crops_no_flip"}
    return "show mirrored and cut copies too (not for digits or signs)", {"augmentation": "crops"}


def smaller_steps(facts: Facts, phase: str, part: float = 0.1) -> tuple[str, Mapping[str, Any]]:
    """A part of the learning rate of what ran away or overshot."""
    name = "backbone_learning_rate" if phase == "finetune" else "head_learning_rate"
    rate = max(1e-7, float(f"{float(facts.settings[name]) * part:.3g}"))
    words = "a tenth of the learning rate" if part > 0.05 else "a far smaller learning rate"
    return f"{words} ({rate:g})", {name: rate}


def ladder(facts: Facts, step: int) -> tuple[str, Mapping[str, Any]] | None:
    """The next preset of freezing with more (1) or fewer (-1) blocks that learn, or None at the end."""
    try:
        backbone = get_backbone(str(facts.settings["backbone"]))
    except UserError:  # a network that another version of the app had
        return None
    now = len(facts.results["trainable"])
    sizes = [(name, len(resolve_trainable(backbone, name))) for name in LADDER]
    fitting = [name for name, size in sizes if size * step > now * step]
    if not fitting:
        return None
    name = fitting[0 if step > 0 else -1]
    words = LADDER_WORDS[name] if step > 0 else f"freeze more: {'all blocks' if name == 'none' else f'all but the {name}'}"
    return words, {"trainable": name}
