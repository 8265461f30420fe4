"""One volunteer's phone from the invitation to the day it is lost, in the words of its screens."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from e2e.desk import Desk
from e2e.forms import add_household, begin_visit, open_household, open_remarks
from e2e.phone import LONG, PIN, Phone
from e2e.server import Server
from e2e.test_drafts import expect_draft
from e2e.test_joining import add_person, invite, start
from e2e.test_lock import OTHER, lock

Contexts = Callable[..., BrowserContext]
Desks = Callable[..., Desk]
NAME = "Đỗ Thị Nhàn"
NOTE = "Bà hẹn buổi tối, gọi cửa sau."


def test_a_volunteer_joins_forgets_the_pin_is_put_out_and_loses_the_phone(
    contexts: Contexts, desk: Desks, server: Server
) -> None:
    ward = desk()
    add_person(ward, NAME)
    person = ward.page.url
    phone = join(Phone(contexts(), server), invite(ward)[0])
    writes_offline_and_loses_nothing_by_a_lock(phone)
    forgets_the_pin(phone, ward, person)
    is_put_out(phone, ward, person)
    is_lost(phone, ward)
    assert not phone.failures


def join(phone: Phone, link: str) -> Phone:
    phone.page.goto(link)
    expect(phone.heading()).to_have_text(f"Chào {NAME}", timeout=LONG)
    start(phone)
    return phone


def writes_offline_and_loses_nothing_by_a_lock(phone: Phone) -> None:
    phone.go_offline()
    phone.reload()
    household = add_household(phone, "871")
    open_household(phone, household)
    begin_visit(phone)
    open_remarks(phone).fill(NOTE)
    expect_draft(phone)
    phone.page.go_back()
    lock(phone)
    expect(phone.page.get_by_role("main")).not_to_contain_text(NAME)
    phone.unlock()
    phone.tab("Hôm nay")
    phone.page.get_by_role("link", name="Ghi tiếp").click()
    expect(open_remarks(phone)).to_have_value(NOTE)
    phone.page.go_back()
    phone.expect_waiting(1)


def forgets_the_pin(phone: Phone, ward: Desk, person: str) -> None:
    lock(phone)
    for _ in range(5):
        phone.unlock("999998")
        expect(phone.page.get_by_label("Mã PIN", exact=True)).to_have_value("", timeout=LONG)
        expect(phone.page.get_by_role("alert")).not_to_be_empty()
    phone.expect_text(re.compile(r"thử lại sau \d+ giây"))
    phone.page.get_by_role("button", name="Quên mã PIN").click()
    expect(phone.heading()).to_have_text("Quên mã PIN")
    phone.page.get_by_role("link", name="Tôi có mã mời").click()
    ward.page.goto(person)
    _, code = invite(ward)
    phone.page.get_by_label("Mã mời").fill(code)
    phone.page.route("**/sync/**", lambda route: route.abort())
    phone.go_online()
    phone.page.get_by_role("button", name="Tiếp tục").click()
    phone.expect_text("Lời mời này mở lại được máy khi anh/chị quên mã PIN")
    phone.page.get_by_role("button", name="Đặt mã PIN mới").click()
    phone.choose_pin(OTHER)
    phone.expect_waiting(1)
    phone.page.unroute("**/sync/**")
    lock(phone)
    phone.unlock(PIN)
    expect(phone.page.get_by_role("alert")).to_contain_text("Mã chưa đúng")
    phone.unlock(OTHER)
    phone.wait_until_sent()
    ward.page.goto(person)
    expect(ward.page.get_by_role("button", name="Ngừng thiết bị này")).to_have_count(1)


def is_put_out(phone: Phone, ward: Desk, person: str) -> None:
    phone.go_offline()
    add_household(phone, "872")
    ward.page.goto(person)
    ward.page.get_by_role("button", name="Ngừng thiết bị này").click()
    expect(ward.page.get_by_text("đã ngừng").first).to_be_visible()
    phone.go_online()
    phone.tab("Gửi dữ liệu")
    phone.expect_text("Máy này không còn được phép gửi")
    phone.expect_waiting(1)

    # the ward's key has ended: an invitation cannot open the locked phone, and is not spent on it
    lock(phone)
    _, code = invite_again(ward, person)
    phone.page.goto(f"{phone.server.url}/app/#/moi/{code.replace('-', '')}")
    phone.expect_text("Phường đã ngừng quyền của máy này")
    phone.page.get_by_role("link", name="Nhập mã PIN để mở khóa").click()
    phone.unlock(OTHER)
    phone.expect_waiting(1)
    phone.page.goto(f"{phone.server.url}/app/#/moi/{code.replace('-', '')}")
    phone.page.get_by_role("button", name="Bắt đầu dùng").click()
    phone.wait_until_sent()


def invite_again(ward: Desk, person: str) -> tuple[str, str]:
    ward.page.goto(person)
    return invite(ward)


def is_lost(phone: Phone, ward: Desk) -> None:
    ward.page.goto(re.sub(r"/invitations.*", "", ward.page.url))
    ward.page.get_by_text("Báo mất").first.click()
    ward.page.get_by_role("button", name="Xác nhận máy đã mất").first.click()
    expect(ward.page.get_by_text("đã báo mất").first).to_be_visible()
    phone.tab("Gửi dữ liệu")
    phone.page.get_by_role("button", name="Gửi ngay").click()
    phone.expect_text("Máy này đã được báo mất")
    phone.page.reload()
    expect(phone.page.get_by_label("Tên đăng nhập")).to_be_visible(timeout=LONG)
    names = phone.page.evaluate("async () => (await indexedDB.databases()).map((one) => one.name)")
    assert not [name for name in names if "w09562" in name], names


def test_a_second_phone_of_the_same_person_shows_what_the_first_has_sent(
    contexts: Contexts, desk: Desks, server: Server
) -> None:
    ward = desk()
    add_person(ward, "Cao Thị Đôi")
    person = ward.page.url
    first = Phone(contexts(), server)
    first.page.goto(invite(ward)[0])
    start(first)
    first.go_offline()
    add_household(first, "873")
    first.expect_waiting(1)
    first.go_online()
    first.wait_until_sent()
    second = Phone(contexts(), server)
    second.page.goto(invite_again(ward, person)[0])
    start(second)
    second.search("873")
    expect(second.doors()).to_have_count(1)
    ward.page.goto(person)
    expect(ward.page.get_by_role("button", name="Ngừng thiết bị này")).to_have_count(2)
    first.reload()
    first.wait_until_sent()


def test_an_invitation_is_not_spent_on_a_locked_phone_of_someone_else(
    contexts: Contexts, desk: Desks, server: Server
) -> None:
    ward = desk()
    add_person(ward, "Tạ Văn Khóa")
    phone = Phone(contexts(), server)
    phone.page.goto(invite(ward)[0])
    start(phone)
    lock(phone)
    add_person(ward, "Lý Thị Nhầm")
    link, _ = invite(ward)
    phone.page.goto(link)
    phone.expect_text("Máy này đang giữ sổ của người khác")
    expect(phone.page.get_by_role("button", name="Đặt mã PIN mới")).to_have_count(0)
    own = Phone(contexts(), server)
    own.page.goto(link)
    start(own)
    phone.page.get_by_role("link", name="Nhập mã PIN để mở khóa").click()
    phone.unlock()
    phone.expect_text("Chào Tạ Văn Khóa")
