"""A photo in two classes, from the finding on the page to the decision, back, and ignored."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import LONG, give
from tests.data.test_similar import save, scene

pytestmark = pytest.mark.browser


def test_a_conflict_is_settled_with_one_click_taken_back_and_ignored(visit, tmp_path):
    import shutil

    for n in range(12):
        save(scene(n), tmp_path / "p" / "cat" / f"{n}.jpg")
        save(scene(100 + n), tmp_path / "p" / "dog" / f"{n}.jpg")
    save(scene(0), tmp_path / "p" / "dog" / "copy.jpg", quality=80)
    save(scene(5), tmp_path / "p" / "cat" / "again.jpg", quality=80)
    page = visit()
    give(page, shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "p"))
    finding = page.locator("#dataset-summary [data-kind=conflict]")
    expect(finding.locator(".case img")).to_have_count(2)

    page.get_by_role("button", name="It is cat").click()
    expect(finding).to_have_count(0, timeout=LONG)
    expect(page.locator("#data-message")).to_contain_text("in one class now")
    expect(page.locator("#class-1 .tu-count")).to_have_text("14")
    page.locator("#undo").click()
    expect(finding).to_be_visible(timeout=LONG)

    copies = page.locator("#dataset-summary [data-kind=copies]")
    copies.get_by_text("Show them").click()
    expect(copies.locator(".case")).to_be_visible()
    finding.get_by_text("Ignore", exact=True).click()
    expect(finding).to_have_count(0)
    expect(copies.locator(".case"), "what was unfolded stays so").to_be_visible()
    page.reload()
    expect(page.locator("#dataset-summary .tu-ignored")).to_contain_text("1 finding is ignored", timeout=LONG)
    page.get_by_role("button", name="Show again").click()
    expect(finding).to_be_visible()
