"""A visit recorded without signal reaches the ward's dashboard, and nothing is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Locator, Page, expect

from e2e.desk import Desk
from e2e.forms import add_household, fetch_news, open_household, stored
from e2e.phone import LONG, Phone
from e2e.server import Server

Phones = Callable[..., Phone]
Desks = Callable[..., Desk]


def record_met(phone: Phone, service: str = "iHanoi", level: str = "Cài đặt") -> None:
    """From a household's page: the common visit, for someone who gives no name."""
    page = phone.page
    page.get_by_role("link", name="Ghi lần gõ cửa").click()
    page.get_by_role("checkbox", name="Người không ghi tên").check()
    page.get_by_role("radio", name="≥ 60").check()
    page.get_by_role("checkbox", name=service).check()
    page.get_by_role("radio", name=level).check()
    page.get_by_role("button", name="Lưu").click()
    expect(phone.heading()).to_contain_text("Đã lưu trên máy")


def record_absent(phone: Phone) -> None:
    page = phone.page
    page.get_by_role("link", name="Ghi lần gõ cửa").click()
    page.get_by_role("radio", name="Vắng nhà").check()
    page.get_by_role("button", name="Lưu").click()
    expect(phone.heading()).to_contain_text("Đã lưu trên máy")


def edit_household(phone: Phone, door: str, house: str, adults: str) -> None:
    phone.open(f"#/ho/{door}/sua")
    phone.page.get_by_label("Số nhà", exact=True).fill(house)
    phone.page.get_by_label("Số người lớn (nếu biết)").fill(adults)
    phone.page.get_by_role("button", name="Lưu").click()
    expect(phone.heading()).to_contain_text(house)


def acts(page: Page) -> Locator:
    """The dashboard's headline figure of acts of help."""
    return page.locator('.figure:has(dt:text-is("Lượt hướng dẫn")) .figure-value')


def test_a_visit_recorded_offline_survives_a_reload_and_changes_the_dashboard(
    phone: Phones, desk: Desks
) -> None:
    ward = desk()
    before = int(acts(ward.page).inner_text().replace(".", ""))

    hoa = phone("hoa")
    hoa.go_offline()
    hoa.tab("Các hộ")
    hoa.open_first_door()
    record_met(hoa)
    hoa.expect_waiting(1)

    hoa.reload()
    hoa.expect_waiting(1)
    hoa.expect_text("Đã lưu trên máy")

    hoa.go_online()
    hoa.wait_until_sent()
    expect(acts(ward.page)).to_have_text(str(before + 1), timeout=LONG)
    assert not hoa.failures
    assert not ward.failures


def test_the_app_starts_cold_without_any_network(
    phone: Phones, contexts: Callable[..., BrowserContext]
) -> None:
    nam = phone("nam")
    nam.go_offline()
    nam.leave()
    nam.open()
    expect(nam.heading()).to_be_visible()
    nam.tab("Các hộ")
    expect(nam.doors().first).to_be_visible()
    assert nam.doors().count() > 20


def test_what_one_phone_of_a_unit_records_the_other_one_sees(phone: Phones) -> None:
    hoa, nam = phone("hoa"), phone("nam")
    hoa.search("ngo")
    address = hoa.open_first_door()
    record_absent(hoa)
    hoa.wait_until_sent()

    nam.tab("Gửi dữ liệu")
    nam.page.get_by_role("button", name="Gửi ngay").click()
    nam.wait_until_sent()
    nam.search("ngo")
    assert nam.open_first_door() == address
    nam.expect_text(re.compile("Vắng nhà"))
    nam.expect_text(re.compile("Nguyễn Thị Hoa"))


def test_one_household_edited_apart_on_two_phones_keeps_both_edits(phone: Phones) -> None:
    hoa, nam = phone("hoa"), phone("nam")
    door = add_household(hoa, "71")
    hoa.wait_until_sent()
    fetch_news(nam)
    open_household(nam, door)
    expect(nam.heading()).to_contain_text("71", timeout=LONG)
    for one in (hoa, nam):
        one.go_offline()
    edit_household(hoa, door, "71A", adults="")
    edit_household(nam, door, "71B", adults="5")
    for one in (hoa, nam):
        one.go_online()
        one.wait_until_sent()

    for one in (hoa, nam):
        for _ in range(10):
            fetch_news(one)
            one.open(f"#/ho/{door}")
            if len(stored(one, door)) == 1 and one.heading().inner_text().startswith("71B"):
                break
        expect(one.heading()).to_contain_text("71B")
    (merged,) = stored(hoa, door)
    assert merged["adults"]["value"] == 5
    past = [entry["value"]["house"] for entry in merged["history"] if entry["field"] == "address"]
    assert "71A" in past, "the number that one volunteer wrote is nowhere to be found"


def test_a_phone_of_another_unit_sees_nothing_of_it(phone: Phones, server: Server) -> None:
    binh = phone("binh")
    answers = binh.page.evaluate(
        """async () => {
            const paths = ["", "/_changes", "/_bulk_get", "/_all_docs", "/_changes?include_docs=true"];
            const names = ["w09562-tdp-07", "w09562-rollup", "accounts", "w09562%2Dtdp-07"];
            const out = [];
            for (const name of names) for (const path of paths) {
                const post = path === "/_bulk_get";
                const answer = await fetch(`/sync/${name}${path}`, post
                    ? {method: "POST", headers: {"content-type": "application/json"}, body: '{"docs":[]}'}
                    : {});
                out.push([name + path, answer.status]);
            }
            return out;
        }"""
    )
    assert all(status in (403, 404, 405) for _, status in answers), answers
    databases = binh.page.evaluate("async () => (await indexedDB.databases()).map((one) => one.name)")
    assert not [name for name in databases if "tdp-07" in name]


def test_a_server_killed_in_the_middle_of_a_sync_loses_nothing(
    own_server: Server, contexts: Callable[..., BrowserContext]
) -> None:
    hoa = Phone(contexts(), own_server)
    hoa.sign_in("hoa")
    hoa.go_offline()
    for _ in range(3):
        hoa.tab("Các hộ")
        hoa.open_first_door()
        record_absent(hoa)
    hoa.expect_waiting(3)

    def kill(route) -> None:  # type: ignore[no-untyped-def]
        own_server.kill()
        route.abort()

    hoa.page.route("**/_bulk_docs", kill, times=1)
    hoa.go_online()
    hoa.tab("Gửi dữ liệu")
    hoa.expect_text("Chưa gửi được, sẽ thử lại")
    hoa.expect_waiting(3)

    own_server.start()
    hoa.page.get_by_role("button", name="Gửi ngay").click()
    hoa.wait_until_sent()


def test_a_cookie_that_ends_in_the_middle_of_a_sync_keeps_every_record(phone: Phones, server: Server) -> None:
    hoa = phone("hoa")
    hoa.go_offline()
    hoa.tab("Các hộ")
    hoa.open_first_door()
    record_absent(hoa)
    hoa.expect_waiting(1)

    def end(route) -> None:  # type: ignore[no-untyped-def]
        hoa.context.clear_cookies()
        route.continue_(headers={**route.request.headers, "cookie": ""})

    hoa.page.route("**/_bulk_docs", end, times=1)
    hoa.go_online()
    expect(hoa.page.get_by_test_id("sync-state")).to_contain_text("Đăng nhập lại", timeout=LONG)
    hoa.expect_waiting(1)

    hoa.tab("Gửi dữ liệu")
    hoa.page.get_by_role("main").get_by_role("link", name="Đăng nhập lại").click()
    hoa.enter("hoa")
    hoa.wait_until_sent()
