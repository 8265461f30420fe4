"""300 phones in 20 units that all come back at once: each sends 50 visits and fetches those of its unit.

A real server (``gtn serve``) is asked by phones that are simulated in this process and speak the app's
requests. What phones, server and store share is the machine: the seconds of a round are those of two cores
that also do the phones' work. After that the same phones only greet, as phones that lie in a pocket do.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import anyio

from bench.figures import Figure
from bench.fleet_phone import Phone
from bench.phone import drop, p95
from bench.processes import look
from e2e.server import Server
from server.catalog import add_unit
from server.content import Text, Unit
from server.settings import Settings
from server.site import Site, open_site
from sync.embedded.child import EmbeddedStore
from sync.names import Names
from sync.store import Store
from sync.units import prepare_unit

FIGURES = (
    "a phone's round, all 300 at once, p95",
    "server's CPU for a phone's visits",
    "server's memory, more than before",
    "1,000 idle phones, of one core",
    "1,000 idle phones, store included, of one core",
    "page of 600 phones, p95",
)
UNITS, EACH, VISITS = 20, 15, 50
IDLE_ROUNDS = 4
EVERY = 300
"""Seconds between two syncs of a phone that nobody uses."""
WARD = "09562"
MOST_ROUNDS = 5


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when anything fails, or a visit is lost, refused or doubled.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        server, store = Server(folder), None
        if not (url := os.environ.get("COUCHDB_URL", "")):
            store = stack.enter_context(EmbeddedStore(folder / "store"))
            url = store.url
        prefix = f"b{secrets.token_hex(4)}-"
        server.environment |= {"COUCHDB_URL": url, "GTN_DATABASE_PREFIX": prefix}
        stack.callback(anyio.run, drop, url, prefix)
        stack.callback(server.stop)
        server.start()
        assert server.process is not None
        pids = [server.process.pid, *([store.pid] if store and store.pid else [])]
        yield from asyncio.run(measure(server.url, url, prefix, folder / "data", pids))


async def measure(server: str, url: str, prefix: str, data: Path, pids: Sequence[int]) -> list[Figure]:
    against = "embedded" if len(pids) > 1 else "couchdb"
    settings = Settings(couchdb_url=url, database_prefix=prefix, data=data, ward=WARD)
    connector = aiohttp.TCPConnector(limit=UNITS * EACH)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        phones, desk = await enrol(settings, session, server)
        await asyncio.sleep(2)  # the server hears of the new units
        figures = await rush(phones, pids, against)
        await check(url, prefix, phones)
        figures += await idle(phones, pids, against)
        return [*figures, await page(session, f"{server}/desk/devices", desk, against)]


async def enrol(settings: Settings, session: aiohttp.ClientSession, server: str) -> tuple[list[Phone], str]:
    """The phones, and the cookie of a supervisor; each person has a second phone that only spoke once."""
    phones = []
    async with open_site(settings, workers=False) as site:
        for n in range(UNITS):
            unit = Unit(code=f"doi-{n:02}", kind="team", name=Text(vi=f"Đội {n}", en=f"Team {n}"))
            await add_unit(site.store, site.ward.catalog, unit)
            await prepare_unit(site.store, site.names, WARD, unit.code)
            added = (_add(site, unit.code, m) for m in range(EACH))
            for person, device, cookie in await asyncio.gather(*added):
                phones.append(Phone(session, server, cookie, person, device, unit.code))
        supervisor = await site.accounts.find_login("giamsat")
        assert supervisor is not None
        _, desk = await site.accounts.enrol(supervisor, "Linux")
    return phones, desk


async def _add(site: Site, unit: str, m: int) -> tuple[str, str, str]:
    """(person, device, cookie) of someone with a new phone and an old one."""
    person = await site.accounts.add_person(
        login=f"{unit}.{m}", name=f"Bà Đội {unit} {m}", role="volunteer", ward=WARD, unit=unit, password=None
    )
    old, _ = await site.accounts.enrol(person, "Android")
    told = {"at": "2026-05-01T01:00:00.000Z", "waiting": m % 3, "offset": 900.0, "app": "0.0.9"}
    await site.reports.keep(old, told)
    device, cookie = await site.accounts.enrol(person, "Android")
    return person["_id"], device, cookie


async def rush(phones: Sequence[Phone], pids: Sequence[int], against: str) -> list[Figure]:
    """Everybody comes back at once, and again until each holds all of its unit."""
    await asyncio.gather(*(phone.sync() for phone in phones))
    for phone in phones:
        phone.record(VISITS)
        phone.traffic.requests = phone.traffic.sent = phone.traffic.received = 0
    before, began = look(pids, reset=True), time.perf_counter()
    took = await asyncio.gather(*(phone.sync() for phone in phones))
    first = time.perf_counter() - began
    rounds = 1
    while any(len(phone.held) < EACH * VISITS for phone in phones):
        if (rounds := rounds + 1) > MOST_ROUNDS:
            raise RuntimeError(f"after {MOST_ROUNDS} rounds a phone lacks visits of its unit")
        await asyncio.gather(*(phone.sync() for phone in phones))
    after = look(pids)
    cpu = [now.cpu - then.cpu for now, then in zip(after, before, strict=True)]
    n, ordered = len(phones), sorted(took)
    said = (
        f"{against}, {UNITS} units, {VISITS} visits each, {first:.1f} s for all to send and fetch, {rounds} "
        f"rounds until each held {EACH * VISITS}; p50 {ordered[n // 2]:.2f} s, "
        f"max {ordered[-1]:.2f} s; a phone: "
        f"{sum(p.traffic.requests for p in phones) / n:.1f} requests, "
        f"{sum(p.traffic.sent for p in phones) / n / 1000:.1f} kB up, "
        f"{sum(p.traffic.received for p in phones) / n / 1000:.1f} kB down"
    )
    shares = ", ".join(f"{seconds:.1f} s" for seconds in cpu)
    return [
        Figure("fleet", FIGURES[0], p95(took), "s", None, said),
        Figure("fleet", FIGURES[1], cpu[0] / n * 1000, "ms", None, f"{against}, server and store: {shares}"),
        Figure(
            "fleet",
            FIGURES[2],
            after[0].peak - before[0].peak,
            "MB",
            None,
            f"{against}, peak {after[0].peak:.0f} MB",
        ),
    ]


async def check(url: str, prefix: str, phones: Sequence[Phone]) -> None:
    """Every visit is in its unit once and nowhere else; the store knows of no other."""
    store, names = Store.connect(url), Names(prefix)
    try:
        for unit in sorted({phone.unit for phone in phones}):
            rows = await store.all_docs(names.unit(WARD, unit), startkey="visit:", endkey="visit;")
            own = [phone.held for phone in phones if phone.unit == unit]
            if len(rows) != EACH * VISITS or any({row["id"] for row in rows} != held for held in own):
                raise RuntimeError(f"{unit} has {len(rows)} visits instead of {EACH * VISITS}, or other ones")
        refused = await store.all_docs(names.ward(WARD).quarantine, startkey="refused:", endkey="refused;")
        if any(unit in str(refused) for unit in {phone.unit for phone in phones}):
            raise RuntimeError("a good visit was refused")
    finally:
        store.close()


async def idle(phones: Sequence[Phone], pids: Sequence[int], against: str) -> list[Figure]:
    """Greetings alone, a burst of them; every other one says something new, as one in ten minutes would."""
    await asyncio.gather(*(phone.sync() for phone in phones))
    await asyncio.sleep(8)  # what follows the rush is counted, merged and told
    requests = sum(phone.traffic.requests for phone in phones)
    before = look(pids)
    for turn in range(IDLE_ROUNDS):
        for start in range(0, len(phones), 8):
            told = {"storage_left": turn, "refused": 0, "accepted": turn // 2}
            await asyncio.gather(*(phone.sync(**told) for phone in phones[start : start + 8]))
    after = look(pids)
    count = len(phones) * IDLE_ROUNDS
    if sum(phone.traffic.requests for phone in phones) - requests != count:
        raise RuntimeError("an idle sync took more than one request")
    cpu = [(now.cpu - then.cpu) / count for now, then in zip(after, before, strict=True)]
    said = f"{against}, from a burst of {count}, half of which wrote a report: {cpu[0] * 1000:.2f} ms each"
    share = 100 * 1000 / EVERY
    found = [Figure("fleet", FIGURES[3], cpu[0] * share, "%", 1.5, said)]
    if len(cpu) > 1:
        said = f"{against}: {sum(cpu) * 1000:.2f} ms each"
        found.append(Figure("fleet", FIGURES[4], sum(cpu) * share, "%", None, said))
    return found


async def page(session: aiohttp.ClientSession, url: str, cookie: str, against: str) -> Figure:
    took = []
    for turn in range(20):
        begin = time.perf_counter()
        async with session.get(
            f"{url}?page={1 + turn % 12}", headers={"Cookie": f"gtn-device={cookie}"}
        ) as answer:
            size = len(await answer.read())
            if answer.status != 200:
                raise RuntimeError(f"the page of phones: {answer.status}")
        took.append((time.perf_counter() - begin) * 1000)
    return Figure("fleet", FIGURES[5], p95(took), "ms", 500, f"{against}, the last {size / 1000:.0f} kB")
