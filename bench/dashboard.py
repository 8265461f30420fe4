"""The dashboard of a large ward: 100 units and 300,000 visits, on a real server.

The visits are written straight into the store; then the server counts every unit, is asked for its pages,
is started anew, and hears of single new visits as phones push them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import anyio

from bench.figures import Figure
from bench.fleet_phone import make_visit
from bench.phone import p95
from bench.processes import look
from e2e.server import Server
from server.catalog import add_unit
from server.content import Text, Unit
from server.demo.unit import documents
from server.numbers import vietnam_today
from server.settings import Settings
from server.site import Site, open_site, open_store
from sync.names import Names
from sync.rollup import rollup_id
from sync.store import Store
from sync.units import prepare_unit

FIGURES = (
    "dashboard of 100 units, warm, p95",
    "any range, first asked for, p95",
    "dashboard, first after a restart",
    "report of the ward, warm, p95",
    "workbook of the ward, p95",
    "rollup of a changed unit, p95",
    "server's memory with 300,000 visits",
    "start until all 100 units are counted",
)
UNITS, VISITS, HOMES = 100, 3_000, 120
BATCH, CHANGED, ROUNDS = 500, 20, 20
WARD = "09562"


@dataclass
class Ward:
    """What was filled in: a supervisor's cookie, and someone with a phone in some of the units."""

    desk: str
    phones: list[tuple[str, str, str, str]]
    """(unit, person, device, cookie)"""
    seconds: float
    documents: int


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when a page is not answered, or a visit is not counted.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        server = Server(Path(name))
        stack.callback(server.drop_databases)
        stack.callback(server.stop)
        server.start()
        server.stop()
        settings = Settings(
            couchdb_url=os.environ.get("COUCHDB_URL", ""),
            database_prefix=server.environment.get("GTN_DATABASE_PREFIX", ""),
            data=Path(name) / "data",
            ward=WARD,
        )
        ward = anyio.run(fill, settings)
        began = time.perf_counter()
        server.start(demo=False)
        yield from asyncio.run(measure(server, settings, ward, began))


async def fill(settings: Settings) -> Ward:
    """100 more units, each with its households and the visits of 30 days."""
    began, count, phones = time.perf_counter(), 0, []
    today = vietnam_today()
    async with open_site(settings, workers=False) as site:
        for n in range(UNITS):
            unit = Unit(code=f"doi-{n:02}", kind="team", name=Text(vi=f"Đội {n}", en=f"Team {n}"))
            await add_unit(site.store, site.ward.catalog, unit)
            await prepare_unit(site.store, site.names, WARD, unit.code)
            made = documents(unit.code, n, HOMES, VISITS, today)
            for start in range(0, len(made), BATCH):
                await site.store.bulk(site.ward.unit(unit.code), made[start : start + BATCH])
            count += len(made)
            if n % (UNITS // CHANGED) == 0:
                phones.append(await _enrol(site, unit.code))
        supervisor = await site.accounts.find_login("giamsat")
        assert supervisor is not None
        _, desk = await site.accounts.enrol(supervisor, "Linux")
    return Ward(desk, phones, time.perf_counter() - began, count)


async def _enrol(site: Site, unit: str) -> tuple[str, str, str, str]:
    person = await site.accounts.add_person(
        login=f"{unit}.1", name=f"Bà {unit}", role="volunteer", ward=WARD, unit=unit, password=None
    )
    device, cookie = await site.accounts.enrol(person, "Android")
    return unit, person["_id"], device, cookie


async def measure(server: Server, settings: Settings, ward: Ward, began: float) -> list[Figure]:
    kind = "couchdb" if settings.couchdb_url else "embedded"
    said = f"{kind}, {UNITS} units, {ward.documents:,} documents, written in {ward.seconds:.0f} s"
    figures = []
    async with open_store(settings, own=False) as store:
        await _all_counted(store, settings, UNITS)
        figures.append(_figure(7, time.perf_counter() - began, "s", None, said))
        figures += await pages(server, ward, said)
        figures.append(await changes(server, store, settings, ward, said))
    assert server.process is not None
    peak = look([server.process.pid])[0].peak
    figures.append(_figure(6, peak, "MB", 400, f"{said}; the peak, without the store"))
    begun = time.perf_counter()
    server.stop()
    server.start(demo=False)
    ready = time.perf_counter() - begun
    async with _session() as session:
        first = await _ask(session, f"{server.url}/desk?period=month", ward.desk)
    figures.append(
        _figure(2, first, "s", 2, f"{said}; server and store were stopped, and back after {ready:.1f} s")
    )
    return figures


async def pages(server: Server, ward: Ward, said: str) -> list[Figure]:
    today = vietnam_today()
    async with _session() as session:

        async def ask(path: str) -> float:
            return await _ask(session, server.url + path, ward.desk)

        ranges = [f"/desk?period=custom&from={today - timedelta(days=n)}&to={today}" for n in range(11, 21)]
        fresh = [await ask(path) for path in ranges]
        several = ["/desk", "/desk?period=month", ranges[0], "/desk/unit/doi-07"]
        for path in several:
            await ask(path)
        warm = [await ask(path) for _ in range(ROUNDS) for path in several]
        together = await asyncio.gather(*map(ask, several * 2))
        await ask("/desk/report?period=month")
        report = [await ask("/desk/report?period=month") for _ in range(ROUNDS)]
        book = [await ask("/desk/report.xlsx?period=month") for _ in range(5)]
    also = f"{said}; 8 asked for at once: the last after {max(together) * 1000:.0f} ms"
    return [
        _figure(0, p95(warm) * 1000, "ms", 200, also),
        _figure(1, p95(fresh) * 1000, "ms", None, f"{said}; 10 ranges nobody had asked for"),
        _figure(3, p95(report) * 1000, "ms", None, said),
        _figure(4, p95(book) * 1000, "ms", None, said),
    ]


async def changes(server: Server, store: Store, settings: Settings, ward: Ward, said: str) -> Figure:
    """From the answer to a phone's visit until the rollup has it."""
    took, names = [], Names(settings.database_prefix).ward(WARD)
    async with _session() as session:
        for unit, person, device, cookie in ward.phones:
            before = await store.get(names.rollup, rollup_id(unit))
            body = {"docs": [make_visit(unit, person, device)], "new_edits": False}
            url = f"{server.url}/sync/{names.role(unit)}/_bulk_docs"
            async with session.post(url, json=body, headers={"Cookie": f"gtn-device={cookie}"}) as answer:
                if (answer.status, await answer.json()) != (201, []):
                    raise RuntimeError(f"a visit of {unit} was answered by {answer.status}")
            began = time.perf_counter()
            while (await store.get(names.rollup, rollup_id(unit)))["seq"] == before["seq"]:
                if time.perf_counter() - began > 30:
                    raise RuntimeError(f"a visit of {unit} is not counted")
                await asyncio.sleep(0.005)
            took.append((time.perf_counter() - began) * 1000)
    median = sorted(took)[len(took) // 2]
    return _figure(5, p95(took), "ms", 500, f"{said}; {len(took)} units, median {median:.0f} ms")


async def _all_counted(store: Store, settings: Settings, units: int) -> None:
    names = Names(settings.database_prefix).ward(WARD)
    deadline = time.perf_counter() + 600
    while time.perf_counter() < deadline:
        rows = await store.all_docs(names.rollup, startkey="rollup:doi-", endkey="rollup:doi-\ufff0")
        if len(rows) == units:
            return
        await asyncio.sleep(0.2)
    raise RuntimeError("not every unit was counted within ten minutes")


async def _ask(session: aiohttp.ClientSession, url: str, cookie: str) -> float:
    """Seconds until the whole page is there.

    :raises RuntimeError: when it is not.
    """
    begin = time.perf_counter()
    async with session.get(url, headers={"Cookie": f"gtn-device={cookie}"}, allow_redirects=False) as answer:
        await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{url}: {answer.status}")
    return time.perf_counter() - begin


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120), auto_decompress=False)


def _figure(number: int, value: float, unit: str, goal: float | None, said: str) -> Figure:
    return Figure("dashboard", FIGURES[number], value, unit, goal, said)
