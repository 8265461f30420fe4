"""The phone app in Chromium with a unit of 5,000 documents: starting, searching, saving, the first sync.

A real server is filled and asked by a real browser whose processor is slowed by the DevTools protocol
(``Emulation.setCPUThrottlingRate``), which holds back the page's main thread; service workers and the disk
run at full speed. All but the first sync is measured without a network, the server ended, as in the field.
Each figure stands beside what the same page does unslowed in the same run, a save also beside a bare
IndexedDB write: on a busy machine look at those ratios.
"""

from __future__ import annotations

import math
import os
import secrets
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from playwright.sync_api import Page, Playwright, sync_playwright

from bench.figures import Figure
from bench.gateway_server import UNIT, WARD
from e2e.conftest import QUIET, executable
from e2e.phone import PIN, Phone
from e2e.server import Server
from server.demo import documents
from server.demo.unit import VIETNAM, batches
from sync.embedded.child import EmbeddedStore
from sync.names import Names
from sync.store import Store

FIGURES = (
    "first sync of 5,000 documents",
    "first sync of 5,000 documents, 300 ms and 1.6 Mbit/s",
    "cold offline start to a usable list",
    "search, keystroke to list, p95",
    "save a visit, p95",
    "tap on save to the saved screen, p95",
)
DOCUMENTS = 5000
READY = 120
"""Seconds in which a new phone is to be ready for the field."""
SLOW, SLOW_SYNC = 6, 4
STARTS, SAVES, KEPT = 5, 50, 10
"""Cold starts and saves that are slowed; saves that are not."""
QUERIES = ("ngo 12", "phố", "ba tang 2", "so 7 ngo", "nguyen thi", "12/4", "cây gạo 3", "hẻm")
BETWEEN = 250
"""Milliseconds between two keys; nothing is asked of the page in between, which would cost it time."""
LINK = {"offline": False, "latency": 300, "downloadThroughput": 200_000, "uploadThroughput": 93_750}
"""300 ms round trip; 1.6 Mbit/s down and 0.75 up, in bytes per second."""
PAGE = Path(__file__).with_name("phone_page.js")

Document = dict[str, Any]


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when the server does not start, or what is measured did not happen.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        serve(folder := Path(name)) as (server, doors),
        sync_playwright() as playwright,
    ):
        near = Browser(playwright, folder / "near", server.url)
        far = Browser(playwright, folder / "far", server.url)
        yield first_sync(FIGURES[0], near, server, "hoa")
        yield first_sync(FIGURES[1], far, server, "nam", LINK)
        server.stop()
        yield cold_start(near)
        with near.open("#/") as phone:
            phone.ask("() => bench.present('[data-counted=true]').then(() => true)")
            yield search(phone)
            yield from save(phone, doors)


# -- the stage --------------------------------------------------------------------------------------


@contextmanager
def serve(folder: Path) -> Iterator[tuple[Server, list[str]]]:
    """A server whose unit holds `DOCUMENTS` documents, and the ids of some of its households."""
    with ExitStack() as stack:
        server = Server(folder)
        url = os.environ.get("COUCHDB_URL") or stack.enter_context(EmbeddedStore(folder / "store")).url
        prefix = f"b{secrets.token_hex(4)}-"
        server.environment |= {"COUCHDB_URL": url, "GTN_DATABASE_PREFIX": prefix}
        stack.callback(anyio.run, drop, url, prefix)
        stack.callback(server.stop)
        server.start()
        yield server, anyio.run(fill, url, Names(prefix).unit(WARD, UNIT))


async def fill(url: str, database: str) -> list[str]:
    store = Store.connect(url)
    try:
        held = await store.all_docs(database)
        room = DOCUMENTS - sum(not row["id"].startswith("_design/") for row in held)
        today = datetime.now(VIETNAM).date()
        made = documents(UNIT, 2, 480, 4200, today, people=["person:hoa", "person:nam"])[:room]
        for batch in batches(made):
            await store.bulk(database, batch)
    finally:
        store.close()
    return [document["_id"] for document in made if document["type"] == "household"]


async def drop(url: str, prefix: str) -> None:
    store = Store.connect(url)
    try:
        for database in await store.databases():
            if database.startswith(prefix):
                await store.delete_database(database)
    finally:
        store.close()


class Slowed:
    """A page whose processor and network can be held back."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.tools = page.context.new_cdp_session(page)

    def ask(self, script: str, argument: object = None) -> Any:
        return self.page.evaluate(script, argument)

    def slow_down(self, rate: float) -> float:
        """Hold the main thread back; by how much it then really is slower."""
        self.tools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        fast = min(self.ask("() => bench.spin()") for _ in range(3))
        self.tools.send("Emulation.setCPUThrottlingRate", {"rate": rate})
        return float(self.ask("() => bench.spin()") / fast)

    def shape(self, link: dict[str, Any]) -> None:
        self.tools.send("Network.enable")
        self.tools.send("Network.emulateNetworkConditions", link)


@dataclass(frozen=True)
class Browser:
    """A browser with a profile on the disk; it is started anew for each page, so that every start is cold."""

    playwright: Playwright
    profile: Path
    url: str

    @contextmanager
    def open(self, route: str, *, offline: bool = True, slow: float = 1) -> Iterator[Slowed]:
        context = self.playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=executable(self.playwright),
            args=QUIET,
            offline=offline,
            viewport={"width": 360, "height": 640},
            locale="vi-VN",
            timezone_id="Asia/Ho_Chi_Minh",
            has_touch=True,
            is_mobile=True,
        )
        try:
            context.add_init_script(path=PAGE)
            phone = Slowed(context.pages[0])
            phone.tools.send("Emulation.setCPUThrottlingRate", {"rate": slow})
            phone.page.goto(f"{self.url}/app/{route}", wait_until="commit")
            if offline:  # a phone that has been set up
                phone.page.get_by_label("Mã PIN", exact=True).fill(PIN)
                phone.page.get_by_role("button", name="Mở khóa").click()
            yield phone
        finally:
            context.close()


# -- what is measured -------------------------------------------------------------------------------


def first_sync(
    figure: str, browser: Browser, server: Server, login: str, link: dict[str, Any] | None = None
) -> Figure:
    """From the tap on "sign in" until the app says that it can be used without a network."""
    with browser.open("", offline=False) as slowed:
        page = slowed.page
        page.get_by_label("Tên đăng nhập").wait_for()
        really = slowed.slow_down(SLOW_SYNC)
        if link:
            slowed.shape(link)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        slowed.ask("() => { bench.arrived = bench.arrive(); }")
        phone = Phone(page.context, server)
        phone.enter(login)
        phone.choose_pin()
        seconds = slowed.ask("() => bench.arrived") / 1000
        slowed.ask("() => navigator.serviceWorker.ready.then(() => true)")
        asked = sum("/sync/" in url for url in requests)
        said = f"Chromium, CPU {SLOW_SYNC}× ({really:.1f}× measured), {asked} requests to /sync/"
        return Figure("phone", figure, seconds, "s", READY, said)


def cold_start(browser: Browser) -> Figure:
    """Browser started, page opened, PIN typed, rows drawn, and a first letter answered by a shorter list."""

    def start(slow: float) -> dict[str, float]:
        with browser.open("#/ho", slow=slow) as slowed:
            times: dict[str, float] = slowed.ask("() => bench.started")
            return times

    slow = [start(SLOW) for _ in range(STARTS)]
    fast = [start(1) for _ in range(2)]
    usable = statistics.median(one["usable"] for one in slow) / 1000
    listed, worst = statistics.median(one["listed"] for one in slow), max(one["usable"] for one in slow)
    said = (
        f"Chromium, CPU {SLOW}×, median of {STARTS}, worst {worst:.0f} ms; rows drawn {listed:.0f} ms; "
        f"unslowed {min(one['usable'] for one in fast):.0f} ms"
    )
    return Figure("phone", FIGURES[2], usable, "s", 2, said)


def search(slowed: Slowed) -> Figure:
    """Words typed key by key into the search box, from each input event to the frame with its list."""
    slowed.ask("() => { location.hash = '#/ho'; }")
    slowed.ask("() => bench.present('#search').then(() => bench.watchKeys())")
    box = slowed.page.get_by_role("searchbox")

    def type_all() -> list[float]:
        typed = []
        for query in QUERIES:
            box.fill("")
            box.focus()
            slowed.page.wait_for_timeout(BETWEEN)
            slowed.ask("() => { bench.keys.length = 0; }")
            slowed.page.keyboard.type(query, delay=BETWEEN)
            slowed.page.wait_for_function("count => bench.keys.length === count", arg=len(query))
            typed += slowed.ask("() => bench.keys")
        if sum(one["changed"] for one in typed) * 2 < len(typed):
            raise RuntimeError("the list hardly changed while words were typed")
        return [one["ms"] for one in typed]

    fast = type_all()
    really = slowed.slow_down(SLOW)
    slow = type_all()
    empty = [slowed.ask("() => bench.frame()") for _ in slow]
    said = (
        f"Chromium, CPU {SLOW}× ({really:.1f}× measured), {len(slow)} keys, median "
        f"{statistics.median(slow):.0f} ms; a frame with nothing new p95 {p95(empty):.0f} ms, median "
        f"{statistics.median(empty):.0f} ms; unslowed p95 {p95(fast):.0f} ms"
    )
    return Figure("phone", FIGURES[3], p95(slow), "ms", 60, said)


def save(slowed: Slowed, doors: Sequence[str]) -> Iterator[Figure]:
    """The common visit by taps on the form; alone and with the screen that follows."""

    def save_all(doors: Sequence[str]) -> tuple[list[dict[str, float]], list[float]]:
        saves, bare = [], []
        for door in doors:
            saves.append(slowed.ask("door => bench.save(door)", door))
            bare.append(slowed.ask("() => bench.put()"))
        return saves, bare

    slowed.slow_down(1)
    fast, fast_bare = save_all(doors[:KEPT])
    really = slowed.slow_down(SLOW)
    slow, bare = save_all(doors[KEPT : KEPT + SAVES])
    for figure, key, goal in ((FIGURES[4], "ms", 100), (FIGURES[5], "shown", None)):
        times = [one[key] for one in slow]
        plain = statistics.median(one[key] for one in fast)
        said = (
            f"Chromium, CPU {SLOW}× ({really:.1f}× measured), strict, {len(times)} saves, median "
            f"{statistics.median(times):.0f} ms; a bare put p95 {p95(bare):.0f} ms, median "
            f"{statistics.median(bare):.0f} ms; unslowed median {plain:.0f} ms, a bare put "
            f"{statistics.median(fast_bare):.0f} ms"
        )
        yield Figure("phone", figure, p95(times), "ms", goal, said)


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
