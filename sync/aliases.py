"""As which record a merged one goes on, and documents that name the one instead of the other.

A household or resident that turned out to be another one (`sync.twins`) leaves a tombstone in the unit's
database that says as which it goes on; ``same:<id>`` in the ward's `privacy` database has the ids of all that
went on as that one. Both hold ids and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from sync.names import Names
from sync.store import Document, NotFound, Store

MERGED = "merged_into"
"""The field of a tombstone that says as which record a document goes on."""
OPEN = "twins"
"""The document of the ward's `privacy` that says what is being merged, or taken apart, just now."""
LONGEST = 20
"""No chain of merges has more steps; tombstones that point at one another would have no end."""
_ENVELOPE = ("_id", "_rev", "_revisions")


def kept_of(tombstone: Mapping[str, Any]) -> str:
    """As which record a document goes on, nothing for one that was not merged."""
    return str(tombstone.get(MERGED) or "") if tombstone.get("_deleted") else ""


def rewritten(document: Document, aliases: Mapping[str, str]) -> Document:
    """The document, its history too, with kept records in place of those that went on as them."""
    if not aliases:
        return document
    return {name: value if name in _ENVELOPE else _named(value, aliases) for name, value in document.items()}


def _named(value: Any, aliases: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return aliases.get(value, value)
    if isinstance(value, list):
        return [_named(item, aliases) for item in value]
    if isinstance(value, dict):
        return {name: _named(item, aliases) for name, item in value.items()}
    return value


async def tombstones(store: Store, database: str, ids: Iterable[str]) -> dict[str, Document]:
    """Of those that are gone what is left, by id."""
    rows = await store.all_docs(database, keys=sorted(set(ids)))
    gone = [(row["key"], row["value"]["rev"]) for row in rows if row.get("value", {}).get("deleted")]
    found = await store.revisions(database, gone) if gone else []
    return {one["_id"]: one for one in found}


async def follow(store: Store, database: str, gone: Mapping[str, Document]) -> dict[str, str]:
    """The last record of each chain of merges that begins with one of these tombstones, by id."""
    steps = {id: kept for id, one in gone.items() if (kept := kept_of(one))}
    ahead = set(steps.values()) - steps.keys()
    for _ in range(LONGEST):
        if not ahead:
            break
        more = await tombstones(store, database, ahead)
        new = {id: kept for id, one in more.items() if (kept := kept_of(one))}
        steps |= new
        ahead = set(new.values()) - steps.keys()
    return {id: _end(steps, id) for id in gone if id in steps}


def _end(steps: Mapping[str, str], id: str) -> str:
    seen: set[str] = set()
    while id in steps and id not in seen:
        seen.add(id)
        id = steps[id]
    return id


async def resolve(store: Store, database: str, ids: Iterable[str]) -> dict[str, str]:
    """Of these records those that go on as others, and as which."""
    wanted = set(ids)
    return await follow(store, database, await tombstones(store, database, wanted)) if wanted else {}


async def under_way(store: Store, names: Names, ward: str) -> list[tuple[str, str]]:
    """Both records of each merge, or undo, that is begun and not done."""
    stored: Document | None = None
    with suppress(NotFound):  # a ward whose databases were never made merges nothing
        stored = await store.find(names.ward(ward).privacy, OPEN)
    return [(wish["lost"], wish["kept"]) for wish in (stored or {}).get("open", {}).values()]


async def same_as(store: Store, names: Names, ward: str, ids: Collection[str]) -> dict[str, list[str]]:
    """Of each of these records those that went on as it, by any number of merges."""
    rows = []
    with suppress(NotFound):  # a ward whose databases were never made has merged nothing
        keys = [f"same:{id}" for id in ids]
        rows = await store.all_docs(names.ward(ward).privacy, keys=keys, include_docs=True)
    found = {row["key"].removeprefix("same:"): row.get("doc") for row in rows}
    return {id: sorted(doc["ids"]) for id, doc in found.items() if doc}
