"""Which model came from which: escaped, of any depth, and only where there is something to tell."""

import json
import re

from tests.ui.conftest import answers
from transferui.ui.family_view import family, members_of


def born(entry, parent=None, *, accuracy=9, name="garden", relation="lateral", **settings):
    """A run with its family in its config.json, as a training process leaves it."""
    if parent:
        settings["start_from"] = parent[0].id
    run, state, results = entry(answers(accuracy, 10 - accuracy), **settings)
    facts = json.loads((run.folder / "config.json").read_text()) | {"dataset_name": name}
    if parent:
        before = parent[0].facts
        lineage = [
            *before.get("lineage", []),
            {"name": parent[0].id, "dataset_name": before["dataset_name"], "val_accuracy": 0.5},
        ]
        facts |= {"lineage": lineage, "relation": relation}
    (run.folder / "config.json").write_text(json.dumps(facts))
    return run, state, results


def test_without_a_child_there_is_no_tree(entry):
    assert family([], "") == "" and family([born(entry), born(entry)], "") == ""


def test_parents_children_and_roots_are_drawn_in_their_places(entry):
    first = born(entry, name="insects")
    second = born(entry, first, name="beetles", accuracy=7, relation="vertical")
    third, single = born(entry, first, name="ants"), born(entry, name="alone")
    blind = born(entry, name="shapes", weights="random")
    html = family([born(entry, blind, name="more"), blind, single, third, second, first], second[0].id)
    order = [html.index(text) for text in ("ImageNet", "insects", "beetles", "ants", "Nothing", "shapes", "more")]
    assert order == sorted(order) and "alone" not in html and "One more run has no relatives" in html
    assert re.search(r"vertical</span>.{0,120}open:" + second[0].id + r".*?70\u00a0%", html) and html.count("aria-current") == 1
    assert html.count("<ul>") == html.count("</ul>") and html.count("<li>") == html.count("</li>") == 5


def test_names_stay_text(entry):
    first = born(entry, name="<script>alert(1)</script>")
    html = family([born(entry, first, name='"><img src=x>', relation="<b>"), first], "")
    assert "<script>" not in html and "<img" not in html and "<b>lateral" not in html and "fam-edge" not in html


def test_a_deleted_model_stays_in_the_memory_of_its_children(entry):
    first = born(entry, name="insects")
    second = born(entry, first, name="beetles")
    third = born(entry, second, name="ants")
    html = family([third, first], "")
    gone = members_of([third, first])[second[0].id]
    assert (gone.name, gone.dataset_name, gone.parent) == ("", "beetles", first[0].id)
    assert "not here (any more)" in html and f"open:{second[0].id}" not in html


def test_a_long_chain_is_drawn_whole(entry):
    chain = [born(entry)]
    run, state, results = chain[0]
    facts = run.facts
    names = [f"20250101-000000-{n:016d}" for n in range(400)]
    facts["lineage"] = [{"name": name, "dataset_name": f"set {n}"} for n, name in enumerate(names)]
    (run.folder / "config.json").write_text(json.dumps(facts))
    html = family(chain, run.id)
    assert html.count("<li>") == html.count("</li>") == 401 and html.count("<ul>") == html.count("</ul>") == 401


def test_a_damaged_run_is_left_to_the_list(entry):
    first = born(entry)
    second = born(entry, first)
    (first[0].folder / "config.json").write_text("{")
    assert "not here (any more)" in family([second, first], "")
