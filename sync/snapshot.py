"""A database in chunks for a phone that holds nothing yet: documents with their histories, one request each.

A chunk is a page of the change feed with every leaf that it names, conflicts too, and the sequence after
which the next one begins; replication goes on from the last. It is read from the store and compressed once:
phones of one unit that begin together get the same bytes. A chunk may be `FRESH` seconds old: what changed
since comes after it in the feed, so the replication that follows brings it.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Raw, Struct

from sync.gateway_errors import GatewayError
from sync.gateway_upstream import Upstream

ROWS = 1000
GROUP = 250
"""Rows whose documents are asked for together."""
LARGEST = 1024 * 1024
"""Bytes of JSON after which a chunk ends, before all its rows are in."""
FRESH = 30.0
KEPT = 16 * 1024 * 1024
"""Bytes of compressed chunks kept, of all databases together."""


class _Change(Struct):
    rev: str


class _Row(Struct):
    id: str
    seq: Any
    changes: list[_Change]


class _Changes(Struct):
    results: list[_Row]
    last_seq: Any
    pending: int = 0


class _Found(Struct):
    ok: Raw = Raw()


class _Result(Struct):
    docs: list[_Found]


class _Documents(Struct):
    results: list[_Result]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Compressed JSON ``{docs, last_seq, pending}``; `pending` changes are left after `last_seq`."""

    packed: bytes
    last_seq: str
    pending: int
    made: float


Key = tuple[str, str]
T = TypeVar("T")


class Snapshots:
    """Chunks of all databases, each read once for everybody who asks at about the same time."""

    def __init__(self, upstream: Upstream, clock: Callable[[], float] = time.monotonic) -> None:
        self._upstream = upstream
        self._clock = clock
        self._kept: OrderedDict[Key, Chunk] = OrderedDict()
        self._size = 0
        self._reading: dict[Key, asyncio.Task[Chunk]] = {}

    async def chunk(self, person: str, role: str, path: str, since: str) -> Chunk:
        """What comes after `since` in the database at `path`, which this person may read.

        :raises GatewayError: ``store-unavailable``; ``bad-request`` for a sequence unknown to the store.
        """
        key = (path, since)
        kept = self._kept.get(key)
        if kept is not None and self._clock() - kept.made < FRESH:
            return kept
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.ensure_future(self._read(person, role, path, since))
            self._reading[key] = reading
            reading.add_done_callback(lambda done: self._keep(key, done))
        return await asyncio.shield(reading)  # whoever hangs up does not take it from the others

    def _keep(self, key: Key, done: asyncio.Task[Chunk]) -> None:
        del self._reading[key]
        if done.cancelled() or done.exception():
            return
        chunk = done.result()
        if before := self._kept.pop(key, None):
            self._size -= len(before.packed)
        self._kept[key] = chunk
        self._size += len(chunk.packed)
        while self._size > KEPT or self._clock() - next(iter(self._kept.values())).made >= FRESH:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.packed)
            if not self._kept:
                return

    async def _read(self, person: str, role: str, path: str, since: str) -> Chunk:
        made = self._clock()
        query = f"style=all_docs&limit={ROWS}&since={quote(since, safe='')}"
        changes = await self._ask(person, role, "GET", f"{path}/_changes?{query}", None, _Changes)
        rows, documents, size, taken = changes.results, [], 0, 0
        while taken < len(rows) and size < LARGEST:
            group = rows[taken : taken + GROUP]
            found = await self._documents(person, role, path, group)
            documents += found
            size += sum(len(one) for one in found)
            taken += len(group)
        whole = taken == len(rows)
        last_seq = str(changes.last_seq if whole else rows[taken - 1].seq)
        pending = changes.pending + len(rows) - taken
        body = msgspec.json.encode({"docs": documents, "last_seq": last_seq, "pending": pending})
        return Chunk(await asyncio.to_thread(gzip.compress, body, 6), last_seq, pending, made)

    async def _documents(self, person: str, role: str, path: str, rows: list[_Row]) -> list[Raw]:
        wanted = [
            {"id": row.id, "rev": change.rev}
            for row in rows
            if not row.id.startswith("_")
            for change in row.changes
        ]
        if not wanted:
            return []
        where = f"{path}/_bulk_get?revs=true&latest=true"
        found = await self._ask(person, role, "POST", where, {"docs": wanted}, _Documents)
        # one that is missing was changed in this moment: it comes later in the feed
        return [one.ok for result in found.results for one in result.docs if len(one.ok)]

    async def _ask(self, person: str, role: str, method: str, path: str, body: Any, kind: type[T]) -> T:
        encoded = None if body is None else msgspec.json.encode(body)
        response = await self._upstream.open(person, role, method, path, encoded)
        try:
            answer = await response.read()
            if response.status != 200:
                code = "bad-request" if response.status in (400, 404) else "store-unavailable"
                raise GatewayError(code, f"CouchDB answered {response.status}")
            return msgspec.json.decode(answer, type=kind)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError) as error:
            raise GatewayError("store-unavailable", f"no whole answer: {type(error).__name__}") from None
        finally:
            response.release()
