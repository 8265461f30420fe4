"""A visit that two people amended apart counts once, before and after the server merged it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.check import check_store
from sync.conflicts import Conflicts
from sync.names import Names
from sync.rollup import Rollup, rollup_id
from sync.store import Store
from sync.units import prepare_server, prepare_unit, prepare_ward
from tests.desk.documents import LEVELS
from tests.desk.test_rollup import visit

pytestmark = pytest.mark.anyio
WARD = "09562"


@pytest.fixture
async def unit(store: Store, names: Names) -> AsyncIterator[str]:
    await prepare_server(store, names)
    await prepare_ward(store, names, WARD)
    database = await prepare_unit(store, names, WARD, "tdp-07")
    yield database
    await store.delete_database(database)
    await store.delete_database(names.ward(WARD).rollup)


async def test_a_merged_visit_counts_once(store: Store, names: Names, unit: str) -> None:
    counted: list[str] = []
    rollups = Rollup(store, names, LEVELS)
    conflicts = Conflicts(store, names, announce=counted.append)

    async def acts() -> Any:
        for database in counted or [unit]:
            await rollups.refresh(database)
        return (await store.get(names.ward(WARD).rollup, rollup_id("tdp-07")))["days"]["2026-05-01"]["acts"]

    base = {**visit(1), "schema": 1}
    amended = [
        {
            **base,
            "record": {**base["record"], "at": f"2026-05-01T0{n}:00:00.000Z"},
            "_rev": f"1-{n}" + "0" * 31,
        }
        for n in (6, 7)
    ]
    await store.graft(unit, amended)
    assert await acts() == {"ihanoi/installed": 1}
    assert await conflicts.settle(unit) == 1
    assert counted == [unit], "the rollup was not told"
    assert await acts() == {"ihanoi/installed": 1}
    assert await check_store(store, names, LEVELS) == []
    (merged,) = await store.leaves(unit, base["_id"])
    assert [entry["at"] for entry in merged["history"]] == ["2026-05-01T06:00:00.000Z"]
