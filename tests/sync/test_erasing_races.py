"""An erasure against all that may happen at the same time: a power cut, edits, merges, another erasure."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.conflicts import Conflicts
from sync.erasing import end_branches, erase, settle
from sync.ledger import Ledger
from sync.revisions import child_of
from sync.store import NotFound
from tests.sync.samples import child, helped, household, register, resident, visit
from tests.sync.town import WARD, Town

LATER = "2026-05-01T03:00:00.000Z"
TRIES = 100
"""Five a second: a CouchDB compacts in the background."""

CUT = """
import sys, time, anyio
from sync.erasing import erase
from sync.ledger import Ledger
from sync.names import Names
from sync.store import Store

url, prefix, ward, id, step = sys.argv[1:]
owner = Ledger if hasattr(Ledger, step) else Store
whole = getattr(owner, step)

async def stop(self, *args, **named):
    if step == "graft":
        await whole(self, *args, **named)
    print("here", flush=True)
    time.sleep(60)

setattr(owner, step, stop)
anyio.run(erase, Store.connect(url), Names(prefix), ward, "tdp-07", id)
"""


def new_name() -> str:
    """One that the ledger has no trace of."""
    return f"Lường {''.join(secrets.choice('bcdghklmn') for _ in range(8)).title()} Mơ"


async def said(town: Town, revisions: dict[str, set[str]]) -> str:
    """What the store gives of these revisions and of every open one, and what the quarantine holds."""
    found: list[Any] = []
    for id, revs in revisions.items():
        for rev in sorted(revs):
            try:
                found.append(await town.store._ask("GET", [town.database, id], params={"rev": rev}))
            except NotFound:
                continue
    for database in (town.database, town.quarantine):
        for row in await town.store.all_docs(database):
            if not row["id"].startswith("_"):
                found += await town.store.open_revisions(database, row["id"])
    return json.dumps(found, ensure_ascii=False)


async def is_silent(town: Town, revisions: dict[str, set[str]]) -> None:
    """Waits for a compaction under way, not for ever."""
    left = ""
    for _ in range(TRIES):
        left = await said(town, revisions)
        if "Mơ" not in left:
            return
        await anyio.sleep(0.2)
    pytest.fail(f"still readable: {left}")


@pytest.mark.parametrize("step", ["enter", "trace", "graft", "open_revisions", "compact", "finish"])
def test_an_erasure_whose_process_was_killed_is_finished_by_the_next(
    town: Town, couch_url: str, step: str
) -> None:
    door, name = household(), new_name()
    person = resident(door["_id"], name=name)
    seen = helped(person["_id"], name, household=door["_id"])
    near = visit(household=door["_id"], note=f"{name} đi vắng")
    for document in (door, person, seen, near):
        assert town.push(document).json == []
    words = [sys.executable, "-c", CUT, couch_url, town.names.prefix, WARD, person["_id"], step]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "here\n", f"the erasure never came to {step}"
        process.kill()
    process.wait(10)
    begun = step not in ("enter", "open_revisions")  # the record is read before the ledger has it
    assert anyio.run(settle, town.store, town.names) == (1 if begun else 0)
    if not begun:
        anyio.run(erase, town.store, town.names, WARD, "tdp-07", person["_id"])
    revisions = {one["_id"]: {one["_rev"]} for one in (person, seen, near)}
    anyio.run(is_silent, town, revisions)
    assert town.stored(person["_id"]) is None
    assert anyio.run(settle, town.store, town.names) == 0


DEEDS = ("edit", "edit of lan", "visit", "amend", "neighbour", "merge", "erase", "settle")
PLANS = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 30)), min_size=2, max_size=7)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS, wait=st.integers(0, 30), lag=st.sampled_from([0, 60, 200]))
def test_whatever_happens_at_the_same_moment_the_name_is_nowhere_in_the_end(
    town: Town, plan: list[tuple[str, int]], wait: int, lag: int
) -> None:
    """Each deed begins some milliseconds after the start, the erasure too; none waits for another.

    Whoever has asked the ledger is held up for `lag` milliseconds: that is when the erasure comes.
    """
    door, name = household(), new_name()
    person = resident(door["_id"], name=name)
    seen = helped(person["_id"], name, household=door["_id"])
    husband = resident(door["_id"], label=register(f"Chồng bà {name}"))
    for document in (door, person, seen, husband):
        assert town.push(document).json == []
    pushed = [person, seen, husband]

    async def push(document: dict[str, Any], by: str = "hoa") -> None:
        pushed.append(document)
        await asyncio.to_thread(town.push, document, person=by)

    record = register({**seen["record"]["value"], "note": f"{name} vắng"}, at=LATER)
    deeds: dict[str, Callable[[], Awaitable[Any]]] = {
        "edit": lambda: push(child(person, label=register("Bà Mơ", at=LATER))),
        "edit of lan": lambda: push(child(person, label=register("Cụ Mơ", "person:lan", at=LATER)), "lan"),
        "visit": lambda: push(helped(person["_id"], name, household=door["_id"])),
        "amend": lambda: push(child(seen, record=record)),
        "neighbour": lambda: push(child(husband, age_band=register("16-59", at=LATER))),
        "merge": lambda: Conflicts(town.store, town.names).settle(town.database),
        "erase": lambda: erase(town.store, town.names, WARD, "tdp-07", person["_id"]),
        "settle": lambda: settle(town.store, town.names),
    }

    async def begin(deed: str, after: int) -> None:
        await asyncio.sleep(after / 1000)
        await deeds[deed]()

    async def play() -> None:
        await asyncio.gather(*(begin(*one) for one in [*plan, ("visit", 0), ("erase", wait)]))
        await Conflicts(town.store, town.names).settle(town.database)
        await settle(town.store, town.names)
        revisions: dict[str, set[str]] = {}
        for document in pushed:
            revisions.setdefault(document["_id"], set()).add(document["_rev"])
        await is_silent(town, revisions)

    whole = Ledger.erased

    async def slowly(self: Ledger, *asked: Any) -> set[str]:
        answer = await whole(self, *asked)
        await asyncio.sleep(lag / 1000)
        return answer

    with pytest.MonkeyPatch.context() as slowed:
        slowed.setattr(Ledger, "erased", slowly)
        anyio.run(play)
    assert town.stored(person["_id"]) is None
    kept = town.stored(seen["_id"]) or {}
    assert kept["record"]["value"]["helps"] == seen["record"]["value"]["helps"], "an act of help was lost"


def test_a_merge_made_of_what_was_read_before_the_erasure_leaves_no_name(town: Town) -> None:
    """As a worker of another process that was held up between reading and writing."""
    person = resident(name=new_name())
    one, two = (
        child(person, label=register("Bà Mơ", at=LATER)),
        child(person, label=register("Cụ Mơ", at=LATER)),
    )
    anyio.run(town.store.graft, town.database, [person])
    anyio.run(town.store.graft, town.database, [one, two])
    anyio.run(erase, town.store, town.names, WARD, "tdp-07", person["_id"])
    merged = child_of(one, {**one, "history": []})
    anyio.run(town.store.graft, town.database, [merged])
    assert anyio.run(settle, town.store, town.names) == 1
    revisions = {person["_id"]: {each["_rev"] for each in (person, one, two, merged)}}
    anyio.run(is_silent, town, revisions)
    assert town.stored(person["_id"]) is None


def test_a_late_edit_that_ends_the_record_first_leaves_the_name_nowhere_else(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the ledger's entry and the reading of the record, which then says no name any more."""
    door, name = household(), new_name()
    person = resident(door["_id"], name=name)
    husband = resident(door["_id"], label=register(f"Chồng bà {name}"))
    for document in (door, person, husband):
        assert town.push(document).json == []
    whole = Ledger.enter

    async def enter(self: Ledger, *asked: Any) -> set[str]:
        answer = await whole(self, *asked)
        await end_branches(town.store, town.database, person["_id"])
        return answer

    monkeypatch.setattr(Ledger, "enter", enter)
    anyio.run(erase, town.store, town.names, WARD, "tdp-07", person["_id"])
    label = (town.stored(husband["_id"]) or {})["label"]["value"]
    assert name not in label, "the husband's label still names her"
