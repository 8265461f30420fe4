"""Whatever someone types stays text on every screen: no script of theirs runs, nor is the policy even asked.

The policy would stop a script that slipped in; its report is a failure here all the same, since it means
that something typed became more than text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from e2e.desk import Desk
from e2e.forms import (
    add_household,
    add_person,
    begin_visit,
    expect_saved,
    fetch_news,
    help_unnamed,
    household_id,
    open_remarks,
    save,
)
from e2e.phone import Phone
from e2e.server import Server
from e2e.test_accessibility import SCREENS

LISTEN = """
    window.reports = [];
    document.addEventListener("securitypolicyviolation", (event) => {
        window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
"""
EVIL = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>'
BREAKS_OUT = '"><svg onload="window.evil=1">'
LINK = "javascript:window.evil=1"
INJECTED = """() => {
    const nobodys = "img[src=x], svg[onload], [onerror], [onload], script:not([src])";
    return document.querySelectorAll(nobodys).length;
}"""


def listen(context: BrowserContext) -> list[str]:
    """What went wrong so far on any page of this browser; the pages themselves keep their reports."""
    heard: list[str] = []
    context.add_init_script(LISTEN)

    def hear(line: ConsoleMessage) -> None:
        if "Content Security" in line.text:
            heard.append(line.text)

    def watch(page: Page) -> None:
        page.on("dialog", lambda dialog: heard.append(dialog.message))
        page.on("console", hear)

    context.on("page", watch)
    return heard


def injected(page: Page, where: str) -> list[str]:
    """What became of the words on the page that is open, a line for each."""
    wrong = [f"{where}: {report}" for report in page.evaluate("() => window.reports")]
    if page.evaluate("() => window.evil"):
        wrong.append(f"{where}: a script that somebody typed has run")
    if page.evaluate(INJECTED):
        wrong.append(f"{where}: something typed became an element")
    links: list[Any] = page.evaluate("() => [...document.links].map((one) => one.protocol)")
    return wrong + [f"{where}: a link of {one}" for one in links if one not in ("http:", "https:", "tel:")]


def rename(desk: Desk, path: str, name: str) -> None:
    desk.page.goto(f"{desk.server.url}/desk/{path}")
    field = desk.page.locator("#name")
    field.fill(name)
    field.locator("xpath=ancestor::form").get_by_role("button").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text(name)


def test_no_word_becomes_a_script_on_the_phone_or_the_desk(
    contexts: Callable[..., BrowserContext], own_server: Server
) -> None:
    office, pocket = contexts(1280, 800), contexts()
    heard = listen(office) + listen(pocket)
    desk, hoa = Desk(office, own_server), Phone(pocket, own_server)
    desk.sign_in("quantri")
    rename(desk, "people/hoa", f"Hoa {BREAKS_OUT}")
    rename(desk, "units/tdp-07", f"Tổ 7 {EVIL}")
    hoa.sign_in("hoa")

    household = add_household(hoa, f"1{BREAKS_OUT}"[:20], lane=EVIL[:60], street=LINK)
    add_person(hoa, BREAKS_OUT, name=EVIL[:60])
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã giới thiệu")
    open_remarks(hoa).fill(f"{EVIL} {BREAKS_OUT} {LINK}")
    save(hoa)
    visit = expect_saved(hoa)
    wrong = injected(hoa.page, "saved")
    hoa.open(f"#/ho/{household}")
    hoa.expect_text(EVIL[:60])
    edit = hoa.page.locator("a[href*='/nguoi/resident']").first.get_attribute("href") or ""
    ids = {"household": household_id(hoa), "visit": visit, "person": edit.rpartition("/")[2], "guide": "x"}
    for name, route in SCREENS.items():
        hoa.open(route.format(**ids))
        expect(hoa.page.locator(".loading")).to_have_count(0)
        wrong += injected(hoa.page, name)
    hoa.search("svg onload")
    wrong += injected(hoa.page, "search")
    fetch_news(hoa)
    wrong += injected(hoa.page, "sync")

    pages = ("", "/unit/tdp-07", "/people", "/people/hoa", "/units", "/units/tdp-07", "/audit", "/quarantine")
    for path in pages:
        desk.page.goto(f"{own_server.url}/desk{path}?period=today")
        expect(desk.page.get_by_role("heading", level=1)).to_be_visible()
        wrong += injected(desk.page, path or "/desk")
    assert not wrong + heard, "\n".join(wrong + heard)
    assert not hoa.failures + desk.failures
