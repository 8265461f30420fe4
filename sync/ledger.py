"""Which records were erased on request: ids and times, nothing about anyone.

One document per erased record in the database ``ledger``, which is no part of a backup, so that a restored
one is erased anew: ``erased:<unit database>:<id>``, with `at` when it was asked and `done` once everything
that said something was gone. The ledger is asked for each batch instead of being held in memory: an erasure
counts for every process from the moment it is written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sync.names import Names
from sync.store import Document, Store

_KIND = "erased"


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure; one that is not `done` was cut short."""

    ward: str
    unit: str
    id: str
    done: bool


class Ledger:
    """The installation's ledger of erasures."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._names = names

    async def enter(self, ward: str, unit: str, ids: Sequence[str]) -> None:
        """Returns once every id is entered: from then on no write of it is accepted."""

        def begin(before: Document | None) -> Document | None:
            if before is not None:
                return None
            return {"type": _KIND, "ward": ward, "unit": unit, "id": id, "at": _now()}

        for id in ids:
            await self._store.update(self._names.ledger, self._key(ward, unit, id), begin)

    async def finish(self, ward: str, unit: str, ids: Sequence[str]) -> None:
        def end(before: Document | None) -> Document | None:
            return None if before is None or "done" in before else {**before, "done": _now()}

        for id in ids:
            await self._store.update(self._names.ledger, self._key(ward, unit, id), end)

    async def erased(self, database: str, ids: Collection[str]) -> set[str]:
        """Those of the ids that were erased from a unit's database (by its name in the store).

        :raises StoreError: when the ledger cannot be asked; then nothing may be written.
        """
        if not ids:
            return set()
        keys = {f"{_KIND}:{self._names.public(database)}:{id}": id for id in ids}
        rows = await self._store.all_docs(self._names.ledger, keys=list(keys))
        return {keys[row["key"]] for row in rows if row.get("value") and not row["value"].get("deleted")}

    async def entries(self) -> list[Entry]:
        """Everything that was ever erased, oldest units first."""
        return [
            Entry(row["ward"], row["unit"], row["id"], "done" in row)
            async for page in self._store.pages(self._names.ledger, startkey=f"{_KIND}:", endkey=f"{_KIND};")
            for row in page
        ]

    def _key(self, ward: str, unit: str, id: str) -> str:
        return f"{_KIND}:{self._names.public(self._names.unit(ward, unit))}:{id}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
