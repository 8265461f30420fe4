"""What first syncs of a unit of 50,000 documents cost the server: memory, and readings of the store.

The gateway is a process of its own, as in `bench.gateway`; phones fetch chunk after chunk as the app does.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from bench.figures import Figure
from bench.gateway import serving, wait_until_up
from bench.gateway_server import UNIT, WARD
from bench.processes import look
from sync.embedded.child import EmbeddedStore
from sync.names import Names
from sync.store import Store
from sync.ulids import new_ulid
from sync.units import prepare_unit, prepare_ward

FIGURES = (
    "memory of a first sync of 50,000 documents",
    "memory of 20 first syncs at once",
    "server's CPU for 20 first syncs at once, of one",
    "store's CPU for 20 first syncs at once, of one",
)
DOCUMENTS = 50_000
PHONES = 20


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when a phone did not get every document.
    """
    with tempfile.TemporaryDirectory() as folder:
        if given := os.environ.get("COUCHDB_URL"):
            yield from asyncio.run(measure(given, None))
        else:
            with EmbeddedStore(Path(folder)) as child:
                yield from asyncio.run(measure(child.url, child.pid))


async def measure(url: str, stored_by: int | None) -> list[Figure]:
    store, names = Store.connect(url), Names(f"b{secrets.token_hex(4)}-")
    database = await prepare_unit(store, names, WARD, UNIT)
    await prepare_ward(store, names, WARD)
    try:
        await fill(store, database)
        with serving(url, names.prefix) as (port, pid):
            address = f"http://127.0.0.1:{port}/sync/w{WARD}-{UNIT}"
            connector = aiohttp.TCPConnector(limit=PHONES)
            async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
                await wait_until_up(session, address)
                return await compare(session, address, [pid, *([stored_by] if stored_by else [])])
    finally:
        for name in [database, *names.ward(WARD).own]:
            await store.delete_database(name)
        store.close()


async def compare(session: aiohttp.ClientSession, address: str, pids: list[int]) -> list[Figure]:
    """One phone from the beginning, then 20 that begin a little later in the feed, so with other chunks."""
    against = "embedded" if len(pids) > 1 else "couchdb"
    later = await after(session, address, 7)
    start = look(pids, reset=True)
    alone = await first_sync(session, address, "0")
    one = look(pids)
    look(pids, reset=True)
    together = await asyncio.gather(*(first_sync(session, address, later) for _ in range(PHONES)))
    all = look(pids)
    if alone < DOCUMENTS or min(together) < DOCUMENTS - 10:
        raise RuntimeError(f"of {DOCUMENTS} documents {alone} came, and {min(together)}")
    said = f"{against}, {start[0].peak:.0f} MB before"
    cpu = [(b.cpu - a.cpu, c.cpu - b.cpu) for a, b, c in zip(start, one, all, strict=True)]
    words = [f"{against}, {alone:.1f} s and {many:.1f} s" for alone, many in cpu]
    found = [
        Figure("snapshot", FIGURES[0], one[0].peak - start[0].peak, "MB", 30, said),
        Figure("snapshot", FIGURES[1], all[0].peak - start[0].peak, "MB", 30, said),
        Figure("snapshot", FIGURES[2], cpu[0][1] / cpu[0][0], "×", None, words[0]),
    ]
    if len(cpu) > 1:
        found.append(Figure("snapshot", FIGURES[3], cpu[1][1] / cpu[1][0], "×", 1.5, words[1]))
    return found


async def after(session: aiohttp.ClientSession, address: str, changes: int) -> str:
    async with session.get(f"{address}/_changes?limit={changes}") as answer:
        return str(msgspec.json.decode(await answer.read())["last_seq"])


async def first_sync(session: aiohttp.ClientSession, address: str, since: str) -> int:
    """How many documents came."""
    count, place = 0, since
    headers = {"Accept-Encoding": "gzip"}
    while True:
        url = f"{address}/_snapshot?since={quote(place, safe='')}"
        async with session.get(url, headers=headers) as answer:
            packed = await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {packed[:100]!r}")
            following = answer.headers.get("X-GTN-Next")
        count += (await asyncio.to_thread(gzip.decompress, packed)).count(b'"_id":"visit:')
        if following is None:
            return count
        place = following


async def fill(store: Store, database: str) -> None:
    """Visits of some 600 bytes."""
    for start in range(0, DOCUMENTS, 1000):
        await store.bulk(database, [make(n) for n in range(start, start + 1000)])


def make(n: int) -> dict[str, Any]:
    note = f"Bà con hỏi về thẻ căn cước, hẹn quay lại lúc {n % 24} giờ. " * 3
    return {"_id": f"visit:{new_ulid()}", "type": "visit", "note": note + secrets.token_hex(120), "n": n}
