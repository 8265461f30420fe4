"""What a volunteer writes down at the door: quickly, once, and so that it can be put right."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from e2e.desk import Desk
from e2e.forms import (
    add_household,
    add_person,
    begin_visit,
    box,
    count_taps,
    expect_saved,
    fetch_news,
    help_unnamed,
    help_with,
    household_id,
    open_household,
    open_remarks,
    save,
    stored,
    taps,
)
from e2e.phone import LONG, Phone

Phones = Callable[..., Phone]
Desks = Callable[..., Desk]


def acts_at(desk: Desk, service: str, level: str) -> Locator:
    """Acts of help at one level of one service, on the desk's page; none when nothing was ever counted."""
    group = desk.page.locator("table.services tbody").filter(
        has=desk.page.locator('th[scope="rowgroup"]', has_text=service)
    )
    row = group.locator("tr").filter(has=desk.page.locator('th[scope="row"]', has_text=level))
    return row.locator("td.n").first


def number_of(cell: Locator) -> int:
    return int(cell.inner_text().replace(".", "")) if cell.count() else 0


def expect_number(cell: Locator, number: int) -> None:
    """A row without any act may be left out."""
    if number:
        expect(cell).to_have_text(str(number), timeout=LONG)
    else:
        expect(cell.filter(has_not_text=re.compile("^0$"))).to_have_count(0, timeout=LONG)


def test_a_named_person_helped_takes_six_taps_and_nobody_home_takes_four(phone: Phones) -> None:
    hoa = phone("hoa")
    page = hoa.page
    add_household(hoa, "801")
    add_person(hoa, "Bà tầng 1")
    hoa.search("801")
    expect(hoa.doors()).to_have_count(1)

    count_taps(hoa)
    hoa.doors().first.click()
    begin_visit(hoa)
    help_with(hoa, "Bà tầng 1", "iHanoi", "Đã cài đặt")
    save(hoa)
    expect_saved(hoa)
    assert taps(hoa) <= 6

    hoa.search("801")
    count_taps(hoa)
    hoa.doors().first.click()
    begin_visit(hoa)
    page.get_by_role("radio", name="Vắng nhà").check()
    save(hoa)
    expect_saved(hoa)
    assert taps(hoa) <= 4


def test_the_saved_screen_comes_only_when_the_record_is_on_the_phone(phone: Phones) -> None:
    hoa = phone("hoa")
    add_household(hoa, "802")
    hoa.wait_until_sent()
    hoa.go_offline()
    begin_visit(hoa)
    help_unnamed(hoa, "Chống lừa đảo", "Đã tuyên truyền")
    save(hoa)
    expect_saved(hoa)
    hoa.reload()  # at once: what is not on the disk by now is lost

    expect(hoa.heading()).to_have_text("Đã lưu trên máy")
    expect(hoa.page.get_by_text("Đã lưu trên máy, chờ gửi")).to_be_visible()
    open_household(hoa, household_id(hoa))
    expect(hoa.page.get_by_test_id("visit")).to_have_count(1)
    expect(hoa.page.get_by_test_id("visit")).to_contain_text("Chống lừa đảo")


def test_several_people_and_services_fit_into_one_visit_and_reach_the_other_phone(phone: Phones) -> None:
    hoa, nam = phone("hoa"), phone("nam")
    household = add_household(hoa, "803")
    add_person(hoa, "Ông tầng 2")
    add_person(hoa, "Chị gác xép", "16 đến 59 tuổi")
    begin_visit(hoa)
    page = hoa.page
    help_with(hoa, "Ông tầng 2", "iHanoi", "Đã giới thiệu")
    help_with(hoa, "Ông tầng 2", "Sổ sức khỏe", "Đã hướng dẫn")
    help_with(hoa, "Chị gác xép", "VNeID", "Đã hướng dẫn")
    vneid = box(hoa, "Chị gác xép")
    vneid.get_by_role("radio", name="Giới thiệu đến Công an phường").check()
    vneid.get_by_label("Vướng mắc").select_option(label="SIM không chính chủ")
    help_unnamed(hoa, "Chống lừa đảo", "Đã tuyên truyền", "16–59", count=2)
    page.get_by_role("radio", name="Tuần sau").check()
    page.get_by_role("radio", name="Gặp người khác trong nhà").check()
    note = open_remarks(hoa)
    page.get_by_role("checkbox", name="Máy cũ", exact=True).check()
    note.fill("Chuông cổng bị hỏng, gọi cửa sau.")
    expect(page.get_by_role("button", name=re.compile("^Lưu"))).to_contain_text("5 lượt")
    save(hoa)
    visit = expect_saved(hoa)
    hoa.wait_until_sent()

    fetch_news(nam)
    open_household(nam, household)
    card = nam.page.get_by_test_id("visit")
    for text in (
        "Ông tầng 2: iHanoi",
        "Ông tầng 2: Sổ sức khỏe",
        "Chị gác xép: VNeID",
        "Công an phường",
        "SIM không chính chủ",
        "× 2: Chống lừa đảo",
        "Gặp người khác trong nhà",
        "Máy cũ",
        "Chuông cổng bị hỏng, gọi cửa sau.",
    ):
        expect(card).to_contain_text(text)
    assert len(stored(hoa, visit)[0]["record"]["value"]["helps"]) == 4


def test_an_amended_visit_counts_once_and_keeps_what_stood_before(phone: Phones, desk: Desks) -> None:
    ward, hoa = desk(), phone("hoa")
    guided = acts_at(ward, "Chữ ký số", "Đã hướng dẫn")
    using = acts_at(ward, "Thanh toán không tiền mặt", "Tự dùng được")
    before_guided, before_using = number_of(guided), number_of(using)
    household = add_household(hoa, "804")
    begin_visit(hoa)
    help_unnamed(hoa, "Chữ ký số", "Đã hướng dẫn")
    save(hoa)
    visit = expect_saved(hoa)
    hoa.wait_until_sent()
    expect(guided).to_have_text(str(before_guided + 1), timeout=LONG)

    open_household(hoa, household)
    hoa.page.get_by_role("link", name="Sửa hoặc rút").click()
    box(hoa, "Người không ghi tên").get_by_role("checkbox", name="Chữ ký số").uncheck()
    help_with(hoa, "Người không ghi tên", "Không tiền mặt", "Tự dùng được")
    save(hoa)
    assert expect_saved(hoa) == visit
    hoa.wait_until_sent()
    expect(using).to_have_text(str(before_using + 1), timeout=LONG)
    expect_number(guided, before_guided)
    [leaf] = stored(hoa, visit)
    assert [one["value"]["helps"][0]["service"] for one in leaf["history"]] == ["e-signature"]
    open_household(hoa, household)
    expect(hoa.page.get_by_test_id("visit")).to_contain_text("Đã sửa")


def test_a_withdrawn_visit_leaves_the_figures_and_stays_in_the_book(phone: Phones, desk: Desks) -> None:
    ward, nam = desk(), phone("nam")
    cell = acts_at(ward, "Sổ sức khỏe điện tử", "Tự dùng được")
    before = number_of(cell)
    household = add_household(nam, "805")
    begin_visit(nam)
    help_unnamed(nam, "Sổ sức khỏe", "Tự dùng được")
    save(nam)
    visit = expect_saved(nam)
    nam.wait_until_sent()
    expect(cell).to_have_text(str(before + 1), timeout=LONG)

    open_household(nam, household)
    nam.page.get_by_role("link", name="Sửa hoặc rút").click()
    nam.page.get_by_role("button", name="Rút lần ghi này").click()
    expect(nam.page.get_by_text("Rút lần ghi này khỏi số liệu?")).to_be_visible()
    nam.page.get_by_role("button", name="Rút lần ghi này").click()
    expect(nam.page.get_by_test_id("visit")).to_contain_text("Đã rút")
    nam.wait_until_sent()
    expect_number(cell, before)
    assert stored(nam, visit)[0]["record"]["value"]["withdrawn"] is True


def test_a_visit_is_amended_by_its_author_and_the_lead_only(phone: Phones) -> None:
    hoa, nam, lan = phone("hoa"), phone("nam"), phone("lan")
    household = add_household(hoa, "806")
    begin_visit(hoa)
    hoa.page.get_by_role("radio", name="Từ chối").check()
    save(hoa)
    visit = expect_saved(hoa)
    hoa.wait_until_sent()

    fetch_news(nam)
    open_household(nam, household)
    expect(nam.page.get_by_test_id("visit")).to_contain_text("Từ chối")
    expect(nam.page.get_by_role("link", name="Sửa hoặc rút")).to_have_count(0)
    nam.open(f"#/ho/{household}/luot/{visit}")
    nam.expect_text("Chỉ người ghi hoặc tổ trưởng được sửa lần ghi này.")

    fetch_news(lan)
    open_household(lan, household)
    lan.page.get_by_role("link", name="Sửa hoặc rút").click()
    lan.page.get_by_role("radio", name="Vắng nhà").check()
    save(lan)
    expect_saved(lan)
    lan.wait_until_sent()
    assert lan.state()["refused"] == 0
    fetch_news(hoa)
    open_household(hoa, household)
    expect(hoa.page.get_by_test_id("visit")).to_contain_text("Vắng nhà")


def test_help_at_the_desk_counts_people_without_a_household(phone: Phones, desk: Desks) -> None:
    ward, nam = desk(), phone("nam")
    cell = acts_at(ward, "Dịch vụ công trực tuyến", "Đã nhận kết quả")
    before = number_of(cell)
    page = nam.page
    nam.tab("Hôm nay")
    page.get_by_role("link", name="Hỗ trợ tại bàn").click()
    save(nam)
    nam.expect_text("Xin chọn việc đã giúp.")
    page.get_by_role("radio", name="Dịch vụ công").check()
    page.get_by_role("radio", name="Đã nhận kết quả").check()
    page.get_by_role("radio", name="Từ 60 tuổi trở lên").check()
    page.get_by_label("Số người").fill("3")
    save(nam)
    expect_saved(nam)
    nam.wait_until_sent()
    expect(cell).to_have_text(str(before + 3), timeout=LONG)


def test_a_name_is_kept_only_with_consent(phone: Phones) -> None:
    hoa, nam = phone("hoa"), phone("nam")
    page = hoa.page
    household = add_household(hoa, "807")
    page.get_by_role("link", name="Thêm người").click()
    page.get_by_role("radio", name="Bà", exact=True).check()
    page.get_by_role("radio", name="Từ 60 tuổi trở lên").check()
    expect(page.get_by_label("Họ và tên")).to_have_count(0)
    page.get_by_role("checkbox", name="Lưu tên, số điện thoại").check()
    expect(page.get_by_role("blockquote")).to_contain_text("xin phép lưu tên và số điện thoại")
    expect(page.get_by_label("Họ và tên")).to_have_count(0)
    page.get_by_role("radio", name="Đồng ý bằng lời nói").check()
    page.get_by_label("Họ và tên").fill("Nguyễn Thị Thử Nghiệm")
    # she thinks better of it
    page.get_by_role("checkbox", name="Lưu tên, số điện thoại").uncheck()
    save(hoa)
    expect(page.get_by_role("heading", name="Người trong hộ")).to_be_visible()
    expect(page.get_by_text("Nguyễn Thị Thử Nghiệm")).to_have_count(0)

    add_person(hoa, "Anh cả", "16 đến 59 tuổi", name="Trần Văn Đồng Ý")
    hoa.wait_until_sent()
    fetch_news(nam)
    open_household(nam, household)
    people = nam.page.locator(".person .card-title")
    expect(people).to_have_count(2)
    expect(people.filter(has_text="Trần Văn Đồng Ý")).to_have_count(1)
    expect(people.filter(has_text="Bà")).to_have_count(1)


def test_a_new_person_is_added_in_the_middle_of_a_visit(phone: Phones) -> None:
    hoa = phone("hoa")
    page = hoa.page
    add_household(hoa, "808")
    begin_visit(hoa)
    note = open_remarks(hoa)
    note.fill("Ghi trước khi thêm người.")
    page.get_by_role("button", name="Thêm người trong hộ").click()
    page.get_by_role("radio", name="Bác gái").check()
    page.get_by_role("radio", name="Từ 60 tuổi trở lên").check()
    page.get_by_role("button", name="Thêm người này").click()
    expect(box(hoa, "Bác gái").get_by_role("checkbox", name="Bác gái")).to_be_checked()
    help_with(hoa, "Bác gái", "iHanoi", "Đã giới thiệu")
    expect(note).to_have_value("Ghi trước khi thêm người.")
    save(hoa)
    expect_saved(hoa)
    open_household(hoa, household_id(hoa))
    expect(page.get_by_test_id("visit")).to_contain_text("Bác gái: iHanoi")


def test_an_identity_card_number_is_refused_at_the_door_and_nothing_typed_is_lost(phone: Phones) -> None:
    hoa = phone("hoa")
    page = hoa.page
    add_household(hoa, "809")
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    note = open_remarks(hoa)
    typed = "Căn cước 001 099 012 345, hẹn chiều."
    note.fill(typed)
    expect(page.get_by_text("giống số căn cước").first).to_be_visible()
    save(hoa)
    expect(page.get_by_text("giống số căn cước").first).to_be_in_viewport()
    assert "/ghi" in page.url
    expect(note).to_have_value(typed)
    expect(page.get_by_role("radio", name="Đã cài đặt")).to_be_checked()

    note.fill("Số cũ 012345678, hẹn chiều.")
    expect(page.get_by_text("giống số căn cước")).to_have_count(0)
    nine = "Có một dãy 9 chữ số. Nếu là số chứng minh nhân dân thì xin bỏ đi."
    expect(page.get_by_text(nine)).to_be_visible()
    save(hoa)
    expect_saved(hoa)
