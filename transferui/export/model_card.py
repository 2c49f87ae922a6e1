"""The model card: what a model is, what it learned from, how good it is and what it is not for."""

from __future__ import annotations

import re
from typing import Any

from transferui.backbones.catalogue import get_backbone
from transferui.evaluation.headline import card_rows, class_by_class, learned_weights
from transferui.evaluation.shown import share
from transferui.training.lineage import EARLY, NOT_FINE_TUNED, ended_early, family_words, fine_tuning

USE = """```python
import transferui as tui

model = tui.load_model("model.zip")
for answer in model.predict("new.jpg"):
    print(f"{answer.probability:.1%}  {answer.class_name}")
```"""


def model_card(facts: dict[str, Any]) -> str:
    """README.md of a bundle, in Markdown.

    Args:
        facts: model.json of the bundle.
    """
    backbone, metrics = get_backbone(facts["backbone"]), facts["metrics"]
    lineage = facts.get("lineage") or []
    start = "ImageNet weights" if facts.get("weights") == "imagenet" else "random weights"
    start = "an earlier model's weights, see below" if lineage else start
    lines = [
        f"# Image classifier: {', '.join(plain(name) for name in facts['class_names'][:12])}",
        "",
        f"Made with TransferUI {facts['versions']['transferui']} from {backbone.title} ({start}).",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in _facts(facts, metrics)),
        "",
        *_notes(metrics.get("notes") or []),
        *_family(lineage, facts.get("relation", "")),
        "## Not for",
        "",
        "Pictures of anything else: it says when one is like nothing it was shown, but not always. Decisions about people.",
        "If the training photos show people, the weights may let somebody guess who was in them: share with care.",
        "",
        "## Use",
        "",
        USE,
        "",
        f"The backbone's weights: {backbone.license}. Source of the architecture: {backbone.paper}.",
    ]
    return "\n".join(lines) + "\n"


def _family(lineage: list[dict[str, Any]], own: str) -> list[str]:
    """The models that it comes from, oldest first."""
    if not lineage:
        return []
    steps = [f"{n}. {plain(text)}" for n, text in enumerate(family_words(lineage, own), start=1)]
    return ["## Where it comes from", "", *steps, f"{len(steps) + 1}. This model.", ""]


def _notes(notes: list[str]) -> list[str]:
    """What else the run had to say, for instance what makes its accuracy look better than it is."""
    return ["## Good to know", "", *(f"* {plain(note)}" for note in notes), ""] if notes else []


def plain(text: str) -> str:
    """A name or a sentence that cannot become Markdown or HTML; within a line plus and minus mean nothing."""
    return re.sub(r"(^[+-]|[\\`*_{}\[\]<>()#!|$~&])", r"\\\1", " ".join(text.split()))


def _facts(facts: dict[str, Any], metrics: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("Classes", ", ".join(plain(name) for name in facts["class_names"]))]
    if "val_accuracy" in metrics:
        rows += [
            *card_rows(metrics, 1),
            ("Learned from", f"{metrics['n_train']} photos"),
            ("Weights that learned", f"{learned_weights(metrics):,} of {metrics['total_parameters']:,}"),
        ]
        if (became := fine_tuning(metrics)) in NOT_FINE_TUNED:
            rows.append(("Fine-tuning", f"head only: {NOT_FINE_TUNED[became]}"))
        if ended_early(metrics):
            rows.append(("Ended", EARLY))
    for row in class_by_class(metrics).get("per_class", []):
        found = f"{share(row['recall'])} of {row['n']} photos" if row["n"] else "no photo to check with"
        rows.append((f"Found of {plain(row['class_name'])} (recall)", found))
    return [(name, text.replace("\u00a0", " ")) for name, text in rows]
