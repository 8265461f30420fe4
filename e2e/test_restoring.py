"""A server whose data are lost goes back to last night's backup, and the phones bring what it lacks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Route, expect

from e2e.desk import Desk
from e2e.forms import (
    add_household,
    add_person,
    begin_visit,
    expect_saved,
    fetch_news,
    help_unnamed,
    open_household,
    save,
    stored,
)
from e2e.phone import LONG, Phone
from e2e.server import Server

ERASED, ENDED, KEPT = "Đào Thị Xóa", "Đào Thị Thôi", "Đào Thị Còn"
ALL_SENT = "Mọi bản ghi đã về tới phường."


def resident_id(phone: Phone, name: str) -> str:
    href = phone.page.get_by_role("link", name=f"Sửa: {name}").get_attribute("href") or ""
    return href.split("?")[0].rsplit("/", 1)[1].replace("%3A", ":")


def record(phone: Phone) -> str:
    """A visit at the door that is open, sent; its id."""
    begin_visit(phone)
    help_unnamed(phone, "iHanoi", "Đã cài đặt")
    save(phone)
    visit = expect_saved(phone)
    phone.wait_until_sent()
    return visit


def lose_everything(server: Server) -> None:
    """The disk is gone; what is left is kept elsewhere: backups, the key."""
    server.kill()
    server.drop_databases()
    shutil.rmtree(server.folder / "data" / "store", ignore_errors=True)


def backed_up(server: Server, folder: Path) -> Path:
    server.command("backup", "--to", str(folder))
    return sorted(folder.glob("gtn-20*.backup"))[-1]


def test_phones_bring_what_a_restored_server_lacks_and_nobody_comes_back_who_is_gone(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk], tmp_path: Path
) -> None:
    hoa, nam = phone("hoa", at=own_server), phone("nam", at=own_server)
    home = add_household(hoa, "931")
    for label, name in (("Bà tầng 1", ERASED), ("Bà tầng 2", ENDED), ("Bà tầng 3", KEPT)):
        add_person(hoa, label, name=name)
    erased, ended, kept = (resident_id(hoa, name) for name in (ERASED, ENDED, KEPT))
    before = record(hoa)
    fetch_news(nam)
    nam.go_offline()

    night, hourly = tmp_path / "night", tmp_path / "hourly"
    night.mkdir()
    hourly.mkdir()
    file = backed_up(own_server, night)

    open_household(hoa, home)
    after = record(hoa)
    open_household(hoa, home)
    hoa.page.get_by_role("link", name=f"Sửa: {ENDED}").click()
    hoa.page.get_by_role("button", name="Rút lại đồng ý").click()
    save(hoa)
    hoa.wait_until_sent()
    own_server.erase("tdp-07", erased)
    fetch_news(hoa)
    backed_up(own_server, hourly)
    lose_everything(own_server)

    own_server.command("restore", str(hourly / "gtn-ledger.backup"), "--ledger")
    said = own_server.command("restore", str(file))
    assert "erased again: 1," in said
    assert "consents ended again: 1," in said
    own_server.start()

    held: list[Route] = []
    hoa.page.route("**/_bulk_docs", lambda route: held.append(route), times=1)
    hoa.tab("Gửi dữ liệu")
    hoa.page.get_by_role("button", name="Gửi ngay").click()
    hoa.expect_waiting(2)
    expect(hoa.page.get_by_text(ALL_SENT)).to_have_count(0)
    assert stored(hoa, after) == [], "the restored server had it, so the story proves nothing"
    hoa.page.wait_for_timeout(500)
    held[0].continue_()
    hoa.wait_until_sent()
    expect(hoa.page.get_by_text(ALL_SENT)).to_be_visible()

    nam.go_online()
    nam.open()
    fetch_news(nam)
    fetch_news(hoa)
    for each in (hoa, nam):
        assert len(stored(each, before)) == len(stored(each, after)) == 1
        assert stored(each, erased) == []
        assert KEPT in json.dumps(stored(each, kept), ensure_ascii=False)
        assert ENDED not in json.dumps(stored(each, ended), ensure_ascii=False)
        open_household(each, home)
        expect(each.page.get_by_text(KEPT).first).to_be_visible()
        expect(each.page.get_by_text("Bà tầng 2").first).to_be_visible(timeout=LONG)
        for gone in (ERASED, ENDED):
            expect(each.page.get_by_text(gone)).to_have_count(0)
        assert each.state()["refused"] == 0
    assert own_server.command("check").splitlines()[-1] == "0 differences"

    admin = desk("quantri", at=own_server)
    admin.page.goto(f"{own_server.url}/desk/audit")
    entry = admin.page.get_by_role("listitem").filter(has_text="đã khôi phục bản sao lưu")
    expect(entry).to_have_count(1)
    assert hoa.failures == nam.failures == admin.failures == []
