"""Two phones, a desk and a failing store in any order: all is kept, counts once, who is erased is gone."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from server.check import check_store
from sync import erasing, moving, twins_after, withdrawing
from sync.clocks import text_of
from sync.conflicts import Conflicts
from sync.moving import move
from sync.parting import part
from sync.store import Document, StoreError
from sync.twins import Unfit, join
from tests.sync.samples import child, helped, household, register
from tests.sync.test_moving import Breaking
from tests.sync.test_reach_of_erasing import person_of
from tests.sync.town import WARD, Town

HERE, THERE = "tdp-07", "tdp-08"
PHONES = ("hoa", "lan")
CALLS = ("graft", "update", "compact", "delete", "find", "leaves", "all_docs", "view", "revisions", "put")
DEEDS = ("merge", "merge", "same", "same", "part", "part again", "erase", "move", "settle")
PHONE_DEEDS = ("edit", "visit", "amend", "rename", "pull")
one_of_four, phone = st.integers(0, 3), st.sampled_from(PHONES)
steps = st.one_of(
    st.tuples(st.sampled_from(DEEDS), one_of_four, one_of_four, st.one_of(st.just(0), st.integers(1, 40))),
    st.tuples(st.sampled_from(PHONE_DEEDS), one_of_four, one_of_four, phone),
)


class World:
    """Three doors, four people, what two phones hold of them, and what was told."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.doors = [household() for _ in range(3)]
        homes = (0, 0, 1, 2)
        found = [person_of(self.doors[home]["_id"]) for home in homes]
        self.people, self.names = [one[0] for one in found], [one[1] for one in found]
        assert town.push(*self.doors, *self.people).json == []
        self.visits: list[str] = []
        self.told: set[int] = set()
        self.erased: set[int] = set()
        self.now = datetime.now(UTC) - timedelta(hours=1)
        self.held: dict[str, dict[str, Document]] = {}
        for name in PHONES:
            self.held[name] = {one["_id"]: one for one in (*self.doors, *self.people)}

    def at(self, other: int) -> str:
        """Each later than the one before; some phones are days ahead."""
        self.now += timedelta(seconds=1)
        return text_of(self.now + timedelta(days=2 if other == 3 else 0))

    def take(self, deed: str, one: int, other: int, more: Any) -> None:
        if deed in PHONE_DEEDS:
            self.on_phone(deed, one, other, more)
            return
        store: Any = Breaking(self.town.store, more, CALLS)
        names, doors = self.town.names, [door["_id"] for door in self.doors] * 2
        people = [person["_id"] for person in self.people]
        with suppress(Unfit, StoreError):
            if deed == "merge":
                anyio.run(join, store, names, WARD, HERE, doors[one], doors[other], "person:ward")
            elif deed == "same":
                anyio.run(join, store, names, WARD, HERE, people[one], people[other], "person:ward")
            elif deed.startswith("part"):
                which = doors if deed == "part" else people
                anyio.run(part, store, names, WARD, which[one], "person:ward")
            elif deed == "erase" and other == 0:  # now and then
                self.erased.add(one)
                anyio.run(erasing.erase, store, names, WARD, HERE, people[one])
            elif deed == "move" and other == 0:
                anyio.run(move, store, names, WARD, doors[one], HERE, THERE)
            elif deed == "settle":
                self.settle()

    def on_phone(self, deed: str, one: int, other: int, name: str) -> None:
        held, who = self.held[name], f"person:{name}"
        door, person = self.doors[one % 3]["_id"], self.people[other]["_id"]
        if deed == "pull":
            self.pull(name)
        elif deed == "edit" and door in held:
            self.told.add(len(self.told) + 1)
            self.change(name, held[door], "adults", len(self.told), self.at(other))
        elif deed == "rename" and person in held:
            self.change(name, held[person], "label", f"Bà {self.names[other]}", self.at(one))
        elif deed == "visit" and door in held:
            note = f"Gặp {self.names[other]}" if person in held else ""
            knock = helped(person, note, who, household=door) if note else helped("", "", who, household=door)
            if not note:
                del knock["record"]["value"]["helps"][0]["person"]
            self.visits.append(knock["_id"])
            held[knock["_id"]] = knock
            self.push(name, knock)
        elif deed == "amend":
            mine = [id for id in self.visits if id in held and held[id]["created"]["by"] == who]
            if mine:
                knock = held[mine[other % len(mine)]]
                record = {**knock["record"]["value"], "outcome": "later"}
                self.change(name, knock, "record", record, self.at(one))

    def change(self, name: str, document: Document, field: str, value: Any, at: str) -> None:
        if at <= document.get(field, {}).get("at", ""):  # a phone signs later than what it replaces
            at = text_of(datetime.fromisoformat(document[field]["at"]) + timedelta(milliseconds=1))
        edit = child(document, **{field: register(value, f"person:{name}", at)})
        if field in document:
            past = [
                {part: one[part] for part in one if part != "apart" or one["field"] != field}
                for one in document.get("history", ())
            ]
            edit["history"] = [*past, {"field": field, **document[field]}]
        self.held[name][document["_id"]] = edit
        self.push(name, edit)

    def push(self, name: str, document: Document) -> None:
        answer = self.town.push(document, person=name)
        assert answer.status == 201, answer.body
        for one in answer.json:
            note(f"refused: {one}")
            assert one["code"] in ("moved", "erased"), f"{one}: {self.town.quarantined(document['_id'])}"

    def pull(self, name: str) -> None:
        async def read() -> dict[str, Document]:
            found = {}
            for row in await self.town.store.all_docs(self.town.database):
                if row["id"].startswith(("household:", "resident:", "visit:")):
                    leaves = await self.town.store.leaves(self.town.database, row["id"])
                    [found[row["id"]]] = [one for one in leaves if one["_rev"] == row["value"]["rev"]]
            return found

        self.held[name] = anyio.run(read)

    def settle(self) -> None:
        store, names = self.town.store, self.town.names

        async def all_of_it() -> None:
            for _ in range(2):
                await twins_after.settle(store, names, WARD)
                await moving.settle(store, names, WARD)
                await erasing.settle(store, names)
                await withdrawing.settle(store, names)
                for unit in (HERE, THERE):
                    while await Conflicts(store, names).settle(names.unit(WARD, unit)):
                        pass

        anyio.run(all_of_it)

    def read(self, unit: str) -> dict[str, Document]:
        async def every() -> list[Document]:
            rows = await self.town.store.all_docs(self.town.names.unit(WARD, unit), include_docs=True)
            return [row["doc"] for row in rows if not row["id"].startswith("_")]

        return {one["_id"]: one for one in anyio.run(every)}

    def check(self) -> None:
        self.settle()
        here, there = self.read(HERE), self.read(THERE)
        mine = {one["_id"] for one in (*self.doors, *self.people)} | set(self.visits)
        assert set(self.visits) <= here.keys() | there.keys(), "a visit is lost"
        assert not here.keys() & there.keys() & mine, "a record is in two units"
        alive = {**here, **there}
        gone = {self.people[one]["_id"] for one in self.erased}
        known: set[int] = set()
        for id in alive.keys() & mine:
            document = alive[id]
            home = document.get("household")
            assert home is None or home in alive, f"{id} names a door that is gone"
            for help in document.get("record", {}).get("value", {}).get("helps", ()):
                assert help.get("person", "") in {*alive, *gone, *self.barred(), ""}, (
                    f"{id} names someone who is gone"
                )
            adults = [
                document.get("adults"),
                *(e for e in document.get("history", ()) if e["field"] == "adults"),
            ]
            known |= {entry["value"] for entry in adults if entry}
        assert self.told <= known, "an edit is lost"
        assert any(door["_id"] in alive for door in self.doors)
        assert not gone & alive.keys(), "who was erased is there"
        said = json.dumps([alive, self.rest()], ensure_ascii=False)
        for one in self.erased:
            assert self.names[one] not in said, "who was erased is named"
        privacy = self.town.names.ward(WARD).privacy
        assert not (self.town.stored("twins", privacy) or {}).get("open"), "a merge has no end"

    def barred(self) -> set[str]:
        rows = anyio.run(lambda: self.town.store.all_docs(self.town.names.ledger))
        return {f"resident:{row['id'].rpartition(':')[2]}" for row in rows if row["id"].startswith("erased:")}

    def rest(self) -> list[Document]:
        async def read() -> list[Document]:
            databases = (self.town.quarantine, self.town.names.ward(WARD).privacy)
            found = [await self.town.store.all_docs(name, include_docs=True) for name in databases]
            return [row["doc"] for rows in found for row in rows]

        return anyio.run(read)


@given(st.lists(steps, min_size=4, max_size=14))
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_comes_together_nothing_is_lost_nor_counted_twice(
    town: Town, deeds: list[tuple[str, int, int, Any]]
) -> None:
    world = World(town)
    for deed in deeds:
        note(str(deed))
        world.take(*deed)
    world.check()
    assert anyio.run(check_store, town.store, town.names, {}) == []
