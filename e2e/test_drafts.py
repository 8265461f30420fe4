"""What is half written survives: a killed browser, a new version of the app, a full disk."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Error, Playwright, Route, expect

from e2e.conftest import QUIET, executable
from e2e.forms import (
    add_household,
    begin_visit,
    box,
    expect_saved,
    help_unnamed,
    household_id,
    open_household,
    open_remarks,
    record_offline,
    save,
    stored,
)
from e2e.phone import LONG, Phone
from e2e.server import Server

ROOT = Path(__file__).parents[1]
NOTE = "Bà hẹn gặp lại buổi tối, nhà cổng xanh."


@contextlib.contextmanager
def browser_at(playwright: Playwright, profile: Path, *options: str, **more: Any) -> Iterator[BrowserContext]:
    """A browser of its own that keeps its profile on the disk, as a phone does."""
    context = playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=executable(playwright),
        args=[*QUIET, *options],
        viewport={"width": 360, "height": 640},
        locale="vi-VN",
        has_touch=True,
        is_mobile=True,
        **more,
    )
    try:
        yield context
    finally:
        with contextlib.suppress(Error):  # it may have been killed
            context.close()


def crash(context: BrowserContext) -> None:
    """End the browser at once, as Android does when it needs the memory."""
    session = context.new_cdp_session(context.pages[0])
    with contextlib.suppress(Error):
        session.send("Browser.crash")


def test_a_form_half_filled_in_survives_a_killed_browser(
    playwright: Playwright, server: Server, tmp_path: Path
) -> None:
    with browser_at(playwright, tmp_path / "profile") as context:
        hoa = Phone(context, server)
        hoa.sign_in("hoa")
        household = add_household(hoa, "821")
        hoa.wait_until_sent()
        begin_visit(hoa)
        help_unnamed(hoa, "VNeID", "Đã có tài khoản mức 1", count=2)
        open_remarks(hoa).fill(NOTE)
        expect_draft(hoa)
        crash(context)

    with browser_at(playwright, tmp_path / "profile", offline=True) as context:
        hoa = Phone(context, server)
        hoa.open()
        hoa.expect_text("Còn một bản ghi dở")
        hoa.page.get_by_role("link", name="Ghi tiếp").click()
        hoa.expect_text(re.compile("Đã mở lại bản ghi dở lúc"))
        assert household_id(hoa) == household
        unnamed = box(hoa, "Người không ghi tên")
        expect(unnamed.get_by_role("radio", name="Đã có tài khoản mức 1")).to_be_checked()
        expect(unnamed.get_by_label("Số người")).to_have_value("2")
        expect(hoa.page.get_by_label("Ghi chú", exact=True)).to_have_value(NOTE)
        save(hoa)
        expect_saved(hoa)
        hoa.expect_waiting(1)
        hoa.open("#/")
        expect(hoa.page.get_by_role("link", name=re.compile("821.*Chờ gửi"))).to_be_visible()
        expect(hoa.page.get_by_text("Còn một bản ghi dở")).to_have_count(0)


def expect_draft(phone: Phone) -> None:
    """What was typed is on the disk, sealed: it is written a moment after the last key, then rests."""
    phone.page.evaluate(
        """async () => {
            const names = (await indexedDB.databases()).map((one) => one.name);
            const vault = names.find((name) => name.startsWith("gtn-app-"));
            const drafts = () => new Promise((resolve, reject) => {
                const opening = indexedDB.open(vault);
                opening.onerror = () => reject(opening.error);
                opening.onsuccess = () => {
                    const all = opening.result.transaction("drafts").objectStore("drafts").getAll();
                    all.onsuccess = () => {
                        opening.result.close();
                        resolve(all.result.map((one) => [...one.iv].join()).join());
                    };
                };
            });
            for (let seen, since = performance.now(); ; ) {
                const now = await drafts();
                if (now !== seen) [seen, since] = [now, performance.now()];
                else if (seen && performance.now() - since > 1000) return;
                await new Promise(requestAnimationFrame);
            }
        }"""
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of the program, of which the story may publish a new version."""
    copy = tmp_path / "program"
    for part in ("server", "sync", "design_docs", "build", "pwa/dist"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    tokens = Path("pwa/src/styles/tokens.css")
    (copy / tokens.parent).mkdir(parents=True)
    shutil.copy(ROOT / tokens, copy / tokens)
    return copy


def publish_new_version(program: Path) -> None:
    """Another first page, and a service worker that knows it."""
    dist = program / "pwa" / "dist"
    page, worker = dist / "index.html", dist / "sw.js"
    page.write_text(page.read_text().replace("<head>", '<head><meta name="version" content="next">'))
    known = worker.read_text()
    fresh = re.sub(r'(\{[^{}]*"?url"?:\s*"index\.html"[^{}]*\})', '{url:"index.html",revision:"next"}', known)
    assert fresh != known
    worker.write_text(fresh)
    for name in ("index.html", "sw.js"):
        for ending in (".br", ".gz"):
            (dist / (name + ending)).unlink(missing_ok=True)


@pytest.fixture
def updated(program: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of the copied program."""
    (tmp_path / "data").mkdir()
    server = Server(tmp_path / "data")
    server.environment["PYTHONPATH"] = str(program)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.drop_databases()


def update(server: Server, program: Path) -> None:
    server.stop()
    publish_new_version(program)
    server.start()


def test_a_new_version_waits_until_the_form_is_done(
    contexts: Callable[..., BrowserContext], program: Path, updated: Server
) -> None:
    hoa = Phone(contexts(), updated)
    hoa.sign_in("hoa")
    update(updated, program)
    work_on_through_the_update(hoa)


@pytest.mark.parametrize("arrived", [False, True])
def test_a_new_version_in_the_middle_of_a_sync_sends_each_record_once(
    contexts: Callable[..., BrowserContext], program: Path, updated: Server, arrived: bool
) -> None:
    hoa = Phone(contexts(), updated)
    hoa.sign_in("hoa")
    visit = record_offline(hoa, "826")
    update(updated, program)
    hanging: list[Route] = []

    def hang(route: Route) -> None:
        """The request gets to the server, or not; its answer never comes."""
        if arrived:
            route.fetch()
        hanging.append(route)

    hoa.page.route("**/_bulk_docs", hang)
    hoa.go_online()
    find_new_version(hoa)
    hoa.tab("Gửi dữ liệu")
    hoa.page.wait_for_function("() => document.querySelector('[data-phase=push]')")
    hoa.page.get_by_role("button", name="Cập nhật").click()
    expect(hoa.page.locator('meta[name="version"]')).to_have_count(1, timeout=LONG)
    assert hanging, "the records were not on their way"
    hoa.page.unroute("**/_bulk_docs")
    hoa.unlock_if_locked()
    hoa.wait_until_sent()
    assert hoa.state()["refused"] == 0
    [kept] = stored(hoa, visit)
    assert kept["_id"] == visit


def find_new_version(hoa: Phone) -> None:
    hoa.page.evaluate(
        """async () => {
            const registration = await navigator.serviceWorker.ready;
            await registration.update();
            const worker = registration.installing ?? registration.waiting;
            if (worker.state !== "installed")
                await new Promise((done) => worker.addEventListener("statechange", done, {once: true}));
        }"""
    )


def work_on_through_the_update(hoa: Phone) -> None:
    page = hoa.page
    add_household(hoa, "822")
    begin_visit(hoa)
    open_remarks(hoa).fill(NOTE)
    find_new_version(hoa)
    offer = page.get_by_role("button", name="Cập nhật")
    expect(offer).to_have_count(0)
    expect(page.get_by_label("Ghi chú", exact=True)).to_have_value(NOTE)
    page.get_by_role("radio", name="Từ chối").check()
    save(hoa)
    expect_saved(hoa)

    expect(page.get_by_text("Có bản mới của ứng dụng.")).to_be_visible()
    assert page.locator('meta[name="version"]').count() == 0
    offer.click()
    expect(page.locator('meta[name="version"]')).to_have_count(1, timeout=LONG)
    hoa.unlock_if_locked()
    expect(hoa.heading()).to_have_text("Đã lưu trên máy")
    expect(offer).to_have_count(0)
    hoa.wait_until_sent()


def leave_room(session: CDPSession, origin: str, free: int | None) -> None:
    """Leave so many bytes to the app; as before with None. Holds while the session is open."""
    if free is None:
        session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
        return
    used = int(session.send("Storage.getUsageAndQuota", {"origin": origin})["usage"])
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": used + free})


FILL = """async () => {
    const database = await new Promise((resolve, reject) => {
        const opening = indexedDB.open("photos");
        opening.onupgradeneeded = () => opening.result.createObjectStore("files", {autoIncrement: true});
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
    });
    const add = (size) => new Promise((resolve) => {
        const writing = database.transaction("files", "readwrite");
        writing.objectStore("files").add(crypto.getRandomValues(new Uint8Array(size)));
        writing.oncomplete = () => resolve(true);
        writing.onabort = () => resolve(false);
    });
    for (const size of [65536, 8192, 512, 64]) while (await add(size));
}"""
"""Other things take all the room that is left."""


# Chromium tells pages of 10 GB whatever is left, unless told to be frank
@pytest.mark.parametrize("options", [(), ("--disable-features=StaticStorageQuota",)], ids=["vague", "frank"])
def test_a_full_disk_keeps_the_form_offers_to_send_and_saves_it_later(
    playwright: Playwright, server: Server, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with browser_at(playwright, tmp_path, *options) as context:
        hoa = Phone(context, server)
        hoa.sign_in("hoa")
        household = add_household(hoa, f"83{len(options)}")
        hoa.wait_until_sent()
    # a browser that runs already may go on for half a minute on the room it had found
    with browser_at(playwright, tmp_path, *options) as context:
        hoa = Phone(context, server)
        session = context.new_cdp_session(hoa.page)
        leave_room(session, server.url, 2_000_000)
        open_household(hoa, household)
        begin_visit(hoa)
        hoa.page.evaluate(FILL)
        write_on_a_full_disk(hoa, told_before=bool(options))

        leave_room(session, server.url, None)
        save(hoa)
        expect_saved(hoa)
        hoa.wait_until_sent()
        open_household(hoa, household)
        expect(hoa.page.get_by_test_id("visit")).to_have_count(1)
        expect(hoa.page.get_by_test_id("visit")).to_contain_text(NOTE)


def write_on_a_full_disk(hoa: Phone, told_before: bool) -> None:
    page = hoa.page
    offer = page.get_by_role("button", name="Gửi ngay")
    if told_before:
        expect(page.get_by_text(re.compile(r"Máy sắp hết chỗ \([0-2] MB\)"))).to_be_visible(timeout=LONG)
        expect(offer).to_be_visible()
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    note = open_remarks(hoa)
    note.fill(NOTE)
    save(hoa)
    expect(page.get_by_text(re.compile("Máy đã hết chỗ nên chưa lưu được"))).to_be_in_viewport(timeout=LONG)
    expect(page.get_by_text("Máy đã hết chỗ. Xin gửi dữ liệu", exact=False)).to_be_visible()
    expect(offer).to_be_visible()
    expect(note).to_have_value(NOTE)
    expect(page.get_by_role("radio", name="Đã cài đặt")).to_be_checked()
