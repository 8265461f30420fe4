"""One running installation: its store, names, accounts and catalog, and the tasks that follow changes.

`open_site` takes it from nothing to ready, in the order in which things depend on each other, and back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack, asynccontextmanager, closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import structlog
from starlette.requests import Request

from server import backup_schedule, barring, metrics, retention, second_factor
from server.access import find_viewer, site_of
from server.accounts import DESIGN as PEOPLE
from server.accounts import Accounts
from server.cards import Cards
from server.catalog import Catalog
from server.content import load_content
from server.figures import Figures
from server.importing.kept import Uploads
from server.importing.late import Late
from server.invitations import Invitations
from server.live import Live
from server.people import units_left
from server.reports import Reports
from server.roles import Permission, may
from server.safe import Safe
from server.seals import Seals
from server.settings import Settings
from server.texts import Texts, texts, translate
from server.tries import Tries
from server.unit_merging import Merging
from server.units import Units
from sync import background, erasing, moving, photos, twins_after, withdrawing
from sync.audit import Audit
from sync.backups.marks import COPYING, MOVED, RESTORING, find_mark
from sync.conflicts import Conflicts
from sync.deciding import Deciding
from sync.design import deploy
from sync.embedded.child import EmbeddedStore, StoreFailed
from sync.embedded.door import Door, Taken, find_reach
from sync.embedded.keeper import keep
from sync.gateway import Caller, Gateway
from sync.gateway_errors import GatewayError
from sync.names import Names, WardNames
from sync.presence import Presence
from sync.rollup import Rollup
from sync.store import Broken, Document, Store
from sync.ulids import new_ulid
from sync.units import prepare_server, prepare_unit, prepare_ward


class StartFailed(Exception):
    """The site could not be opened; the text is one line that says what to do."""


log = structlog.get_logger(__name__)
KEPT_AWAY = {
    RESTORING: "restore-unfinished: a restore was cut short on this store; run gtn restore again",
    COPYING: "copy-unfinished: a copy into this store was cut short; run gtn store copy again",
    MOVED: "store-moved: all was copied to {to}; set COUCHDB_URL to it",
}


@dataclass(kw_only=True)
class Site:
    """What endpoints find on ``request.app.state.site``."""

    settings: Settings
    store: Store
    names: Names
    accounts: Accounts
    catalog: Catalog
    texts: Texts
    generation: str = ""
    figures: Figures = field(init=False)
    live: Live = field(init=False)
    rollup: Rollup = field(init=False)
    conflicts: Conflicts = field(init=False)
    gateway: Gateway = field(init=False)
    audit: Audit = field(init=False)
    seals: Seals = field(init=False)
    safe: Safe = field(init=False)
    reports: Reports = field(init=False)
    tries: Tries = field(init=False)
    uploads: Uploads = field(init=False)
    invitations: Invitations = field(init=False)
    cards: Cards = field(init=False)
    units: Units = field(init=False)
    merging: Merging = field(init=False)
    deciding: Deciding = field(init=False)

    def __post_init__(self) -> None:
        """Join the parts: what phones write is merged and counted, and open dashboards are told."""
        self.figures = Figures(self.store, self.names)
        self.audit = Audit(self.store, self.names)
        self.seals = Seals(self.store, self.names)
        self.safe = self.accounts.safe
        self.reports = Reports(self.accounts)
        self.tries = Tries(self.store, self.names, self.seals)
        self.uploads = Uploads(self.store, self.names, self.safe)
        self.invitations = Invitations(self.accounts)
        self.cards = Cards(self.accounts)
        self.units = Units(self.store, self.names, self.catalog)
        self.merging = Merging(self.store, self.names, self.catalog, self.accounts)
        self.live = Live(self.store, self.names)
        self.rollup = Rollup(
            self.store,
            self.names,
            self.catalog.levels,
            announce=lambda change: self.live.announce(change.ward),
        )
        self.conflicts = Conflicts(self.store, self.names, announce=self.rollup.hint)
        self.gateway = Gateway(
            self.store,
            self.names,
            identify=find_caller,
            sentence=say,
            on_written=self.hint,
            on_answered=self.reports.sent,
            on_taken=metrics.count_records,
        )

        self.deciding = Deciding(self.store, self.names, self.audit, self.hint)

    def hint(self, database: str) -> None:
        """A unit's database has something new."""
        self.conflicts.hint(database)
        self.rollup.hint(database)

    @property
    def ward(self) -> WardNames:
        return self.names.ward(self.settings.ward)

    async def prepare(self) -> None:
        """All that must be there, and all that must be gone, before the first request.

        A unit whose database is damaged answers nobody; the others do not wait for it. What is everybody's
        (accounts, the ledger of who was erased, the ward's own) has to be whole.
        """
        await self._make_ward_ready()
        for work in (
            self._make_units_ready,
            partial(barring.repeat, self.store, self.names),
            partial(erasing.settle, self.store, self.names),
            partial(withdrawing.settle, self.store, self.names),
            partial(photos.repeat_removals, self.store, self.names),
        ):
            try:
                await work()
            except Broken as error:
                log.error("a database cannot be read; gtn doctor tells which", reason=error.reason)
        self.generation = await read_generation(self.store, self.names)

    async def make_ready(self) -> None:
        """Databases, design documents, catalog."""
        await self._make_ward_ready()
        await self._make_units_ready()

    async def _make_ward_ready(self) -> None:
        await prepare_server(self.store, self.names)
        await self.seals.open()
        await anyio.to_thread.run_sync(self.safe.unlock)
        await deploy(self.store, self.names.accounts, PEOPLE)
        await prepare_ward(self.store, self.names, self.settings.ward)
        await self.catalog.seed(self.store, self.ward.catalog)

    async def _make_units_ready(self) -> None:
        with background.apart() as each:
            for code, unit in self.catalog.units.items():
                merged = unit.heir is not None
                with each():
                    await prepare_unit(self.store, self.names, self.settings.ward, code, merged=merged)


async def read_generation(store: Store, names: Names) -> str:
    """The id of this life of the data: made once, replaced when a backup is restored."""

    def make(stored: Document | None) -> Document | None:
        return {"type": "generation", "value": new_ulid()} if stored is None else None

    document = await store.update(names.accounts, "generation", make)
    return str((document or {})["value"])


@asynccontextmanager
async def open_site(settings: Settings, *, workers: bool = True) -> AsyncIterator[Site]:
    """A site that is ready, by default with its workers running; everything is stopped again afterwards.

    :raises StoreError: when the store cannot be used.
    :raises BadContent: when the catalog's files cannot.
    """
    async with open_store(settings, own=workers) as store:
        site = build_site(settings, store)
        await store.check()
        if mark := await find_mark(store, site.names):
            raise StartFailed(KEPT_AWAY[mark["_id"]].format(**mark))
        await site.prepare()
        if workers:
            await second_factor.close_all(site.accounts)
        async with site.gateway.running(), _running(*(_workers(site) if workers else ())):
            yield site


def build_site(settings: Settings, store: Store) -> Site:
    """A site on this store, of which nothing was looked at yet.

    :raises BadContent: when the catalog's files cannot be used.
    """
    names = Names(settings.database_prefix)
    return Site(
        settings=settings,
        store=store,
        names=names,
        accounts=Accounts(store, names, settings),
        catalog=Catalog(load_content(), settings.ward),
        texts=texts(),
    )


async def find_caller(request: Request) -> Caller | None:
    """Who replicates, for the gateway; None for whoever has no unit.

    :raises GatewayError: that tells a device why its access ended, also one whose request was waiting.
    """
    accounts, now = site_of(request).accounts, datetime.now(UTC)
    who = await find_viewer(request)
    if who is None:
        leaver = await accounts.identify_leaver(request)
        if leaver is None or not units_left(leaver[0], now):
            raise GatewayError(await accounts.why_refused(request))
        return make_caller(site_of(request), *leaver, now)
    if who.unit is None:
        return None
    person = await accounts.read_person(who.id)
    return None if person is None else make_caller(site_of(request), person, who.device, now)


def make_caller(site: Site, person: Document, device: str, now: datetime) -> Caller:
    """Someone with the rights that they have now; who has left altogether has no unit."""
    active, role = bool(person.get("active")), str(person["role"])
    return Caller(
        person=person["_id"],
        unit=str(person.get("unit") or "") if active else "",
        ward=person["ward"],
        device=device,
        may_record=active and may(role, Permission.RECORD_VISITS),
        may_amend_others=active and may(role, Permission.AMEND_OTHERS),
        left=units_left(person, now),
        heirs=site.catalog.heirs,
    )


def say(request: Request, key: str) -> str:
    return translate(request)(key)


def _workers(site: Site) -> list[Coroutine[Any, Any, None]]:
    return [
        background.keep(site.accounts.follow, "accounts"),
        background.keep(partial(site.catalog.follow, site.store, site.ward.catalog), "catalog"),
        background.keep(site.rollup.run, "figures"),
        background.keep(site.conflicts.run, "conflicts"),
        background.keep(site.live.run, "live pages"),
        site.reports.follow(),
        erasing.follow(site.store, site.names),
        withdrawing.follow(site.store, site.names),
        site.deciding.follow(site.settings.ward),
        moving.follow(site.store, site.names, site.settings.ward),
        twins_after.follow(site.store, site.names, site.settings.ward),
        site.tries.follow(),
        site.uploads.follow(),
        Late(site.store, site.ward).follow(),
        retention.follow(site),
        site.merging.follow(),
        backup_schedule.follow(site),
        metrics.follow(site),
        Presence(site.store, site.names).follow(),
    ]


@asynccontextmanager
async def open_store(settings: Settings, *, own: bool) -> AsyncIterator[Store]:
    """The store at ``COUCHDB_URL``, or the embedded one under ``GTN_DATA``.

    An embedded store that a server runs already is shared by whoever does not insist on an `own` one.
    """
    url = settings.couchdb_url
    if not url and not own:
        reach = await anyio.to_thread.run_sync(find_reach, settings.data / "store")
        url = reach.url if reach is not None else ""
    async with _embedded(settings.data / "store", own) if not url else nullcontext(url) as address:
        store = Store.connect(address)
        try:
            yield store
        finally:
            store.close()


@asynccontextmanager
async def _embedded(folder: Path, served: bool) -> AsyncIterator[str]:
    """The address of an embedded store that runs meanwhile; one that is `served` others may use too."""
    with ExitStack() as cleanup:
        child = EmbeddedStore(folder)
        try:
            door = cleanup.enter_context(closing(Door(folder))) if served else None
            await anyio.to_thread.run_sync(child.start)
        except (StoreFailed, Taken, OSError) as error:
            raise StartFailed(str(error)) from None
        try:
            if door is not None:
                door.open(child.reach)
            async with _running(keep(child)):
                yield child.url
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(child.stop)


@asynccontextmanager
async def _running(*workers: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker) for worker in workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
