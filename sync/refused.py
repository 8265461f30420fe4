"""What lies in a ward's quarantine: counted, listed newest first, and one record whole.

The list comes from views that hold nothing of what the documents say (``design_docs/refused``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.store import Document, NotFound, Store

DESIGN = "refused"
PAGE = 50
_PLACE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)_([0-9a-f]{40})")
_HASH = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list begins: at this record, and on to older ones."""

    at: str
    hash: str

    def __str__(self) -> str:
        return f"{self.at}_{self.hash}"

    @classmethod
    def read(cls, text: str) -> Place:
        """:raises ValueError: for a text that `str` did not write."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"not a place in the list: {text[:80]!r}")
        return cls(found[1], found[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the list; `hash` is the id without its prefix, `kind` the type the document claims."""

    hash: str
    at: str
    unit: str
    by: str
    device: str
    code: str
    kind: str


async def count_refused(store: Store, database: str) -> dict[str, int]:
    """Refused records by unit, of those that have any."""
    rows = await store.view(database, DESIGN, "by_unit", group_level=1)
    return {row["key"][0]: int(row["value"]) for row in rows}


async def list_refused(
    store: Store, database: str, unit: str | None = None, begin: Place | None = None
) -> tuple[list[Entry], Place | None]:
    """At most `PAGE` entries, newest first, of one unit or all; and where the next page begins, if any."""
    asked: dict[str, Any] = {"descending": True, "reduce": False, "limit": PAGE + 1}
    if unit is not None:
        asked.update(startkey=[unit, begin.at if begin else {}], endkey=[unit])
    elif begin is not None:
        asked.update(startkey=begin.at)
    if begin is not None:
        asked["startkey_docid"] = _id(begin.hash)
    rows = await store.view(database, DESIGN, "by_time" if unit is None else "by_unit", **asked)
    entries = [_entry(row, row["key"] if unit is None else row["key"][1]) for row in rows]
    beyond = entries[PAGE:]
    return entries[:PAGE], Place(beyond[0].at, beyond[0].hash) if beyond else None


async def find_refused(store: Store, database: str, hash: str) -> Document | None:
    """The record with everything it says, None when this ward has no such one."""
    if not _HASH.fullmatch(hash):
        return None
    try:
        return await store.find(database, _id(hash))
    except NotFound:
        return None


def _id(hash: str) -> str:
    return f"refused:{hash}"


def _entry(row: Mapping[str, Any], at: Any) -> Entry:
    told = {name: str(row["value"].get(name) or "") for name in ("unit", "by", "device", "code", "kind")}
    return Entry(hash=row["id"].removeprefix("refused:"), at=str(at), **told)
