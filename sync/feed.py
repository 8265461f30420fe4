"""What changed: the changes of one database, and which of many databases moved.

`follow` asks by long polling and starts again after each failure from where it was; `Watcher` asks
``_dbs_info`` once a second and compares. Both go on until their task is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from sync.couch import encode_basic
from sync.store import Document, Store, StoreError

POLL_MILLISECONDS = 25_000
PAGE = 500
LONGEST_PAUSE = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One document that changed, as it is now; `seq` is opaque and marks the place in the feed."""

    seq: str
    id: str
    deleted: bool
    document: Document | None


async def follow(
    store: Store,
    database: str,
    since: str = "now",
    *,
    heard: Callable[[bool], None] = lambda heard: None,
) -> AsyncIterator[Change]:
    """Every change after `since` (``"0"`` for all), each document with its winning revision, without end.

    While the store or the database is away it is asked again, soon at first, then every 10 s. `heard` is told
    after every question whether it was answered, before the changes in the answer are given.
    """
    pause = 0.0
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=POLL_MILLISECONDS / 1000 + 15)
    async with aiohttp.ClientSession(timeout=timeout, headers=_credentials(store)) as session:
        while True:
            try:
                answer = await _poll(session, f"{store.address}/{database}/_changes", since)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError) as error:
                heard(False)
                pause = min(LONGEST_PAUSE, pause * 2 or 0.25)
                log.warning("changes cannot be read", database=database, error=type(error).__name__)
                await asyncio.sleep(pause)
                continue
            pause = 0.0
            heard(True)
            for row in answer["results"]:
                yield Change(str(row["seq"]), row["id"], bool(row.get("deleted")), row.get("doc"))
            since = str(answer["last_seq"])


async def _poll(session: aiohttp.ClientSession, url: str, since: str) -> dict[str, Any]:
    query = {"feed": "longpoll", "since": since, "include_docs": "true"}
    limits = {"timeout": str(POLL_MILLISECONDS), "limit": str(PAGE)}
    async with session.get(url, params={**query, **limits}, raise_for_status=True) as response:
        answer: dict[str, Any] = await response.json()
        if "results" not in answer or "last_seq" not in answer:
            raise ValueError("not a changes feed")
        return answer


def _credentials(store: Store) -> dict[str, str]:
    name, password = store.credentials
    return {"Authorization": encode_basic(name, password)} if name else {}


class Watcher:
    """Notices which of many databases moved, by their ``update_seq``.

    :param databases: gives the names to watch, asked anew each time, so that new units are seen.
    """

    def __init__(self, store: Store, databases: Callable[[], Iterable[str]], *, seconds: float = 1.0) -> None:
        self._store = store
        self._databases = databases
        self._seconds = seconds
        self._seen: dict[str, str] = {}
        self._nudge = asyncio.Event()

    def nudge(self) -> None:
        """Look now instead of after the pause; to be called from the event loop."""
        self._nudge.set()

    async def moved(self) -> dict[str, str]:
        """The databases that moved since the last call and their ``update_seq``; at first, all of them.

        :raises StoreError: when they cannot be asked; the next call then tells what this one could not.
        """
        infos = await self._store.infos(list(self._databases()))
        now = {name: str(info["update_seq"]) for name, info in infos.items()}
        changed = {name: seq for name, seq in now.items() if self._seen.get(name) != seq}
        self._seen = now
        return changed

    async def __aiter__(self) -> AsyncGenerator[dict[str, str], None]:
        while True:
            self._nudge.clear()
            try:
                changed = await self.moved()
            except StoreError as error:
                log.warning("databases cannot be watched", code=error.code, reason=error.reason)
                changed = {}
            if changed:
                yield changed
            try:
                await asyncio.wait_for(self._nudge.wait(), self._seconds)
            except TimeoutError:
                continue
