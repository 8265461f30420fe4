"""The dashboard in a browser: it changes without a reload, says when it is cut off, anyone can read it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect
from starlette.applications import Starlette

from server.site import Site
from tests.desk.conftest import SignIn
from tests.desk.quarantine_records import bringer, document, refuse
from tests.desk.quarantine_records import visit as visit_of
from tests.desk.test_rollup import visit

SYSTEM = Path("/usr/bin/chromium")
CHROMIUM = str(SYSTEM) if SYSTEM.exists() else None
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
MAY = "from=2026-05-01&to=2026-05-02"
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("visits")]


@pytest.fixture
async def address(app: Starlette) -> AsyncIterator[str]:
    """The application on a port of its own, in this loop."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # whoever comes early waits
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = server.force_exit = True
    await task
    listener.close()


@pytest.fixture
async def page(address: str, sign_in: SignIn) -> AsyncIterator[Page]:
    """A supervisor's browser, on the phone's size."""
    client = await sign_in("supervisor")
    name, _, value = client.headers["cookie"].partition("=")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        context = await browser.new_context(
            viewport={"width": 360, "height": 640}, base_url=address, bypass_csp=False
        )
        await context.add_cookies([{"name": name, "value": value, "url": address}])
        page = await context.new_page()
        yield page
        await browser.close()


async def test_a_sync_changes_the_page_without_a_reload(page: Page, site: Site) -> None:
    await page.goto(f"/desk?{MAY}")
    await expect(page.locator("#live[data-state=on]")).to_be_visible()
    acts = page.locator("[data-figure=acts] .figure-value")
    before = int(await acts.inner_text())
    await page.locator("#days ~ .numbers summary").click()
    await page.locator("a[href*='/desk/unit/tdp-08']").focus()
    await page.evaluate("window.here = 1")
    database = site.ward.unit("tdp-07")
    await site.store.bulk(database, [{**visit(0), "_id": "visit:live"}])
    site.rollup.hint(database)
    await expect(acts).to_have_text(str(before + 1), timeout=2000)
    await expect(page.locator("#live-say")).to_have_text(f"Có số liệu mới: {before + 1} lượt hướng dẫn")
    await expect(page.locator("a[href*='/desk/unit/tdp-08']")).to_be_focused()
    await expect(page.locator("#days ~ .numbers table")).to_be_visible()
    assert await page.evaluate("window.here") == 1, "the page was reloaded"


async def test_a_lost_connection_is_said_and_found_again(page: Page) -> None:
    await page.clock.install()
    await page.route("**/desk/events", lambda route: route.fulfill(status=502))
    await page.goto(f"/desk?{MAY}")
    await expect(page.locator("#live-text")).to_contain_text("Mất kết nối")
    await page.unroute("**/desk/events")
    await page.clock.run_for(6000)
    await expect(page.locator("#live[data-state=on]")).to_be_visible()
    await expect(page.locator("#live-text")).to_contain_text("Cập nhật lúc")


async def test_a_reader_who_was_signed_out_is_told(page: Page, site: Site) -> None:
    await page.goto(f"/desk?{MAY}")
    await expect(page.locator("#live[data-state=on]")).to_be_visible()
    await page.context.clear_cookies()
    site.live.announce("09562")
    await expect(page.locator("#live-text")).to_contain_text("Phiên đăng nhập đã hết")


@pytest.fixture
async def refused(site: Site) -> list[str]:
    """The pages of two refused records, one with long texts, one that no words can tell."""
    long = "một ghi chú rất dài " * 60 + "không-có-chỗ-ngắt" * 30
    helps = [{"service": "ihanoi", "level": "installed", "age_band": "60-plus"}]
    told = visit_of(1, note=long, helps=helps, follow_up={"on": "2026-05-09", "why": long[:300]})
    strange = {**document("visit", 2), "type": "x" * 200}
    return [
        await refuse(site, told, "id-number", bringer("device:unknown")),
        await refuse(site, strange, "unknown-type", bringer("device:unknown", "tdp-09")),
    ]


async def test_every_page_of_the_desk_passes_axe_and_fits_the_phone(page: Page, refused: list[str]) -> None:
    addresses = ("/desk", f"/desk?{MAY}", f"/desk/unit/tdp-07?{MAY}", "/desk?from=x&to=y")
    quarantine = ("/desk/quarantine", "/desk/quarantine?unit=tdp-07", "/desk/quarantine?unit=tdp-08")
    for address in (*addresses, *quarantine, *refused):
        for width in (360, 1280):
            await page.set_viewport_size({"width": width, "height": 640})
            await page.goto(address)
            await page.eval_on_selector_all("pre", "all => all.forEach(e => (e.parentElement.open = true))")
            found = await Axe().run(page)
            problems = [(row["id"], row["nodes"][0]["html"]) for row in found.response["violations"]]
            assert problems == [], f"{address} at {width}"
            overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{address} scrolls sideways at {width}"


async def test_a_supervisor_gets_from_the_count_to_the_record(page: Page, refused: list[str]) -> None:
    await page.goto(f"/desk?{MAY}")
    await page.get_by_role("link", name="bản ghi bị từ chối đang chờ").click()
    await page.get_by_label("Đơn vị").select_option("tdp-07")
    await page.get_by_role("button", name="Xem", exact=True).click()
    await page.get_by_role("link", name="Lần gõ cửa").click()
    await expect(page).to_have_url(re.compile(refused[0]))
    await expect(page.get_by_role("heading", name="Cần làm gì")).to_be_visible()


async def test_targets_are_large_enough_for_a_finger(page: Page, refused: list[str]) -> None:
    for address in (f"/desk?{MAY}", "/desk/quarantine", *refused):
        await page.goto(address)
        small = await page.eval_on_selector_all(
            ".periods a, .periods summary, .units a, .desk .button, .top a, .top button, .numbers summary,"
            ".refused a, .desk-back a, .desk select, .desk form button",
            "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 44)"
            ".map(e => e.outerHTML.slice(0, 90))",
        )
        assert small == [], address


@pytest.mark.parametrize("role", ["lead", "admin"])
async def test_the_header_leaves_the_screen_to_the_page(
    page: Page, sign_in: SignIn, address: str, role: str
) -> None:
    name, _, value = (await sign_in(role)).headers["cookie"].partition("=")
    await page.context.clear_cookies()
    await page.context.add_cookies([{"name": name, "value": value, "url": address}])
    for width, height, most in ((360, 640, 130), (1280, 800, 120)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.goto("/desk")
        top = await page.locator("header.top").bounding_box()
        assert top is not None
        assert top["height"] < most, f"{width} pixels wide"


async def test_a_narrow_screen_has_the_pages_behind_a_button_and_a_wide_one_in_a_row(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(f"/desk?{MAY}")
    pages = page.get_by_role("navigation", name="Các trang")
    open_pages = page.get_by_role("button", name="Các trang")
    await expect(pages).to_be_visible()
    await expect(open_pages).to_be_hidden()
    await page.set_viewport_size({"width": 360, "height": 640})
    await expect(pages).to_be_hidden()
    top = await page.locator("header.top").bounding_box()
    assert top is not None
    assert top["height"] < 130, "a fifth of the screen"
    await open_pages.click()
    found = await Axe().run(page)
    assert [row["id"] for row in found.response["violations"]] == []
    await pages.get_by_role("link", name="Bị từ chối").click()
    await expect(page).to_have_url(re.compile("/desk/quarantine"))
