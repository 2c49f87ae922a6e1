"""A comparison of runs in words, the same on the page and in a figure."""

from __future__ import annotations

from collections.abc import Sequence

from transferui.evaluation.compare import Ranking


def in_words(ranking: Ranking, names: Sequence[str]) -> tuple[str, str]:
    """A ranking as one short sentence and what it rests on; plain text."""
    best = names[ranking.best]
    clear = [names[i] for i, found in ranking.against if found.verdict == "b_better"]
    open_ = [names[i] for i, found in ranking.against if found.verdict != "b_better"]
    if not clear and ranking.others:
        winners = dict.fromkeys(better for better, _ in ranking.others)
        said = [f"{names[k]} is better than {listed([names[j] for i, j in ranking.others if i == k])}" for k in winners]
        main = "; ".join(["No run is clearly better than all the others", *said])
    elif not clear:
        main = "No clear difference" + (" between any of them" if len(names) > 2 else "")
    elif open_:
        main = f"{best} is better than {listed(clear)}; no clear difference to {listed(open_)}"
    else:
        main = f"{best} is better" + (f" than {listed(clear)}" if len(names) > 2 else "")
    more = (
        f"Asked photo by photo on the {ranking.n} validation photos that {'all' if len(names) > 2 else 'both'} were checked with"
    )
    units = ranking.against[0][1].units if ranking.against else ranking.n
    more += f", each series as one ({units} in all)" if units < ranking.n else ""
    if ranking.left_out:
        more += f", without {_photos(ranking.left_out)} that taught one of them or a model before it"
    more += (
        "; with more runs one wins by luck more easily, so a win must be clearer (Holm’s correction)." if len(names) > 2 else "."
    )
    return main, more


def listed(words: Sequence[str]) -> str:
    """'Run 1, Run 2 and Run 3'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def p_value(value: float) -> str:
    """'= 0.03', '< 0.001': what follows the letter p."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}" if value < 0.1 else f"= {value:.2f}"


def _photos(n: int) -> str:
    return f"{n:,} photo" if n == 1 else f"{n:,} photos"
