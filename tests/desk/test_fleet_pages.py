"""The units' phones on the desk: who needs help, first; "—" for what is not known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.fleet import FULL, NEEDS, VERSION, find_needs, read_fleet
from server.fleet_pages import PAGE, say_bytes, say_clock
from server.site import Site
from server.texts import texts
from sync.clocks import text_of
from tests.desk.conftest import SignIn
from tests.desk.test_desk import words

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
ACTIVE = {"role": "volunteer", "active": True}
FINE = {"at": text_of(NOW), "waiting": 0, "refused": 0, "app": VERSION, "offset": 0.4, "persisted": True}


def ago(**time: float) -> str:
    return text_of(NOW - timedelta(**time))


@pytest.mark.parametrize(
    ("report", "needs"),
    [
        ({}, []),
        ({"waiting": 5, "waiting_since": ago(days=2)}, []),
        ({"waiting": 5, "waiting_since": ago(days=4)}, ["waiting"]),
        ({"waiting": 0, "waiting_since": ago(days=4)}, []),
        ({"at": ago(days=4), "waiting": 5}, ["waiting"]),
        ({"at": ago(days=8)}, ["silent"]),
        ({"last_error": "timeout"}, []),
        ({"last_error": "storage-full"}, ["failing"]),
        ({"refused": 1}, ["refused"]),
        ({"offset": 599.0}, []),
        ({"offset": -601.0}, ["clock"]),
        ({"storage_left": FULL - 1}, ["storage"]),
        ({"storage_left": FULL}, []),
        ({"persisted": False}, ["unpersisted"]),
        ({"app": "0.0.1"}, ["version"]),
        (dict.fromkeys(("waiting", "refused", "offset", "storage_left", "persisted", "app")), []),
    ],
)
def test_what_a_phone_needs(report: dict[str, Any], needs: list[str]) -> None:
    assert find_needs({**FINE, **report}, NOW, ended=False, newest=True) == needs


def test_the_worst_comes_first_and_old_phones_of_someone_with_a_new_one_are_not_missed() -> None:
    accounts: list[dict[str, Any]] = [
        {
            "_id": f"person:{n}",
            "type": "person",
            "ward": "w",
            "unit": "u",
            "role": "volunteer",
            "active": True,
        }
        | {"name": f"Bà {n}"}
        for n in range(5)
    ]
    reports: list[dict[str, Any]] = [
        {"persisted": False},
        {"offset": 900.0},
        {"waiting": 1, "waiting_since": ago(days=5)},
        {},
    ]
    devices: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        (f"person:{n}", report, {}) for n, report in enumerate(reports)
    ]
    devices += [
        ("person:3", {"at": ago(days=30)}, {}),
        ("person:4", {"waiting": 2}, {"revoked": True}),
        ("person:4", {}, {"revoked": True}),
        ("person:4", {"waiting": 9}, {"lost": True, "revoked": True}),
    ]
    for n, (person, report, more) in enumerate(devices):
        device = {"_id": f"device:{n}", "type": "device", "person": person, "expires": text_of(NOW), **more}
        accounts.append({**device, "expires": "2027-01-01T00:00:00.000Z", "report": {**FINE, **report}})
    fleet = read_fleet(accounts, "w", NOW)
    shown = [(phone.name, phone.needs) for phone in fleet]
    assert shown == [
        ("Bà 2", ("waiting",)),
        ("Bà 4", ("ended",)),
        ("Bà 1", ("clock",)),
        ("Bà 0", ("unpersisted",)),
        ("Bà 3", ()),
        ("Bà 3", ()),
    ]
    assert read_fleet(accounts, "another", NOW) == []
    assert read_fleet(accounts, "w", NOW, "v") == []


def test_the_app_has_the_version_of_the_server() -> None:
    package = Path(__file__).parents[2] / "pwa" / "package.json"
    assert json.loads(package.read_text())["version"] == VERSION


def test_measures_are_said_in_words() -> None:
    t = texts().within("vi")
    assert [say_clock(t, one) for one in (None, 59.0, 61.0, -7300.0, 3 * 86400.0)] == [
        *(None, "Đúng", "Chậm 1 phút", "Nhanh 2 giờ", "Chậm 3 ngày")
    ]
    assert [say_bytes(one, "vi") for one in (None, 0, 49_999_999, 1.29e9, 2e9, 64.9e9)] == [
        *(None, "0 MB", "49 MB", "1,2 GB", "2 GB", "64 GB")
    ]


async def add_phone(site: Site, name: str, unit: str, **report: Any) -> None:
    login = "".join(filter(str.isalnum, name.lower().encode("ascii", "ignore").decode())) + unit
    person = await site.accounts.add_person(
        login=login, name=name, role="volunteer", ward="09562", unit=unit, password=None
    )
    device, _ = await site.accounts.enrol(person, "Android")
    now = text_of(datetime.now(UTC))
    await site.reports.keep(device, {"at": now, "app": VERSION, "offset": 0.1, **report})


async def test_the_page_shows_who_needs_help_and_whose_phone_it_is(sign_in: SignIn, site: Site) -> None:
    admin = await sign_in("supervisor")
    assert "Chưa có máy nào liên lạc" in words((await admin.get("/desk/devices")).text)
    await add_phone(site, "Trần Thị Bình", "tdp-07")
    long_ago = text_of(datetime.now(UTC) - timedelta(days=4))
    await add_phone(site, "Lê Văn Chậm", "tdp-08", at=long_ago, waiting=3, storage_left=12e6, persisted=False)
    page = words((await admin.get("/desk/devices")).text)
    assert "2 máy, 1 máy cần giúp" in page
    assert page.index("Lê Văn Chậm") < page.index("Trần Thị Bình")
    assert "Bản ghi chờ đã quá 3 ngày" in page
    assert "Còn trống cho ứng dụng 12 MB" in page
    assert "Còn trống cho ứng dụng —" in page
    assert "Bản ghi chờ gửi —" in page, "unknown is not nothing"
    helped = words((await admin.get("/desk/devices?need=help")).text)
    assert "Lê Văn Chậm" in helped
    assert "Trần Thị Bình" not in helped
    assert "Trần Thị Bình" in words((await admin.get("/desk/devices?q=binh")).text)
    assert "Không có máy nào như thế" in words((await admin.get("/desk/devices?q=xyz")).text)
    assert "1 máy có bản ghi chờ quá 3 ngày" in words((await admin.get("/desk")).text)
    for need in NEEDS:
        assert (await admin.get(f"/desk/devices?need={need}")).status_code == 200
    for wrong in ("need=x", "page=x", "page=-1"):
        assert (await admin.get(f"/desk/devices?{wrong}")).status_code == 400
    assert (await admin.get("/desk/devices?unit=no-such")).status_code == 404


async def test_a_lead_sees_the_own_unit_alone(sign_in: SignIn) -> None:
    lead = await sign_in("lead")
    page = words((await lead.get("/desk/devices")).text)
    assert "Trần Thị Bình" in page
    assert "Lê Văn Chậm" not in page
    assert (await lead.get("/desk/devices?unit=tdp-08")).status_code == 404
    assert "bản ghi chờ quá 3 ngày" not in words((await lead.get("/desk/unit/tdp-07")).text)


async def test_a_large_fleet_comes_in_pages(sign_in: SignIn, site: Site) -> None:
    for n in range(PAGE + 1):
        await add_phone(site, f"Nguyễn Văn {n}", "tdp-09")
    admin = await sign_in("supervisor")
    first = (await admin.get("/desk/devices?unit=tdp-09")).text
    second = (await admin.get("/desk/devices?unit=tdp-09&page=2")).text
    assert "Trang 1 trong 2" in first
    assert first.count("<h3>") == PAGE
    assert second.count("<h3>") == 1
    assert (await admin.get("/desk/devices?unit=tdp-09&page=999")).text.count("<h3>") == 1
