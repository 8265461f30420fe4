"""After merges of records: what was cut short goes on, what came in behind follows, what is over goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from sync import parting, twins
from sync.aliases import OPEN
from sync.background import apart, repeat
from sync.clocks import text_of
from sync.heirs import find_end
from sync.names import Names
from sync.redaction import people_of
from sync.store import Document, NotFound, Store

LOOK_SECONDS = 60.0
AFTERWARDS = timedelta(minutes=10)
"""How long a merge that is done is looked at again: a write that was under way may have come in behind it.

Each is looked at once more after that, however long the server stood still."""
log = structlog.get_logger(__name__)


async def settle(store: Store, names: Names, ward: str, seen: dict[str, str] | None = None) -> None:
    """Go on with what was cut short, look again at what was merged just now, forget what cannot be undone.

    :param seen: how far each database had come at the last look; where nothing came since, nobody looks.
    """
    with apart() as each:
        with each():
            await _go_on(store, names, ward)
        with each():
            await _look_back(store, names, ward, {} if seen is None else seen)


async def _go_on(store: Store, names: Names, ward: str) -> None:
    running: Mapping[str, Any] = {}
    with suppress(NotFound):
        running = (await store.find(names.ward(ward).privacy, OPEN) or {}).get("open", {})
    with apart() as each:
        for wish in running.values():
            with each(), suppress(twins.Unfit):
                await (twins if wish["do"] == "merge" else parting).go_on(store, names, ward, wish)


async def _look_back(store: Store, names: Names, ward: str, seen: dict[str, str]) -> None:
    privacy, now = names.ward(ward).privacy, datetime.now(UTC)
    recent, over = text_of(now - AFTERWARDS), text_of(now - timedelta(days=twins.UNDO_DAYS))
    fresh: dict[str, list[Document]] = {}
    past: list[Document] = []
    with suppress(NotFound):
        async for page in store.pages(privacy, startkey="twin:", endkey="twin;"):
            for entry in page:
                if entry["done"] and not entry.get("quiet"):
                    fresh.setdefault(entry["unit"], []).append(entry)
                elif entry["at"] < over:
                    past.append(entry)
    with apart() as each:
        for unit, entries in fresh.items():
            with each():
                database = names.unit(ward, await find_end(store, names, ward, unit))
                for entry in await _behind(store, database, entries, seen):
                    await _look_again(store, names, ward, entry)
                for late in [one for one in entries if str(one.get("ended", one["at"])) < recent]:
                    quiet = await _let_rest(store, privacy, late)
                    past += [quiet] if quiet and quiet["at"] < over else []
        for entry in past:
            with each():
                await store.delete(privacy, entry["_id"], entry["_rev"])


async def _let_rest(store: Store, privacy: str, entry: Document) -> Document | None:
    """Looked at late enough: whatever was under way has come. None when it was undone just now."""

    def rest(stored: Document | None) -> Document | None:
        return {**stored, "quiet": True} if stored and stored["at"] == entry["at"] else None

    return await store.update(privacy, entry["_id"], rest)


async def _behind(
    store: Store, database: str, entries: Sequence[Document], seen: dict[str, str]
) -> list[Document]:
    """The merges behind which something came that is, or names, the lost record; one read for all."""
    came = str((await store.info(database))["update_seq"])
    lost = {str(entry["lost"]) for entry in entries}
    since = f"{came} {sorted(lost)}"
    if seen.get(database) == since:
        return []
    rows = await store.all_docs(database, keys=sorted(lost))
    late = {row["key"] for row in rows if row.get("value") and not row["value"].get("deleted")}
    async for page in store.pages(database, startkey="resident:", endkey="visit;"):
        for one in page:
            late |= lost & {str(one.get("household")), *people_of(one)}
    seen[database] = since
    return [entry for entry in entries if entry["lost"] in late]


async def _look_again(store: Store, names: Names, ward: str, entry: Document) -> None:
    wish = {**{name: entry[name] for name in ("lost", "kept", "unit", "by", "at")}, "do": "merge"}
    with suppress(twins.Unfit):  # it is just being undone
        await twins.claim(store, names, ward, wish)
        stored = await store.find(names.ward(ward).privacy, entry["_id"])
        if stored and stored["at"] == entry["at"]:
            await twins.go_on(store, names, ward, wish)
        await twins.release(store, names, ward, str(entry["lost"]), entry["at"])


async def follow(store: Store, names: Names, ward: str) -> None:
    """`settle` now and then, until cancelled."""
    seen: dict[str, str] = {}
    await repeat(lambda: settle(store, names, ward, seen), "merging records", every=LOOK_SECONDS)
