"""A record that the server does not take stays whole on the phone, with its reason, and can be put right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from e2e.desk import Desk
from e2e.forms import (
    add_household,
    begin_visit,
    expect_saved,
    fetch_news,
    help_unnamed,
    household_id,
    open_household,
    open_remarks,
    save,
    stored,
)
from e2e.phone import LONG, Phone
from e2e.server import Server
from e2e.test_accessibility import check

NOTE = "Chờ con về cùng cài ứng dụng."


def with_number(route: Route) -> None:
    """What a phone of an older version might send: the number that this one would have stopped."""
    body = json.loads(route.request.post_data or "{}")
    for document in body["docs"]:
        if document["type"] == "visit":
            document["record"]["value"]["note"] += " Số 001099012345"
    route.continue_(post_data=json.dumps(body))


def test_a_refused_visit_is_kept_with_its_reason_shown_to_the_ward_and_put_right(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    ward, hoa = desk(at=own_server), phone("hoa", at=own_server)
    page = hoa.page
    add_household(hoa, "811")
    hoa.wait_until_sent()
    hoa.go_offline()
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    open_remarks(hoa).fill(NOTE)
    save(hoa)
    visit = expect_saved(hoa)
    household = household_id(hoa)
    page.route("**/_bulk_docs", with_number, times=1)
    hoa.go_online()

    mark = page.get_by_test_id("sync-state")
    expect(mark).to_have_attribute("data-refused", "1", timeout=LONG)
    expect(mark).to_contain_text("1 bị từ chối")
    expect(page.get_by_text(re.compile("Bị từ chối: Có dãy 12 chữ số"))).to_be_visible()
    expect(ward.page.get_by_text("1 bản ghi bị từ chối đang chờ xem xét")).to_be_visible(timeout=LONG)
    assert stored(hoa, visit) == []

    hoa.tab("Gửi dữ liệu")
    expect(page.get_by_test_id("count-refused")).to_contain_text("1")
    expect(page.get_by_test_id("count-waiting")).to_contain_text("0")
    page.get_by_role("link", name="Xem bản bị từ chối").click()
    card = page.get_by_test_id("refused")
    expect(card).to_have_count(1)
    for text in ("Có dãy 12 chữ số", "811", "Gặp được", "iHanoi", NOTE):
        expect(card).to_contain_text(text)
    hoa.reload()
    expect(card).to_contain_text(NOTE)

    card.get_by_role("link", name="Mở để sửa").click()
    expect(page.get_by_label("Ghi chú", exact=True)).to_have_value(NOTE)
    save(hoa)
    expect_saved(hoa)
    hoa.wait_until_sent()
    expect(mark).to_have_attribute("data-refused", "0")
    assert stored(hoa, visit)[0]["record"]["value"]["note"] == NOTE
    open_household(hoa, household)
    expect(page.get_by_test_id("visit")).to_have_count(1)


def refused_visit(hoa: Phone, house: str) -> str:
    """A visit with a note that its server refuses, shown as refused; gives its id."""
    add_household(hoa, house)
    hoa.wait_until_sent()
    hoa.go_offline()
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    open_remarks(hoa).fill(NOTE)
    save(hoa)
    visit = expect_saved(hoa)
    hoa.page.route("**/_bulk_docs", with_number, times=1)
    hoa.go_online()
    expect(hoa.page.get_by_test_id("sync-state")).to_have_attribute("data-refused", "1", timeout=LONG)
    return visit


def open_newest(ward: Desk) -> None:
    ward.page.goto(f"{ward.server.url}/desk/quarantine")
    ward.page.get_by_role("link", name=re.compile("Lần gõ cửa")).first.click()


def test_a_supervisor_corrects_and_accepts_and_the_phone_has_what_was_corrected(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    ward, hoa = desk(at=own_server), phone("hoa", at=own_server)
    visit = refused_visit(hoa, "821")
    ward.page.goto(f"{own_server.url}/desk/quarantine?state=open")
    assert not check(ward.page, "the list of refused records")
    open_newest(ward)
    note = ward.page.get_by_label("Ghi chú")
    expect(note).to_have_value(f"{NOTE} Số ••••••••••••")
    assert not check(ward.page, "a refused record")
    ward.page.get_by_role("button", name="Nhận bản ghi").click()
    expect(ward.page.get_by_role("alert")).to_contain_text("Vẫn còn số bị che")
    note.fill("Con về sẽ cùng cài.")
    ward.page.get_by_role("button", name="Nhận bản ghi").click()
    expect(ward.page.get_by_role("heading", name="Đã nhận")).to_be_visible()
    assert not check(ward.page, "a decided record")
    (stored_one,) = stored(hoa, visit)
    assert stored_one["record"]["value"]["note"] == "Con về sẽ cùng cài."

    fetch_news(hoa)
    expect(hoa.page.get_by_test_id("sync-state")).to_have_attribute("data-refused", "0", timeout=LONG)
    open_household(hoa, stored_one["household"])
    shown = hoa.page.get_by_test_id("visit")
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("Con về sẽ cùng cài.")
    expect(shown.get_by_test_id("receipt")).to_contain_text(re.compile(r"\d\d:\d\d"))
    fetch_news(hoa)
    assert len(stored(hoa, visit)) == 1
    ward.page.goto(f"{own_server.url}/desk/quarantine")
    expect(ward.page.get_by_text("Không có bản ghi nào chờ xử lý")).to_be_visible()
    assert not check(ward.page, "nothing refused")


def test_a_returned_record_is_put_right_by_its_author_and_arrives(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    ward, hoa = desk(at=own_server), phone("hoa", at=own_server)
    visit = refused_visit(hoa, "822")
    open_newest(ward)
    ward.page.get_by_label("Lời nhắn: cần sửa gì").fill("Bỏ số rồi gửi lại giúp.")
    ward.page.get_by_role("button", name="Trả lại").click()
    expect(ward.page.get_by_role("heading", name="Đã trả lại người gửi")).to_be_visible()

    fetch_news(hoa)
    hoa.tab("Gửi dữ liệu")
    hoa.page.get_by_role("link", name="Xem bản bị từ chối").click()
    expect(hoa.page.get_by_test_id("outcome")).to_contain_text("Bỏ số rồi gửi lại giúp.", timeout=LONG)
    hoa.reload()
    expect(hoa.page.get_by_test_id("outcome")).to_contain_text("Bỏ số rồi gửi lại giúp.")
    assert not check(hoa.page, "a returned record")
    hoa.page.get_by_role("link", name="Sửa và gửi lại").click()
    expect(hoa.page.get_by_label("Ghi chú", exact=True)).to_have_value(NOTE)
    save(hoa)
    expect_saved(hoa)
    hoa.wait_until_sent()
    expect(hoa.page.get_by_test_id("sync-state")).to_have_attribute("data-refused", "0")
    assert stored(hoa, visit)[0]["record"]["value"]["note"] == NOTE


def test_a_refused_record_does_not_hold_up_the_others(phone: Callable[..., Phone]) -> None:
    nam = phone("nam")
    household = add_household(nam, "812")
    begin_visit(nam)
    open_remarks(nam).fill(NOTE)
    save(nam)
    expect_saved(nam)
    nam.page.route("**/_bulk_docs", with_number, times=1)
    fetch_news(nam)
    assert nam.state()["refused"] == 1
    assert stored(nam, household)
