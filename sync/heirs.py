"""Which unit goes on as which: a merged unit's row in the ward's catalog names its heir."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from sync.names import Names
from sync.store import Document, NotFound, Store


async def find_heir(store: Store, names: Names, ward: str, unit: str) -> str | None:
    """The unit that this one was merged into, or is being merged into; None for one that stands alone."""
    row: Document | None = None
    with suppress(NotFound):  # a ward without a catalog has merged nothing
        row = await store.find(names.ward(ward).catalog, f"unit:{unit}")
    heir = (row or {}).get("merging") or (row or {}).get("merged_into")
    return str(heir) if heir else None


def last_heir(heirs: Mapping[str, str], unit: str) -> str:
    """Where a unit's records are by now, through any number of merges; `heirs` holds one step each."""
    seen = {unit}
    while (following := heirs.get(unit)) is not None and following not in seen:
        unit = following
        seen.add(unit)
    return unit
