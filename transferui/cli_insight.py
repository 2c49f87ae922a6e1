"""Commands about what transfer learning does with these photos: rank, probe, curve, labels, gain, lesson."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transferui.backbones.catalogue import get_backbone
from transferui.data.dataset import open_dataset
from transferui.evaluation.metrics import Accuracy
from transferui.insight.parts import ALWAYS, PARTS, check_parts
from transferui.runs.saved import check_target
from transferui.terminal import Interruptible, add_command, data_dir_of, print_result

if TYPE_CHECKING:
    from transferui.insight.gain import Gain


def add_insight_commands(commands: Any) -> None:
    """Register them."""
    rank = add_command(commands, "rank", run_rank, "rank the networks that are ready here for these photos, before any training")
    rank.add_argument("source", metavar="SOURCE")
    rank.add_argument("--backbones", metavar="N,N", help="only these networks")
    rank.add_argument("--models", metavar="M.zip,RUN", help="own models to rank beside them")
    probe = add_command(
        commands, "probe", run_probe, "how good the features of every stage are, and which stage is worth training"
    )
    probe.add_argument("source", metavar="SOURCE")
    probe.add_argument("--backbone", metavar="N", default="efficientnet_lite0")
    probe.add_argument("--train-seconds", type=float, default=60.0, metavar="S", help="time for trials of training single stages")
    curve = add_command(commands, "curve", run_curve, "accuracy over growing shares of the photos: would more photos help?")
    curve.add_argument("source", metavar="SOURCE")
    curve.add_argument("--backbone", metavar="N", default="efficientnet_lite0")
    labels = add_command(commands, "labels", run_labels, "list the photos whose label may be wrong")
    labels.add_argument("source", metavar="SOURCE")
    labels.add_argument("--backbone", metavar="N", default="efficientnet_lite0")
    gain = add_command(commands, "gain", run_gain, "the same network from pretrained weights and from nothing, photo by photo")
    gain.add_argument("source", metavar="SOURCE")
    gain.add_argument("--backbone", metavar="N", default="efficientnet_lite0")
    gain.add_argument("--from", dest="own_model", metavar="MODEL.zip|RUN", help="an own model against ImageNet's weights instead")
    gain.add_argument("--minutes", type=float, default=20.0, metavar="M", help="time for everything (20)")
    gain.add_argument("--seeds", type=int, default=3, metavar="N", help="random starts of each (3)")
    gain.add_argument("--image-size", type=int, default=0, metavar="PX", help="0: 96 on a processor, else the network's own")
    gain.add_argument("--photos", type=int, default=480, metavar="N", help="at most so many photos (480)")
    lesson = add_command(commands, "lesson", run_lesson, "answer every question about the photos and write it as one HTML page")
    lesson.add_argument("source", metavar="SOURCE")
    lesson.add_argument("--to", required=True, type=Path, metavar="FILE.html")
    lesson.add_argument("--backbone", metavar="N", default="efficientnet_lite0")
    lesson.add_argument(
        "--minutes", type=float, default=1.5, metavar="M", help="time for the network that starts from nothing (1.5)"
    )
    lesson.add_argument("--only", default=",".join(ALWAYS), metavar="P,P", help=f"only these questions: {', '.join(ALWAYS)}")
    lesson.add_argument("--with-photos", action="store_true", help="put small copies of photos into the page")


def _share(accuracy: Accuracy) -> str:
    return f"{accuracy.value:6.1%} ({accuracy.low:.1%} to {accuracy.high:.1%})"


def run_rank(options: argparse.Namespace) -> int:
    """Which network to start from."""
    from transferui.insight.ranking import rank_backbones  # noqa: PLC0415 - loads torch

    names, models = (
        [part.strip() for part in (listed or "").split(",") if part.strip()] for listed in (options.backbones, options.models)
    )
    with Interruptible() as work:
        found = rank_backbones(
            options.source, backbones=names, own_models=models, data_dir=data_dir_of(options), report=work.progress,
            should_stop=work.should_stop,
        )  # fmt: skip
    lines = [
        f"{row.title:<20} probe {_share(row.ridge)}  {row.neighbors} neighbors {row.knn.value:6.1%}  LogME {row.log_me:+.3f}  "
        f"{row.ms_per_image:5.1f} ms a photo  {row.download_bytes / 1e6:4.0f} MB" + ("" if row.tied else "  clearly less")
        for row in found.rows
    ]
    print_result(options, found.as_dict(), "\n".join([*lines, found.sentence, *found.notes]))
    return 0


def run_probe(options: argparse.Namespace) -> int:
    """Where to freeze."""
    from transferui.insight.probes import probe_stages  # noqa: PLC0415 - loads torch

    with Interruptible() as work:
        found = probe_stages(
            options.source, options.backbone, train_s=options.train_seconds, data_dir=data_dir_of(options), report=work.progress,
            should_stop=work.should_stop,
        )  # fmt: skip
    lines = [
        f"{stage.name:<8} {stage.width:5d} numbers  probe {_share(stage.ridge)}"
        + ("  clearly less than the best" if stage.below else "")
        for stage in found.stages
    ]
    lines += [
        f"training {trial.stage} alone lowers the loss by {trial.gain:.3f} (± {2 * trial.error:.3f}, {trial.n_val} photos)"
        + (": more than chance" if trial.clear else "")
        for trial in found.trials
    ]
    lines += [found.sentence, f"trainable={found.trainable}"]
    lines += [f"Worth training: {found.worth_training}"] if found.worth_training else []
    print_result(options, found.as_dict(), "\n".join([*lines, *found.notes]))
    return 0


def run_curve(options: argparse.Namespace) -> int:
    """Would more photos help?"""
    from transferui.insight.learning_curve import learning_curve  # noqa: PLC0415 - loads torch

    with Interruptible() as work:
        found = learning_curve(
            options.source, options.backbone, data_dir=data_dir_of(options), report=work.progress, should_stop=work.should_stop
        )
    lines = [
        f"{point.per_class:7.1f} photos per class: {point.accuracy:6.1%} ({point.low:.1%} to {point.high:.1%})"
        for point in found.points
    ]
    print_result(options, found.as_dict(), "\n".join([*lines, found.sentence, *found.notes]))
    return 0


def run_labels(options: argparse.Namespace) -> int:
    """Which labels look wrong?"""
    from transferui.insight.labels import find_label_errors  # noqa: PLC0415 - loads torch

    with Interruptible() as work:
        found = find_label_errors(
            options.source, options.backbone, data_dir=data_dir_of(options), report=work.progress, should_stop=work.should_stop
        )
    lines = [f"{'!' if one.strong else ' '} {one.doubt:.2f}  {one.name}: {one.given}, or rather {one.rather}?"
             for one in found.suspects]  # fmt: skip
    print_result(options, found.as_dict(), "\n".join([*lines, found.sentence, *found.notes]))
    return 0


def run_gain(options: argparse.Namespace) -> int:
    """Did transfer learning help? With ``--from``: did it help to start from that model?"""
    from transferui.insight.chain import chain_gain  # noqa: PLC0415 - loads torch
    from transferui.insight.gain import Effort, transfer_gain  # noqa: PLC0415

    measure, what = (chain_gain, options.own_model) if options.own_model else (transfer_gain, options.backbone)
    effort = Effort(options.minutes, options.seeds, options.image_size, options.photos)
    with Interruptible() as work:
        found = measure(
            options.source, what, effort=effort, data_dir=data_dir_of(options), report=work.progress, should_stop=work.should_stop
        )
    lines = (
        _chain_lines(found)
        if options.own_model
        else [
            f"seed {seed.seed}: pretrained {seed.pretrained:6.1%} in {seed.pretrained_s:.0f} s; from nothing "
            f"{seed.scratch_same_time:6.1%} in the same time, {seed.scratch:6.1%} in {seed.scratch_s:.0f} s"
            for seed in found.seeds
        ]
    )
    print_result(options, found.as_dict(), "\n".join([*lines, found.sentence, *found.notes]))
    return 0


def _chain_lines(found: Gain) -> list[str]:
    """Both arms of every seed of a comparison with an own model."""
    return [
        f"seed {seed.seed}: from your model of {found.own_model} {seed.pretrained:6.1%}; from ImageNet {seed.scratch:6.1%} "
        f"({seed.pretrained_s:.0f} and {seed.scratch_s:.0f} s)"
        for seed in found.seeds
    ]


def run_lesson(options: argparse.Namespace) -> int:
    """Everything at once, to read."""
    from transferui.insight.features import Watch  # noqa: PLC0415 - loads torch
    from transferui.runs.lessons import lesson_of, write_lesson  # noqa: PLC0415
    from transferui.runs.measuring import Wish, measure_all  # noqa: PLC0415

    home = data_dir_of(options)
    check_target(options.to)
    dataset = open_dataset(options.source, home)
    parts = check_parts(name.strip() for name in options.only.split(","))
    wish = Wish(parts, get_backbone(options.backbone).name, options.minutes)
    with Interruptible() as work:
        answers = measure_all(dataset, wish, home, Watch(work.progress, work.should_stop), {}, len)
    path = write_lesson(lesson_of(dataset, answers, wish.backbone), dataset, options.to, with_photos=options.with_photos)
    lines = [f"{part.question} {answers[name]['sentence']}" for name, part in PARTS.items() if name in answers]
    print_result(options, {"path": str(path), **answers}, "\n".join([*lines, f"Written to {path}"]))
    return 0
