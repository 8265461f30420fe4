"""A resident who asked to be erased is gone from the phones too, even from one that wrote offline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from e2e.forms import (
    add_household,
    add_person,
    begin_visit,
    fetch_news,
    open_household,
    open_remarks,
    save,
    stored,
)
from e2e.phone import LONG, Phone
from e2e.server import Server
from e2e.test_accessibility import check

NAME = "Đào Thị Mơ"

KEPT = """async (id) => {
    const answer = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const found = [];
    for (const {name} of await indexedDB.databases()) {
        const database = await answer(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
            const rows = database.transaction(store).objectStore(store);
            const [keys, values] = await Promise.all([answer(rows.getAllKeys()), answer(rows.getAll())]);
            values.forEach((value, at) => found.push({store, key: keys[at], value}));
        }
        database.close();
    }
    return found.filter((row) => JSON.stringify(row).includes(id))
        .map(({store, value}) => ({store, fields: Object.keys(value)}));
}"""


def resident_id(phone: Phone) -> str:
    """Of the only person on the household's page."""
    href = phone.page.get_by_role("link", name=f"Sửa: {NAME}").get_attribute("href") or ""
    return href.split("?")[0].rsplit("/", 1)[1].replace("%3A", ":")


def kept(phone: Phone, id: str) -> list[dict[str, Any]]:
    """What the phone's storage holds under a resident's id: the store and the fields of each record."""
    found: list[dict[str, Any]] = phone.page.evaluate(KEPT, id)
    return found


def bodies(phone: Phone, id: str) -> list[dict[str, Any]]:
    return [row for row in kept(phone, id) if "sealed" in row["fields"]]


def test_someone_erased_at_the_desk_is_gone_from_a_phone_that_edited_offline(
    own_server: Server, phone: Callable[..., Phone]
) -> None:
    hoa, nam = phone("hoa", at=own_server), phone("nam", at=own_server)
    household = add_household(hoa, "821")
    add_person(hoa, "Bà Mơ", name=NAME)
    person = resident_id(hoa)
    hoa.wait_until_sent()
    fetch_news(nam)
    open_household(nam, household)
    nam.expect_text(NAME)
    assert bodies(nam, person), "the phone never held the record, so the story proves nothing"

    nam.go_offline()
    nam.page.get_by_role("link", name=f"Sửa: {NAME}").click()
    nam.page.get_by_label("Họ và tên").fill(f"{NAME} Mận")
    save(nam)
    nam.expect_waiting(1)
    begin_visit(nam)
    nam.page.get_by_role("checkbox", name=NAME).check()
    open_remarks(nam).fill(f"Dặn bà {NAME} mang thẻ")
    nam.page.wait_for_timeout(500)  # the draft is written 200 ms after the last letter
    own_server.erase("tdp-07", person)
    fetch_news(hoa)
    open_household(hoa, household)
    expect(hoa.page.get_by_text(NAME)).to_have_count(0, timeout=LONG)
    nam.go_online()
    nam.open()
    fetch_news(nam)

    note = nam.page.get_by_test_id("erased")
    expect(note).to_contain_text("Thông tin của 1 người đã được phường xóa nên cũng được xóa khỏi máy này")
    expect(nam.page.get_by_text("Mọi bản ghi đã về tới phường.")).to_be_visible()
    expect(nam.page.get_by_test_id("count-refused")).to_contain_text("0")
    assert check(nam.page, "the word of an erasure") == []
    note.get_by_role("button", name="Đã hiểu").click()
    expect(note).to_have_count(0)
    for each in (hoa, nam):
        assert stored(each, person) == []
        assert bodies(each, person) == []
        each.search("Mơ")
        expect(each.page.get_by_text("821")).to_have_count(0)
        open_household(each, household)
        expect(each.page.get_by_text("Mơ")).to_have_count(0)
    nam.tab("Hôm nay")
    expect(nam.page.get_by_text("Còn một bản ghi dở")).to_have_count(0)
    nam.reload()
    nam.wait_until_sent()
    assert nam.state()["refused"] == 0
    assert hoa.failures == nam.failures == []
