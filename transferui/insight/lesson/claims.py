"""What the textbooks claim about transfer learning, each with this person's own number and picture.

A claim that was not measured says so and what to press; nothing is said that no measurement stands behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from transferui.evaluation.shown import points, share
from transferui.insight.lesson.curve_view import curve_card
from transferui.insight.lesson.facts import NEVER, PRESS, Claim, Lesson
from transferui.insight.lesson.gain_view import gain_card, mean_of, reached
from transferui.insight.lesson.marks import Found, bar, duration, finite, said
from transferui.insight.lesson.probe_view import probe_card
from transferui.insight.lesson.rank_view import rank_card
from transferui.insight.lesson.unusual_view import unusual_card


def claims(lesson: Lesson) -> list[Claim]:
    """All claims in the order of the lesson."""
    return [make(lesson) for make in CLAIMS]


def _time(lesson: Lesson) -> Claim:
    question = "Does it save time?"
    if lesson.trainable:
        why = "A network that can see already needs only small changes <em>(fine-tuning)</em>."
    else:
        why = (
            "In your run the frozen blocks, which know how to see, looked at every photo once; only the small new head had to learn "
            "<em>(feature extraction)</em>."
        )
    ask = "Let all blocks learn in the step Model and train again. How many times longer does it take, and is the answer better?"
    gain = lesson.found("gain", "seeds")
    if gain is None:
        big = duration(lesson.seconds) if lesson.seconds is not None else NEVER
        small = "for the whole run" if lesson.seconds is not None else ""
        words = f"How long a network from nothing would take has not been measured. {why}"
        return Claim(question, big, small, words, ask, press=PRESS["gain"])
    big, small, words = _race(gain["seeds"])
    return Claim(question, big, small, f"{words} {why}", ask, _times(lesson, gain))


def _race(seeds: Sequence[Found]) -> tuple[str, str, str]:
    """How long both starts took to the twin's accuracy: the number, what it is, and a sentence."""
    at, long = reached(seeds), reached(seeds, "scratch") or mean_of(seeds, "scratch_s")
    twin = f"From nothing, the network got {share(mean_of(seeds, 'scratch'))} right after computing for {duration(long)}"
    if any(seed.get("scratch_cut") for seed in seeds):
        twin += ", when its time was over"
    if at is None:
        return "no", "the network from nothing got further", f"{twin}; the pretrained one did not get that far."
    words = f"{twin}. The pretrained one was at least as good after {duration(at)}."
    if at < long:
        return f"{duration(at)} <i>instead of</i> {duration(long)}", "of computing until it is as good as from nothing", words
    return "not here", "the pretrained network was no quicker", words


def _times(lesson: Lesson, gain: Found) -> str:
    """Times as bars, each with what it reached."""
    rows, seeds = [], gain["seeds"]
    if lesson.seconds is not None:
        what = (
            "your run: only the head learned"
            if not lesson.trainable
            else f"your run: {len(lesson.trainable)} blocks and the head"
        )
        rows.append((what, lesson.seconds, finite((lesson.accuracy or {}).get("value"), -1)))
    titles = {"pretrained": "all blocks, from pretrained weights", "scratch": "all blocks, from nothing"}
    rows += [(titles[arm], mean_of(seeds, f"{arm}_s"), mean_of(seeds, arm)) for arm in titles]
    most = max(seconds for _, seconds, _ in rows) or 1.0
    drawn = "".join(
        f'<li><span>{escape(what)}</span><span class="ls-bar" aria-hidden="true"><i class="fill" style="width:{100 * seconds / most:.1f}%"></i>'
        f'</span><span class="ls-num"><b>{duration(seconds)}</b>{f" <em>{share(accuracy)} right</em>" if accuracy >= 0 else ""}</span></li>'
        for what, seconds, accuracy in rows
    )
    used = int(finite(gain.get("n_train")) + finite(gain.get("n_val")))
    note = (
        f'<p class="ls-key"><em>The two with all blocks: {used:,} photos of {int(finite(gain.get("image_size")))} pixels; compare them with '
        "each other.</em></p>"
    )
    return f'<div class="ls"><ul class="ls-rows">{drawn}</ul>{note}</div>'


def _better(lesson: Lesson) -> Claim:
    question = "Does it make the answers better?"
    ask = "Guess first: with ten times as many photos, would the gap be larger or smaller? Why?"
    gain = lesson.found("gain", "seeds")
    if gain is None:
        value = lesson.accuracy
        big = share(finite(value.get("value"))) if value else NEVER
        small = escape(lesson.where) if value else ""
        words = "How good the same network would be without having learned before has not been measured, so nothing can be said."
        return Claim(question, big, small, words, ask, press=PRESS["gain"])
    why = (
        "Both networks are built the same, saw the same photos and were checked with the same ones. Only their start differs, so the "
        "difference comes from what was learned before <em>(transfer gain)</em>."
    )
    big = f"{points(finite(gain.get('gap')))} points"
    small = f"95\u00a0% interval {points(finite(gain.get('gap_low')))} to {points(finite(gain.get('gap_high')))}"
    return Claim(question, big, small, f"{said(gain.get('sentence', ''))} {why}", ask, gain_card(gain, lead=False))


def _unknown(question: str, words: str, ask: str, part: str) -> Claim:
    """A claim that nobody has measured yet."""
    return Claim(question, NEVER, "", words, ask, press=PRESS[part])


def _few(lesson: Lesson) -> Claim:
    question = "Does it work with few photos?"
    ask = "Take photos away until each class has five. Does it still work? Which class suffers first?"
    curve = lesson.found("curve", "points")
    if curve is None:
        words = f"Your set has {lesson.n_photos:,} photos. How well fewer would do has not been measured."
        return _unknown(question, words, ask, "curve")
    first, classes = curve["points"][0], max(1, len(lesson.classes))
    few = f"{finite(first['per_class']):.0f} photos per class"
    words = (
        f"A new head that learned from {few} got {share(finite(first['accuracy']))} right; blindly guessing one of {classes} classes "
        f"gets about {share(1 / classes)}. It learns from so few because seeing was learned before, from a million photos "
        "<em>(data efficiency)</em>."
    )
    needed = (lesson.results.get("gain") or {}).get("photos_needed")
    if needed:
        words += f" From nothing, about {int(needed):,} photos would be needed to be as good as the pretrained network <em>(an estimate)</em>."
    rows = "".join(
        f"<li><span>{finite(p['per_class']):.0f} per class</span>{bar({'value': p['accuracy'], 'low': p['low'], 'high': p['high']})}"
        f'<span class="ls-num"><b>{share(finite(p["accuracy"]))}</b></span></li>'
        for p in curve["points"]
    )
    picture = (
        f'<div class="ls"><ul class="ls-rows">{rows}</ul><p class="ls-key"><i class="whisker"></i> eight of ten repeats</p></div>'
    )
    return Claim(question, share(finite(first["accuracy"])), f"right after {few}", words, ask, picture)


def _hurt(lesson: Lesson) -> Claim:
    question = "Can it also hurt?"
    why = (
        "What was learned before can be in the way, as the habits of one sport can be in another <em>(negative transfer)</em>. It is most "
        "likely when the new pictures look like nothing the network has seen."
    )
    ask = "Measure it with the sample set of handwritten digits. Does having learned animals and things help there?"
    gain = lesson.found("gain", "seeds")
    verdict = str(gain.get("verdict")) if gain else ""
    big = {"positive": "not here", "negative": "yes, here", "no_clear_difference": "no difference"}.get(verdict, NEVER)
    checks = _checks(lesson, verdict)
    small = "measured against the same network from nothing" if gain else ""
    items = "".join(f'<li class="{css}"><i aria-hidden="true">{mark}</i><span>{text}</span></li>' for css, mark, text in checks)
    picture = f'<div class="ls"><ul class="ls-checks">{items}</ul></div>'
    return Claim(question, big, small, why, ask, picture, "" if gain else PRESS["gain"])


def _checks(lesson: Lesson, verdict: str) -> list[tuple[str, str, str]]:
    """Signs of harm: style, sign and sentence of each."""
    out = [{
        "positive": ("ok", "✓", "Compared with the same network from nothing, it helped."),
        "negative": ("bad", "!", "Compared with the same network from nothing, it hurt."),
        "no_clear_difference": ("", "=", "Compared with the same network from nothing, there is no clear difference."),
    }.get(verdict, ("", "?", "Not compared with the same network from nothing yet."))]  # fmt: skip
    probe = lesson.found("probe", "stages")
    if probe is None:
        out.append(("", "?", "Not measured yet whether the last blocks hurt."))
    elif probe["stages"][-1].get("below"):
        best = escape(str(probe.get("best")))
        out.append(("bad", "!", f"The blocks after {best} hurt: they are made for other pictures. They should learn anew."))
    else:
        out.append(
            ("ok", "✓", "No sign that the last blocks hurt: the end of the network is not clearly worse than its best block.")
        )
    word = str((lesson.results.get("unusual") or {}).get("word") or "")
    css, mark = {"typical": ("ok", "✓"), "": ("", "?")}.get(word, ("warn", "!"))
    text = (
        f"Your photos are {escape(word)} for this network." if word else "Not known how unusual your photos are for this network."
    )
    return [*out, (css, mark, text)]


def _similar(lesson: Lesson) -> Claim:
    question = "Does it matter how similar the photos are to what it knows?"
    ask = "Photograph drawings or toys of your classes instead of the real things. Do they become more unusual? Are they still told apart?"
    found = lesson.found("unusual", "n_images")
    if found is None:
        return _unknown(question, "How unusual your photos are for the network has not been measured.", ask, "unusual")
    why = (
        "The network learned from everyday photos of animals and things. The closer the new ones are, the more of what it sees can be "
        "used <em>(task similarity, domain shift)</em>; but strange-looking photos can be told apart well, too."
    )
    near = found.get("knn") or {}
    big = escape(str(found.get("word") or "")) or share(finite(near.get("value")))
    small = f"for {escape(lesson.backbone)}" if found.get("word") else "right by their nearest neighbors"
    return Claim(question, big, small, f"{said(found.get('sentence', ''))} {why}", ask, unusual_card(found, lead=False))


def _network(lesson: Lesson) -> Claim:
    question = "Does it matter which network one starts from?"
    ask = "Use the smallest network. Is what you lose worth the time you gain?"
    found = lesson.found("rank", "rows")
    if found is None:
        return _unknown(question, "Other networks have not been asked about your photos.", ask, "rank")
    rows = found["rows"]
    gap = finite(rows[-1].get("gap"))
    if len(rows) == 1:
        big, small = "one network", "nothing to compare it with"
    elif all(row.get("tied") for row in rows):
        big, small = "a tie", f"of {len(rows)} networks on your photos"
    else:
        big, small = f"{points(gap).lstrip('+')} points", f"between the best and the last of {len(rows)} networks"
    why = "Networks differ in what they learned to see, so the best one for your photos is found by asking <em>(model selection)</em>."
    return Claim(question, big, small, f"{said(found.get('sentence', ''))} {why}", ask, rank_card(found, lead=False))


def _amount(lesson: Lesson) -> Claim:
    question = "Does it matter how many photos there are?"
    ask = "Take 20 more photos of the class that is mixed up most, train again, and compare the two runs."
    found = lesson.found("curve", "points")
    if found is None:
        return _unknown(question, "Whether more photos would help has not been measured.", ask, "curve")
    verdict, more = str(found.get("verdict")), int(finite(found.get("more_per_class")))
    big = {
        "growing": f"{share(finite(found.get('now')))} → {share(finite(found.get('then')))}",
        "leveled_off": "leveled off",
    }.get(verdict, "cannot say yet")
    small = f"with {more} more photos per class" if verdict == "growing" else ""
    why = "The curve rises steeply at first and then ever more slowly: each further photo teaches less than the one before <em>(learning curve)</em>."
    if verdict != "growing":
        why = "Such curves usually rise at first and then ever more slowly <em>(learning curve)</em>."
    return Claim(question, big, small, f"{said(found.get('sentence', ''))} {why}", ask, curve_card(found, lead=False))


def _features(lesson: Lesson) -> Claim:
    question = "Does it matter which features are used?"
    ask = "Freeze only up to the middle of the network and train again. What gets better, what gets worse?"
    found = lesson.found("probe", "stages")
    if found is None:
        words = "What each block of the network is worth for your photos has not been measured."
        return _unknown(question, words, ask, "probe")
    first = found["stages"][0]
    best = next((stage for stage in found["stages"] if stage["name"] == found.get("best")), first)
    big = f"{share(finite(first['ridge'].get('value')))} → {share(finite(best['ridge'].get('value')))}"
    small = f"from {escape(str(first['name']))} to {escape(str(best['name']))}, the best block"
    why = (
        "The first blocks tend to see edges and colors, later ones textures and parts, the last ones whole things. What a block hands on "
        "is called its <em>features</em>."
    )
    return Claim(question, big, small, f"{said(found.get('sentence', ''))} {why}", ask, probe_card(found, lead=False))


CLAIMS: tuple[Callable[[Lesson], Claim], ...] = (_time, _better, _few, _hurt, _similar, _network, _amount, _features)
