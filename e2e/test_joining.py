"""Coming in by an invitation, and being put out again from the desk."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from e2e.desk import Desk
from e2e.forms import add_household
from e2e.phone import LONG, Phone
from e2e.server import Server
from e2e.test_accessibility import check

Contexts = Callable[..., BrowserContext]
NEWCOMER = "Đặng Thị Mới"
READY = 120
"""Seconds from the tap on "start" until the phone can go out."""


def add_person(desk: Desk, name: str) -> None:
    """A new member of group 7, whose page is open afterwards."""
    desk.page.goto(f"{desk.server.url}/desk/people?unit=tdp-07")
    desk.page.get_by_label("Họ và tên đầy đủ").fill(name)
    desk.page.get_by_role("button", name="Thêm", exact=True).click()
    expect(desk.page.get_by_role("heading", level=1, name=name)).to_be_visible()


def invite(desk: Desk) -> tuple[str, str]:
    """(link, code) of a new invitation for whoever's page is open."""
    desk.page.get_by_role("button", name="Tạo lời mời").click()
    expect(desk.page.get_by_role("img", name="Mã QR của lời mời")).to_be_visible()
    link = desk.page.get_by_label("Đường dẫn của lời mời").input_value()
    found = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", desk.page.locator(".invitation-code").inner_text())
    assert found is not None
    return link, found[0]


def start(phone: Phone) -> None:
    """Accept the invitation that is shown, choose a PIN, and wait until all is here for work offline."""
    phone.page.get_by_role("button", name="Bắt đầu dùng").click()
    phone.choose_pin()
    phone.wait_until_ready()


def test_a_newcomer_joins_by_link_and_works_offline(
    contexts: Contexts, desk: Callable[..., Desk], server: Server
) -> None:
    ward = desk()
    add_person(ward, NEWCOMER)
    person = ward.page.url
    link, code = invite(ward)

    phone = Phone(contexts(), server)
    phone.page.goto(link)
    expect(phone.heading()).to_have_text(f"Chào {NEWCOMER}", timeout=LONG)
    wrong = check(phone.page, "invitation")
    begun = time.monotonic()
    phone.page.get_by_role("button", name="Bắt đầu dùng").click()
    phone.choose_pin()
    expect(phone.heading()).to_have_text("Sẵn sàng dùng khi không có mạng", timeout=LONG)
    assert time.monotonic() - begun < READY
    wrong += check(phone.page, "ready")
    phone.wait_until_ready()
    assert "/moi/" not in phone.page.url, "the code stays in the address"

    phone.go_offline()
    phone.reload()
    add_household(phone, "77")
    phone.expect_waiting(1)
    phone.go_online()
    phone.wait_until_sent()

    other = Phone(contexts(), server)
    other.page.goto(link)
    expect(other.page.get_by_role("alert")).to_contain_text("đã được dùng trên một máy khác", timeout=LONG)
    wrong += check(other.page, "used invitation")
    other.page.get_by_role("link", name="Nhập mã khác").click()
    expect(other.heading()).to_have_text("Nhập mã mời")
    wrong += check(other.page, "code")
    other.page.get_by_label("Mã mời").fill("abc")
    other.page.get_by_role("button", name="Tiếp tục").click()
    other.expect_text(re.compile("Mã có đủ 8 chữ và số"))
    other.page.get_by_label("Mã mời").fill("ab0d")
    other.expect_text("có thể là Q hoặc D")
    wrong += check(other.page, "code with a zero")

    ward.page.goto(person)
    _, second = invite(ward)
    assert second != code
    other.page.get_by_label("Mã mời").fill(second.lower())
    other.page.get_by_role("button", name="Tiếp tục").click()
    start(other)
    assert not wrong, "\n".join(wrong)
    assert not phone.failures + other.failures


def test_an_invitation_that_ended_says_so_and_names_whom_to_ask(
    contexts: Contexts, desk: Callable[..., Desk], server: Server
) -> None:
    ward = desk()
    add_person(ward, "Vũ Thị Muộn")
    person = ward.page.url
    link, _ = invite(ward)
    ward.page.goto(person)
    ward.page.get_by_role("button", name="Thu lại").click()
    expect(ward.page.get_by_text("đã thu lại")).to_be_visible()
    inviter = server.sign_ins()["giamsat"]["name"]

    phone = Phone(contexts(), server)
    phone.page.goto(link)
    expect(phone.page.get_by_role("alert")).to_contain_text(f"Ông/bà vui lòng hỏi {inviter}", timeout=LONG)
    expect(phone.page.get_by_role("button", name="Thử lại")).to_have_count(0)

    # what the server answers after 72 hours
    late = {"error": "invitation-expired", "reason": f"Đã hết hạn. Xin {inviter} một lời mời mới."}
    phone.page.route("**/api/invitation", lambda route: route.fulfill(status=410, json=late))
    phone.page.reload()
    expect(phone.page.get_by_role("alert")).to_contain_text(f"Xin {inviter} một lời mời mới", timeout=LONG)
    expect(phone.page.get_by_role("link", name="Nhập mã khác")).to_be_visible()
    phone.page.unroute("**/api/invitation")

    ward.page.goto(person)
    fresh, _ = invite(ward)
    phone.page.goto("about:blank")
    phone.page.goto(fresh)
    expect(phone.page.get_by_role("button", name="Bắt đầu dùng")).to_be_visible(timeout=LONG)
    phone.go_offline()
    phone.page.get_by_role("button", name="Bắt đầu dùng").click()
    expect(phone.page.get_by_role("alert")).to_contain_text("lời mời vẫn còn dùng được")
    phone.go_online()
    start(phone)
    assert not phone.failures


def test_an_invitation_on_a_phone_in_use_is_for_its_holder_or_waits_for_what_is_unsent(
    contexts: Contexts, desk: Callable[..., Desk], server: Server
) -> None:
    ward = desk()
    links = []
    for name in ("Trịnh Văn Trước", "Lương Thị Sau"):
        add_person(ward, name)
        links.append((ward.page.url, invite(ward)[0]))
    (page_of_first, first), (_, second) = links
    phone = Phone(contexts(), server)
    phone.page.goto(first)
    start(phone)
    # the link stays in the chat, and is tapped again
    phone.page.goto(first)
    expect(phone.page.get_by_role("navigation", name="Các trang chính")).to_be_visible(timeout=LONG)

    ward.page.goto(page_of_first)
    again, _ = invite(ward)
    phone.page.goto(again)
    phone.expect_text("Máy này đã vào sẵn với tên anh/chị")
    phone.page.get_by_role("button", name="Bắt đầu dùng").click()
    phone.wait_until_ready()
    ward.page.goto(page_of_first)
    expect(ward.page.get_by_role("button", name="Ngừng thiết bị này")).to_have_count(1)

    phone.go_offline()
    add_household(phone, "79")
    phone.expect_waiting(1)
    phone.page.route("**/sync/**", lambda route: route.abort())
    phone.go_online()
    phone.page.goto(second)
    phone.expect_text("Trên máy này còn bản ghi chưa gửi của Trịnh Văn Trước")
    expect(phone.page.get_by_role("button", name="Bắt đầu dùng")).to_have_count(0)
    phone.page.unroute("**/sync/**")
    phone.page.get_by_role("link", name="Xem những bản chờ gửi").click()
    phone.page.get_by_role("button", name="Gửi ngay").click()
    phone.wait_until_sent()

    phone.page.goto(second)
    phone.expect_text("Máy này đang do Trịnh Văn Trước dùng")
    phone.page.get_by_role("button", name="Bắt đầu dùng").click()
    phone.choose_pin("580274")
    phone.wait_until_ready()
    phone.expect_text("Chào Lương Thị Sau")
    assert not phone.failures


def test_a_phone_ended_at_the_desk_keeps_what_was_not_sent_and_a_lost_one_keeps_nothing(
    contexts: Contexts, desk: Callable[..., Desk], server: Server
) -> None:
    ward = desk()
    add_person(ward, "Ngô Văn Mất")
    person = ward.page.url
    link, _ = invite(ward)
    phone = Phone(contexts(), server)
    phone.page.goto(link)
    start(phone)
    phone.go_offline()
    add_household(phone, "78")
    phone.expect_waiting(1)

    ward.page.goto(person)
    ward.page.get_by_role("button", name="Ngừng thiết bị này").click()
    expect(ward.page.get_by_text("đã ngừng").first).to_be_visible()
    phone.go_online()
    phone.tab("Gửi dữ liệu")
    phone.expect_text("Máy này không còn được phép gửi")
    phone.expect_waiting(1)

    ward.page.get_by_text("Báo mất").click()
    ward.page.get_by_role("button", name="Xác nhận máy đã mất").click()
    expect(ward.page.get_by_text("đã báo mất")).to_be_visible()
    phone.reload()
    phone.expect_text("Máy này đã được báo mất")
    phone.page.reload()
    expect(phone.page.get_by_label("Tên đăng nhập")).to_be_visible(timeout=LONG)
    names = phone.page.evaluate("async () => (await indexedDB.databases()).map((one) => one.name)")
    assert not [name for name in names if "w09562" in name], names


def test_a_unit_gets_a_sheet_of_invitations_to_print(desk: Callable[..., Desk]) -> None:
    ward = desk()
    wrong: list[str] = []
    ward.page.goto(f"{ward.server.url}/desk/people?unit=tdp-07")
    wrong += check(ward.page, "people", targets=False)
    ward.page.get_by_role("button", name="Tạo phiếu mời").click()
    slips = ward.page.locator(".invitation-sheet > li")
    expect(slips.first).to_be_visible()
    assert slips.count() >= 2
    wrong += check(ward.page, "sheet", targets=False)
    ward.page.emulate_media(media="print")
    expect(ward.page.get_by_role("navigation")).to_be_hidden()
    ward.page.emulate_media(media="screen")
    ward.page.goto(f"{ward.server.url}/desk/people/hoa")
    wrong += check(ward.page, "person", targets=False)
    ward.page.get_by_role("button", name="Tạo lời mời").click()
    wrong += check(ward.page, "one invitation", targets=False)
    assert not wrong, "\n".join(wrong)
