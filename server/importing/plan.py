"""What an import would do: nothing is written before every row has been judged.

A second import of the same sheet adds nothing, because a door that the unit already has is known by its
address, however it is spelt. Where the sheet says otherwise than the unit's list, the difference is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread
import msgspec

from server.importing.addresses import door
from server.importing.households import Bad, Found, Households
from server.importing.sheet import NotASheet
from sync import checks, documents
from sync.heirs import find_end
from sync.names import Names, WardNames
from sync.store import Document, NotFound, Store
from sync.ulids import new_ulid

OFFICE = "person:office"
"""Who brought a household in that no volunteer entered."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A household that the sheet tells otherwise: `fields` says how it would be, ``kind`` and ``adults``."""

    found: Found
    document: Document
    fields: dict[str, Any]

    @property
    def before(self) -> dict[str, Any]:
        return {name: value_of(self.document, name) for name in self.fields}


@dataclass(slots=True)
class Plan:
    """What is in the sheet, what of it the unit lacks, and what cannot be imported.

    `back` was taken back by an undo and would come again; `gone` was marked so at the door and stays so;
    `readdressed` has another address by now, since someone set it right or two households became one;
    `known` counts the households that the unit already has, all these among them; `seen` is the revision of
    the record of the unit's last import (`find_last`) when the plan was made.
    """

    unit: str
    households: Households
    seen: str = ""
    new: list[Found] = field(default_factory=list)
    back: list[Document] = field(default_factory=list)
    changed: list[Difference] = field(default_factory=list)
    gone: list[Found] = field(default_factory=list)
    readdressed: list[tuple[Found, Document]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    known: int = 0
    last_order: float = 0.0

    @property
    def to_write(self) -> int:
        return len(self.new) + len(self.back)


async def make_plan(store: Store, ward: WardNames, unit: str, households: Households) -> Plan:
    """The sheet's households beside the unit's; reads only.

    :raises NotASheet: ``no-unit`` when there is no such unit.
    """
    held: list[Document] = []
    last = await find_last(store, ward, unit)  # before the households, so that none comes behind it unseen
    try:
        async for page in store.pages(ward.unit(unit), startkey="household:", endkey="household;"):
            held += page
    except (NotFound, ValueError):
        raise NotASheet("no-unit", unit=unit) from None
    moved = await _moved_away(store, ward, unit)
    plan = await anyio.to_thread.run_sync(_compare, unit, households, held, moved)
    plan.seen = last["_rev"] if last else ""
    return plan


async def find_last(store: Store, ward: WardNames, unit: str) -> Document | None:
    """What is known of the unit's last import (`server.importing.last`)."""
    return await store.find(Names(ward.prefix).imports, record_id(ward, unit))


def record_id(ward: WardNames, unit: str) -> str:
    return f"import:{ward.ward}:{unit}"


async def _moved_away(store: Store, ward: WardNames, unit: str) -> dict[str, str]:
    """Doors whose household was once this unit's, or of one that it took in, with the unit that has it."""
    names, ends = Names(ward.prefix), {}

    async def end_of(code: str) -> str:
        if code not in ends:
            ends[code] = await find_end(store, names, ward.ward, code)
        return ends[code]

    places: dict[str, list[str]] = {}
    with suppress(NotFound):
        async for page in store.pages(ward.privacy, startkey="moved:household:", endkey="moved:household;"):
            ids = [
                entry["_id"].removeprefix("moved:")
                for entry in page
                if unit in [await end_of(str(former)) for former in entry["units"]]
            ]
            for row in await store.all_docs(
                ward.privacy, keys=[f"move:{id}" for id in ids], include_docs=True
            ):
                if (entry := row.get("doc")) and (place := await end_of(str(entry["to"]))) != unit:
                    places.setdefault(place, []).append(entry["household"])
    doors: dict[str, str] = {}
    for place, ids in places.items():
        rows = await store.all_docs(ward.unit(place), keys=ids, include_docs=True)
        found = [row["doc"] for row in rows if row.get("doc")]
        doors |= dict.fromkeys({**_former_doors(found), **_doors(found)}, place)
    return doors


def value_of(document: Document, name: str) -> Any:
    register = document.get(name)
    return register.get("value") if isinstance(register, dict) else None


def _compare(unit: str, households: Households, held: list[Document], moved: Mapping[str, str]) -> Plan:
    plan = Plan(unit, households, bad=list(households.bad))
    now = _doors(held)
    doors = {**_former_doors(held), **now}
    orders = (value_of(document, "order") for document in held)
    plan.last_order = max((float(one) for one in orders if isinstance(one, int | float)), default=0.0)
    for found in households.good:
        document = doors.get(found.door)
        if document is None and found.door in moved:
            address = ", ".join(found.address.values())
            plan.bad.append(Bad(found.row, "moved", {"unit": moved[found.door]}, address))
        elif document is None:
            code = _refusal(found)
            if code is None:
                plan.new.append(found)
            else:
                plan.bad.append(Bad(found.row, "refused", {"code": code}, ""))
        elif value_of(document, "gone") is not True:
            plan.known += 1
            if found.door not in now:
                plan.readdressed.append((found, document))
            elif fields := _differing(found, document):
                plan.changed.append(Difference(found, document, fields))
        elif document["gone"].get("by") == OFFICE:
            plan.back.append(document)
        else:
            plan.known += 1
            plan.gone.append(found)
    plan.bad.sort(key=lambda row: row.row)
    return plan


def _doors(held: Iterable[Document]) -> dict[str, Document]:
    """Households by door; of several at one door the one that is still there."""
    doors: dict[str, Document] = {}
    for document in held:
        address = value_of(document, "address")
        if isinstance(address, dict):
            at = door({name: str(text) for name, text in address.items()})
            if at not in doors or value_of(doors[at], "gone") is True:
                doors[at] = document
    return doors


def _former_doors(held: Iterable[Document]) -> dict[str, Document]:
    """Households by the doors that they had before, for a sheet that still has those."""
    doors: dict[str, Document] = {}
    for document in held:
        for entry in document.get("history", ()):
            if entry.get("field") == "address" and value_of(document, "gone") is not True:
                doors |= dict.fromkeys(_doors([{**document, "address": entry}]), document)
    return doors


def _differing(found: Found, document: Document) -> dict[str, Any]:
    told = {"kind": found.kind, "adults": found.adults}
    return {name: value for name, value in told.items() if value not in (None, value_of(document, name))}


def _refusal(found: Found) -> str | None:
    """The code under which a phone's household of this address would be refused; the rest is our own."""
    try:
        msgspec.convert(found.address, documents.Address)
        checks.check_text({"address": found.address})
    except checks.Refusal as refusal:
        return refusal.code
    except msgspec.ValidationError:
        return "malformed"
    return None


def make_document(found: Found, unit: str, device: str, at: str, order: float) -> dict[str, Any]:
    """The household as it is saved; `at` is an instant."""

    def register(value: Any) -> dict[str, Any]:
        return {"value": value, "at": at, "by": OFFICE}

    return {
        "_id": f"household:{new_ulid()}",
        "type": "household",
        "schema": documents.SCHEMA,
        "created": {"at": at, "by": OFFICE, "device": device},
        "unit": unit,
        "address": register(found.address),
        "kind": register(found.kind or "home"),
        "order": register(order),
        **({"adults": register(found.adults)} if found.adults is not None else {}),
    }
