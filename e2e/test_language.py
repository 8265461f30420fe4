"""English is fetched by those who choose it, and works without a network from then on."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from e2e.phone import Phone

KEPT = "async () => (await caches.open('gtn-english')).keys().then((kept) => kept.length)"


def test_english_comes_when_it_is_chosen_and_stays(phone: Callable[..., Phone]) -> None:
    hoa = phone("hoa")
    page = hoa.page
    hoa.go_offline()
    hoa.tab("Gửi dữ liệu")
    page.get_by_role("radio", name="English").click()
    expect(page.get_by_text("Tiếng Anh chưa có trên máy này.")).to_be_visible()
    expect(page.get_by_role("radio", name="Tiếng Việt")).to_be_checked()
    expect(page.locator("html")).to_have_attribute("lang", "vi")

    hoa.go_online()
    page.get_by_role("radio", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_text("Tiếng Anh chưa có trên máy này.")).to_have_count(0)
    page.wait_for_function(f"async () => (await ({KEPT})()) === 1")

    hoa.go_offline()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Unlock")
