"""What encryption at rest costs: the phone's own code beside the same code that seals nothing.

Two profiles of one Chromium get the same 5,000 documents, one of them with `unseal()`; then both are started
in turns. The unsealed one also derives no key from its PIN: it makes one round instead of 600,000.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from bench.bare_page import open_page
from bench.figures import Figure
from bench.phone import DOCUMENTS, SLOW, p95, serve
from e2e.server import Server

FIGURES = (
    "save, of the same unencrypted",
    "cold list of 5,000, of the same unencrypted",
    "cold list of 5,000, PIN to doors",
)
STARTS, SAVES = 5, 20
"""Cold starts of each, and saves in each of them."""


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when the server does not start, or a phone did not get or keep every document.
    """
    lists: dict[bool, list[float]] = {True: [], False: []}
    saves: dict[bool, list[float]] = {True: [], False: []}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        serve(folder := Path(name)) as (server, _),
        sync_playwright() as playwright,
    ):
        for sealed in lists:
            fill(playwright, folder / str(sealed), server, sealed)
        for _ in range(STARTS):
            for sealed in lists:
                took, each = start(playwright, folder / str(sealed), server.url, sealed)
                lists[sealed].append(took)
                saves[sealed] += each
    saved, plain = (statistics.median(saves[sealed]) for sealed in (True, False))
    said = (
        f"Chromium, CPU {SLOW}×, {len(saves[True])} visits each, strict: "
        f"medians {saved:.1f} and {plain:.1f} ms, p95 {p95(saves[True]):.0f} and {p95(saves[False]):.0f} ms"
    )
    yield Figure("sealing", FIGURES[0], saved / plain, "×", 1.3, said)
    opened, bare = (statistics.median(lists[sealed]) for sealed in (True, False))
    said = (
        f"Chromium, CPU {SLOW}×, medians of {STARTS}: {opened:.0f} and {bare:.0f} ms, "
        "the key's 600,000 rounds included"
    )
    yield Figure("sealing", FIGURES[1], opened / bare, "×", 2, said)
    yield Figure("sealing", FIGURES[2], opened / 1000, "s", 2, said)


def fill(playwright: Playwright, profile: Path, server: Server, sealed: bool) -> None:
    password = server.sign_ins()["hoa"]["password"]
    with open_page(playwright, profile, server.url, slow=1) as page:
        if not sealed:
            page.ask("() => measure.unseal()")
        rounds = None if sealed else 1
        given = ["hoa", password, rounds]
        took = page.ask(
            "([login, password, rounds]) => measure.ours(login, password, rounds ?? undefined)", given
        )
        page.ask("() => measure.close()")  # which writes the list
    if took["documents"] != DOCUMENTS:
        raise RuntimeError(f"a phone got {took['documents']} documents instead of {DOCUMENTS}")


def start(playwright: Playwright, profile: Path, url: str, sealed: bool) -> tuple[float, list[float]]:
    """Milliseconds from the PIN to the doors, and of each save."""
    with open_page(playwright, profile, url, slow=SLOW, offline=True) as page:
        if not sealed:
            page.ask("() => measure.unseal()")
        opened = page.ask("() => measure.cold()")
        saves: list[float] = page.ask("count => measure.saves(count)", SAVES)
        page.ask("() => measure.close()")
    if opened["documents"] == 0:
        raise RuntimeError("the list was empty")
    return float(opened["ms"]), saves
