"""The page on which households are imported: who may, what is refused, and a whole job with its undo."""

from __future__ import annotations

import asyncio
import io
import re
import time
import zipfile
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from server import import_pages
from server.importing import kept as kept_sheets
from server.importing import last, reader
from server.importing.households import judge_table
from server.importing.plan import OFFICE
from server.importing.sample import ROWS, sample_csv
from server.importing.sheet import NotASheet
from server.security import SHEET_BYTES
from server.site import Site
from sync.clocks import text_of
from sync.merge import amended
from sync.moving import move
from sync.store import Document, StoreUnavailable
from sync.ulids import new_ulid
from tests.desk.conftest import SignIn
from tests.desk.test_rollup import visit

pytestmark = pytest.mark.anyio
HERE = "/desk/import"


async def send(
    client: httpx.AsyncClient, data: bytes, unit: str = "tdp-07", name: str = "ho.csv"
) -> httpx.Response:
    return await client.post(HERE, data={"unit": unit}, files={"file": (name, data)})


async def preview(client: httpx.AsyncClient, data: bytes, unit: str = "tdp-07") -> tuple[str, str]:
    """The address of the preview and its page."""
    answer = await send(client, data, unit)
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    page = await client.get(address)
    return address, page.text


async def stored(site: Site, unit: str) -> dict[str, Document]:
    """The unit's households that are there, by the house's number or the flat's."""
    rows = await site.store.all_docs(
        site.ward.unit(unit), startkey="household:", endkey="household;", include_docs=True
    )
    found = [row["doc"] for row in rows if not (row["doc"].get("gone") or {}).get("value")]
    return {
        one["address"]["value"].get("house") or one["address"]["value"]["unit_text"]: one for one in found
    }


def sheet(*rows: str) -> bytes:
    return "\n".join(["Số nhà;Đường;Số người lớn;Loại hộ;Tổ", *rows]).encode()


def resident_of(household: str) -> Document:
    label = {"value": "Bà", "at": "2026-05-01T00:00:00.000Z", "by": "person:hoa"}
    return {"_id": f"resident:{new_ulid()}", "type": "resident", "household": household, "label": label}


async def test_a_lead_imports_for_the_own_unit_and_a_supervisor_for_any(sign_in: SignIn, site: Site) -> None:
    lead, ward, volunteer = await sign_in("lead"), await sign_in("supervisor"), await sign_in("volunteer")
    assert (await send(volunteer, sample_csv())).status_code == 403
    assert (await send(lead, sample_csv(), "tdp-08")).status_code == 404
    assert (await send(ward, sample_csv(), "no-such")).status_code == 404
    undo = await lead.post(f"{HERE}/undo", data={"unit": "tdp-08", "at": "2026-01-01T00:00:00.000Z"})
    assert undo.status_code == 404
    address, page = await preview(ward, (await lead.get(f"{HERE}/sample.xlsx")).content, "tdp-08")
    assert "Tổ dân phố 8" in page
    assert (await lead.get(address)).status_code == 404, "what somebody else uploaded"
    written = await ward.post(f"{address}/write", data={"go": "1"})
    assert written.headers["location"] == f"{HERE}?unit=tdp-08&added={len(ROWS)}&changed=0&missed=0"
    assert len(await stored(site, "tdp-08")) == len(ROWS)
    assert not await stored(site, "tdp-07")
    acts = await site.store.all_docs(site.names.audit, startkey="audit:", endkey="audit;", include_docs=True)
    imported = [row["doc"] for row in acts if row["doc"]["action"] == "imported"]
    assert [(act["role"], act["unit"]) for act in imported] == [("supervisor", "tdp-08")]
    rows = await site.store.all_docs(
        site.names.imports, startkey="upload:", endkey="upload;", include_docs=True
    )
    assert not [row for row in rows if "table" in row["doc"]], "what was written is kept no longer"


async def test_from_a_sheet_with_trouble_to_its_undo(sign_in: SignIn, site: Site) -> None:
    lead = await sign_in("lead")
    database = site.ward.unit("tdp-07")
    rows = (
        "1;phố A;2;hộ;Tổ 7",
        "3;phố A;2;;07",
        "5;phố A;hai;;7",
        "7;phố A;;;Tổ 8",
        "1;PHỐ A;;;",
        "9;phố A;1;hkd;",
    )
    address, page = await preview(lead, sheet(*rows))
    for words in ("không phải số từ 0 đến 99", "của “Tổ 8”", "Trùng địa chỉ với dòng 2"):
        assert words in page
    assert not await stored(site, "tdp-07"), "nothing is written before it is said"
    unsaid = await lead.post(f"{address}/write", data={"go": "1"})
    assert (unsaid.status_code, await stored(site, "tdp-07")) == (400, {})
    table = (await lead.get(f"{address}/bad.csv")).text
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == ["4", "5", "6"]
    await lead.post(f"{address}/write", data={"skip_bad": "1"})
    assert sorted(await stored(site, "tdp-07")) == ["1", "3", "9"]

    again = ("1;phố A;4;hkd;", "3;phố A;2;;", "9;phố A;1;hkd;", "11;phố A;;;", "13;phố A;;;", "15;phố A;;;")
    address, page = await preview(lead, sheet(*again))
    assert "Số người lớn: 2 → 4" in page
    assert "Loại hộ: hộ gia đình → hộ kinh doanh" in page
    assert (await lead.get(f"{HERE}")).text.count("Hoàn tác lần nhập này") == 1
    done = await lead.post(f"{address}/write", data={"changes": "1"})
    assert done.headers["location"].endswith("added=3&changed=1&missed=0")
    now = await stored(site, "tdp-07")
    assert (now["1"]["adults"]["value"], now["1"]["kind"]["value"]) == (4, "business")
    assert [past["value"] for past in now["1"]["history"]] == ["home", 2]

    later = "2027-01-01T00:00:00.000Z"
    await site.store.put(database, {**visit(900), "household": now["11"]["_id"]})
    await site.store.put(database, {**now["13"], "adults": {"value": 5, "at": later, "by": "person:hoa"}})
    record = await site.store.get(site.names.imports, "import:09562:tdp-07")
    undone = await lead.post(f"{HERE}/undo", data={"unit": "tdp-07", "at": record["at"]})
    assert "Đã thu lại 1 hộ" in undone.text
    assert "Đã trả lại giá trị cũ cho 1 hộ" in undone.text
    assert "11, phố A: đã có người đến" in undone.text
    assert "13, phố A: đã được sửa" in undone.text
    now = await stored(site, "tdp-07")
    assert sorted(now) == ["1", "11", "13", "3", "9"]
    assert (now["1"]["adults"]["value"], now["1"]["kind"]["value"]) == (2, "home")
    stale = {"unit": "tdp-07", "at": "2026-01-01T00:00:00.000Z"}
    assert (await lead.post(f"{HERE}/undo", data=stale)).status_code == 409

    address, page = await preview(lead, sheet("15;phố A;;;"))
    assert "từng được thu lại" in page
    await lead.post(f"{address}/write", data={"go": "1"})
    assert "15" in await stored(site, "tdp-07")
    acts = await site.store.all_docs(site.names.audit, startkey="audit:", endkey="audit;", include_docs=True)
    assert sum(row["doc"]["action"] == "import-undone" for row in acts) == 1


async def test_an_import_that_was_cut_short_is_undone_and_one_under_way_is_not(
    sign_in: SignIn, site: Site
) -> None:
    ward, database = await sign_in("supervisor"), site.ward.unit("tdp-09")
    address, _ = await preview(ward, sheet("1;phố B;;;", "3;phố B;;;"), "tdp-09")
    await ward.post(f"{address}/write", data={"go": "1"})
    id = "import:09562:tdp-09"
    now = await site.store.get(site.names.imports, id)
    await site.store.put(site.names.imports, {**now, "state": "writing"})
    address, _ = await preview(ward, sheet("5;phố B;;;"), "tdp-09")
    assert (await ward.post(f"{address}/write", data={"go": "1"})).status_code == 409
    assert (await ward.post(f"{HERE}/undo", data={"unit": "tdp-09", "at": now["at"]})).status_code == 409
    before = text_of(datetime.fromisoformat(now["at"]) - timedelta(hours=1))
    cut = await site.store.get(site.names.imports, id)
    await site.store.put(
        site.names.imports, {**cut, "at": before, "new": [*cut["new"], f"household:{'0' * 26}"]}
    )
    undone = await ward.post(f"{HERE}/undo", data={"unit": "tdp-09", "at": before})
    assert "Đã thu lại 2 hộ" in undone.text
    assert await stored(site, "tdp-09") == {}
    marks = [
        row["doc"]["gone"]["by"]
        for row in await site.store.all_docs(
            database, startkey="household:", endkey="household;", include_docs=True
        )
    ]
    assert marks == [OFFICE, OFFICE]


async def test_an_import_that_the_store_cuts_short_goes_on_and_is_undone_as_a_whole(
    sign_in: SignIn, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward, database = await sign_in("supervisor"), site.ward.unit("tdp-09")
    monkeypatch.setattr(last, "BATCH", 2)
    rows = sheet(*(f"{number};phố Đ;;;" for number in (61, 63, 65, 67)))
    address, _ = await preview(ward, rows, "tdp-09")
    bulk, calls = site.store.bulk, 0

    async def fail(name: str, documents: Any) -> Any:
        nonlocal calls
        calls += name == database
        if calls == 2:
            raise StoreUnavailable("gone")
        return await bulk(name, documents)

    monkeypatch.setattr(site.store, "bulk", fail)
    assert (await ward.post(f"{address}/write", data={"go": "1"})).status_code == 503
    assert len({"61", "63", "65", "67"} & (await stored(site, "tdp-09")).keys()) == 2
    again = await ward.post(f"{address}/write", data={"go": "1"})
    assert again.headers["location"].endswith("added=2&changed=0&missed=0")
    record = await site.store.get(site.names.imports, "import:09562:tdp-09")
    undone = await ward.post(f"{HERE}/undo", data={"unit": "tdp-09", "at": record["at"]})
    assert "Đã thu lại 4 hộ" in undone.text
    assert "được giữ lại" not in undone.text


async def test_a_household_that_the_ward_gave_to_another_unit_does_not_come_twice(
    sign_in: SignIn, site: Site
) -> None:
    ward = await sign_in("supervisor")
    address, _ = await preview(ward, sheet("71;phố E;;;"), "tdp-09")
    await ward.post(f"{address}/write", data={"go": "1"})
    household = (await stored(site, "tdp-09"))["71"]["_id"]
    await move(site.store, site.names, "09562", household, "tdp-09", "tdp-08")
    _, page = await preview(ward, sheet("71;Phố E;;;"), "tdp-09")
    assert "đã được phường chuyển sang tổ, đơn vị khác (tdp-08)" in page


async def test_a_household_whose_address_was_set_right_does_not_come_twice(
    sign_in: SignIn, site: Site
) -> None:
    ward = await sign_in("supervisor")
    address, _ = await preview(ward, sheet("81;phố G;;;"), "tdp-09")
    await ward.post(f"{address}/write", data={"go": "1"})
    document = (await stored(site, "tdp-09"))["81"]
    mended = {
        "value": {"house": "81A", "street": "phố G"},
        "at": "2027-01-01T00:00:00.000Z",
        "by": "person:hoa",
    }
    await site.store.put(site.ward.unit("tdp-09"), amended(document, {"address": mended}))
    _, page = await preview(ward, sheet("81;phố G;;;", "81A;phố G;;;"), "tdp-09")
    assert "tổ đã sửa địa chỉ" in page
    assert "Không có hộ mới để thêm" in page


async def test_columns_are_set_right_by_hand(sign_in: SignIn, site: Site) -> None:
    ward = await sign_in("supervisor")
    lines = ("DANH SÁCH", "Số hiệu,Phố xá,Họ tên,Ghi chú", "21,phố C,Lê Mẫu,2", "23,phố C,Trần Mẫu,3")
    data = "\n".join(lines).encode()
    address, page = await preview(ward, data, "tdp-08")
    assert "Mã lỗi: no-header" in page
    assert "Mẫu" not in page, "names are read nowhere"
    wrong = await ward.post(address, data={"header": "2", "was": "2", "c3": "adults"})
    page = (await ward.get(wrong.headers["location"])).text
    assert "Mã lỗi: no-house-column" in page
    await ward.post(
        address,
        data={"header": "2", "was": "2", "c0": "house", "c1": "street", "c2": "building", "c3": "adults"},
    )
    page = (await ward.get(address)).text
    assert "21, phố C" in page
    assert "Mẫu" not in page
    await ward.post(f"{address}/write", data={"go": "1"})
    assert (await stored(site, "tdp-08"))["23"]["adults"]["value"] == 3


async def test_an_old_font_is_converted_with_a_way_back(sign_in: SignIn) -> None:
    ward = await sign_in("supervisor")
    data = "Sè nhµ;§­êng phè\n31;§­êng Bê M­¬ng\n33;§­êng NghÜa Lé\n35;Phè Kh©m Thiªn\n".encode()
    address, page = await preview(ward, data, "tdp-08")
    assert "31, Đường Bờ Mương" in page
    assert "§­êng Bê M­¬ng” thành “Đường Bờ Mương" in page
    await ward.post(address, data={"fonts": "as-it-was"})
    page = (await ward.get(address)).text
    assert "đang để nguyên" in page
    assert "31, Đường Bờ Mương" not in page
    await ward.post(address, data={"fonts": "convert"})
    assert "31, Đường Bờ Mương" in (await ward.get(address)).text


async def test_what_is_kept_tells_nobody_anything_and_is_forgotten(
    sign_in: SignIn, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward = await sign_in("supervisor")
    address, _ = await preview(
        ward, b"S\xe1\xbb\x91 nh\xc3\xa0,Ch\xe1\xbb\xa7 h\xe1\xbb\x99\n41 pho Kin,Nguyen Van Kin\n"
    )
    rows = await site.store.all_docs(
        site.names.imports, startkey="upload:", endkey="upload;", include_docs=True
    )
    assert "Kin" not in repr([row["doc"] for row in rows])
    assert (await ward.get(address)).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr("server.importing.kept.time.time", lambda: 0.0)
        assert (await ward.get(address)).status_code == 404, "nor kept for ever when the clock is set back"
    monkeypatch.setattr(kept_sheets, "LASTS", -1.0)
    gone = await ward.get(address)
    assert gone.status_code == 404
    assert "Mã lỗi: expired" in gone.text
    await site.uploads.clean()
    assert not await site.store.all_docs(site.names.imports, startkey="upload:", endkey="upload;")


def bomb(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * (121 * 1024 * 1024))
    return file.getvalue()


BAD: dict[str, tuple[bytes, int, str]] = {
    "an empty file": (b"", 400, "empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), 400, "not-a-sheet"),
    "a zip bomb": (bomb("xl/workbook.xml"), 413, "unpacks-too-large"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_file_that_is_no_sheet_is_told_with_its_code(case: str, sign_in: SignIn, site: Site) -> None:
    ward = await sign_in("supervisor")
    data, status, code = BAD[case]
    answer = await send(ward, data)
    assert (answer.status_code, f"Mã lỗi: {code}" in answer.text) == (status, True)
    ward.headers["cookie"] += "; gtn-lang=en"
    assert (await ward.get(f"{HERE}?unit=x&added={'9' * 5000}")).status_code == 200
    assert f"Error code: {code}" in (await send(ward, data)).text


async def test_previews_are_judged_one_at_a_time_however_many_are_asked_for(
    sign_in: SignIn, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[int] = []
    order: list[str] = []

    def judge(*asked: Any) -> Any:
        running.append(1)
        order.append(f"{asked[2].code}, {sum(running)}")
        time.sleep(0.02)
        running.append(-1)
        return judge_table(*asked)

    monkeypatch.setattr(import_pages, "judge_table", judge)
    ward, lead = await sign_in("supervisor"), await sign_in("lead")
    addresses = [
        (await send(who, sample_csv(), unit)).headers["location"]
        for who, unit in ((ward, "tdp-08"), (lead, "tdp-07"))
    ]
    asked = [ward.get(addresses[0]) for _ in range(5)] + [lead.get(addresses[1])]
    answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [200] * 6
    assert all(entry.endswith(", 1") for entry in order), "one at a time"
    assert "tdp-07, 1" in order[:3], "whoever asks five times does not keep another waiting"


@pytest.mark.parametrize("path", ["", "/fix"])
async def test_what_is_set_right_waits_for_its_turn_too(path: str, sign_in: SignIn, site: Site) -> None:
    ward, person = await sign_in("supervisor"), await site.accounts.find_login("supervisor")
    assert person is not None
    address = (await send(ward, sample_csv(), "tdp-08")).headers["location"]
    async with site.uploads.turn(person["_id"]):
        sent = asyncio.ensure_future(ward.post(f"{address}{path}", data={"fonts": "as-it-was"}))
        assert not (await asyncio.wait([sent], timeout=0.5))[0], "each opens the whole table"
    assert (await sent).status_code == 303


async def test_whoever_sends_many_files_leaves_a_turn_to_others(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    began, waiting = asyncio.Event(), asyncio.Event()

    async def hang(data: bytes) -> Any:
        read.append(data)
        began.set()
        if data == b"slow":
            await waiting.wait()
        raise NotASheet("not-a-sheet")

    monkeypatch.setattr(import_pages, "read_apart", hang)
    ward, lead = await sign_in("supervisor"), await sign_in("lead")
    many = [asyncio.ensure_future(send(ward, b"slow")) for _ in range(3)]
    await began.wait()
    assert (await asyncio.wait_for(send(lead, b"quick"), 30)).status_code == 400
    assert read == [b"slow", b"quick"]
    waiting.set()
    await asyncio.gather(*many)


async def test_of_many_files_sent_slowly_at_once_the_first_is_given_up(sign_in: SignIn) -> None:
    ward, going_on = await sign_in("supervisor"), asyncio.Event()

    async def slow() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="unit"\r\n\r\ntdp-07\r\n--x\r\n'
        await going_on.wait()
        yield b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n\0\r\n--x--\r\n'

    async def send_slowly() -> int:
        kind = {"content-type": "multipart/form-data; boundary=x"}
        answer = await ward.post(HERE, content=slow(), headers=kind)
        assert ("thôi nhận" in answer.text) == (answer.status_code == 429)
        return answer.status_code

    sent = [asyncio.ensure_future(send_slowly()) for _ in range(4)]
    ended, others = await asyncio.wait(sent, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    assert [one.result() for one in ended] == [429]
    going_on.set()
    assert await asyncio.gather(*others) == [400, 400, 400]
    assert await send_slowly() == 400, "nobody is kept out by what hung once"


async def test_a_file_that_takes_too_long_is_given_up(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SECONDS", 0.001)
    answer = await send(await sign_in("supervisor"), sample_csv())
    assert (answer.status_code, "Mã lỗi: too-slow" in answer.text) == (400, True)


async def test_two_hundred_megabytes_are_refused_before_they_are_read(sign_in: SignIn) -> None:
    ward, taken = await sign_in("supervisor"), 0

    async def endless() -> Any:
        nonlocal taken
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        while taken < 200_000_000:
            taken += 1 << 20
            yield b"a" * (1 << 20)

    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = await ward.post(HERE, content=endless(), headers=kind)
    assert answer.status_code == 413
    assert "20 MB" in answer.text
    assert taken < SHEET_BYTES + (4 << 20)
    declared = await ward.post(HERE, content=b"", headers={**kind, "content-length": "200000000"})
    assert declared.status_code == 413
    assert re.search(r"sheet-too-large", declared.text)


async def test_a_household_with_a_resident_stays_and_one_marked_at_the_door_does_not_come_back(
    sign_in: SignIn, site: Site
) -> None:
    ward, database = await sign_in("supervisor"), site.ward.unit("tdp-09")
    address, _ = await preview(ward, sheet("51;phố D;;;", "53;phố D;;;"), "tdp-09")
    await ward.post(f"{address}/write", data={"go": "1"})
    now = await stored(site, "tdp-09")
    await site.store.put(database, resident_of(now["51"]["_id"]))
    mark = {"value": True, "at": "2027-01-01T00:00:00.000Z", "by": "person:hoa"}
    await site.store.put(database, {**now["53"], "gone": mark})
    _, page = await preview(ward, sheet("51;phố D;;;", "53;phố D;;;"), "tdp-09")
    assert "đánh dấu không còn ở" in page
    assert "Không có hộ mới để thêm" in page
    record = await site.store.get(site.names.imports, "import:09562:tdp-09")
    undone = await ward.post(f"{HERE}/undo", data={"unit": "tdp-09", "at": record["at"]})
    assert "51, phố D: đã ghi người dân" in undone.text
    assert "Đã thu lại 0 hộ" in undone.text


async def test_whoever_comes_back_to_what_was_written_reads_that_it_was(sign_in: SignIn, site: Site) -> None:
    ward = await sign_in("supervisor")
    address, _ = await preview(ward, sheet("21;phố H;;;", "23;phố H;;;"), "tdp-09")
    written = await ward.post(f"{address}/write", data={"go": "1"})
    assert "added=2" in written.headers["location"]
    twice = await ward.post(f"{address}/write", data={"go": "1"})
    back = await ward.get(address)
    chosen = await ward.post(address, data={"header": "1", "was": "1", "c0": "house"})
    for answer in (twice, back, chosen):
        assert answer.status_code == 303, "no false word that nothing was written"
        assert answer.headers["location"] == written.headers["location"]
    assert "Đã thêm 2 hộ" in (await ward.get(back.headers["location"])).text
    assert len({"21", "23"} & (await stored(site, "tdp-09")).keys()) == 2


async def test_an_undo_that_is_sent_again_is_no_conflict(sign_in: SignIn, site: Site) -> None:
    ward = await sign_in("supervisor")
    address, _ = await preview(ward, sheet("25;phố H;;;"), "tdp-09")
    await ward.post(f"{address}/write", data={"go": "1"})
    at = (await site.store.get(site.names.imports, "import:09562:tdp-09"))["at"]
    first = await ward.post(f"{HERE}/undo", data={"unit": "tdp-09", "at": at})
    assert "Đã thu lại 1 hộ" in first.text
    again = await ward.post(f"{HERE}/undo", data={"unit": "tdp-09", "at": at})
    assert (again.status_code, again.headers["location"]) == (303, f"{HERE}?unit=tdp-09")
    assert "đã được hoàn tác" in (await ward.get(again.headers["location"])).text


async def test_whole_addresses_are_taken_apart_shown_and_set_right_on_the_page(
    sign_in: SignIn, site: Site
) -> None:
    ward = await sign_in("supervisor")
    cells = ("12/4 ngõ 5 phố K", "33 Bờ Kè", "Xóm Chùa K", "35 ngõ 5 phố K")
    data = "\n".join(["TT;Chủ hộ;Địa chỉ", *(f"{n};Lê Kín;{cell}" for n, cell in enumerate(cells, 1))])
    address, page = await preview(ward, data.encode(), "tdp-08")
    assert "Số nhà: 12/4 · ngõ 5 · phố K" in page
    assert "Địa chỉ cần xem lại: 2" in page, "what words told is not asked about"
    assert "Số nhà: 33 · Đường, phố: Bờ Kè" in page
    assert 'name="f4.house" value="Xóm Chùa K"' in page
    looked = {
        "f3.house": "33",
        "f3.street": "đường Bờ Kè",
        "f4.house": "số 7",
        "f4.street": "xóm Chùa K",
        "f900.house": "1",
    }
    answer = await ward.post(f"{address}/fix", data=looked)
    assert answer.headers["location"] == f"{address}#check"
    page = (await ward.get(address)).text
    assert "cần xem lại" not in page
    assert "Đang dùng 2 địa chỉ ông/bà đã xem" in page
    assert "Ghi 4 hộ vào danh sách" in page
    rows = await site.store.all_docs(
        site.names.imports, startkey="upload:", endkey="upload;", include_docs=True
    )
    assert "Bờ Kè" not in repr([row["doc"] for row in rows]), "closed like the rows"
    await ward.post(f"{address}/write", data={"go": "1"})
    now = {number: one["address"]["value"] for number, one in (await stored(site, "tdp-08")).items()}
    assert now["12/4"] == {"house": "12/4", "lane": "ngõ 5", "street": "phố K"}
    assert now["33"] == {"house": "33", "street": "đường Bờ Kè"}
    assert now["7"] == {"house": "7", "street": "xóm Chùa K"}


async def test_an_address_set_right_is_judged_like_any_other(sign_in: SignIn) -> None:
    ward = await sign_in("supervisor")
    address, _ = await preview(ward, "Địa chỉ\nXóm Chùa K".encode(), "tdp-08")
    for typed, said in (
        ("001088012345", "số định danh"),
        ("9" * 200, "quá 120 ký tự"),
        ("", "Thiếu số nhà"),
    ):
        await ward.post(f"{address}/fix", data={"f2.house": typed, "f2.street": "phố K"})
        page = (await ward.get(address)).text
        assert said in page
        assert "001088012345" not in page
