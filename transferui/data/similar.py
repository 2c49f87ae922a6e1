"""Which pictures are near-copies or mirror images of one another, and which belong to a series, such as the burst of a webcam.

Two pictures are near-copies when 32 x 32 gray values correlate almost perfectly and neither brightness nor color differs much,
or when they correlate still better and differ by no more than brightness and contrast. Copies that were cut, tilted or recolored
are not found.
Measured on flowers, insects, leaves, digits and a webcam: pictures that were taken one by one never come near the limits,
not even digits of 28 x 28 pixels, of which a perceptual hash alone would take hundreds for one another.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from transferui.data.dataset import Dataset, Sample
from transferui.data.images import read_image
from transferui.data.looks import COLORS, LOOK, SIDE, Array, look, read_looks, write_looks
from transferui.errors import UserError

# Correlation of 32 x 32 gray values and mean differences (of 255) in gray and in 4 x 4 color patches.
NEAR, NEAR_GRAY, NEAR_COLOR = 0.985, 8.0, 16.0
# A copy that was made brighter or darker, or got more or less contrast (as such a factor), correlates better than that.
ADJUSTED, LEAST_SPREAD, MOST_SPREAD = 0.995, 0.6, 1 / 0.6
# Neighbors in a series are allowed to move more: between two frames a hand goes on. Single photos stay below 0.9.
SERIES, SERIES_GRAY = 0.93, 12.0
# So many pictures in a row are no coincidence.
SERIES_LENGTH = 5
# Without any structure, correlation measures noise.
BLANK_CONTRAST = 3.0
# Candidates are found on 16 x 16 values, a block of rows against all others at a time: 20,000 pictures need 80 MB for it.
COARSE, COARSE_LIMIT, BLOCK = SIDE // 2, 0.965, 512
# More neighbors than this add nothing to what is connected; without a limit a long webcam film has millions.
MAX_NEIGHBORS = 32

# Quarter turns, and whether mirrored after them; the plain mirror image first. Each one costs as much as looking for near-copies,
# so in a class of more photos than this only mirror images are looked for.
Turn = tuple[int, bool]
TURNS: tuple[Turn, ...] = ((0, True), (2, False), (1, False), (3, False), (1, True), (2, True), (3, True))
MANY = 4000


@dataclass(frozen=True)
class Kin:
    """What belongs together.

    Attributes:
        near: pairs of near-copies, (P, 2) indices.
        turned: pairs of the same class of which one is a near-copy of the other mirrored, upside down or turned by a right angle,
            (Q, 2) indices. In two classes they may be two things, as arrows to the left and to the right are.
        groups: number of the group of each picture, None for one that is alone.
        contrast: standard deviation of each picture's gray values; NaN where the picture could not be read.
    """

    near: Array
    turned: Array
    groups: tuple[int | None, ...]
    contrast: Array


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts `frame 2` before `frame 10`: the order in which cameras number."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def groups_of(dataset: Dataset) -> tuple[int | None, ...]:
    """The group of each picture: as stored with the dataset, or found out now for photos that are used where they lie."""
    return tuple(s.group for s in dataset.samples) if dataset.folder else kin_of(dataset).groups


def scenes_of(dataset: Dataset, groups: Sequence[int] | None = None) -> dict[str, int]:
    """Photos of every class by its name, where all that belong together count as one.

    Args:
        groups: the group of each photo (`numbered`), where that is known already.
    """
    groups = numbered(groups_of(dataset)) if groups is None else groups
    units = {(sample.label, group) for sample, group in zip(dataset.samples, groups, strict=True)}
    sizes = Counter(label for label, _ in units)
    return {name: sizes[k] for k, name in enumerate(dataset.class_names)}


def numbered(groups: Sequence[int | None]) -> list[int]:
    """A number for every picture: its group's, or, for one that stands alone, one of its own below zero."""
    return [-1 - i if group is None else group for i, group in enumerate(groups)]


@lru_cache(maxsize=4)
def groups_among(dataset: Dataset, indices: tuple[int, ...]) -> tuple[int | None, ...]:
    """The group of each of some pictures: as stored, or found out among these alone, with the looks that are known."""
    some = [dataset.samples[i] for i in indices]
    if dataset.folder:
        return tuple(sample.group for sample in some)
    return find_kin(some, *complete(some, read_looks(dataset.looks))).groups


@lru_cache(maxsize=4)
def kin_of(dataset: Dataset) -> Kin:
    """Near-copies and series of a dataset; looks that are not known yet are made on all cores and kept."""
    known = read_looks(dataset.looks)
    rows, good = complete(dataset.samples, known)
    if dataset.looks and any(s.sha256 not in known for s, ok in zip(dataset.samples, good, strict=True) if ok):
        write_looks(dataset.looks, {row["sha256"]: row for row in rows[good]}.values())
    return find_kin(dataset.samples, rows, good)


def complete(samples: Sequence[Sample], known: Mapping[str, Array]) -> tuple[Array, Array]:
    """Looks of all samples: those that are known, the others from the pictures.

    Returns:
        Rows (N,) of `LOOK`, and (N,) booleans: which pictures could be read.
    """
    found = dict(known)
    missing = list({s.sha256: s for s in samples if s.sha256 not in known}.values())
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = pool.map(_look_at, (s.path for s in missing), (s.sha256 for s in missing))
        found |= {s.sha256: row for s, row in zip(missing, made, strict=True) if row is not None}
    rows, good = np.zeros(len(samples), LOOK), np.zeros(len(samples), bool)
    for i, sample in enumerate(samples):
        if sample.sha256 in found:
            rows[i], good[i] = found[sample.sha256], True
    return rows, good


def _look_at(path: Path, sha256: str) -> Array | None:
    try:
        return look(read_image(path, at_least=2 * SIDE), sha256)
    except UserError:
        return None  # whoever trains or checks says which picture is broken and why


def find_kin(samples: Sequence[Sample], rows: Array, good: Array) -> Kin:
    """Near-copies and groups of pictures from their looks, as `complete` gives them."""
    gray = rows["gray"].reshape(len(rows), SIDE, SIDE).astype(np.float32)
    contrast = np.where(good, gray.std((1, 2)), np.nan)
    usable = np.nan_to_num(contrast) >= BLANK_CONTRAST
    labels = np.array([sample.label for sample in samples])
    near = _near_copies(rows["color"], gray, np.flatnonzero(usable))
    turned = _turned(rows["color"], gray, [np.flatnonzero(usable & (labels == k)) for k in np.unique(labels)], near)
    series = _series_links(samples, gray, usable)
    return Kin(near, turned, _groups(samples, np.concatenate([near, turned]), series), contrast)


def _unit(values: Array) -> Array:
    """Rows (N, D) without their mean, of length one: a product of two is their correlation."""
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    flat = flat - flat.mean(1, keepdims=True)
    unit: Array = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return unit


def _near_copies(patches: Array, gray: Array, usable: Array, turn: Turn = (0, False)) -> Array:
    """Pairs (P, 2) of near-copies among the pictures at the indices `usable`, or of pictures and near-copies that were turned."""
    mine = _Looks.of(patches[usable], gray[usable])
    theirs = mine if turn == (0, False) else _Looks.of(_turn(patches[usable], turn), _turn(gray[usable], turn))
    found = [np.zeros((0, 2), int)]
    for start in range(0, len(usable), BLOCK):
        first, second = _candidates(mine.coarse, theirs.coarse, start)
        sure = np.einsum("ij,ij->i", mine.fine[first], theirs.fine[second]) >= NEAR
        first, second = first[sure], second[sure]
        sure = np.abs(mine.gray[first] - theirs.gray[second]).mean((1, 2)) <= NEAR_GRAY
        sure &= np.abs(mine.color[first] - theirs.color[second]).mean(1) <= NEAR_COLOR
        sure |= _adjusted(mine.at(first), theirs.at(second))
        found.append(np.stack([usable[first[sure]], usable[second[sure]]], 1))
    return np.concatenate(found)


def _adjusted(mine: _Looks, theirs: _Looks) -> Array:
    """(P,) Whether pictures differ from one another by brightness and contrast only, the same in every color."""
    spread = theirs.gray.std((1, 2)) / np.maximum(mine.gray.std((1, 2)), 1e-6)
    shift = theirs.gray.mean((1, 2)) - spread * mine.gray.mean((1, 2))
    alike = np.abs(mine.color * spread[:, None] + shift[:, None] - theirs.color).mean(1) <= NEAR_COLOR / 2
    fits: Array = np.einsum("ij,ij->i", mine.fine, theirs.fine) >= ADJUSTED
    fits &= alike & (spread >= LEAST_SPREAD) & (spread <= MOST_SPREAD)
    return fits


def _turn(pictures: Array, turn: Turn) -> Array:
    """Pictures (N, S, S, …) after some quarter turns and perhaps mirrored."""
    quarters, mirrored = turn
    turned = np.rot90(pictures, quarters, axes=(1, 2))
    done: Array = turned[:, :, ::-1] if mirrored else turned
    return done


def _turned(patches: Array, gray: Array, classes: Sequence[Array], near: Array) -> Array:
    """Pairs (Q, 2) of one class that are each other's mirror image or turned, without those that are near-copies as they are."""
    known = set(map(tuple, near.tolist()))
    found: dict[tuple[int, int], None] = {}
    for mine in classes:
        for turn in TURNS if len(mine) <= MANY else TURNS[:1]:
            found |= dict.fromkeys(map(tuple, _near_copies(patches, gray, mine, turn).tolist()))
    return np.array([pair for pair in found if pair not in known], int).reshape(-1, 2)


@dataclass(frozen=True)
class _Looks:
    """What of some pictures is compared: gray values (N, 32, 32), correlations of them and of halves, patches of color."""

    gray: Array
    fine: Array
    coarse: Array
    color: Array

    @classmethod
    def of(cls, patches: Array, gray: Array) -> _Looks:
        """From colors (N, 4, 4, 3) and gray values (N, 32, 32)."""
        halves = gray.reshape(len(gray), COARSE, 2, COARSE, 2).mean((2, 4))
        color = patches.reshape(len(gray), COLORS * COLORS * 3).astype(np.float32)
        return cls(gray, _unit(gray), _unit(halves), color)

    def at(self, picks: Array) -> _Looks:
        """Some of them, in any order."""
        return _Looks(self.gray[picks], self.fine[picks], self.coarse[picks], self.color[picks])


def _candidates(mine: Array, theirs: Array, start: int) -> tuple[Array, Array]:
    """Pairs (i, j), i < j, of one block of rows that are worth a closer look: for each i the most alike ones."""
    block = mine[start : start + BLOCK]
    alike = block @ theirs[start:].T
    alike[np.tril_indices(len(block), m=alike.shape[1])] = -1.0
    mask = alike >= COARSE_LIMIT
    crowded = np.flatnonzero(mask.sum(1) > MAX_NEIGHBORS)
    for i in crowded:
        best = np.argpartition(alike[i], -MAX_NEIGHBORS)[-MAX_NEIGHBORS:]
        mask[i] = False
        mask[i, best] = True
    first, second = np.nonzero(mask)
    return first + start, second + start


def _series_links(samples: Sequence[Sample], gray: Array, usable: Array) -> Array:
    """Pairs (P, 2) of neighbors, by number in the file name, in runs of at least `SERIES_LENGTH` pictures of one class."""
    shelves: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(list)
    for i in map(int, np.flatnonzero(usable)):
        folders = samples[i].name.split("/")[:-1]
        # A series that somebody has dealt out to train and val folders is still one.
        shelves[samples[i].label, tuple(folders[1:] if samples[i].split else folders)].append(i)
    pairs = []
    for shelf in shelves.values():
        order = sorted(shelf, key=lambda i: natural(samples[i].name.rpartition("/")[2]))
        # Also the next but one: a single blurred frame does not end a series.
        pairs += [*itertools.pairwise(order), *zip(order, order[2:], strict=False)]
    links = np.array(pairs, int).reshape(-1, 2)
    kept = [np.zeros((0, 2), int)]
    for part in np.array_split(links, max(1, len(links) // 4096)):
        a, b = gray[part[:, 0]], gray[part[:, 1]]
        sure = np.einsum("ij,ij->i", _unit(a), _unit(b)) >= SERIES
        kept.append(part[sure & (np.abs(a - b).mean((1, 2)) <= SERIES_GRAY)])
    near = np.concatenate(kept)
    labels, sizes = _components(len(samples), near)
    long: Array = near[sizes[labels[near[:, 0]]] >= SERIES_LENGTH]
    return long


def _groups(samples: Sequence[Sample], near: Array, series: Array) -> tuple[int | None, ...]:
    first: dict[str, int] = {}
    same = [(first.setdefault(s.sha256, i), i) for i, s in enumerate(samples)]
    labels, sizes = _components(len(samples), np.concatenate([near, series, np.array(same, int).reshape(-1, 2)]))
    return tuple(int(label) if sizes[label] > 1 else None for label in labels)


def _components(n: int, pairs: Array) -> tuple[Array, Array]:
    """Connected components of n nodes: number of each node's component, and sizes."""
    from scipy.sparse import coo_matrix  # noqa: PLC0415 - only the children that look at pictures need it
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (n, n))
    _, labels = connected_components(graph, directed=False)
    return labels, np.bincount(labels, minlength=1)
