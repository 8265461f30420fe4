"""A volunteer's phone, in the words of its screens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from e2e.server import Server

LONG = 30_000
"""Milliseconds that a story waits for something that crosses phone, server and store."""

PIN = "271946"


@dataclass
class Phone:
    """One browser context of 360 × 640 with the app in it."""

    context: BrowserContext
    server: Server

    def __post_init__(self) -> None:
        self.page: Page = self.context.pages[0] if self.context.pages else self.context.new_page()
        self.failures: list[str] = []
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))

    # arriving and leaving

    def open(self, route: str = "") -> None:
        self.page.goto(f"{self.server.url}/app/{route}")
        self.unlock_if_locked()

    def reload(self) -> None:
        self.page.reload()
        self.unlock_if_locked()

    def unlock_if_locked(self) -> None:
        expect(self.heading()).to_be_visible(timeout=LONG)
        if self.page.get_by_test_id("unlock").count():
            self.unlock()
            expect(self.page.get_by_test_id("unlock")).to_have_count(0, timeout=LONG)

    def unlock(self, pin: str = PIN) -> None:
        self.page.get_by_label("Mã PIN", exact=True).fill(pin)
        self.page.get_by_role("button", name="Mở khóa").click()

    def sign_in(self, login: str) -> None:
        """Sign in and wait until the first sync is done and the shell is kept for offline use."""
        self.open()
        self.enter(login)
        self.choose_pin()
        self.wait_until_ready()

    def enter(self, login: str) -> None:
        self.page.get_by_label("Tên đăng nhập").fill(login)
        self.page.get_by_label("Mật khẩu", exact=True).fill(self.server.sign_ins()[login]["password"])
        self.page.get_by_role("button", name="Đăng nhập").click()

    def choose_pin(self, pin: str = PIN) -> None:
        self.page.get_by_label("Mã PIN mới, 6 số").fill(pin)
        self.page.get_by_label("Nhập lại mã PIN").fill(pin)
        self.page.get_by_role("button", name="Đặt mã").click()

    def wait_until_ready(self) -> None:
        pages = self.page.get_by_role("navigation", name="Các trang chính")
        ready = self.page.get_by_role("heading", name="Sẵn sàng dùng khi không có mạng")
        expect(pages.or_(ready)).to_be_visible(timeout=LONG)
        if ready.count():
            self.page.get_by_role("link", name="Vào trang Hôm nay").click()
        self.wait_until_sent()
        self.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")

    def leave(self) -> None:
        """Close the page as the browser does when it is thrown out of memory."""
        self.page.close()
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))

    def go_offline(self) -> None:
        self.context.set_offline(True)

    def go_online(self) -> None:
        self.context.set_offline(False)

    # getting about

    def tab(self, name: str) -> None:
        self.page.get_by_role("navigation", name="Các trang chính").get_by_role("link", name=name).click()
        expect(self.heading()).to_be_visible()

    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    def doors(self) -> Locator:
        """The rows of the household list."""
        return self.page.get_by_role("main").get_by_role("list").get_by_role("link")

    def search(self, text: str) -> None:
        self.tab("Các hộ")
        self.page.get_by_role("searchbox").fill(text)

    def open_first_door(self) -> str:
        """Open the first door of the list; its address as one line."""
        row = self.doors().first
        expect(row).to_be_visible(timeout=LONG)
        row.click()
        expect(self.page.get_by_role("link", name="Ghi lần gõ cửa")).to_be_visible()
        return self.heading().inner_text()

    # sending

    def state(self) -> dict[str, Any]:
        mark = self.page.get_by_test_id("sync-state")
        return {
            "phase": mark.get_attribute("data-phase"),
            **{
                name: int(mark.get_attribute(f"data-{name}") or 0)
                for name in ("waiting", "accepted", "refused")
            },
        }

    def expect_waiting(self, count: int) -> None:
        mark = self.page.get_by_test_id("sync-state")
        expect(mark).to_have_attribute("data-counted", "true", timeout=LONG)
        expect(mark).to_have_attribute("data-waiting", str(count), timeout=LONG)

    def wait_until_sent(self) -> None:
        """Nothing waits and no sync is under way."""
        mark = self.page.get_by_test_id("sync-state")
        expect(mark).to_have_attribute("data-counted", "true", timeout=LONG)
        expect(mark).to_have_attribute("data-waiting", "0", timeout=LONG)
        expect(mark).to_have_attribute("data-phase", "idle", timeout=LONG)

    def expect_text(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=LONG)
