"""The lesson: each claim with an own number or with what to press, and never a word that was not measured."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.insight import lesson_samples as made
from transferui.insight.lesson.claims import claims
from transferui.insight.lesson.kinds import kinds
from transferui.insight.lesson.page import FILE_STYLE, lesson_body, lesson_html

ROOT = Path(__file__).parents[2]


class Tags(HTMLParser):
    """Every tag with its attributes, and whether tags are closed in order."""

    VOID = ("meta", "img", "br", "path")

    def __init__(self, html):
        super().__init__()
        self.found, self.open = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def tokens(css):
    return dict(re.findall(r"(--tu-[\w-]+): (#[0-9a-f]{6})", css))


def text(html):
    return re.sub(r"<[^>]*>", "", html).replace("\u00a0", " ")


def by_question(lesson):
    return {claim.question.split("?")[0]: claim for claim in claims(lesson)}


def test_a_page_that_shows_it_loads_neither_torch_nor_matplotlib():
    code = (
        "import sys; import transferui.insight.lesson.page; sys.exit(bool({'torch', 'matplotlib', 'gradio'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_nothing_measured_claims_nothing_and_says_what_to_press():
    lesson = made.lesson(accuracy=None, seconds=None)
    assert all(claim.press and claim.big == "not measured yet" and claim.ask for claim in claims(lesson))
    said = text(lesson_body(lesson))
    assert "0 of 8 claims are measured so far." in said and said.count("To measure it, press Measure at") == 8
    assert "this is yours" not in said and "Not measured yet: press Measure at Did transfer help?" in said


def test_with_everything_measured_each_claim_has_its_number_and_picture():
    lesson = made.lesson(made.everything())
    found = claims(lesson)
    assert [claim.press for claim in found] == [""] * 8 and all(claim.picture for claim in found)
    assert [text(claim.big) for claim in found] == [
        "1.0 s instead of 20 s", "+30.0 points", "60 %", "not here", "unusual", "20.0 points", "80 % → 86 %", "60 % → 90 %",
    ]  # fmt: skip
    said = text(lesson_body(lesson))
    assert "claims are measured so far" not in said and "Both looked at small pictures." in said
    assert "Your own model as the start" in said and "Try it yourself" in said


@pytest.mark.parametrize("left_out", list(made.everything()))
def test_a_lesson_with_one_measurement_missing_or_stopped_is_whole(left_out):
    results = made.everything()
    for there in (None, {"sentence": "Stopped.", "stopped": True, "notes": []}):
        html = lesson_html(made.lesson({**results, left_out: there}), with_photos=True, picture=lambda _: "")
        assert Tags(html).open == [] and html.count('class="ls-claim') >= 9


def test_harm_is_told_where_it_was_measured():
    negative = made.lesson(
        {"gain": made.gain("negative", -0.2), "probe": made.probes(last_hurts=True), "unusual": made.unusual("very unusual")}
    )
    claim = by_question(negative)["Can it also hurt"]
    assert claim.big == "yes, here" and "blocks after stage2 hurt" in claim.picture and "very unusual" in claim.picture
    assert "it hurt." in claim.picture
    unclear = made.lesson({"gain": made.gain("no_clear_difference", 0.0)})
    assert by_question(unclear)["Can it also hurt"].big == "no difference"


def test_a_twin_that_got_further_or_was_quicker_is_not_hidden():
    gain = made.gain("negative", -0.2)
    further = [{**seed, "scratch": 0.99} for seed in gain["seeds"]]
    assert by_question(made.lesson({"gain": {**gain, "seeds": further}}))["Does it save time"].big == "no"
    early = [[{**point, "seconds": point["seconds"] / 100} for point in seed["scratch_curve"]] for seed in gain["seeds"]]
    cut = {"scratch_s": 0.5, "scratch_cut": True}
    quicker = [{**seed, **cut, "scratch_curve": curve} for seed, curve in zip(gain["seeds"], early, strict=True)]
    claim = by_question(made.lesson({"gain": {**gain, "seeds": quicker}}))["Does it save time"]
    assert claim.big == "not here" and "when its time was over" in claim.words


def test_a_curve_that_has_leveled_off_promises_nothing():
    claim = by_question(made.lesson({"curve": made.curve("leveled_off")}))["Does it matter how many photos there are"]
    assert claim.big == "leveled off" and "→" not in claim.big
    assert (
        by_question(made.lesson({"curve": made.curve("unclear")}))["Does it matter how many photos there are"].big
        == "cannot say yet"
    )


@pytest.mark.parametrize(("more", "yours"), [
    ({}, []),
    ({"results": {"gain": made.gain()}}, ["Positive transfer"]),
    ({"results": {"gain": made.gain("negative", -0.3)}}, ["Negative transfer"]),
    ({"results": {"gain": made.gain("no_clear_difference", 0.0)}}, []),
    ({"relation": "lateral", "parent": "Run 2", "results": {"gain": made.gain()}}, ["Positive transfer", "Lateral transfer"]),
    ({"relation": "vertical"}, ["Vertical transfer"]),
])  # fmt: skip
def test_only_what_this_run_was_is_marked(more, yours):
    assert re.findall(r'<li class="here"><h3>([A-Z][a-z]+ transfer)', kinds(made.lesson(**more))) == yours


def test_a_chain_says_what_it_was_worth():
    said = text(kinds(made.lesson({"chain": made.gain("positive")}, relation="lateral", parent="Run 2")))
    assert "started from your model Run 2. Against starting from ImageNet, that helped." in said
    assert "has not been measured" in text(kinds(made.lesson(relation="lateral")))


def test_the_file_needs_nobody_and_runs_nothing():
    html = lesson_html(made.lesson(made.everything()), with_photos=True, picture=lambda _: "data:image/jpeg;base64,AA")
    tags = Tags(html).found
    assert not {"script", "link", "iframe", "object", "base", "form", "button"} & {tag for tag, _ in tags}
    for _, attributes in tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:image/jpeg").startswith("data:image/jpeg") and "href" not in attributes
    assert "http" not in html.replace("http-equiv", "") and "@import" not in html
    assert all(url.startswith("url(data:image/jpeg;base64,") for url in re.findall(r"url\([^)]*\)", html))
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html


def test_photos_and_their_file_names_are_in_it_only_when_asked_for():
    lesson = made.lesson(made.everything())
    without = lesson_html(lesson, picture=lambda _: "data:image/jpeg;base64,AA")
    assert "data:image" not in without and "ants/0.jpg" not in without and "No photo is in this file." in without
    with_them = lesson_html(lesson, with_photos=True, picture=lambda _: "data:image/jpeg;base64,AA")
    assert with_them.count("<img") == 6 and "--sheet:url" in with_them and "share it with care" in with_them


def test_names_from_people_stay_text():
    evil = made.EVIL
    lesson = made.lesson(made.everything(), title=evil, classes=(evil, "אבג"), backbone=evil, trainable=(evil,), where=evil, date=evil,
                         relation="lateral", parent=evil, head_accuracy=0.9)  # fmt: skip
    html = lesson_html(lesson)
    assert not [tag for tag, _ in Tags(html).found if tag in ("script", "img")] and "<bdi>אבג</bdi>" in html


def test_sixty_classes_and_a_single_photo_of_each_fit():
    names = tuple(f"class {n}" for n in range(60))
    results = {"map": {"before": made.photo_map(names, n=60), "after": None}, "curve": made.curve()}
    said = text(lesson_body(made.lesson(results, classes=names)))
    assert "class 5 …" in said and "in 60 classes" in said and "one of 60 classes gets about 2 %" in said


def test_the_file_has_the_colors_of_the_page():
    page = (ROOT / "assets" / "style" / "base.css").read_text()
    light, dark = FILE_STYLE.read_text().split("@media screen and (prefers-color-scheme: dark)")
    page_light, page_dark = page.split(".dark {")[:2]
    assert len(tokens(light)) > 20
    assert tokens(light).items() <= tokens(page_light).items()
    assert tokens(dark).items() <= tokens(page_dark.split("}")[0]).items() and tokens(dark).keys() == tokens(light).keys()
    used = set(re.findall(r"var\((--tu-[\w-]+)\)", FILE_STYLE.with_name("lesson.css").read_text()))
    assert used <= tokens(light).keys()


def test_every_part_of_a_picture_has_its_style():
    html = lesson_html(made.lesson(made.everything()), with_photos=True, picture=lambda _: "")
    body, style = html.split("<body>")[1], FILE_STYLE.with_name("lesson.css").read_text()
    names = {name for found in re.findall(r'class="([^"]*)"', body) for name in found.split() if name.startswith("ls-")}
    kinds_of_cards = {f"ls-{kind}" for kind in made.everything()} - {"ls-map"}
    assert {name for name in names - kinds_of_cards if f".{name}" not in style} == set()


def test_its_style_and_the_pages_do_not_meet():
    # Rules of the page that begin with a short class (.area) would change pictures on the page but not in the saved file.
    html = lesson_body(made.lesson(made.everything()), picture=lambda _: "")
    mine = {name for found in re.findall(r'class="([^"]*)"', html) for name in found.split()}
    page = "".join(path.read_text() for path in (ROOT / "assets" / "style").glob("*.css"))
    selectors = re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", page, flags=re.DOTALL))
    alone = {found for one in selectors for found in re.findall(r"(?:^|,)\s*(?:path|span)?\.([\w-]+)", one)}
    assert mine & alone <= {"line"}  # the page styles only what is inside its .line, and there is nothing in ours
