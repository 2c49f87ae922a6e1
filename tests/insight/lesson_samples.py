"""Small made-up measurements, in the form in which real ones come out of a JSON file."""

import json

from transferui.evaluation.metrics import accuracy_interval
from transferui.insight.arms import CurvePoint
from transferui.insight.gain import Gain, Seed
from transferui.insight.labels import LabelCheck, Suspect
from transferui.insight.learning_curve import Curve, Point
from transferui.insight.lesson.facts import Lesson
from transferui.insight.maps import PhotoMap, Place
from transferui.insight.probes import Probes, StageProbe
from transferui.insight.ranking import Ranked, Ranking
from transferui.insight.trials import Trial
from transferui.insight.unusual import LayerDistance, Unusual

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SHEET = {"uri": "data:image/jpeg;base64,/9j/4AAQ", "columns": 20, "side": 48, "samples": [0, 1, 2, 3]}


def plain(measurement):
    """As it comes out of a file."""
    return json.loads(json.dumps(measurement.as_dict()))


def ranking(title="EfficientNet-Lite0"):
    facts = {"neighbors": 5, "balanced": 0.9, "log_me": -0.25, "params": 3_000_000, "top1": 70.0}
    rows = (
        Ranked(name="efficientnet_lite0", title=title, ridge=accuracy_interval(90, 100), knn=accuracy_interval(88, 100), ms_per_image=15.0,
               download_bytes=19_000_000, **facts),
        Ranked(name="mobilenet_v2", title="MobileNetV2", ridge=accuracy_interval(89, 100), knn=accuracy_interval(87, 100), ms_per_image=9.5,
               download_bytes=14_000_000, gap=0.01, gap_low=-0.03, gap_high=0.05, **facts),
        Ranked(name="run:7", title="Run 7", ridge=accuracy_interval(70, 100), knn=accuracy_interval(66, 100), ms_per_image=7.0,
               download_bytes=0, gap=0.2, gap_low=0.1, gap_high=0.3, tied=False, **facts),
    )  # fmt: skip
    return plain(
        Ranking(rows, "mobilenet_v2", "EfficientNet-Lite0 gets 90% of 100 photos right.", 100, notes=("ants has few photos.",))
    )


def probes(*, last_hurts=False):
    right = (60, 70, 90, 75 if last_hurts else 90)
    stages = tuple(
        StageProbe(name, 8, accuracy_interval(n, 100), 0.9 - n / 100, last_hurts and name == "pool")
        for name, n in zip(("stem", "stage1", "stage2", "pool"), right, strict=True)
    )
    trials = (Trial("pool", -0.02, float("inf"), 30, False, 2.0), Trial("stage2", 0.11, 0.03, 30, True, 2.0))
    return plain(Probes("efficientnet_lite0", stages, "stage2", "stage2", "pool", "Accuracy goes up.", 100, trials, "stage2"))


def unusual(word="unusual", **more):
    known = {"typical": 0.25, "far": 0.45, "knn": accuracy_interval(80, 100), **more}
    layers = (LayerDistance("stem", 0.2), LayerDistance("stem", 0.8), LayerDistance("stage1", 0.3))
    sentence = "For EfficientNet-Lite0 these photos are unusual."
    return plain(Unusual("efficientnet_lite0", "batchnorm", 0.3, 0.28, 0.33, word, sentence, 48, layers, **known))


def curve(verdict="growing"):
    steps = ((4, 0.6), (10, 0.7), (20, 0.8))
    points = tuple(Point(2 * n, float(n), value, value - 0.05, value + 0.05) for n, value in steps)
    return plain(
        Curve(points, verdict, "About 10 more photos per class: 80% → 86%.", 50, 20, 10, 0.8, 0.86, 0.82, 0.9, (0.05, 1.2, 0.5))
    )


def gain(verdict="positive", gap=0.3):
    arms = {
        "pretrained_curve": tuple(CurvePoint(1.0 * n, 0.7 + 0.05 * n, 0.5) for n in range(1, 5)),
        "scratch_curve": tuple(CurvePoint(2.0 * n, 0.5 + 0.01 * n, 0.7) for n in range(1, 11)),
    }
    seeds = tuple(Seed(n, 0.9, 0.6, 0.52, 4.0, 20.0, False, **arms) for n in range(2))
    return plain(Gain(verdict, "In words.", "efficientnet_lite0", 64, 70, 30, gap, gap - 0.1, gap + 0.1, gap, gap - 0.1, gap + 0.1,
                      photos_needed=1234, seeds=seeds, notes=("Both looked at small pictures.",)))  # fmt: skip


def labels(n=14, given="ants", rather="bees", strong=True):
    suspects = tuple(Suspect(10 + i, f"{i:064x}", f"{given}/{i}.jpg", given, rather, 0.9 - 0.05 * i, strong) for i in range(n))
    return plain(LabelCheck(suspects, f"{n} of 50 photos look more like another class.", 50))


def photo_map(names=("ants", "bees"), *, n=4):
    places = tuple(
        Place(i, i / max(1, n - 1), 1 - i / max(1, n - 1), i % len(names), 0 if i == 1 else i % len(names), 0.25, 0.5)
        for i in range(n)
    )
    return plain(PhotoMap("tsne", places, tuple(names), f"{n} photos; 1 lies among another class.", 0.4))


def lesson(results=None, **more):
    facts = {
        "accuracy": {"value": 0.95, "low": 0.9, "high": 0.98, "n": 100}, "where": "of 100 validation photos answered right",
        "seconds": 3.4, "date": "25 November 2026",
    }  # fmt: skip
    return Lesson(**{"title": "garden", "classes": ("ants", "bees"), "backbone": "EfficientNet-Lite0", "n_photos": 50, **facts,
                     "results": results or {}, **more})  # fmt: skip


def everything():
    return {
        "rank": ranking(), "probe": probes(), "unusual": unusual(), "curve": curve(), "labels": labels(), "gain": gain(),
        "chain": gain("no_clear_difference", 0.0), "map": {"before": photo_map(), "after": photo_map(), "after_title": "Run 3", "sprite": SHEET},
    }  # fmt: skip
