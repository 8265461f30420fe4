"""The desk finds what was recorded twice, shows both, merges them; the figures count one door, one person."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from server.check import check
from server.site import Site
from sync.duplicates import pair_doors, words_of
from sync.store import Document
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
    assert again.status_code == 404
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
