"""What the audit says: entries of one ward by period, person, act and subject, newest first.

The views of ``design_docs/audit`` each order one way; the narrowest that the search allows is read, and
what else was asked for is compared entry by entry.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from sync.audit import DESIGN
from sync.clocks import text_of
from sync.documents import ULID
from sync.store import Document, Store

PAGE = 50
BATCH = 200
_PLACE = re.compile(rf"(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z)_({ULID})")
_VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for; an empty text is anything. Days are Vietnam's, both included."""

    ward: str
    first: date
    last: date
    by: str = ""
    action: str = ""
    subject: str = ""

    @property
    def view(self) -> tuple[str, list[str]]:
        """The narrowest view, and what its keys begin with."""
        for view, value in (("by_subject", self.subject), ("by_person", self.by), ("by_action", self.action)):
            if value:
                return view, [self.ward, value]
        return "by_time", [self.ward]

    @property
    def bounds(self) -> tuple[str, str]:
        """The first instant, and the one at which the last day is over."""
        begin, end = (
            datetime.combine(day, time(), _VIETNAM) for day in (self.first, self.last + timedelta(1))
        )
        return text_of(begin), text_of(end)

    def finds(self, entry: Document) -> bool:
        return all(
            not wanted or entry.get(name) == wanted
            for name, wanted in (("by", self.by), ("action", self.action), ("subject", self.subject))
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: at this entry, and on to older ones."""

    at: str
    ulid: str

    def __str__(self) -> str:
        return f"{self.at}_{self.ulid}"

    @classmethod
    def read(cls, text: str) -> Place:
        """:raises ValueError: for a text that `str` did not write."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"not a place in the audit: {text[:80]!r}")
        return cls(found[1], found[2])


async def read_audit(
    store: Store, database: str, search: Search, begin: Place | None = None
) -> AsyncIterator[Document]:
    """Every entry found, newest first, from `begin` on."""
    view, prefix = search.view
    first, end = search.bounds
    asked: dict[str, Any] = {"startkey": [*prefix, end]}
    if begin is not None:
        asked = {"startkey": [*prefix, begin.at], "startkey_docid": f"audit:{begin.ulid}"}
    while True:
        rows = await store.view(
            database,
            DESIGN,
            view,
            descending=True,
            include_docs=True,
            endkey=[*prefix, first],
            limit=BATCH + 1,
            **asked,
        )
        for row in rows[:BATCH]:
            if row["doc"]["at"] < end and search.finds(row["doc"]):
                yield row["doc"]
        if len(rows) <= BATCH:
            return
        asked = {"startkey": rows[BATCH]["key"], "startkey_docid": rows[BATCH]["id"]}


async def list_audit(
    store: Store, database: str, search: Search, begin: Place | None = None
) -> tuple[list[Document], Place | None]:
    """At most `PAGE` entries; and where the next page begins, if any."""
    found: list[Document] = []
    async for entry in read_audit(store, database, search, begin):
        if len(found) == PAGE:
            return found, Place(entry["at"], entry["_id"].removeprefix("audit:"))
        found.append(entry)
    return found, None
