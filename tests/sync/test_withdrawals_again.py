"""A name whose consent had ended does not come back with a restored backup."""

from __future__ import annotations

import json

import anyio
import pytest

from sync import withdrawing
from sync.ledger import Ledger
from sync.store import Document
from sync.units import prepare_unit
from tests.sync.samples import child, register, resident, visit
from tests.sync.town import WARD, Town

LATER = "2026-05-06T02:00:00.000Z"
NAME = "Đặng Thị Thôi"
LATEST = "2026-05-09T02:00:00.000Z"


def told(person: Document, note: str) -> Document:
    document = visit()
    document["record"]["value"]["note"] = note
    return {**document, "household": person["household"]}


def go_back(town: Town, *documents: Document) -> None:
    async def run() -> None:
        await town.store.delete_database(town.database)
        await prepare_unit(town.store, town.names, WARD, "tdp-07")
        await town.store.graft(town.database, list(documents))

    anyio.run(run)


def settle(town: Town) -> int:
    return anyio.run(withdrawing.settle, town.store, town.names)


def all_said(town: Town) -> str:
    async def read() -> list[Document]:
        return [one async for page in town.store.pages(town.database) for one in page]

    return json.dumps(anyio.run(read), ensure_ascii=False)


def withdraw(town: Town, person: Document, at: str = LATER) -> Document:
    ended = child(person, identity=register({}, at=at))
    assert town.push(ended).json == []
    assert settle(town) == 0
    return ended


@pytest.mark.parametrize("lost", [1, 3])
def test_a_name_whose_consent_had_ended_does_not_come_back(town: Town, lost: int) -> None:
    person = resident(name=NAME)
    seen = told(person, f"{NAME} hẹn tuần sau")
    tips = [person]
    for step in range(lost - 1):
        tips.append(child(tips[-1], label=register(f"Bà {step}", at=f"2026-05-02T0{step}:00:00.000Z")))
    assert town.push(seen, *tips).json == []
    withdraw(town, tips[-1])
    go_back(town, tips[-1], seen)
    assert NAME in all_said(town)
    assert settle(town) == 1
    stored = town.stored(person["_id"])
    assert stored is not None
    assert stored["identity"] == register({}, at=LATER)
    assert NAME not in all_said(town), "the name is in a note still"
    assert settle(town) == 0


def test_both_branches_of_a_conflict_lose_the_name(town: Town) -> None:
    person = resident(name=NAME)
    one, two = (child(person, label=register(label, at=LATER)) for label in ("Bà Thôi", "Cụ Thôi"))
    assert town.push(person).json == []
    withdraw(town, person)
    go_back(town, one, two)
    settle(town)
    leaves = anyio.run(town.store.leaves, town.database, person["_id"])
    assert len(leaves) == 2
    assert NAME not in json.dumps(leaves, ensure_ascii=False)


def test_whoever_consented_again_later_keeps_the_name(town: Town) -> None:
    person = resident(name=NAME)
    assert town.push(person).json == []
    ended = withdraw(town, person)
    consent = {**person["identity"]["value"]["consent"], "at": LATEST}
    again = child(ended, identity=register({"name": NAME, "consent": consent}, at=LATEST))
    assert town.push(again).json == []
    go_back(town, again)
    assert anyio.run(withdrawing.repeat, town.store, town.names) == 0
    settle(town)
    assert NAME in all_said(town)


def test_the_ledger_says_no_name(town: Town) -> None:
    person = resident(name=NAME)
    assert town.push(person).json == []
    withdraw(town, person)

    async def read() -> list[Document]:
        return [one async for page in town.store.pages(town.names.ledger) for one in page]

    rows = anyio.run(read)
    assert "Thôi" not in json.dumps(rows, ensure_ascii=False)
    row = next(one for one in rows if one["_id"].startswith("withdrawn:") and one["id"] == person["_id"])
    assert row.keys() == {"_id", "_rev", "type", "ward", "unit", "id", "at", "by"}
    assert row["at"] == LATER


def test_a_unit_that_was_merged_takes_its_withdrawals_along(town: Town) -> None:
    person = resident(name=NAME)
    assert town.push(person).json == []
    withdraw(town, person)
    ledger = Ledger(town.store, town.names)
    anyio.run(ledger.carry, WARD, "tdp-07", "tdp-08")

    async def read() -> list[str]:
        return [f"{one.unit} {one.id}" async for page in ledger.withdrawn() for one in page]

    assert f"tdp-08 {person['_id']}" in anyio.run(read)
