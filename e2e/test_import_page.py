"""A lead brings a list in from a sheet with trouble, sees what is wrong with it, and takes it back."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from playwright.sync_api import Page, expect

from e2e.phone import LONG, Phone
from e2e.server import Server
from e2e.test_accessibility import check

TYPE = "application/vnd.oasis.opendocument.spreadsheet"
MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{TYPE}"/></manifest:manifest>'
)
SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def cell(value: str | int) -> str:
    kind = f'"float" office:value="{value}"' if isinstance(value, int) else '"string"'
    text = f"<text:p>{escape(str(value))}</text:p>"
    return f"<table:table-cell office:value-type={kind}>{text}</table:table-cell>"


def ods(rows: list[list[str | int]]) -> bytes:
    """A sheet as LibreOffice saves it."""
    lines = [f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows]
    table = f'<table:table table:name="Danh sách">{"".join(lines)}</table:table>'
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", TYPE)
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", f"<office:document-content {SPACES}>{body}</office:document-content>")
    return file.getvalue()


PRESS_TWICE = """(button) => {
    let sent = 0;
    addEventListener("submit", (event) => {
        if (!event.defaultPrevented) sent += 1;
        event.preventDefault();
    });
    button.click();
    button.click();
    return sent;
}"""

FIRST: list[list[str | int]] = [
    ["UBND PHƯỜNG", "", "", "", "", ""],
    ["DANH SÁCH HỘ", "", "", "", "", ""],
    ["STT", "Chủ hộ", "Nhà số", "Vị trí ngoài", "Phố", "Số người lớn"],
    [1, "Lê Văn Mẫu", "701", "ngách 12/4", "phố Nhập", 2],
    [2, "Trần Thị Mẫu", "703", "ngách 12/4", "phố Nhập", "nhiều"],
    [3, "Phạm Mẫu", "", "ngách 12/4", "phố Nhập", 2],
    [4, "Đỗ Mẫu", "705", "ngách 12/4", "phố Nhập", 3],
    [5, "Vũ Mẫu", "705", "ngách 12/4", "PHỐ NHẬP", 1],
]


def bring(page: Page, name: str, data: bytes) -> None:
    page.get_by_label("Tệp danh sách hộ").set_input_files({"name": name, "mimeType": TYPE, "buffer": data})
    page.get_by_role("button", name="Xem trước").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Xem trước")


def test_a_lead_brings_in_a_sheet_with_trouble(own_server: Server, phone: Callable[..., Phone]) -> None:
    lan = phone("lan", at=own_server)
    page = lan.page
    lan.tab("Gửi dữ liệu")
    page.get_by_role("link", name="Trang quản lý của tổ").click()
    page.get_by_role("button", name="Các trang").click()
    page.get_by_role("link", name="Nhập danh sách", exact=True).click()
    wrong = check(page, "import")
    picture(page, "import")
    page.get_by_label("Tệp danh sách hộ").set_input_files(
        {"name": "anh.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n\x00\x01"}
    )
    page.get_by_role("button", name="Xem trước").click()
    expect(page.get_by_role("alert").first).to_contain_text("không phải bảng tính")
    wrong += check(page, "not a sheet")

    bring(page, "to-7.ods", ods(FIRST))
    expect(page.get_by_text("Không dùng các cột: Vị trí ngoài.")).to_be_visible()
    expect(page.get_by_text("Lê Văn Mẫu")).to_have_count(0)
    picture(page, "preview")
    page.get_by_text("Sửa lựa chọn cột").click()
    page.get_by_label("Cột D “Vị trí ngoài” là").select_option("Ngõ, ngách, hẻm")
    page.get_by_role("button", name="Xem lại theo lựa chọn này").click()
    expect(page.get_by_text("701, 12/4")).to_have_count(0)
    bad = page.get_by_role("region", name="Dòng có lỗi và cách sửa")
    for row, reason in (
        ("5", "không phải số từ 0 đến 99"),
        ("6", "Thiếu số nhà"),
        ("8", "Trùng địa chỉ với dòng 7"),
    ):
        expect(bad.get_by_role("row", name=row, exact=False).filter(has_text=reason)).to_be_visible()
    picture(page, "preview-columns")
    wrong += check(page, "preview")
    page.get_by_text("Sửa lựa chọn cột").click()
    picture(page, "columns")
    wrong += check(page, "columns")
    page.get_by_label("Bỏ qua 3 dòng có lỗi").check()
    page.get_by_role("button", name="Ghi 2 hộ vào danh sách").click()
    expect(page.get_by_role("status")).to_contain_text("Đã thêm 2 hộ")
    picture(page, "done")
    wrong += check(page, "done")

    hoa = phone("hoa", at=own_server)
    hoa.tab("Gửi dữ liệu")
    expect(hoa.page.get_by_role("heading", name="Tài khoản")).to_be_visible()
    expect(hoa.page.get_by_role("link", name="Trang quản lý của tổ")).to_have_count(0)
    hoa.tab("Các hộ")
    hoa.search("phố nhập")
    expect(hoa.doors()).to_have_count(2, timeout=LONG)

    second: list[list[str | int]] = [
        *FIRST[:2],
        ["STT", "Chủ hộ", "Nhà số", "Ngách", "Phố", "Số người lớn"],
        [1, "", "701", "ngách 12/4", "phố Nhập", 4],
        [2, "", "709", "ngách 12/4", "phố Nhập", 1],
    ]
    bring(page, "to-7-moi.ods", ods(second))
    changes = page.get_by_role("region", name="Đã có, nhưng tệp ghi khác")
    expect(changes).to_contain_text("Số người lớn: 2 → 4")
    picture(page, "second")
    wrong += check(page, "second import")
    page.get_by_label("Cập nhật cả 1 hộ").check()
    page.get_by_role("button", name="Ghi 1 hộ vào danh sách").click()
    expect(page.get_by_role("status")).to_contain_text("Đã cập nhật 1 hộ")
    hoa.reload()
    hoa.wait_until_sent()
    hoa.search("phố nhập")
    expect(hoa.doors()).to_have_count(3, timeout=LONG)

    page.get_by_role("button", name="Hoàn tác lần nhập này").click()
    expect(page.get_by_role("status")).to_contain_text("Đã thu lại 1 hộ. Đã trả lại giá trị cũ cho 1 hộ.")
    expect(page.get_by_text("Lần nhập này đã được hoàn tác")).to_be_visible()
    picture(page, "undone")
    wrong += check(page, "undone")
    hoa.reload()
    hoa.wait_until_sent()
    hoa.search("phố nhập")
    expect(hoa.doors()).to_have_count(2, timeout=LONG)
    assert not wrong, "\n".join(wrong)
    assert not lan.failures


def picture(page: Page, name: str) -> None:
    """For whoever wants to look: ``GTN_PICTURES=folder``."""
    if folder := os.environ.get("GTN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_button_pressed_twice_and_the_way_back_tell_what_was_written(
    own_server: Server, phone: Callable[..., Phone]
) -> None:
    page = phone("lan", at=own_server).page
    page.goto(f"{own_server.url}/desk/import")
    rows: list[list[str | int]] = [["Số nhà", "Phố"], ["801", "phố Nhập"], ["803", "phố Nhập"]]
    bring(page, "to-7.ods", ods(rows))
    button = page.get_by_role("button", name="Ghi 2 hộ vào danh sách")
    assert button.evaluate(PRESS_TWICE) == 1, "an import is sent once"
    page.reload()
    button.click()
    written = page.get_by_role("status").filter(has_text="Đã thêm 2 hộ")
    expect(written).to_be_visible()
    page.go_back()
    expect(written).to_be_visible()
    page.reload()
    expect(written).to_be_visible()
    page.get_by_role("button", name="Hoàn tác lần nhập này").click()
    expect(page.get_by_role("status")).to_contain_text("Đã thu lại 2 hộ")
    page.reload()
    expect(page.get_by_text("Lần nhập này đã được hoàn tác.")).to_be_visible()


def test_an_address_is_set_right_on_the_phone_without_a_mouse(
    own_server: Server, phone: Callable[..., Phone]
) -> None:
    page = phone("lan", at=own_server).page
    page.goto(f"{own_server.url}/desk/import")
    cells = ("12/4 ngõ 5 phố Nhập", "811 Bờ Nhập", "Xóm Nhập")
    listed: list[list[str | int]] = [["STT", "Địa chỉ"]]
    listed += [[0, cell] for cell in cells]
    bring(page, "to-7.ods", ods(listed))
    expect(page.get_by_text("Số nhà: 811 · Đường, phố: Bờ Nhập")).to_be_visible()
    rows = page.locator(".import-check summary")
    expect(rows).to_have_count(2)
    for row in rows.all():
        row.focus()
        page.keyboard.press("Enter")
    region = page.get_by_role("region", name="Địa chỉ cần xem lại: 2")
    region.get_by_label("Đường, phố").first.fill("đường Bờ Nhập")
    region.get_by_label("Số nhà").last.fill("813")
    picture(page, "preview-check")
    wrong = check(page, "addresses to look at")
    region.get_by_label("Số nhà").last.press("Enter")
    expect(page.get_by_text("Đang dùng 2 địa chỉ")).to_be_visible()
    expect(page.get_by_role("button", name="Ghi 3 hộ vào danh sách")).to_be_visible()
    wrong += check(page, "addresses taken apart")
    assert not wrong, "\n".join(wrong)


def test_a_lead_finds_the_way_back_to_the_app_and_is_asked_before_signing_out(
    own_server: Server, phone: Callable[..., Phone]
) -> None:
    lan = phone("lan", at=own_server)
    page = lan.page
    lan.tab("Gửi dữ liệu")
    page.get_by_role("link", name="Trang quản lý của tổ").click()
    page.get_by_role("link", name="Đăng xuất").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đăng xuất khỏi máy này?")
    wrong = check(page, "sign-out")
    page.go_back()
    page.get_by_role("link", name="Về ứng dụng đi từng nhà").click()
    lan.unlock()
    lan.tab("Gửi dữ liệu")
    expect(page.get_by_role("link", name="Trang quản lý của tổ")).to_be_visible(timeout=LONG)
    assert not wrong, "\n".join(wrong)
