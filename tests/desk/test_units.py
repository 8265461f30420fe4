"""Units as the administrator manages them: added whole, renamed without loss, closed when empty."""

from __future__ import annotations

from datetime import date

import pytest

from server.board import read_units
from server.desk import catalog_of
from server.progress import Period
from server.site import Site
from server.units import make_code
from tests.desk.conftest import SignIn
from tests.desk.test_people import add, audited, page_of


async def put_unit(site: Site, code: str, name: str) -> None:
    from server.units import Typed

    if code not in site.catalog.units:
        await site.units.add(Typed(name=name, code=code))


@pytest.mark.anyio
async def test_adding_makes_the_database_shut_to_all_but_its_own(sign_in: SignIn, site: Site) -> None:
    admin = await sign_in("admin")
    answer = await admin.post("/desk/units", data={"name": "Tổ dân phố số 41", "kind": "team"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/units/tdp-41")
    database = site.ward.unit("tdp-41")
    security = await site.store._ask("GET", [database, "_security"])
    assert security["members"]["roles"] == ["w09562-tdp-41"]
    assert await site.store.get(database, "_design/guard")
    assert "unit:tdp-41" in await audited(site, "unit-added")
    person = await add(site, "Người tổ mới", unit="tdp-41")
    assert (await admin.get(page_of(person))).status_code == 200
    assert b"tdp-41" in site.catalog._published[0].plain, "phones are told of the unit"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "  "}, "Tên còn trống"),
        ({"name": "x" * 121}, "Tên còn trống, quá dài"),
        ({"name": "Tổ 001162012345"}, "giống số căn cước"),
        ({"name": "TỔ DÂN PHỐ  7", "code": "khac"}, "Đã có một tổ"),
        ({"name": "Tổ nào đó", "code": "tdp-07"}, "Mã này đã có"),
        ({"name": "Tổ nào đó", "code": "../accounts"}, "Mã này không dùng được"),
        ({"name": "Tổ nào đó", "code": "catalog"}, "Mã này không dùng được"),
        ({"name": "Tổ nào đó", "code": "tdp-07-photos"}, "Mã này không dùng được"),
        ({"name": "Tổ nào đó", "code": "x" * 33}, "Mã này không dùng được"),
        ({"name": "Tổ nào đó", "kind": "navy"}, "Không có loại này"),
    ],
)
@pytest.mark.anyio
async def test_what_cannot_be_a_unit_comes_back_as_it_was_typed(
    form: dict[str, str], said: str, sign_in: SignIn, site: Site
) -> None:
    admin, before = await sign_in("admin"), set(await site.store.databases())
    answer = await admin.post("/desk/units", data={"kind": "team", **form})
    assert answer.status_code == 400
    assert said in answer.text
    assert f'value="{form["name"]}"' in answer.text
    assert set(await site.store.databases()) == before, "nothing is made by halves"


@pytest.mark.anyio
async def test_a_renamed_unit_keeps_its_figures_and_is_found_by_its_former_name(
    sign_in: SignIn, site: Site, visits: list[object]
) -> None:
    admin, period = await sign_in("admin"), {"period": "custom", "from": "2026-05-01", "to": "2026-05-01"}
    before = await site.store.get(site.ward.rollup, "rollup:tdp-07")
    answer = await admin.post("/desk/units/tdp-07/name", data={"name": "Tổ dân phố Hoàng Hoa"})
    assert answer.status_code == 303
    try:
        assert "Tổ dân phố Hoàng Hoa" in (await admin.get("/desk", params=period)).text
        assert await site.store.get(site.ward.rollup, "rollup:tdp-07") == before
        page = (await admin.get("/desk/units", params={"q": "to dan pho 7"})).text
        assert "Tổ dân phố Hoàng Hoa" in page
        assert "trước đây: Tổ dân phố 7" in page
        own = (await admin.get("/desk/units/tdp-07")).text
        assert "Tên cũ" in own
        assert "unit:tdp-07" in await audited(site, "unit-renamed")
    finally:
        await admin.post("/desk/units/tdp-07/name", data={"name": "Tổ dân phố 7", "name_en": "Group 7"})
    names = [former.name.vi for former in site.catalog.units["tdp-07"].past]
    assert names == ["Tổ dân phố 7", "Tổ dân phố Hoàng Hoa"]


@pytest.mark.anyio
async def test_saving_the_same_name_changes_and_audits_nothing(sign_in: SignIn, site: Site) -> None:
    await put_unit(site, "giu-ten", "Tổ giữ tên")
    admin = await sign_in("admin")
    await admin.post("/desk/units/giu-ten/name", data={"name": "Tổ giữ tên"})
    assert site.catalog.units["giu-ten"].past == []
    assert "unit:giu-ten" not in await audited(site, "unit-renamed")


@pytest.mark.anyio
async def test_a_unit_closes_only_when_nobody_is_left_in_it(sign_in: SignIn, site: Site) -> None:
    await put_unit(site, "se-dong", "Tổ sẽ đóng")
    person = await add(site, "Người Còn Lại", unit="se-dong")
    admin = await sign_in("admin")
    refused = await admin.post("/desk/units/se-dong/close", data={})
    assert refused.status_code == 400
    assert "vẫn còn người" in refused.text
    assert site.catalog.units["se-dong"].closed is None
    await admin.post(page_of(person) + "/end", data={})
    assert (await admin.post("/desk/units/se-dong/close", data={})).status_code == 303
    assert "unit:se-dong" in await audited(site, "unit-closed")

    form = {"name": "Một Người Mới", "role": "volunteer", "unit": "se-dong"}
    assert (await admin.post("/desk/people", data=form)).status_code == 400
    assert (await admin.post(page_of(person) + "/restore", data={})).status_code == 409
    assert 'value="se-dong"' not in (await admin.get("/desk/people")).text

    assert (await admin.post("/desk/units/se-dong/reopen", data={})).status_code == 303
    assert (await admin.post(page_of(person) + "/restore", data={})).status_code == 303


@pytest.mark.anyio
async def test_a_closed_unit_stays_in_the_figures_of_the_periods_before(sign_in: SignIn, site: Site) -> None:
    await put_unit(site, "da-dong", "Tổ đã đóng hẳn")
    admin = await sign_in("admin")
    await admin.post("/desk/units/da-dong/close", data={})
    unit = next(one for one in read_units(catalog_of(site), "vi") if one.code == "da-dong")
    assert unit.closed is not None
    day = date.fromisoformat(unit.closed)
    assert unit.was_open(Period(day, day))
    assert not unit.was_open(Period(date(day.year + 1, 1, 1), date(day.year + 1, 1, 2)))
    before = {"period": "custom", "from": "2026-05-01", "to": "2026-05-01"}
    assert "Tổ đã đóng hẳn" in (await admin.get("/desk", params=before)).text
    assert "Tổ đã đóng hẳn" in (await admin.get("/desk/units", params={"q": "da dong"})).text


@pytest.mark.parametrize("role", ["volunteer", "lead", "supervisor"])
@pytest.mark.anyio
async def test_units_are_the_administrators_alone(role: str, sign_in: SignIn) -> None:
    client = await sign_in(role)
    assert (await client.get("/desk/units")).status_code == 403
    assert (await client.post("/desk/units/tdp-07/close", data={})).status_code == 403


@pytest.mark.anyio
async def test_adding_wants_the_password_again_after_a_while(sign_in: SignIn, site: Site) -> None:
    admin = await sign_in("admin")
    for row in await site.store.view(site.names.accounts, "people", "devices", key="person:admin"):
        await site.accounts.change(row["id"], lambda one: {**one, "confirmed": "2020-01-01T00:00:00.000Z"})
    answer = await admin.post("/desk/units", data={"name": "Tổ chưa chắc", "kind": "team"})
    assert answer.status_code == 403
    assert "confirm-password" in answer.text
    assert "Tổ chưa chắc" in answer.text, "what was typed travels along"
    assert "to-chua-chac" not in site.catalog.units


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Tổ dân phố 7", "tdp-07"),
        ("Tổ dân phố số 12", "tdp-12"),
        ("Hội Cựu chiến binh", "hoi-cuu-chien-binh"),
        ("Đoàn Thanh niên (phường)", "doan-thanh-nien-phuong"),
        ("Trường Tiểu học Đại Từ cơ sở thứ hai", "truong-tieu-hoc-dai-tu-co-so-thu"),
    ],
)
def test_a_code_is_made_from_the_name(name: str, code: str) -> None:
    assert make_code(name) == code
