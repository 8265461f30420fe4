"""A resident asks the ward: from the desk's look-up to the phone that shows them no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from playwright.sync_api import BrowserContext, expect

from e2e.desk import Desk
from e2e.forms import add_household, add_person, fetch_news, save
from e2e.phone import Phone
from e2e.server import Server
from e2e.test_accessibility import check


@pytest.mark.parametrize("width", [1280, 360])
def test_the_desks_pages_of_requests_and_incidents_are_accessible(
    contexts: Callable[..., BrowserContext], server: Server, width: int
) -> None:
    one = Desk(contexts(width, 800), server)
    page = one.page
    one.sign_in("giamsat")
    page.goto(f"{server.url}/desk/privacy")
    wrong = check(page, "requests", targets=False)
    page.get_by_role("link", name="Ghi nhận yêu cầu mới").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ghi nhận yêu cầu mới")
    wrong += check(page, "new request", targets=False)
    page.get_by_role("radio", name="Sửa thông tin").check()
    page.get_by_role("button", name="Lưu").click()
    page.get_by_label("Tên, số điện thoại hoặc địa chỉ").fill("nguyen thi")
    page.get_by_role("button", name="Tìm", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("Đúng người này")).first).to_be_visible()
    wrong += check(page, "hits", targets=False)
    page.get_by_role("button", name=re.compile("Đúng người này")).first.click()
    expect(page.get_by_role("heading", name="Người dân trong sổ")).to_be_visible()
    wrong += check(page, "request", targets=False)
    page.get_by_role("link", name="Xem bản trích thông tin").click()
    expect(page.get_by_role("heading", name="Ai đã xem hoặc làm gì")).to_be_visible()
    wrong += check(page, "extract", targets=False)
    page.go_back()
    page.get_by_role("link", name="Sửa thông tin").click()
    page.get_by_label("Số điện thoại", exact=True).fill("12")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("alert")).to_contain_text("Số điện thoại chưa đúng")
    wrong += check(page, "wrong correction", targets=False)
    page.goto(f"{server.url}/desk/privacy/incidents/new")
    page.get_by_label("Việc gì đã xảy ra").fill("Gửi nhầm bảng danh sách của một tổ cho người ngoài.")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text(re.compile("Còn 7[12] giờ"))).to_be_visible()
    wrong += check(page, "incident", targets=False)
    page.get_by_role("link", name="Bản báo cáo để in").click()
    wrong += check(page, "report", targets=False)
    page.goto(f"{server.url}/desk")
    expect(page.get_by_text("Sự cố dữ liệu còn phải báo")).to_be_visible()
    assert not wrong, "\n".join(wrong)
    assert not one.failures


def test_an_extract_fits_on_paper(contexts: Callable[..., BrowserContext], server: Server) -> None:
    one = Desk(contexts(1280, 800), server)
    one.sign_in("giamsat")
    page = one.page
    page.goto(f"{server.url}/desk/privacy/requests/new")
    page.get_by_role("radio", name="Xem thông tin của mình").check()
    page.get_by_label("Ngày nhận yêu cầu").fill(date.today().isoformat())
    page.get_by_role("button", name="Lưu").click()
    page.get_by_label("Tên, số điện thoại hoặc địa chỉ").fill("tran van")
    page.get_by_role("button", name="Tìm", exact=True).click()
    page.get_by_role("button", name=re.compile("Đúng người này")).first.click()
    page.get_by_role("link", name="Xem bản trích thông tin").click()
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="Tải về (CSV)")).to_be_hidden()
    expect(page.get_by_role("heading", name="Thông tin về người này")).to_be_visible()


def test_a_volunteer_shows_the_notice_withdraws_a_consent_and_the_ward_lets_someone_be(
    phone: Callable[..., Phone], desk: Callable[..., Desk], server: Server
) -> None:
    hoa = phone("hoa")
    page = hoa.page
    home = add_household(hoa, "961")
    page.get_by_role("link", name="Thêm người").click()
    page.get_by_role("checkbox", name="Lưu tên, số điện thoại").check()
    page.get_by_text("Thông báo đầy đủ").click()
    expect(page.get_by_role("heading", name="Quyền của ông/bà")).to_be_visible()
    hoa.open(f"#/ho/{home}")
    for label, name in (("Bà tầng 3", "Đỗ Thị Rút"), ("Ông tầng 4", "Đỗ Văn Dừng")):
        add_person(hoa, label, name=name)
    page.get_by_role("link", name="Sửa: Đỗ Thị Rút").click()
    page.get_by_role("button", name="Rút lại đồng ý").click()
    expect(page.get_by_text("bấm Lưu là tên và số được bỏ")).to_be_visible()
    save(hoa)
    expect(page.get_by_text("Bà tầng 3")).to_be_visible()
    expect(page.get_by_text("Đỗ Thị Rút")).to_have_count(0)
    hoa.wait_until_sent()

    one = desk()
    at = one.page
    at.goto(f"{server.url}/desk/privacy/requests/new")
    at.get_by_role("radio", name="Tạm dừng sử dụng thông tin").check()
    at.get_by_role("button", name="Lưu").click()
    look_up = at.get_by_label("Tên, số điện thoại hoặc địa chỉ")
    look_up.fill("đỗ thị rút")
    at.get_by_role("button", name="Tìm", exact=True).click()
    expect(at.get_by_text("Không thấy ai trong sổ")).to_be_visible()
    look_up.fill("do van dung")
    at.get_by_role("button", name="Tìm", exact=True).click()
    at.get_by_role("button", name="Đúng người này: Đỗ Văn Dừng").click()
    at.get_by_role("button", name="Tạm dừng sử dụng").click()
    expect(at.get_by_text("Đang tạm dừng")).to_be_visible()

    fetch_news(hoa)
    hoa.open(f"#/ho/{home}")
    expect(page.get_by_text("Có 1 người đã đề nghị phường tạm dừng")).to_be_visible()
    expect(page.get_by_text("Đỗ Văn Dừng")).to_have_count(0)
    assert not hoa.failures + one.failures


def test_the_notice_on_the_server_is_accessible_and_needs_nobody_signed_in(
    contexts: Callable[..., BrowserContext], server: Server
) -> None:
    page = contexts(360, 640).new_page()
    page.goto(f"{server.url}/kiem-tra")
    page.get_by_role("link", name="Thông báo xử lý dữ liệu cá nhân").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thông báo xử lý dữ liệu cá nhân")
    wrong = check(page, "notice", targets=False)
    assert not wrong, "\n".join(wrong)
