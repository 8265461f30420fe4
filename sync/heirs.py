"""In which unit a document is by now, and which units held it before.

A merged unit's row in the ward's catalog names its heir. A document that was moved alone leaves a tombstone
that says where it went, and an entry ``moved:<id>`` in the ward's `privacy` database that says where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sync.aliases import same_as
from sync.names import Names
from sync.store import Document, NotFound, Store

MOVED = "moved_to"
"""The field of a tombstone that says in which unit the document goes on."""


async def find_heir(store: Store, names: Names, ward: str, unit: str) -> str | None:
    """The unit that this one was merged into, or is being merged into; None for one that stands alone."""
    row: Document | None = None
    with suppress(NotFound):  # a ward without a catalog has merged nothing
        row = await store.find(names.ward(ward).catalog, f"unit:{unit}")
    heir = (row or {}).get("merging") or (row or {}).get("merged_into")
    return str(heir) if heir else None


async def find_end(store: Store, names: Names, ward: str, unit: str) -> str:
    """Where a unit goes on, through any number of merges."""
    seen = {unit}
    while (heir := await find_heir(store, names, ward, unit)) and heir not in seen:
        unit = heir
        seen.add(unit)
    return unit


async def is_merging(store: Store, names: Names, ward: str, unit: str) -> bool:
    """Whether this unit, or one as which it went on, is on its way into another just now."""
    row: Document | None = {"merged_into": unit}
    with suppress(NotFound):
        while row and (unit := row.get("merged_into", "")):
            row = await store.find(names.ward(ward).catalog, f"unit:{unit}")
    return bool((row or {}).get("merging"))


def last_heir(heirs: Mapping[str, str], unit: str) -> str:
    """Where a unit's records are by now, through any number of merges; `heirs` holds one step each."""
    seen = {unit}
    while (following := heirs.get(unit)) is not None and following not in seen:
        unit = following
        seen.add(unit)
    return unit


def place_of(tombstone: Mapping[str, Any]) -> str:
    """The unit in which a document goes on, nothing for one that was not moved."""
    return str(tombstone.get(MOVED) or "") if tombstone.get("_deleted") else ""


async def former_units(store: Store, names: Names, ward: str, unit: str, ids: Sequence[str]) -> list[str]:
    """The units, besides this one, that held any of these, or what went on as one of them, before a move."""
    rows = []
    with suppress(NotFound):  # a ward whose databases were never made has moved nobody
        also = (await same_as(store, names, ward, ids)).values()
        keys = [f"moved:{id}" for id in {*ids, *(id for some in also for id in some)}]
        rows = await store.all_docs(names.ward(ward).privacy, keys=keys, include_docs=True)
    units = {str(name) for row in rows for name in (row.get("doc") or {}).get("units", ())}
    return sorted(units - {unit})
