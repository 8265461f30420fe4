"""Open dashboards hear of a change soon, whoever counted it, and never hold the server up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

import server.live
from server.live import HEARTBEAT, PROGRESS, Live
from sync.names import Names
from sync.store import Store, StoreUnavailable
from sync.units import prepare_ward

pytestmark = pytest.mark.anyio
WARD, OTHER = "09562", "00004"


@pytest.fixture
async def live(store: Store, names: Names) -> AsyncIterator[Live]:
    await prepare_ward(store, names, WARD)
    live = Live(store, names)
    task = asyncio.create_task(live.run())
    yield live
    task.cancel()


async def opened(live: Live, ward: str = WARD) -> AsyncIterator[bytes]:
    stream = live.events(ward)
    assert b"retry" in await anext(stream)
    return stream


async def test_a_change_is_heard_by_its_ward_only(live: Live) -> None:
    ours, theirs = await opened(live), await opened(live, OTHER)
    waiting = asyncio.ensure_future(anext(theirs))
    live.announce(WARD)
    assert await asyncio.wait_for(anext(ours), 1) == PROGRESS
    assert not waiting.done()
    waiting.cancel()


async def test_what_another_process_wrote_is_heard_within_two_seconds(
    live: Live, store: Store, names: Names
) -> None:
    stream = await opened(live)
    event = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    looked = live._look
    seen = asyncio.Event()

    async def look(known: dict[str, str]) -> dict[str, str]:
        found = await looked(known)
        seen.set()
        return found

    live._look = look  # type: ignore[method-assign]
    await asyncio.wait_for(seen.wait(), 5)
    start = time.monotonic()
    await store.update(names.ward(WARD).rollup, "rollup:tdp-01", lambda stored: {"n": start})
    assert await asyncio.wait_for(event, 5) == PROGRESS
    assert time.monotonic() - start < 2


async def test_many_changes_are_one_event_for_a_slow_listener(live: Live) -> None:
    stream = await opened(live)
    for _ in range(1000):
        live.announce(WARD)
    assert await anext(stream) == PROGRESS
    nothing = asyncio.ensure_future(anext(stream))
    done, _ = await asyncio.wait({nothing}, timeout=0.05)
    assert not done
    nothing.cancel()


async def test_a_quiet_stream_shows_that_it_lives(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.live, "HEARTBEAT_SECONDS", 0.01)
    stream = await opened(live)
    assert await asyncio.wait_for(anext(stream), 1) == HEARTBEAT


async def test_closing_ends_every_stream(live: Live) -> None:
    stream = await opened(live)
    rest = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)
    live.close()
    assert await asyncio.wait_for(rest, 1) is None
    assert live.listening == 0


async def test_a_listener_that_leaves_is_forgotten(live: Live) -> None:
    stream = await opened(live)
    assert live.listening == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert live.listening == 0


async def test_nobody_listening_asks_the_store_nothing(
    store: Store, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def infos(databases: list[str]) -> dict[str, dict[str, object]]:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(store, "infos", infos)
    task = asyncio.create_task(Live(store, names).run())
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done
    task.cancel()


async def test_a_store_that_is_away_does_not_end_the_watch(
    store: Store, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def infos(databases: list[str]) -> dict[str, dict[str, object]]:
        asked.set()
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "infos", infos)
    monkeypatch.setattr(server.live, "LOOK_SECONDS", 0.01)
    live = Live(store, names)
    task = asyncio.create_task(live.run())
    stream = await opened(live)
    for _ in range(2):
        asked.clear()
        await asyncio.wait_for(asked.wait(), 1)
    assert not task.done()
    assert live.listening == 1
    await stream.aclose()  # type: ignore[attr-defined]
    task.cancel()
