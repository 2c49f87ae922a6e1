"""The command line: train, lr, check, predict, evaluate, export, backbones, doctor; `cli_insight` has more.

With ``--json`` exactly one JSON object goes to stdout and progress to stderr. Exit codes: 0 done, 2 the user can mend it
(one message on stderr), 1 a bug.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transferui.backbones.catalogue import CATALOGUE, get_backbone, is_ready, resolve_trainable
from transferui.cli_insight import add_insight_commands
from transferui.config import SETTINGS, TrainConfig, make_config, parse_setting
from transferui.data.dataset import Dataset, open_dataset
from transferui.data.similar import scenes_of
from transferui.data.splits import split_dataset
from transferui.errors import UserError
from transferui.evaluation.summary import evaluation_text, summary
from transferui.presets import AUTO, PRESETS, Proposal, propose, recipe
from transferui.runs.saved import check_target, save_findings
from transferui.terminal import Progress, add_command, data_dir_of, print_result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = make_parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:  # argparse has printed what is wrong
        return int(end.code or 0)
    try:
        return int(options.command(options) or 0)
    except UserError as error:
        print(f"{error.message}\n{error.hint}".strip(), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 2
    except Exception:  # noqa: BLE001 - the last line of defense: a bug exits with 1 and its trace
        traceback.print_exc()
        return 1


def make_parser() -> argparse.ArgumentParser:
    """All commands and options."""
    parser = argparse.ArgumentParser("transferui", description="Teach a network that has learned to see your own photos.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = add_command(commands, "train", run_train, "train a classifier on class folders, a ZIP of them or sample:KEY")
    train.add_argument("source", metavar="SOURCE", help="photos, or a run folder that the page has prepared")
    _add_settings(train)
    train.add_argument("--save", metavar="MODEL.zip", help="also write the model bundle here")
    rates = add_command(commands, "lr", run_lr, "try learning rates on these pictures and suggest one")
    rates.add_argument("source", metavar="SOURCE")
    _add_settings(rates)
    check = add_command(commands, "check", run_check, "say what is wrong with these pictures")
    check.add_argument("source", metavar="SOURCE")
    predict = add_command(commands, "predict", run_predict, "classify pictures with a model bundle or run folder")
    predict.add_argument("model", metavar="MODEL")
    predict.add_argument("images", nargs="+", metavar="IMAGE", help="pictures, folders or ZIPs of them")
    predict.add_argument("--csv", metavar="FILE", help="also write a table that is safe to open in a spreadsheet")
    evaluate = add_command(commands, "evaluate", run_evaluate, "measure a model on labeled pictures")
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("source", metavar="SOURCE")
    add_command(commands, "backbones", run_backbones, "list the networks")
    export = add_command(commands, "export", run_export, "write a model in another form, or what was found out about it")
    export.add_argument("model", metavar="RUN|MODEL")
    export.add_argument("--format", default="bundle", choices=["bundle", "report", "figures"])
    export.add_argument("--to", required=True, metavar="PATH", help="a file; for figures a folder or a ZIP")
    export.add_argument("--with-photos", action="store_true", help="put small copies of photos into the report")
    add_insight_commands(commands)
    add_command(commands, "doctor", run_doctor, "check this installation")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", help=f"network to start from: {', '.join(CATALOGUE)}")
    parser.add_argument("--from", dest="start_from", metavar="MODEL.zip|RUN", help="start from an own model, not from ImageNet")
    parser.add_argument("--preset", choices=[AUTO, *sorted(PRESETS)], help="a recipe; auto takes what suits the number of photos")
    parser.add_argument("--trainable", help="none, last, late, half, all, or STAGE,STAGE")
    parser.add_argument("--set", action="append", default=[], metavar="key=value", help=f"any of: {', '.join(SETTINGS)}")


def run_train(options: argparse.Namespace) -> int:
    """`train SOURCE` here, or `train RUN_DIR` as the page's training process (``-``: read the folder from stdin)."""
    if options.source == "-" or (Path(options.source) / "config.json").is_file():
        return _train_run_folder(options.source, data_dir_of(options))
    if options.save:
        check_target(Path(options.save))
    dataset, config, proposal = _photos_and_settings(options)
    from transferui.runs.worker import train  # noqa: PLC0415 - loads torch, after all that can be wrong was looked at

    progress = Progress()
    result = train(dataset, config, report=progress, data_dir=data_dir_of(options))
    progress.end()
    if options.save:
        result.save(options.save)
    values = dict(result.values) | ({"proposal": {"preset": proposal.preset, "why": proposal.why}} if proposal else {})
    print_result(options, values, summary(values))
    return 0


def _photos_and_settings(options: argparse.Namespace) -> tuple[Dataset, TrainConfig, Proposal | None]:
    """Settings are checked before the photos are read, which may take long; ``--preset auto`` looks at both."""
    values = _settings(options)
    config = make_config(values)
    if config.start_from:
        from transferui.training.start import settled  # noqa: PLC0415 - loads torch

        config = settled(config, data_dir_of(options))
        values |= {"backbone": config.backbone, "start_from": config.start_from}
    resolve_trainable(get_backbone(config.backbone), config.trainable)
    dataset = open_dataset(options.source, data_dir_of(options))
    dataset.require_trainable()
    if options.preset != AUTO:
        return dataset, config, None
    proposal = propose(dataset.counts, scenes_of(dataset))
    print(f"Recipe {proposal.preset}: {proposal.why}", file=sys.stderr)
    return dataset, make_config(recipe(proposal.preset, dataset.class_names, dataset.name) | values), proposal


def run_lr(options: argparse.Namespace) -> int:
    """Learning rates to try: for the head, and for the blocks that learn."""
    dataset, config, _ = _photos_and_settings(options)
    from transferui.training.lr_finder import find_rates  # noqa: PLC0415 - loads torch
    from transferui.training.state import Hooks  # noqa: PLC0415

    progress = Progress()
    found = find_rates(dataset, config, data_dir_of(options), Hooks(progress, bool, print))  # bool() never stops
    progress.end()
    print_result(options, found, "\n".join(f"--set {one['setting']}={one['suggestion']:g}" for one in found["sweeps"]))
    return 0


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    values: dict[str, Any] = dict(PRESETS[options.preset]) if options.preset in PRESETS else {}
    values |= {
        name: getattr(options, name) for name in ("backbone", "start_from", "trainable") if getattr(options, name) is not None
    }
    for pair in options.set:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UserError("BAD_SETTING", f"--set needs key=value, but it was {pair[:60]!r}.", "For instance --set epochs=20.")
        values[name] = parse_setting(name, text)
    return values


def _train_run_folder(source: str, data_dir: Path) -> int:
    """Train a prepared run folder; all output goes to its log."""
    from transferui.runs import worker  # noqa: PLC0415 - loads torch, for the spare process before it is needed

    if source == "-":
        worker.get_ready(data_dir)
    folder = Path(sys.stdin.readline().strip() if source == "-" else source)
    if source == "-" and not folder.name:  # the server ended before it had work for this spare process
        return 0
    with (folder / "log.txt").open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        return worker.main(folder)


_SIGNS = {"bad": "!!", "warn": "!", "info": "i"}


def run_check(options: argparse.Namespace) -> int:
    """What would be used, what would be skipped and why."""
    from transferui.data.findings import with_names  # noqa: PLC0415
    from transferui.data.health import findings_of, unreadable  # noqa: PLC0415

    dataset = open_dataset(options.source, data_dir_of(options))
    skipped = [(s.name, s.reason) for s in (*dataset.skipped, *unreadable(dataset))]
    findings = findings_of(dataset)
    problem, notes = "", list(dataset.notes)
    try:
        dataset.require_trainable()
        config = make_config({})
        notes += split_dataset(dataset, config.val_fraction, config.seed).notes
    except UserError as error:
        problem = str(error)
    values = {
        "classes": dict(dataset.counts),
        "n_images": len(dataset.samples),
        "skipped": skipped,
        "notes": notes,
        "problem": problem,
        "findings": [with_names(finding, dataset) for finding in findings],
    }
    lines = [f"{name}: {count} photos" for name, count in dataset.counts.items()]
    lines += [*notes, *(f"skipped {name}: {reason}" for name, reason in skipped)]
    lines += [f"{_SIGNS[f.severity]} {f.title}. {f.words}" for f in findings]
    lines.append(problem or "Ready to train.")
    print_result(options, values, "\n".join(lines))
    return 2 if problem else 0


def _open_model(path: Path, data_dir: Path) -> Any:
    from transferui.export.bundle import load_model  # noqa: PLC0415 - loads torch
    from transferui.export.checkpoint import load_checkpoint  # noqa: PLC0415

    return load_checkpoint(path, data_dir) if path.is_dir() else load_model(path)


def run_predict(options: argparse.Namespace) -> int:
    """Ranked classes for every picture, and whether to believe them."""
    from transferui.evaluation.batch import as_numbers, as_rows, as_text, classify, write_csv  # noqa: PLC0415 - loads torch

    if options.csv:
        check_target(Path(options.csv))
    progress = Progress()
    batch = classify(_open_model(Path(options.model), data_dir_of(options)), [Path(i) for i in options.images], progress)
    progress.end()
    if options.csv:
        write_csv(batch, Path(options.csv))
    rows = as_rows(batch)
    print_result(options, {"predictions": rows, **as_numbers(batch)}, as_text(batch))
    return 2 if all("error" in row for row in rows) else 0


def run_evaluate(options: argparse.Namespace) -> int:
    """Accuracy of a model on labeled pictures."""
    from transferui.evaluation.predict import evaluate  # noqa: PLC0415
    from transferui.training.start import seen_of  # noqa: PLC0415

    model, dataset = _open_model(Path(options.model), data_dir_of(options)), open_dataset(options.source, data_dir_of(options))
    found = evaluate(model, dataset)
    if not found.labels:
        why = f": {found.skipped[0][1]}" if found.skipped else "."
        raise UserError("EMPTY_DATASET", f"None of these photos could be read{why}", "Take other photos.")
    values = found.how_good(dataset, model.class_names, seen_of(Path(options.model)))
    values |= {"classes": list(model.class_names), "skipped": list(found.skipped)}
    print_result(options, values, evaluation_text(values))
    return 0


def run_backbones(options: argparse.Namespace) -> int:
    """The catalogue, and what is ready on this machine."""
    rows: list[dict[str, Any]] = [
        {"name": b.name, "title": b.title, "year": b.year, "params": b.params, "download_bytes": b.download_bytes, "top1": b.top1,
         "image_size": b.image_size, "license": b.license, "ready": is_ready(b, data_dir_of(options)),
         "stages": [stage.name for stage in b.stages]}
        for b in CATALOGUE.values()
    ]  # fmt: skip
    lines = [
        f"{r['name']:<20} {r['year']}  {r['params'] / 1e6:6.1f} M weights  top-1 {r['top1']:.1f} %  "
        + ("ready" if r["ready"] else f"download {r['download_bytes'] / 1e6:.0f} MB")
        for r in rows
    ]
    print_result(options, {"backbones": rows}, "\n".join(lines))
    return 0


def run_export(options: argparse.Namespace) -> int:
    """Write the model of a run or bundle in another form, or the report or figures of a run."""
    model, path = Path(options.model), Path(options.to)
    check_target(path, folder=options.format == "figures" and path.suffix.lower() != ".zip")
    if options.format == "bundle":
        from transferui.export.bundle import save_bundle  # noqa: PLC0415 - loads torch

        save_bundle(_open_model(model, data_dir_of(options)), path)
    else:
        save_findings(model, options.format, path, with_photos=options.with_photos)
    print_result(options, {"path": str(path), "format": options.format}, f"Written: {path}")
    return 0


def run_doctor(options: argparse.Namespace) -> int:
    """Check this installation."""
    from transferui.doctor import examine  # noqa: PLC0415

    findings = examine(data_dir_of(options))
    lines = [
        f"{'ok  ' if f['ok'] else 'FAIL'} {f['what']}: {f['found']}" + (f" — {f['hint']}" if f["hint"] else "") for f in findings
    ]
    good = all(f["ok"] for f in findings)
    print_result(options, {"ok": good, "findings": findings}, "\n".join(lines))
    return 0 if good else 2
