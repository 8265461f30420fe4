"""Following one database, and noticing which of many moved."""

from __future__ import annotations

import anyio
import pytest

from sync.feed import Watcher, follow
from sync.names import Names
from sync.store import Store
from tests.sync.misbehaving import answer, misbehaving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(store: Store, names: Names) -> str:
    name = f"{names.prefix}feed"
    await store.delete_database(name)
    await store.create(name)
    return name


async def test_changes_come_as_they_are_made(store: Store, database: str) -> None:
    rev = await store.put(database, {"_id": "a", "n": 1})
    changes = follow(store, database, "0")
    with anyio.fail_after(20):
        first = await anext(changes)
        assert (first.id, first.deleted, (first.document or {})["n"]) == ("a", False, 1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.delete, database, "a", rev)
            second = await anext(changes)
        assert (second.id, second.deleted) == ("a", True)
    await changes.aclose()  # type: ignore[attr-defined]


async def test_following_goes_on_where_it_was_after_failures() -> None:
    asked: list[str] = []
    good = (
        b'{"results": [{"seq": "7-x", "id": "a", "changes": [], "doc": {}}], "last_seq": "7-x", "pending": 0}'
    )
    answers = [
        answer("500 Internal Server Error", b"{}"),
        answer("200 OK", b'{"results": [', length=100),
        answer("200 OK", b"<html>", kind="text/html"),
        answer("200 OK", good),
        answer("200 OK", good),
    ]

    def script(_: str, path: str) -> bytes:
        asked.append(path)
        return answers[min(len(asked), len(answers)) - 1]

    with misbehaving(script) as (url, _), anyio.fail_after(20):
        changes = follow(Store.connect(url), "db", "3-x")
        for _ in range(2):
            assert (await anext(changes)).seq == "7-x"
        await changes.aclose()  # type: ignore[attr-defined]
    assert all("since=3-x" in path for path in asked[:4])
    assert "since=7-x" in asked[4]


async def test_a_watcher_names_the_databases_that_moved(store: Store, names: Names, database: str) -> None:
    other = f"{names.prefix}feed-other"
    await store.create(other)
    watcher = Watcher(store, lambda: [database, other])
    assert set(await watcher.moved()) == {database, other}
    assert await watcher.moved() == {}
    await store.put(other, {"_id": "a"})
    assert list(await watcher.moved()) == [other]


async def test_a_watcher_sees_more_databases_than_one_question_takes(store: Store, names: Names) -> None:
    many = [f"{names.prefix}many-{n}" for n in range(3)]
    for name in many:
        await store.create(name)
    watcher = Watcher(store, lambda: [*many, *(f"{names.prefix}none-{n}" for n in range(240))])
    assert sorted(await watcher.moved()) == many


async def test_a_nudged_watcher_looks_at_once(store: Store, names: Names, database: str) -> None:
    watcher = Watcher(store, lambda: [database], seconds=3600)
    moves = aiter(watcher)
    with anyio.fail_after(20):
        await anext(moves)
        await store.put(database, {"_id": "a"})
        watcher.nudge()
        assert list(await anext(moves)) == [database]
    await moves.aclose()
