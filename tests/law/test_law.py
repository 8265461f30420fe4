"""The law's requirements on personal data, each a test named after it; docs/law.md says where the others are.

Everything goes the way it goes for real: phones write through the gateway, the ward acts at the desk.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from server import retention
from server.numbers import VIETNAM, vietnam_today
from server.site import Site
from sync import documents, id_numbers, withdrawing
from sync.erasing import settle
from sync.requests import DAYS
from sync.retention import find_due
from sync.store import BadAnswer, Document, Store
from tests.desk.conftest import SignIn
from tests.desk.test_people import add, page_of, phone_of
from tests.sync import pictures, samples

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
WARD, UNIT = "09562", "tdp-07"
ME = "person:volunteer"
NAME = "Nguyễn Thị Mơ"
HERE = "/desk/privacy"


class Book:
    """A volunteer's phone at the gateway, a supervisor's browser at the desk, and the store itself."""

    def __init__(self, site: Site, phone: httpx.AsyncClient, desk: httpx.AsyncClient) -> None:
        self.site = site
        self.phone = phone
        self.desk = desk
        self.database = site.ward.unit(UNIT)

    async def push(self, *documents: Document, unit: str = UNIT) -> list[dict[str, str]]:
        """What was refused, as the gateway tells the phone."""
        body = {"docs": list(documents), "new_edits": False}
        answer = await self.phone.post(f"/sync/w{WARD}-{unit}/_bulk_docs", json=body)
        assert answer.status_code == 201, answer.text
        refused: list[dict[str, str]] = answer.json()
        return refused

    async def refusal(self, document: Document) -> str:
        """The code of the one refusal, "" when it was taken; a refused one is nowhere in the unit's book."""
        refused = await self.push(document)
        held = await self.site.store.find(self.database, document["_id"])
        assert (held is None) is bool(refused), "refused and stored at once, or neither"
        return refused[0]["code"] if refused else ""

    async def bodies(self, id: str, *revs: str) -> str:
        """All that replication gives of these revisions."""
        asked = {"docs": [{"id": id, "rev": rev} for rev in revs]}
        given = await self.phone.post(f"/sync/w{WARD}-{UNIT}/_bulk_get?revs=true", json=asked)
        changes = await self.phone.get(f"/sync/w{WARD}-{UNIT}/_changes?include_docs=true&style=all_docs")
        return given.text + changes.text

    async def request(self, kind: str, person: Document) -> str:
        """The address of a request of this kind about this resident."""
        form = {"kind": kind, "received": vietnam_today().isoformat(), "unit": UNIT, "note": ""}
        page = (await self.desk.post(f"{HERE}/requests", data=form)).headers["location"]
        await self.desk.post(f"{page}/choose", data={"unit": UNIT, "resident": person["_id"]})
        return str(page)


@pytest.fixture
async def book(site: Site, sign_in: SignIn) -> Book:
    return Book(site, await sign_in("volunteer"), await sign_in("supervisor"))


def resident(**changes: Any) -> Document:
    return samples.resident(by=ME, **changes)


def consent(**changes: Any) -> dict[str, Any]:
    return {"version": "2026-11", "at": samples.AT, "method": "spoken", "by": ME, **changes}


def named(name: str = NAME, **changes: Any) -> Document:
    return resident(identity=samples.register({"name": name, "consent": consent()}, ME), **changes)


@pytest.mark.parametrize("missing", ["version", "at", "method", "by", "all of it"])
async def test_L1_no_named_resident_is_taken_without_a_whole_consent(book: Book, missing: str) -> None:
    given = {name: value for name, value in consent().items() if name != missing}
    value = {"name": NAME, **({} if missing == "all of it" else {"consent": given})}
    code = "no-consent" if missing == "all of it" else "malformed"
    assert await book.refusal(resident(identity=samples.register(value, ME))) == code
    assert await book.refusal(named()) == "", "with a whole consent the name is kept"


async def test_L1_who_refuses_is_counted_without_a_name(book: Book) -> None:
    assert await book.refusal(samples.visit(by=ME)) == ""
    assert await book.refusal(resident()) == "", "a label alone needs no consent"


async def test_L1_nothing_is_agreed_to_before_someone_chooses_it() -> None:
    form = (ROOT / "pwa" / "src" / "screens" / "PersonForm.tsx").read_text(encoding="utf-8")
    assert re.search(r"identity: Boolean\(identity\?\.consent\)", form), "a new person begins with a consent"


async def test_L1_a_consent_withdrawn_on_a_phone_takes_the_name_out_of_every_revision(book: Book) -> None:
    person = named("Lê Thị Rút")
    assert await book.push(person) == []
    assert "Lê Thị Rút" in await book.bodies(person["_id"], person["_rev"])
    later = samples.register({}, ME, "2026-05-02T02:00:00.000Z")
    bare = samples.child(person, identity=later)
    assert await book.push(bare) == []
    assert "Lê Thị Rút" not in await book.bodies(person["_id"], person["_rev"], bare["_rev"])
    assert (await book.site.store.get(book.database, person["_id"]))["identity"]["value"] == {}


@pytest.mark.parametrize("where", ["phone", "desk"])
async def test_L1_a_consent_withdrawn_takes_the_name_out_of_notes_and_labels_too(
    book: Book, where: str
) -> None:
    name = f"Đỗ Thị Rút {'Máy' if where == 'phone' else 'Bàn'}"
    person = named(name)
    noted = samples.helped(person["_id"], f"Bác {name} cần cài lại, 2 cụ", ME)
    neighbour = resident(label=samples.register(f"Chồng {name}", ME))
    assert await book.push(person, noted, neighbour) == []
    page = await book.request("correct", person)
    if where == "phone":
        later = samples.register({}, ME, "2026-05-02T02:00:00.000Z")
        assert await book.push(samples.child(person, identity=later)) == []
    else:
        form = {"label": "Bà, tầng 2", "band": "60-plus", "name": "", "phone": "", "withdraw": "yes"}
        assert (await book.desk.post(f"{page}/correct", data=form)).status_code == 303
    kept = await book.site.store.get(book.database, noted["_id"])
    assert kept["record"]["value"]["helps"] == noted["record"]["value"]["helps"], "a figure changed"
    revs = [(one["_id"], one["_rev"]) for one in (person, noted, neighbour)]
    assert name not in "".join([await book.bodies(*one) for one in revs])
    late = samples.visit(by=ME)
    late["record"]["value"]["note"] = f"Gặp {name} ở chợ"
    assert await book.push(late) == []
    assert name not in str(await book.site.store.get(book.database, late["_id"])), "brought by a phone later"


async def test_L1_a_withdrawal_that_was_cut_short_is_finished_later(
    book: Book, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = named("Đỗ Thị Dở Dang")
    noted = samples.helped(person["_id"], "Bác Đỗ Thị Dở Dang", ME)
    assert await book.push(person, noted) == []

    async def fail(self: Store, database: str) -> None:
        raise BadAnswer("compaction failed")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "compact", fail)
        later = samples.register({}, ME, "2026-05-02T02:00:00.000Z")
        assert await book.push(samples.child(person, identity=later)) == [], "the withdrawal was not taken"
    assert await withdrawing.settle(site.store, site.names) == 1
    for one in (person, noted):
        assert "Dở Dang" not in await book.bodies(one["_id"], one["_rev"])
    assert await withdrawing.settle(site.store, site.names) == 0


async def test_L1_whoever_consents_again_is_named_again(book: Book, site: Site) -> None:
    person = named("Đỗ Thị Trở Lại")
    bare = samples.child(person, identity=samples.register({}, ME, "2026-05-02T02:00:00.000Z"))
    value = {"name": "Đỗ Thị Trở Lại", "consent": consent()}
    again = samples.child(bare, identity=samples.register(value, ME, "2026-05-03T02:00:00.000Z"))
    for one in (person, bare, again):
        assert await book.push(one) == []
    assert (await site.store.get(book.database, person["_id"]))["identity"]["value"] == value


async def test_L1_the_consent_refers_to_the_notice_that_everyone_may_read(book: Book) -> None:
    book.phone.headers.pop("cookie")
    page = await book.phone.get("/thong-bao")
    current = next(one for one in book.site.catalog.content.consents if one.current)
    assert page.status_code == 200
    assert f"Bản thông báo {current.key}" in page.text
    assert all(part.text.vi in page.text for part in current.notice)
    phones = (await book.phone.get(book.site.catalog.address)).json()["consents"]
    told = next(one for one in phones if one.get("current"))["notice"]
    assert [part["text"]["vi"] for part in told] == [part.text.vi for part in current.notice]


PERSONAL = {
    "Resident": {"household", "label", "age_band", "identity", "gone", "restricted"},
    "Identity": {"name", "phone", "consent"},
    "Consent": {"version", "at", "method", "by"},
    "Household": {"address", "kind", "adults", "tags", "assigned_to", "order", "gone"},
    "Address": {"house", "lane", "street", "building", "unit_text"},
    "Visit": {"household", "record"},
    "VisitRecord": {"at", "outcome", "helps", "follow_up", "note", "obstacles", "withdrawn"},
    "Help": {"service", "level", "person", "age_band", "count", "detail", "obstacle", "referral"},
}
"""All fields that may hold something about a person; a new one is a decision of the ward's, not only code."""
EVERYWHERE = {"id", "rev", "revisions", "schema", "created", "unit", "history"}


@pytest.mark.parametrize("kind", PERSONAL)
async def test_L3_documents_have_the_listed_fields_and_no_other(kind: str) -> None:
    fields = {field.name for field in msgspec.structs.fields(getattr(documents, kind))}
    assert fields - EVERYWHERE == PERSONAL[kind]


@pytest.mark.parametrize("field", ["birthday", "ethnicity", "occupation", "email"])
async def test_L3_the_gateway_takes_no_other_field_about_a_person(book: Book, field: str) -> None:
    assert await book.refusal(resident(**{field: samples.register("x", ME)})) == "malformed"
    more = {"name": NAME, "consent": consent(), field: "x"}
    assert await book.refusal(resident(identity=samples.register(more, ME))) == "malformed"


@pytest.mark.parametrize("field", ["photo", "password", "otp", "illness", "position", "citizen_id"])
async def test_L4_what_must_never_be_kept_has_no_field(book: Book, field: str) -> None:
    assert await book.refusal(resident(**{field: samples.register("x", ME)})) == "malformed"
    visit = samples.visit(by=ME)
    visit["record"]["value"][field] = "x"
    assert await book.refusal(visit) == "malformed"


async def test_L4_no_page_may_ask_for_the_position_or_the_camera_and_the_phone_does_not(book: Book) -> None:
    for path in ("/app/", "/desk", "/thong-bao"):
        policy = (await book.desk.get(path)).headers["permissions-policy"]
        assert "geolocation=()" in policy, path
    for source in (ROOT / "pwa" / "src").rglob("*.ts*"):
        text = source.read_text(encoding="utf-8")
        assert not re.search(r"\bgeolocation\b|getCurrentPosition|watchPosition", text), source.name


@pytest.mark.parametrize("place", ["label", "name", "note", "why"])
async def test_L5_a_12_digit_number_is_refused_and_masked_wherever_it_stands(book: Book, place: str) -> None:
    number = "001 203 004567"
    if place == "label":
        document = resident(label=samples.register(f"Bà {number}", ME))
    elif place == "name":
        document = resident(identity=samples.register({"name": f"Mơ {number}", "consent": consent()}, ME))
    else:
        document = samples.visit(by=ME)
        said = {"note": number} if place == "note" else {"follow_up": {"on": "2026-05-08", "why": number}}
        document["record"]["value"].update(said)
    assert await book.refusal(document) == "id-number"
    rows = await book.site.store.all_docs(book.site.ward.quarantine, include_docs=True)
    kept = [row["doc"] for row in rows if row["doc"].get("id") == document["_id"]]
    assert kept
    assert "004567" not in json.dumps(kept)


async def test_L5_a_file_code_of_12_digits_is_taken_and_9_digits_are_only_warned_of(book: Book) -> None:
    visit = samples.visit(by=ME, note="Hồ sơ 123456789")
    visit["record"]["value"]["helps"][0]["detail"] = "000203004567"
    assert await book.refusal(visit) == ""
    assert id_numbers.judge("Hồ sơ 123456789") == "warn"


@pytest.mark.parametrize(("kind", "days"), [("view", 10), ("correct", 10), ("restrict", 15), ("delete", 20)])
async def test_L6_each_kind_of_request_stands_in_the_queue_until_its_day(
    book: Book, kind: str, days: int
) -> None:
    person = named()
    await book.push(person)
    page = await book.request(kind, person)
    due = f"{vietnam_today() + timedelta(days):%d/%m/%Y}"
    listed = (await book.desk.get(HERE)).text
    row = re.search(rf'href="{page}".*?</li>', listed, re.S)
    assert row is not None
    assert due in row[0]
    await book.desk.post(f"{page}/close", data={"answer": "Đã trả lời."})
    row = re.search(rf'href="{page}".*?</li>', (await book.desk.get(HERE)).text, re.S)
    assert row is not None
    assert "Đã giải quyết" in row[0]
    assert dict(DAYS) == {"view": 10, "correct": 10, "restrict": 15, "delete": 20}


async def test_L6_a_phone_changes_nothing_of_a_restricted_resident_and_cannot_lift_it(book: Book) -> None:
    person = named()
    await book.push(person)
    page = await book.request("restrict", person)
    assert (await book.desk.post(f"{page}/restrict")).status_code == 303
    marked = await book.site.store.get(book.database, person["_id"])
    later = text_of_now()
    for change in (
        {"label": samples.register("Bà Mơ", ME, later)},
        {"restricted": samples.register(False, ME, later)},
    ):
        refused = await book.push(samples.child(marked, **change))
        assert [one["code"] for one in refused] == ["restricted"]
    assert await book.site.store.get(book.database, person["_id"]) == marked


async def test_L6_no_visit_newly_names_a_restricted_resident_and_none_is_lost(book: Book, site: Site) -> None:
    person = named()
    before = samples.helped(person["_id"], by=ME)
    await book.push(person, before)
    page = await book.request("restrict", person)
    assert (await book.desk.post(f"{page}/restrict")).status_code == 303
    late = samples.helped(person["_id"], "ghi khi chưa biết", ME)
    other = samples.visit(by=ME)
    refused = await book.push(late, other)
    assert [(one["id"], one["code"]) for one in refused] == [(late["_id"], "person-restricted")]
    assert "tạm dừng sử dụng" in refused[0]["reason"]
    kept = [
        one
        async for page_ in site.store.pages(site.ward.quarantine, startkey="refused:")
        for one in page_
        if one.get("id") == late["_id"]
    ]
    assert [one["document"]["record"] for one in kept] == [late["record"]], "lost"
    assert await site.store.find(book.database, other["_id"]), "another visit of the batch is held back"
    withdrawn = {**before["record"]["value"], "withdrawn": True}
    record = samples.register(withdrawn, ME, "2026-05-02T02:00:00.000Z")
    assert await book.push(samples.child(before, record=record)) == [], "what was there may be amended"
    assert (await book.desk.post(f"{page}/lift")).status_code == 303
    assert await book.push(samples.helped(person["_id"], by=ME)) == []


async def test_L7_what_was_deleted_is_gone_and_neither_a_phone_nor_a_backup_brings_it_back(
    book: Book,
) -> None:
    person = named("Lê Thị Xóa")
    older = samples.child(person, label=samples.register("Bà", ME, "2026-05-02T02:00:00.000Z"))
    assert await book.push(person) == []
    assert await book.push(older) == []
    page = await book.request("delete", person)
    assert (await book.desk.post(f"{page}/erase", data={"sure": "yes"})).status_code == 303
    ends = await book.site.store.open_revisions(book.database, person["_id"])
    assert all(end.keys() == {"_id", "_rev", "_deleted"} for end in ends), "a tombstone says something"
    assert "Lê Thị Xóa" not in await book.bodies(person["_id"], person["_rev"], older["_rev"])
    late = samples.child(older, label=samples.register("Cụ", ME, "2026-05-03T02:00:00.000Z"))
    assert [one["code"] for one in await book.push(late)] == ["erased"]
    restored = {name: value for name, value in older.items() if name not in ("_rev", "_revisions")}
    rev = next(end["_rev"] for end in ends)
    await book.site.store.put(book.database, {**restored, "_rev": rev})
    assert await settle(book.site.store, book.site.names) >= 1
    assert await book.site.store.find(book.database, person["_id"]) is None
    assert "Lê Thị Xóa" not in await book.bodies(person["_id"], person["_rev"], older["_rev"], late["_rev"])


async def test_L8_when_its_time_is_over_the_name_goes_and_the_figures_stay(book: Book, site: Site) -> None:
    person = named("Lê Thị Hết Hạn")
    visit = samples.helped(person["_id"], "Hẹn Lê Thị Hết Hạn", by=ME)
    assert await book.push(person, visit) == []
    terms = retention.terms_of(site)
    last = max([*(term.last + timedelta(term.keep_days) for term in terms.campaigns), date(2026, 5, 1)])
    kept = await find_due(site.store, site.names, WARD, UNIT, terms, date(2026, 5, 2))
    assert person["_id"] not in kept.residents, "gone before its time"
    await retention.apply(site, last + timedelta(terms.otherwise + 1))
    assert await site.store.find(book.database, person["_id"]) is None
    left = await site.store.get(book.database, visit["_id"])
    assert left["record"]["value"]["helps"] == visit["record"]["value"]["helps"], "a figure has changed"
    revs = (person["_rev"], visit["_rev"])
    assert "Hết Hạn" not in await book.bodies(person["_id"], *revs) + await book.bodies(visit["_id"], *revs)


async def test_L9_a_lost_phone_is_shut_out_at_once_and_the_72_hours_begin(book: Book, site: Site) -> None:
    person = await add(site, "Người mất máy")
    device, cookie = await phone_of(site, person)
    way = f"{page_of(person)}/devices/{device.removeprefix('device:')}/lost"
    assert (await book.desk.post(way)).status_code == 303
    for path in ("/api/hello", f"/sync/w{WARD}-{UNIT}/_bulk_docs"):
        answer = await book.phone.post(path, json={"docs": []}, headers=cookie)
        assert (answer.status_code, answer.json()["error"]) == (401, "device-lost"), path
    page = (await book.desk.get(HERE)).text
    assert "Mất một máy của Tổ dân phố 7." in page
    assert re.search(r"Còn 7[12] giờ để báo", page)


async def test_L9_the_clock_runs_from_the_discovery_and_is_on_the_dashboard(book: Book) -> None:
    found = f"{(datetime.now(UTC) - timedelta(hours=50)).astimezone(VIETNAM):%Y-%m-%dT%H:%M}"
    form = {"discovered": found, "what": "Gửi nhầm danh sách"}
    page = (await book.desk.post(f"{HERE}/incidents", data=form)).headers["location"]
    assert "Còn 21 giờ" in (await book.desk.get(page)).text
    assert "còn phải báo trong 72 giờ" in (await book.desk.get("/desk")).text


async def test_L11_no_page_may_load_or_send_anything_beyond_its_own_origin(book: Book) -> None:
    for path in ("/app/", "/desk", HERE, "/thong-bao", "/kiem-tra", "/sign-in"):
        answer = await book.desk.get(path)
        policy = dict(
            part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] in ("'self'", "'none'"), path
        for name, allowed in policy.items():
            beyond = set(allowed.split()) - {"'self'", "'none'", "data:", "blob:", "'report-sample'"}
            assert not beyond, (path, name)
        assert not re.findall(r"""(?:src|action)=["']?https?://""", answer.text), path


async def test_L12_under_16_the_name_needs_the_representatives_consent(book: Book) -> None:
    child = samples.register("under-16", ME)
    own = named(age_band=child)
    assert await book.refusal(own) == "no-consent"
    given = {"name": NAME, "consent": consent(method="representative")}
    assert await book.refusal(resident(age_band=child, identity=samples.register(given, ME))) == ""


async def send_photo(book: Book, one: Document) -> str:
    """The code of its refusal, "" when it was taken."""
    body = {"docs": [one], "new_edits": False}
    answer = await book.phone.post(f"/sync/w{WARD}-{UNIT}-photos/_bulk_docs", json=body)
    assert answer.status_code == 201, answer.text
    held = await book.site.store.find(book.site.ward.photos(UNIT), one["_id"])
    assert (held is None) is bool(answer.json()), "refused and stored at once, or neither"
    return str(answer.json()[0]["code"]) if answer.json() else ""


async def test_L13_a_photo_is_taken_only_with_the_notice_ticked(book: Book) -> None:
    assert await send_photo(book, pictures.photo(by=ME)) == ""
    for notice in (None, {}, {"version": "2026-11"}, {"at": samples.AT}, True):
        one = pictures.photo(by=ME, notice=notice)
        assert await send_photo(book, {k: v for k, v in one.items() if v is not None}) == "malformed"
    screen = (ROOT / "pwa" / "src" / "screens" / "Photos.tsx").read_text(encoding="utf-8")
    assert "const told = useSignal(false);" in screen, "the notice is ticked beforehand"
    assert "disabled={!enabled}" in screen, "a picture can be chosen before the notice is ticked"
    assert "enabled={told.value}" in screen, "a picture can be chosen before the notice is ticked"


async def test_L13_a_photo_goes_for_good_when_someone_in_it_asks(book: Book) -> None:
    one = pictures.photo(by=ME)
    assert await send_photo(book, one) == ""
    page = f"/desk/photos/{UNIT}/{one['_id'].removeprefix('photo:')}"
    assert (await book.desk.get(f"{page}/image.jpg")).content[:2] == b"\xff\xd8"
    assert (await book.desk.post(f"{page}/remove")).status_code == 303
    for path in (page, f"{page}/image.jpg", f"{page}/thumb.jpg"):
        assert (await book.desk.get(path)).status_code == 404
    listed = await book.phone.get("/api/photos")
    assert one["_id"] not in listed.text


@pytest.mark.parametrize("more", [pictures.GPS, pictures.XMP, pictures.COMMENT, pictures.ICC])
async def test_L4_a_photo_brings_no_place_and_nothing_else_beside_the_picture(
    book: Book, more: bytes
) -> None:
    one = pictures.photo(by=ME, picture=pictures.jpeg(more=more))
    assert await send_photo(book, one) == "photo-metadata"
    assert (
        await book.refusal({**samples.visit(by=ME), "_attachments": {"a": {"data": "/9j/"}}}) == "attachment"
    )


async def test_L8_a_photo_goes_with_its_campaign(book: Book) -> None:
    old, new = pictures.photo(by=ME, taken="2020-01-01"), pictures.photo(by=ME)
    assert (await send_photo(book, old), await send_photo(book, new)) == ("", "")
    due = await find_due(
        book.site.store, book.site.names, WARD, UNIT, retention.terms_of(book.site), date(2026, 5, 2)
    )
    assert due.photos == (old["_id"],)


@pytest.mark.parametrize("way", ["", "/_changes", "/_bulk_docs", "/_bulk_get", "/_revs_diff"])
async def test_L15_replication_with_another_units_database_is_forbidden(book: Book, way: str) -> None:
    path = f"/sync/w{WARD}-tdp-08{way}"
    answer = await (
        book.phone.get(path) if way in ("", "/_changes") else book.phone.post(path, json={"docs": []})
    )
    assert (answer.status_code, answer.json()["error"]) == (403, "not-yours")


async def test_L15_a_look_from_outside_the_unit_is_in_the_log_that_nobody_can_change(book: Book) -> None:
    person = named()
    await book.push(person)
    page = await book.request("view", person)
    assert NAME in (await book.desk.get(f"{page}/extract")).text
    rows = await book.site.store.all_docs(book.site.names.audit, include_docs=True)
    looks = [row["doc"] for row in rows if row["doc"].get("subject") == person["_id"]]
    assert [(one["by"], one["action"]) for one in looks] == [("person:supervisor", "resident-viewed")]
    assert (await book.phone.get(f"{page}/extract")).status_code == 403
    with pytest.raises(Exception, match=r"audit|forbidden|append"):
        await book.site.store.put(book.site.names.audit, {**looks[0], "by": "person:nobody"})


def text_of_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
