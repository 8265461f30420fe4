"""What residents ask for about their own data, and incidents with it: kept in the ward's `privacy` database.

The days within which a request is answered are those of the decree on personal data (NĐ 356/2025/NĐ-CP),
calendar days counted from the day of receipt in Vietnam; an incident is reported within 72 hours of its
discovery. A request names the resident by id alone, and what was done for it one act after another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

from sync.clocks import text_of
from sync.documents import ULID
from sync.store import Document, Store
from sync.ulids import new_ulid

Kind = Literal["view", "correct", "restrict", "delete"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Deed = Literal["chosen", "extracted", "corrected", "restricted", "lifted", "erased"]
DAYS: dict[Kind, int] = {"view": 10, "correct": 10, "restrict": 15, "delete": 20}
"""Days from receipt until a request must be answered."""
REPORT_WITHIN = timedelta(hours=72)
TOLD = ("what", "concerned", "consequences", "measures", "contact")
"""What an incident's record says, and the report to the authority with it."""
_ULID = re.compile(ULID)


def due_on(kind: Kind, received: date) -> date:
    """The last day on which the request is answered in time."""
    return received + timedelta(DAYS[kind])


def hours_left(discovered: datetime, now: datetime) -> int:
    """Whole hours until an incident must be reported; negative once that is over."""
    return (discovered + REPORT_WITHIN - now) // timedelta(hours=1)


async def open_request(
    store: Store, database: str, *, kind: Kind, received: date, by: str, note: str, unit: str, resident: str
) -> Document:
    """The new request; `unit` and `resident` are empty until it is known whom it concerns."""
    request: Document = {
        "_id": f"request:{new_ulid()}",
        "type": "request",
        "kind": kind,
        "received": received.isoformat(),
        "due": due_on(kind, received).isoformat(),
        "unit": unit,
        "resident": resident,
        "note": note,
        "state": "open",
        "by": by,
        "deeds": [],
    }
    await store.put(database, request)
    return request


async def close_request(store: Store, database: str, ulid: str, *, by: str, answer: str) -> Document | None:
    """The request, answered; one that was closed before stays as it is. None when there is none."""
    closed = {"at": text_of(datetime.now(UTC)), "by": by, "answer": answer}
    return await _change(
        store,
        database,
        "request",
        ulid,
        lambda stored: {**stored, "state": "closed", "closed": closed} if stored["state"] == "open" else None,
    )


async def choose(
    store: Store, database: str, ulid: str, *, unit: str, resident: str, by: str
) -> Document | None:
    """The request, about this resident from now on; a closed one stays as it is."""

    def change(stored: Document) -> Document | None:
        if stored["state"] != "open":
            return None
        return {**_done(stored, "chosen", by, {}), "unit": unit, "resident": resident}

    return await _change(store, database, "request", ulid, change)


async def note_deed(
    store: Store, database: str, ulid: str, deed: Deed, by: str, **counts: int
) -> Document | None:
    """The request with one thing more that was done for it; `counts` say how much."""
    return await _change(
        store, database, "request", ulid, lambda stored: _done(stored, deed, by, dict(counts))
    )


async def forget_words(store: Store, database: str, resident: str) -> None:
    """What was noted in requests of this resident goes with the resident."""
    for one in await list_all(store, database, "request"):
        if one["resident"] == resident and one["note"]:
            ulid = one["_id"].partition(":")[2]
            await _change(store, database, "request", ulid, lambda stored: {**stored, "note": ""})
    await store.compact(database)


async def open_incident(
    store: Store, database: str, *, discovered: datetime, by: str, subject: str, **told: str
) -> Document:
    """The new incident; `told` has every name of `TOLD`, `subject` is the id of a lost device or empty."""
    incident: Document = {
        "_id": f"incident:{new_ulid()}",
        "type": "incident",
        "discovered": text_of(discovered),
        "subject": subject,
        "reported": "",
        "needless": "",
        "by": by,
        **{name: told.get(name, "") for name in TOLD},
    }
    await store.put(database, incident)
    return incident


async def change_incident(store: Store, database: str, ulid: str, **fields: str) -> Document | None:
    """The incident with other fields; None when there is none.

    ``reported`` is the instant at which the authority was told, ``needless`` why it need not be: with either
    the clock stands still.
    """
    return await _change(store, database, "incident", ulid, lambda stored: {**stored, **fields})


async def find(store: Store, database: str, kind: str, ulid: str) -> Document | None:
    """A request or incident (`kind`), None when this ward has no such one."""
    return await store.find(database, f"{kind}:{ulid}") if _ULID.fullmatch(ulid) else None


async def list_all(store: Store, database: str, kind: str) -> list[Document]:
    """Every request or incident, the oldest first."""
    return [
        document
        async for page in store.pages(database, startkey=f"{kind}:", endkey=f"{kind}:\ufff0")
        for document in page
    ]


def is_running(incident: Document) -> bool:
    """Whether the 72 hours still count."""
    return not incident["reported"] and not incident["needless"]


def _done(stored: Document, deed: Deed, by: str, counts: dict[str, int]) -> Document:
    entry = {"deed": deed, "at": text_of(datetime.now(UTC)), "by": by, **counts}
    return {**stored, "deeds": [*stored["deeds"], entry]}


async def _change(
    store: Store, database: str, kind: str, ulid: str, change: Callable[[Document], Document | None]
) -> Document | None:
    if not _ULID.fullmatch(ulid):
        return None

    def step(stored: Document | None) -> Document | None:
        return None if stored is None else change(stored)

    changed: Any = await store.update(database, f"{kind}:{ulid}", step)
    return None if changed is None else dict(changed)
