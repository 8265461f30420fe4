"""The browser takes the phone's storage away, for a moment or for good: what was typed stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

from e2e.forms import add_household, begin_visit, expect_saved, help_unnamed, save
from e2e.phone import LONG, Phone
from e2e.server import Server

OPENED = """
    const open = IDBFactory.prototype.open;
    const opened = (globalThis.opened = new Set());
    IDBFactory.prototype.open = function (...told) {
        const request = open.apply(this, told);
        request.addEventListener("success", () => opened.add(request.result));
        return request;
    };
"""
"""Remembers every database that the page opens, so that the story may close them as a browser does."""

CLOSE = """
    (which) => {
        for (const database of globalThis.opened) {
            if (!database.name.match(which)) continue;
            database.close();
            database.dispatchEvent(new Event("close"));
        }
    }
"""


@pytest.fixture
def hoa(contexts: Callable[..., BrowserContext], server: Server) -> Phone:
    context = contexts()
    context.add_init_script(OPENED)
    hoa = Phone(context, server)
    hoa.sign_in("hoa")
    return hoa


@pytest.mark.parametrize("which", ["^_pouch_", "^gtn-app", "."])
def test_a_database_that_the_browser_closes_in_use_loses_no_visit(hoa: Phone, which: str) -> None:
    house = {"^_pouch_": "971", "^gtn-app": "972", ".": "973"}[which]
    add_household(hoa, house)
    hoa.wait_until_sent()
    hoa.go_offline()
    begin_visit(hoa)
    help_unnamed(hoa, "iHanoi", "Đã cài đặt")
    hoa.page.evaluate(CLOSE, which)
    save(hoa)
    again = hoa.page.get_by_role("button", name="Lưu")
    saved = hoa.page.get_by_role("heading", name="Đã lưu trên máy")
    expect(saved.or_(hoa.page.get_by_text("Nội dung vẫn còn ở đây"))).to_be_visible(timeout=LONG)
    if not saved.is_visible():  # it is said, the form is whole, and a second tap saves it
        assert Axe().run(hoa.page).response["violations"] == []
        again.click()
    expect_saved(hoa)
    hoa.expect_waiting(1)
    hoa.page.evaluate(CLOSE, which)
    hoa.go_online()
    hoa.wait_until_sent()
    hoa.reload()
    hoa.wait_until_sent()
    hoa.search(house)
    expect(hoa.doors()).to_have_count(1)
    expect(hoa.doors().first).to_contain_text("Gặp được")
