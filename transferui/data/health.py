"""What is wrong with a dataset, found before anything is trained: copies, conflicts, leaks, series, imbalance, odd pictures."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from transferui.config import IMBALANCE
from transferui.data.alike import alike
from transferui.data.dataset import Dataset
from transferui.data.findings import MAX_CASES, Action, Case, Finding, count, load_findings, quoted, ranked, signature, some
from transferui.data.images import Original, read_image
from transferui.data.layout import Skipped
from transferui.data.similar import BLANK_CONTRAST, Kin, kin_of
from transferui.errors import UserError

# Fewer photos than this say little about a class; twice as many are a good start.
FEW = 10
# Shorter sides, in pixels, that are nothing but blur once they are as large as a network wants them.
TINY = 32
# Side in pixels at which a picture without contrast is looked at once more.
LOOK_AGAIN = 128
# A property gives a class away when so many of its photos have it and so few of all others.
ALL, NONE = 0.95, 0.05


def examine(dataset: Dataset, kin: Kin) -> list[Finding]:
    """All findings, the most severe first."""
    found = [
        *alike(dataset, kin),
        *_blank(dataset, kin),
        *_shortcuts(dataset),
        *_imbalance(dataset),
        *_unchecked(dataset),
        *_few(dataset),
        *_tiny(dataset),
    ]
    return [replace(one, id=signature(one, dataset)) for one in ranked(found)]


def findings_of(dataset: Dataset) -> list[Finding]:
    """All findings: as stored with the dataset, or looked for now."""
    stored = load_findings(dataset)
    return examine(dataset, kin_of(dataset)) if stored is None else stored


def unreadable(dataset: Dataset) -> list[Skipped]:
    """Pictures whose header is sound and whose pixels are not, with the reason; every one is decoded, on all cores."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        reasons = pool.map(_trouble, (sample.path for sample in dataset.samples))
        return [Skipped(sample.name, why) for sample, why in zip(dataset.samples, reasons, strict=True) if why]


def _trouble(path: Path) -> str:
    try:
        read_image(path)
    except UserError as error:
        return error.message
    return ""


def _blank(dataset: Dataset, kin: Kin) -> list[Finding]:
    # Averaged to a few values, a fine weave has no contrast either, and equally bright colors have none in gray: look again.
    pale = np.flatnonzero(kin.contrast < BLANK_CONTRAST)
    found = tuple(int(i) for i in pale if _is_plain(dataset.samples[i].path))
    if not found:
        return []
    n = len(found)
    return [
        Finding(
            "blank",
            "warn",
            f"{count(n, 'photo shows', 'photos show')} nothing",
            "One color all over: a lens cap, a failed scan, an empty page?",
            "blank",
            found,
            cases=tuple(Case((i,), dataset.class_names[dataset.samples[i].label]) for i in found[:MAX_CASES]),
            n_cases=n,
            actions=(Action(f"Drop {'it' if n == 1 else f'all {n:,}'}", "drop", found),),
        )
    ]


def _is_plain(path: Path) -> bool:
    """Whether no color channel of a picture has any structure that is larger than the noise of a camera."""
    try:
        image = read_image(path, at_least=LOOK_AGAIN)
    except UserError:
        return False  # whoever trains or checks says which picture is broken and why
    image.thumbnail((LOOK_AGAIN, LOOK_AGAIN), Image.Resampling.BOX)
    return bool(np.asarray(image, dtype=np.float32).std((0, 1)).max() < BLANK_CONTRAST)


# A property, its value, the classes whose photos have it, and whether no others have it.
_Shared = tuple[str, str, list[int], bool]


def _shortcuts(dataset: Dataset) -> list[Finding]:
    """A size, color mode or file format that all photos of some classes share and no others have."""
    known = [(s.label, s.original) for s in dataset.samples if s.original]
    totals = Counter(label for label, _ in known)
    findings = []
    for what, value_of in _PROPERTIES.items():
        counts = Counter((label, value_of(original)) for label, original in known)
        by_value: dict[str, list[int]] = defaultdict(list)
        for label, value in counts:
            by_value[value].append(label)
        for value in sorted(by_value):
            full = [k for k in by_value[value] if counts[k, value] >= ALL * totals[k]]
            other = [k for k in totals if k not in full]
            clean = all(counts[k, value] <= NONE * totals[k] for k in other)
            if full and other and clean and min(totals[k] for k in full) >= FEW:
                clear = not any(counts[k, value] for k in other)
                findings.append((what, value, full, clear))
    return [_shortcut(dataset, what, [row for row in findings if row[0] == what]) for what in _PROPERTIES if _has(findings, what)]


def _has(findings: Sequence[_Shared], what: str) -> bool:
    return any(row[0] == what for row in findings)


def _shortcut(dataset: Dataset, what: str, rows: Sequence[_Shared]) -> Finding:
    """One finding about one property, with the values that give classes away."""
    parts = [f"{quoted(dataset.class_names[k] for k in full)}: {value}" for _, value, full, _ in rows]
    others = "and no other photos" if all(clear for *_, clear in rows) else "and hardly any other photos"
    shown = [Case(tuple(some([i for i, s in enumerate(dataset.samples) if s.label in full])), part)
             for part, (_, _, full, _) in zip(parts, rows, strict=True)]  # fmt: skip
    return Finding(
        "shortcut",
        "warn",
        f"The {what} alone gives a class away",
        f"{'; '.join(parts)}, {others}. It may learn how the files were made instead of what they show, and then "
        "fail on other photos. Best are photos of all classes from the same camera, saved in the same way.",
        "shortcut",
        about=what + "; ".join(parts),
        cases=tuple(shown[:MAX_CASES]),
        n_cases=len(shown),
    )


def _size(original: Original) -> str:
    return f"{original.width} × {original.height} pixels"


def _mode(original: Original) -> str:
    gray = original.mode in ("1", "L", "LA", "La", "F") or original.mode.startswith("I")
    return "gray" if gray else "with transparency" if original.mode in ("RGBA", "RGBa", "PA") else "color"


def _format(original: Original) -> str:
    return f"{original.format} files"


_PROPERTIES: dict[str, Callable[[Original], str]] = {"size in pixels": _size, "color mode": _mode, "file format": _format}


def _learned(dataset: Dataset) -> tuple[dict[str, int], str]:
    """Number of pictures per class that are not kept to check with, and where these lie when parts are given."""
    counts = Counter(s.label for s in dataset.samples if s.split in (None, "train"))
    given = any(s.split for s in dataset.samples)
    return {name: counts[label] for label, name in enumerate(dataset.class_names)}, " in ‘train’" if given else ""


def _imbalance(dataset: Dataset) -> list[Finding]:
    counts, where = _learned(dataset)
    filled = {name: n for name, n in counts.items() if n}
    if len(filled) < 2 or max(filled.values()) <= IMBALANCE * min(filled.values()):
        return []
    most, least = max(filled, key=lambda name: filled[name]), min(filled, key=lambda name: filled[name])
    times = filled[most] / filled[least]
    return [
        Finding(
            "imbalance",
            "warn",
            f"‘{most}’ has {times:.0f} times the photos of ‘{least}’{where}",
            "Small classes will count more. Look at the result of each class, not only at the whole.",
            "imbalance",
            about=f"{most}\n{least}",
        )
    ]


def _few(dataset: Dataset) -> list[Finding]:
    counts, where = _learned(dataset)
    totals = dataset.counts  # a class with a single photo cannot be trained at all, which is said elsewhere
    small = [name for name, n in counts.items() if 0 < n < FEW and totals[name] > 1]
    if not small:
        return []
    have = "has" if len(small) == 1 else "have"
    return [
        Finding(
            "few",
            "warn",
            f"{quoted(small)} {have} fewer than {FEW} photos{where}",
            f"The result will be a rough guess. About {2 * FEW} photos per class are a good start.",
            "too few images",
            about="\n".join(small),
        ),
    ]


def _unchecked(dataset: Dataset) -> list[Finding]:
    """Classes that are learned and have no picture in a given val folder."""
    checked = {s.label for s in dataset.samples if s.split == "val"}
    counts, _ = _learned(dataset)
    missing = [name for label, name in enumerate(dataset.class_names) if counts[name] and label not in checked]
    if not checked or not missing:
        return []
    has, them, are = ("has", "it", "it is") if len(missing) == 1 else ("have", "them", "they are")
    return [
        Finding(
            "unchecked",
            "warn",
            f"{quoted(missing)} {has} no photo to check with",
            f"The folder ‘val’ has none of {them}, so nobody will know how well {are} recognized. "
            "Put some photos there that are not in ‘train’.",
            "class missing in validation",
            about="\n".join(missing),
        )
    ]


def _tiny(dataset: Dataset) -> list[Finding]:
    samples = dataset.samples
    found = tuple(i for i, s in enumerate(samples) if s.original and min(s.original.width, s.original.height) < TINY)
    if not found:
        return []
    cases = tuple(Case((i,), _size(original)) for i in found[:MAX_CASES] if (original := samples[i].original))
    if 2 * len(found) > len(samples):
        words = "They are enlarged for the network, which has learned from photos of more than 200 pixels. Expect less."
        title = f"{'All' if len(found) == len(samples) else 'Most'} photos are tiny"
        return [Finding("tiny", "info", title, words, "low resolution", about="most")]
    n = len(found)
    drop = Action(f"Drop {'it' if n == 1 else f'all {n:,}'}", "drop", found)
    words = f"Less than {TINY} pixels on a side: enlarged, they are nothing but blur."
    title = f"{count(n, 'photo is', 'photos are')} tiny"
    return [Finding("tiny", "warn", title, words, "low resolution", found, cases=cases, n_cases=n, actions=(drop,))]
