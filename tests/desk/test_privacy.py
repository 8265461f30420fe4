"""Residents' requests from the look-up to the answer, and incidents with their clock."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import httpx
import pytest

from server.numbers import VIETNAM, vietnam_today
from server.privacy import HERE
from server.site import Site
from sync import requests
from sync.audited import Search, list_audit
from sync.clocks import text_of
from sync.conflicts import Conflicts
from sync.revisions import child_of
from sync.store import Document, StoreUnavailable
from sync.ulids import new_ulid
from tests.desk.conftest import SignIn
from tests.desk.test_confirming import age
from tests.desk.test_people import add, page_of, phone_of
from tests.sync import samples

pytestmark = pytest.mark.anyio
UNIT = "tdp-08"
PHONE = "0912345678"


class Ward:
    """A supervisor at the desk, and one resident of another unit's book."""

    def __init__(self, site: Site, client: httpx.AsyncClient) -> None:
        self.site = site
        self.client = client
        self.database = site.ward.unit(UNIT)

    async def settle(self, **changes: Any) -> Document:
        """A household with one named resident who was helped once; the name is its own each time."""
        self.name = f"Nguyễn Thị Mơ {new_ulid()[-6:]}"
        home = samples.household(unit=UNIT)
        consent = {"version": "2026-11", "at": samples.AT, "method": "spoken", "by": samples.HOA}
        identity = {"name": self.name, "phone": PHONE, "consent": consent}
        person = samples.resident(home["_id"], unit=UNIT, identity=samples.register(identity), **changes)
        visit = samples.helped(person["_id"], "Hẹn chị Mơ", unit=UNIT, household=home["_id"])
        for document in (home, person, visit):
            await self.site.store.put(self.database, {k: v for k, v in document.items() if k != "_rev"})
        self.visit = visit["_id"]
        return person

    async def take(self, kind: str, received: str = "") -> str:
        """The address of a new request."""
        form = {
            "kind": kind,
            "received": received or vietnam_today().isoformat(),
            "unit": "",
            "note": "qua điện thoại",
        }
        answer = await self.client.post(f"{HERE}/requests", data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def about(self, kind: str, person: Document) -> str:
        page = await self.take(kind)
        form = {"unit": UNIT, "resident": person["_id"]}
        assert (await self.client.post(f"{page}/choose", data=form)).status_code == 303
        return page

    async def stored(self, person: Document) -> Document:
        return await self.site.store.get(self.database, person["_id"])

    async def acts(self, subject: str) -> list[str]:
        today = vietnam_today()
        search = Search(ward="09562", first=today, last=today, subject=subject)
        found, _ = await list_audit(self.site.store, self.site.names.audit, search)
        return [one["action"] for one in reversed(found)]


@pytest.fixture
async def ward(site: Site, sign_in: SignIn) -> Ward:
    return Ward(site, await sign_in("supervisor"))


@pytest.mark.parametrize(("kind", "days"), [("view", 10), ("correct", 10), ("restrict", 15), ("delete", 20)])
async def test_a_request_is_due_after_the_days_of_its_kind(ward: Ward, kind: str, days: int) -> None:
    received = vietnam_today() - timedelta(days=2)
    page = await ward.client.get(await ward.take(kind, received.isoformat()))
    assert f"Hạn trả lời: {received + timedelta(days):%d/%m/%Y}" in page.text


async def test_a_late_request_is_said_to_be_late_on_its_page_the_list_and_the_dashboard(ward: Ward) -> None:
    page = await ward.take("view", (vietnam_today() - timedelta(days=13)).isoformat())
    for path in (page, HERE):
        assert "Quá hạn 3 ngày" in (await ward.client.get(path)).text, path
    assert "sắp đến hạn hoặc quá hạn: " in (await ward.client.get("/desk")).text


async def test_what_was_typed_survives_a_number_that_is_refused(ward: Ward) -> None:
    form = {
        "kind": "delete",
        "received": vietnam_today().isoformat(),
        "unit": UNIT,
        "note": "số 001203004567 đây",
    }
    answer = await ward.client.post(f"{HERE}/requests", data=form)
    assert answer.status_code == 400
    assert "12 chữ số" in answer.text
    assert "số 001203004567 đây</textarea>" in answer.text
    assert f'<option value="{UNIT}" selected>' in answer.text


async def test_a_resident_is_found_by_name_number_and_address_in_any_unit(ward: Ward) -> None:
    await ward.settle()
    page = await ward.take("view")
    plain = ward.name.replace("Nguyễn Thị Mơ", "nguyen thi mo")
    for query in (plain, f"12/4/3 {plain}", "0912 345 678", "+84 912.345.678"):
        hits = await ward.client.post(f"{page}/look-up", data={"query": query, "unit": ""})
        assert ward.name in hits.text, query
    for query in ("0912 345 679", f"{plain} ngách 99"):
        hits = await ward.client.post(f"{page}/look-up", data={"query": query, "unit": ""})
        assert "Không thấy ai trong sổ" in hits.text, query


async def test_everyone_shown_by_a_look_up_is_in_the_audit_before_and_without_it_nothing_is_shown(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await ward.settle()
    page = await ward.take("view")
    asked = {"query": ward.name, "unit": UNIT}
    assert ward.name in (await ward.client.post(f"{page}/look-up", data=asked)).text
    assert await ward.acts(person["_id"]) == ["resident-viewed"]

    async def broken(_: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(ward.site.audit, "write", broken)
    answer = await ward.client.post(f"{page}/look-up", data=asked)
    assert (answer.status_code, ward.name in answer.text) == (503, False)


async def test_the_extract_holds_everything_and_says_who_looked(ward: Ward) -> None:
    person = await ward.settle()
    page = await ward.about("view", person)
    text = (await ward.client.get(f"{page}/extract")).text
    for said in (
        ward.name,
        PHONE,
        "12/4/3, Ngõ 5",
        "Đồng ý bằng lời nói",
        "iHanoi",
        "Hẹn chị Mơ",
        "Bà, tầng 2",
    ):
        assert said in text, said
    assert "đã xem thông tin một người dân" in text
    assert "Người supervisor" in text
    table = await ward.client.get(f"{page}/extract.csv")
    assert table.text.startswith("\ufeff")
    rows = list(csv.reader(StringIO(table.text.removeprefix("\ufeff"))))
    assert ["Thông tin về người này", "Họ và tên", ward.name] in [row[:3] for row in rows]
    assert await ward.acts(person["_id"]) == ["resident-viewed", "resident-extracted"]


async def test_the_extract_can_be_read_by_programs_and_tells_of_nobody_else(ward: Ward) -> None:
    person = await ward.settle()
    page = await ward.about("view", person)
    answer = await ward.client.get(f"{page}/extract.json")
    assert answer.headers["content-disposition"].startswith("attachment")
    told = answer.json()
    assert (told["format"], told["version"], told["id"]) == ("go-tung-nha-extract", 1, person["_id"])
    assert told["resident"]["identity"]["value"]["name"] == ward.name
    assert told["visits"]
    assert all(help["service"] for visit in told["visits"] for help in visit["helps"])
    assert set(re.findall("resident:[0-9A-Z]{26}", answer.text)) == {person["_id"]}
    assert "device:" not in answer.text
    assert [one["action"] for one in told["looks"]] == ["resident-extracted"], "not in the log beforehand"
    await age(ward.site, ward.client, 16)
    assert (await ward.client.get(f"{page}/extract.json")).status_code == 403


async def test_the_extract_is_taken_away_only_after_the_password(ward: Ward) -> None:
    person = await ward.settle()
    page = await ward.about("view", person)
    await age(ward.site, ward.client, 16)
    answer = await ward.client.get(f"{page}/extract.csv")
    assert (answer.status_code, ward.name in answer.text) == (403, False)
    assert "resident-extracted" not in await ward.acts(person["_id"])


async def test_a_correction_wins_over_what_a_phone_changed_before(ward: Ward) -> None:
    person = await ward.settle()
    before = (await ward.site.store.leaves(ward.database, person["_id"]))[0]
    page = await ward.about("correct", person)
    form = {"label": "Bà Mơ", "band": "60-plus", "name": "Nguyễn Thị Mở", "phone": "0987 654 321"}
    assert (await ward.client.post(f"{page}/correct", data=form)).status_code == 303
    earlier = text_of(datetime.now(UTC) - timedelta(minutes=5))
    wrong = {
        **before,
        "identity": {**before["identity"], "at": earlier},
        "label": samples.register("Cô Sai", at=earlier),
    }
    wrong["identity"] = {**wrong["identity"], "value": {**before["identity"]["value"], "name": "Tên Sai"}}
    await ward.site.store.graft(ward.database, [child_of(before, wrong)])
    await Conflicts(ward.site.store, ward.site.names).settle(ward.database)
    after = await ward.stored(person)
    assert after["label"]["value"] == "Bà Mơ"
    assert after["identity"]["value"]["name"] == "Nguyễn Thị Mở"
    assert after["identity"]["value"]["phone"] == "0987654321"
    assert after["identity"]["value"]["consent"]["by"] == samples.HOA, "the consent is another one now"
    assert "resident-corrected" in await ward.acts(person["_id"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label": "Bà 001203004567"}, "12 chữ số"),
        ({"phone": "123"}, "Số điện thoại chưa đúng"),
        ({"label": " "}, "Xin ghi cách gọi"),
        ({"band": "under-16"}, "người đại diện"),
    ],
)
async def test_a_wrong_correction_is_told_and_nothing_is_changed(
    ward: Ward, change: dict[str, str], told: str
) -> None:
    person = await ward.settle()
    page = await ward.about("correct", person)
    before = await ward.stored(person)
    form = {"label": "Bà", "band": "60-plus", "name": "Tên Mới Gõ", "phone": PHONE, **change}
    answer = await ward.client.post(f"{page}/correct", data=form)
    assert answer.status_code == 400
    assert told in answer.text
    assert "Tên Mới Gõ" in answer.text, "what was typed is lost"
    assert await ward.stored(person) == before


async def test_withdrawing_the_consent_at_the_desk_leaves_no_name_in_any_revision(ward: Ward) -> None:
    person = await ward.settle()
    old = (await ward.stored(person))["_rev"]
    page = await ward.about("correct", person)
    form = {"label": "Bà", "band": "60-plus", "name": ward.name, "phone": PHONE, "withdraw": "yes"}
    assert (await ward.client.post(f"{page}/correct", data=form)).status_code == 303
    assert (await ward.stored(person))["identity"]["value"] == {}
    with pytest.raises(Exception, match=r"missing|not_found|Not Found"):
        await ward.site.store._ask("GET", [ward.database, person["_id"]], params={"rev": old})


async def test_a_restricted_resident_is_marked_and_can_be_let_go_again(ward: Ward) -> None:
    person = await ward.settle()
    page = await ward.about("restrict", person)
    assert (await ward.client.post(f"{page}/restrict")).status_code == 303
    assert (await ward.stored(person))["restricted"]["value"] is True
    assert "Đang tạm dừng" in (await ward.client.get(page)).text
    assert (await ward.client.post(f"{page}/lift")).status_code == 303
    assert (await ward.stored(person))["restricted"]["value"] is False
    assert (await ward.acts(person["_id"])).count("resident-restricted") == 2


async def test_erasing_asks_for_the_password_says_what_was_done_and_leaves_nothing(ward: Ward) -> None:
    person = await ward.settle()
    page = await ward.about("delete", person)
    await age(ward.site, ward.client, 16)
    assert (await ward.client.post(f"{page}/erase", data={"sure": "yes"})).status_code == 403
    assert await ward.stored(person)
    await age(ward.site, ward.client, 0)
    assert (await ward.client.post(f"{page}/erase", data={"sure": ""})).status_code == 400
    assert (await ward.client.post(f"{page}/erase", data={"sure": "yes"})).status_code == 303
    assert await ward.site.store.find(ward.database, person["_id"]) is None
    visit = await ward.site.store.get(ward.database, ward.visit)
    assert "Mơ" not in str(visit)
    text = (await ward.client.get(page)).text
    assert "xóa thông tin (1 lượt ghi" in text
    assert "không còn thông tin của người này" in text
    assert "qua điện thoại" not in text, "the note of the request outlives the resident"
    assert (await ward.client.get(f"{page}/extract")).status_code == 404
    assert "resident-erased" in await ward.acts(person["_id"])


async def test_a_closed_request_says_what_was_done_when_and_by_whom_and_opens_no_resident(ward: Ward) -> None:
    person = await ward.settle()
    page = await ward.about("view", person)
    assert (await ward.client.post(f"{page}/close", data={"answer": " "})).status_code == 400
    answer = {"answer": "Đã in và đưa tận tay."}
    assert (await ward.client.post(f"{page}/close", data=answer)).status_code == 303
    text = (await ward.client.get(page)).text
    assert "Đã in và đưa tận tay." in text
    assert re.search(rf"\d\d:\d\d {vietnam_today():%d/%m/%Y}, Người supervisor", text)
    assert ward.name not in text
    assert (await ward.client.get(f"{page}/extract")).status_code == 404
    assert "Đã giải quyết" in (await ward.client.get(HERE)).text


async def test_nobody_of_a_unit_reaches_requests(site: Site, sign_in: SignIn) -> None:
    for role in ("lead", "volunteer"):
        client = await sign_in(role)
        assert (await client.get(HERE)).status_code == 403


async def test_an_incident_counts_down_and_is_settled_by_a_report_or_a_reason(ward: Ward, site: Site) -> None:
    found = datetime.now(UTC) - timedelta(hours=70)
    form = {"discovered": f"{found.astimezone(VIETNAM):%Y-%m-%dT%H:%M}", "what": "Gửi nhầm tệp"}
    answer = await ward.client.post(f"{HERE}/incidents", data=form)
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"]
    assert "Còn 1 giờ" in (await ward.client.get(page)).text
    assert "còn phải báo trong 72 giờ" in (await ward.client.get("/desk")).text
    refused = await ward.client.post(
        f"{page}/change", data={"what": "Gửi nhầm", "settled": "needless", "reason": ""}
    )
    assert refused.status_code == 400
    assert "Xin ghi vì sao" in refused.text
    told = {"what": "Gửi nhầm tệp của tổ 8", "measures": "Đã thu hồi", "settled": "reported"}
    assert (await ward.client.post(f"{page}/change", data=told)).status_code == 303
    assert "Đã báo lúc" in (await ward.client.get(page)).text
    paper = (await ward.client.get(f"{page}/report")).text
    assert "Gửi nhầm tệp của tổ 8" in paper
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in paper


async def test_an_incident_that_nobody_reported_is_late_after_72_hours(ward: Ward, site: Site) -> None:
    made = await requests.open_incident(
        site.store,
        site.ward.privacy,
        discovered=datetime.now(UTC) - timedelta(hours=72, minutes=1),
        by="person:lan",
        subject="",
        what="Mất sổ",
    )
    page = f"{HERE}/incidents/{made['_id'].partition(':')[2]}"
    assert "Đã quá 72 giờ" in (await ward.client.get(page)).text


async def test_a_phone_reported_lost_by_a_lead_opens_one_incident_for_the_ward(
    ward: Ward, site: Site, sign_in: SignIn
) -> None:
    person = await add(site, "Người mất máy")
    device, _ = await phone_of(site, person)
    lead = await sign_in("lead")
    way = f"{page_of(person)}/devices/{device.removeprefix('device:')}/lost"
    for _ in range(2):
        assert (await lead.post(way)).status_code == 303
    told = await requests.list_all(site.store, site.ward.privacy, "incident")
    mine = [one for one in told if one["subject"] == device]
    assert len(mine) == 1
    assert requests.is_running(mine[0])
    assert "Mất một máy của Tổ dân phố 7." in (await ward.client.get(HERE)).text
    assert "incident-opened" in await ward.acts(mine[0]["_id"])
