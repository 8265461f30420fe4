"""Writing an import, and taking the last one of a unit back.

``import:<ward>:<unit>`` in the database ``imports`` tells of the last one, before anything of it is written:
which households it makes, brings back and changes, and what they were. So it can be undone even when it was
cut short; where another import goes on then, both are one. A plan is written only while the record is as it
was when the plan was made, so that no door comes twice when two write at once. An undo marks as gone what is
still as it was imported, where nobody visited or named anyone. It is a mark and no deletion, since a phone
that is out of reach may still bring a visit there (`server.importing.late`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from server.importing.plan import OFFICE, Difference, Plan, find_last, make_document, record_id, value_of
from sync.aliases import same_as
from sync.clocks import text_of
from sync.merge import amended
from sync.names import Names, WardNames
from sync.residents import address_of
from sync.store import Document, PartlySaved, Store, StoreError
from sync.ulids import new_ulid

BATCH = 500
CUT_SHORT = timedelta(minutes=5)
"""After this an import or an undo that was never finished is no longer under way."""
KEPT = timedelta(days=30)

Why = Literal["visited", "residents", "edited", "missing"]


class Busy(Exception):
    """Another import into this unit is being written or taken back, or was since the plan was made."""


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


async def write_plan(
    store: Store,
    ward: WardNames,
    plan: Plan,
    *,
    by: str = "",
    name: str = "",
    changes: bool = False,
    before: Callable[[], Awaitable[None]] | None = None,
) -> Written:
    """Save the new households, and with `changes` what the sheet tells otherwise.

    :param by: the person who imports; `name` that of the file, to be recognised.
    :param before: awaited before the first household is written, when any will be.
    :raises Busy: when the unit's last import is not what it was when the plan was made.
    :raises sync.store.StoreError: when the store did not take each of them; running again adds the rest.
    """
    changed = plan.changed if changes else []
    if not plan.to_write and not changed:
        return Written(0, 0)
    at, device, unit = text_of(datetime.now(UTC)), f"device:{new_ulid()}", plan.unit
    made = [make_document(f, unit, device, at, plan.last_order + n) for n, f in enumerate(plan.new, 1)]
    record = {"type": "import", "at": at, "by": by, "name": name[:120], "state": "writing"}
    await _begin(store, ward, plan, {**record, **_will_write(made, plan.back, changed)})
    back = [_amend(document, {"gone": False}, at) for document in plan.back]
    try:
        if before is not None:
            await before()
        missed = await _save(store, ward.unit(unit), [*made, *back])
        lost = await _save(store, ward.unit(unit), [_amend(one.document, one.fields, at) for one in changed])
    except BaseException:
        with suppress(StoreError):
            await _mark(store, ward, unit, at, "cut-short")
        raise
    await _mark(store, ward, unit, at, "done")
    added = len(made) + len(back) - len(missed)
    return Written(added, len(changed) - len(lost), len(missed) + len(lost))


def _will_write(
    made: list[Document], back: list[Document], changed: list[Difference]
) -> dict[str, list[str] | dict[str, Document]]:
    """The ids of what is new and of what comes back, and what was there of what changes."""
    before = {one.document["_id"]: {name: one.document.get(name) for name in one.fields} for one in changed}
    return {"new": [one["_id"] for one in made], "back": [one["_id"] for one in back], "changed": before}


async def undo(store: Store, ward: WardNames, unit: str, at: str) -> Undone | None:
    """Take back the import of this instant; None when it is not the last one, or was undone already.

    One that was cut short, or runs twice at once, may be taken again: it tells all that was taken back.
    """
    last = await find_last(store, ward, unit)
    if last is None or last["at"] != at or not can_undo(last):
        return None
    await _mark(store, ward, unit, at, "undoing")
    database, result, now = ward.unit(unit), Undone(), text_of(datetime.now(UTC))
    taken = await _untouched(store, ward, unit, last, result)
    marks = [_amend(one, {"gone": True}, now) for one in taken.values() if not is_taken(one)]
    lost = await _save(store, database, marks)
    for row in await store.all_docs(database, keys=sorted(lost), include_docs=True) if lost else ():
        if not is_taken(row.get("doc") or {}):  # else by another undo
            result.stays.append((address_of(taken.pop(row["key"])), "edited"))
    late = await used_ones(store, ward, unit, taken)
    await restore(store, database, late, now)
    result.stays += [(address_of(taken[id]), why) for id, why in late.items()]
    result.taken = len(taken) - len(late)
    await _set_back(store, database, last, now, result)
    await _mark(store, ward, unit, at, "undone")
    return result


def can_undo(last: Document) -> bool:
    """Whether it is finished, or was cut short, and is not too long ago."""
    writes = last["state"] == "writing" and _under_way(last)
    return last["state"] != "undone" and not writes and last["at"] > text_of(datetime.now(UTC) - KEPT)


def _under_way(record: Document) -> bool:
    """Whether somebody writes it or takes it back; not when the clock of that instant was wrong."""
    since = {"writing": record["at"], "undoing": record.get("since")}.get(record["state"])
    return since is not None and abs(datetime.now(UTC) - datetime.fromisoformat(since)) < CUT_SHORT


async def _untouched(
    store: Store, ward: WardNames, unit: str, last: Document, result: Undone
) -> dict[str, Document]:
    """Those that are as they were imported, or were taken back already; the others stay."""
    fresh, wanted = set(last["new"]), [*last["new"], *last["back"]]
    database, instants = ward.unit(unit), _instants(last)
    used = await used_ones(store, ward, unit, set(wanted))
    taken: dict[str, Document] = {}
    for ids in batches(wanted):
        for row in await store.all_docs(database, keys=ids, include_docs=True):
            document = row.get("doc")
            if row.get("error") == "not_found":  # never written
                continue
            if document is None:
                result.stays.append(("", "missing"))
            elif is_taken(document):
                taken[document["_id"]] = document
            elif document["_id"] in used:
                result.stays.append((address_of(document), used[document["_id"]]))
            elif _is_as_imported(document, instants, document["_id"] in fresh):
                taken[document["_id"]] = document
            else:
                result.stays.append((address_of(document), "edited"))
    return taken


def _is_as_imported(document: Document, instants: Collection[str], fresh: bool) -> bool:
    return document["_rev"].startswith("1-") if fresh else (document.get("gone") or {}).get("at") in instants


def is_taken(document: Document) -> bool:
    """Whether an undo marked it as gone, and nobody at the door has said otherwise."""
    return value_of(document, "gone") is True and document["gone"].get("by") == OFFICE


def _instants(record: Document) -> set[str]:
    """When it was written, and what it goes on with."""
    return {record["at"], *record.get("earlier", ())}


async def used_ones(store: Store, ward: WardNames, unit: str, ids: Collection[str]) -> dict[str, Why]:
    """Those of the households that have a visit or a resident, or as which another one goes on."""
    database, same = ward.unit(unit), await same_as(store, Names(ward.prefix), ward.ward, ids)
    found: dict[str, Why] = {id: "edited" for id, merged in same.items() if merged}
    kinds: tuple[tuple[str, Why], ...] = (("resident", "residents"), ("visit", "visited"))
    for kind, why in kinds if ids else ():
        async for page in store.pages(database, startkey=f"{kind}:", endkey=f"{kind};"):
            found.update((one["household"], why) for one in page if one.get("household") in ids)
    return found


async def _set_back(store: Store, database: str, last: Document, now: str, result: Undone) -> None:
    """Give changed households the values they had, where nobody has given them others since."""
    changed: dict[str, dict[str, Any]] = last["changed"]
    instants = _instants(last)
    for ids in batches(list(changed)):
        edits = []
        for row in await store.all_docs(database, keys=ids, include_docs=True):
            document = row.get("doc")
            before = changed[row["key"]]
            if document is None:
                result.stays.append(("", "missing"))
            elif all(document.get(name) == old for name, old in before.items()):  # never written
                continue
            elif any((document.get(name) or {}).get("at") not in instants for name in before):
                result.stays.append((address_of(document), "edited"))
            else:
                values = {name: (old or {}).get("value") for name, old in before.items()}
                edits.append(_amend(document, values, now))
        result.restored += len(edits) - len(await _save(store, database, edits))


async def restore(store: Store, database: str, ids: Iterable[str], now: str) -> None:
    """Somebody was at these doors in the meantime: they are there again."""
    for id in ids:
        await store.update(
            database,
            id,
            lambda stored: _amend(stored, {"gone": False}, now) if stored and is_taken(stored) else None,
        )


def _amend(document: Document, values: dict[str, Any], at: str) -> Document:
    return amended(document, {name: {"value": v, "at": at, "by": OFFICE} for name, v in values.items()})


async def _save(store: Store, database: str, documents: list[Document]) -> set[str]:
    """Save all in batches; the ids of those that somebody else changed meanwhile."""
    lost: set[str] = set()
    for batch in batches(documents):
        try:
            await store.bulk(database, batch)
        except PartlySaved as error:
            if set(error.failed.values()) != {"conflict"}:
                raise
            lost |= error.failed.keys()
    return lost


async def _begin(store: Store, ward: WardNames, plan: Plan, record: Document) -> None:
    def claim(stored: Document | None) -> Document:
        if plan.seen != (stored["_rev"] if stored else "") or (stored and _under_way(stored)):
            raise Busy
        cut = stored is not None and stored["state"] in ("writing", "cut-short")
        made = _going_on(stored, record) if stored and cut else record
        return {**made, "taken": taken_back(stored)} if stored else made

    await store.update(Names(ward.prefix).imports, record_id(ward, plan.unit), claim)


def taken_back(record: Document) -> list[str]:
    """The households that were to be taken back by an undo of this import, or of those before it."""
    own = [*record["new"], *record["back"]] if record["state"] in ("undoing", "undone") else []
    return list(dict.fromkeys([*record.get("taken", ()), *own]))


def _going_on(cut: Document, record: Document) -> Document:
    """The record of an import that goes on where one was cut short."""
    old, new = cut["changed"], record["changed"]
    return {
        **record,
        "earlier": sorted(_instants(cut)),
        "new": [*cut["new"], *record["new"]],
        "back": list(dict.fromkeys([*cut["back"], *record["back"]])),
        "changed": {id: {**new.get(id, {}), **old.get(id, {})} for id in (*old, *new)},
    }


async def _mark(store: Store, ward: WardNames, unit: str, at: str, state: str) -> None:
    since = text_of(datetime.now(UTC))

    def mark(stored: Document | None) -> Document | None:
        return {**stored, "state": state, "since": since} if stored and stored["at"] == at else None

    await store.update(Names(ward.prefix).imports, record_id(ward, unit), mark)


def batches(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
