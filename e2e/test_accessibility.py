"""Every screen can be used by everyone: axe's rules, large text, large targets, a name and a heading each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from e2e.desk import Desk
from e2e.forms import (
    add_household,
    add_person,
    begin_visit,
    box,
    expect_saved,
    help_unnamed,
    household_id,
    save,
)
from e2e.phone import LONG, Phone
from e2e.server import Server

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
TARGET = 48
"""CSS pixels."""

NARROW = """() => {
    const wide = document.documentElement.clientWidth;
    const scrolls = (one) => {
        for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
            if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return true;
        return false;
    };
    const over = [...document.body.querySelectorAll("*")].filter((one) => {
        const {right, left, width} = one.getBoundingClientRect();
        return one.checkVisibility() && width > 1 && (right > wide + 1 || left < -1) && !scrolls(one);
    });
    const names = over.map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`);
    return {page: document.documentElement.scrollWidth - wide, names: names.slice(0, 5)};
}"""

SMALL = """(target) => {
    const wanted = `button, a.button, .navigation-tab, .header a, .row-link, .choice-face, select, .input,
        summary`;
    return [...document.querySelectorAll(wanted)].filter((one) => {
        const {width, height} = one.getBoundingClientRect();
        return width > 0 && (height < target - 0.5 || width < target - 0.5);
    }).map((one) => {
        const {width, height} = one.getBoundingClientRect();
        const size = `${Math.round(width)}×${Math.round(height)}`;
        return `${one.tagName}.${one.className} ${size}: ${one.textContent.slice(0, 30)}`;
    });
}"""


def check(page: Page, name: str, targets: bool = True) -> list[str]:
    """What is wrong with what is shown, a line each."""
    wrong = []
    whole = uncover(page)
    for violation in Axe().run(page, options=RULES).response["violations"]:
        nodes = [" ".join(map(str, node["target"])) for node in violation["nodes"][:3]]
        wrong.append(f"{name}: axe {violation['id']}: {violation['help']} {nodes}")
    page.set_viewport_size(whole)
    if page.get_by_role("heading", level=1).count() != 1:
        wrong.append(f"{name}: not one h1")
    if page.locator("html").get_attribute("lang") not in ("vi", "en"):
        wrong.append(f"{name}: no language")
    if not page.title().strip():
        wrong.append(f"{name}: no title")
    small = page.evaluate(SMALL, TARGET) if targets else []
    wrong += [f"{name}: small target {one}" for one in small]
    return wrong + overflowing(page, name)


def uncover(page: Page) -> ViewportSize:
    """Make the page as high as its content, so that no bar covers anything; the size it had."""
    size = page.viewport_size
    assert size
    for _ in range(9):  # rows that come into sight are laid out then, and may be higher than was thought
        height = page.evaluate(
            """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
                () => done(document.documentElement.scrollHeight))))"""
        )
        if page.viewport_size and height <= page.viewport_size["height"]:
            break
        page.set_viewport_size({"width": size["width"], "height": height})
    return size


def overflowing(page: Page, name: str) -> list[str]:
    """What does not fit the width, at the reader's text size and at twice that."""
    wrong = []
    for size in ("100%", "200%"):
        page.evaluate("(size) => { document.documentElement.style.fontSize = size }", size)
        found = page.evaluate(NARROW)
        if found["page"] > 0 or found["names"]:
            wrong.append(f"{name}: wider than the screen at {size}: {found}")
    page.evaluate("() => { document.documentElement.style.fontSize = '' }")
    return wrong


@pytest.fixture(scope="module")
def hoa(browser: Browser, server: Server) -> Iterator[Phone]:
    """One phone for all its screens, with a household, a person and a visit of its own."""
    context = browser.new_context(
        viewport={"width": 360, "height": 640},
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    one = Phone(context, server)
    one.sign_in("hoa")
    add_household(one, "841")
    add_person(one, "Bà tầng 3", name="Phạm Thị Mẫu")
    yield one
    context.close()


@pytest.fixture(scope="module")
def home(hoa: Phone) -> dict[str, str]:
    """The ids that addresses of screens need."""
    household = household_id(hoa)
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã giới thiệu")
    save(hoa)
    visit = expect_saved(hoa)
    hoa.open(f"#/ho/{household}")
    edit = hoa.page.get_by_role("link", name="Sửa: Phạm Thị Mẫu").get_attribute("href") or ""
    return {"household": household, "visit": visit, "person": edit.rpartition("/")[2]}


SCREENS = {
    "today": "#/",
    "households": "#/ho",
    "household": "#/ho/{household}",
    "an unknown household": "#/ho/household:01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "visit at an unknown household": "#/ho/household:01ARZ3NDEKTSV4RRFFQ69G5FAV/ghi",
    "new household": "#/ho/moi",
    "edit household": "#/ho/{household}/sua",
    "new person": "#/ho/{household}/nguoi",
    "edit person": "#/ho/{household}/nguoi/{person}",
    "visit": "#/ho/{household}/ghi",
    "amend": "#/ho/{household}/luot/{visit}",
    "saved": "#/ho/{household}/xong/{visit}",
    "tally": "#/tai-ban",
    "tally saved": "#/tai-ban/xong/{visit}",
    "guides": "#/huong-dan",
    "guide": "#/huong-dan/{guide}",
    "install": "#/cai-dat",
    "sync": "#/gui",
    "refused": "#/gui/tu-choi",
    "card": "#/the",
    "notice": "#/thong-bao",
    "photos": "#/anh",
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_of_the_phone_is_accessible(hoa: Phone, home: dict[str, str], name: str) -> None:
    guide = ""
    if name == "guide":
        hoa.open("#/huong-dan")
        guides = hoa.page.get_by_role("main").get_by_role("link").filter(visible=True)
        links = [one.get_attribute("href") or "" for one in guides.all()]
        guide = next(one for one in links if one.startswith("#/huong-dan/")).rpartition("/")[2]
    hoa.open(SCREENS[name].format(**home, guide=guide))
    expect(hoa.heading()).to_be_visible()
    expect(hoa.page.locator(".loading")).to_have_count(0)
    wrong = check(hoa.page, name)
    assert not wrong, "\n".join(wrong)


def test_the_screens_are_accessible_in_their_other_states(hoa: Phone, home: dict[str, str]) -> None:
    page = hoa.page
    wrong = []
    hoa.search("khong co nha nay")
    expect(page.get_by_text("Không thấy hộ nào khớp")).to_be_visible()
    wrong += check(page, "empty search")
    page.get_by_role("button", name="Xóa ô tìm").click()

    hoa.open(f"#/ho/{home['household']}/ghi")
    box(hoa, "Phạm Thị Mẫu").get_by_role("checkbox", name="Phạm Thị Mẫu").check()
    box(hoa, "Phạm Thị Mẫu").get_by_role("checkbox", name="VNeID").check()
    page.get_by_role("radio", name="Tuần sau").check()
    page.get_by_role("button", name="Thêm người trong hộ").click()
    save(hoa)
    expect(page.get_by_text("Còn thiếu một chút:")).to_be_visible()
    wrong += check(page, "visit, opened and incomplete")

    hoa.open(f"#/ho/{home['household']}/nguoi")
    page.get_by_role("checkbox", name="Lưu tên, số điện thoại").check()
    page.get_by_role("radio", name="Ký vào phiếu").check()
    wrong += check(page, "new person with consent")

    hoa.open("#/tai-ban")
    page.get_by_role("radio", name="iHanoi").check()
    wrong += check(page, "tally, opened")

    hoa.wait_until_sent()
    hoa.go_offline()
    try:
        hoa.open("#/")
        expect(page.get_by_test_id("sync-state")).to_contain_text("Không có mạng")
        wrong += check(page, "today, offline")
        hoa.tab("Gửi dữ liệu")
        wrong += check(page, "sync, offline")
    finally:
        hoa.go_online()
    page.get_by_role("radio", name="English").check()
    try:
        expect(page.locator("html")).to_have_attribute("lang", "en")
        wrong += check(page, "sync, English")
        hoa.open("#/ho")
        wrong += check(page, "households, English")
    finally:
        hoa.open("#/gui")
        page.get_by_role("radio", name="Tiếng Việt").check()
        expect(page.locator("html")).to_have_attribute("lang", "vi")
    assert not wrong, "\n".join(wrong)


def test_the_screens_before_signing_in_are_accessible(
    contexts: Callable[..., BrowserContext], browser: Browser, server: Server
) -> None:
    page = contexts().new_page()
    page.goto(f"{server.url}/app/")
    expect(page.get_by_role("button", name="Đăng nhập")).to_be_visible()
    wrong = check(page, "sign-in")
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_text("Xin nhập cả tên đăng nhập và mật khẩu.")).to_be_visible()
    wrong += check(page, "sign-in, incomplete")

    agent = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36 Zalo/1.0"
    zalo = browser.new_context(viewport={"width": 360, "height": 640}, user_agent=agent, locale="vi-VN")
    inside = zalo.new_page()
    inside.goto(f"{server.url}/app/")
    expect(inside.get_by_role("heading", name="Mở bằng trình duyệt của máy")).to_be_visible()
    wrong += check(inside, "inside Zalo")
    zalo.close()
    assert not wrong, "\n".join(wrong)


def test_the_screens_of_the_lock_are_accessible(
    contexts: Callable[..., BrowserContext], server: Server
) -> None:
    one = Phone(contexts(), server)
    page = one.page
    one.open()
    one.enter("hoa")
    expect(one.heading()).to_have_text("Chọn mã PIN", timeout=LONG)
    wrong = check(page, "choose a PIN")
    one.choose_pin("123456")
    one.expect_text("Mã này dễ đoán")
    wrong += check(page, "choose a PIN, too easy")
    page.get_by_role("button", name="Dùng cụm mật khẩu").click()
    wrong += check(page, "choose a passphrase")
    page.get_by_role("button", name="Dùng mã PIN 6 số").click()
    one.choose_pin()
    one.wait_until_ready()

    one.tab("Gửi dữ liệu")
    page.get_by_role("button", name="Đổi mã PIN").click()
    page.get_by_label("Mã PIN hoặc cụm mật khẩu đang dùng").fill("1")
    page.get_by_role("button", name="Tiếp tục").click()
    one.expect_text("Mã chưa đúng")
    wrong += check(page, "change the PIN, wrong")
    page.get_by_role("button", name="Khóa ngay").click()
    expect(one.heading()).to_have_text("Mở khóa")
    wrong += check(page, "locked")
    for _ in range(4):
        one.unlock("999998")
        expect(page.get_by_label("Mã PIN", exact=True)).to_have_value("", timeout=LONG)
        expect(page.get_by_role("alert")).not_to_be_empty()
    one.expect_text("thử lại sau")
    wrong += check(page, "locked, to wait")
    page.get_by_role("button", name="Quên mã PIN").click()
    wrong += check(page, "forgotten PIN")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("width", [1280, 360])
def test_the_desk_is_accessible(contexts: Callable[..., BrowserContext], server: Server, width: int) -> None:
    one = Desk(contexts(width, 800), server)
    page = one.page
    page.goto(f"{server.url}/sign-in")
    wrong = check(page, "sign-in", targets=False)
    one.sign_in("giamsat")
    wrong += check(page, "dashboard", targets=False)
    page.goto(f"{server.url}/desk/unit/tdp-07")
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("7"))
    wrong += check(page, "unit", targets=False)
    page.goto(f"{server.url}/desk?period=custom&from=2026-13-01&to=x")
    wrong += check(page, "wrong period", targets=False)
    for name, path in (
        ("people", "people"),
        ("people of a unit", "people?unit=tdp-07"),
        ("person", "people/nam"),
    ):
        page.goto(f"{server.url}/desk/{path}")
        wrong += check(page, name, targets=False)
    page.get_by_role("button", name="Tạo lời mời").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lời mời cho")
    wrong += check(page, "invitation", targets=False)
    page.goto(f"{server.url}/desk/people?unit=tdp-07")
    page.get_by_role("button", name="Tạo phiếu mời").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Phiếu mời")
    wrong += check(page, "sheet of invitations", targets=False)
    page.goto(f"{server.url}/khong-co")
    wrong += check(page, "error", targets=False)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("width", [1280, 360])
def test_the_administrators_pages_are_accessible(
    contexts: Callable[..., BrowserContext], server: Server, width: int
) -> None:
    admin = Desk(contexts(width, 800), server)
    page = admin.page
    wrong: list[str] = []
    admin.sign_in("quantri")
    merge = "units/tdp-07/merge?into=tdp-08"
    for name, path in (("units", "units"), ("one unit", "units/tdp-07"), ("a merge", merge)):
        page.goto(f"{server.url}/desk/{path}")
        wrong += check(page, name, targets=False)
    page.goto(f"{server.url}/desk/units")
    page.get_by_label("Tên", exact=True).fill("Tổ nào đó")
    page.get_by_label("Mã").fill("Tổ 7")
    page.get_by_role("button", name="Thêm").click()
    expect(page.get_by_role("alert")).to_contain_text("Mã này không dùng được")
    wrong += check(page, "a unit that cannot be", targets=False)
    assert not wrong, "\n".join(wrong)
