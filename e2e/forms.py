"""What a volunteer does with the forms of the phone, a sentence each."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, expect

from e2e.phone import LONG, Phone

TAPS = """() => {
    if (window.taps === undefined)
        addEventListener("pointerdown", (event) => { if (event.isTrusted) window.taps += 1; }, true);
    window.taps = 0;
}"""


def count_taps(phone: Phone) -> None:
    """Count fingers on the screen from now on, until the page is loaded anew."""
    phone.page.evaluate(TAPS)


def taps(phone: Phone) -> int:
    return int(phone.page.evaluate("() => window.taps"))


def add_household(phone: Phone, house: str, lane: str = "ngõ Thử", street: str = "Yên Lộ") -> str:
    """A new door; the phone shows its page. Its id."""
    phone.open("#/ho/moi")
    page = phone.page
    for label, text in (("Số nhà", house), ("Ngõ, ngách, hẻm", lane), ("Đường, phố, xóm", street)):
        page.get_by_label(label, exact=True).fill(text)
    save(phone)
    expect(page.get_by_role("link", name="Ghi lần gõ cửa")).to_be_visible()
    return household_id(phone)


def household_id(phone: Phone) -> str:
    found = re.search(r"household(?::|%3A)[0-9A-Z]{26}", phone.page.url)
    assert found, phone.page.url
    return found[0].replace("%3A", ":")


def visit_id(phone: Phone) -> str:
    """Of the visit that the saved screen, or the form, is about."""
    found = re.search(r"visit(?::|%3A)[0-9A-Z]{26}", phone.page.url)
    assert found, phone.page.url
    return found[0].replace("%3A", ":")


def open_household(phone: Phone, household: str) -> None:
    phone.open(f"#/ho/{household}")
    expect(phone.page.get_by_role("link", name="Ghi lần gõ cửa")).to_be_visible(timeout=LONG)


def add_person(phone: Phone, label: str, band: str = "Từ 60 tuổi trở lên", name: str = "") -> None:
    """From a household's page: someone who lives there; with `name`, who has agreed to have it kept."""
    page = phone.page
    page.get_by_role("link", name="Thêm người").click()
    page.get_by_label("Hoặc ghi cách gọi khác").fill(label)
    page.get_by_role("radio", name=band).check()
    if name:
        page.get_by_role("checkbox", name="Lưu tên, số điện thoại").check()
        page.get_by_role("radio", name="Đồng ý bằng lời nói").check()
        page.get_by_label("Họ và tên").fill(name)
    save(phone)
    expect(page.get_by_text(name or label).first).to_be_visible()


def begin_visit(phone: Phone) -> None:
    phone.page.get_by_role("link", name="Ghi lần gõ cửa").click()
    expect(phone.page.get_by_role("button", name="Lưu")).to_be_visible()


def box(phone: Phone, person: str) -> Locator:
    """What belongs to one person in the form of a visit."""
    return phone.page.locator(".person-box").filter(has=phone.page.get_by_role("checkbox", name=person))


def help_with(phone: Phone, person: str, service: str, level: str) -> None:
    """Tick a person if that is not done yet, then a service and the level reached."""
    one = box(phone, person)
    one.get_by_role("checkbox", name=person).check()
    one.get_by_role("checkbox", name=service).check()
    one.get_by_role("group", name=f"{service}: đạt mức nào?").get_by_role("radio", name=level).check()


def help_unnamed(phone: Phone, service: str, level: str, band: str = "≥ 60", count: int = 1) -> None:
    one = box(phone, "Người không ghi tên")
    one.get_by_role("checkbox", name="Người không ghi tên").check()
    one.get_by_role("radio", name=band).check()
    for _ in range(count - 1):
        one.get_by_role("button", name="Thêm một").click()
    help_with(phone, "Người không ghi tên", service, level)


def open_remarks(phone: Phone) -> Locator:
    """Unfold the obstacles and the note; the field of the note."""
    note = phone.page.get_by_label("Ghi chú", exact=True)
    if not note.is_visible():
        phone.page.get_by_text("Ghi chú, vướng mắc").click()
    return note


def save(phone: Phone) -> None:
    phone.page.get_by_role("button", name=re.compile(r"^Lưu")).click()


def expect_saved(phone: Phone) -> str:
    """The screen that says it is on the phone; the visit's id."""
    expect(phone.heading()).to_have_text("Đã lưu trên máy")
    return visit_id(phone)


def record_offline(phone: Phone, house: str) -> str:
    """A visit that waits on the phone."""
    add_household(phone, house)
    phone.wait_until_sent()
    phone.go_offline()
    begin_visit(phone)
    help_unnamed(phone, "iHanoi", "Đã cài đặt")
    save(phone)
    visit = expect_saved(phone)
    phone.expect_waiting(1)
    return visit


def stored(phone: Phone, document: str) -> list[dict[str, Any]]:
    """A document's living leaves as the server holds them, asked through the gateway by this phone."""
    answer = phone.page.evaluate(
        """async (id) => {
            const names = (await indexedDB.databases()).map((one) => one.name);
            const database = names.map((name) => name.match(/-(w\\d{5}-.*)/)?.[1]).find(Boolean);
            const body = JSON.stringify({docs: [{id}]});
            const headers = {"content-type": "application/json"};
            return (await fetch(`/sync/${database}/_bulk_get`, {method: "POST", headers, body})).json();
        }""",
        document,
    )
    leaves = [one["ok"] for row in answer["results"] for one in row["docs"] if "ok" in one]
    return [leaf for leaf in leaves if not leaf.get("_deleted")]


def fetch_news(phone: Phone) -> None:
    """Sync now, as with the button."""
    phone.tab("Gửi dữ liệu")
    phone.page.get_by_role("button", name="Gửi ngay").click()
    phone.wait_until_sent()
