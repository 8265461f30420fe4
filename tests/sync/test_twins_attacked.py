"""Merges and undos of records, attacked where several things happen at once."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from sync import moving, residents, twins, twins_after
from sync.clocks import text_of
from sync.erasing import erase
from sync.moving import move
from sync.parting import part
from sync.residents import read_held
from sync.store import Document, NotFound, StoreUnavailable
from sync.twins import Unfit, join
from sync.twins_after import settle
from tests.sync.samples import child, household, register, resident, visit
from tests.sync.test_moving import Breaking, at
from tests.sync.test_twins import LATEST, OTHER, UNIT, WHO, House, become, now, undo
from tests.sync.town import WARD, Town

EVERY = ("graft", "update", "compact", "delete")


@pytest.fixture
def house(town: Town) -> House:
    return House(town)


def everything(town: Town) -> str:
    async def read() -> str:
        found = []
        for database in (
            town.database,
            town.names.unit(WARD, OTHER),
            town.names.ward(WARD).privacy,
            town.quarantine,
        ):
            for row in await town.store.all_docs(database):
                if not row["id"].startswith("_"):
                    found += await town.store.open_revisions(database, row["id"])
        return json.dumps(found, ensure_ascii=False)

    return anyio.run(read)


def test_what_was_recorded_in_one_instant_comes_apart_again(town: Town) -> None:
    """An import writes all its rows with one instant and one author."""
    for first, second in (("12", "12B"), ("12B", "12")):
        kept = household(address=register({"house": first}), adults=register(2))
        lost = household(address=register({"house": second}), adults=register(4))
        assert town.push(kept, lost).json == []
        become(town, lost, kept)
        undo(town, lost)
        assert now(town, lost)["address"]["value"] == {"house": second}
        assert now(town, kept)["address"]["value"] == {"house": first}
        assert now(town, lost)["adults"]["value"] == 4
        assert now(town, kept)["adults"]["value"] == 2


@pytest.mark.parametrize("swapped", [False, True])
def test_an_amendment_from_before_an_undo_stays_at_its_door(town: Town, house: House, swapped: bool) -> None:
    lost, kept, seen = house.lost, house.kept, house.second
    if swapped:  # whichever of the ids is the greater one
        lost, kept, seen = house.kept, house.lost, house.first
    become(town, lost, kept)
    [pulled] = anyio.run(town.store.leaves, town.database, seen["_id"])
    undo(town, lost)
    amended = child(pulled, record=register({**pulled["record"]["value"], "outcome": "later"}, at=LATEST))
    amended["history"] = [*pulled.get("history", ()), {"field": "record", **pulled["record"]}]
    assert town.push(amended).json == []
    assert now(town, seen)["household"] == lost["_id"]
    assert now(town, seen)["record"]["value"]["outcome"] == "later"


@pytest.mark.parametrize(("who", "cut"), [("lost", 2), ("lost", 4), ("lost", 6), ("kept", 5), ("kept", 7)])
def test_no_door_moves_while_it_is_merged(town: Town, house: House, who: str, cut: int) -> None:
    broken: Any = Breaking(town.store, cut, EVERY)
    with suppress(StoreUnavailable):
        anyio.run(join, broken, town.names, WARD, UNIT, house.lost["_id"], house.kept["_id"], WHO)
    with suppress(NotFound):
        anyio.run(move, town.store, town.names, WARD, getattr(house, who)["_id"], UNIT, OTHER)
    anyio.run(settle, town.store, town.names, WARD)
    anyio.run(moving.settle, town.store, town.names, WARD)
    doors, places = (house.lost, house.kept), (UNIT, OTHER)
    [(unit, id)] = [(unit, door["_id"]) for unit in places for door in doors if at(town, unit, door["_id"])]
    assert id == house.kept["_id"]
    for person in (house.twin, house.granny):
        assert now(town, person, unit)["household"] == id
    assert now(town, house.second)["household"] == id
    assert now(town, house.kept, unit)["adults"]["value"] == 3


@pytest.mark.parametrize("cut", [3, 5, 7])
def test_no_door_moves_while_who_lives_there_is_taken_apart(town: Town, house: House, cut: int) -> None:
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    broken: Any = Breaking(town.store, cut, EVERY)
    with suppress(StoreUnavailable):
        anyio.run(part, broken, town.names, WARD, house.twin["_id"], WHO)
    with suppress(NotFound):
        anyio.run(move, town.store, town.names, WARD, house.kept["_id"], UNIT, OTHER)
    with suppress(Unfit):
        anyio.run(settle, town.store, town.names, WARD)
    for person in (house.twin, house.granny):
        [_] = [unit for unit in (UNIT, OTHER) if at(town, unit, person["_id"])]


def test_a_household_on_its_way_elsewhere_is_not_merged(town: Town, house: House) -> None:
    broken: Any = Breaking(town.store, 3)
    with pytest.raises(StoreUnavailable):
        anyio.run(move, broken, town.names, WARD, house.kept["_id"], UNIT, OTHER)
    with pytest.raises(Unfit, match="busy"):
        become(town, house.lost, house.kept)
    anyio.run(moving.settle, town.store, town.names, WARD)
    assert at(town, OTHER, house.kept["_id"])
    assert at(town, UNIT, house.lost["_id"])


def test_what_came_in_behind_follows_however_long_the_server_stood_still(
    town: Town, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(town, house.lost, house.kept)
    knock = visit(household=house.lost["_id"])
    edit = child(house.lost, adults=register(5, "person:lan", LATEST))
    anyio.run(lambda: town.store.graft(town.database, [knock, edit]))  # writes that were under way
    monkeypatch.setattr(twins_after, "AFTERWARDS", timedelta(minutes=-1))
    anyio.run(settle, town.store, town.names, WARD)
    assert now(town, knock)["household"] == house.kept["_id"]
    assert at(town, UNIT, house.lost["_id"]) is None
    assert now(town, house.kept)["adults"]["value"] == 5


@pytest.mark.parametrize(
    ("who", "cut"), [("twin", 2), ("twin", 4), ("twin", 6), ("granny", 2), ("granny", 5)]
)
def test_who_is_erased_while_merged_is_erased_whole(town: Town, house: House, who: str, cut: int) -> None:
    become(town, house.lost, house.kept)
    broken: Any = Breaking(town.store, cut, EVERY)
    with suppress(StoreUnavailable):
        anyio.run(join, broken, town.names, WARD, UNIT, house.twin["_id"], house.granny["_id"], WHO)
    anyio.run(erase, town.store, town.names, WARD, UNIT, getattr(house, who)["_id"])
    with suppress(Unfit):
        anyio.run(settle, town.store, town.names, WARD)
    assert house.name not in everything(town)
    assert not at(town, UNIT, house.twin["_id"])
    assert not at(town, UNIT, house.granny["_id"])


@pytest.mark.parametrize("cut", [2, 4, 6])
def test_who_is_erased_while_taken_apart_is_named_nowhere(town: Town, house: House, cut: int) -> None:
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    broken: Any = Breaking(town.store, cut, EVERY)
    with suppress(StoreUnavailable):
        anyio.run(part, broken, town.names, WARD, house.twin["_id"], WHO)
    anyio.run(erase, town.store, town.names, WARD, UNIT, house.twin["_id"])
    anyio.run(settle, town.store, town.names, WARD)
    assert house.name not in everything(town)
    assert not (town.stored("twins", town.names.ward(WARD).privacy) or {}).get("open"), "it has no end"


def test_who_asked_to_be_left_alone_is_left_alone_after_an_undo(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    marked: dict[str, Any] = {"restricted": True}
    anyio.run(residents.amend, town.store, town.names, WARD, UNIT, house.granny["_id"], WHO, marked)
    undo(town, house.twin)
    assert now(town, house.granny)["restricted"]["value"]
    assert now(town, house.twin)["restricted"]["value"]


def test_a_clock_that_is_ahead_brings_no_old_value_back(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    ahead = text_of(datetime.now(UTC) + timedelta(days=3))
    edit = child(house.lost, adults=register(5, "person:lan", ahead))
    edit["history"] = [{"field": "adults", **house.lost["adults"]}]
    assert town.push(edit, person="lan").json == []
    [stored] = anyio.run(town.store.leaves, town.database, house.kept["_id"])
    mine = child(stored, adults=register(6, at=text_of(datetime.now(UTC))))
    mine["history"] = [*stored["history"], {"field": "adults", **stored["adults"]}]
    assert town.push(mine).json == []
    again = child(edit, kind=register("business", "person:lan", ahead))
    again["history"] = [*edit["history"], {"field": "kind", **house.lost["kind"]}]
    assert town.push(again, person="lan").json == []
    assert now(town, house.kept)["kind"]["value"] == "business"
    assert now(town, house.kept)["adults"]["value"] == 6, "an old value won"


def test_visits_that_stayed_behind_follow_each_merge_and_each_undo(town: Town) -> None:
    moved, second, third = household(), *(household("person:eve", OTHER) for _ in range(2))
    knock = visit(household=moved["_id"])
    assert town.push(moved, knock).json == []
    assert town.push(second, third, person="eve", unit=OTHER).json == []
    anyio.run(move, town.store, town.names, WARD, moved["_id"], UNIT, OTHER)
    become(town, moved, second, OTHER)
    become(town, second, third, OTHER)
    for lost, kept in ((None, third), (second, second), (moved, moved)):
        if lost:
            undo(town, lost)
        late = visit(household=moved["_id"])
        assert town.push(late).json == []
        assert now(town, late)["household"] == kept["_id"]
        assert now(town, knock)["household"] == kept["_id"]


def test_a_name_goes_also_where_only_the_lost_record_had_lived(town: Town, house: House) -> None:
    far = household("person:eve", OTHER)
    guest = resident(far["_id"], "person:eve", OTHER)
    assert town.push(far, guest, person="eve", unit=OTHER).json == []
    anyio.run(move, town.store, town.names, WARD, house.lost["_id"], UNIT, OTHER)
    become(town, house.lost, far, OTHER)
    become(town, house.twin, guest, OTHER)
    held = anyio.run(read_held, town.store, town.names, WARD, OTHER, guest["_id"])
    assert held is not None
    assert [one["_id"] for one in held.visits] == [house.second["_id"]], "the extract is not whole"
    anyio.run(residents.amend, town.store, town.names, WARD, OTHER, guest["_id"], WHO, {"identity": {}})
    assert house.name not in everything(town)


def test_an_edit_of_what_has_just_gone_elsewhere_comes_again(
    town: Town, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(town, house.lost, house.kept)

    async def gone(*_: Any, **__: Any) -> list[Any]:
        return []

    edit = child(house.lost, adults=register(5, "person:lan", LATEST))
    with monkeypatch.context() as patch:
        patch.setattr(twins, "leaves_of", gone)
        assert town.push(edit, person="lan").status == 503
    assert town.push(edit, person="lan").json == []
    assert now(town, house.kept)["adults"]["value"] == 5


def test_a_unit_on_its_way_into_another_has_nothing_merged_or_taken_apart(town: Town, house: House) -> None:
    third = household()
    town.push(third)
    become(town, house.lost, house.kept)
    catalog = town.names.ward(WARD).catalog
    row: Document = {"type": "unit", "merging": OTHER}
    anyio.run(town.store.update, catalog, f"unit:{UNIT}", lambda _: row)
    try:
        with pytest.raises(Unfit, match="busy"):
            become(town, third, house.kept)
        with pytest.raises(Unfit, match="busy"):
            undo(town, house.lost)
    finally:
        anyio.run(town.store.update, catalog, f"unit:{UNIT}", lambda _: {"type": "unit"})
    assert not (town.stored("twins", town.names.ward(WARD).privacy) or {}).get("open")
    undo(town, house.lost)


def test_a_mark_from_before_that_the_kept_one_was_gone_is_asked_about(town: Town, house: House) -> None:
    """Someone may have meant it for the same reason: that the door was there twice."""
    become(town, house.lost, house.kept)
    assert town.push(child(house.kept, gone=register(True, at=LATEST))).json == []
    kept = now(town, house.kept)
    assert not twins.is_gone(kept), "the only door is gone"
    [mark] = [entry for entry in kept["history"] if entry["field"] == "gone"]
    assert mark["apart"], "nobody is asked"


def test_an_undo_that_another_process_ended_first_is_done(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    found = town.store.delete

    async def late(database: str, id: str, rev: str) -> None:
        await found(database, id, rev)
        await found(database, id, rev)

    broken: Any = Breaking(town.store, 0)
    broken.delete = late
    anyio.run(part, broken, town.names, WARD, house.lost["_id"], WHO)
    assert now(town, house.lost)["adults"]["value"] == 3
