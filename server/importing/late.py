"""Doors that an undo took back and that somebody had been to: they are there again.

A phone that was out of reach while an import was undone brings its visits, the residents it wrote down, and
what it set right of the household, when it can. Their door would be counted as gone, and be in nobody's list.
So whatever comes into a unit is looked at for as long as the record of its last import is kept, which tells
of the undone ones before it, too.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime

from server.importing.last import KEPT, batches, is_taken, restore, taken_back, used_ones
from server.importing.plan import OFFICE
from sync.background import apart, repeat
from sync.clocks import text_of
from sync.merge import registers
from sync.names import Names, WardNames
from sync.store import Document, NotFound, Store

LOOK_SECONDS = 30.0
AT_ONCE = 200


class Late:
    """Remembers up to where each unit of a ward was looked through."""

    def __init__(self, store: Store, ward: WardNames) -> None:
        self._store = store
        self._ward = ward
        self._imports = Names(ward.prefix).imports
        self._looked: dict[str, tuple[str, str]] = {}
        self._records: dict[str, tuple[str, str, frozenset[str]]] = {}

    async def look(self) -> int:
        """Returns once every door that somebody was at is there; how many came back.

        :raises StoreError: when it was cut short; it may be called again.
        """
        start, count = f"import:{self._ward.ward}:", 0
        oldest = text_of(datetime.now(UTC) - KEPT)
        rows = await self._store.all_docs(self._imports, startkey=start, endkey=f"{start}\ufff0")
        with apart() as each:
            for row in rows:
                with each():
                    at, wanted = await self._taken_back(row["id"], row["value"]["rev"])
                    if wanted and at > oldest:
                        unit = row["id"].removeprefix(start)
                        count += await self._look_at(unit, row["value"]["rev"], wanted)
        return count

    async def _taken_back(self, id: str, rev: str) -> tuple[str, frozenset[str]]:
        """When the unit's last import was, and the doors that were taken back; read again when it changed."""
        known = self._records.get(id)
        if known is None or known[0] != rev:
            record = await self._store.get(self._imports, id)
            known = self._records[id] = (rev, str(record["at"]), frozenset(taken_back(record)))
        return known[1:]

    async def follow(self) -> None:
        """`look` now and then, until cancelled."""
        await repeat(self.look, "doors taken back", every=LOOK_SECONDS)

    async def _look_at(self, unit: str, rev: str, wanted: frozenset[str]) -> int:
        database = self._ward.unit(unit)
        looked, since = self._looked.get(unit, ("", ""))
        try:
            now = str((await self._store.info(database))["update_seq"])
            if looked != rev:  # all of it, once
                used = set(await used_ones(self._store, self._ward, unit, wanted))
                doors = await self._missed(database, wanted, used)
            elif now != since:
                used, edited, now = await self._news(database, since)
                doors = await self._missed(database, wanted & (used | edited), used)
            else:
                return 0
        except NotFound:
            return 0
        await restore(self._store, database, doors, text_of(datetime.now(UTC)))
        self._looked[unit] = (rev, now)
        return len(doors)

    async def _news(self, database: str, since: str) -> tuple[set[str], set[str], str]:
        """Whose households' visits and residents came since then, which households came, and up to where."""
        used: set[str] = set()
        edited: set[str] = set()
        while True:
            rows, since = await self._store.changes(database, since, AT_ONCE)
            if not rows:
                return used, edited, since
            edited.update(row["id"] for row in rows if row["id"].startswith("household:"))
            ids = [row["id"] for row in rows if row["id"].startswith(("visit:", "resident:"))]
            for row in await self._store.all_docs(database, keys=ids, include_docs=True) if ids else ():
                used.add(str((row.get("doc") or {}).get("household")))

    async def _missed(self, database: str, ids: Set[str], used: set[str]) -> list[str]:
        """Of these the ones that are taken back and used, or set right by somebody."""
        found = []
        for batch in batches(sorted(ids)):
            for row in await self._store.all_docs(database, keys=batch, include_docs=True):
                document = row.get("doc") or {}
                if is_taken(document) and (row["key"] in used or _is_edited(document)):
                    found.append(row["key"])
        return found


def _is_edited(document: Document) -> bool:
    """Whether anybody but the office said anything of it: it was as imported when it was taken back."""
    said = [document[name] for name in registers(document)]
    return any(one.get("by") != OFFICE for one in (*said, *document.get("history", ())))
