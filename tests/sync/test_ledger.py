"""The ledger of what was erased: ids and times, whoever wrote them."""

from __future__ import annotations

import pytest

from sync.ledger import Ledger
from sync.names import Names
from sync.store import Store
from sync.ulids import new_ulid
from sync.units import prepare_server

pytestmark = pytest.mark.anyio
WARD = "09562"


@pytest.fixture
async def ledger(store: Store, names: Names) -> Ledger:
    await prepare_server(store, names)
    return Ledger(store, names)


async def test_what_one_process_enters_every_other_knows_at_once(
    ledger: Ledger, store: Store, names: Names
) -> None:
    one, other = f"resident:{new_ulid()}", f"resident:{new_ulid()}"
    database = names.unit(WARD, "tdp-07")
    assert await Ledger(store, names).erased(database, {one}) == set()
    await ledger.enter(WARD, "tdp-07", [one])
    assert await Ledger(store, names).erased(database, {one, other}) == {one}
    assert await ledger.erased(names.unit(WARD, "tdp-08"), {one}) == set()


async def test_an_erasure_is_open_until_it_is_finished_and_keeps_its_first_time(
    ledger: Ledger, store: Store, names: Names
) -> None:
    id = f"resident:{new_ulid()}"
    await ledger.enter(WARD, "tdp-07", [id])
    key = f"erased:w{WARD}-tdp-07:{id}"
    first = await store.get(names.ledger, key)
    assert [entry.done for entry in await ledger.entries() if entry.id == id] == [False]
    await ledger.enter(WARD, "tdp-07", [id])
    await ledger.finish(WARD, "tdp-07", [id])
    await ledger.finish(WARD, "tdp-07", [id])
    assert [entry.done for entry in await ledger.entries() if entry.id == id] == [True]
    last = await store.get(names.ledger, key)
    assert last["at"] == first["at"]
    assert last.keys() == {"_id", "_rev", "type", "ward", "unit", "id", "at", "done"}
