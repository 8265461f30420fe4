"""The ward's desk: the dashboard in a browser of 1280 × 800."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page, expect

from e2e.server import Server


@dataclass
class Desk:
    """One browser context on the server's pages."""

    context: BrowserContext
    server: Server

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.failures: list[str] = []
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))

    def sign_in(self, login: str) -> None:
        self.page.goto(f"{self.server.url}/sign-in")
        self.page.get_by_label("Tên đăng nhập").fill(login)
        self.page.get_by_label("Mật khẩu", exact=True).fill(self.server.sign_ins()[login]["password"])
        self.page.get_by_role("button", name="Đăng nhập").click()
        self.page.wait_for_url("**/desk**")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
