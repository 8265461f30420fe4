"""A resident asks the ward: from the desk's look-up to the phone that shows them no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from playwright.sync_api import BrowserContext, expect

from e2e.desk import Desk
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
