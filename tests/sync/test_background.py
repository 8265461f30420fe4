"""Work beside the requests goes on whatever happens, and tells of it without what a record says."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from sync import background
from sync.conflicts import Conflicts
from sync.names import Names
from sync.store import Broken, Store, StoreUnavailable, TimedOut
from sync.units import prepare_unit

pytestmark = pytest.mark.anyio
WARD = "09562"


async def test_what_failed_is_done_again_and_told_without_its_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "LONGEST_PAUSE", 0.01)
    tried, done = 0, asyncio.Event()
    background.failures.clear()

    async def work() -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise KeyError("Nguyễn Thị Hoa")
        if tried == 2:
            raise StoreUnavailable("nothing answers")
        done.set()

    repeating = asyncio.ensure_future(background.repeat(work, "counting", every=3600))
    with capture_logs() as logs:
        await asyncio.wait_for(done.wait(), 10)
    repeating.cancel()
    assert [entry["event"] for entry in logs] == ["work failed", "work waits for the store"]
    assert logs[0]["work"] == "counting"
    assert logs[0]["error"] == "KeyError"
    assert logs[0]["place"].startswith("test_background.py:")
    assert "Hoa" not in str(logs)
    assert background.failures == {"counting": 1}, "that the store is away is no fault"


async def test_what_should_have_no_end_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE", 0.001)
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 5:
            raise ZeroDivisionError

    await asyncio.wait_for(background.keep(work, "figures"), 10)
    assert begun == 5


@pytest.mark.parametrize(
    ("failures", "tried", "raised"),
    [
        ({}, "abc", None),
        ({"a": Broken("500", status=500), "b": TimedOut("slow")}, "abc", TimedOut),
        ({"a": ValueError()}, "abc", ValueError),
        ({"b": StoreUnavailable("nothing answers")}, "ab", StoreUnavailable),
    ],
    ids=["none", "worse-first", "one", "nothing-answers"],
)
def test_each_has_its_turn(
    failures: dict[str, Exception], tried: str, raised: type[Exception] | None
) -> None:
    seen: list[str] = []

    def go_through() -> None:
        with background.apart() as each:
            for name in "abc":
                with each():
                    seen.append(name)
                    if name in failures:
                        raise failures[name]

    if raised is None:
        go_through()
    else:
        with pytest.raises(raised) as caught:
            go_through()
        assert type(caught.value) is raised
    assert "".join(seen) == tried


async def test_one_unit_that_cannot_be_merged_keeps_no_other_waiting(
    store: Store, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = [await prepare_unit(store, names, WARD, code) for code in ("tdp-61", "tdp-62", "tdp-63")]
    looked: list[str] = []

    async def settle(self: Conflicts, database: str) -> int:
        if database == units[1]:
            raise Broken("500", status=500)
        looked.append(database)
        return 0

    monkeypatch.setattr(Conflicts, "settle", settle)
    conflicts = Conflicts(store, names)
    with pytest.raises(Broken):
        await conflicts._look(units)
    assert set(looked) == {units[0], units[2]}
    looked.clear()
    with pytest.raises(Broken):
        await conflicts._look(units)
    assert looked == [], "those two have nothing new"
