"""Refused records at the desk: who may read them, what stands there, what is written down before."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from server.refused_record import ADVICE
from server.site import Site
from server.texts import LANGUAGES, texts
from sync import checks
from sync.audit import Act
from sync.refused import PAGE
from sync.store import NotFound, StoreUnavailable
from sync.units import prepare_ward
from tests.desk.conftest import PASSWORD, SignIn
from tests.desk.quarantine_records import HOSTILE, bringer, document, refuse, register, visit

pytestmark = pytest.mark.anyio
HELPS = [
    {"service": "ihanoi", "level": "installed", "age_band": "60-plus", "obstacle": "no-smartphone"},
    {"service": "no-such", "level": "x", "count": 3},
]


def words(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


@pytest.fixture(autouse=True)
async def emptied(site: Site) -> None:
    """The quarantine is empty before each test."""
    database = site.ward.quarantine
    for row in await site.store.all_docs(database, startkey="refused:", endkey="refused:\ufff0"):
        await site.store.delete(database, row["id"], row["value"]["rev"])


@pytest.fixture
async def phone(site: Site, sign_in: SignIn) -> str:
    """The id of a volunteer's phone that names itself with markup."""
    await sign_in("volunteer")
    person = await site.accounts.find_login("volunteer")
    assert person is not None
    device, _ = await site.accounts.enrol(person, HOSTILE)
    return device


async def audited(site: Site) -> list[dict[str, Any]]:
    rows = await site.store.all_docs(
        site.names.audit, startkey="audit:", endkey="audit:\ufff0", include_docs=True
    )
    return [row["doc"] for row in rows]


async def test_an_empty_quarantine_says_so_warmly(sign_in: SignIn) -> None:
    page = await (await sign_in("supervisor")).get("/desk/quarantine")
    assert page.status_code == 200
    assert "Mọi bản ghi các tổ gửi về đều đã được nhận hoặc đã xử lý" in page.text
    assert "<ol" not in page.text


@pytest.mark.parametrize("role", ["lead", "volunteer"])
async def test_people_of_a_unit_read_no_refused_records(
    site: Site, sign_in: SignIn, phone: str, role: str
) -> None:
    path = await refuse(site, visit(1), "malformed", bringer(phone))
    client = await sign_in(role)
    before = await audited(site)
    assert (await client.get("/desk/quarantine")).status_code == 403
    assert (await client.get(path)).status_code == 403
    assert await audited(site) == before
    if role == "lead":
        page = (await client.get("/desk/unit/tdp-07")).text
        assert "1 bản ghi bị từ chối" in page
        assert "/desk/quarantine" not in page


async def test_the_list_says_when_who_and_why_but_names_no_resident(
    site: Site, sign_in: SignIn, phone: str
) -> None:
    identity = register({"name": "Nguyễn Thị Bí Mật", "phone": "0912345678"})
    sent = document("resident", 2, label=register("Bà, tầng 2"), identity=identity)
    path = await refuse(site, sent, "no-consent", bringer(phone))
    await refuse(
        site, visit(3, note="điều riêng"), "id-number", bringer(phone, "tdp-08", "2026-05-01T02:03:09.000Z")
    )
    before = await audited(site)
    page = await (await sign_in("supervisor")).get("/desk/quarantine")
    text = words(page.text)
    assert "09:03 01/05/2026 ×" in text
    assert text.index("Tổ dân phố 8 · Người volunteer") < text.index("Tổ dân phố 7 · Người volunteer")
    assert "Có dãy 12 chữ số giống số căn cước" in text
    assert "chưa ghi nhận sự đồng ý" in text
    assert f'href="{path}"' in page.text
    for secret in ("Bí Mật", "0912345678", "tầng 2", "điều riêng", "resident:"):
        assert secret not in page.text
    assert await audited(site) == before, "a list that names no resident needs no entry"


async def test_the_list_of_one_unit_is_its_own_and_the_dashboard_leads_there(
    site: Site, sign_in: SignIn, phone: str
) -> None:
    await refuse(site, visit(1), "malformed", bringer(phone))
    await refuse(site, visit(2), "too-long", bringer(phone, "tdp-08"))
    client = await sign_in("supervisor")
    ward, unit = (await client.get("/desk")).text, (await client.get("/desk/unit/tdp-08")).text
    assert '<a href="/desk/quarantine">2 bản ghi' in ward
    assert '<a href="/desk/quarantine?unit=tdp-08">1 bản ghi' in unit
    page = (await client.get("/desk/quarantine?unit=tdp-08")).text
    assert "dài quá mức" in page
    assert "thiếu thông tin" not in page
    assert "Không có bản ghi nào" in (await client.get("/desk/quarantine?unit=tdp-09")).text
    assert (await client.get("/desk/quarantine?unit=%3Cb%3E")).status_code == 404
    assert (await client.get("/desk/quarantine?begin=x")).status_code == 400


@pytest.mark.parametrize("unit", ["", "&unit=tdp-07"])
async def test_every_record_is_on_exactly_one_page(
    site: Site, sign_in: SignIn, phone: str, unit: str
) -> None:
    paths = [await refuse(site, visit(number), "malformed", bringer(phone)) for number in range(PAGE + 7)]
    client = await sign_in("supervisor")
    first = (await client.get(f"/desk/quarantine?{unit}")).text
    found = re.search(r'href="([^"]*begin=[^"]*)"', first)
    assert found is not None, "older records are out of reach"
    second = (await client.get(unescape(found[1]))).text
    shown = re.findall(r'"(/desk/quarantine/[0-9a-f]{40})"', first + second)
    assert len(shown) == len(paths)
    assert set(shown) == set(paths)
    assert "begin=" not in second
    assert "Mới nhất" in second


async def test_a_visit_is_told_in_words(site: Site, sign_in: SignIn, phone: str) -> None:
    promise = {"on": "2026-05-09", "why": "mang thẻ theo"}
    path = await refuse(
        site,
        visit(1, helps=HELPS, note="Số 001099012345 của bà", follow_up=promise, obstacles=["other"]),
        "id-number",
        bringer(phone),
    )
    text = words((await (await sign_in("admin")).get(path)).text)
    for said in (
        "Lần gõ cửa bị từ chối",
        "Có dãy 12 chữ số giống số căn cước",
        "bỏ dãy số giống số căn cước rồi lưu",
        "Kết quả Gặp được",
        "Lúc 09:03 01/05/2026",
        "Bàn hỗ trợ",
        "iHanoi: Đã cài đặt · Từ 60 tuổi trở lên · Không có điện thoại thông minh",
        "no-such: x · 3 người",
        "09/05/2026 · mang thẻ theo",
        "Tổ dân phố 7",
        "Người volunteer",
        "nhật ký với tên Người admin",
    ):
        assert said in text, said
    assert "001099012345" not in text


async def test_a_household_and_a_person_are_told_in_words(site: Site, sign_in: SignIn, phone: str) -> None:
    address = register({"house": "12/4/3", "lane": "ngõ 5", "street": "Yên Lộ"})
    household = document("household", 1, address=address, kind=register("home"), adults=register(3))
    identity = register({"name": "Trần Văn Tư", "phone": "0987654321"})
    resident = document("resident", 2, label=register("Ông"), age_band=register("60-plus"), identity=identity)
    client = await sign_in("supervisor")
    told = words((await client.get(await refuse(site, household, "wrong-unit", bringer(phone)))).text)
    assert "Địa chỉ 12/4/3, ngõ 5, Yên Lộ" in told
    assert "Loại hộ Hộ gia đình" in told
    assert "Số người lớn 3" in told
    told = words((await client.get(await refuse(site, resident, "no-consent", bringer(phone)))).text)
    assert "Gọi là Ông" in told
    assert "Tên Trần Văn Tư Số điện thoại 0987654321 Sự đồng ý Chưa ghi nhận" in told


async def test_markup_in_a_record_or_a_label_is_text(site: Site, sign_in: SignIn, phone: str) -> None:
    hostile = visit(1, note=HOSTILE, outcome=HOSTILE, helps=[{"service": HOSTILE, "level": HOSTILE}])
    path = await refuse(site, hostile, "malformed", bringer(phone), detail=HOSTILE)
    strange = {**document("visit", 2), "type": HOSTILE, HOSTILE: HOSTILE}
    other = await refuse(site, strange, "unknown-type", bringer(phone))
    client = await sign_in("supervisor")
    for address in ("/desk/quarantine", path, other):
        page = await client.get(address)
        assert page.status_code == 200
        assert "<script>" not in page.text, address
        assert "<img" not in page.text, address
        assert "&lt;img" in page.text, address


@pytest.mark.parametrize(
    "sent",
    [
        {"record": 7, "household": []},
        {"record": {"value": {"helps": [None, 3, {"service": [], "count": True}], "obstacles": [{}]}}},
        {"record": {"value": {"at": "9999-12-31T23:59:59.999Z", "follow_up": {"on": "2026-02-31"}}}},
        {"record": {"value": {"note": "x" * 300_000, "helps": [{}] * 900, "outcome": 1e308}}},
        {"address": {"value": "x"}, "kind": {"value": ["home"]}, "type": "household"},
        {"label": None, "identity": {"value": {"name": {}, "phone": 912}}, "type": "resident"},
        {"type": ["visit"]},
    ],
)
async def test_a_record_of_any_shape_has_a_page(
    site: Site, sign_in: SignIn, phone: str, sent: dict[str, Any]
) -> None:
    path = await refuse(site, {**document("visit", 1), **sent}, "malformed", bringer(phone))
    page = await (await sign_in("supervisor")).get(path)
    assert page.status_code == 200
    assert "Vì sao bị từ chối" in page.text
    assert len(page.text) < 120_000


async def test_opening_is_written_down_before_the_answer(site: Site, sign_in: SignIn, phone: str) -> None:
    path = await refuse(site, visit(1, note="điều riêng"), "id-number", bringer(phone))
    before = {entry["_id"] for entry in await audited(site)}
    assert (await (await sign_in("supervisor")).get(path)).status_code == 200
    (entry,) = [entry for entry in await audited(site) if entry["_id"] not in before]
    assert entry["by"] == "person:supervisor"
    assert (entry["role"], entry["unit"], entry["ward"]) == ("supervisor", "tdp-07", "09562")
    assert (entry["action"], entry["subject"]) == (
        "refused-record-opened",
        path.replace("/desk/quarantine/", "refused:"),
    )
    assert "riêng" not in str(entry)


async def test_what_cannot_be_written_down_is_not_shown(
    site: Site, sign_in: SignIn, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await refuse(site, visit(1, note="điều riêng"), "id-number", bringer(phone))
    client = await sign_in("supervisor")

    async def fail(act: Act) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(site.audit, "write", fail)
    page = await client.get(path)
    assert page.status_code == 503
    assert "riêng" not in page.text
    assert page.headers["retry-after"]


async def test_a_record_that_is_not_there_is_not_found_and_not_written_down(
    site: Site, sign_in: SignIn, phone: str
) -> None:
    await prepare_ward(site.store, site.names, "00004")
    elsewhere = await refuse(site, visit(1), "malformed", bringer(phone), ward="00004")
    client = await sign_in("supervisor")
    before = await audited(site)
    for path in (elsewhere, f"/desk/quarantine/{'0' * 40}", "/desk/quarantine/_design%2Frefused"):
        assert (await client.get(path)).status_code == 404, path
    assert "Lần gõ cửa" not in (await client.get("/desk/quarantine")).text
    assert await audited(site) == before


async def test_a_supervisor_of_another_ward_reads_that_wards_records_only(
    site: Site, sign_in: SignIn, phone: str
) -> None:
    await prepare_ward(site.store, site.names, "00004")
    here = await refuse(site, visit(3), "malformed", bringer(phone))
    there = await refuse(site, visit(4), "malformed", bringer(phone), ward="00004")
    if await site.accounts.find_login("other-ward") is None:
        await site.accounts.add_person(
            login="other-ward",
            name="Người khác",
            role="supervisor",
            ward="00004",
            unit=None,
            password=PASSWORD,
        )
    client = await sign_in("other-ward")
    assert (await client.get(there)).status_code == 200
    assert (await client.get(here)).status_code == 404


async def test_every_refusal_has_advice_in_both_languages() -> None:
    assert set(checks.CODES) <= set(ADVICE)
    for language in LANGUAGES:
        for advice in {*ADVICE.values(), "other"}:
            assert f"quarantine.do.{advice}" in texts().keys(language)


async def test_the_lists_views_hold_nothing_of_what_was_said(site: Site, phone: str) -> None:
    await refuse(site, visit(1, note="điều riêng"), "id-number", bringer(phone))
    rows = await site.store.view(site.ward.quarantine, "refused", "listed", reduce=False)
    assert len(rows) == 4
    for row in rows:
        assert set(row["value"]) == {"unit", "by", "device", "code", "kind", "outcome"}
    with pytest.raises(NotFound):
        await site.store.view(site.ward.quarantine, "refused", "no-such")
