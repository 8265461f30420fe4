"""What says who someone is, is kept for the campaign it was written for, and no longer.

`Terms` says until when the records of a day are kept. `find_due` names what is past its time in one unit,
`remove` takes it away: residents by the same erasure as one asked for (`sync.erasing`), whatever was typed in
visits and in refused records likewise. What is counted (days, outcomes, services, levels, ids) stays, so
every figure of work done stays true. Photos go whole. Nothing else is touched: households are doors, not
people.

A resident belongs to the last day on which anything happened to the record or someone helped this person; a
visit to its own day; a refused record to the day it came; a photo to the day it was taken. The register of
requests and incidents has days of its own, since it proves that the ward answered: an entry goes as a whole,
counted from its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sync.erasing import AT_ONCE, erase_all, redact_all, silent
from sync.names import Names
from sync.photos import every_photo, remove_photos
from sync.redaction import people_of, without_text
from sync.refused import WHOLE
from sync.requests import is_running, list_all
from sync.store import Document, Store

VIETNAM = timedelta(hours=7)


@dataclass(frozen=True, slots=True)
class Term:
    """A campaign's days, first to last, and how many days after the last its records are kept."""

    first: date
    last: date
    keep_days: int


@dataclass(frozen=True, slots=True)
class Terms:
    """All campaigns, and the days for which is kept what belongs to none."""

    campaigns: Sequence[Term]
    otherwise: int

    def over(self, day: date | None, today: date) -> bool:
        """Whether what is of this day is kept no longer; of several campaigns the longest term counts.

        What has no readable day is kept: nothing goes by mistake.
        """
        if day is None:
            return False
        own = [term for term in self.campaigns if term.first <= day <= term.last]
        ends = [term.last + timedelta(term.keep_days) for term in own] or [day + timedelta(self.otherwise)]
        return max(ends) < today


@dataclass(frozen=True, slots=True)
class Due:
    """Ids of which the time is over: of residents, visits with text, refused records and photos in one unit.

    With an empty `unit` it is the ward's register: requests that were answered, incidents that were settled.
    """

    ward: str
    unit: str
    residents: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    register: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.residents or self.visits or self.refused or self.photos or self.register)

    def count(self, kind: str) -> int:
        """How many requests or incidents (`kind`) of the register."""
        return sum(id.startswith(f"{kind}:") for id in self.register)


async def find_due(store: Store, names: Names, ward: str, unit: str, terms: Terms, today: date) -> Due:
    """:raises StoreError: when the unit cannot be read whole."""

    def over(day: str) -> bool:
        with suppress(ValueError):
            return terms.over(date.fromisoformat(day), today)
        return False

    last: dict[str, date | None] = {}
    visits: list[str] = []
    async for page in store.pages(names.unit(ward, unit)):  # residents come before visits
        for document in page:
            if document["_id"].startswith("resident:"):
                last[document["_id"]] = _day_of_resident(document)
            if document["_id"].startswith("visit:"):
                day = _day_of_visit(document)
                for person in people_of(document) & last.keys():
                    last[person] = max(filter(None, (last[person], day)), default=None)
                if terms.over(day, today) and without_text(document) != document:
                    visits.append(document["_id"])
    residents = [id for id, day in last.items() if terms.over(day, today)]
    refused = [
        entry["_id"]
        async for page in store.pages(
            names.ward(ward).quarantine, startkey="refused:", endkey="refused;", size=WHOLE
        )
        for entry in page
        if entry.get("unit") == unit
        and terms.over(_latest([entry.get("at")]), today)
        and _silent(entry) != entry
    ]
    pictures = [row.id async for row in every_photo(store, names.ward(ward).photos(unit)) if over(row.taken)]
    return Due(ward, unit, tuple(residents), tuple(visits), tuple(refused), tuple(pictures))


async def find_due_in_register(
    store: Store, names: Names, ward: str, days: Mapping[str, int], today: date
) -> Due:
    """What the ward's register keeps no longer: `days` by ``request`` and ``incident``, from the end of each.

    :raises StoreError: when it cannot be read whole.
    """
    due = [
        one["_id"]
        for kind, keep in days.items()
        for one in await list_all(store, names.ward(ward).privacy, kind)
        if (end := _latest(_end_of(one))) is not None and end + timedelta(keep) < today
    ]
    return Due(ward, "", register=tuple(due))


def _end_of(entry: Document) -> list[Any]:
    """The instants that say when a request was answered or an incident settled; none while it is open."""
    if entry["type"] == "request":
        return [entry["closed"]["at"]] if entry["state"] == "closed" else []
    return [] if is_running(entry) else [entry["discovered"], entry["reported"]]


async def _forget(store: Store, database: str, ids: Sequence[str]) -> None:
    for id in ids:
        found = await store.find(database, id)
        if found is not None:
            await store.delete(database, id, found["_rev"])
    await store.compact(database)


async def remove(store: Store, names: Names, due: Due) -> None:
    """May be called again at any time, and goes on where it was cut short.

    :raises StoreError: when it was.
    """
    if due.register:
        await _forget(store, names.ward(due.ward).privacy, due.register)
    if not due.unit:
        return
    for start in range(0, len(due.residents), AT_ONCE):
        some = due.residents[start : start + AT_ONCE]
        await erase_all(store, names, due.ward, due.unit, some, traced=False)
    database, quarantine = names.unit(due.ward, due.unit), names.ward(due.ward).quarantine
    wanted = frozenset(due.visits)
    if wanted:
        await redact_all(store, database, lambda one: without_text(one) if one["_id"] in wanted else one)
        await store.compact(database)
    await remove_photos(store, names.ward(due.ward).photos(due.unit), due.photos)
    for id in due.refused:
        await store.update(quarantine, id, lambda entry: _silent(entry) if entry else None)
    if due.refused:
        await store.compact(quarantine)


def _silent(entry: Document) -> Document:
    """A refused record without anything that was typed."""
    document: Any = entry.get("document")
    own = [document["_id"]] if isinstance(document, dict) and document.get("type") != "visit" else []
    return silent(entry, [id for id in own if isinstance(id, str)])


def _at(register: Any) -> Any:
    return register.get("at") if isinstance(register, dict) else None


def _day_of_resident(resident: Document) -> date | None:
    return _latest(map(_at, resident.values()))


def _day_of_visit(visit: Document) -> date | None:
    """When the door was knocked at, or the record last changed, whichever is later."""
    record = visit.get("record")
    value = record.get("value") if isinstance(record, dict) else None
    return _latest((_at(value), _at(record)))


def _latest(times: Iterable[Any]) -> date | None:
    """The last of the days in Vietnam on which these instants are; what is no instant has no day."""
    days = []
    for at in times:
        with suppress(ValueError, OverflowError):
            days.append((datetime.fromisoformat(str(at)).astimezone(UTC) + VIETNAM).date())
    return max(days, default=None)
