"""Killed in the middle, again and again: what was begun is finished, and no record is lost or doubled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Route, expect

from e2e.phone import LONG, Phone
from e2e.server import GTN, Server

IDS = """
import sys, anyio
from server.settings import read_settings
from server.site import open_site

async def main() -> None:
    settings = read_settings()
    async with open_site(settings, workers=False) as site:
        for unit in sys.argv[1:]:
            for row in await site.store.all_docs(site.ward.unit(unit)):
                if not row["id"].startswith("_"):
                    print(row["id"])

anyio.run(main)
"""


def ids(server: Server, *units: str) -> list[str]:
    """Of every living document of these units, in their order."""
    words = [sys.executable, "-c", IDS, *units]
    return sorted(
        subprocess.run(
            words, env=server.environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout.split()
    )


def test_a_merge_killed_again_and_again_ends_whole(own_server: Server) -> None:
    before = ids(own_server, "tdp-07", "tdp-08")
    assert len(before) > 100
    words = [str(GTN), "unit", "merge", "tdp-07", "tdp-08", "--write"]
    killed = 0
    for wait in (0.3, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0, 60.0):
        process = subprocess.Popen(words, env=own_server.environment, stdout=subprocess.DEVNULL)
        try:
            if process.wait(wait) == 0:
                break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            killed += 1
            if killed == 3:  # the server that goes on with it, too
                own_server.kill()
                own_server.start()
    assert killed, "it was over before it could be killed"
    assert ids(own_server, "tdp-08") == before
    assert ids(own_server, "tdp-07") == []
    assert "0 differences" in own_server.command("check")


def test_a_server_killed_during_a_first_sync_delays_it_and_no_more(
    own_server: Server, contexts: Callable[..., BrowserContext]
) -> None:
    hoa = Phone(contexts(), own_server)
    left = [3]

    def break_off(route: Route) -> None:
        """The server dies while it answers with a chunk, three times."""
        if left[0]:
            left[0] -= 1
            own_server.kill()
            own_server.start()
        route.continue_()

    hoa.page.route("**/_snapshot?*", break_off)
    hoa.sign_in("hoa")
    expect(hoa.page.get_by_test_id("sync-state")).to_have_attribute("data-phase", "idle", timeout=LONG)
    hoa.tab("Các hộ")
    expect(hoa.doors().first).to_be_visible(timeout=LONG)
    hoa.wait_until_sent()
