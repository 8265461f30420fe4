"""The pictures of the README, made anew: ``.venv/bin/python -m e2e.pictures``.

Starts a server on a folder of its own, fills it with invented data, and photographs the phone (360 × 640,
twice as sharp) and the desk into ``docs/images``. With Pillow installed (it is no dependency of ours; ``pip
install pillow`` does it) the files are reduced to 128 colours.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from e2e.conftest import QUIET, executable
from e2e.desk import Desk
from e2e.forms import begin_visit, expect_saved, help_unnamed, save
from e2e.phone import Phone
from e2e.server import Server

FOLDER = Path(__file__).parents[1] / "docs" / "images"
COLOURS = 128


def take(page: Page, name: str) -> None:
    """One picture of what is on the screen."""
    file = FOLDER / f"{name}.png"
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.screenshot(path=file, animations="disabled", caret="hide", scale="device")
    try:
        image = importlib.import_module("PIL.Image")
    except ModuleNotFoundError:
        return
    with image.open(file) as full:
        full.convert("RGB").quantize(COLOURS, dither=image.Dither.NONE).save(file, optimize=True)


def context(browser: Browser, width: int, height: int, scale: float) -> BrowserContext:
    phone = width < 800
    return browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
        has_touch=phone,
        is_mobile=phone,
        reduced_motion="reduce",
    )


def photograph_phone(browser: Browser, server: Server) -> None:
    hoa = Phone(context(browser, 360, 640, 2), server)
    hoa.sign_in("hoa")
    hoa.tab("Hôm nay")
    hoa.page.evaluate("() => scrollTo(0, 0)")
    take(hoa.page, "today")
    hoa.tab("Các hộ")
    expect(hoa.doors().first).to_be_visible()
    take(hoa.page, "list")
    hoa.page.get_by_role("main").get_by_role("list").get_by_role("link").filter(has_text="Gặp").first.click()
    expect(hoa.page.get_by_role("link", name="Ghi lần gõ cửa")).to_be_visible()
    take(hoa.page, "household")
    hoa.go_offline()
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    hoa.page.get_by_role("radio", name="Đã cài đặt").scroll_into_view_if_needed()
    take(hoa.page, "visit")
    save(hoa)
    expect_saved(hoa)
    hoa.tab("Gửi dữ liệu")
    hoa.expect_waiting(1)
    take(hoa.page, "sync")
    hoa.context.close()


def photograph_desk(browser: Browser, server: Server) -> None:
    ward = Desk(context(browser, 1100, 1000, 1), server)
    ward.sign_in("giamsat")
    take(ward.page, "dashboard")
    ward.context.close()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        server.start()
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=QUIET)
        try:
            photograph_phone(browser, server)
            photograph_desk(browser, server)
        finally:
            browser.close()
            server.stop()
            server.drop_databases()


if __name__ == "__main__":
    main()
