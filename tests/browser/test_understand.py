"""What transfer learning did, asked on the page: advice before training, answers after it, and the lesson to take home."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import LONG, give, to_model, to_train, train_to_the_end

pytestmark = pytest.mark.browser


def ask(page, part):
    page.locator(f'#insight [data-pick="measure:{part}"]').click()
    # Some answers take two short trainings; on one slow core that is more than two minutes.
    expect(page.locator(f'#insight [data-part="{part}"] .tu-none')).to_have_count(0, timeout=3 * LONG)
    expect(page.locator(f'#insight [data-pick="measure:{part}"]')).to_be_enabled(timeout=LONG)


def to_understand(page):
    to_train(page)
    train_to_the_end(page)
    for n in (4, 5, 6):
        page.locator(f"#next-{n}").click()
    expect(page.locator("#measure-button")).to_be_enabled()


def test_the_networks_are_asked_before_anything_is_trained(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    page.locator("#advice button.label-wrap").click()
    page.locator("#advice-button").click()
    expect(page.locator("#advice-status")).to_contain_text("Probing every stage", timeout=LONG)
    page.locator("#advice-stop").click()  # the ranking is finished and stays
    expect(page.locator("#advice-status")).to_contain_text("Stopped", timeout=LONG)
    page.locator('#advice-answers [data-pick="use:efficientnet_lite0"]').click()
    expect(page.locator("#model-message")).to_contain_text("is chosen in step 2")
    expect(page.locator("#advice-answers [data-part=rank]")).to_contain_text("EfficientNet-Lite0")


def test_questions_are_answered_survive_a_refresh_and_become_a_lesson(visit, photo_zip, tmp_path):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    to_understand(page)
    for part in ("curve", "labels", "map"):
        ask(page, part)
    page.locator('#insight [data-pick="measure:gain"]').click()
    expect(page.locator("#measure-status")).to_contain_text("starts from nothing", timeout=LONG)
    page.reload()
    expect(page.locator("#measure-status")).to_contain_text("starts from nothing", timeout=LONG)
    page.locator("#measure-stop").click()
    expect(page.locator("#measure-status")).to_contain_text("of 7 questions are answered", timeout=LONG)
    expect(page.locator("#insight [data-part=curve] svg").first).to_be_visible()
    page.locator("#read-lesson button.label-wrap").click()
    expect(page.locator("#lesson-body")).to_contain_text("Transfer learning, on your photos")
    with page.expect_download() as event:
        page.locator("#lesson-save").click()
    event.value.save_as(tmp_path / "lesson.html")
    text = (tmp_path / "lesson.html").read_text(encoding="utf-8")
    assert "<script" not in text and "data:image/jpeg" not in text  # no photo without being asked


def test_a_doubted_label_is_changed_and_taken_back(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    to_understand(page)
    ask(page, "labels")
    suspects = page.locator('#insight [data-pick^="label:drop:"]')
    before = suspects.count()
    assert before
    if not suspects.first.is_visible():  # none stands out
        page.locator("#insight .ls-labels summary").click()
    suspects.first.click()
    expect(page.locator("#insight-message")).to_contain_text("left out", timeout=LONG)
    expect(suspects).to_have_count(before - 1)
    expect(page.locator("#measure-status")).to_contain_text("changed the photos")
    page.locator(".step-button").first.click()
    page.locator("#undo").click()
    expect(page.locator("#dataset-summary .tu-big")).to_be_visible()


def test_a_run_that_started_from_an_own_model_is_asked_what_that_brought(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    page.get_by_role("radio", name="Last stage").check()
    page.locator("#advanced button.label-wrap").click()
    page.wait_for_timeout(1500)
    page.locator("#set-head_start input").click()
    page.get_by_role("option", name="random").click()  # the probe is not there to fall back on
    to_train(page)
    train_to_the_end(page)
    page.locator("#back-2").click()
    page.locator('#start [data-pick^="run:"]').first.click()
    expect(page.locator('#start [data-pick^="run:"][aria-checked=true]')).to_have_count(1)
    page.get_by_role("radio", name="Head only").check()
    to_understand(page)
    ask(page, "chain")
    expect(page.locator('#insight [data-part="chain"] .ls-verdict')).to_be_visible()
    expect(page.locator('#insight [data-pick="longer:chain"]')).to_be_visible()
