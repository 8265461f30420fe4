"""Two units become one: nothing is lost, nothing counts twice, wherever it was cut short."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.check import check_store
from server.figures import Figures
from server.progress import Period
from sync import unit_merging
from sync.conflicts import Conflicts
from sync.erasing import erase, settle
from sync.heirs import MOVED
from sync.ledger import Ledger
from sync.names import Names
from sync.rollup import Rollup, rollup_id
from sync.store import Document, Store, StoreUnavailable
from sync.traces import Traces
from sync.units import prepare_server, prepare_unit, prepare_ward
from tests.desk.documents import LEVELS
from tests.sync.samples import child, helped, household, register, resident, visit

WARD = "09562"
_numbers = itertools.count(1)
LATER = "2026-05-01T03:00:00.000Z"


@dataclass(frozen=True)
class Pair:
    """A unit that ends, and the one in which it goes on."""

    store: Store
    names: Names
    source: str
    target: str

    @property
    def units(self) -> tuple[str, str]:
        return self.source, self.target

    async def prepare(self) -> None:
        await prepare_server(self.store, self.names)
        await prepare_ward(self.store, self.names, WARD)
        for unit in self.units:
            await prepare_unit(self.store, self.names, WARD, unit)
        row = {"_id": f"unit:{self.source}", "type": "unit", "merging": self.target}
        await self.store.put(self.names.ward(WARD).catalog, row)

    async def merge(self, store: Store | None = None) -> None:
        """All steps, as the server takes them."""
        store, names = store or self.store, self.names
        await unit_merging.hold(store, names, WARD, self.units, LEVELS)
        await unit_merging.fence(store, names, WARD, self.source)
        await unit_merging.carry(store, names, WARD, self.source, self.target)
        await unit_merging.carry_marks(store, names, WARD, self.source, self.target)
        await unit_merging.release(store, names, WARD, self.units, LEVELS)

    def database(self, unit: str) -> str:
        return self.names.unit(WARD, unit)

    async def leaves(self, unit: str, id: str) -> list[Document]:
        """With their histories; tombstones too."""
        found = await self.store.open_revisions(self.database(unit), id)
        return await self.store.revisions(self.database(unit), [(id, one["_rev"]) for one in found])

    async def people(self) -> tuple[int, int, int]:
        """Households, people and acts of help of both units together, as the dashboard has them."""
        rollups = [await self.store.find(self.names.ward(WARD).rollup, rollup_id(one)) for one in self.units]
        days = [day for one in rollups if one for day in one["days"].values()]
        acts = sum(sum(day["acts"].values()) for day in days)
        homes = sum(one["households"] for one in rollups if one)
        return homes, sum(day["new_people"] for day in days), acts


@pytest.fixture
def make_pair(store: Store, names: Names) -> Callable[[], Pair]:
    def make() -> Pair:
        number = next(_numbers)
        pair = Pair(store, names, f"a{number}", f"b{number}")
        anyio.run(pair.prepare)
        return pair

    return make


@pytest.fixture
def pair(make_pair: Callable[[], Pair]) -> Pair:
    return make_pair()


def plain(document: Document) -> Document:
    """What a document says, whichever unit and revision it is of."""
    return {name: value for name, value in document.items() if name not in ("_rev", "_revisions", "unit")}


def ancestors(document: Document) -> list[str]:
    revisions = document["_revisions"]
    return [f"{revisions['start'] - back}-{name}" for back, name in enumerate(revisions["ids"])]


KINDS = st.lists(
    st.tuples(st.sampled_from(["household", "resident", "visit"]), st.integers(1, 3), st.booleans()),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=KINDS)
def test_every_branch_and_tombstone_goes_on_in_the_other_unit(
    make_pair: Callable[[], Pair], kinds: list[tuple[str, int, bool]]
) -> None:
    pair = make_pair()
    makers: dict[str, Callable[..., Document]] = {
        "household": household,
        "resident": resident,
        "visit": visit,
    }
    leaves: list[Document] = []
    for kind, branches, gone in kinds:
        first = makers[kind](unit=pair.source)
        leaves += [child(first) for _ in range(branches)] if branches > 1 else [first]
        if gone:
            last = child(leaves.pop())
            revs = {name: last[name] for name in ("_id", "_rev", "_revisions")}
            leaves.append({**revs, "_deleted": True})

    async def story() -> None:
        await pair.store.graft(pair.database(pair.source), leaves)
        await pair.merge()
        for leaf in leaves:
            arrived = await pair.leaves(pair.target, leaf["_id"])
            [kept] = [one for one in arrived if leaf["_rev"] in ancestors(one)]
            assert bool(kept.get("_deleted")) == bool(leaf.get("_deleted")), "a tombstone was lost"
            assert plain(kept) == plain(leaf)
            if not leaf.get("_deleted"):
                assert kept["unit"] == pair.target
            left = await pair.leaves(pair.source, leaf["_id"])
            assert all(one.get("_deleted") for one in left), "a record is in both units"
            forwarded = {ancestors(one)[1] for one in left if one.get(MOVED) == pair.target}
            assert (leaf["_rev"] in forwarded) == (not leaf.get("_deleted")), "none says where it went"

    anyio.run(story)


async def fill(pair: Pair) -> list[Document]:
    """Records in both units, some changed apart by two people, and counted."""
    home = household(unit=pair.source)
    person = resident(home["_id"], unit=pair.source)
    seen = [helped(person["_id"], household=home["_id"], unit=pair.source) for _ in range(3)]
    apart = [child(home, address=register({"house": str(n)}, at=LATER)) for n in range(2)]
    documents = [home, person, *seen, *apart]
    await pair.store.graft(pair.database(pair.source), documents)
    await pair.store.graft(pair.database(pair.target), [household(unit=pair.target), visit(unit=pair.target)])
    for unit in pair.units:
        await Rollup(pair.store, pair.names, LEVELS).refresh(pair.database(unit))
    return documents


class Cut(StoreUnavailable):
    """The power went out."""


class CutStore(Store):
    """A store that answers so many requests, and then none; the last one is done, and its answer lost."""

    def __init__(self, url: str, requests: int) -> None:
        super().__init__(url)
        self.left = requests

    async def _ask(self, *args: Any, **named: Any) -> Any:
        answer = await super()._ask(*args, **named)
        self.left -= 1
        if self.left < 0:
            raise Cut("cut")
        return answer


def test_cut_at_any_request_it_goes_on_and_the_numbers_are_true_all_the_while(pair: Pair) -> None:
    async def story() -> None:
        documents = await fill(pair)
        before = await pair.people()
        assert before[1:] == (1, 4)
        for requests in itertools.count():
            assert requests < 300, "the merge never came to its end"
            cut = CutStore(pair.store.url, requests)
            try:
                await pair.merge(cut)
                break
            except Cut:
                assert await pair.people() == before, f"other figures after {requests} requests"
            finally:
                cut.close()
        assert requests > 10
        assert await pair.people() == before
        await Conflicts(pair.store, pair.names).settle(pair.database(pair.target))
        for id in {one["_id"] for one in documents}:
            found = await pair.store.leaves(pair.database(pair.target), id)
            assert [one["unit"] for one in found] == [pair.target]
            assert await pair.store.find(pair.database(pair.source), id) is None
        differences = await check_store(pair.store, pair.names, LEVELS)
        assert [one for one in differences if one.unit in pair.units] == []
        assert await pair.people() == before

    anyio.run(story)


def test_figures_stand_still_while_records_are_in_both_units(pair: Pair) -> None:
    async def story() -> None:
        await fill(pair)
        before = await pair.people()
        await unit_merging.hold(pair.store, pair.names, WARD, pair.units, LEVELS)
        await unit_merging.carry(pair.store, pair.names, WARD, pair.source, pair.target)
        await Rollup(pair.store, pair.names, LEVELS).catch_up()
        assert await pair.people() == before
        rows = await pair.store.all_docs(pair.names.ward(WARD).rollup, include_docs=True)
        held = {row["doc"]["unit"] for row in rows if row["doc"].get("held")}
        assert held >= set(pair.units)
        await unit_merging.release(pair.store, pair.names, WARD, pair.units, LEVELS)
        await Rollup(pair.store, pair.names, LEVELS).catch_up()
        assert await pair.people() == before

    anyio.run(story)


def test_two_processes_that_merge_at_once_do_no_harm(pair: Pair) -> None:
    async def story() -> None:
        documents = await fill(pair)
        before = await pair.people()
        async with anyio.create_task_group() as both:
            for _ in range(2):
                both.start_soon(pair.merge)
        await pair.merge()  # as the next look would, should one have held what the other had released
        assert await pair.people() == before
        for id in {one["_id"] for one in documents}:
            assert await pair.store.find(pair.database(pair.source), id) is None
        await Conflicts(pair.store, pair.names).settle(pair.database(pair.target))
        rows = await pair.store.view(pair.database(pair.target), "conflicts", "open")
        assert rows == [], "the same branch arrived twice"
        differences = await check_store(pair.store, pair.names, LEVELS)
        assert [one for one in differences if one.unit in pair.units] == []

    anyio.run(story)


def test_whoever_is_in_both_units_for_a_moment_is_one_person(pair: Pair) -> None:
    async def story() -> None:
        documents = await fill(pair)
        may = Period(date(2026, 5, 1), date(2026, 5, 31))
        await unit_merging.hold(pair.store, pair.names, WARD, pair.units, LEVELS)
        nobody = Traces.of(set())
        arriving = [unit_merging.arrive(one, pair.target, (), nobody) for one in documents]
        await pair.store.graft(pair.database(pair.target), arriving)
        source = await Figures(pair.store, pair.names).read(WARD, pair.units, may)
        assert sum(people.distinct for people in source.people.values()) == 1

    anyio.run(story)


NAME = "Lường Thị Mơ"


async def said_of(pair: Pair, unit: str) -> str:
    rows = await pair.store.all_docs(pair.database(unit))
    ids = [row["id"] for row in rows if not row["id"].startswith("_")]
    return str([await pair.leaves(unit, id) for id in ids])


@pytest.mark.parametrize("when", ["before", "cut short", "in the middle", "after"])
def test_who_was_erased_from_a_unit_is_erased_from_the_other_one(pair: Pair, when: str) -> None:
    """In the middle: the resident has arrived, what names them elsewhere has not; by the desk's deed."""

    async def story() -> None:
        home = household(unit=pair.source)
        person = resident(home["_id"], unit=pair.source, name=NAME)
        near = visit(unit=pair.source, household=home["_id"], note=f"{NAME} đi vắng")
        source = pair.database(pair.source)
        await pair.store.graft(source, [home, person, near])
        take = partial_erase(pair, person["_id"])
        if when == "before":
            await pair.store.update(pair.names.ward(WARD).catalog, f"unit:{pair.source}", stand_alone)
            await take()
        elif when == "cut short":
            await Ledger(pair.store, pair.names).enter(WARD, pair.source, [person["_id"]])
        if when == "in the middle":
            ledger = Ledger(pair.store, pair.names)
            await unit_merging.carry_leaves(
                pair.store, pair.names, ledger, WARD, pair.source, pair.target, [person]
            )
            await take()
        await pair.merge()
        if when == "after":
            await take()
        await settle(pair.store, pair.names)
        assert person["_id"] in await Ledger(pair.store, pair.names).erased(
            pair.database(pair.target), [person["_id"]]
        )
        for unit in pair.units:
            assert await pair.store.find(pair.database(unit), person["_id"]) is None
        if when != "cut short":  # whose name nobody knows any more once only the ledger has them
            for unit in pair.units:
                assert NAME not in await said_of(pair, unit), "the name is still to be read"
            traces = await Ledger(pair.store, pair.names).traces(pair.database(pair.target))
            assert traces.lengths, "nothing tells a late note that names them"

    anyio.run(story)


def stand_alone(row: Document | None) -> Document:
    return {name: value for name, value in (row or {}).items() if name != "merging"}


def partial_erase(pair: Pair, id: str) -> Callable[[], Awaitable[object]]:
    async def take() -> object:
        return await erase(pair.store, pair.names, WARD, pair.source, id)

    return take


def test_refused_records_and_requests_are_the_other_units(pair: Pair) -> None:
    async def story() -> None:
        databases = pair.names.ward(WARD)
        refused: Document = {"_id": f"refused:{pair.source}", "type": "refused", "unit": pair.source}
        refused |= {"document": visit(unit=pair.source), "decision": {"document": visit(unit=pair.source)}}
        await pair.store.put(databases.quarantine, {**refused, "database": databases.role(pair.source)})
        request = {"_id": f"request:{pair.source}", "unit": pair.source, "resident": "resident:1"}
        await pair.store.put(databases.privacy, request)
        await pair.merge()
        kept = await pair.store.get(databases.quarantine, refused["_id"])
        assert (kept["unit"], kept["database"]) == (pair.target, databases.role(pair.target))
        assert kept["document"]["unit"] == kept["decision"]["document"]["unit"] == pair.target
        assert (await pair.store.get(databases.privacy, request["_id"]))["unit"] == pair.target

    anyio.run(story)
