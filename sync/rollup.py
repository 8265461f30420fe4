"""One small summary per unit, counted from grouped views, for pages to read.

`count_unit` reads the views of `design_docs/progress`, `assemble` makes the document of
docs/architecture.md from their rows, and `Rollup` keeps ``…-rollup`` up to date: it follows which
databases changed and counts only those. A rollup holds no personal data of residents.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog

from sync.background import apart
from sync.names import Names
from sync.store import NotFound, Row, Store, StoreError

DESIGN = "progress"
GROUPED = (
    "acts",
    "senior",
    "doors",
    "people_first",
    "person_first",
    "adults_first",
    "homes_first",
    "household_first",
    "volunteers",
    "obstacles",
    "referrals",
    "census",
    "unreadable",
)
BY_LEVEL = {"acts": 3, "senior": 3}
"""Views read at a coarser grouping than their whole key: the volunteer is not needed here."""

Levels = Mapping[str, Sequence[str]]
"""The levels of each service from low to high, as the catalog orders them."""

Document = dict[str, Any]
log = structlog.get_logger(__name__)


def rollup_id(unit: str) -> str:
    return f"rollup:{unit}"


def counting(levels: Levels) -> str:
    """A mark of how figures were counted; a rollup that bears another one is counted afresh."""
    rule = json.dumps([1, sorted((service, list(order)) for service, order in levels.items())])
    return hashlib.sha256(rule.encode()).hexdigest()[:12]


def assemble(views: Mapping[str, Iterable[Row]], levels: Levels) -> Document:
    """The figures of one unit: ``households residents adults adults_known unreadable days``.

    `views` holds the grouped rows of each view in `GROUPED`.
    """
    days: dict[str, Document] = defaultdict(empty_day)
    for row in views["volunteers"]:
        day, volunteer = row["key"]
        days[day]["volunteers"][volunteer] = row["value"]
    for view in ("acts", "senior"):
        for row in views[view]:
            day, service, level = row["key"]
            days[day][view][f"{service}/{level}"] = row["value"]
    for view in ("doors", "obstacles", "referrals"):
        for row in views[view]:
            day, key = row["key"]
            days[day][view][key] = row["value"]
    for view, figure in (("person_first", "new_people"), ("household_first", "new_doors")):
        for row in views[view]:
            days[_day(row)][figure] += 1
    for row in views["people_first"]:
        _, service, level = row["key"]
        _add(days[_day(row)]["new"], f"{service}/{level}")
    _add_reached(days, "adults_at", views["adults_first"], levels)
    _add_reached(days, "homes_at", views["homes_first"], levels)
    census = {row["key"]: row["value"] for row in views["census"]}
    return {
        "households": census.get("household", 0),
        "residents": census.get("resident", 0),
        "adults": census.get("adults", 0),
        "adults_known": census.get("adults-known", 0),
        "unreadable": sum(row["value"] for row in views["unreadable"]),
        "days": {day: days[day] for day in sorted(days)},
    }


def empty_day() -> Document:
    return {
        "acts": {},
        "senior": {},
        "new": {},
        "new_people": 0,
        "adults_at": {},
        "homes_at": {},
        "doors": {},
        "new_doors": 0,
        "volunteers": {},
        "obstacles": {},
        "referrals": {},
    }


def _day(row: Row) -> str:
    """The first day of a `_stats` row over yyyymmdd."""
    text = str(int(row["value"]["min"]))
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _add(figures: dict[str, int], key: str) -> None:
    figures[key] = figures.get(key, 0) + 1


def _add_reached(days: dict[str, Document], figure: str, rows: Iterable[Row], levels: Levels) -> None:
    """Count whoever is at a level *or above*, on the day that this was first so."""
    first: dict[tuple[str, str, str], str] = {}
    for row in rows:
        who, service, level = row["key"]
        day = _day(row)
        for lower in reached_by(level, levels.get(service, ())):
            known = first.get((who, service, lower))
            if known is None or day < known:
                first[who, service, lower] = day
    for (_, service, level), day in first.items():
        _add(days[day][figure], f"{service}/{level}")


def reached_by(level: str, order: Sequence[str]) -> Sequence[str]:
    """The levels that someone at `level` has: it and all below it; a level not in `order` is its own."""
    return order[: order.index(level) + 1] if level in order else (level,)


async def count_unit(store: Store, database: str, levels: Levels) -> Document:
    """The figures of one unit's database, with the `seq` that they surely contain.

    :raises StoreError: when the store cannot be asked.
    """
    seq = (await store.info(database))["update_seq"]

    async def rows(view: str) -> list[Row]:
        if view in BY_LEVEL:
            return await store.view(database, DESIGN, view, group_level=BY_LEVEL[view])
        return await store.view(database, DESIGN, view, group=True)

    found = {GROUPED[0]: await rows(GROUPED[0])}  # the first one indexes them all
    for view in GROUPED[1:]:
        found[view] = await rows(view)
    return {"seq": str(seq), **assemble(found, levels)}


def describe(unit: str, counting: str, counted: Document) -> Document:
    """The rollup document of what was counted just now."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": "rollup", "unit": unit, "counting": counting, "at": at, **counted}


class People(NamedTuple):
    """Distinct people (người), and how many of them are of 60 and over."""

    distinct: int
    seniors: int


async def count_people(store: Store, database: str, first: str, last: str) -> People:
    """Distinct people helped from `first` to `last`, days included."""
    return tell_people(await list_people(store, database, first, last))


async def list_people(store: Store, database: str, first: str, last: str) -> dict[str, bool]:
    """Who was helped, and whether a record of these days says that they are of 60 and over."""
    rows = await store.view(database, DESIGN, "people_days", group=True, startkey=[first], endkey=[last, {}])
    return join_people((row["key"][1], row["value"] > 0) for row in rows)


def join_people(told: Iterable[tuple[str, bool]]) -> dict[str, bool]:
    people: dict[str, bool] = {}
    for person, senior in told:
        people[person] = senior or people.get(person, False)
    return people


def tell_people(people: Mapping[str, bool]) -> People:
    return People(len(people), sum(people.values()))


async def count_by_volunteer(store: Store, database: str, first: str, last: str) -> dict[str, int]:
    """Acts of help (lượt) of each volunteer from `first` to `last`."""
    acts: dict[str, int] = defaultdict(int)
    rows = await store.view(database, DESIGN, "acts", group=True, startkey=[first], endkey=[last, {}])
    for row in rows:
        acts[row["key"][3]] += row["value"]
    return dict(acts)


@dataclass(frozen=True)
class Change:
    """A rollup that was written just now."""

    ward: str
    unit: str


class Rollup:
    """Keeps the rollups of all wards up to date; any number of processes may run one.

    `hint` says at once that a unit's database changed; whatever was changed by other processes is found by
    asking `_dbs_info` every `POLL_SECONDS`. A failing store is tried again with growing pauses, and nothing
    is forgotten meanwhile.
    """

    POLL_SECONDS = 5.0
    DISCOVER_SECONDS = 60.0
    AT_ONCE = 2

    def __init__(
        self,
        store: Store,
        names: Names,
        levels: Levels,
        *,
        announce: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self._store = store
        self._names = names
        self._levels = levels
        self._counting = counting(levels)
        self._announce = announce
        self._dirty: set[str] = set()
        self._counted: dict[str, str] = {}
        self._wake = asyncio.Event()

    def hint(self, database: str) -> None:
        """This unit's database has something new; other databases are ignored. Costs nothing."""
        if self._names.owner(database) is not None:
            self._dirty.add(database)
            self._wake.set()

    @property
    def to_count(self) -> int:
        """How many units are known to have records that were not counted yet."""
        return len(self._dirty)

    async def run(self) -> None:
        """Follow for ever; ends only by cancellation."""
        pause = 0.0
        databases: list[str] = []
        discovered = float("-inf")
        clock = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            try:
                if clock() - discovered >= self.DISCOVER_SECONDS:
                    databases = await self._discover()
                    discovered = clock()
                await self._look(databases)
                await self.settle()
                pause = 0.0
            except StoreError as error:
                pause = min(2 * pause or 0.5, 30.0)
                log.warning("rollups wait for the store", code=error.code, seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause or self.POLL_SECONDS)

    async def catch_up(self) -> None:
        """Bring every unit's rollup up to date, once.

        :raises StoreError: when the store cannot be asked.
        """
        await self._look(await self._discover())
        await self.settle()

    async def settle(self) -> None:
        """Count every unit known to have changed, a few at once.

        :raises StoreError: when one could not be counted; it stays to be done, the others are.
        """
        waiting = sorted(self._dirty)
        with apart() as each:
            for start in range(0, len(waiting), self.AT_ONCE):
                batch = waiting[start : start + self.AT_ONCE]
                self._dirty.difference_update(batch)
                results = await asyncio.gather(*map(self.refresh, batch), return_exceptions=True)
                found = zip(batch, results, strict=True)
                failed = {database: one for database, one in found if isinstance(one, BaseException)}
                self._dirty.update(failed)
                for failure in failed.values():
                    with each():
                        raise failure

    async def refresh(self, database: str) -> bool:
        """Bring one unit's rollup up to date; whether it was written.

        :raises StoreError: when the store cannot be asked.
        """
        owner = self._names.owner(database)
        if owner is None:
            raise ValueError(f"{database} is not the database of a unit")
        ward, unit = owner
        target = self._names.ward(ward).rollup
        try:
            seq = str((await self._store.info(database))["update_seq"])
            stored = await self._store.find(target, rollup_id(unit))
            if stored and stored.get("held"):
                return False
            if stored and stored.get("seq") == seq and stored.get("counting") == self._counting:
                self._counted[database] = seq
                return False
            counted = await count_unit(self._store, database, self._levels)
        except NotFound:
            log.info("no rollup for a unit that is not ready", database=database)
            return False
        await self._write(target, unit, counted)
        self._counted[database] = counted["seq"]
        self._announce(Change(ward, unit))
        return True

    async def _write(self, target: str, unit: str, counted: Document) -> None:
        document = describe(unit, self._counting, counted)
        await self._store.update(
            target, rollup_id(unit), lambda stored: None if stored and stored.get("held") else document
        )

    async def _discover(self) -> list[str]:
        return [name for name in await self._store.databases() if self._names.owner(name) is not None]

    async def _look(self, databases: list[str]) -> None:
        for name, info in (await self._store.infos(databases)).items():
            if self._counted.get(name) != str(info["update_seq"]):
                self._dirty.add(name)
