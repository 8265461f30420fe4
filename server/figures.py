"""Reads what a board is made of: rollups, distinct people, phones, refused documents."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog

from server.board import Phone, Source, read_phone
from server.progress import Period, days_of
from sync.names import Names
from sync.refused import count_refused
from sync.rollup import (
    People,
    count_by_volunteer,
    count_people,
    join_people,
    list_people,
    rollup_id,
    tell_people,
)
from sync.store import Broken, NotFound, Store

log = structlog.get_logger(__name__)
REMEMBERED = 5000
AT_ONCE = 8
Rollups = dict[str, Mapping[str, Any]]


class Figures:
    """The desk's reader. Distinct people are remembered by unit, sequence and range, so never stale,
    rollups by revision."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._names = names
        self._people: OrderedDict[tuple[str, str, str, str], People] = OrderedDict()
        self._rollups: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._known_accounts: tuple[str, list[dict[str, Any]]] = ("", [])
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def read(self, ward: str, units: Sequence[str], period: Period) -> Source:
        """What a board of these units shows; one unit alone also gets its volunteers' acts.

        :raises StoreError: when the store cannot be asked.
        """
        rollups, accounts, refused = await asyncio.gather(
            self.rollups(ward, units), self.accounts(), self.refused(ward)
        )
        people, acts_by = await asyncio.gather(
            self.people(ward, rollups, period), self._acts_by(ward, units, rollups, period)
        )
        names, phones = read_accounts(accounts, ward)
        quarantined = sum(refused.values()) if len(units) != 1 else refused.get(units[0], 0)
        return Source(rollups, people, phones, quarantined, names, acts_by)

    async def rollups(self, ward: str, units: Sequence[str]) -> Rollups:
        """The rollups of these units, of those that have one; only what changed is fetched."""
        database = self._names.ward(ward).rollup
        rows = await self._store.all_docs(database, startkey="rollup:", endkey="rollup:\ufff0")
        revs = {row["id"]: row["value"]["rev"] for row in rows}
        known = self._rollups.setdefault(database, {})
        stale = [id for id, rev in revs.items() if id not in known or known[id]["_rev"] != rev]
        if stale:
            for row in await self._store.all_docs(database, keys=stale, include_docs=True):
                if row.get("doc"):
                    known[row["id"]] = row["doc"]
        wanted = [rollup_id(unit) for unit in units]
        return {known[id]["unit"]: known[id] for id in wanted if id in revs and id in known}

    async def people(self, ward: str, rollups: Rollups, period: Period) -> dict[str, People]:
        """Distinct people of the period in each unit that has data in it, and whose database can be read."""
        with_data = [code for code, rollup in rollups.items() if days_of(rollup, period)]
        counts = await asyncio.gather(*(self._people_of(ward, rollups[code], period) for code in with_data))
        people = {code: count for code, count in zip(with_data, counts, strict=True) if count is not None}
        held = {code: rollup["held"] for code, rollup in rollups.items() if rollup.get("held")}
        if len(held) > 1 and not people.keys().isdisjoint(held):
            units = sorted(held, key=lambda code: bool(code == held[code]))
            together = await self._count_held(ward, units, period)
            people |= {**dict.fromkeys(units, People(0, 0)), units[-1]: together}
        return people

    async def _count_held(self, ward: str, units: Sequence[str], period: Period) -> People:
        """Distinct people of units that are just being merged: whoever is in both meanwhile counts once."""
        first, last = period.first.isoformat(), period.last.isoformat()
        databases = [self._names.unit(ward, unit) for unit in units]
        # first the one that is left: nobody who moves in between is missed
        found = [await list_people(self._store, database, first, last) for database in databases]
        return tell_people(join_people(told for people in found for told in people.items()))

    async def _people_of(self, ward: str, rollup: Mapping[str, Any], period: Period) -> People | None:
        database = self._names.unit(ward, rollup["unit"])
        first, last = period.first.isoformat(), period.last.isoformat()
        key = (database, rollup["seq"], first, last)
        if key not in self._people:
            async with self._turns:
                try:
                    self._people[key] = await count_people(self._store, database, first, last)
                except Broken as error:
                    log.error("people cannot be counted", reason=error.reason)
                    return None
            while len(self._people) > REMEMBERED:
                self._people.popitem(last=False)
        return self._people[key]

    async def _acts_by(
        self, ward: str, units: Sequence[str], rollups: Rollups, period: Period
    ) -> dict[str, int] | None:
        if len(units) != 1 or not rollups:
            return None
        first, last = period.first.isoformat(), period.last.isoformat()
        with suppress(Broken):
            return await count_by_volunteer(self._store, self._names.unit(ward, units[0]), first, last)
        return None

    async def accounts(self) -> list[dict[str, Any]]:
        """All people and devices; read again only when one of them changed."""
        seq = str((await self._store.info(self._names.accounts))["update_seq"])
        if self._known_accounts[0] == seq:
            return self._known_accounts[1]
        found: list[dict[str, Any]] = []
        for kind in ("person", "device"):
            rows = await self._store.all_docs(
                self._names.accounts, startkey=f"{kind}:", endkey=f"{kind}:\ufff0", include_docs=True
            )
            found += [row["doc"] for row in rows]
        self._known_accounts = (seq, found)
        return found

    async def moved(self, ward: str) -> int:
        """How many households went from one unit to another, and may have been visited in both."""
        try:
            rows = await self._store.all_docs(
                self._names.ward(ward).privacy, startkey="moved:household:", endkey="moved:household;"
            )
        except NotFound:
            return 0
        return len(rows)

    async def refused(self, ward: str) -> dict[str, int]:
        """How many refused documents of each unit wait to be looked at."""
        try:
            return await count_refused(self._store, self._names.ward(ward).quarantine)
        except NotFound:
            return {}


def read_accounts(accounts: Sequence[Mapping[str, Any]], ward: str) -> tuple[dict[str, str], list[Phone]]:
    """What the people of the ward are called, by id, and the phones that take part."""
    people = {row["_id"]: row for row in accounts if row.get("type") == "person" and row.get("ward") == ward}
    now = datetime.now(UTC)
    phones = [
        phone
        for row in accounts
        if row.get("type") == "device" and row.get("person") in people
        for phone in [read_phone(row, people[row["person"]], now)]
        if phone is not None
    ]
    return {id: str(person["name"]) for id, person in people.items()}, phones
