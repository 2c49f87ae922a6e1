"""The journeys of the issue tracker's first promise, in a real browser, on real photos, with real training."""

import re

import pytest
from playwright.sync_api import expect

import transferui as tui
from tests.conftest import draw_photo
from transferui.ui.test_view import share

pytestmark = pytest.mark.browser
LONG = 120_000


def give(page, path):
    page.locator("#zip-upload input[type=file]").set_input_files(path)
    expect(page.locator("#dataset-summary .tu-big")).to_be_visible(timeout=LONG)


def to_model(page):
    page.locator("#next-2").click()
    expect(page.locator("#network .stage").first).to_be_visible()


def to_train(page):
    page.locator("#next-3").click()
    expect(page.locator("#train-button")).to_be_enabled()


def ready_to_train(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    to_train(page)
    return page


def train_to_the_end(page):
    page.locator("#train-button").click()
    # Until the press has arrived, status and result are those of the run before.
    expect(page.locator("#run-status")).not_to_contain_text("Finished")
    expect(page.locator("#run-status")).to_contain_text("Finished", timeout=LONG)
    expect(page.locator("#run-result .tu-huge")).to_be_visible()


def curve(page, chart="loss"):
    return page.locator(f"#{chart}-chart path.val").get_attribute("d")


def heading_has_the_focus_and_no_frame(page, step):
    heading = page.locator(f"#{step} h1")
    expect(heading).to_be_focused()
    assert heading.evaluate("head => getComputedStyle(head).outlineStyle") == "none"


def freeze_by_click_and_key(page):
    blocks = page.locator("#network .stage")
    last = blocks.nth(blocks.count() - 2)
    expect(last).to_have_attribute("aria-checked", "false")
    last.click()
    expect(last).to_have_attribute("aria-checked", "true")
    expect(page.locator("#network .say")).to_contain_text("of 3.4 million weights")
    blocks.first.focus()
    page.keyboard.press("Space")
    expect(blocks.first).to_have_attribute("aria-checked", "true")
    expect(page.locator("#freeze-preset label.selected")).to_have_text("My own choice")
    page.get_by_role("radio", name="Everything").check()
    expect(page.locator("#network .stage[aria-checked=false]")).to_have_count(0)


def refresh_in_the_middle_and_stop(page):
    page.locator("#train-button").click()
    expect(page.locator("#run-status")).to_contain_text("blocks and head", timeout=LONG)
    expect(page.locator("#accuracy-chart path.val")).to_be_visible(timeout=LONG)
    before = curve(page)
    page.reload()
    expect(page.locator("#run-status")).to_contain_text(re.compile("Learning|Getting|Looking"), timeout=LONG)
    expect(page.locator("#loss-chart path.val")).to_be_visible()
    assert len(curve(page)) >= len(before)
    page.locator("#stop-button").click()
    expect(page.locator("#run-status")).to_contain_text("Stopped", timeout=10_000)
    expect(page.locator("#run-result .tu-huge")).to_be_visible()


def mark_all_at_once(page):
    """Quicker than any answer comes back."""
    page.evaluate("document.querySelectorAll('#runs-list [data-pick^=mark]').forEach(button => button.click())")
    expect(page.locator("#runs-list [role=checkbox][aria-checked=true]")).to_have_count(2)
    expect(page.locator("#runs-list .tu-compared")).to_be_visible()


def camera_gives_way_to_a_chosen_photo(page):
    page.locator("#test-live button").click()
    expect(page.locator("#test-result [data-frame]")).to_be_visible(timeout=LONG)
    page.locator("#test-tries [role=radio]").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # chooses; the answer shown in the end is that of the last one
    expect(page.locator("#test-live [role=status]")).to_contain_text("you have chosen a photo")
    expect(page.locator("#test-result figcaption").first).to_contain_text("A validation photo", timeout=LONG)
    page.wait_for_timeout(1500)
    expect(page.locator("#test-result [data-frame]")).to_have_count(0)
    expect(page.locator("#test-tries [role=radio]").nth(3)).to_have_attribute("aria-checked", "true")


def show_a_photo(page, photo):
    page.locator("#next-4").click()
    camera_gives_way_to_a_chosen_photo(page)
    page.locator("#test-image input[type=file]").set_input_files(photo)
    expect(page.locator("#test-result figcaption").first).to_contain_text("Your photo", timeout=LONG)
    expect(page.locator("#test-result .verdict")).to_be_visible(timeout=LONG)
    page.locator("#confusion-matrix td button").first.click()
    expect(page.locator("#confusion-matrix aside img").first).to_be_visible()
    return page.locator("#test-result .rank .row").first.inner_text()


def download(page, path):
    page.locator("#next-5").click()
    expect(page.locator("#download-model")).to_be_enabled(timeout=LONG)
    with page.expect_download() as event:
        page.locator("#download-model").click()
    event.value.save_as(path)
    return path


def test_the_whole_journey(visit, photo_zip, one_photo, tmp_path):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    heading_has_the_focus_and_no_frame(page, "step-model")
    freeze_by_click_and_key(page)
    to_train(page)
    refresh_in_the_middle_and_stop(page)

    page.locator("#back-2").click()
    page.get_by_role("radio", name="Head only").check()
    expect(page.locator("#network .stage[aria-checked=true]")).to_have_count(1)
    to_train(page)
    train_to_the_end(page)
    expect(page.locator("#run-status")).to_contain_text("the frozen blocks did not change")
    expect(page.locator("#runs-list tbody tr")).to_have_count(2)
    mark_all_at_once(page)

    shown = show_a_photo(page, one_photo)
    bundle = download(page, tmp_path / "model.zip")
    best = tui.load_model(bundle).predict(one_photo)[0]
    assert best.class_name in shown and share(best.probability) in shown
    with page.expect_file_chooser() as chooser:
        page.locator("#open-model").click()
    chooser.value.set_files(bundle)
    expect(page.locator("#home-message")).to_contain_text("The model is open", timeout=LONG)


def test_two_people_do_not_see_each_others_photos_or_runs(visit, photo_zip):
    one, other = visit(), visit()
    give(one, photo_zip)
    to_model(one)
    to_train(one)
    train_to_the_end(one)
    other.reload()
    other.wait_for_timeout(1500)
    expect(other.locator("#dataset-summary")).to_contain_text("Nothing yet")
    other.locator("#next-2").click()
    expect(other.locator("#data-message")).to_contain_text("There are no photos yet")
    assert (
        other.locator("img[src*='base64']").count() == one.locator("#sample-set img").count() or "photo 1" not in other.content()
    )
    stolen = one.locator("#runs-list [data-pick^=open]").first.get_attribute("data-pick").removeprefix("open:")
    assert stolen not in other.content()


def test_a_second_tab_shows_the_same_desk(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.locator("#dataset-summary .tu-big")).to_have_text(page.locator("#dataset-summary .tu-big").inner_text())


def add_class(page, n, name, files):
    page.get_by_label(f"Name of class {n}").fill(name)
    with page.expect_file_chooser() as chooser:
        page.locator(f"#add-photos-{n}").click()
    chooser.value.set_files(files)
    expect(page.locator(f"#class-{n} .tu-count")).to_have_text(str(len(files)), timeout=LONG)


def test_class_cards_take_photos_and_odd_names_are_shown_as_they_are(visit, tmp_path):
    page = visit()
    reds = [draw_photo(tmp_path / f"r{n}.jpg", "red", n) for n in range(6)]
    blues = [draw_photo(tmp_path / f"b{n}.jpg", "blue", 50 + n) for n in range(6)]
    add_class(page, 1, "<script>window.__xss = 1</script>", reds)
    page.locator("#next-2").click()
    expect(page.locator("#data-message")).to_contain_text("At least two classes are needed")
    add_class(page, 2, "blue 🐟 a/b", blues)
    page.locator("#add-class").click()
    expect(page.locator("#class-3")).to_be_visible()
    page.get_by_label("Name of class 2").fill("sea")
    page.get_by_label("Name of class 2").press("Enter")
    expect(page.locator("#dataset-summary")).to_contain_text("sea")
    to_model(page)
    to_train(page)
    train_to_the_end(page)
    page.locator("#next-4").click()
    expect(page.locator("#confusion-matrix")).to_contain_text("<script>")
    assert page.evaluate("window.__xss") is None


def test_a_sample_set_and_a_folder_are_one_click_each(visit, photos):
    page = visit()
    page.locator("#sample-set [data-pick=fabrics]").click()
    expect(page.locator("#dataset-summary .tu-big")).to_contain_text("240", timeout=LONG)
    page.locator("#folder-upload input").set_input_files(photos)
    expect(page.locator("#dataset-summary .tu-big")).to_contain_text("30", timeout=LONG)
    expect(page.locator("#dataset-summary")).to_contain_text("green")


@pytest.mark.parametrize("content", [b"only text", b"PK\x03\x04 cut off"])
def test_a_bad_zip_gets_one_sentence_and_nothing_is_lost(visit, photo_zip, tmp_path, content):
    page = visit()
    give(page, photo_zip)
    before = page.locator("#dataset-summary .tu-big").inner_text()
    bad = tmp_path / "bad.zip"
    bad.write_bytes(content)
    page.locator("#zip-upload input[type=file]").set_input_files(bad)
    expect(page.locator("#data-message [role=alert]")).to_contain_text("ZIP", timeout=LONG)
    expect(page.locator("#dataset-summary .tu-big")).to_have_text(before)


def test_the_time_is_told_before_and_what_is_remembered_can_be_forgotten(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    expect(page.locator("#estimate")).to_contain_text(re.compile(r"About \d+"))
    to_train(page)
    expect(page.locator("#run-status")).to_contain_text(re.compile(r"About \d+"))
    train_to_the_end(page)
    expect(page.locator("#remembered")).to_contain_text("MB")
    page.locator("#back-2").click()
    page.get_by_role("radio", name="Last stage").check()
    page.get_by_role("radio", name="Head only").check()
    expect(page.locator("#estimate")).to_contain_text("remembered from an earlier run")
    to_train(page)
    page.once("dialog", lambda question: question.accept())
    page.locator("#forget-features").click()
    expect(page.locator("#remembered")).to_contain_text("nothing yet")
    page.locator("#back-2").click()
    expect(page.locator("#estimate")).to_contain_text(re.compile(r"About \d+"))
    expect(page.locator("#estimate")).not_to_contain_text("remembered from an earlier run")


def test_quick_choices_are_all_taken_and_the_last_one_is_shown(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    for _ in range(4):
        for name in ("Everything", "Last half", "Last stage", "Head only"):
            page.get_by_role("radio", name=name).check()
        page.wait_for_timeout(1500)
        expect(page.locator("#freeze-preset label.selected")).to_have_text("Head only")
        expect(page.locator("#network .stage[aria-checked=true]")).to_have_count(1)  # the head
        for n in (0, 3, 5):
            page.locator("#network .stage").nth(n).click()
        page.wait_for_timeout(1500)
        page.reload()
        expect(page.locator("#network .stage[aria-checked=true]")).to_have_count(4)
        expect(page.locator("#freeze-preset label.selected")).to_have_text("My own choice")


def test_a_step_opened_at_the_top_is_opened_again_after_a_refresh(visit, photo_zip):
    page = ready_to_train(visit, photo_zip)
    page.locator("#step-model-button").click()
    expect(page.locator("#network .stage").first).to_be_visible()
    page.wait_for_timeout(500)
    page.reload()
    expect(page.locator("#network .stage").first).to_be_visible()
    expect(page.locator("#step-model-button")).to_have_attribute("aria-selected", "true")


def test_a_double_click_on_train_starts_one_run(visit, photo_zip):
    page = ready_to_train(visit, photo_zip)
    page.locator("#train-button").dblclick()
    expect(page.locator("#run-status")).to_contain_text("Finished", timeout=LONG)
    expect(page.locator("#runs-list tbody tr")).to_have_count(1)


def test_a_wrong_setting_is_explained_where_it_is_typed(visit, photo_zip):
    page = visit()
    give(page, photo_zip)
    to_model(page)
    page.get_by_role("button", name="Advanced settings").click()
    epochs = page.locator("#set-epochs input")
    expect(epochs).to_have_value("30")
    page.wait_for_timeout(800)  # what opened has got its values; nobody types faster
    epochs.fill("0")
    epochs.blur()
    expect(page.locator("#model-message [role=alert]")).to_contain_text("a whole number from 1 to 1000")
    epochs.fill("5")
    epochs.blur()
    expect(page.locator("#model-message [role=alert]")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_step_scrolls_sideways(visit, photo_zip, width):
    page = visit(width=width, height=844)
    give(page, photo_zip)
    for step in (2, 3):
        page.locator(f"#next-{step}").click()
        page.wait_for_timeout(600)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
