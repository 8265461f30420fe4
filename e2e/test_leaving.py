"""Someone moves to another unit or leaves, with records on the phone: the ward gets them, nothing stays."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from e2e.desk import Desk
from e2e.forms import record_offline, stored
from e2e.phone import LONG, Phone
from e2e.server import Server

DATABASES = (
    "async () => (await indexedDB.databases()).map(({name}) => name).filter(name => /-w09562-/.test(name))"
)


def open_person(desk: Desk, name: str) -> None:
    desk.page.goto(f"{desk.server.url}/desk/people?q={name}")
    desk.page.get_by_role("main").get_by_role("link", name=re.compile(name)).first.click()
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text(name)


def expect_under_review(desk: Desk) -> None:
    desk.page.goto(f"{desk.server.url}/desk/quarantine")
    expect(desk.page.get_by_text("không còn ở tổ này nữa")).to_have_count(1)


def test_whoever_is_moved_while_out_of_reach_loses_no_record_and_takes_none_along(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    hoa, ward = phone("hoa", at=own_server), desk(at=own_server)
    visit = record_offline(hoa, "931")

    open_person(ward, "Hoa")
    ward.page.get_by_label("Tổ, đơn vị").select_option("tdp-08")
    ward.page.get_by_role("button", name="Lưu thay đổi").click()
    expect(ward.page.get_by_text("Thượng 2").first).to_be_visible()

    hoa.go_online()
    note = hoa.page.get_by_test_id("left")
    hoa.page.get_by_role("link", name="Vào trang Hôm nay").click(timeout=LONG)
    expect(note).to_contain_text("1 bản ghi chưa gửi của tổ cũ đã gửi về phường để xem lại", timeout=LONG)
    hoa.wait_until_sent()
    assert Axe().run(hoa.page).response["violations"] == []
    [database] = hoa.page.evaluate(DATABASES)
    assert database.endswith("-w09562-tdp-08"), "the former unit's records are still on the phone"
    hoa.search("931")
    expect(hoa.doors()).to_have_count(0)
    assert stored(hoa, visit) == []
    expect_under_review(ward)

    hoa.tab("Hôm nay")
    note.get_by_role("button", name="Đã hiểu").click()
    expect(note).to_have_count(0)
    hoa.reload()
    hoa.wait_until_sent()
    expect(note).to_have_count(0)


@pytest.mark.parametrize("killed", [False, True])
def test_whoever_has_left_hands_in_what_waits_and_keeps_nothing(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk], killed: bool
) -> None:
    hoa, ward = phone("hoa", at=own_server), desk(at=own_server)
    record_offline(hoa, "932")

    open_person(ward, "Hoa")
    ward.page.get_by_role("button", name="Cho người này ngừng").click()
    expect(ward.page.get_by_role("button", name="Cho người này dùng lại")).to_be_visible()

    if killed:
        own_server.kill()
        hoa.tab("Gửi dữ liệu")
        hoa.go_online()
        mark = hoa.page.get_by_test_id("sync-state")
        expect(mark).to_have_attribute("data-phase", "failed", timeout=LONG)
        own_server.start()
        hoa.page.evaluate("dispatchEvent(new Event('online'))")  # a tap might find the screen gone already
    else:
        hoa.go_online()
    expect(hoa.page.get_by_text("Những gì chưa gửi đã gửi về phường để xem lại")).to_be_visible(timeout=LONG)
    assert hoa.page.evaluate(DATABASES) == []
    expect_under_review(ward)
