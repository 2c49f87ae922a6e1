"""Commands about what transfer learning does with these photos: rank."""

from __future__ import annotations

import argparse
from typing import Any

from transferui.evaluation.metrics import Accuracy
from transferui.terminal import Interruptible, add_command, data_dir_of, print_result


def add_insight_commands(commands: Any) -> None:
    """Register them."""
    rank = add_command(commands, "rank", run_rank, "rank the networks that are ready here for these photos, before any training")
    rank.add_argument("source", metavar="SOURCE")
    rank.add_argument("--backbones", metavar="N,N", help="only these networks")


def _share(accuracy: Accuracy) -> str:
    return f"{accuracy.value:6.1%} ({accuracy.low:.1%} to {accuracy.high:.1%})"


def run_rank(options: argparse.Namespace) -> int:
    """Which network to start from."""
    from transferui.insight.ranking import rank_backbones  # noqa: PLC0415 - loads torch

    names = [name.strip() for name in (options.backbones or "").split(",") if name.strip()]
    with Interruptible() as work:
        found = rank_backbones(
            options.source, backbones=names, data_dir=data_dir_of(options), report=work.progress, should_stop=work.should_stop
        )
    lines = [
        f"{row.title:<20} probe {_share(row.ridge)}  {row.neighbors} neighbors {row.knn.value:6.1%}  LogME {row.log_me:+.3f}  "
        f"{row.ms_per_image:5.1f} ms a photo  {row.download_bytes / 1e6:4.0f} MB" + ("" if row.tied else "  clearly less")
        for row in found.rows
    ]
    print_result(options, found.as_dict(), "\n".join([*lines, found.sentence, *found.notes]))
    return 0
