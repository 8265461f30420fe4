"""Two people edit the same without signal: both see both versions, and one tap settles it for both."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from e2e.forms import (
    add_household,
    add_person,
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
from e2e.phone import Phone
from e2e.server import Server
from e2e.test_accessibility import check


def contests(phone: Phone) -> Locator:
    return phone.page.get_by_test_id("contest")


def edit_house(phone: Phone, household: str, house: str) -> None:
    open_household(phone, household)
    phone.page.get_by_role("link", name="Sửa địa chỉ").click()
    phone.page.get_by_label("Số nhà", exact=True).fill(house)
    save(phone)
    expect(phone.page.get_by_role("link", name="Ghi lần gõ cửa")).to_be_visible()
    assert household_id(phone) == household


def rename(phone: Phone, before: str, after: str) -> None:
    phone.page.get_by_role("link", name=f"Sửa: {before}").click()
    phone.page.get_by_label("Hoặc ghi cách gọi khác").fill(after)
    save(phone)
    expect(phone.page.get_by_text(after).first).to_be_visible()


def show(phone: Phone, household: str, count: int) -> None:
    """Sync until the household's page shows so many open contests: the server merges within seconds."""
    deadline = time.monotonic() + 30
    while True:
        fetch_news(phone)
        open_household(phone, household)
        phone.page.wait_for_timeout(300)
        if contests(phone).count() == count:
            return
        assert time.monotonic() < deadline, f"{contests(phone).count()} contests, not {count}"


def open_tally(phone: Phone, visit: str, awaited: Locator) -> None:
    """Sync until the tally's page shows what is awaited."""
    deadline = time.monotonic() + 30
    while True:
        phone.open("#/")
        fetch_news(phone)
        phone.open(f"#/tai-ban/{visit}")
        phone.page.wait_for_timeout(300)
        if awaited.count():
            return
        assert time.monotonic() < deadline, "the tally is not as awaited"


def picture(phone: Phone, name: str) -> None:
    if folder := os.environ.get("GTN_PICTURES"):
        phone.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_two_who_edited_a_door_apart_see_both_versions_and_one_tap_settles_it(
    phone: Callable[..., Phone],
) -> None:
    hoa, nam = phone("hoa"), phone("nam")
    household = add_household(hoa, "731", lane="ngõ Hai Bản")
    add_person(hoa, "Bà Lụa")
    hoa.wait_until_sent()
    fetch_news(nam)
    open_household(nam, household)
    nam.expect_text("Bà Lụa")
    for one in (hoa, nam):
        one.go_offline()
    edit_house(hoa, household, "733")
    rename(hoa, "Bà Lụa", "Cụ Lụa")
    edit_house(nam, household, "735")
    expect(contests(nam)).to_have_count(0)
    for one in (hoa, nam):
        one.go_online()
        fetch_news(one)
    for one in (hoa, nam):
        show(one, household, 1)
        contest = contests(one)
        expect(contest).to_contain_text("Hai người cùng sửa số nhà, chưa ai thấy bản của ai.")
        expect(contest.get_by_role("listitem")).to_have_count(2)
        expect(contest).to_contain_text("733 ngõ Hai Bản")
        expect(contest).to_contain_text("735 ngõ Hai Bản")
        expect(contest.get_by_text(re.compile(r", \d\d:\d\d"))).to_have_count(2)
        expect(one.page.get_by_text("Cụ Lụa").first).to_be_visible()
        assert check(one.page, "a contest") == []
    picture(hoa, "contest")
    nam.search("Hai Bản")
    expect(nam.doors().first).to_contain_text("Có hai bản khác nhau")
    picture(nam, "contest-list")
    nam.tab("Gửi dữ liệu")
    expect(nam.page.get_by_test_id("apart")).to_contain_text("ngõ Hai Bản")
    assert check(nam.page, "contests among what is sent") == []
    picture(nam, "contest-sync")

    hoa.go_offline()
    version = contests(hoa).get_by_role("listitem").filter(has_text="733")
    version.get_by_role("button", name="Giữ bản này").click()
    expect(contests(hoa)).to_have_count(0)
    expect(hoa.page.get_by_role("status").filter(has_text="Đã giữ bản của")).to_be_visible()
    expect(hoa.heading()).to_contain_text("733")
    picture(hoa, "contest-kept")
    hoa.go_online()
    fetch_news(hoa)
    show(nam, household, 0)
    expect(nam.heading()).to_contain_text("733")
    (held,) = stored(nam, household)
    assert {"731", "735"} <= {entry["value"].get("house") for entry in held["history"]}
    assert hoa.failures == nam.failures == []


def test_a_visit_that_its_author_and_the_lead_amended_apart_is_chosen_by_one_of_them(
    phone: Callable[..., Phone], server: Server
) -> None:
    hoa, lead, nam = phone("hoa"), phone("lan"), phone("nam")
    household = add_household(hoa, "741", lane="ngõ Hai Bản")
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    save(hoa)
    expect_saved(hoa)
    hoa.wait_until_sent()
    for one in (lead, nam):
        fetch_news(one)
        open_household(one, household)
        expect(one.page.get_by_test_id("visit")).to_have_count(1)
    for one, note in ((hoa, "Cụ hẹn chiều"), (lead, "Cụ hẹn sáng mai")):
        one.go_offline()
        open_household(one, household)
        one.page.get_by_role("link", name="Sửa hoặc rút").click()
        open_remarks(one).fill(note)
        save(one)
        expect_saved(one)
    for one in (hoa, lead):
        one.go_online()
        fetch_news(one)
    show(nam, household, 1)
    expect(contests(nam)).to_contain_text("Người ghi hoặc tổ trưởng sẽ chọn bản đúng.")
    expect(nam.page.get_by_role("button", name="Giữ bản này")).to_have_count(0)
    show(lead, household, 1)
    contest = contests(lead)
    for words in ("cùng sửa lần ghi", "Cụ hẹn chiều", "Cụ hẹn sáng mai", "iHanoi"):
        expect(contest).to_contain_text(words)
    picture(lead, "contest-visit")
    contest.get_by_role("listitem").filter(has_text="chiều").get_by_role("button", name="Giữ bản này").click()
    expect(contests(lead)).to_have_count(0)
    fetch_news(lead)
    for one in (hoa, nam):
        show(one, household, 0)
        expect(one.page.get_by_test_id("visit")).to_contain_text("Cụ hẹn chiều")
    assert hoa.failures == lead.failures == nam.failures == []


def test_a_tally_amended_apart_is_found_among_what_is_sent_and_chosen(phone: Callable[..., Phone]) -> None:
    hoa, lead = phone("hoa"), phone("lan")
    hoa.open("#/tai-ban")
    for choice in ("iHanoi", "Đã cài đặt", "Từ 60 tuổi trở lên"):
        hoa.page.get_by_role("radio", name=choice).check()
    save(hoa)
    visit = expect_saved(hoa)
    hoa.wait_until_sent()
    for one, times in ((hoa, 1), (lead, 3)):
        more = one.page.get_by_role("button", name="Thêm một")
        open_tally(one, visit, more)
        one.go_offline()
        for _ in range(times):
            more.click()
        save(one)
        expect_saved(one)
    for one in (hoa, lead):
        one.go_online()
        fetch_news(one)
    open_tally(lead, visit, contests(lead))
    lead.open("#/gui")
    apart = lead.page.get_by_test_id("apart").get_by_role("link", name=re.compile("Hỗ trợ tại bàn"))
    assert check(lead.page, "tallies among what is sent") == []
    apart.click()
    expect(contests(lead)).to_contain_text("× 2")
    assert check(lead.page, "a tally's contest") == []
    picture(lead, "contest-tally")
    version = contests(lead).get_by_role("listitem").filter(has_text="× 4").first
    version.get_by_role("button", name="Giữ bản này").click()
    expect(lead.heading()).to_contain_text("Hôm nay")
    fetch_news(lead)
    (held,) = stored(lead, visit)
    assert held["record"]["value"]["helps"][0]["count"] == 4
    assert not any(entry.get("apart") for entry in held["history"])
    assert hoa.failures == lead.failures == []
