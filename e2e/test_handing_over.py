"""Sending never works: what waits is carried to the ward as a file, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from e2e.desk import Desk
from e2e.forms import record_offline
from e2e.phone import Phone
from e2e.server import Server


def save_file(hoa: Phone, folder: Path) -> Path:
    hoa.tab("Gửi dữ liệu")
    hoa.page.get_by_role("button", name="Lưu ra tệp").click()
    expect(hoa.page.get_by_text("Tệp đã sẵn sàng")).to_be_visible()
    assert Axe().run(hoa.page).response["violations"] == []
    with hoa.page.expect_download() as download:
        hoa.page.get_by_role("button", name="Tải tệp về máy").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def bring(ward: Desk, path: Path) -> None:
    ward.page.goto(f"{ward.server.url}/desk/people")
    ward.page.get_by_role("link", name="Nhập tệp từ điện thoại").click()
    ward.page.get_by_label("Tệp lưu ra từ máy").set_input_files(path)
    ward.page.get_by_role("button", name="Nhập tệp").click()


def test_a_file_carries_home_what_the_phone_cannot_send(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk], tmp_path: Path
) -> None:
    hoa, ward = phone("hoa", at=own_server), desk(at=own_server)
    record_offline(hoa, "941")
    path = save_file(hoa, tmp_path)
    assert path.name.startswith("go-tung-nha-tdp-07-")
    text = path.read_text("utf-8")
    assert "Hẻm" not in text
    assert "visit:" not in text

    bring(ward, path)
    main = ward.page.get_by_role("main")
    expect(main.get_by_role("status")).to_contain_text("1 bản ghi đã nhận")
    assert Axe().run(ward.page).response["violations"] == []
    bring(ward, path)
    expect(main.get_by_role("status")).to_contain_text("1 bản ghi phường đã có từ trước")

    expect(hoa.page.get_by_test_id("count-waiting")).to_contain_text("1")
    hoa.go_online()
    hoa.wait_until_sent()
    ward.page.goto(f"{ward.server.url}/desk/quarantine")
    expect(ward.page.get_by_text("Không có bản ghi nào")).to_be_visible()


def test_a_file_that_was_changed_on_the_way_is_not_taken(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk], tmp_path: Path
) -> None:
    hoa, ward = phone("hoa", at=own_server), desk(at=own_server)
    record_offline(hoa, "942")
    path = save_file(hoa, tmp_path)
    path.write_text(path.read_text("utf-8")[:-20], "utf-8")
    bring(ward, path)
    expect(ward.page.get_by_role("alert")).to_contain_text("Không mở được tệp này")
    assert Axe().run(ward.page).response["violations"] == []
