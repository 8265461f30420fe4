"""The gateway beside the store it stands before: the same requests, direct and through it, in one run.

Direct requests bear the same proxy authentication, so both ask CouchDB for the same work. Rounds
alternate and the median of their ratios counts, since other work may share the machine.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bench.figures import Figure
from bench.fleet_phone import make_visit
from bench.gateway_server import CALLER, DEVICE, UNIT, WARD
from sync.embedded.child import EmbeddedStore
from sync.names import Names
from sync.proxy_auth import signed_headers
from sync.store import Store
from sync.ulids import new_ulid
from sync.units import prepare_server, prepare_unit, prepare_ward

FIGURES = (
    "_bulk_get of 100, through the gateway",
    "database info, through the gateway",
    "_revs_diff of 5, through the gateway",
    "50 new visits, through the gateway",
)
DOCUMENTS = 2000
ROUNDS = 7
SECONDS = 1.5
CLIENTS = 8

Ask = tuple[str, str, bytes | Callable[[], bytes] | None]


def run() -> Iterator[Figure]:
    given = os.environ.get("COUCHDB_URL")
    with tempfile.TemporaryDirectory() as folder:
        if given:
            yield from asyncio.run(measure(given, "couchdb"))
        else:
            with EmbeddedStore(Path(folder)) as child:
                yield from asyncio.run(measure(child.url, "embedded"))


async def measure(url: str, against: str) -> list[Figure]:
    store, names = Store.connect(url), Names(f"b{secrets.token_hex(4)}-")
    await prepare_server(store, names)
    database = await prepare_unit(store, names, WARD, UNIT)
    await prepare_ward(store, names, WARD)
    revs = await fill(store, database)
    bulk = msgspec.json.encode({"docs": [{"id": id, "rev": rev} for id, rev in revs[:100]]})
    diff = msgspec.json.encode({id: [rev] for id, rev in revs[:5]})
    asks: list[tuple[str, float | None, Ask]] = [
        ("_bulk_get of 100, through the gateway", 0.7, ("POST", "/_bulk_get?revs=true", bulk)),
        ("database info, through the gateway", 0.5, ("GET", "", None)),
        ("_revs_diff of 5, through the gateway", 0.5, ("POST", "/_revs_diff", diff)),
        ("50 new visits, through the gateway", None, ("POST", "/_bulk_docs", new_visits)),
    ]
    try:
        with serving(url, names.prefix) as (port, _):
            direct = f"{store.address}/{database}"
            through = f"http://127.0.0.1:{port}/sync/w{WARD}-{UNIT}"
            headers = signed_headers(await store.proxy_secret(), CALLER.person, f"w{WARD}-{UNIT}")
            async with client(headers) as straight, client({}) as phone:
                await wait_until_up(phone, through)
                return [
                    await compare(straight, direct, phone, through, figure, goal, ask, against)
                    for figure, goal, ask in asks
                ]
    finally:
        for name in await store.databases():
            if name.startswith(names.prefix):
                await store.delete_database(name)
        store.close()


async def compare(
    straight: aiohttp.ClientSession,
    direct: str,
    phone: aiohttp.ClientSession,
    through: str,
    figure: str,
    goal: float | None,
    ask: Ask,
    against: str,
) -> Figure:
    ratios, rates = [], []
    await load(straight, direct, ask, 0.5)
    await load(phone, through, ask, 0.5)
    for _ in range(ROUNDS):
        before = await load(straight, direct, ask, SECONDS / 2)
        gateway = await load(phone, through, ask, SECONDS)
        after = await load(straight, direct, ask, SECONDS / 2)
        ratios.append(gateway / ((before + after) / 2))
        rates.append((before + after) / 2)
    said = f"{against}, direct {statistics.median(rates):.0f}/s"
    return Figure("gateway", figure, statistics.median(ratios), "of direct", goal, said, at_least=True)


async def load(session: aiohttp.ClientSession, base: str, ask: Ask, seconds: float) -> float:
    """Requests answered in a second, by `CLIENTS` at once."""
    method, path, body = ask
    headers = {"Content-Type": "application/json"} if body else {}
    done, begin = 0, time.perf_counter()

    async def go_on() -> None:
        nonlocal done
        while time.perf_counter() - begin < seconds:
            data = body() if callable(body) else body
            async with session.request(method, base + path, data=data, headers=headers) as response:
                said = await response.read()
                if response.status != (201 if callable(body) else 200) or b'"error"' in said:
                    raise RuntimeError(f"{method} {path}: {response.status} {said[:200]!r}")
                done += 1

    await asyncio.gather(*(go_on() for _ in range(CLIENTS)))
    return done / (time.perf_counter() - begin)


def new_visits() -> bytes:
    made = [make_visit(UNIT, CALLER.person, DEVICE) for _ in range(50)]
    return msgspec.json.encode({"docs": made, "new_edits": False})


async def fill(store: Store, database: str) -> list[tuple[str, str]]:
    """Visits of about 1 KB."""
    documents: list[dict[str, Any]] = [
        {"_id": f"visit:{new_ulid()}", "type": "visit", "note": "Bà con hỏi về thẻ căn cước. " * 24, "n": n}
        for n in range(DOCUMENTS)
    ]
    revs: list[tuple[str, str]] = []
    for start in range(0, DOCUMENTS, 500):
        part = documents[start : start + 500]
        revs += zip((str(d["_id"]) for d in part), await store.bulk(database, part), strict=True)
    return revs


@asynccontextmanager
async def client(headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientSession]:
    # CouchDB compresses nothing: both ways carry the same bytes
    plain = {**headers, "Accept-Encoding": "identity"}
    connector = aiohttp.TCPConnector(limit=CLIENTS)
    async with aiohttp.ClientSession(connector=connector, headers=plain) as session:
        yield session


async def wait_until_up(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(200):
        try:
            async with session.get(url) as response:
                await response.read()
                return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)
    raise RuntimeError("the gateway did not start")


@contextmanager
def serving(url: str, prefix: str) -> Iterator[tuple[int, int]]:
    """(port, process id) of a gateway."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "bench.gateway_server", str(port), prefix]
    process = subprocess.Popen(command, env={**os.environ, "COUCHDB_URL": url})
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)
