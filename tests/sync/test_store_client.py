"""The store client against a store that works."""

from __future__ import annotations

import anyio
import pytest

from sync.names import Names
from sync.store import Conflict, Document, NotFound, PartlySaved, Store

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(store: Store, names: Names) -> str:
    name = f"{names.prefix}client"
    await store.delete_database(name)
    await store.create(name)
    return name


async def test_the_store_can_be_used(store: Store) -> None:
    assert (await store.check())[0].isdigit()


async def test_creating_twice_and_deleting_twice_is_no_error(store: Store, names: Names) -> None:
    name = f"{names.prefix}twice"
    assert [await store.create(name), await store.create(name)] == [True, False]
    assert name in await store.databases()
    await store.delete_database(name)
    await store.delete_database(name)
    with pytest.raises(NotFound):
        await store.info(name)


async def test_a_document_is_saved_read_changed_and_deleted(store: Store, database: str) -> None:
    rev = await store.put(database, {"_id": "household:a b/c?d#é", "n": 1})
    document = await store.get(database, "household:a b/c?d#é")
    assert (document["_rev"], document["n"]) == (rev, 1)
    with pytest.raises(Conflict):
        await store.put(database, {"_id": "household:a b/c?d#é", "n": 2})
    await store.delete(database, "household:a b/c?d#é", rev)
    assert await store.find(database, "household:a b/c?d#é") is None


async def test_a_missing_database_is_not_taken_for_a_missing_document(store: Store, names: Names) -> None:
    with pytest.raises(NotFound):
        await store.find(f"{names.prefix}nowhere", "a")


async def test_updates_at_the_same_moment_all_count(store: Store, database: str) -> None:
    def count(document: Document | None) -> Document:
        return {"n": (document or {"n": 0})["n"] + 1}

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(store.update, database, "counter", count)
    assert (await store.get(database, "counter"))["n"] == 6


async def test_an_update_of_something_known_builds_on_what_is_stored(store: Store, database: str) -> None:
    id = "device:known"
    first = {"_id": id, "count": 1}
    first["_rev"] = await store.put(database, first)
    await store.update(database, id, lambda stored: {**(stored or {}), "revoked": True})

    def add(stored: Document | None) -> Document | None:
        assert stored is not None
        return {**stored, "count": stored["count"] + 1}

    saved = await store.update(database, id, add, first)
    assert saved == await store.get(database, id)
    assert (saved or {})["count"] == 2
    assert (saved or {})["revoked"] is True

    def leave(stored: Document | None) -> Document | None:
        return None if (stored or {}).get("count") == 1 else {**(stored or {}), "count": 9}

    assert ((await store.update(database, id, leave, first)) or {})["count"] == 9, (
        "left for a reason long gone"
    )


async def test_an_update_that_changes_nothing_writes_nothing(store: Store, database: str) -> None:
    await store.put(database, {"_id": "a", "n": 1})
    before = await store.get(database, "a")
    assert await store.update(database, "a", lambda _: None) == before
    assert await store.get(database, "a") == before


async def test_a_batch_says_which_documents_it_did_not_write(store: Store, database: str) -> None:
    await store.bulk(database, [{"_id": "a"}])
    with pytest.raises(PartlySaved) as caught:
        await store.bulk(database, [{"_id": "a"}, {"_id": "b"}])
    assert caught.value.failed == {"a": "conflict"}
    assert list(caught.value.saved) == ["b"]


async def test_documents_are_listed_by_range_keys_and_pages(store: Store, database: str) -> None:
    await store.bulk(database, [{"_id": f"visit:{n:02}"} for n in range(25)] + [{"_id": "zeta"}])
    rows = await store.all_docs(database, startkey="visit:", endkey="visit:\ufff0")
    assert len(rows) == 25
    rows = await store.all_docs(database, keys=["visit:03", "none"], include_docs=True)
    assert [row.get("error") for row in rows] == [None, "not_found"]
    pages = [page async for page in store.pages(database, startkey="visit:", endkey="visit:\ufff0", size=10)]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert len({document["_id"] for page in pages for document in page}) == 25


async def test_only_databases_that_exist_have_an_info(store: Store, names: Names, database: str) -> None:
    assert list(await store.infos([database, f"{names.prefix}nowhere"])) == [database]


async def test_a_secured_database_names_its_members(store: Store, database: str) -> None:
    await store.secure(database, members=["w09562-tdp-07"])
    security = await store.get(database, "_security")
    assert security["members"]["roles"] == ["w09562-tdp-07"]


async def test_the_proxy_secret_stays_the_same(store: Store) -> None:
    secret = await store.proxy_secret()
    assert len(secret) >= 16
    assert await store.proxy_secret() == secret
