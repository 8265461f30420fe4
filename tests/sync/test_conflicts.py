"""What two phones changed apart is merged by the server, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.conflicts import Conflicts, resolve
from sync.merge import MergeError, merge
from sync.names import Names
from sync.store import Document, Store, StoreUnavailable
from sync.ulids import new_ulid
from tests.sync.samples import child, created, household, register, rev, visit
from tests.sync.town import Town

LATER, LATEST = "2026-05-01T03:00:00.000Z", "2026-05-01T04:00:00.000Z"


def leaves(town: Town, id: str) -> list[Document]:
    return anyio.run(town.store.leaves, town.database, id)


def settle(town: Town) -> int:
    return anyio.run(Conflicts(town.store, town.names).settle, town.database)


def edited_apart(town: Town) -> tuple[Document, Document, Document]:
    """A household, and how two phones left it that had both held it."""
    door = household()
    one = child(door, address=register({"house": "14"}, at=LATER))
    two = child(
        door,
        address=register({"house": "16"}, "person:lan", at=LATEST),
        adults=register(3, "person:lan", at=LATER),
    )
    assert town.push(door).json == []
    assert town.push(one).json == []
    assert town.push(two, person="lan").json == []
    return door, one, two


def pull(town: Town, id: str, person: str) -> list[Document]:
    """What a phone gets of a document: all its leaves with their histories."""
    path = "/sync/w09562-tdp-07"
    rows = town.ask("GET", f"{path}/_changes?style=all_docs", person=person).json["results"]
    wanted = [
        {"id": id, "rev": change["rev"]} for row in rows if row["id"] == id for change in row["changes"]
    ]
    answer = town.ask("POST", f"{path}/_bulk_get?revs=true&latest=true", {"docs": wanted}, person=person)
    return [found["ok"] for result in answer.json["results"] for found in result["docs"]]


def test_two_phones_that_changed_one_household_apart_get_both_values_back(town: Town) -> None:
    door, one, two = edited_apart(town)
    assert settle(town) == 1
    assert settle(town) == 0, "a merged document was merged again"
    (merged,) = leaves(town, door["_id"])
    assert merged["address"] == two["address"]
    assert merged["adults"] == two["adults"]
    assert {"field": "address", **one["address"], "apart": True} in merged["history"]
    for person in ("hoa", "lan"):
        pulled = pull(town, door["_id"], person)
        (live,) = [document for document in pulled if not document.get("_deleted")]
        assert live["_rev"] == merged["_rev"]
        ended = [document for document in pulled if document.get("_deleted")]
        path = {
            f"{live['_revisions']['start'] - n}-{name}" for n, name in enumerate(live["_revisions"]["ids"])
        }
        for document in ended:
            start, names = document["_revisions"]["start"], document["_revisions"]["ids"]
            path |= {f"{start - n}-{name}" for n, name in enumerate(names)}
        assert {one["_rev"], two["_rev"]} <= path, "a phone cannot tell what became of its own revision"


def test_a_phone_goes_on_from_the_merged_document_and_from_its_ended_branch(town: Town) -> None:
    door, one, two = edited_apart(town)
    settle(town)
    (merged,) = [doc for doc in pull(town, door["_id"], "hoa") if not doc.get("_deleted")]
    next_one = child(merged, adults=register(4, at=LATEST))
    late = next(parent for parent in (one, two) if parent["_rev"] not in _path(merged))
    person = late["address"]["by"].removeprefix("person:")
    tags = register(["ho-ngheo"], late["address"]["by"], at=LATEST)
    assert town.push(next_one).json == []
    assert town.push(child(late, tags=tags), person=person).json == []
    assert settle(town) == 1
    (final,) = leaves(town, door["_id"])
    assert (final["adults"], final["tags"]) == (next_one["adults"], tags)
    assert final["address"] == two["address"]


def _path(document: Document) -> set[str]:
    start, names = document["_revisions"]["start"], document["_revisions"]["ids"]
    return {f"{start - n}-{name}" for n, name in enumerate(names)}


def test_what_a_phone_brings_while_the_merge_is_written_is_merged_next(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, one, two = edited_apart(town)
    graft = Store.graft
    late = [child(one, tags=register(["mot"], at=LATEST)), child(two, tags=register(["hai"], "person:lan"))]

    async def be_late(self: Store, database: str, documents: list[Document]) -> None:
        for document in late:
            await graft(self, database, [document])
        late.clear()
        await graft(self, database, documents)

    monkeypatch.setattr(Store, "graft", be_late)
    assert settle(town) == 1
    assert settle(town) == 1
    (merged,) = leaves(town, door["_id"])
    assert merged["tags"]["value"] == ["mot"]
    assert merged["adults"] == two["adults"]
    past = [entry["value"] for entry in merged["history"]]
    assert ["hai"] in past
    assert one["address"]["value"] in past


def test_two_workers_at_once_write_one_document(town: Town) -> None:
    doors = [edited_apart(town)[0] for _ in range(3)]

    async def both() -> None:
        workers = [Conflicts(town.store, town.names) for _ in range(3)]
        await asyncio.gather(*(worker.settle(town.database) for worker in workers))

    anyio.run(both)
    for door in doors:
        assert len(leaves(town, door["_id"])) == 1
    assert settle(town) == 0


def test_a_hint_is_merged_soon_and_told(town: Town) -> None:
    async def follow() -> None:
        told = asyncio.Event()
        conflicts = Conflicts(town.store, town.names, announce=lambda database: told.set())
        conflicts.POLL_SECONDS = 60
        task = asyncio.create_task(conflicts.run())
        try:
            await asyncio.sleep(0.5)
            door, _, _ = await anyio.to_thread.run_sync(edited_apart, town)
            conflicts.hint(town.database)
            await asyncio.wait_for(told.wait(), 5)
            assert len(await town.store.leaves(town.database, door["_id"])) == 1
        finally:
            task.cancel()

    anyio.run(follow)


def test_what_other_processes_took_in_is_found_without_a_hint_and_after_the_store_was_away(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, _, _ = edited_apart(town)
    infos, away = Store.infos, [True]

    async def fail_once(self: Store, databases: list[str]) -> Any:
        if away:
            away.pop()
            raise StoreUnavailable("gone")
        return await infos(self, databases)

    monkeypatch.setattr(Store, "infos", fail_once)

    async def follow() -> None:
        told = asyncio.Event()
        task = asyncio.create_task(
            Conflicts(town.store, town.names, announce=lambda database: told.set()).run()
        )
        try:
            await asyncio.wait_for(told.wait(), 10)
        finally:
            task.cancel()

    anyio.run(follow)
    assert len(leaves(town, door["_id"])) == 1


def test_revisions_that_are_not_of_one_document_are_left(town: Town) -> None:
    door = household()
    other = {**door, "_rev": rev(1), "created": created("person:lan")}
    anyio.run(town.store.graft, town.database, [door, other])
    assert settle(town) == 0
    assert len(leaves(town, door["_id"])) == 2
    with pytest.raises(MergeError):
        resolve([{"_id": "x", "_rev": rev(1), "address": 1}, {"_id": "x", "_rev": rev(1)}])


def test_a_database_that_is_not_there_has_nothing_to_merge(store: Store, names: Names) -> None:
    assert anyio.run(Conflicts(store, names).settle, names.unit("09562", "tdp-99")) == 0


def test_a_withdrawn_consent_takes_the_name_out_of_what_is_merged() -> None:
    consent = {"version": "v1", "at": LATER, "method": "spoken", "by": "person:hoa"}
    base = {
        **household(),
        "_id": f"resident:{new_ulid()}",
        "type": "resident",
        "identity": register({"name": "Hoa", "consent": consent}),
    }
    withdrawn = child(base, identity=register({}, at=LATER))
    renamed = child(base, label=register("Bà, tầng 2", at=LATEST))
    for order in ([withdrawn, renamed], [renamed, withdrawn]):
        merged = resolve(order)[0]
        assert "Hoa" not in str(merged)
        assert merged["label"] == renamed["label"]


VALUES = st.builds(
    lambda house, at: register({"house": house}, at=at),
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from([LATER, LATEST]),
)


@given(st.lists(VALUES, min_size=2, max_size=4), st.randoms())
def test_the_order_of_the_leaves_changes_nothing(values: list[Any], chance: Any) -> None:
    base = {key: value for key, value in visit().items() if key != "record"}
    seen = [{**base, "_rev": rev(1 + n % 2), "record": value} for n, value in enumerate(values)]
    first = resolve(seen)
    chance.shuffle(seen)
    assert resolve(seen) == first
    ended = [document for document in first if document.get("_deleted")]
    assert len(ended) == len(seen) - 1
    for document in first:
        if not document.get("_deleted"):
            said = {name: value for name, value in document.items() if not name.startswith("_rev")}
            assert said == merge(seen).document
