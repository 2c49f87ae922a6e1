"""Going back, other photos, another tab: what is shown and what is learned from stay the same thing."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import LONG, ready_to_train, to_train, train_to_the_end

pytestmark = pytest.mark.browser


def take_the_leaves(page):
    page.locator("#step-data-button").click()
    page.locator("#sample-set [data-pick=leaves]").click()
    expect(page.get_by_label("Name of class 1", exact=True)).to_have_value("birch", timeout=LONG)


def test_after_going_back_steps_ahead_stay_open_and_say_that_their_model_is_of_other_photos(visit, photo_zip):
    page = ready_to_train(visit, photo_zip)
    expect(page.locator("#step-test-button")).to_be_disabled()
    train_to_the_end(page)
    expect(page.locator("#step-test-button")).to_be_enabled()
    take_the_leaves(page)
    page.locator("#step-train-button").click()
    expect(page.locator("#other-photos")).to_contain_text("This result is of other photos", timeout=LONG)
    expect(page.locator("#run-status")).to_contain_text(re.compile(r"Not started.*About \d+"))
    expect(page.locator("#train-button")).to_have_text("Start training")
    page.locator("#step-data-button").click()
    page.locator("#step-test-button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#test-source")).to_contain_text("It learned from other photos")
    expect(page.locator("#step-test-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#step-home-button")).to_be_enabled()


def test_photos_that_another_tab_has_changed_are_not_learned_from_before_they_are_shown(visit, photo_zip):
    page = ready_to_train(visit, photo_zip)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#train-button")).to_be_enabled(timeout=LONG)
    take_the_leaves(other)
    page.locator("#train-button").click()
    expect(page.locator("#train-message [role=alert]")).to_contain_text("perhaps in another tab")
    expect(page.locator("#runs-list")).to_contain_text("None yet")
    page.reload()
    page.locator("#step-train-button").click()
    page.locator("#train-button").click()
    expect(page.locator("#run-status")).not_to_contain_text("Not started", timeout=LONG)
    expect(page.locator("#train-message [role=alert]")).to_have_count(0)
    expect(page.locator("#run-status")).to_contain_text("Finished", timeout=LONG)
    expect(page.locator("#runs-list")).to_contain_text("Leaves", ignore_case=True)


def test_while_a_run_goes_on_other_settings_are_told_why_they_wait_and_stop_is_heard_at_once(visit, photo_zip):
    page = ready_to_train(visit, photo_zip)
    page.locator("#back-2").click()
    page.get_by_role("radio", name="Everything").check()  # takes long
    expect(page.locator("#network .stage[aria-checked=false]")).to_have_count(0)
    to_train(page)
    page.locator("#train-button").click()
    expect(page.locator("#run-status")).to_contain_text("Learning", timeout=LONG)
    expect(page.locator("#other-photos")).to_be_empty()
    page.locator("#back-2").click()
    page.get_by_role("radio", name="Head only").check()
    expect(page.locator("#network .stage[aria-checked=true]")).to_have_count(1)
    page.locator("#next-3").click()
    expect(page.locator("#other-photos")).to_contain_text("Run 1 still goes on, with other settings")
    held = []
    page.route(lambda url: "run/predict" in url, lambda route: held.append(route))  # as a busy server
    page.locator("#stop-button").click()
    expect(page.locator("#stop-button")).to_have_text("Stopping …", timeout=1000)
    for route in held:
        route.continue_()
    page.unroute_all()
    expect(page.locator("#run-status")).to_contain_text("Stopped", timeout=LONG)
    expect(page.locator("#stop-button")).to_have_text("Stop")
    expect(page.locator("#other-photos")).to_be_empty()
    expect(page.locator("#train-button")).to_be_enabled()
