"""Tells open dashboards that figures changed: server-sent events without content, so without secrets.

Each process looks itself, once a second and only while someone listens, whether a ward's rollups or
quarantine have moved, so it does not matter which of several processes counted them; a change counted
in this process is announced at once. A listener is a single flag: nothing can pile up for a slow one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog

from sync.names import Names
from sync.store import Store, StoreError

LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0
"""A stream ends after this long and the browser opens another, so that access is asked about again."""

HELLO = b"retry: 2000\n: open\n\n"
HEARTBEAT = b": still here\n\n"
PROGRESS = b"event: progress\ndata: {}\n\n"

log = structlog.get_logger(__name__)


class Live:
    """The listeners of this process, by ward."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._names = names
        self._listeners: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._arrived = asyncio.Event()
        self._closed = False

    @property
    def listening(self) -> int:
        return sum(map(len, self._listeners.values()))

    def announce(self, ward: str) -> None:
        """Something of this ward changed."""
        for changed in self._listeners.get(ward, ()):
            changed.set()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closed = True
        for ward in list(self._listeners):
            self.announce(ward)

    async def events(self, ward: str) -> AsyncIterator[bytes]:
        """The body of an event stream; ends by itself after `LONGEST_SECONDS` or on `close`."""
        changed = asyncio.Event()
        self._listeners[ward].add(changed)
        self._arrived.set()
        end = asyncio.get_running_loop().time() + LONGEST_SECONDS
        try:
            yield HELLO
            while not self._closed and asyncio.get_running_loop().time() < end:
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield HEARTBEAT
                    continue
                changed.clear()
                if not self._closed:
                    yield PROGRESS
        finally:
            self._listeners[ward].discard(changed)
            if not self._listeners[ward]:
                del self._listeners[ward]

    async def run(self) -> None:
        """Look for ever at what other processes changed; ends only by cancellation."""
        known: dict[str, str] = {}
        while True:
            if not self._listeners:
                known = {}
                self._arrived.clear()
                await self._arrived.wait()
            with suppress(StoreError):
                known = await self._look(known)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, known: dict[str, str]) -> dict[str, str]:
        wards = {}
        for ward in self._listeners:
            names = self._names.ward(ward)
            wards[names.rollup] = wards[names.quarantine] = ward
        infos = await self._store.infos(list(wards))
        now = {name: str(info["update_seq"]) for name, info in infos.items()}
        for ward in {wards[name] for name, seq in now.items() if known.get(name, seq) != seq}:
            self.announce(ward)
        return now
