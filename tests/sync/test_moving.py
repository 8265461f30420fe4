"""A household goes to another unit: nothing is lost, nothing counts twice, and late edits follow it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from sync import moving, withdrawing
from sync.erasing import erase
from sync.heirs import MOVED, former_units
from sync.moving import move, settle
from sync.residents import read_held
from sync.store import Document, NotFound, Store, StoreUnavailable
from sync.unit_merging import carry
from sync.units import prepare_unit
from tests.sync.samples import child, helped, household, register, resident, visit
from tests.sync.test_reach_of_erasing import person_of
from tests.sync.town import PEOPLE, WARD, Town

LATER = "2026-05-01T03:00:00.000Z"
SOURCE, TARGET = "tdp-07", "tdp-08"


class Breaking:
    """A store whose call number `at` of those that write fails."""

    def __init__(
        self, store: Store, at: int, kinds: tuple[str, ...] = ("graft", "update", "compact")
    ) -> None:
        self.store, self.left, self.kinds = store, at, kinds

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if name not in self.kinds:
            return found

        async def write(*told: Any, **more: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise StoreUnavailable("cut")
            return await found(*told, **more)

        return write


def go(town: Town, home: str, source: str = SOURCE, target: str = TARGET) -> int:
    return anyio.run(move, town.store, town.names, WARD, home, source, target)


def at(town: Town, unit: str, id: str) -> Document | None:
    return town.stored(id, town.names.unit(WARD, unit))


def open_leaves(town: Town, unit: str, id: str) -> list[Document]:
    return anyio.run(town.store.open_revisions, town.names.unit(WARD, unit), id)


@pytest.fixture
def home(town: Town) -> tuple[Document, Document, Document]:
    """A household of the first unit, someone who lives there, and the visit that helped them."""
    door = household()
    person, name, _ = person_of(door["_id"])
    knock = helped(person["_id"], f"Giúp bà {name}", household=door["_id"])
    assert town.push(door, person, knock).json == []
    return door, person, knock


def test_it_goes_with_its_residents_and_leaves_its_visits(
    town: Town, home: tuple[Document, Document, Document]
) -> None:
    door, person, knock = home
    other = resident(household()["_id"])
    town.push(other)
    assert go(town, door["_id"]) == 2
    for one in (door, person):
        assert at(town, SOURCE, one["_id"]) is None
        moved = at(town, TARGET, one["_id"]) or {}
        assert moved["unit"] == TARGET
        assert moved["created"] == one["created"]
        [tombstone] = open_leaves(town, SOURCE, one["_id"])
        assert tombstone[MOVED] == TARGET
        assert tombstone.keys() <= {"_id", "_rev", "_deleted", "_revisions", MOVED}, "it says too much"
    assert (at(town, SOURCE, knock["_id"]) or {})["_rev"] == knock["_rev"]
    assert at(town, TARGET, knock["_id"]) is None
    assert at(town, SOURCE, other["_id"]) is not None, "a neighbour went along"
    with pytest.raises(NotFound):
        go(town, door["_id"])


def test_an_edit_made_meanwhile_follows_and_merges(
    town: Town, home: tuple[Document, Document, Document]
) -> None:
    door, person, _ = home
    adults = child(door, adults=register(3, at=LATER))
    label = child(person, label=register("Ông, tầng 1", at=LATER))
    go(town, door["_id"])
    there = at(town, TARGET, door["_id"]) or {}
    renamed = {**there, "address": register({"house": "9"}, "person:eve", LATER)}
    del renamed["_rev"]
    anyio.run(lambda: town.store.put(town.names.unit(WARD, TARGET), {**renamed, "_rev": there["_rev"]}))
    answer = {one["id"]: one["code"] for one in town.push(adults, label).json}
    assert answer == {door["_id"]: "moved", person["_id"]: "moved"}
    assert at(town, SOURCE, door["_id"]) is None, "it came back in the unit that it had left"
    assert len(open_leaves(town, TARGET, door["_id"])) == 2, "the edit is not beside the other one"
    assert any(leaf.get("adults", {}).get("value") == 3 for leaf in open_leaves(town, TARGET, door["_id"]))
    assert town.quarantined(door["_id"]) == []
    again = {one["id"]: one["code"] for one in town.push(adults, label).json}
    assert again == answer, "sent again after a lost answer, it is taken for something else"
    assert len(open_leaves(town, TARGET, door["_id"])) == 2


def test_a_new_resident_follows_and_a_new_visit_stays(
    town: Town, home: tuple[Document, Document, Document]
) -> None:
    door, _, _ = home
    go(town, door["_id"])
    child_of_house, knock = resident(door["_id"]), visit(household=door["_id"])
    assert [(one["id"], one["code"]) for one in town.push(child_of_house, knock).json] == [
        (child_of_house["_id"], "moved")
    ]
    assert (at(town, TARGET, child_of_house["_id"]) or {})["unit"] == TARGET
    assert at(town, SOURCE, child_of_house["_id"]) is None
    assert at(town, SOURCE, knock["_id"]) is not None


def test_following_gives_no_other_right(town: Town, home: tuple[Document, Document, Document]) -> None:
    door, person, _ = home
    go(town, door["_id"])
    forged = {**child(door, adults=register(9)), "created": {**door["created"], "by": "person:lan"}}
    stray = child(door, adults=register(8))
    stray["_revisions"] = {"start": 2, "ids": [stray["_rev"][2:], "f" * 32]}
    codes = [one["code"] for one in town.push(forged, stray, person="lan").json]
    assert sorted(codes) == ["created-changed", "unknown-ancestor"]
    assert (at(town, TARGET, door["_id"]) or {}).get("adults") is None
    assert town.quarantined(door["_id"])[0]["unit"] == TARGET
    own = household(unit=TARGET)
    assert [one["code"] for one in town.push(own).json] == ["wrong-unit"]
    assert at(town, TARGET, own["_id"]) is None
    assert at(town, TARGET, person["_id"]) is not None


@pytest.mark.parametrize("cut", range(1, 9))
def test_cut_short_anywhere_it_goes_on(
    town: Town, home: tuple[Document, Document, Document], cut: int
) -> None:
    door, person, _ = home
    broken: Any = Breaking(town.store, cut)
    try:
        anyio.run(move, broken, town.names, WARD, door["_id"], SOURCE, TARGET)
    except StoreUnavailable:
        for one in (door, person):
            assert at(town, SOURCE, one["_id"]) or at(town, TARGET, one["_id"]), "it is nowhere"
    if cut == 1:
        assert at(town, SOURCE, door["_id"]) is not None
        return
    anyio.run(settle, town.store, town.names, WARD)
    for one in (door, person):
        assert at(town, SOURCE, one["_id"]) is None
        assert at(town, TARGET, one["_id"]) is not None


def test_what_was_written_behind_it_is_fetched(town: Town, home: tuple[Document, Document, Document]) -> None:
    door, _, _ = home
    go(town, door["_id"])
    late = resident(door["_id"])
    anyio.run(lambda: town.store.graft(town.database, [late]))  # a write that was under way
    assert anyio.run(settle, town.store, town.names, WARD) >= 1
    assert at(town, SOURCE, late["_id"]) is None
    assert at(town, TARGET, late["_id"]) is not None


def test_it_can_come_back(town: Town, home: tuple[Document, Document, Document]) -> None:
    door, person, _ = home
    go(town, door["_id"])
    go(town, door["_id"], TARGET, SOURCE)
    for one in (door, person):
        assert (at(town, SOURCE, one["_id"]) or {})["unit"] == SOURCE
        assert at(town, TARGET, one["_id"]) is None
    edit = child(door, adults=register(2, at=LATER))
    assert town.push(edit).json == [], "an edit from before both moves is lost"


def test_who_is_erased_after_a_move_is_erased_from_the_visits_before_it(
    town: Town, home: tuple[Document, Document, Document]
) -> None:
    door, person, knock = home
    name = person["identity"]["value"]["name"]
    go(town, door["_id"])
    anyio.run(erase, town.store, town.names, WARD, TARGET, person["_id"])
    left = [*open_leaves(town, SOURCE, knock["_id"]), *open_leaves(town, TARGET, person["_id"])]
    assert name not in json.dumps(left, ensure_ascii=False)
    assert "note" not in (at(town, SOURCE, knock["_id"]) or {})["record"]["value"]
    late = visit(household=door["_id"], note=f"Gặp {name}")
    assert town.push(late).json == []
    assert name not in json.dumps(at(town, SOURCE, late["_id"]), ensure_ascii=False)
    edit = child(person, label=register(f"Bà {name}", at=LATER))
    assert [one["code"] for one in town.push(edit).json] == ["erased"]


def test_a_consent_that_ends_after_a_move_ends_in_the_visits_before_it(
    town: Town, home: tuple[Document, Document, Document]
) -> None:
    door, person, _ = home
    name = person["identity"]["value"]["name"]
    neighbour = visit(note=f"Hỏi {name}")
    town.push(neighbour)
    go(town, door["_id"])
    there = at(town, TARGET, person["_id"]) or {}
    history = {"start": 2, "ids": [there["_rev"][2:], person["_rev"][2:]]}
    ended = child({**there, "_revisions": history}, identity=register({}, "person:eve", LATER))
    assert town.push(ended, person="eve", unit=TARGET).json == []
    assert name not in json.dumps(at(town, SOURCE, neighbour["_id"]), ensure_ascii=False)
    # a backup from before the move is restored
    back = child(person, label=register("Bà, tầng 9", at=LATER))
    anyio.run(lambda: town.store.graft(town.database, [back]))
    anyio.run(withdrawing.settle, town.store, town.names)
    assert name not in json.dumps(at(town, SOURCE, person["_id"]), ensure_ascii=False)


def test_what_is_held_about_a_resident_includes_the_visits_before(
    town: Town, home: tuple[Document, Document, Document]
) -> None:
    door, person, knock = home
    go(town, door["_id"])
    held = anyio.run(read_held, town.store, town.names, WARD, TARGET, person["_id"])
    assert held is not None
    assert [one["_id"] for one in held.visits] == [knock["_id"]]
    formers = anyio.run(former_units, town.store, town.names, WARD, TARGET, [person["_id"]])
    assert formers == [SOURCE]


def test_an_edit_follows_through_a_unit_that_was_merged_since(town: Town) -> None:
    """From tdp-07 to a unit that has gone on in another one."""
    names, store = town.names, town.store
    for unit in ("tdp-41", "tdp-42"):
        anyio.run(prepare_unit, store, names, WARD, unit)
    door = household()
    town.push(door)
    go(town, door["_id"], SOURCE, "tdp-41")
    anyio.run(carry, store, names, WARD, "tdp-41", "tdp-42")
    PEOPLE["heir"] = replace(PEOPLE["hoa"], heirs={"tdp-41": "tdp-42"})
    edit = child(door, adults=register(4, at=LATER))
    assert [one["code"] for one in town.push(edit, person="heir").json] == ["moved"]
    assert len(open_leaves(town, "tdp-42", door["_id"])) == 2


def test_a_merge_of_the_first_unit_keeps_the_way_to_where_a_household_went(town: Town) -> None:
    names, store = town.names, town.store
    for unit in ("tdp-43", "tdp-44"):
        anyio.run(prepare_unit, store, names, WARD, unit)
    door = household(unit="tdp-43")
    anyio.run(lambda: store.graft(names.unit(WARD, "tdp-43"), [door]))
    go(town, door["_id"], "tdp-43", TARGET)
    anyio.run(carry, store, names, WARD, "tdp-43", "tdp-44")
    [tombstone] = open_leaves(town, "tdp-44", door["_id"])
    assert tombstone[MOVED] == TARGET


def test_nothing_is_looked_at_twice_for_ever(
    town: Town, home: tuple[Document, Document, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    go(town, home[0]["_id"])
    monkeypatch.setattr(moving, "AFTERWARDS", timedelta(hours=-1))
    anyio.run(settle, town.store, town.names, WARD)
    rows = anyio.run(lambda: town.store.all_docs(town.names.ward(WARD).privacy, include_docs=True))
    moves = [row["doc"] for row in rows if row["id"].startswith("move:")]
    assert moves
    assert all(one.get("quiet") or not one["done"] for one in moves)
    assert anyio.run(settle, town.store, town.names, WARD) == 0


def test_two_who_move_it_at_once_leave_it_in_one_unit(
    town: Town, home: tuple[Document, Document, Document]
) -> None:
    door, _, _ = home
    anyio.run(prepare_unit, town.store, town.names, WARD, "tdp-45")
    broken: Any = Breaking(town.store, 2, ("graft",))  # everything is in the other unit, and nothing has left
    with pytest.raises(StoreUnavailable):
        anyio.run(move, broken, town.names, WARD, door["_id"], SOURCE, TARGET)
    assert at(town, SOURCE, door["_id"]) is not None
    assert at(town, TARGET, door["_id"]) is not None
    for source in (SOURCE, TARGET):
        with pytest.raises(NotFound):
            go(town, door["_id"], source, "tdp-45")
    anyio.run(settle, town.store, town.names, WARD)
    assert [unit for unit in (SOURCE, TARGET, "tdp-45") if at(town, unit, door["_id"])] == [TARGET]
    go(town, door["_id"], TARGET, "tdp-45")
    assert [unit for unit in (SOURCE, TARGET, "tdp-45") if at(town, unit, door["_id"])] == ["tdp-45"]


def test_a_move_into_a_unit_that_came_back_by_merges_ends(town: Town) -> None:
    names, store, units = town.names, town.store, ("tdp-46", "tdp-47", "tdp-48")
    for unit in units:
        anyio.run(prepare_unit, store, names, WARD, unit)
    door = household(unit="tdp-46")
    anyio.run(lambda: store.graft(names.unit(WARD, "tdp-46"), [door]))
    go(town, door["_id"], "tdp-46", "tdp-47")
    for source, target in (("tdp-47", "tdp-48"), ("tdp-48", "tdp-46")):
        anyio.run(carry, store, names, WARD, source, target)
        row: Document = {"type": "unit", "merged_into": target}
        anyio.run(store.update, names.ward(WARD).catalog, f"unit:{source}", lambda _, row=row: row)
    before = at(town, "tdp-46", door["_id"])
    assert before is not None

    async def again() -> None:
        with anyio.fail_after(5):
            await settle(store, names, WARD)

    anyio.run(again)
    assert at(town, "tdp-46", door["_id"]) == before


def test_tombstones_that_point_at_one_another_are_no_endless_way(town: Town) -> None:
    door = household()
    for unit, other in ((SOURCE, TARGET), (TARGET, SOURCE)):
        end = child(door, _deleted=True, moved_to=other)
        gone = {name: end[name] for name in ("_id", "_rev", "_revisions", "_deleted", "moved_to")}
        anyio.run(town.store.graft, town.names.unit(WARD, unit), [gone])
    edit = child(door, adults=register(4, at=LATER))
    assert [one["code"] for one in town.push(edit).json] == ["gone"]


def test_what_a_merge_is_carrying_goes_nowhere_else(town: Town) -> None:
    names, store = town.names, town.store
    for unit in ("tdp-49", "tdp-50"):
        anyio.run(prepare_unit, store, names, WARD, unit)
    door = household(unit="tdp-49")
    anyio.run(lambda: store.graft(names.unit(WARD, "tdp-49"), [door]))
    row: Document = {"type": "unit", "merging": "tdp-50"}
    anyio.run(store.update, names.ward(WARD).catalog, "unit:tdp-49", lambda _: row)
    with pytest.raises(NotFound):
        go(town, door["_id"], "tdp-49", TARGET)
    assert at(town, "tdp-49", door["_id"]) is not None


def test_what_came_in_behind_a_move_follows_however_long_the_server_stood_still(
    town: Town, home: tuple[Document, Document, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    door, _, _ = home
    go(town, door["_id"])
    late = child(door, adults=register(7, at=LATER))
    anyio.run(lambda: town.store.graft(town.database, [late]))  # a write that was under way
    monkeypatch.setattr(moving, "AFTERWARDS", timedelta(hours=-1))
    assert anyio.run(settle, town.store, town.names, WARD) == 1
    assert at(town, SOURCE, door["_id"]) is None
    assert any(leaf.get("adults", {}).get("value") == 7 for leaf in open_leaves(town, TARGET, door["_id"]))
    seen = anyio.run(town.store.find, town.names.ward(WARD).privacy, f"move:{door['_id']}") or {}
    assert seen["quiet"], "it is looked at for ever"
