"""Everything comes back as it was: revisions, histories, conflicts, tombstones, attachments, who may read."""

from __future__ import annotations

import asyncio
import base64
import random
from pathlib import Path
from typing import Any

import pytest

from sync.backups.errors import BackupError
from sync.backups.history import in_batches, read_history, size_of
from sync.backups.making import make, make_of_ledger
from sync.backups.marks import find_mark
from sync.backups.restoring import (
    add_to_ledger,
    finish,
    put_back,
    verify,
)
from sync.ledger import Ledger
from sync.names import Names
from sync.presence import Presence, is_served
from sync.store import Document, Store
from sync.ulids import new_ulid
from sync.units import prepare_server, prepare_unit, prepare_ward
from tests.conftest import _delete_all
from tests.sync.samples import child, register, resident, visit

pytestmark = pytest.mark.anyio
WARD = "09562"
OPEN: dict[str, Any] = {"ward": WARD, "settings": {"public_url": "https://go.example.vn"}}


@pytest.fixture
async def names(store: Store) -> Any:
    """An installation of the test's own, with records of every kind."""
    one = Names(f"b{new_ulid().lower()[-10:]}-")
    await prepare_server(store, one)
    await prepare_ward(store, one, WARD)
    for unit in ("tdp-07", "tdp-08"):
        await prepare_unit(store, one, WARD, unit)
    await store.create(one.ward(WARD).photos("tdp-07"))
    await store.update(one.accounts, "generation", lambda _: {"type": "generation", "value": "old"})
    await store.update(one.ward(WARD).rollup, "rollup:tdp-07", lambda _: {"type": "rollup", "seq": "5-x"})
    await fill(store, one)
    yield one
    await _delete_all(store, one.prefix)


@pytest.fixture
async def fresh(store: Store) -> Any:
    """An installation of which nothing is there yet."""
    one = Names(f"b{new_ulid().lower()[-10:]}-")
    yield one
    await _delete_all(store, one.prefix)


async def fill(store: Store, names: Names) -> None:
    database = names.unit(WARD, "tdp-07")
    visits = [visit() for _ in range(30)]
    person = resident(name="Trần Thị Mơ")
    one = child(person, label=register("Bà Mơ", at="2026-05-03T02:00:00.000Z"))
    two = child(person, label=register("Cụ Mơ", at="2026-05-04T02:00:00.000Z"))
    gone = child(visits[0])
    ended = {name: value for name, value in gone.items() if name in ("_id", "_rev", "_revisions")}
    await store.graft(database, [*visits, person, one, two, {**ended, "_deleted": True}])
    photo = {
        "content_type": "image/jpeg",
        "data": base64.b64encode(random.Random(1).randbytes(9000)).decode(),
    }
    await store.put(names.ward(WARD).photos("tdp-07"), {"_id": "photo:1", "_attachments": {"a.jpg": photo}})
    await store.update(database, "_local/device:x.checkpoint", lambda _: {"since": "3"})


async def history(store: Store, names: Names) -> dict[str, dict[tuple[str, str], Document]]:
    """All that can be told of an installation's kept databases, by the names that every prefix shares."""
    found: dict[str, dict[tuple[str, str], Document]] = {}
    for database in await store.databases():
        if names.is_kept(database):
            rows = found.setdefault(names.public(database), {})
            async for documents in read_history(store, database):
                rows.update({(one["_id"], one["_rev"]): one for one in documents})
    return found


@pytest.mark.parametrize("passphrase", ["", "một hai ba bốn"])
async def test_an_installation_comes_back_into_a_fresh_store(
    store: Store, names: Names, fresh: Names, tmp_path: Path, passphrase: str
) -> None:
    before = await history(store, names)
    made = await make(store, names, tmp_path / "a", passphrase, **OPEN)
    assert {one.name for one in made.databases} == before.keys()
    assert made.revisions == sum(map(len, before.values()))
    contents = await put_back(store, fresh, tmp_path / "a", passphrase, ward=WARD, replace=False)
    assert contents.begin.settings["public_url"] == "https://go.example.vn"
    after = await history(store, fresh)
    for rows in (before, after):  # what a restore changes on purpose
        rows["accounts"] = {}
        rows["w09562-rollup"] = {}
    assert after == before
    assert fresh.ledger in await store.databases()
    for public in before:
        closed = [await store.security(one.prefix + public) for one in (names, fresh)]
        assert closed[0] == closed[1], public
    assert (await store.get(fresh.accounts, "generation"))["value"] not in ("", "old")
    assert (await store.get(fresh.ward(WARD).rollup, "rollup:tdp-07"))["seq"] == ""
    assert await store.find(fresh.unit(WARD, "tdp-07"), "_local/device:x.checkpoint") is None


async def test_a_backup_made_while_others_write_holds_all_that_was_acknowledged_before(
    store: Store, names: Names, fresh: Names, tmp_path: Path
) -> None:
    database = names.unit(WARD, "tdp-08")
    early = [visit(unit="tdp-08") for _ in range(300)]
    await store.graft(database, early)
    over = asyncio.Event()

    async def write() -> None:
        tips = early[:20]
        while not over.is_set():
            tips = [child(tip) for tip in tips]
            await store.graft(database, [*tips, visit(unit="tdp-08")])
            await store.compact(database)

    writing = asyncio.create_task(write())
    await make(store, names, tmp_path / "a", "", **OPEN)
    over.set()
    await writing
    await put_back(store, fresh, tmp_path / "a", "", ward=WARD, replace=False)
    restored = fresh.unit(WARD, "tdp-08")
    rows = await store.all_docs(restored, keys=[one["_id"] for one in early])
    assert all(row.get("value") and not row["value"].get("deleted") for row in rows)
    assert await store.missing(restored, early[20:]) == set()


async def test_not_one_byte_may_be_missing_or_changed_and_nothing_is_touched_then(
    store: Store, names: Names, fresh: Names, tmp_path: Path
) -> None:
    await make(store, names, tmp_path / "a", "", **OPEN)
    raw = (tmp_path / "a").read_bytes()
    seed = random.randrange(1_000_000)
    for at in random.Random(seed).sample(range(len(raw)), 20):
        (tmp_path / "b").write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(BackupError) as damaged:
            await put_back(store, fresh, tmp_path / "b", "", ward=WARD, replace=False)
        assert damaged.value.code in ("backup-damaged", "backup-cut-short", "not-a-backup"), f"seed {seed}"
    (tmp_path / "b").write_bytes(raw[:-1])
    with pytest.raises(BackupError, match="backup-cut-short"):
        await put_back(store, fresh, tmp_path / "b", "", ward=WARD, replace=False)
    assert not [one for one in await store.databases() if one.startswith(fresh.prefix)]


async def test_records_are_replaced_only_when_that_is_said(
    store: Store, names: Names, tmp_path: Path
) -> None:
    await make(store, names, tmp_path / "a", "", **OPEN)
    later = visit()
    await store.graft(names.unit(WARD, "tdp-07"), [later])
    with pytest.raises(BackupError, match="store-not-empty"):
        await put_back(store, names, tmp_path / "a", "", ward=WARD, replace=False)
    with pytest.raises(BackupError, match="other-ward"):
        await put_back(store, names, tmp_path / "a", "", ward="00001", replace=True)
    assert await store.find(names.unit(WARD, "tdp-07"), later["_id"])
    assert not await find_mark(store, names)
    await put_back(store, names, tmp_path / "a", "", ward=WARD, replace=True)
    assert await store.find(names.unit(WARD, "tdp-07"), later["_id"]) is None
    await finish(store, names)
    assert not await find_mark(store, names)


async def test_a_restore_that_was_cut_short_can_be_run_again(
    store: Store, names: Names, fresh: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(store, names, tmp_path / "a", "", **OPEN)
    graft, calls = Store.graft, 0

    async def fall(self: Store, database: str, documents: list[Document]) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError("killed")
        await graft(self, database, documents)

    monkeypatch.setattr(Store, "graft", fall)
    with pytest.raises(OSError, match="killed"):
        await put_back(store, fresh, tmp_path / "a", "", ward=WARD, replace=False)
    assert await find_mark(store, fresh)
    await put_back(store, fresh, tmp_path / "a", "", ward=WARD, replace=False)
    assert (await history(store, fresh))["w09562-tdp-07"] == (await history(store, names))["w09562-tdp-07"]


async def test_a_store_that_loses_a_document_is_noticed(
    store: Store, names: Names, fresh: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(store, names, tmp_path / "a", "", **OPEN)
    graft = Store.graft

    async def lose(self: Store, database: str, documents: list[Document]) -> None:
        await graft(self, database, documents[1:])

    monkeypatch.setattr(Store, "graft", lose)
    with pytest.raises(BackupError, match="store-incomplete"):
        await put_back(store, fresh, tmp_path / "a", "", ward=WARD, replace=False)


async def test_a_store_that_a_server_works_on_is_left_alone(
    store: Store, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.presence.BEAT", 0.05)
    await make(store, names, tmp_path / "a", "", **OPEN)
    one, other = Presence(store, names), Presence(store, names)
    await other.beat()  # and is killed
    assert not await is_served(store, names, watch=0.3)
    following = asyncio.create_task(one.follow())
    await asyncio.sleep(0.2)
    with pytest.raises(BackupError, match="server-running"):
        await put_back(store, names, tmp_path / "a", "", ward=WARD, replace=True, watch=1)
    assert not await find_mark(store, names)
    await asyncio.sleep(0.6)
    assert len((await store.get(names.ledger, "_local/serving"))["servers"]) == 1, "the dead one is forgotten"
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert (await store.get(names.ledger, "_local/serving"))["servers"] == {}
    await put_back(store, names, tmp_path / "a", "", ward=WARD, replace=True, watch=30)


async def test_the_copy_of_a_ledger_adds_and_never_takes_away(
    store: Store, names: Names, fresh: Names, tmp_path: Path
) -> None:
    old, new = f"resident:{new_ulid()}", f"resident:{new_ulid()}"
    await Ledger(store, names).enter(WARD, "tdp-07", [old])
    await make_of_ledger(store, names, tmp_path / "ledger", "", ward=WARD)
    await Ledger(store, names).enter(WARD, "tdp-07", [new])
    await make_of_ledger(store, names, tmp_path / "ledger", "", ward=WARD)
    assert await add_to_ledger(store, fresh, tmp_path / "ledger", "") == 2
    assert await add_to_ledger(store, fresh, tmp_path / "ledger", "") == 0
    assert await Ledger(store, fresh).erased(fresh.unit(WARD, "tdp-07"), {old, new}) == {old, new}
    with pytest.raises(BackupError, match="not-a-backup"):
        await put_back(store, fresh, tmp_path / "ledger", "", ward=WARD, replace=False)
    await make(store, names, tmp_path / "a", "", **OPEN)
    with pytest.raises(BackupError, match="not-a-backup"):
        await add_to_ledger(store, fresh, tmp_path / "a", "")
    assert "ledger" not in {one.name for one in (await verify(tmp_path / "a", "")).whole.databases}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.backups.history.ROWS", 7)
    monkeypatch.setattr("sync.backups.history.BYTES", 2000)


@pytest.mark.usefixtures("small")
async def test_a_database_is_read_whole_however_small_its_pages_are(store: Store, names: Names) -> None:
    rows, _ = await store.changes(names.unit(WARD, "tdp-07"), "0", 10_000)
    wanted = {(row["id"], one["rev"]) for row in rows for one in row["changes"] if row["id"][0] != "_"}
    found = [
        (one["_id"], one["_rev"])
        async for some in read_history(store, names.unit(WARD, "tdp-07"))
        for one in some
    ]
    assert sorted(found) == sorted(wanted)


async def test_large_documents_are_asked_for_and_written_a_few_at_a_time(
    store: Store, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = names.unit(WARD, "tdp-08")
    await store.graft(database, [visit(unit="tdp-08") for _ in range(40)])
    for number in range(12):
        note = random.Random(number).randbytes(150_000).hex()
        await store.put(names.ward(WARD).photos("tdp-08"), {"_id": f"photo:{number}", "note": note})
    sizes = []
    for one in (database, names.ward(WARD).photos("tdp-08")):
        async for documents in read_history(store, one):
            sizes.append(sum(map(size_of, documents)))
            assert [two for batch in in_batches(documents) for two in batch] == documents
            assert all(sum(map(size_of, batch)) < 600_000 for batch in in_batches(documents))
    assert max(sizes) <= 8 * 310_000, "more was held than the first group"
    assert max(sizes[-3:]) < 600_000
