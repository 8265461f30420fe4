"""Doors that an undo took back and that somebody had been to: they are there again.

A phone that was out of reach while an import was undone brings its visits, and the residents it wrote down,
when it can. Their door would be counted as gone, and be in nobody's list. So whatever comes into a unit is
looked at for as long as the record of its last import is kept, which tells of the undone ones before it, too.
"""

from __future__ import annotations

from datetime import UTC, datetime

from server.importing.last import KEPT, is_taken, restore, taken_back, used_ones
from sync.background import repeat
from sync.clocks import text_of
from sync.names import Names, WardNames
from sync.store import NotFound, Store

LOOK_SECONDS = 30.0
AT_ONCE = 200


class Late:
    """Remembers up to where each unit of a ward was looked through."""

    def __init__(self, store: Store, ward: WardNames) -> None:
        self._store = store
        self._ward = ward
        self._imports = Names(ward.prefix).imports
        self._looked: dict[str, tuple[str, str]] = {}

    async def look(self) -> int:
        """Returns once every door that somebody was at is there; how many came back.

        :raises StoreError: when it was cut short; it may be called again.
        """
        start, count = f"import:{self._ward.ward}:", 0
        oldest = text_of(datetime.now(UTC) - KEPT)
        rows = await self._store.all_docs(
            self._imports, startkey=start, endkey=f"{start}\ufff0", include_docs=True
        )
        for row in rows:
            record = row["doc"]
            if record["at"] > oldest and (wanted := taken_back(record)):
                count += await self._look_at(row["id"].removeprefix(start), record["_rev"], set(wanted))
        return count

    async def follow(self) -> None:
        """`look` now and then, until cancelled."""
        await repeat(self.look, "doors taken back", every=LOOK_SECONDS)

    async def _look_at(self, unit: str, rev: str, wanted: set[str]) -> int:
        database = self._ward.unit(unit)
        looked, since = self._looked.get(unit, ("", ""))
        try:
            now = str((await self._store.info(database))["update_seq"])
            if looked != rev:  # all of it, once
                found = set(await used_ones(self._store, self._ward, unit, wanted))
            else:
                found, now = await self._news(database, since) if now != since else (set(), now)
        except NotFound:
            return 0
        doors = await self._taken(database, sorted(found & wanted))
        await restore(self._store, database, doors, text_of(datetime.now(UTC)))
        self._looked[unit] = (rev, now)
        return len(doors)

    async def _news(self, database: str, since: str) -> tuple[set[str], str]:
        """The households that what came since then is of, and up to where that was."""
        found: set[str] = set()
        while True:
            rows, since = await self._store.changes(database, since, AT_ONCE)
            if not rows:
                return found, since
            ids = [row["id"] for row in rows if row["id"].startswith(("visit:", "resident:"))]
            for row in await self._store.all_docs(database, keys=ids, include_docs=True) if ids else ():
                found.add(str((row.get("doc") or {}).get("household")))

    async def _taken(self, database: str, ids: list[str]) -> list[str]:
        rows = await self._store.all_docs(database, keys=ids, include_docs=True) if ids else []
        return [row["key"] for row in rows if is_taken(row.get("doc") or {})]
