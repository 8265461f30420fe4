"""A household belongs to another team: it goes there, and what a phone out of reach says of it follows."""

from __future__ import annotations

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from e2e.desk import Desk
from e2e.forms import (
    add_household,
    add_person,
    begin_visit,
    expect_saved,
    help_unnamed,
    household_id,
    open_household,
    save,
)
from e2e.phone import LONG, Phone
from e2e.server import Server


def check(desk: Desk) -> None:
    assert Axe().run(desk.page).response["violations"] == []


def move(ward: Desk, house: str) -> None:
    page = ward.page
    page.goto(f"{ward.server.url}/desk")
    page.get_by_role("link", name="Chuyển hộ sang tổ khác").click()
    page.get_by_label("Hộ đang ở tổ, đơn vị").select_option("tdp-07")
    page.get_by_label("Địa chỉ (số nhà, ngõ, đường)").fill(f"{house} ngo thu")
    page.get_by_role("button", name="Tìm").click()
    expect(page.get_by_role("heading", name="1 hộ khớp với địa chỉ này")).to_be_visible()
    check(ward)
    page.get_by_label("Chuyển sang").select_option("tdp-08")
    page.get_by_role("button", name="Chuyển hộ này").click()
    expect(page.get_by_role("status")).to_contain_text("Đã chuyển hộ từ")
    check(ward)


def test_a_household_goes_to_another_team_and_late_records_follow(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    hoa, binh, ward = phone("hoa", at=own_server), phone("binh", at=own_server), desk(at=own_server)
    add_household(hoa, "961")
    home = household_id(hoa)
    hoa.wait_until_sent()
    hoa.go_offline()
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    save(hoa)
    expect_saved(hoa)
    open_household(hoa, home)
    add_person(hoa, "Ông, tầng 3")
    hoa.expect_waiting(2)

    move(ward, "961")

    hoa.go_online()
    hoa.wait_until_sent()
    hoa.tab("Hôm nay")
    note = hoa.page.get_by_test_id("moved")
    expect(note).to_contain_text("1 hộ đã được phường chuyển sang tổ khác", timeout=LONG)
    expect(hoa.page.get_by_text("Hộ đã sang tổ khác")).to_be_visible()
    assert Axe().run(hoa.page).response["violations"] == []
    assert hoa.state()["refused"] == 0
    note.get_by_role("button", name="Đã hiểu").click()
    expect(note).to_have_count(0)
    hoa.search("961")
    expect(hoa.doors()).to_have_count(0)

    binh.reload()
    binh.wait_until_sent()
    binh.search("961")
    expect(binh.doors()).to_have_count(1)
    binh.open_first_door()
    binh.expect_text("Ông, tầng 3")
    ward.page.goto(f"{own_server.url}/desk/quarantine")
    expect(ward.page.get_by_text("Không có bản ghi nào")).to_be_visible()
