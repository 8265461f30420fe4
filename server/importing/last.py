"""Writing an import, and taking the last one of a unit back.

``import:<ward>:<unit>`` in the database ``imports`` tells of the last one, before anything of it is written:
which households it makes, brings back and changes, and what they were. So it can be undone even when it was
cut short. An undo marks as gone what is still as it was imported, where nobody visited or named anyone. It is
a mark and no deletion, since a phone that is out of reach may still bring a visit there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from server.importing.plan import OFFICE, Plan, make_document, value_of
from sync.clocks import text_of
from sync.merge import amended
from sync.names import Names, WardNames
from sync.residents import address_of
from sync.store import Document, PartlySaved, Store, StoreError
from sync.ulids import new_ulid

BATCH = 500
CUT_SHORT = timedelta(minutes=5)
"""After this an import that was never finished is no longer under way."""
KEPT = timedelta(days=30)

Why = Literal["visited", "residents", "edited", "missing"]


class Busy(Exception):
    """Another import into this unit is being written now."""


@dataclass(frozen=True, slots=True)
class Written:
    """How many were added or brought back, and changed; `missed` were changed by others meanwhile."""

    added: int
    changed: int
    missed: int = 0


@dataclass(slots=True)
class Undone:
    """How many were taken back and set back, and the addresses of those that stay, with the reason."""

    taken: int = 0
    restored: int = 0
    stays: list[tuple[str, Why]] = field(default_factory=list)


async def find_last(store: Store, ward: WardNames, unit: str) -> Document | None:
    """What is known of the unit's last import."""
    return await store.find(Names(ward.prefix).imports, _id(ward, unit))


async def write_plan(
    store: Store, ward: WardNames, plan: Plan, *, by: str = "", name: str = "", changes: bool = False
) -> Written:
    """Save the new households, and with `changes` what the sheet tells otherwise.

    :param by: the person who imports; `name` that of the file, to be recognised.
    :raises Busy: while another import into the unit is being written.
    :raises sync.store.StoreError: when the store did not take each of them; running again adds the rest.
    """
    changed = plan.changed if changes else []
    if not plan.to_write and not changed:
        return Written(0, 0)
    at, device, unit = text_of(datetime.now(UTC)), f"device:{new_ulid()}", plan.unit
    made = [make_document(f, unit, device, at, plan.last_order + n) for n, f in enumerate(plan.new, 1)]
    record = {
        "type": "import",
        "at": at,
        "by": by,
        "name": name[:120],
        "state": "writing",
        "new": [document["_id"] for document in made],
        "back": [document["_id"] for document in plan.back],
        "changed": {
            one.document["_id"]: {field: one.document.get(field) for field in one.fields} for one in changed
        },
    }
    await _begin(store, ward, unit, record)
    back = [_amend(document, {"gone": False}, at) for document in plan.back]
    try:
        missed = await _save(store, ward.unit(unit), [*made, *back])
        lost = await _save(store, ward.unit(unit), [_amend(one.document, one.fields, at) for one in changed])
    except BaseException:
        with suppress(StoreError):
            await _end(store, ward, unit, at, "cut-short")
        raise
    await _end(store, ward, unit, at, "done")
    added = len(made) + len(back) - len(missed)
    return Written(added, len(changed) - len(lost), len(missed) + len(lost))


async def undo(store: Store, ward: WardNames, unit: str, at: str) -> Undone | None:
    """Take back the import of this instant; None when it is not the last one, or was undone already."""
    last = await find_last(store, ward, unit)
    if last is None or last["at"] != at or not can_undo(last):
        return None
    database, result = ward.unit(unit), Undone()
    wanted = [*last["new"], *last["back"]]
    used = await _used(store, database, set(wanted))
    fresh = set(last["new"])
    taken: list[Document] = []
    for ids in _batches(wanted):
        for row in await store.all_docs(database, keys=ids, include_docs=True):
            document = row.get("doc")
            if row.get("error") == "not_found":  # never written
                continue
            why = _why(document, used, at, document is not None and document["_id"] in fresh)
            if document is None or why:
                result.stays.append((address_of(document) if document else "", why or "missing"))
            else:
                taken.append(document)
    now = text_of(datetime.now(UTC))
    lost = await _save(store, database, [_amend(document, {"gone": True}, now) for document in taken])
    late = await _used(store, database, {document["_id"] for document in taken} - lost)
    await _restore(store, database, late, now)
    for document in taken:
        if document["_id"] in lost or document["_id"] in late:
            result.stays.append((address_of(document), "edited" if document["_id"] in lost else "visited"))
    result.taken = len(taken) - len(lost) - len(late)
    await _set_back(store, database, last, now, result)
    await _end(store, ward, unit, at, "undone")
    return result


def can_undo(last: Document) -> bool:
    """Whether it is finished, or was cut short, and is not too long ago."""
    now = datetime.now(UTC)
    at, state = str(last["at"]), str(last["state"])
    ended = state in ("done", "cut-short") or (state == "writing" and at < text_of(now - CUT_SHORT))
    return ended and at > text_of(now - KEPT)


def _why(document: Document | None, used: dict[str, Why], at: str, fresh: bool) -> Why | None:
    """Why a household stays, or None when it is as it was imported."""
    if document is None:
        return "missing"
    if document["_id"] in used:
        return used[document["_id"]]
    same = document["_rev"].startswith("1-") if fresh else (document.get("gone") or {}).get("at") == at
    return None if same else "edited"


async def _used(store: Store, database: str, ids: Collection[str]) -> dict[str, Why]:
    """Those of the households that have a visit or a resident."""
    found: dict[str, Why] = {}
    kinds: tuple[tuple[str, Why], ...] = (("resident", "residents"), ("visit", "visited"))
    for kind, why in kinds if ids else ():
        async for page in store.pages(database, startkey=f"{kind}:", endkey=f"{kind};"):
            found.update((one["household"], why) for one in page if one.get("household") in ids)
    return found


async def _set_back(store: Store, database: str, last: Document, now: str, result: Undone) -> None:
    """Give changed households the values they had, where nobody has given them others since."""
    changed: dict[str, dict[str, Any]] = last["changed"]
    for ids in _batches(list(changed)):
        edits = []
        for row in await store.all_docs(database, keys=ids, include_docs=True):
            document = row.get("doc")
            before = changed[row["key"]]
            if document is None:
                result.stays.append(("", "missing"))
            elif any((document.get(name) or {}).get("at") != last["at"] for name in before):
                result.stays.append((address_of(document), "edited"))
            else:
                values = {name: (old or {}).get("value") for name, old in before.items()}
                edits.append(_amend(document, values, now))
        result.restored += len(edits) - len(await _save(store, database, edits))


async def _restore(store: Store, database: str, ids: Iterable[str], now: str) -> None:
    """Somebody was at these doors in the meantime: they are there again."""
    for id in ids:
        await store.update(
            database,
            id,
            lambda stored: (
                _amend(stored, {"gone": False}, now) if stored and value_of(stored, "gone") else None
            ),
        )


def _amend(document: Document, values: dict[str, Any], at: str) -> Document:
    return amended(document, {name: {"value": v, "at": at, "by": OFFICE} for name, v in values.items()})


async def _save(store: Store, database: str, documents: list[Document]) -> set[str]:
    """Save all in batches; the ids of those that somebody else changed meanwhile."""
    lost: set[str] = set()
    for batch in _batches(documents):
        try:
            await store.bulk(database, batch)
        except PartlySaved as error:
            if set(error.failed.values()) != {"conflict"}:
                raise
            lost |= error.failed.keys()
    return lost


async def _begin(store: Store, ward: WardNames, unit: str, record: Document) -> None:
    def claim(stored: Document | None) -> Document:
        recent = text_of(datetime.now(UTC) - CUT_SHORT)
        if stored is None or stored["state"] in ("done", "undone"):
            return record
        if stored["state"] == "writing" and stored["at"] > recent:
            raise Busy
        return {**record, "new": [*stored["new"], *record["new"]]}  # what was cut short goes on here

    await store.update(Names(ward.prefix).imports, _id(ward, unit), claim)


async def _end(store: Store, ward: WardNames, unit: str, at: str, state: str) -> None:
    def end(stored: Document | None) -> Document | None:
        return {**stored, "state": state} if stored and stored["at"] == at else None

    await store.update(Names(ward.prefix).imports, _id(ward, unit), end)


def _id(ward: WardNames, unit: str) -> str:
    return f"import:{ward.ward}:{unit}"


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
