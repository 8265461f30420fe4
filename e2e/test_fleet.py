"""The ward sees which phones need help: what waits on them, a wrong clock, an error, in plain words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from e2e.desk import Desk
from e2e.forms import add_household, fetch_news
from e2e.phone import LONG, Phone
from e2e.server import Server
from e2e.test_accessibility import check

TWO_HOURS_SLOW = """
    const Right = Date;
    const late = () => Right.now() - 2 * 3_600_000;
    globalThis.Date = class extends Right {
        constructor(...given) { given.length ? super(...given) : super(late()); }
        static now() { return late(); }
    };
"""


def picture(page: Page, name: str) -> None:
    """Kept where ``GTN_PICTURES`` says, for whoever wants to look."""
    if folder := os.environ.get("GTN_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_a_phone_that_holds_records_and_has_a_wrong_clock_is_seen_and_helped(
    contexts: Callable[..., BrowserContext], own_server: Server
) -> None:
    slow = contexts()
    slow.add_init_script(TWO_HOURS_SLOW)
    hoa = Phone(slow, own_server)
    hoa.sign_in("hoa")
    hoa.page.route("**/_bulk_docs", lambda route: route.abort())
    add_household(hoa, "871")
    failed = hoa.page.locator('[data-testid="sync-state"][data-phase="failed"]')
    expect(failed).to_be_visible(timeout=LONG)
    hoa.tab("Gửi dữ liệu")
    with hoa.page.expect_response("**/api/hello"):
        hoa.page.get_by_role("button", name="Gửi ngay").click()
    expect(failed).to_be_visible(timeout=LONG)

    ward = Desk(contexts(1280, 800), own_server)
    ward.sign_in("giamsat")
    page = ward.page

    def seen() -> None:
        page.get_by_role("navigation", name="Các trang").get_by_role("link", name="Máy", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Máy của các tổ")

    seen()
    row = page.get_by_role("listitem").filter(has=page.get_by_role("heading", level=3))
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Chậm 2 giờ")
    expect(row).to_contain_text("Đồng hồ lệch quá 10 phút")
    said = " ".join(row.inner_text().split())
    assert "Bản ghi chờ gửi 1" in said
    assert "Lỗi của lần gửi trước Chưa tới được máy chủ" in said
    picture(page, "devices-wide")
    wrong = check(page, "phones", targets=False)

    hoa.page.unroute("**/_bulk_docs")
    fetch_news(hoa)
    hoa.wait_until_sent()
    page.wait_for_timeout(2500)  # within seconds, what was sent is taken off
    seen()
    assert "Bản ghi chờ gửi 0" in " ".join(row.inner_text().split())

    small = Desk(contexts(360, 640), own_server)
    small.sign_in("giamsat")
    small.page.goto(f"{own_server.url}/desk")
    picture(small.page, "desk-small")
    small.page.goto(f"{own_server.url}/desk/devices")
    picture(small.page, "devices-small")
    wrong += check(small.page, "phones, small", targets=False)
    small.page.goto(f"{own_server.url}/desk/devices?q=khong-ai")
    wrong += check(small.page, "no phones, small", targets=False)
    assert not wrong, "\n".join(wrong)
    assert hoa.failures == ward.failures == []
