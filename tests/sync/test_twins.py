"""Two records of one door, or of one person, become one: nothing is lost, nothing counts twice."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from sync import twins, twins_after
from sync.aliases import MERGED
from sync.erasing import erase
from sync.merge import merge
from sync.moving import move
from sync.parting import part
from sync.residents import read_held
from sync.store import Document, StoreUnavailable
from sync.twins import Unfit, join
from sync.twins_after import settle
from sync.unit_merging import carry
from sync.units import prepare_unit
from tests.sync.samples import child, helped, household, register, resident, visit
from tests.sync.test_moving import Breaking, at, open_leaves
from tests.sync.test_reach_of_erasing import person_of
from tests.sync.town import PEOPLE, WARD, Town

LATER, LATEST = "2026-05-01T03:00:00.000Z", "2026-05-01T04:00:00.000Z"
UNIT, OTHER = "tdp-07", "tdp-08"
WHO = "person:supervisor"


def become(town: Town, lost: Document, kept: Document, unit: str = UNIT) -> None:
    anyio.run(join, town.store, town.names, WARD, unit, lost["_id"], kept["_id"], WHO)


def now(town: Town, one: Document, unit: str = UNIT) -> Document:
    leaves = [leaf for leaf in open_leaves(town, unit, one["_id"]) if not leaf.get("_deleted")]
    assert leaves
    return merge(leaves).document if len(leaves) > 1 else leaves[0]


class House:
    """The same door recorded twice, with someone in each, and what was done there."""

    def __init__(self, town: Town) -> None:
        self.kept, self.lost = household(), household("person:lan", adults=register(3, "person:lan", LATER))
        self.granny = resident(self.kept["_id"])
        self.twin, self.name, _ = person_of(self.lost["_id"])
        self.first = helped(self.granny["_id"], household=self.kept["_id"])
        self.second = helped(self.twin["_id"], f"Giúp {self.name}", household=self.lost["_id"])
        mine = (self.kept, self.granny, self.first, self.twin, self.second)
        assert town.push(*mine).json == []
        assert town.push(self.lost, person="lan").json == []


@pytest.fixture
def house(town: Town) -> House:
    return House(town)


def test_a_household_goes_on_as_the_other_with_all_that_named_it(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    [tombstone] = open_leaves(town, UNIT, house.lost["_id"])
    assert tombstone.keys() <= {"_id", "_rev", "_deleted", MERGED, "_revisions"}, "it says too much"
    assert tombstone[MERGED] == house.kept["_id"]
    kept = now(town, house.kept)
    assert kept["created"] == house.kept["created"]
    assert kept["adults"]["value"] == 3
    assert not any(entry.get("apart") for entry in kept["history"]), "someone saw both"
    assert now(town, house.twin)["household"] == house.kept["_id"]
    assert now(town, house.second)["household"] == house.kept["_id"]
    assert now(town, house.second)["record"] == house.second["record"]
    assert now(town, house.first) == {k: v for k, v in house.first.items() if k != "_revisions"}
    with pytest.raises(Unfit, match="gone"):
        become(town, house.lost, house.kept)
    with pytest.raises(Unfit, match="gone"):
        become(town, house.kept, house.lost)


def test_two_residents_become_one_person(town: Town, house: House) -> None:
    with pytest.raises(Unfit, match="apart"):
        become(town, house.twin, house.granny)
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    granny = now(town, house.granny)
    assert granny["identity"]["value"]["name"] == house.name
    assert now(town, house.second)["record"]["value"]["helps"][0]["person"] == house.granny["_id"]
    assert house.name not in json.dumps(open_leaves(town, UNIT, house.twin["_id"]))


def test_what_a_phone_brings_late_is_the_kept_ones(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    edit = child(house.lost, kind=register("business", "person:lan", LATEST))
    edit["history"] = [{"field": "kind", **house.lost["kind"]}]
    assert town.push(edit, person="lan").json == []
    assert town.push(edit, person="lan").json == [], "sent again after a lost answer"
    assert now(town, house.kept)["kind"]["value"] == "business"
    assert at(town, UNIT, house.lost["_id"]) is None, "it came back"
    label = child(house.twin, label=register("Bà Ba", at=LATEST))
    guest = resident(house.lost["_id"])
    knock = helped(house.twin["_id"], household=house.lost["_id"])
    record = {**house.second["record"]["value"], "outcome": "later"}
    amended = child(house.second, record=register(record, at=LATEST))
    amended["history"] = [{"field": "record", **house.second["record"]}]
    assert town.push(label, guest, knock, amended).json == []
    assert now(town, house.granny)["label"]["value"] == "Bà Ba"
    assert now(town, guest)["household"] == house.kept["_id"]
    for one in (knock, amended):
        stored = now(town, one)
        assert stored["household"] == house.kept["_id"]
        assert stored["record"]["value"]["helps"][0]["person"] == house.granny["_id"]
    assert now(town, amended)["record"]["value"]["outcome"] == "later"
    assert town.quarantined(house.lost["_id"]) == []


def test_following_gives_no_other_right(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    forged = child(house.lost, adults=register(9, "person:hoa", LATEST))
    assert [one["code"] for one in town.push(forged, person="lan").json] == ["wrong-author"]
    stray = child(house.lost, adults=register(8, "person:lan", LATEST))
    stray["_revisions"] = {"start": 2, "ids": [stray["_rev"][2:], "f" * 32]}
    assert [one["code"] for one in town.push(stray, person="lan").json] == ["unknown-ancestor"]
    assert now(town, house.kept)["adults"]["value"] == 3


@pytest.mark.parametrize("cut", range(1, 14))
def test_cut_short_anywhere_it_goes_on(town: Town, house: House, cut: int) -> None:
    broken: Any = Breaking(town.store, cut)
    try:
        anyio.run(join, broken, town.names, WARD, UNIT, house.lost["_id"], house.kept["_id"], WHO)
    except StoreUnavailable:
        assert at(town, UNIT, house.lost["_id"]) or at(town, UNIT, house.kept["_id"])
    if cut == 1:
        assert at(town, UNIT, house.lost["_id"]) is not None
        return
    with pytest.raises(Unfit):
        become(town, house.kept, house.lost)
    anyio.run(settle, town.store, town.names, WARD)
    assert at(town, UNIT, house.lost["_id"]) is None
    assert now(town, house.second)["household"] == house.kept["_id"]
    assert now(town, house.kept)["adults"]["value"] == 3


def test_what_was_written_behind_it_is_fetched(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    knock = visit(household=house.lost["_id"])
    edit = child(house.lost, adults=register(5, "person:lan", LATEST))
    anyio.run(lambda: town.store.graft(town.database, [knock, edit]))  # writes that were under way
    anyio.run(settle, town.store, town.names, WARD)
    assert now(town, knock)["household"] == house.kept["_id"]
    assert at(town, UNIT, house.lost["_id"]) is None
    assert now(town, house.kept)["adults"]["value"] == 5


def test_a_chain_ends_at_the_last(town: Town, house: House) -> None:
    third = household()
    town.push(third)
    become(town, house.lost, house.kept)
    become(town, house.kept, third)
    knock = visit(household=house.lost["_id"])
    edit = child(house.lost, adults=register(6, "person:lan", LATEST))
    assert town.push(knock).json == []
    assert town.push(edit, person="lan").json == []
    assert now(town, knock)["household"] == third["_id"]
    assert now(town, third)["adults"]["value"] == 6


def test_what_moved_afterwards_is_followed_there(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    anyio.run(move, town.store, town.names, WARD, house.kept["_id"], UNIT, OTHER)
    edit = child(house.lost, adults=register(7, "person:lan", LATEST))
    assert [one["code"] for one in town.push(edit, person="lan").json] == ["moved"]
    leaves = open_leaves(town, OTHER, house.kept["_id"])
    assert any(leaf["adults"]["value"] == 7 for leaf in leaves if not leaf.get("_deleted"))
    knock, guest = visit(household=house.lost["_id"]), resident(house.lost["_id"])
    assert [one["id"] for one in town.push(knock, guest).json] == [guest["_id"]]
    assert now(town, knock)["household"] == house.kept["_id"]
    assert now(town, guest, OTHER)["household"] == house.kept["_id"]


def test_who_is_erased_is_erased_under_both_ids(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    anyio.run(erase, town.store, town.names, WARD, UNIT, house.granny["_id"])
    everything = anyio.run(lambda: town.store.all_docs(town.database, include_docs=True))
    kept = anyio.run(lambda: town.store.all_docs(town.names.ward(WARD).privacy, include_docs=True))
    assert house.name not in json.dumps([everything, kept], ensure_ascii=False)
    edit = child(house.twin, label=register("Bà Tư", at=LATEST))
    assert [one["code"] for one in town.push(edit).json] == ["erased"]
    knock = helped(house.twin["_id"], f"Gặp {house.name}", household=house.lost["_id"])
    assert town.push(knock).json == []
    record = now(town, knock)["record"]["value"]
    assert "note" not in record
    assert record["helps"][0]["person"] == house.granny["_id"], "one person counts as two"


def test_a_name_without_consent_does_not_come_back(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    ended = child(house.granny, identity=register({}, at=LATER))
    assert town.push(ended).json == []
    become(town, house.twin, house.granny)
    everything = anyio.run(lambda: town.store.all_docs(town.database, include_docs=True))
    assert house.name not in json.dumps(everything, ensure_ascii=False)
    late = child(house.twin, label=register("Cụ", at=LATEST))
    assert town.push(late).json == []
    assert house.name not in json.dumps(now(town, house.granny), ensure_ascii=False)
    assert now(town, house.granny)["label"]["value"] == "Cụ"


def test_that_one_was_gone_as_a_duplicate_does_not_make_the_other_gone(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    town.push(child(house.lost, gone=register(True, "person:lan", LATEST)), person="lan")
    assert not twins.is_gone(now(town, house.kept))


def test_nobody_merges_what_asked_to_be_left_alone(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    marked = {**now(town, house.twin), "restricted": register(True, WHO, LATER)}
    anyio.run(town.store.put, town.database, marked)
    with pytest.raises(Unfit, match="restricted"):
        become(town, house.twin, house.granny)
    young = resident(house.kept["_id"], age_band=register("under-16"))
    town.push(young)
    with pytest.raises(Unfit, match="child"):
        become(town, young, house.granny)


def undo(town: Town, lost: Document) -> None:
    anyio.run(part, town.store, town.names, WARD, lost["_id"], WHO)


def said(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in ("_rev", "_revisions")}


def test_undone_both_are_what_they_were_and_what_came_since_stays(town: Town, house: House) -> None:
    both = helped(house.granny["_id"], household=house.kept["_id"])
    both["record"]["value"]["helps"].append(
        {"service": "vneid", "level": "installed", "person": house.twin["_id"]}
    )
    assert town.push(both).json == []
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    assert {help["person"] for help in now(town, both)["record"]["value"]["helps"]} == {house.granny["_id"]}
    since = helped(house.twin["_id"], household=house.lost["_id"])
    assert town.push(since).json == []
    with pytest.raises(Unfit, match="later"):
        undo(town, house.lost)
    undo(town, house.twin)
    assert said(now(town, house.twin)) == {**said(house.twin), "household": house.kept["_id"]}
    assert said(now(town, both)) == said(both)
    undo(town, house.lost)
    assert said(now(town, house.lost)) == said(house.lost)
    kept = now(town, house.kept)
    assert {name: kept[name]["value"] for name in ("address", "kind")} == {
        name: house.kept[name]["value"] for name in ("address", "kind")
    }
    assert "adults" not in kept
    assert house.name not in json.dumps(now(town, house.granny), ensure_ascii=False)
    for one in (house.first, house.second, house.twin):
        assert said(now(town, one)) == said(one)
    assert now(town, since)["household"] == house.kept["_id"]
    assert now(town, since)["record"]["value"]["helps"][0]["person"] == house.granny["_id"]
    with pytest.raises(Unfit, match="gone"):
        undo(town, house.lost)
    anyio.run(settle, town.store, town.names, WARD)
    assert at(town, UNIT, house.lost["_id"]) is not None, "it was merged again by itself"
    become(town, house.lost, house.kept)
    assert now(town, house.second)["household"] == house.kept["_id"]


@pytest.mark.parametrize("cut", range(1, 10))
def test_an_undo_cut_short_goes_on(town: Town, house: House, cut: int) -> None:
    become(town, house.lost, house.kept)
    broken: Any = Breaking(town.store, cut, ("graft", "update", "compact", "delete"))
    with suppress(StoreUnavailable):
        anyio.run(part, broken, town.names, WARD, house.lost["_id"], WHO)
    anyio.run(settle, town.store, town.names, WARD)
    if cut == 1:
        assert at(town, UNIT, house.lost["_id"]) is None
        return
    for one in (house.lost, house.second, house.twin):
        assert said(now(town, one)) == said(one)
    assert "adults" not in now(town, house.kept)


def test_an_undo_brings_back_no_name_that_was_to_go(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    stored = now(town, house.granny)
    history = {"start": int(stored["_rev"].split("-")[0]), "ids": [stored["_rev"].split("-")[1]]}
    ended = child({**stored, "_revisions": history}, identity=register({}, at=LATEST))
    ended["history"] = [entry for entry in stored.get("history", ()) if entry["field"] != "identity"]
    assert town.push(ended).json == []
    undo(town, house.twin)
    everything = anyio.run(lambda: town.store.all_docs(town.database, include_docs=True))
    assert house.name not in json.dumps(everything, ensure_ascii=False)


def test_after_its_time_nothing_is_kept_for_an_undo(
    town: Town, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(town, house.lost, house.kept)
    monkeypatch.setattr(twins, "UNDO_DAYS", -1)
    monkeypatch.setattr(twins_after, "AFTERWARDS", timedelta(days=-1))
    anyio.run(settle, town.store, town.names, WARD)
    with pytest.raises(Unfit, match="gone"):
        undo(town, house.lost)
    privacy = town.names.ward(WARD).privacy
    assert town.stored(f"twin:{house.lost['_id']}", privacy) is None


def test_what_was_merged_again_is_taken_apart_from_the_end(town: Town, house: House) -> None:
    third = household()
    town.push(third)
    become(town, house.lost, house.kept)
    become(town, house.kept, third)
    with pytest.raises(Unfit, match="later"):
        undo(town, house.lost)
    undo(town, house.kept)
    undo(town, house.lost)
    for one in (house.lost, house.second, house.first):
        assert said(now(town, one)) == said(one)


def test_who_is_asked_for_under_the_lost_id_is_found_whole_and_erased_whole(town: Town, house: House) -> None:
    become(town, house.lost, house.kept)
    become(town, house.twin, house.granny)
    held = anyio.run(read_held, town.store, town.names, WARD, UNIT, house.twin["_id"])
    assert held is not None
    assert held.resident["_id"] == house.granny["_id"]
    assert {one["_id"] for one in held.visits} == {house.first["_id"], house.second["_id"]}
    privacy, same = town.names.ward(WARD).privacy, f"same:{house.granny['_id']}"
    entry = town.stored(same, privacy) or {}
    anyio.run(town.store.delete, privacy, same, entry["_rev"])  # a backup of it was older
    anyio.run(erase, town.store, town.names, WARD, UNIT, house.granny["_id"])
    edit = child(house.twin, label=register("Bà Tư", at=LATEST))
    assert [one["code"] for one in town.push(edit).json] == ["erased"]
    kept = json.dumps(town.quarantined(house.twin["_id"]), ensure_ascii=False)
    assert house.name not in kept
    assert "Bà Tư" not in kept
    other = House(town)
    become(town, other.lost, other.kept)
    become(town, other.twin, other.granny)
    anyio.run(erase, town.store, town.names, WARD, UNIT, other.twin["_id"])
    assert at(town, UNIT, other.granny["_id"]) is None, "a request under the lost id erased nobody"
    everything = anyio.run(lambda: town.store.all_docs(town.database, include_docs=True))
    assert other.name not in json.dumps(everything, ensure_ascii=False)


@pytest.mark.parametrize("ways", [(0, 1, 2), (0, 0, 1), (0, 0, 0)])
def test_whoever_merges_at_once_one_door_of_three_stays(town: Town, ways: tuple[int, ...]) -> None:
    doors = [household() for _ in range(3)]
    knocks = [visit(household=door["_id"]) for door in doors]
    assert town.push(*doors, *knocks).json == []
    circle = [(0, 1), (1, 0), (1, 2)] if ways != (0, 1, 2) else [(0, 1), (1, 2), (2, 0)]

    async def one(lost: int, kept: int) -> None:
        ids = doors[lost]["_id"], doors[kept]["_id"]
        with suppress(Unfit):
            await join(town.store, town.names, WARD, UNIT, *ids, WHO)

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            for way in ways:
                group.start_soon(one, *circle[way])
        await settle(town.store, town.names, WARD)

    anyio.run(all_at_once)
    alive = {door["_id"] for door in doors if at(town, UNIT, door["_id"])}
    assert alive
    assert len(alive) < 3
    assert {now(town, knock)["household"] for knock in knocks} <= alive


def test_visits_that_stayed_behind_when_both_had_moved_follow_there_too(town: Town, house: House) -> None:
    for door in (house.kept, house.lost):
        anyio.run(move, town.store, town.names, WARD, door["_id"], UNIT, OTHER)
    become(town, house.lost, house.kept, OTHER)
    assert now(town, house.second)["household"] == house.kept["_id"]
    late = visit(household=house.lost["_id"])
    assert town.push(late).json == []
    assert now(town, late)["household"] == house.kept["_id"]
    undo(town, house.lost)
    assert now(town, house.second)["household"] == house.lost["_id"]
    assert now(town, house.twin, OTHER)["household"] == house.lost["_id"]
    later = visit(household=house.lost["_id"])
    edit = child(house.lost, adults=register(5, "person:lan", LATEST))
    assert town.push(later).json == []
    assert [one["code"] for one in town.push(edit, person="lan").json] == ["moved"]
    assert now(town, later)["household"] == house.lost["_id"]
    assert now(town, house.lost, OTHER)["adults"]["value"] == 5


def test_a_merge_lives_through_the_merge_of_its_unit(town: Town) -> None:
    names, store = town.names, town.store
    for unit in ("tdp-61", "tdp-62"):
        anyio.run(prepare_unit, store, names, WARD, unit)
    one, other = household(unit="tdp-61"), household(unit="tdp-61")
    knock = visit(unit="tdp-61", household=other["_id"])
    anyio.run(lambda: store.graft(names.unit(WARD, "tdp-61"), [one, other, knock]))
    become(town, other, one, "tdp-61")
    anyio.run(carry, store, names, WARD, "tdp-61", "tdp-62")
    row: Document = {"type": "unit", "merged_into": "tdp-62"}
    anyio.run(store.update, names.ward(WARD).catalog, "unit:tdp-61", lambda _: row)
    PEOPLE["heir2"] = replace(PEOPLE["hoa"], unit="tdp-62", heirs={"tdp-61": "tdp-62"})
    late = visit(unit="tdp-61", household=other["_id"])
    assert town.push(late, person="heir2", unit="tdp-61").json == []
    assert now(town, late, "tdp-62")["household"] == one["_id"]
    listed = anyio.run(twins.list_merges, store, names, WARD, "tdp-62")
    assert [entry["lost"] for entry in listed] == [other["_id"]]
    undo(town, other)
    assert now(town, knock, "tdp-62")["household"] == other["_id"]
