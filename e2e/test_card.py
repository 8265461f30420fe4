"""The volunteer's card: shown at a door without a network, checked by a resident on their own phone."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from e2e.phone import Phone
from e2e.server import Server
from e2e.test_accessibility import check

Contexts = Callable[..., BrowserContext]


def numbers_on(phone: Phone) -> tuple[str, str]:
    """(card number, today's code) as they stand on the card."""
    code = phone.page.get_by_test_id("card-code")
    expect(code).to_have_text(re.compile(r"^\d{3} \d{3}$"))
    number = phone.page.locator(".volunteer-numbers dd").first.inner_text()
    return number, code.inner_text()


def ask(page: Page, number: str, code: str) -> None:
    page.get_by_label("Số thẻ").fill(number)
    page.get_by_label("Mã hôm nay").fill(code)
    page.get_by_role("button", name="Kiểm tra").click()


def test_a_card_shown_offline_is_right_for_the_resident_who_checks_it(
    phone: Callable[..., Phone], contexts: Contexts, server: Server
) -> None:
    hoa = phone("hoa")
    hoa.go_offline()
    hoa.reload()
    hoa.page.get_by_role("link", name="Thẻ tình nguyện viên").click()
    expect(hoa.heading()).to_have_text("Thẻ tình nguyện viên")
    hoa.expect_text("Tổ không thu tiền")
    hoa.expect_text(f"{server.url.removeprefix('http://')}/kiem-tra")
    name = server.sign_ins()["hoa"]["name"]
    expect(hoa.page.get_by_role("main")).to_contain_text(name)
    number, code = numbers_on(hoa)
    wrong = check(hoa.page, "card")
    hoa.go_online()

    resident = contexts().new_page()
    resident.goto(f"{server.url}/kiem-tra")
    wrong += check(resident, "checking a card", targets=False)
    ask(resident, number, code)
    expect(resident.get_by_role("status")).to_have_text("Đúng")
    expect(resident.locator("body")).not_to_contain_text(name)
    wrong += check(resident, "a card that is right", targets=False)
    ask(resident, number, f"{(int(code.replace(' ', '')) + 1) % 10**6:06d}")
    expect(resident.get_by_role("status")).to_have_text("Không đúng")
    wrong += check(resident, "a card that is not right", targets=False)
    assert not wrong, "\n".join(wrong)
    assert not hoa.failures


def test_the_code_changes_with_the_day_while_the_card_is_open(phone: Callable[..., Phone]) -> None:
    lan = phone("lan")
    lan.open("#/the")
    lan.page.clock.install()
    lan.reload()
    before = numbers_on(lan)
    lan.go_offline()  # else the server's clock sets the day right again
    lan.page.clock.fast_forward("24:00:00")
    expect(lan.page.get_by_test_id("card-code")).not_to_have_text(before[1])
    assert numbers_on(lan)[0] == before[0]
