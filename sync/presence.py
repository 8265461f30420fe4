"""Which servers work on a store: each says so every `BEAT` seconds, in a document that is never replicated.

A beat is known by its change, not by its time, so that no clock has to be right.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

import structlog

from sync.background import repeat
from sync.names import Names
from sync.store import Document, NotFound, Store, StoreError

BEAT = 10.0
WATCH = 2.5 * BEAT
SILENT = 6
"""After so many beats of ours without one of theirs, another server is taken for dead."""
_ID = "_local/serving"
log = structlog.get_logger(__name__)


class Presence:
    """One server's."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._names = names
        self._me = secrets.token_hex(8)
        self._seen: dict[str, str] = {}
        self._silent: dict[str, int] = {}

    async def beat(self) -> None:
        def add(before: Document | None) -> Document:
            seen = _servers(before)
            self._silent = {
                one: self._silent.get(one, 0) + 1 if beat == self._seen.get(one) else 0
                for one, beat in seen.items()
            }
            self._seen = seen
            kept = {one: beat for one, beat in seen.items() if self._silent[one] < SILENT}
            return {"servers": {**kept, self._me: secrets.token_hex(8)}}

        await self._store.update(self._names.ledger, _ID, add)

    async def leave(self) -> None:
        def remove(before: Document | None) -> Document:
            return {"servers": {one: beat for one, beat in _servers(before).items() if one != self._me}}

        await self._store.update(self._names.ledger, _ID, remove)

    async def follow(self) -> None:
        """Beat until cancelled, then leave; one that was killed is forgotten by the others."""
        try:
            await repeat(self.beat, "saying that the server is there", every=BEAT)
        finally:
            with suppress(StoreError):
                await self.leave()


def _servers(document: Document | None) -> dict[str, str]:
    servers = (document or {}).get("servers")
    return servers if isinstance(servers, dict) else {}


async def is_served(store: Store, names: Names, *, watch: float = WATCH) -> bool:
    """Whether a server works on this store; waits `watch` seconds for one that is named there to show."""

    async def read() -> dict[str, str]:
        try:
            return _servers(await store.find(names.ledger, _ID))
        except NotFound:
            return {}

    before = await read()
    if not before:
        return False
    waited = 0.0
    while waited < watch:
        await asyncio.sleep(pause := min(1.0, watch))
        waited += pause
        now = await read()
        if any(beat != before.get(one) for one, beat in now.items()):
            return True
    return False
