"""Which pretrained network? Every network a row: what it gets right, how quick and how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from transferui.evaluation.shown import name, points, share
from transferui.insight.lesson.marks import Found, bar, finite, reach, shell


def rank_card(found: Found, *, buttons: bool = False, lead: bool = True) -> str:
    """A ranking as rows with bars.

    Args:
        found: a `Ranking` as dictionary.
        buttons: offer to use each network (``data-pick="use:NAME"``) or own model (``start:RUN``).
        lead: put the sentence first.
    """
    rows = found.get("rows") or ()
    if not rows:
        return shell("rank", found, "", lead=lead)
    recommended = (found.get("recommended", ""), found.get("recommended_start") or "")
    drawn = "".join(_row(row, rows, (row["name"], row.get("start_from") or "") == recommended, buttons=buttons) for row in rows)
    head = (
        '<div class="ls-rankhead" aria-hidden="true"><span>Network</span><span>A new head would get right <em>(linear probe)</em>'
        "</span><span>Neighbors</span><span>Time</span><span>Size</span></div>"
    )
    key = (
        '<p class="ls-key"><span><i class="whisker"></i> 95\u00a0% interval</span><em>Neighbors: each photo is named after the photos that the '
        "network finds most alike (nearest neighbors). Time: milliseconds per photo on this machine.</em></p>"
    )
    css = "ls-rankrows picks" if buttons else "ls-rankrows"
    return shell("rank", found, f'<div class="{css}">{head}<ul>{drawn}</ul></div>{key}{_experts(rows)}', lead=lead)


def _row(row: Found, rows: Sequence[Found], chosen: bool, *, buttons: bool) -> str:
    tag = ' <span class="ls-tag">recommended</span>' if chosen else ""
    time, size = cost(row)
    button = ""
    if buttons:
        label, own = escape(f"Use {row['title']}"), row.get("start_from")
        pick, word = (f"start:{own}", "Start from this model") if own else (f"use:{row['name']}", "Use this network")
        button = (
            f'<button type="button" class="ls-btn{" first" if chosen else ""}" data-pick="{escape(pick)}" '
            f'aria-label="{label}">{word}</button>'
        )
    return (
        f'<li class="{"chosen" if chosen else ""}"><span class="who"><b>{name(row["title"])}</b>{tag}<small>{_behind(row, rows)}</small>'
        f'</span><span class="probe">{bar(row["ridge"])}<span class="ls-num">{reach(row["ridge"])}</span></span>'
        f'<span class="fact"><i>Neighbors </i>{share(finite(row["knn"].get("value")))}</span>'
        f'<span class="fact"><i>Time </i>{time}</span>'
        f'<span class="fact"><i>Size </i>{size or "–"}</span>{button}</li>'
    )


def cost(row: Found) -> tuple[str, str]:
    """Time for a photo, and size of the download; that is empty for one's own model."""
    ms, size = finite(row.get("ms_per_image")), finite(row.get("download_bytes")) / 1e6
    return f"{ms:.{0 if ms >= 10 else 1}f}\u00a0ms", f"{size:.0f}\u00a0MB" if size else ""


def standing(row: Found, rows: Sequence[Found]) -> tuple[str, str]:
    """How it stands to the best, in words, and the interval of that; empty where there is none."""
    if len(rows) == 1:
        return "nothing to compare with", ""
    if row is rows[0]:
        return "tie for the best" if any(other.get("tied") for other in rows[1:]) else "the best", ""
    if row.get("tied"):
        return "tie with the best", ""
    low, high, gap = (points(finite(row.get(key))).lstrip("+") for key in ("gap_low", "gap_high", "gap"))
    return f"clearly less: {gap} points", f"({low} to {high})"


def _behind(row: Found, rows: Sequence[Found]) -> str:
    words, span = standing(row, rows)
    return f"{words} <em>{span}</em>" if span else words


def _experts(rows: Sequence[Found]) -> str:
    """LogME and the mean over classes, for the curious."""
    body = "".join(
        f'<tr><th scope="row">{name(row["title"])}</th><td>{finite(row.get("log_me")):+.3f}</td>'
        f"<td>{share(finite(row.get('balanced')))}</td><td>{finite(row.get('params')) / 1e6:.1f} M</td>"
        f"<td>{share(finite(row.get('top1')) / 100)}</td></tr>"
        for row in rows
    ).replace("-", "−")
    return (
        '<details class="ls-more"><summary>For experts</summary><p>LogME is the log evidence per photo of a Bayesian linear model on '
        "the features; higher is better. It is here to compare with papers; the order above does not use it.</p>"
        '<div class="ls-scroll"><table class="ls-table"><thead><tr><th scope="col">Network</th><th scope="col">LogME</th>'
        '<th scope="col">Mean over classes <em>(balanced)</em></th><th scope="col">Weights</th>'
        f'<th scope="col">On ImageNet</th></tr></thead><tbody>{body}</tbody></table></div></details>'
    )
