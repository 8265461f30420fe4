"""Everything goes from one store to another, once, and both are the same then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sync.backups.copying import copy
from sync.backups.errors import BackupError
from sync.backups.marks import find_mark
from sync.embedded.child import EmbeddedStore
from sync.ledger import Ledger
from sync.names import Names
from sync.store import Document, Store, StoreUnavailable, StoreUnfit
from sync.ulids import new_ulid
from sync.units import prepare_server, prepare_unit, prepare_ward
from tests.conftest import _delete_all
from tests.sync.samples import visit
from tests.sync.test_backups import WARD, fill, history

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("target")
    with EmbeddedStore(folder) as child:
        store = Store.connect(child.url)
        yield store
        store.close()


@pytest.fixture
async def names(store: Store) -> AsyncIterator[Names]:
    one = Names(f"c{new_ulid().lower()[-10:]}-")
    await prepare_server(store, one)
    await prepare_ward(store, one, WARD)
    await prepare_unit(store, one, WARD, "tdp-07")
    await store.create(one.ward(WARD).photos("tdp-07"))
    await store.update(one.accounts, "generation", lambda _: {"type": "generation", "value": one.prefix})
    await fill(store, one)
    await Ledger(store, one).enter(WARD, "tdp-07", [f"resident:{new_ulid()}"])
    yield one
    await _delete_all(store, one.prefix)


async def test_everything_is_the_same_in_both(store: Store, target: Store, names: Names) -> None:
    done = await copy(store, target, names)
    there, here = await history(target, names), await history(store, names)
    assert there.pop("accounts") != here.pop("accounts"), "phones would not notice that sequences are others"
    assert there == here
    assert {one.name for one in done} == {*map(names.prefix.__add__, here), names.accounts, names.ledger}
    unit = names.unit(WARD, "tdp-07")
    assert await target.security(unit) == await store.security(unit)
    assert len(await Ledger(target, names).entries()) == 1
    assert await find_mark(target, names) is None
    mark = await find_mark(store, names)
    assert mark is not None
    assert mark["to"] == target.address, "a server would start on the store that was left"
    assert names.tries not in await target.databases()


async def test_a_copy_that_was_cut_short_goes_on_where_it_was(
    store: Store, target: Store, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.backups.history.FIRST", 4)
    monkeypatch.setattr("sync.backups.history.MOST", 8)
    graft, calls = Store.graft, 0

    async def fall(self: Store, database: str, documents: list[Document]) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise StoreUnavailable("cut")
        await graft(self, database, documents)

    monkeypatch.setattr(Store, "graft", fall)
    with pytest.raises(StoreUnavailable):
        await copy(store, target, names)
    mark = await find_mark(target, names)
    assert mark is not None
    assert mark["_id"] == "copying", "a server would start on half a store"
    done = {one.name: one for one in await copy(store, target, names)}
    assert sum(one.sent for one in done.values()) < sum(one.revisions for one in done.values())
    assert (await history(target, names))["w09562-tdp-07"] == (await history(store, names))["w09562-tdp-07"]


async def test_nothing_goes_into_a_store_that_has_records_or_cannot_be_used(
    store: Store, target: Store, names: Names
) -> None:
    other = Names(f"c{new_ulid().lower()[-10:]}-")
    with pytest.raises(BackupError, match="same-store"):
        await copy(store, store, names)
    wrong = Store.connect(target.url.replace(target.credentials[1], "wrong"))
    with pytest.raises(StoreUnfit, match="refuses the name or password"):
        await copy(store, wrong, names)
    wrong.close()
    await prepare_unit(target, names, WARD, "tdp-07")
    await target.graft(names.unit(WARD, "tdp-07"), [visit()])
    with pytest.raises(BackupError, match="store-not-empty"):
        await copy(store, target, names)
    assert await find_mark(target, names) is None
    assert await find_mark(store, names) is None
    assert not [one for one in await target.databases() if one.startswith(other.prefix)]


async def test_a_difference_is_noticed(
    store: Store, target: Store, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    graft = Store.graft

    async def lose(self: Store, database: str, documents: list[Document]) -> None:
        await graft(self, database, documents[1:])

    monkeypatch.setattr(Store, "graft", lose)
    with pytest.raises(BackupError, match="store-incomplete"):
        await copy(store, target, names)
    monkeypatch.undo()
    await copy(store, target, names)
