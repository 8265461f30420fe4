"""The first sync of 5,000 documents beside PouchDB's own replication and beside what no code could beat.

All three run in one Chromium against one server, through the same gateway, over the same slow link and with
the same slowed processor; a round of each after the other, so that a busy machine slows them alike. The
phone's side is the code of the app without its screens, encryption as shipped.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from bench.bare_page import open_page
from bench.figures import Figure
from bench.phone import DOCUMENTS, LINK, SLOW_SYNC, serve
from e2e.server import Server

FIGURES = ("first sync, times faster than plain PouchDB", "first sync, of the bare floor")
ROUNDS = 3
"""Of ours and the floor; PouchDB's own, which takes the longest, is measured once."""


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when the server does not start, or one of the three did not bring every document.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        serve(folder := Path(name)) as (server, _),
        sync_playwright() as playwright,
    ):
        ours, floor = [], []
        for turn in range(ROUNDS):
            ours.append(measure(playwright, folder / f"ours{turn}", server, "ours"))
            floor.append(measure(playwright, folder / f"floor{turn}", server, "floor"))
        plain = measure(playwright, folder / "plain", server, "plain")
    took, bare = statistics.median(ours), statistics.median(floor)
    said = (
        f"Chromium, CPU {SLOW_SYNC}×, 300 ms and 1.6 Mbit/s, {DOCUMENTS} documents; medians of {ROUNDS}: "
        f"{took:.1f} s, the floor {bare:.1f} s, plain PouchDB {plain:.1f} s"
    )
    yield Figure("first_sync", FIGURES[0], plain / took, "×", 15, said, at_least=True)
    yield Figure("first_sync", FIGURES[1], took / bare, "×", 1.6, said)


def measure(playwright: Playwright, profile: Path, server: Server, what: str) -> float:
    """Seconds in a browser that holds nothing but the cookie of its device."""
    password = server.sign_ins()["hoa"]["password"]
    with open_page(playwright, profile, server.url, slow=SLOW_SYNC, link=LINK) as page:
        given = {"login": "hoa", "password": password}
        if what == "ours":
            took = page.ask("({ login, password }) => measure.ours(login, password)", given)
        else:
            took = page.ask(f"database => measure.{what}(database)", page.ask(SIGN_IN, given))
    if took["documents"] != DOCUMENTS:
        raise RuntimeError(f"{what} brought {took['documents']} documents instead of {DOCUMENTS}")
    return float(took["ms"]) / 1000


SIGN_IN = """({ login, password }) => fetch("/api/sign-in", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ login, password }),
}).then(answer => answer.json()).then(({ database }) => database)"""
