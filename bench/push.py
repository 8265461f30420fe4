"""Sending 200 visits that were recorded offline, beside PouchDB's own replication of as many.

One Chromium, one server, the slow link of `bench.first_sync`; PouchDB's database holds these visits alone,
which spares it the 5,000 that it would else offer to the server first. Bytes are those of all requests and
answers, both ways, as they went over the wire.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Request, sync_playwright

from bench.bare_page import open_page
from bench.figures import Figure
from bench.first_sync import SIGN_IN
from bench.phone import LINK, SLOW_SYNC, serve

FIGURES = ("push, times faster than plain PouchDB", "push, of plain PouchDB's bytes")
VISITS = 200


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when the server does not start, or one of the two did not send every visit.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        serve(folder := Path(name)) as (server, _),
        sync_playwright() as playwright,
    ):
        given = {"login": "hoa", "password": server.sign_ins()["hoa"]["password"]}
        with open_page(playwright, folder / "ours", server.url, slow=SLOW_SYNC, link=LINK) as page:
            page.ask("({ login, password }) => measure.ours(login, password)", given)
            page.shape({**LINK, "offline": True})
            page.ask("count => measure.saves(count)", VISITS)
            page.shape(LINK)
            sent = Traffic(page.page)
            ours = checked(page.ask("() => measure.push()"))
            our_bytes = sent.count()
        with open_page(playwright, folder / "plain", server.url, slow=SLOW_SYNC, link=LINK) as page:
            session = page.ask(SIGN_IN, given)
            sent = Traffic(page.page)
            script = (
                "([database, person, device, count]) => measure.pushPlain(database, person, device, count)"
            )
            plain = checked(
                page.ask(script, [session, "person:hoa", "device:01ARZ3NDEKTSV4RRFFQ69G5FAV", VISITS])
            )
            plain_bytes = sent.count()
    said = (
        f"Chromium, CPU {SLOW_SYNC}×, 300 ms and 0.75 Mbit/s up, {VISITS} visits: {ours:.1f} s and "
        f"{our_bytes / 1000:.0f} kB, plain PouchDB {plain:.1f} s and {plain_bytes / 1000:.0f} kB"
    )
    yield Figure("push", FIGURES[0], plain / ours, "×", 3, said, at_least=True)
    yield Figure("push", FIGURES[1], our_bytes / plain_bytes, "×", 0.35, said)


class Traffic:
    """All requests that a page ends from now on."""

    def __init__(self, page: Page) -> None:
        self.ended: list[Request] = []
        page.on("requestfinished", lambda request: self.ended.append(request))

    def count(self) -> int:
        """Bytes of headers and bodies, both ways."""
        sizes = (one.sizes() for one in self.ended)
        return sum(
            one["requestBodySize"]
            + one["requestHeadersSize"]
            + one["responseBodySize"]
            + one["responseHeadersSize"]
            for one in sizes
        )


def checked(took: dict[str, Any]) -> float:
    """Seconds."""
    if took["documents"] != VISITS:
        raise RuntimeError(f"{took['documents']} visits were sent instead of {VISITS}")
    return float(took["ms"]) / 1000
