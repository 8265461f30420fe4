"""What an import would do, and doing it: nothing is written before every row has been judged.

A second import of the same sheet adds nothing, because a door that the unit already has is known by its
address, however it is spelt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.importing.addresses import door
from server.importing.households import Bad, Found, Households, read_households
from server.importing.sheet import NotASheet
from sync import checks, documents
from sync.names import WardNames
from sync.store import NotFound, Store
from sync.ulids import new_ulid

OFFICE = "person:office"
"""Who brought a household in that no volunteer entered."""
BATCH = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """What is in the sheet, what of it the unit lacks, and what cannot be imported."""

    unit: str
    households: Households
    new: list[Found]
    bad: list[Bad]
    last_order: float

    @property
    def known(self) -> int:
        """Households of the sheet that the unit already has."""
        return len(self.households.good) - len(self.new)


async def plan_import(store: Store, ward: WardNames, unit: str, data: bytes) -> Plan:
    """Judge every row of a file against the unit's households; reads only.

    :raises NotASheet: when the file, or the unit's code, cannot be used.
    """
    households = read_households(data)
    doors: set[str] = set()
    last = 0.0
    try:
        async for page in store.pages(ward.unit(unit), startkey="household:", endkey="household;"):
            for document in page:
                address = document.get("address", {}).get("value")
                if isinstance(address, dict):
                    doors.add(door({name: str(text) for name, text in address.items()}))
                order = document.get("order", {}).get("value")
                last = max(last, order) if isinstance(order, int | float) else last
    except (NotFound, ValueError):
        raise NotASheet("no-unit", unit=unit) from None
    bad = list(households.bad)
    new = []
    for found in households.new(doors):
        code = _refusal(found, unit)
        if code is None:
            new.append(found)
        else:
            bad.append(Bad(found.row, "refused", {"code": code}, ""))
    return Plan(unit, households, new, sorted(bad, key=lambda row: row.row), last)


async def write_plan(store: Store, ward: WardNames, plan: Plan) -> int:
    """Save the new households; how many were written.

    :raises sync.store.StoreError: when the store did not take each of them; running again adds the rest.
    """
    now = datetime.now(UTC)
    device = f"device:{new_ulid()}"
    made = [
        _document(found, plan.unit, device, now, plan.last_order + number)
        for number, found in enumerate(plan.new, 1)
    ]
    for batch in _batches(made):
        await store.bulk(ward.unit(plan.unit), batch)
    return len(made)


def _refusal(found: Found, unit: str) -> str | None:
    """The code under which a phone's document like this would be refused."""
    now = datetime.now(UTC)
    document = _document(found, unit, f"device:{new_ulid()}", now, 1.0)
    try:
        checks.check_form(document)
        checks.check_text(document)
    except checks.Refusal as refusal:
        return refusal.code
    return None


def _document(found: Found, unit: str, device: str, now: datetime, order: float) -> dict[str, Any]:
    at = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"

    def register(value: Any) -> dict[str, Any]:
        return {"value": value, "at": at, "by": OFFICE}

    return {
        "_id": f"household:{new_ulid()}",
        "type": "household",
        "schema": documents.SCHEMA,
        "created": {"at": at, "by": OFFICE, "device": device},
        "unit": unit,
        "address": register(found.address),
        "kind": register(found.kind),
        "order": register(order),
        **({"adults": register(found.adults)} if found.adults is not None else {}),
    }


def _batches(documents: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(documents), BATCH):
        yield documents[start : start + BATCH]
