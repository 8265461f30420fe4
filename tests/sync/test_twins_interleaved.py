"""Merges and undos in any order, cut short anywhere, while phones that heard of nothing go on writing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import anyio
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from sync import moving, twins_after
from sync.conflicts import Conflicts
from sync.parting import part
from sync.store import Document, NotFound, StoreUnavailable
from sync.twins import Unfit, join, locate
from tests.sync.samples import child, helped, household, register, resident
from tests.sync.test_moving import Breaking
from tests.sync.town import WARD, Town

UNIT, OTHER = "tdp-07", "tdp-08"
DOORS = 3
which = st.integers(0, DOORS - 1)
steps = st.one_of(
    st.tuples(st.just("merge"), which, which, st.integers(1, 14)),
    st.tuples(st.just("merge"), which, which, st.just(0)),
    st.tuples(st.just("persons"), which, which, st.integers(0, 12)),
    st.tuples(st.just("part"), which, which, st.integers(0, 9)),
    st.tuples(st.just("edit"), which, which, st.just(0)),
    st.tuples(st.just("visit"), which, which, st.just(0)),
    st.tuples(st.just("settle"), which, which, st.just(0)),
)


class World:
    """Some doors with someone in each, as phones knew them in the morning."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.doors = [household() for _ in range(DOORS)]
        self.people = [resident(door["_id"]) for door in self.doors]
        self.visits: list[str] = []
        self.told: list[int] = []
        assert town.push(*self.doors, *self.people).json == []

    def take(self, deed: str, one: int, other: int, cut: int) -> None:
        store: Any = Breaking(self.town.store, cut, ("graft", "update", "compact", "delete"))
        names, doors = self.town.names, self.people if deed == "persons" else self.doors
        with suppress(Unfit, StoreUnavailable, NotFound):
            if deed in ("merge", "persons"):
                pair = doors[one]["_id"], doors[other]["_id"]
                anyio.run(join, store, names, WARD, UNIT, *pair, "person:ward")
            elif deed == "part":
                anyio.run(part, store, names, WARD, doors[one]["_id"], "person:ward")
            elif deed == "settle":
                anyio.run(twins_after.settle, self.town.store, names, WARD)
        if deed == "edit":
            self.told.append(len(self.told) + 1)
            late = f"2026-05-02T00:00:00.{len(self.told):03d}Z"
            assert self.town.push(child(doors[one], adults=register(self.told[-1], at=late))).json == []
        if deed == "visit":
            knock = helped(self.people[other]["_id"], household=self.doors[one]["_id"])
            self.visits.append(knock["_id"])
            assert self.town.push(knock).json == []

    def read(self) -> dict[str, Document]:
        async def settled() -> list[Document]:
            for _ in range(2):
                await twins_after.settle(self.town.store, self.town.names, WARD)
                while await Conflicts(self.town.store, self.town.names).settle(self.town.database):
                    pass
            rows = await self.town.store.all_docs(self.town.database, include_docs=True)
            return [row["doc"] for row in rows if not row["id"].startswith("_")]

        return {one["_id"]: one for one in anyio.run(settled)}

    def check(self) -> None:
        alive = self.read()
        assert set(self.visits) <= alive.keys(), "a visit is lost"
        assert any(door["_id"] in alive for door in self.doors)
        assert any(person["_id"] in alive for person in self.people)
        for document in alive.values():
            home = document.get("household")
            assert home is None or home in alive, f"{document['_id']} names a door that is gone"
            for help in document.get("record", {}).get("value", {}).get("helps", ()):
                assert help["person"] in alive, f"{document['_id']} names someone who is gone"
        known: set[int] = set()
        for door in self.doors:
            one = alive.get(door["_id"], {})
            known |= {entry["value"] for entry in one.get("history", ()) if entry["field"] == "adults"}
            known |= {one["adults"]["value"]} if "adults" in one else set()
        assert set(self.told) <= known, "an edit is lost"
        privacy = self.town.names.ward(WARD).privacy
        assert not (self.town.stored("twins", privacy) or {}).get("open"), "a merge has no end"


@given(st.lists(steps, min_size=3, max_size=9))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_and_nothing_points_nowhere(
    town: Town, deeds: list[tuple[str, int, int, int]]
) -> None:
    world = World(town)
    for deed in deeds:
        note(str(deed))
        world.take(*deed)
    world.check()


def test_a_door_that_moves_while_it_takes_another_in_loses_nothing(town: Town) -> None:
    for cut in (2, 4, 6, 8, 10):
        world = World(town)
        lost, kept = world.doors[0]["_id"], world.doors[1]["_id"]
        broken: Any = Breaking(town.store, cut)
        with suppress(StoreUnavailable):
            anyio.run(join, broken, town.names, WARD, UNIT, lost, kept, "person:ward")
        with suppress(NotFound):  # it is just being merged
            anyio.run(moving.move, town.store, town.names, WARD, kept, UNIT, OTHER)
        anyio.run(twins_after.settle, town.store, town.names, WARD)
        if town.stored(kept):
            anyio.run(moving.move, town.store, town.names, WARD, kept, UNIT, OTHER)
        anyio.run(moving.settle, town.store, town.names, WARD)
        found = anyio.run(locate, town.store, town.names, WARD, UNIT, lost)
        assert found in ((OTHER, kept), (UNIT, lost)), f"cut {cut}: {found}"
        person = anyio.run(locate, town.store, town.names, WARD, UNIT, world.people[0]["_id"])
        assert person is not None
