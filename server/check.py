"""``gtn check``: every figure of the rollups against a count over the documents themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from server.numbers import vietnam_today
from server.progress import Period
from server.recount import recount, recount_people
from sync.names import Names
from sync.rollup import Levels, Rollup, count_people, rollup_id, tell_people
from sync.store import Broken, Store

if TYPE_CHECKING:
    from server.site import Site

SETTLE_SECONDS = 20.0
PAUSE_SECONDS = 0.25
LOOKED_AT = ("households", "residents", "adults", "adults_known", "unreadable")


@dataclass(frozen=True)
class Difference:
    """One figure that is not what the documents say; `where` names it."""

    ward: str
    unit: str
    where: str
    shown: object
    counted: object

    def __str__(self) -> str:
        return f"{self.ward} {self.unit} {self.where}: shown {self.shown}, counted {self.counted}"


async def check(site: Site) -> list[Difference]:
    """Every difference in every unit; none when the dashboard is true.

    :raises StoreError: when the store cannot be asked.
    """
    return await check_store(site.store, site.names, site.catalog.levels)


async def check_store(store: Store, names: Names, levels: Levels) -> list[Difference]:
    rollups = Rollup(store, names, levels)
    found: list[Difference] = []
    for database in sorted(await store.databases()):
        owner = names.owner(database)
        if owner is not None:
            try:
                found += await _check_unit(store, names, rollups, levels, database, *owner)
            except Broken as error:
                found.append(Difference(*owner, "database", "cannot be read", error.reason))
    return found


async def _check_unit(
    store: Store, names: Names, rollups: Rollup, levels: Levels, database: str, ward: str, unit: str
) -> list[Difference]:
    """A unit that phones write to meanwhile is counted again until it holds still, for a while."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        await rollups.refresh(database)
        rollup = await store.find(names.ward(ward).rollup, rollup_id(unit))
        if rollup is None:
            return [Difference(ward, unit, "rollup", "none", database)]
        documents = [document async for page in store.pages(database) for document in page]
        documents = [document for document in documents if not document["_id"].startswith("_")]
        people = await _compare_people(store, database, documents, rollup)
        seq = rollup["seq"]
        if str((await store.info(database))["update_seq"]) == seq:
            differences = [*compare(rollup, recount(documents, levels)), *people]
            return [Difference(ward, unit, *difference) for difference in differences]
        if time.monotonic() > deadline:
            return [Difference(ward, unit, "seq", seq, "still changing")]
        await asyncio.sleep(PAUSE_SECONDS)


def compare(rollup: Mapping[str, Any], counted: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    """(where, shown, counted) of each figure that differs."""
    for figure in LOOKED_AT:
        if rollup[figure] != counted[figure]:
            yield figure, rollup[figure], counted[figure]
    for day in sorted({*rollup["days"], *counted["days"]}):
        shown, true = _flat(rollup["days"].get(day, {})), _flat(counted["days"].get(day, {}))
        for figure in sorted({*shown, *true}):
            if shown.get(figure) != true.get(figure):
                yield f"{day} {figure}", shown.get(figure), true.get(figure)


async def _compare_people(
    store: Store, database: str, documents: list[dict[str, Any]], rollup: Mapping[str, Any]
) -> list[tuple[str, object, object]]:
    """Distinct people of the whole time and of the periods that pages offer."""
    days = sorted(rollup["days"])
    if not days:
        return []
    today = vietnam_today()
    whole = Period(date.fromisoformat(days[0]), date.fromisoformat(days[-1]))
    week, month = Period(today - timedelta(days=6), today), Period(today.replace(day=1), today)
    found: list[tuple[str, object, object]] = []
    for period in (whole, week, month):
        first, last = period.first.isoformat(), period.last.isoformat()
        shown = await count_people(store, database, first, last)
        counted = tell_people(recount_people(documents, first, last))
        if shown != counted:
            found.append((f"people {first} to {last}", shown, counted))
    return found


def _flat(day: Mapping[str, Any]) -> dict[str, object]:
    """The figures of a day by name; a figure that is not there and one that is 0 differ by presence."""
    flat: dict[str, object] = {}
    for figure, value in day.items():
        if isinstance(value, Mapping):
            flat.update({f"{figure} {key}": count for key, count in value.items()})
        else:
            flat[figure] = value
    return flat
