"""Imports that meet one another, an undo, a kill or a wrong clock: no door comes twice, an undo is whole."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.importing import last
from server.importing.header import fitness
from server.importing.households import judge_table
from server.importing.last import Busy, undo, write_plan
from server.importing.late import Late
from server.importing.plan import Plan, find_last, make_plan, value_of
from server.importing.sheet import read_table
from server.site import Site
from sync.clocks import text_of
from sync.merge import amended
from sync.moving import move
from sync.revisions import child_of
from sync.store import Broken, Document, StoreUnavailable
from sync.ulids import new_ulid
from tests.desk.conftest import SignIn
from tests.desk.test_rollup import visit

pytestmark = pytest.mark.anyio
UNIT = "tdp-09"


async def plan_of(site: Site, street: str, *rows: str, unit: str = UNIT) -> Plan:
    data = "\n".join(
        [
            "Số nhà;Đường;Số người lớn",
            *(f"{row.split(';')[0]};{street};{row.partition(';')[2]}" for row in rows),
        ]
    )
    return await make_plan(site.store, site.ward, unit, judge_table(read_table(data.encode(), fitness)))


async def households(site: Site, street: str, unit: str = UNIT) -> list[Document]:
    rows = await site.store.all_docs(
        site.ward.unit(unit), startkey="household:", endkey="household;", include_docs=True
    )
    return [row["doc"] for row in rows if row["doc"]["address"]["value"].get("street") == street]


async def there(site: Site, street: str, unit: str = UNIT) -> list[str]:
    found = await households(site, street, unit)
    return sorted(one["address"]["value"]["house"] for one in found if value_of(one, "gone") is not True)


def cut_after(site: Site, monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """The store fails after so many batches into a unit's database."""
    bulk, calls = site.store.bulk, 0

    async def fail(name: str, documents: Any) -> Any:
        nonlocal calls
        calls += site.names.owner(name) is not None
        if calls > batches:
            raise StoreUnavailable("gone")
        return await bulk(name, documents)

    monkeypatch.setattr(site.store, "bulk", fail)


def once(first: Any, then: Any) -> Any:
    """A function that is `first` when it is called first, and `then` afterwards."""
    called = []

    async def call(*args: Any) -> Any:
        called.append(True)
        return await (first if len(called) == 1 else then)(*args)

    return call


async def test_of_two_plans_made_at_once_only_the_first_is_written(site: Site) -> None:
    one, other = [await plan_of(site, "phố Đôi", "1", "3") for _ in range(2)]
    await write_plan(site.store, site.ward, one)
    with pytest.raises(Busy):
        await write_plan(site.store, site.ward, other)
    assert await there(site, "phố Đôi") == ["1", "3"]
    again = await plan_of(site, "phố Đôi", "1", "3")
    assert (again.to_write, again.known) == (0, 2)


async def test_whoever_sends_the_same_preview_twice_at_once_writes_it_once(
    sign_in: SignIn, site: Site
) -> None:
    ward = await sign_in("supervisor")
    data = {"unit": UNIT}, {"file": ("ho.csv", "Số nhà;Đường\n1;phố Nháy\n3;phố Nháy".encode())}
    address = (await ward.post("/desk/import", data=data[0], files=data[1])).headers["location"]
    answers = await asyncio.gather(*(ward.post(f"{address}/write", data={"go": "1"}) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {303, 409}
    told = {answer.headers["location"].partition("?")[2] for answer in answers if answer.status_code == 303}
    assert f"unit={UNIT}&added=2&changed=0&missed=0" in told
    assert await there(site, "phố Nháy") == ["1", "3"]
    acts = await site.store.all_docs(site.names.audit, startkey="audit:", endkey="audit;", include_docs=True)
    assert sum(row["doc"]["action"] == "imported" for row in acts) == 1, "only what was done"


async def test_an_import_waits_for_an_undo_that_is_under_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_plan(site.store, site.ward, await plan_of(site, "phố Cùng", "1"))
    plan, later = await plan_of(site, "phố Cùng", "1", "3"), []
    store, save = site.store, last._save

    async def meanwhile(store: Any, database: str, documents: list[Document]) -> set[str]:
        with pytest.raises(Busy):
            await write_plan(site.store, site.ward, plan)
        with pytest.raises(Busy):
            await write_plan(site.store, site.ward, await plan_of(site, "phố Cùng", "1", "3"))
        later.append(await undo(store, site.ward, UNIT, (await _record(site))["at"]))
        return await save(store, database, documents)

    with monkeypatch.context() as patch:
        patch.setattr(last, "_save", once(meanwhile, save))
        undone = await _undo(site)
    assert [(one.taken, one.stays) for one in (undone, *later) if one] == [(1, []), (1, [])], (
        "both tell the same"
    )
    await write_plan(store, site.ward, await plan_of(site, "phố Cùng", "1", "3"))
    assert await there(site, "phố Cùng") == ["1", "3"]


async def test_what_a_cut_import_brought_back_and_changed_is_undone_with_the_rest(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_plan(site.store, site.ward, await plan_of(site, "phố Cắt", "1", "3"))
    await _undo(site)
    await write_plan(site.store, site.ward, await plan_of(site, "phố Cắt", "5;2", "7;2"))
    rows = ("1", "3", "5;4", "7;4", "9")
    monkeypatch.setattr(last, "BATCH", 1)
    with monkeypatch.context() as patch:
        cut_after(site, patch, 4)  # one new, two back, one changed
        with pytest.raises(StoreUnavailable):
            await write_plan(site.store, site.ward, await plan_of(site, "phố Cắt", *rows), changes=True)
    assert await there(site, "phố Cắt") == ["1", "3", "5", "7", "9"]
    await write_plan(site.store, site.ward, await plan_of(site, "phố Cắt", *rows), changes=True)
    adults = {
        one["address"]["value"]["house"]: value_of(one, "adults") for one in await households(site, "phố Cắt")
    }
    assert (adults["5"], adults["7"]) == (4, 4)
    undone = await _undo(site)
    assert (undone.taken, undone.restored, undone.stays) == (3, 2, [])
    assert await there(site, "phố Cắt") == ["5", "7"]
    adults = {
        one["address"]["value"]["house"]: value_of(one, "adults") for one in await households(site, "phố Cắt")
    }
    assert (adults["5"], adults["7"]) == (2, 2)


async def test_an_undo_that_was_cut_short_says_in_the_end_what_it_took_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_plan(site.store, site.ward, await plan_of(site, "phố Gãy", "1", "3", "5"))
    monkeypatch.setattr(last, "BATCH", 1)
    with monkeypatch.context() as patch:
        cut_after(site, patch, 2)
        with pytest.raises(StoreUnavailable):
            await _undo(site)
    taken = [one for one in await households(site, "phố Gãy") if value_of(one, "gone")]
    assert len(taken) == 2
    await site.store.put(site.ward.unit(UNIT), {**visit(940), "household": taken[0]["_id"]})
    undone = await _undo(site)
    assert (undone.taken, [why for _, why in undone.stays]) == (2, ["visited"])
    assert await there(site, "phố Gãy") == [taken[0]["address"]["value"]["house"]]


async def test_a_door_that_was_taken_back_is_there_again_once_a_visit_arrives(site: Site) -> None:
    await write_plan(site.store, site.ward, await plan_of(site, "phố Muộn", "1", "3", "5", "7", "9"))
    await _undo(site)
    database, late = site.ward.unit(UNIT), Late(site.store, site.ward)
    doors = {one["address"]["value"]["house"]: one for one in await households(site, "phố Muộn")}
    await site.store.put(database, {**visit(950), "household": doors["1"]["_id"]})
    await late.look()
    assert await there(site, "phố Muộn") == ["1"]
    resident = {"_id": f"resident:{new_ulid()}", "type": "resident", "household": doors["3"]["_id"]}
    await site.store.put(database, resident)
    mark = {"value": True, "at": text_of(datetime.now(UTC)), "by": "person:hoa"}
    await site.store.put(database, amended(doors["5"], {"gone": mark}))
    await site.store.put(database, {**visit(951), "household": doors["5"]["_id"]})
    await late.look()
    assert await there(site, "phố Muộn") == ["1", "3"], "who was at the door knows best"
    await write_plan(site.store, site.ward, await plan_of(site, "phố Muộn", "11"))
    await site.store.put(database, {**visit(953), "household": doors["9"]["_id"]})
    await late.look()
    assert await there(site, "phố Muộn") == ["1", "11", "3", "9"], "also when another sheet came after it"
    await write_plan(site.store, site.ward, await plan_of(site, "phố Muộn", "7"))
    await _undo(site)
    await site.store.put(database, {**visit(952), "household": doors["7"]["_id"]})
    await late.look()
    assert await there(site, "phố Muộn") == ["1", "11", "3", "7", "9"]


async def test_a_unit_that_cannot_be_read_keeps_no_other_s_doors_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for unit in ("tdp-07", UNIT):
        await write_plan(site.store, site.ward, await plan_of(site, "phố Hỏng", "1", unit=unit))
        record = await find_last(site.store, site.ward, unit)
        assert record is not None
        assert await undo(site.store, site.ward, unit, record["at"]) is not None
    (door,) = await households(site, "phố Hỏng")
    await site.store.put(site.ward.unit(UNIT), {**visit(960), "household": door["_id"]})
    info = site.store.info

    async def answer(database: str) -> Document:
        if database == site.ward.unit("tdp-07"):
            raise Broken("damaged", status=500)
        return await info(database)

    monkeypatch.setattr(site.store, "info", answer)
    with pytest.raises(Broken):
        await Late(site.store, site.ward).look()
    assert await there(site, "phố Hỏng") == ["1"]


async def test_a_door_that_a_phone_set_right_meanwhile_is_there_again(site: Site) -> None:
    await write_plan(site.store, site.ward, await plan_of(site, "phố Sửa", "1", "3"))
    database, late = site.ward.unit(UNIT), Late(site.store, site.ward)
    old = {one["address"]["value"]["house"]: one for one in await households(site, "phố Sửa")}
    await _undo(site)
    await late.look()
    assert await there(site, "phố Sửa") == []
    edit = {"value": 4, "at": text_of(datetime.now(UTC)), "by": "person:hoa"}
    offline = child_of(old["1"], amended(old["1"], {"adults": edit}))
    await site.store.graft(database, [offline])
    await site.conflicts.settle(database)
    await late.look()
    assert await there(site, "phố Sửa") == ["1"]
    (document,) = [one for one in await households(site, "phố Sửa") if one["_id"] == old["1"]["_id"]]
    assert value_of(document, "adults") == 4


async def test_a_cut_import_of_a_clock_that_was_ahead_blocks_nobody(site: Site) -> None:
    await write_plan(site.store, site.ward, await plan_of(site, "phố Giờ", "1"))
    record = await _record(site)
    ahead = text_of(datetime.now(UTC) + timedelta(days=400))
    await site.store.put(site.names.imports, {**record, "state": "writing", "at": ahead})
    await write_plan(site.store, site.ward, await plan_of(site, "phố Giờ", "3"))
    assert await there(site, "phố Giờ") == ["1", "3"]


async def test_a_household_that_went_on_through_two_units_does_not_come_twice(site: Site) -> None:
    await write_plan(site.store, site.ward, await plan_of(site, "phố Chuyền", "1"))
    (household,) = await households(site, "phố Chuyền")
    await move(site.store, site.names, "09562", household["_id"], UNIT, "tdp-08")
    await move(site.store, site.names, "09562", household["_id"], "tdp-08", "tdp-07")
    plan = await plan_of(site, "phố Chuyền", "1")
    assert (plan.to_write, [(bad.code, bad.values) for bad in plan.bad]) == (
        0,
        [("moved", {"unit": "tdp-07"})],
    )


async def _record(site: Site) -> Document:
    found = await find_last(site.store, site.ward, UNIT)
    assert found is not None
    return found


async def _undo(site: Site) -> last.Undone:
    result = await undo(site.store, site.ward, UNIT, (await _record(site))["at"])
    assert result is not None
    return result
