"""What lies in a ward's quarantine: counted, listed newest first, and one record whole.

The list comes from views that hold nothing of what the documents say (``design_docs/refused``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sync.store import Document, NotFound, Store

DESIGN = "refused"
PAGE = 50
WHOLE = 100
"""Entries that are read whole at once: a photo among them has up to 2 MB."""
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


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records: those to be decided or the decided ones, of one unit, for one reason, or all."""

    state: Literal["open", "decided"] = "open"
    unit: str = ""
    code: str = ""

    @property
    def key(self) -> list[str]:
        return [self.state, self.unit, self.code]


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
    outcome: str


async def count_refused(
    store: Store, database: str, state: Literal["open", "decided"] = "open"
) -> dict[str, int]:
    """Refused records by unit, of those that have any."""
    rows = await store.view(
        database, DESIGN, "listed", group_level=3, startkey=[state, ""], endkey=[state, {}]
    )
    return {row["key"][1]: int(row["value"]) for row in rows if row["key"][1] and not row["key"][2]}


async def count_reasons(store: Store, database: str, choice: Choice) -> dict[str, int]:
    """Records by the reason why they were refused, of the choice's state and unit."""
    start = [choice.state, choice.unit]
    rows = await store.view(
        database, DESIGN, "listed", group_level=3, startkey=[*start, ""], endkey=[*start, {}]
    )
    return {row["key"][2]: int(row["value"]) for row in rows if row["key"][2]}


async def list_refused(
    store: Store, database: str, choice: Choice, begin: Place | None = None, most: int = PAGE
) -> tuple[list[Entry], Place | None]:
    """At most `most` entries, newest first; and where the next page begins, if any."""
    asked: dict[str, Any] = {"descending": True, "reduce": False, "limit": most + 1}
    asked.update(startkey=[*choice.key, begin.at if begin else {}], endkey=choice.key)
    if begin is not None:
        asked["startkey_docid"] = _id(begin.hash)
    rows = await store.view(database, DESIGN, "listed", **asked)
    entries = [_entry(row, row["key"][3]) for row in rows]
    beyond = entries[most:]
    return entries[:most], Place(beyond[0].at, beyond[0].hash) if beyond else None


async def count_outcomes(store: Store, database: str, person: str) -> int:
    """How many decisions there are about what this person sent."""
    rows = await store.view(
        database, DESIGN, "outcomes", group_level=1, startkey=[person], endkey=[person, {}]
    )
    return int(rows[0]["value"]) if rows else 0


async def list_outcomes(store: Store, database: str, person: str, most: int = 500) -> list[Document]:
    """The last decisions, newest first: ``{id, rev, outcome, at, message?, accepted?}``."""
    rows = await store.view(
        database,
        DESIGN,
        "outcomes",
        reduce=False,
        include_docs=True,
        descending=True,
        startkey=[person, {}],
        endkey=[person],
        limit=most,
    )
    return [_outcome(row["doc"]) for row in rows if row.get("doc")]


def _outcome(entry: Document) -> Document:
    decision = entry["decision"]
    told = {"id": entry["id"], "rev": entry["rev"], "outcome": decision["outcome"], "at": decision["at"]}
    if decision.get("message"):
        told["message"] = decision["message"]
    if decision.get("rev"):
        told["accepted"] = decision["rev"]
    return told


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
    told = {
        name: str(row["value"].get(name) or "")
        for name in ("unit", "by", "device", "code", "kind", "outcome")
    }
    return Entry(hash=row["id"].removeprefix("refused:"), at=str(at), **told)
