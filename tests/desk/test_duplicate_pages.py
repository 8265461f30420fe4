"""The desk finds what was recorded twice, shows both, merges them; the figures count one door, one person."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from server.check import check
from server.importing.last import undo
from server.importing.plan import OFFICE
from server.site import Site
from sync.clocks import text_of
from sync.duplicates import pair_doors, words_of
from sync.merge import MergeError
from sync.store import Document
from sync.twins import claim, is_gone, release
from sync.twins_after import settle
from sync.ulids import new_ulid
from tests.desk.conftest import SignIn
from tests.sync.samples import helped, household, register, resident

pytestmark = pytest.mark.anyio
HERE = "/desk/duplicates"
UNIT = "tdp-07"


def door(house: str, lane: str = "Ngõ 5", **changes: Any) -> Document:
    return household(address=register({"house": house, "lane": lane}), **changes)


@pytest.fixture
async def pair(site: Site) -> list[Document]:
    """Two households at one address, the same person in each, helped in both."""
    made: list[Document] = []
    for house in ("Số 712/4", "712 / 04"):
        home = door(house, adults=register(2))
        person = resident(home["_id"], name="Nguyễn Thị Thử Nghiệm")
        made += [home, person, helped(person["_id"], household=home["_id"])]
    made[3]["created"]["at"] = "2026-05-01T05:00:00.000Z"
    await site.store.graft(site.ward.unit(UNIT), made)
    return made


def links(page: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(rf'href="({HERE}/pair[^"]+)"', page)]


async def press(
    client: httpx.AsyncClient, way: str, one: Document, other: Document, **more: str
) -> httpx.Response:
    data = {"unit": UNIT, "a": one["_id"], "b": other["_id"], **more}
    return await client.post(f"{HERE}/{way}", data=data)


async def test_a_lead_merges_a_household_and_then_who_lives_there(
    site: Site, sign_in: SignIn, pair: list[Document]
) -> None:
    lead, (home, person, first, twin, other, second) = await sign_in("lead"), pair
    rollup, database = site.rollup, site.ward.unit(UNIT)
    await rollup.refresh(database)
    before = await site.store.find(site.ward.rollup, f"rollup:{UNIT}") or {}
    page = (await lead.get(HERE)).text
    assert "712/4" in page
    assert "Nguyễn Thị" not in page, "the list names someone"
    [link] = [one for one in links(page) if home["_id"] in one]
    shown = (await lead.get(link)).text
    assert "712 / 04" in shown
    assert f'value="{home["_id"]}" required checked' in shown, "the older one is not proposed"
    answer = await press(lead, "merge", twin, home, kept=home["_id"])
    assert answer.headers["location"] == f"{HERE}?unit={UNIT}&done=merged"
    again = await press(lead, "merge", twin, home, kept=home["_id"])
    back = await lead.get(link)
    for seen_again in (again, back):
        assert seen_again.headers["location"] == answer.headers["location"], "it is done, not lost"
    stranger = {**home, "_id": f"household:{new_ulid()}"}
    assert (await press(lead, "merge", stranger, home, kept=home["_id"])).status_code == 404
    page = (await lead.get(f"{HERE}?unit={UNIT}&done=merged")).text
    [link] = [one for one in links(page) if person["_id"] in one]
    shown = (await lead.get(link)).text
    assert "Nguyễn Thị Thử Nghiệm" in shown
    seen = await site.store.all_docs(site.names.audit, include_docs=True)
    views = {row["doc"]["subject"] for row in seen if row["doc"].get("action") == "resident-viewed"}
    assert {person["_id"], other["_id"]} <= views
    await press(lead, "merge", person, other, kept=person["_id"])
    await rollup.refresh(database)
    after = await site.store.find(site.ward.rollup, f"rollup:{UNIT}") or {}
    assert after["households"] == before["households"] - 1
    assert after["residents"] == before["residents"] - 1
    day, was = after["days"]["2026-05-01"], before["days"]["2026-05-01"]
    assert day["acts"] == was["acts"]
    assert day["doors"] == was["doors"]
    assert day["new_doors"] == was["new_doors"] - 1
    assert day["new_people"] == was["new_people"] - 1
    assert [one for one in await check(site) if UNIT in str(one)] == []
    assert (await site.store.get(database, second["_id"]))["household"] == home["_id"]
    assert (await site.store.get(database, first["_id"]))["household"] == home["_id"]
    for lost in (other, twin):
        assert lost["_id"] in (await lead.get(HERE)).text
        answer = await lead.post(f"{HERE}/undo", data={"unit": UNIT, "lost": lost["_id"]})
        assert answer.headers["location"] == f"{HERE}?unit={UNIT}&done=undone"
        twice = await lead.post(f"{HERE}/undo", data={"unit": UNIT, "lost": lost["_id"]})
        assert (twice.status_code, twice.headers["location"]) == (303, f"{HERE}?unit={UNIT}&done=")
    await rollup.refresh(database)
    undone = await site.store.find(site.ward.rollup, f"rollup:{UNIT}") or {}
    assert undone["days"] == before["days"]
    assert (undone["households"], undone["residents"]) == (before["households"], before["residents"])
    assert [one for one in await check(site) if UNIT in str(one)] == []


async def test_a_pair_that_is_two_does_not_come_back(site: Site, sign_in: SignIn) -> None:
    desk = await sign_in("supervisor")
    one, other = door("913"), door("913")
    await site.store.graft(site.ward.unit(UNIT), [one, other])
    assert one["_id"] in (await desk.get(f"{HERE}?unit={UNIT}")).text
    await press(desk, "apart", other, one)
    assert one["_id"] not in (await desk.get(f"{HERE}?unit={UNIT}")).text


async def test_a_lead_reaches_no_other_unit(site: Site, sign_in: SignIn) -> None:
    lead = await sign_in("lead")
    one, other = door("914", unit="tdp-08"), door("914", unit="tdp-08")
    await site.store.graft(site.ward.unit("tdp-08"), [one, other])
    assert (await lead.get(f"{HERE}?unit=tdp-08")).status_code == 404
    data = {"unit": "tdp-08", "a": one["_id"], "b": other["_id"], "kept": one["_id"]}
    for way in ("merge", "apart"):
        assert (await lead.post(f"{HERE}/{way}", data=data)).status_code == 404
    mine = {**data, "unit": UNIT}
    assert (await lead.post(f"{HERE}/merge", data=mine)).status_code == 404
    assert await site.store.find(site.ward.unit("tdp-08"), other["_id"]) is not None


async def test_which_addresses_are_one() -> None:
    same = [("Số 12/4", "ngõ 05"), ("12 / 4", "Ngõ 5"), ("12-4", "NGÕ 5")]
    assert len({words_of({"house": house, "lane": lane}) for house, lane in same}) == 1
    pairs = pair_doors([door("12/4"), door("4/12"), door("12/4", "Ngõ 5, đường Bờ Mương"), door("12/5")])
    assert [pair.why for pair in pairs] == ["part"]
    crowd = [door("1", f"Ngõ Hoa {chr(97 + at % 26)}{chr(97 + at // 26)}") for at in range(3000)]
    assert pair_doors([*crowd, door("1", "Ngõ Hoa aa")])[0].why == "address"


async def test_who_asked_to_be_left_alone_is_shown_to_no_lead(site: Site, sign_in: SignIn) -> None:
    lead, home = await sign_in("lead"), door("915")
    left_alone = resident(home["_id"], name="Trần Thị Kín Đáo", restricted=register(True))
    left_alone["identity"]["value"]["phone"] = "0912345678"
    left_alone["label"] = register("Bà giáo Kín")
    other = resident(home["_id"], name="Lê Thị Khác")
    await site.store.graft(site.ward.unit(UNIT), [home, left_alone, other])
    pair = {"unit": UNIT, "a": left_alone["_id"], "b": other["_id"]}
    page = (await lead.get(f"{HERE}/pair", params=pair)).text
    assert "Lê Thị Khác" in page
    for said in ("Kín", "0912345678"):
        assert said not in page
    assert (await press(lead, "merge", other, left_alone, kept=other["_id"])).status_code == 409


async def test_an_import_that_is_undone_leaves_a_door_that_took_another_in(
    site: Site, sign_in: SignIn
) -> None:
    lead, database = await sign_in("lead"), site.ward.unit(UNIT)
    at = text_of(datetime.now(UTC))
    back = door("916", gone={"value": False, "at": at, "by": OFFICE})
    other = door("916", adults=register(4))
    await site.store.graft(database, [back, other])
    await press(lead, "merge", other, back, kept=back["_id"])
    record: Document = {"type": "import", "at": at, "by": "", "name": "", "state": "done"}
    record |= {"new": [], "back": [back["_id"]], "changed": {}}
    await site.store.update(site.names.imports, f"import:09562:{UNIT}", lambda _: record)
    undone = await undo(site.store, site.ward, UNIT, at)
    assert undone is not None
    assert undone.taken == 0
    assert not is_gone(await site.store.get(database, back["_id"])), "the other one's door is gone with it"


async def test_what_cannot_be_merged_keeps_nobody_waiting(site: Site, sign_in: SignIn) -> None:
    lead, one, other = await sign_in("lead"), door("917"), door("917")
    twice = {**one, "_rev": f"1-{'b' * 32}", "created": {**one["created"], "at": "2026-05-01T07:00:00.000Z"}}
    await site.store.graft(site.ward.unit(UNIT), [one, other, twice])
    assert (await press(lead, "merge", one, other, kept=other["_id"])).status_code == 409
    assert not (await site.store.find(site.ward.privacy, "twins") or {}).get("open")
    wish = {"do": "merge", "lost": one["_id"], "kept": other["_id"], "unit": UNIT, "by": "", "at": "2026"}
    await claim(site.store, site.names, "09562", wish)  # as one that was begun before
    third, fourth = door("918"), door("918")
    await site.store.graft(site.ward.unit(UNIT), [third, fourth])
    await claim(site.store, site.names, "09562", {**wish, "lost": third["_id"], "kept": fourth["_id"]})
    with pytest.raises(MergeError):
        await settle(site.store, site.names, "09562")
    assert await site.store.find(site.ward.unit(UNIT), third["_id"]) is None
    await release(site.store, site.names, "09562", one["_id"], "2026")
