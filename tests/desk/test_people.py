"""People, as a lead and the ward manage them: who sees whom, and that an ending counts at once."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from server.access import Viewer
from server.errors import Problem
from server.people import change_person, may_manage, set_active
from server.site import Site
from tests.desk.conftest import SignIn

HELLO = {"clock": "2026-05-01T01:00:00.000Z"}


async def add(site: Site, name: str, role: str = "volunteer", unit: str | None = "tdp-07") -> dict[str, Any]:
    from server.people import add_person

    return await add_person(site.accounts, name=name, role=role, ward="09562", unit=unit)


def viewer_of(id: str) -> Viewer:
    """An administrator of the ward."""
    return Viewer(
        id=id, name="A", login="a", role="admin", ward="09562", unit=None, device="device:1", language="vi"
    )


def page_of(person: dict[str, Any]) -> str:
    return f"/desk/people/{person['_id'].removeprefix('person:')}"


async def audited(site: Site, action: str) -> list[str]:
    rows = await site.store.all_docs(
        site.names.audit, startkey="audit:", endkey="audit:\ufff0", include_docs=True
    )
    return [str(row["doc"]["subject"]) for row in rows if row["doc"].get("action") == action]


@pytest.mark.anyio
async def test_a_lead_sees_the_own_unit_alone(sign_in: SignIn, site: Site) -> None:
    own, other = await add(site, "Nguyễn Văn Sáu"), await add(site, "Trần Thị Tám", unit="tdp-08")
    lead = await sign_in("lead")
    page = (await lead.get("/desk/people")).text
    assert "Nguyễn Văn Sáu" in page
    assert "Trần Thị Tám" not in page
    assert (await lead.get(page_of(own))).status_code == 200
    for path in ("", "/end", "/invitations"):
        answer = await (lead.get(page_of(other)) if not path else lead.post(page_of(other) + path, data={}))
        assert answer.status_code == 404, path


@pytest.mark.anyio
async def test_a_search_folds_the_marks_of_names(sign_in: SignIn, site: Site) -> None:
    await add(site, "Đỗ Thị Hoà")
    supervisor = await sign_in("supervisor")
    page = (await supervisor.get("/desk/people", params={"q": "do hoa"})).text
    assert "Đỗ Thị Hoà" in page
    assert "Không có ai khớp" in (await supervisor.get("/desk/people", params={"q": "zzz"})).text


@pytest.mark.anyio
async def test_adding_makes_a_login_from_the_name_and_a_number_for_the_second(
    sign_in: SignIn, site: Site
) -> None:
    supervisor = await sign_in("supervisor")
    form = {"name": "Nguyễn Thị  Hoa", "role": "volunteer", "unit": "tdp-07"}
    places = [(await supervisor.post("/desk/people", data=form)).headers["location"] for _ in range(2)]
    assert places == ["/desk/people/nguyen-thi-hoa", "/desk/people/nguyen-thi-hoa2"]
    person = await site.accounts.find_login("nguyen.thi.hoa")
    assert person is not None
    assert (person["name"], person["password"]) == ("Nguyễn Thị Hoa", None)
    assert "person:nguyen-thi-hoa" in await audited(site, "person-added")


@pytest.mark.parametrize(
    ("by", "form", "status"),
    [
        ("lead", {"name": "Một Người", "role": "lead"}, 403),
        ("lead", {"name": "Một Người", "role": "admin"}, 403),
        ("supervisor", {"name": "Một Người", "role": "supervisor"}, 403),
        ("supervisor", {"name": "Một Người", "role": "nobody", "unit": "tdp-07"}, 403),
        ("supervisor", {"name": "Một Người", "role": "volunteer", "unit": "nowhere"}, 400),
        ("supervisor", {"name": "  ", "role": "volunteer", "unit": "tdp-07"}, 400),
        ("supervisor", {"name": "Hoa 001162012345", "role": "volunteer", "unit": "tdp-07"}, 400),
        ("volunteer", {"name": "Một Người", "role": "volunteer"}, 403),
    ],
)
@pytest.mark.anyio
async def test_nobody_adds_what_is_not_theirs_to_give(
    by: str, form: dict[str, str], status: int, sign_in: SignIn
) -> None:
    client = await sign_in(by)
    assert (await client.post("/desk/people", data=form)).status_code == status


@pytest.mark.anyio
async def test_an_invitation_shows_a_code_that_works_and_is_audited(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Lê Văn Mời")
    lead = await sign_in("lead")
    page = (await lead.post(page_of(person) + "/invitations")).text
    found = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", page)
    assert found is not None
    code = found[0]
    assert f"/app/#/moi/{code.replace('-', '')}" in page
    assert "<svg" in page
    assert "style=" not in page, "the policy forbids inline styles"
    answer = await lead.post("/api/invitation", json={"code": code})
    assert answer.json()["name"] == "Lê Văn Mời"
    invitation = (await site.invitations.of(person["_id"]))[0]
    assert invitation["_id"] in await audited(site, "invited")
    hash = invitation["_id"].removeprefix("invitation:")
    await lead.post(f"{page_of(person)}/invitations/{hash}/revoke")
    refused = await lead.post("/api/invitation", json={"code": code})
    assert refused.json()["error"] == "invitation-revoked"


@pytest.mark.anyio
async def test_a_page_with_codes_that_is_loaded_again_leads_back(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Lý Thị Tải Lại")
    lead = await sign_in("lead")
    again = await lead.get(page_of(person) + "/invitations")
    assert (again.status_code, again.headers["location"]) == (303, page_of(person))
    sheet = await lead.get("/desk/people/invitations")
    assert (sheet.status_code, sheet.headers["location"]) == (303, "/desk/people")
    other = await add(site, "Lý Thị Tổ Khác", unit="tdp-08")
    assert (await lead.get(page_of(other) + "/invitations")).status_code == 404


@pytest.mark.anyio
async def test_a_lead_corrects_a_name_but_gives_no_role(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Nguyễn Văn Viết Nhầm")
    lead = await sign_in("lead")
    assert f'action="{page_of(person)}/name"' in (await lead.get(page_of(person))).text
    assert (await lead.post(page_of(person) + "/name", data={"name": "Nguyễn Văn Đúng"})).status_code == 303
    stored = await site.store.get(site.names.accounts, person["_id"])
    assert (stored["name"], stored["role"], stored["unit"]) == ("Nguyễn Văn Đúng", "volunteer", "tdp-07")
    assert person["_id"] in await audited(site, "person-changed")
    form = {"name": person["name"], "role": "reporter", "unit": "tdp-07"}
    assert (await lead.post(page_of(person), data=form)).status_code == 403
    other = await add(site, "Người Tổ Tám", unit="tdp-08")
    assert (await lead.post(page_of(other) + "/name", data={"name": "Khác"})).status_code == 404


@pytest.mark.anyio
async def test_an_invitation_of_a_former_unit_is_shown_as_ended(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Hồ Thị Chuyển")
    supervisor = await sign_in("supervisor")
    await supervisor.post(page_of(person) + "/invitations")
    assert "dùng được đến" in (await supervisor.get(page_of(person))).text
    await supervisor.post(
        page_of(person), data={"name": person["name"], "role": "volunteer", "unit": "tdp-08"}
    )
    page = (await supervisor.get(page_of(person))).text
    assert "đã thu lại" in page
    assert "dùng được đến" not in page


@pytest.mark.anyio
async def test_a_sheet_invites_everyone_of_the_unit_who_is_active(sign_in: SignIn, site: Site) -> None:
    one = await add(site, "Phạm Văn Tờ", unit="tdp-08")
    gone = await add(site, "Phạm Văn Nghỉ", unit="tdp-08")
    await site.accounts.change(gone["_id"], lambda stored: {**stored, "active": False})
    supervisor = await sign_in("supervisor")
    sheet = (await supervisor.post("/desk/people/invitations", data={"unit": "tdp-08"})).text
    assert one["name"] in sheet
    assert gone["name"] not in sheet


async def phone_of(site: Site, person: dict[str, Any]) -> tuple[str, dict[str, str]]:
    device, value = await site.accounts.enrol(person, "phone")
    return device, {"cookie": f"gtn-device={value}"}


@pytest.mark.anyio
async def test_ending_someone_counts_with_the_next_request_also_of_replication(
    sign_in: SignIn, site: Site
) -> None:
    person = await add(site, "Vũ Thị Cuối")
    lead = await sign_in("lead")
    _, cookie = await phone_of(site, person)
    async with httpx.AsyncClient(transport=lead._transport, base_url="http://localhost") as phone:
        assert (await phone.post("/api/hello", json=HELLO, headers=cookie)).status_code == 200
        assert (await phone.get("/sync/w09562-tdp-07", headers=cookie)).status_code == 200
        assert (await lead.post(page_of(person) + "/end")).status_code == 303
        told = await phone.post("/api/hello", json=HELLO, headers=cookie)
        assert (told.status_code, told.json()["error"]) == (401, "access-ended")
        assert (await phone.get("/sync/w09562-tdp-07", headers=cookie)).status_code == 401
        await lead.post(page_of(person) + "/restore")
        assert (await phone.post("/api/hello", json=HELLO, headers=cookie)).status_code == 200


@pytest.mark.parametrize(("way", "code"), [("revoke", "device-revoked"), ("lost", "device-lost")])
@pytest.mark.anyio
async def test_a_device_ends_from_the_desk(way: str, code: str, sign_in: SignIn, site: Site) -> None:
    person = await add(site, f"Người có máy {way}")
    lead = await sign_in("lead")
    device, cookie = await phone_of(site, person)
    ulid = device.removeprefix("device:")
    card = await site.cards.of(person["_id"])
    assert (await lead.post(f"{page_of(person)}/devices/{ulid}/{way}")).status_code == 303
    assert (await site.cards.of(person["_id"]))["secret"] != card["secret"], "its card would still be right"
    told = await lead.post("/api/hello", json=HELLO, headers=cookie)
    assert told.json()["error"] == code
    page = await lead.get(page_of(person))
    assert ("đã báo mất" if way == "lost" else "đã ngừng") in page.text
    other = await add(site, f"Người khác {way}")
    assert (await lead.post(f"{page_of(other)}/devices/{ulid}/{way}")).status_code == 404


@pytest.mark.anyio
async def test_a_new_role_counts_with_the_next_request_and_the_old_one_is_remembered(
    sign_in: SignIn, site: Site
) -> None:
    person = await add(site, "Bùi Văn Lên")
    supervisor = await sign_in("supervisor")
    _, cookie = await phone_of(site, person)
    form = {"name": person["name"], "role": "lead", "unit": "tdp-08"}
    assert (await supervisor.post(page_of(person), data=form)).status_code == 303
    told = (await supervisor.post("/api/hello", json=HELLO, headers=cookie)).json()
    assert (told["person"]["role"], told["unit"]["code"]) == ("lead", "tdp-08")
    stored = await site.store.get(site.names.accounts, person["_id"])
    assert (stored["past"][0]["role"], stored["past"][0]["unit"]) == ("volunteer", "tdp-07")
    assert person["_id"] in await audited(site, "role-changed")


@pytest.mark.anyio
async def test_nobody_ends_themselves_nor_the_last_administrator(sign_in: SignIn, site: Site) -> None:
    admin = await sign_in("admin")
    assert (await admin.post("/desk/people/admin/end")).status_code == 403
    form = {"name": "Người admin", "role": "supervisor", "unit": "tdp-07"}
    assert (await admin.post("/desk/people/admin", data=form)).status_code == 403
    form["role"] = "volunteer"
    assert (await admin.post("/desk/people/admin", data=form)).status_code == 403
    assert "person:admin" not in await audited(site, "role-changed"), (
        "what was refused is in the audit as done"
    )
    other = await add(site, "Quản Trị Hai", role="admin", unit=None)
    assert (await admin.post(page_of(other) + "/end")).status_code == 303
    last = await site.store.get(site.names.accounts, "person:admin")
    for act in (
        lambda: set_active(site.accounts, viewer_of("person:other"), last, False),
        lambda: change_person(site.accounts, viewer_of("person:other"), last, role="supervisor"),
    ):
        with pytest.raises(Problem, match="last-admin"):
            await act()


def test_a_person_of_another_ward_is_nobodys() -> None:
    who = viewer_of("person:a")
    person = {"type": "person", "ward": "00004", "unit": None, "role": "volunteer"}
    assert not may_manage(who, person)
    assert may_manage(who, {**person, "ward": "09562"})


@pytest.mark.anyio
async def test_the_log_of_a_persons_page_does_not_name_them(
    sign_in: SignIn, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    person = await add(site, "Người Kín Tiếng")
    supervisor = await sign_in("supervisor")
    assert (await supervisor.get(page_of(person))).status_code == 200
    printed = capsys.readouterr()
    assert "/desk/people/{slug}" in printed.out + printed.err
    assert "kin-tieng" not in printed.out + printed.err


@pytest.mark.anyio
async def test_whoever_moves_someone_is_told_first_that_their_phone_has_records_to_send(
    sign_in: SignIn, site: Site
) -> None:
    person = await add(site, "Người Còn Bản Ghi")
    device, _ = await site.accounts.enrol(person, "phone")
    report = {"at": "2026-05-01T01:00:00.000Z", "clock": "2026-05-01T01:00:00.000Z", "waiting": 3}
    await site.reports.keep(device, report)
    admin = await sign_in("admin")
    assert "báo còn 3 bản ghi chưa gửi" in (await admin.get(page_of(person))).text
    moved = {"name": person["name"], "role": "volunteer", "unit": "tdp-08"}
    assert (await admin.post(page_of(person), data=moved)).status_code == 303
    await site.reports.keep(device, {**report, "at": "2026-05-01T02:00:00.000Z", "waiting": 0})
    assert "báo còn" not in (await admin.get(page_of(person))).text
