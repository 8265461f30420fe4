"""A unit merged into another: begun by an administrator, ended by whoever finds it begun.

That a unit is `merging`, and into which, stands in its row of the ward's catalog before anything moves. Then
the steps of `sync.unit_merging` and the people's move may be taken by this process or the next; `go_on` takes
them all, `follow` looks for what was cut short. One unit of a ward is merged at a time: whoever begins writes
first and looks then, so that of two who begin together at least one gives way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from server.accounts import DESIGN, Accounts
from server.catalog import Catalog, change_unit
from server.content import Unit
from server.units import Unfit, count_members
from sync import moving, unit_merging
from sync.aliases import under_way
from sync.background import repeat
from sync.clocks import text_of
from sync.names import Names
from sync.rollup import rollup_id
from sync.store import Document, Store
from sync.units import PHOTO_DESIGNS, UNIT_DESIGNS

LOOK_SECONDS = 60.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """How many of what will move."""

    households: int
    residents: int
    visits: int
    people: int


class Merging:
    """The merges of one ward."""

    def __init__(self, store: Store, names: Names, catalog: Catalog, accounts: Accounts) -> None:
        self._store = store
        self._names = names
        self._catalog = catalog
        self._accounts = accounts
        self._one_by_one = asyncio.Lock()

    async def look(self, source: str, target: str) -> Preview:
        """:raises Unfit: when these two cannot be merged."""
        self._check(source, target)
        database = self._names.unit(self._catalog.ward, source)

        async def count(kind: str) -> int:
            return len(await self._store.all_docs(database, startkey=f"{kind}:", endkey=f"{kind};"))

        members = await count_members(self._accounts, self._catalog.ward)
        return Preview(
            households=await count("household"),
            residents=await count("resident"),
            visits=await count("visit"),
            people=members[source],
        )

    async def begin(self, source: str, target: str) -> None:
        """Returns once it is written that `source` goes on in `target`; from then on it will.

        :raises Unfit: when these two cannot be merged; then nothing is changed.
        """
        await self._read()
        self._check(source, target)
        began = False

        def mark(stored: Unit) -> Unit | None:
            nonlocal began
            began = stored.closed is None and stored.heir is None
            return msgspec.structs.replace(stored, merging=target) if began else None

        await self._change(source, mark)
        if not began:
            raise Unfit("merge-busy")
        try:
            self._check(source, target, begun=True)
            if await under_way(self._store, self._names, self._catalog.ward):  # two records of a unit
                raise Unfit("merge-busy")
        except Unfit:
            await self._change(source, lambda stored: msgspec.structs.replace(stored, merging=None))
            raise

    async def go_on(self, source: str) -> None:
        """Returns once the unit is merged; nothing is done for one of which nobody asked that.

        :raises StoreError: when it was cut short: it may be called again.
        """
        async with self._one_by_one:
            await self._read()
            unit = self._catalog.units.get(source)
            if unit is None or unit.heir is None or not (unit.merging or await self._has_more(source)):
                return
            store, names, ward, pair = self._store, self._names, self._catalog.ward, (source, unit.heir)
            levels = self._catalog.levels
            await unit_merging.hold(store, names, ward, pair, levels)
            await unit_merging.fence(store, names, ward, source)
            await moving.settle(store, names, ward)  # a household on its way elsewhere goes there
            await unit_merging.carry(store, names, ward, *pair)
            await unit_merging.carry_photos(store, names, ward, *pair)
            await unit_merging.carry_marks(store, names, ward, *pair)
            await self._move_people(*pair)
            await unit_merging.release(store, names, ward, pair, levels)
            await self._change(source, _ended)
            log.info("units merged", ward=ward, source=source, target=unit.heir)

    async def settle(self) -> None:
        """End every merge that was cut short, and take along what came to a merged unit all the same."""
        await self._read()
        for code, unit in list(self._catalog.units.items()):
            if unit.heir:
                await self.go_on(code)

    async def follow(self) -> None:
        """`settle` now and then, until cancelled."""
        await repeat(self.settle, "merging units", every=LOOK_SECONDS)

    def _check(self, source: str, target: str, *, begun: bool = False) -> None:
        """Pass two units that may be merged; `begun` when it is written already that the first one is.

        :raises Unfit: ``merge-self``, ``merge-unknown``, ``merge-closed``, ``merge-busy``, ``merge-kind``.
        """
        units = self._catalog.units
        if source == target:
            raise Unfit("merge-self")
        if source not in units or target not in units:
            raise Unfit("merge-unknown")
        others = [other.code for other in units.values() if other.merging]
        if others != ([source] if begun else []):
            raise Unfit("merge-busy")
        if any(units[code].closed or units[code].merged_into for code in (source, target)):
            raise Unfit("merge-closed")
        if units[source].kind != units[target].kind:
            raise Unfit("merge-kind")

    async def _move_people(self, source: str, target: str) -> None:
        """Everyone of the unit is of the other one; what was made to invite them leads there."""
        now = text_of(datetime.now(UTC))

        def move(person: Document | None) -> Document | None:
            if person is None or person.get("unit") != source:
                return None
            entry = {"unit": source, "until": now, "by": "merging"}
            past = [*person.get("past", ()), *([entry] if person.get("active") else [])]
            return {**person, "unit": target, "past": past}

        def lead(invitation: Document | None) -> Document | None:
            return {**invitation, "unit": target} if invitation else None

        asked: dict[str, Any] = {"key": [self._catalog.ward, source], "include_docs": "true"}
        rows = await self._store.view(self._accounts.database, DESIGN, "by_ward", **asked)
        for row in rows:
            person = row["doc"]
            made = await self._store.view(
                self._accounts.database, DESIGN, "invitations", key=person["_id"], include_docs="true"
            )
            for invitation in made:
                if invitation["doc"].get("unit") == source:
                    await self._store.update(self._accounts.database, invitation["doc"]["_id"], lead)
            await self._accounts.change(person["_id"], move)

    async def _has_more(self, code: str) -> bool:
        """Whether a merged unit still has records or people, or its figures were left standing still."""
        if (await count_members(self._accounts, self._catalog.ward))[code]:
            return True
        names = self._names.ward(self._catalog.ward)
        rows = await self._store.all_docs(names.unit(code), limit=len(UNIT_DESIGNS) + 1)
        rows += await self._store.all_docs(names.photos(code), limit=len(PHOTO_DESIGNS) + 1)
        rollup = await self._store.find(names.rollup, rollup_id(code)) or {}
        return bool(rollup.get("held")) or any(not row["id"].startswith("_") for row in rows)

    async def _change(self, code: str, change: Any) -> None:
        await change_unit(self._store, self._names.ward(self._catalog.ward).catalog, code, change)
        await self._read()

    async def _read(self) -> None:
        await self._catalog.read_units(self._store, self._names.ward(self._catalog.ward).catalog)


def _ended(stored: Unit) -> Unit | None:
    if stored.merging is None:
        return None
    now = text_of(datetime.now(UTC))
    return msgspec.structs.replace(stored, merging=None, merged_into=stored.merging, closed=now)
