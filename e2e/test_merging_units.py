"""Two teams become one at the desk: whoever is out of reach loses nothing, and nothing counts twice."""

from __future__ import annotations

import re
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from e2e.desk import Desk
from e2e.forms import record_offline, stored
from e2e.phone import LONG, Phone
from e2e.server import Server


def total(desk: Desk) -> list[str]:
    """The ward's row below its units, of this month: acts of help, people and so on."""
    desk.page.goto(f"{desk.server.url}/desk?period=month")
    row = desk.page.locator("tfoot tr").first
    expect(row).to_be_visible()
    _, *figures = row.locator("td.n").all_inner_texts()
    return figures


def check_accessible(desk: Desk) -> None:
    violations = Axe().run(desk.page).response["violations"]
    assert violations == [], [one["id"] for one in violations]


def test_a_merge_at_the_desk_takes_along_what_waits_on_a_phone_out_of_reach(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    hoa, lan, ward = phone("hoa", at=own_server), phone("lan", at=own_server), desk("quantri", at=own_server)
    visit = record_offline(hoa, "951")
    before = total(ward)

    page = ward.page
    page.goto(f"{own_server.url}/desk/units/tdp-07")
    page.get_by_label("Sáp nhập vào", exact=True).select_option("tdp-08")
    check_accessible(ward)
    page.get_by_role("button", name="Xem những gì sẽ chuyển").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sáp nhập")
    expect(page.get_by_text("3 thành viên của tổ")).to_be_visible()
    check_accessible(ward)
    page.get_by_role("button", name="Sáp nhập vào").click()
    expect(page.get_by_text("Đã sáp nhập vào").first).to_be_visible(timeout=LONG)
    check_accessible(ward)
    assert total(ward) == before, "the ward's figures changed"

    hoa.go_online()
    arrive(hoa)
    hoa.search("951")
    expect(hoa.doors()).to_have_count(1)
    [kept] = stored(hoa, visit)
    assert kept["unit"] == "tdp-08"

    lan.reload()
    arrive(lan)
    lan.search("951")
    expect(lan.doors()).to_have_count(1, timeout=LONG)

    assert own_server.command("check") == "0 differences\n"
    after = total(ward)
    assert number(after[0]) == number(before[0]) + 1, "the record that waited does not count once"
    page.goto(f"{own_server.url}/desk/units")
    page.get_by_text("Đã đóng").first.click()
    expect(page.get_by_text("đã sáp nhập vào")).to_be_visible()
    check_accessible(ward)


def arrive(phone: Phone) -> None:
    """The phone shows the other unit, and that nothing of the old one has to be looked at again."""
    phone.page.get_by_role("link", name="Vào trang Hôm nay").click(timeout=LONG)
    note = phone.page.get_by_test_id("left")
    expect(note).to_be_visible(timeout=LONG)
    expect(note).not_to_contain_text("xem lại")
    phone.wait_until_sent()


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))
