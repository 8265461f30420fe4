"""A sheet that was uploaded, kept between its preview and its writing, for every server process alike.

One for each person, in the database ``imports``: ``upload:<id of the person>``. It holds the rows without the
columns that tell who someone is, closed under the key outside the store, and is forgotten after an hour. Once
it is written its rows go, and what came of it stays in their place for whoever goes back to the page.
"""

from __future__ import annotations

import time
import zlib
from asyncio import Lock
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeGuard
from weakref import WeakValueDictionary

import anyio.to_thread
import msgspec
import structlog
from anyio import CancelScope
from msgspec import Struct

from server.importing.addresses import Address
from server.importing.households import Choice
from server.importing.last import KEPT as RECORD_KEPT
from server.importing.sheet import NotASheet, Table
from server.safe import Safe
from sync.background import repeat
from sync.names import Names
from sync.store import Document, PartlySaved, Store
from sync.ulids import new_ulid

LASTS = 3600.0
LARGEST = 6_000_000
"""Signs of a closed table; a document of the store has 8 MB at most."""
UNPACKED = 64 * 1024 * 1024
MOST_AT_ONCE = 3
CLEAN_SECONDS = 600.0
PURPOSE, FIXES = "import", "import-fixes"

log = structlog.get_logger(__name__)


class Upload(Struct, frozen=True, kw_only=True):
    """`mark` names it; `choice` and `fixes` (addresses by row) were set right by hand; `as_it_was`: no
    conversion of fonts."""

    mark: str
    unit: str
    name: str
    table: Table
    choice: Choice | None = None
    as_it_was: bool = False
    fixes: dict[int, Address] = {}

    @property
    def rows(self) -> Table:
        return self.table.as_it_was() if self.as_it_was else self.table


class Uploads:
    """The uploads of the whole installation."""

    def __init__(self, store: Store, names: Names, safe: Safe) -> None:
        self._store = store
        self._database = names.imports
        self._safe = safe
        self._turns: WeakValueDictionary[str, Lock] = WeakValueDictionary()
        self._one = Lock()
        self._taking: dict[str, list[CancelScope]] = {}

    @contextmanager
    def taking(self, person: str) -> Iterator[None]:
        """To be entered before a file is taken in, which may be sent slowly, or from a phone that is gone.

        Of more than `MOST_AT_ONCE` of one person the first is given up: then what follows is left silently.
        """
        scopes = self._taking.setdefault(person, [])
        scopes.append(scope := CancelScope())
        if len(scopes) > MOST_AT_ONCE:
            scopes[0].cancel()
        try:
            with scope:
                yield
        finally:
            scopes.remove(scope)
            if not scopes:
                del self._taking[person]

    @asynccontextmanager
    async def turn(self, person: str) -> AsyncIterator[None]:
        """To be entered before a table is opened and judged, which takes seconds of the processor: one at a
        time in this process, and nobody's second before somebody else's first."""
        async with self.alone(person), self._one:
            yield

    def alone(self, person: str) -> Lock:
        """To be entered before a file of this person is read: nobody takes every turn."""
        return self._turns.setdefault(person, Lock())

    async def keep(self, person: str, unit: str, name: str, table: Table) -> str:
        """The mark of the upload, which takes the place of the one this person made before.

        :raises NotASheet: ``too-much-text`` for one that is too large to be kept.
        """
        mark = new_ulid()
        closed = await anyio.to_thread.run_sync(self._close, table, person, mark)
        made = {"type": "upload", "mark": mark, "at": time.time(), "unit": unit, "name": name[:120]}
        await self._store.update(self._database, _id(person), lambda _: {**made, "table": closed})
        return mark

    async def find(self, person: str, mark: str) -> Upload | None:
        """What this person uploaded under the mark, unless it is forgotten."""
        stored = await self._store.find(self._database, _id(person))
        if not _is_kept(stored, mark) or "table" not in stored:
            return None
        table = await anyio.to_thread.run_sync(self._open, stored["table"], person, mark)
        if table is None:
            return None
        told = stored.get("choice")
        choice = (
            Choice(told["header"], {int(key): value for key, value in told["columns"].items()})
            if told
            else None
        )
        kept = {"unit": stored["unit"], "name": stored["name"], "as_it_was": stored.get("as_it_was", False)}
        fixes = self._open_fixes(stored.get("fixes", ""), person, mark)
        return Upload(mark=mark, table=table, choice=choice, fixes=fixes, **kept)

    async def fix(self, person: str, mark: str, fixes: Mapping[int, Address]) -> None:
        """Addresses that somebody set right or looked at, by row, beside those before."""

        def change(stored: Document | None) -> Document | None:
            if stored is None or stored["mark"] != mark or "table" not in stored:
                return None
            both = {**self._open_fixes(stored.get("fixes", ""), person, mark), **fixes}
            return {**stored, "fixes": self._safe.close(msgspec.msgpack.encode(both), FIXES, person, mark)}

        await self._store.update(self._database, _id(person), change)

    async def choose(self, person: str, mark: str, choice: Choice | None, as_it_was: bool) -> None:
        told = choice and {"header": choice.header, "columns": {str(n): m for n, m in choice.columns.items()}}

        def change(stored: Document | None) -> Document | None:
            if stored is None or stored["mark"] != mark:
                return None
            return {**stored, "choice": told, "as_it_was": as_it_was}

        await self._store.update(self._database, _id(person), change)

    async def finish(self, person: str, mark: str, outcome: Mapping[str, object]) -> None:
        """It is written: keep what came of it instead of its rows."""

        def change(stored: Document | None) -> Document | None:
            if stored is None or stored["mark"] != mark:
                return None
            return {"type": "upload", "mark": mark, "at": stored["at"], "outcome": dict(outcome)}

        await self._store.update(self._database, _id(person), change)

    async def outcome(self, person: str, mark: str) -> dict[str, object] | None:
        """What came of an upload that was written, as `finish` was told."""
        stored = await self._store.find(self._database, _id(person))
        return stored.get("outcome") if _is_kept(stored, mark) else None

    async def clean(self) -> int:
        """Remove what is forgotten, and records too old to be undone; how many documents that were."""
        removed = 0
        oldest = time.strftime("%Y-%m-%d", time.gmtime(time.time() - RECORD_KEPT.total_seconds()))
        for row in await self._store.all_docs(self._database):
            document = await self._store.find(self._database, row["id"])
            if document is None:
                continue
            upload = document["type"] == "upload"
            if not _lasts(document) if upload else document["at"] < oldest:
                gone = {"_id": row["id"], "_rev": document["_rev"], "_deleted": True}
                with suppress(PartlySaved):
                    await self._store.bulk(self._database, [gone])
                    removed += 1
        await self._store.compact(self._database)
        return removed

    async def follow(self) -> None:
        """`clean` now and then, until cancelled."""
        await repeat(self.clean, "old uploads", every=CLEAN_SECONDS)

    def _open_fixes(self, closed: str, person: str, mark: str) -> dict[int, Address]:
        packed = self._safe.open(closed, FIXES, person, mark) if closed else None
        return msgspec.msgpack.decode(packed, type=dict[int, Address]) if packed else {}

    def _close(self, table: Table, person: str, mark: str) -> str:
        packed = msgspec.msgpack.encode(table)
        small = zlib.compress(packed, 3)
        if len(packed) > UNPACKED or len(small) * 4 > LARGEST * 3:
            raise NotASheet("too-much-text")
        return self._safe.close(small, PURPOSE, person, mark)

    def _open(self, closed: str, person: str, mark: str) -> Table | None:
        packed = self._safe.open(closed, PURPOSE, person, mark)
        return msgspec.msgpack.decode(zlib.decompress(packed), type=Table) if packed else None


def _is_kept(stored: Document | None, mark: str) -> TypeGuard[Document]:
    return stored is not None and stored["mark"] == mark and _lasts(stored)


def _lasts(upload: Document) -> bool:
    """Whether it is not forgotten yet; one of a clock that was ahead is."""
    return bool(abs(time.time() - upload["at"]) < LASTS)


def _id(person: str) -> str:
    return f"upload:{person}"
