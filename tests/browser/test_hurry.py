"""Step 1 without patience: nobody waits for an answer before the next click."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import LONG
from tests.conftest import draw_photo

pytestmark = pytest.mark.browser


def test_photos_names_and_renames_in_a_row_are_all_kept(visit, tmp_path):
    page = visit()
    page.locator("#add-class").click()
    expect(page.locator("#class-3")).to_be_visible()
    held = []
    page.route(
        lambda url: "run/predict" in url, lambda route: held.append(route)
    )  # as a busy server that is told of the letters too late
    for n, color in enumerate(("red", "blue"), start=1):
        page.get_by_label(f"Name of class {n}").fill(color)
        with page.expect_file_chooser() as chooser:
            page.locator(f"#add-photos-{n}").click()
        chooser.value.set_files([draw_photo(tmp_path / f"{color}{i}.jpg", color, 50 * n + i) for i in range(30)])
    third = page.get_by_label("Name of class 3")
    third.press_sequentially("green and yellow leaves", delay=120)
    for n in (1, 2):
        expect(page.locator(f"#class-{n} .tu-count")).to_have_text("30", timeout=LONG)
    expect(third).to_have_value("green and yellow leaves")
    for route in held:
        route.continue_()
    page.unroute_all()
    page.get_by_label("Name of class 1").fill("fire")
    page.get_by_label("Name of class 2").fill("sea")
    third.focus()
    expect(page.locator("#dataset-summary")).to_contain_text("fire", timeout=LONG)
    expect(page.locator("#dataset-summary")).to_contain_text("sea", timeout=LONG)
    page.reload()
    expect(page.get_by_label("Name of class 3")).to_have_value("green and yellow leaves", timeout=LONG)


def test_before_the_page_knows_whose_desk_it_shows_no_click_is_taken(chrome, server):
    context, held = chrome.new_context(), []

    def hold(route):  # as a busy server that has not answered yet
        held.append(route)

    page = context.new_page()
    page.route(lambda url: "run/predict" in url, hold)
    page.goto(server)
    expect(page.locator(".tu-opening")).to_be_visible()
    steps = page.locator("#steps")
    expect(steps).to_have_css("pointer-events", "none")
    page.unroute_all()
    for route in held:
        route.continue_()
    expect(page.locator(".tu-opening")).to_have_count(0)
    expect(steps).to_have_css("pointer-events", "auto")
    context.close()


def test_the_network_is_drawn_and_heard_where_its_step_is_opened_while_photos_are_coming(visit, tmp_path):
    page = visit()
    page.locator("#sample-set [data-pick=leaves]").click()
    expect(page.get_by_label("Name of class 1", exact=True)).to_have_value("birch", timeout=LONG)
    page.reload()  # so that step 2 has not been open
    expect(page.get_by_label("Name of class 1", exact=True)).to_have_value("birch", timeout=LONG)
    with page.expect_file_chooser() as chooser:
        page.locator("#add-photos-1").click()
    chooser.value.set_files([draw_photo(tmp_path / f"{i}.jpg", "green", 500 + i) for i in range(80)])
    expect(page.locator("#data-message")).to_contain_text(re.compile(r"\w"), timeout=LONG)  # progress
    page.locator("#next-2").click()
    block = page.locator("#network .stage").nth(3)
    expect(block).to_have_attribute("aria-checked", "false")
    block.click()
    expect(block).to_have_attribute("aria-checked", "true")
    expect(page.locator("#network .error-container")).to_have_count(0)
    expect(page.locator("#network .stage")).not_to_have_count(0)
