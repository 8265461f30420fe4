"""Two phones record one door while they are offline; the desk makes them one, and takes them apart again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from e2e.desk import Desk
from e2e.forms import (
    add_household,
    add_person,
    begin_visit,
    expect_saved,
    fetch_news,
    help_with,
    open_household,
    open_remarks,
    save,
    stored,
)
from e2e.phone import LONG, Phone
from e2e.server import Server

LABEL = "Bà, tầng 2 nhà trong"
PICTURES = os.environ.get("GTN_PICTURES", "")
"""A folder for pictures of the pages, to be looked at by hand."""


def check(desk: Desk, name: str) -> None:
    assert Axe().run(desk.page).response["violations"] == []
    for width, height in ((360, 640), (1280, 800)):
        desk.page.set_viewport_size({"width": width, "height": height})
        wide = desk.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"the page is wider than {width}"
        if PICTURES:
            desk.page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)


def record_twice(hoa: Phone, nam: Phone) -> tuple[str, str]:
    """The same door and the same person on two phones out of reach; the ids of both doors."""
    homes = []
    for one, house in ((hoa, "Số 962/3"), (nam, "962 / 03")):
        one.go_offline()
        home = add_household(one, house)
        add_person(one, LABEL)
        begin_visit(one)
        help_with(one, LABEL, "iHanoi", "Đã cài đặt")
        save(one)
        expect_saved(one)
        homes.append(home)
    for one in (hoa, nam):
        one.go_online()
        one.wait_until_sent()
    return homes[0], homes[1]


def leave_half_filled_and_write_more_offline(nam: Phone, home: str) -> None:
    open_household(nam, home)
    begin_visit(nam)
    open_remarks(nam).fill("Cụ hẹn mang giấy tờ")
    nam.page.wait_for_timeout(400)  # until it is kept
    nam.go_offline()
    open_household(nam, home)
    add_person(nam, "Ông, tầng 3")
    nam.expect_waiting(1)


def merge(ward: Desk, why: str) -> None:
    page = ward.page
    row = page.get_by_role("row").filter(has_text="962").filter(has_text=why)
    row.get_by_role("link", name="So sánh").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("có phải là một không?")
    check(ward, f"pair-{'resident' if 'người' in why else 'household'}")
    page.get_by_role("button", name="Gộp làm một").click()
    expect(page.get_by_role("status")).to_contain_text("Đã gộp hai bản làm một")


def test_a_door_recorded_on_two_phones_becomes_one_and_is_taken_apart_again(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    hoa, nam = phone("hoa", at=own_server), phone("nam", at=own_server)
    ward = desk(at=own_server)
    kept, lost = record_twice(hoa, nam)
    leave_half_filled_and_write_more_offline(nam, lost)

    page = ward.page
    page.get_by_role("link", name="Hộ và người bị ghi trùng").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hộ và người bị ghi trùng")
    expect(page.get_by_text(LABEL)).to_have_count(0)
    page.get_by_label("Tổ, đơn vị cần xem").select_option("tdp-07")
    page.get_by_role("button", name="Xem").click()
    expect(page.get_by_role("heading", name="cặp có thể là một")).to_be_visible()
    check(ward, "list")
    merge(ward, "Hai hộ cùng địa chỉ")
    merge(ward, "Hai người")
    check(ward, "merged")

    nam.go_online()
    nam.wait_until_sent()
    fetch_news(nam)
    for one in (nam, hoa):
        if one is hoa:
            fetch_news(hoa)
        one.search("962")
        expect(one.doors()).to_have_count(1)
    nam.tab("Hôm nay")
    expect(nam.page.get_by_test_id("moved")).to_have_count(0)
    nam.page.get_by_text("Còn một bản ghi dở").wait_for(timeout=LONG)
    nam.page.get_by_role("link", name="Ghi tiếp").click()
    expect(open_remarks(nam)).to_have_value("Cụ hẹn mang giấy tờ")
    help_with(nam, LABEL, "iHanoi", "Đã cài đặt")
    save(nam)
    visit = expect_saved(nam)
    nam.wait_until_sent()
    assert stored(nam, visit)[0]["household"] == kept
    open_household(nam, kept)
    nam.expect_text("Ông, tầng 3")

    page.reload()
    page.get_by_role("button", name="Hoàn tác lần gộp ở").first.click()
    expect(page.get_by_role("status")).to_contain_text("hai bản lại riêng như trước")
    page.get_by_role("button", name="Hoàn tác lần gộp ở").click()
    expect(page.get_by_role("status")).to_contain_text("hai bản lại riêng như trước")
    fetch_news(hoa)
    hoa.search("962")
    expect(hoa.doors()).to_have_count(2)
    assert stored(hoa, visit)[0]["household"] == kept, "what came since does not stay"
