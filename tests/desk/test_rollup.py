"""Rollups of real databases: counted from views, followed, and checked against the documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.check import check_store
from sync.names import Names
from sync.rollup import Change, Rollup, count_people, rollup_id
from sync.store import Store, StoreUnavailable
from sync.units import prepare_unit, prepare_ward
from tests.desk.documents import LEVELS

pytestmark = pytest.mark.anyio
WARD = "09562"
NOON = "T05:00:00.000Z"


def visit(n: int, day: str = "2026-05-01", **changes: Any) -> dict[str, Any]:
    help = {"service": "ihanoi", "level": "installed", "person": f"resident:{n % 7}", "age_band": "60-plus"}
    record = {"at": day + NOON, "outcome": "met", "helps": [help], **changes}
    return {
        "_id": f"visit:{n:06}",
        "type": "visit",
        "household": f"household:{n % 5}",
        "created": {"at": day + NOON, "by": "person:hoa", "device": "device:1"},
        "record": {"value": record, "at": day + NOON, "by": "person:hoa"},
    }


def household(n: int) -> dict[str, Any]:
    return {"_id": f"household:{n}", "type": "household", "adults": {"value": 2}}


@pytest.fixture
async def unit(store: Store, names: Names) -> AsyncIterator[str]:
    """The empty database of a unit."""
    await prepare_ward(store, names, WARD)
    database = await prepare_unit(store, names, WARD, "tdp-07")
    yield database
    await store.delete_database(database)
    await store.delete_database(names.ward(WARD).rollup)


async def read(store: Store, names: Names) -> dict[str, Any]:
    return await store.get(names.ward(WARD).rollup, rollup_id("tdp-07"))


async def test_a_rollup_holds_what_the_documents_say(store: Store, names: Names, unit: str) -> None:
    spoilt = {**visit(99), "record": {"value": {"at": "soon", "outcome": "met"}}}
    withdrawn = visit(98, withdrawn=True)
    await store.bulk(unit, [visit(n) for n in range(10)] + [household(n) for n in range(5)])
    await store.bulk(unit, [visit(20, "2026-05-02"), spoilt, withdrawn])
    changes: list[Change] = []
    assert await Rollup(store, names, LEVELS, announce=changes.append).refresh(unit)
    rollup = await read(store, names)
    first = rollup["days"]["2026-05-01"]
    assert first["acts"] == {"ihanoi/installed": 10} == first["senior"]
    assert first["new"] == {"ihanoi/installed": 7}
    assert (first["new_people"], first["new_doors"], first["doors"]) == (7, 5, {"met": 10})
    assert first["homes_at"] == {"ihanoi/introduced": 5, "ihanoi/installed": 5}
    assert rollup["days"]["2026-05-02"]["new_people"] == 0
    assert (rollup["households"], rollup["adults"], rollup["unreadable"]) == (5, 10, 1)
    assert changes == [Change(WARD, "tdp-07")]
    assert await count_people(store, unit, "2026-05-01", "2026-05-01") == (7, 7)
    assert await count_people(store, unit, "2026-05-02", "2026-05-09") == (1, 1)
    assert await check_store(store, names, LEVELS) == []


async def test_nothing_is_written_when_nothing_changed(store: Store, names: Names, unit: str) -> None:
    await store.bulk(unit, [visit(1)])
    rollups = Rollup(store, names, LEVELS)
    assert await rollups.refresh(unit)
    rev = (await read(store, names))["_rev"]
    assert not await rollups.refresh(unit)
    assert not await Rollup(store, names, LEVELS).refresh(unit)
    assert (await read(store, names))["_rev"] == rev


async def test_a_new_order_of_levels_is_counted_afresh(store: Store, names: Names, unit: str) -> None:
    await store.bulk(unit, [visit(1)])
    await Rollup(store, names, {}).refresh(unit)
    assert (await read(store, names))["days"]["2026-05-01"]["homes_at"] == {"ihanoi/installed": 1}
    await Rollup(store, names, LEVELS).refresh(unit)
    reached = {"ihanoi/introduced": 1, "ihanoi/installed": 1}
    assert (await read(store, names))["days"]["2026-05-01"]["homes_at"] == reached


async def test_a_wrong_figure_is_found_by_the_check(store: Store, names: Names, unit: str) -> None:
    await store.bulk(unit, [visit(1)])
    await Rollup(store, names, LEVELS).refresh(unit)
    rollup = await read(store, names)
    rollup["days"]["2026-05-01"]["acts"]["ihanoi/installed"] = 2
    await store.put(names.ward(WARD).rollup, rollup)
    found = await check_store(store, names, LEVELS)
    assert [str(each) for each in found] == [
        "09562 tdp-07 2026-05-01 acts ihanoi/installed: shown 2, counted 1"
    ]


async def test_a_hint_is_counted_within_two_seconds(store: Store, names: Names, unit: str) -> None:
    heard = asyncio.Event()
    rollups = Rollup(store, names, LEVELS, announce=lambda change: heard.set())
    task = asyncio.create_task(rollups.run())
    try:
        await asyncio.wait_for(heard.wait(), 10)  # the first look round
        heard.clear()
        await store.bulk(unit, [visit(1)])
        start = time.monotonic()
        rollups.hint(unit)
        await asyncio.wait_for(heard.wait(), 10)
        assert time.monotonic() - start < 2
        assert (await read(store, names))["days"]["2026-05-01"]["acts"] == {"ihanoi/installed": 1}
    finally:
        task.cancel()


async def test_a_store_that_fails_is_tried_again_and_nothing_is_forgotten(
    store: Store, names: Names, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.bulk(unit, [visit(1)])
    rollups = Rollup(store, names, LEVELS)
    failures = iter([StoreUnavailable("down"), StoreUnavailable("down")])
    whole = store.view

    async def failing(*args: Any, **params: Any) -> Any:
        for failure in failures:
            raise failure
        return await whole(*args, **params)

    monkeypatch.setattr(store, "view", failing)
    rollups.hint(unit)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await rollups.settle()
    await rollups.settle()
    assert (await read(store, names))["days"]["2026-05-01"]["acts"] == {"ihanoi/installed": 1}


async def test_databases_that_are_no_units_are_not_counted(store: Store, names: Names) -> None:
    rollups = Rollup(store, names, LEVELS)
    rollups.hint(names.accounts)
    rollups.hint(names.ward(WARD).quarantine)
    await rollups.settle()
    with pytest.raises(ValueError, match="not the database of a unit"):
        await rollups.refresh(names.accounts)
