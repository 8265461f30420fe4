"""The dashboard as people get it: who sees what, which figures stand where, what a wrong address says."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import openpyxl
import pytest

from server.site import Site
from tests.desk.conftest import SignIn

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("visits")]
MAY = "from=2026-05-01&to=2026-05-02"


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


async def test_the_supervisor_sees_the_wards_figures(sign_in: SignIn) -> None:
    page = await (await sign_in("supervisor")).get(f"/desk?{MAY}")
    assert page.status_code == 200
    text = words(page.text)
    assert "Tiến độ Phường Yên Nghĩa" in text
    assert "Từ 01/05/2026 đến 02/05/2026" in text
    assert re.search(r"Lượt hướng dẫn 10 ", text)
    assert re.search(r"Người được hướng dẫn 7 ", text)
    assert re.search(r"Người mới 7 ", text)
    assert "5 trên 5 hộ" in text


async def test_the_page_says_which_days_it_compares_with(sign_in: SignIn) -> None:
    ward = await sign_in("supervisor")
    page = words((await ward.get(f"/desk?{MAY}")).text)
    assert "Kỳ trước (từ 29/04/2026 đến 30/04/2026) chưa đủ số liệu để so sánh." in page


async def test_a_unit_without_data_shows_a_dash_and_not_zero(sign_in: SignIn) -> None:
    page = await (await sign_in("supervisor")).get(f"/desk?{MAY}")
    row = next(row for row in page.text.split("<tr>") if "Tổ dân phố 8" in row)
    assert "—" in row
    assert ">0<" not in row


async def test_a_lead_is_sent_to_the_own_unit_and_sees_no_other(sign_in: SignIn) -> None:
    lead = await sign_in("lead")
    answer = await lead.get(f"/desk?{MAY}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/unit/tdp-07?{MAY}")
    own = await lead.get(f"/desk/unit/tdp-07?{MAY}")
    assert own.status_code == 200
    assert "Tổ dân phố 8" not in own.text
    for path in ("/desk/unit/tdp-08", "/desk/unit/nope", "/desk/progress.xlsx?unit=tdp-08"):
        assert (await lead.get(path)).status_code == 404
    book = openpyxl.load_workbook(BytesIO((await lead.get(f"/desk/progress.xlsx?{MAY}")).content))
    units = [row[0].value for row in book["Theo đơn vị"].iter_rows(min_row=7)]
    assert units == ["Tổ dân phố 7"]


@pytest.mark.parametrize("path", ["/desk", "/desk/unit/tdp-07", "/desk/progress.xlsx", "/desk/events"])
async def test_a_volunteer_has_no_desk(sign_in: SignIn, path: str) -> None:
    assert (await (await sign_in("volunteer")).get(path)).status_code == 403


async def test_the_desk_never_shows_residents(sign_in: SignIn) -> None:
    client = await sign_in("supervisor")
    for path in (f"/desk?{MAY}", f"/desk/unit/tdp-07?{MAY}"):
        assert "resident:" not in (await client.get(path)).text


async def test_a_wrong_date_is_explained_and_the_form_kept(sign_in: SignIn) -> None:
    page = await (await sign_in("supervisor")).get("/desk?period=custom&from=2026-05-09&to=2026-05-01")
    assert page.status_code == 400
    assert "Ngày đầu (09/05/2026) đang sau ngày cuối (01/05/2026)" in words(page.text)
    assert 'type="date" value="2026-05-09"' in page.text
    page = await (await sign_in("supervisor")).get("/desk?from=1.5.2026&to=2026-05-01")
    assert 'type="text" value="1.5.2026"' in page.text
    page = await (await sign_in("supervisor")).get("/desk?from=2026-13-01&to=2026-05-01")
    assert 'type="text" value="2026-13-01"' in page.text, "the date typed is not shown"
    assert (await (await sign_in("supervisor")).get("/desk/progress.xlsx?period=x")).status_code == 400


async def test_what_an_address_says_is_never_markup(sign_in: SignIn) -> None:
    page = await (await sign_in("supervisor")).get("/desk?from=%22%3E%3Cscript%3E&to=x&sort=%22%3E")
    assert page.status_code == 400
    assert "<script>" not in page.text


async def test_nothing_is_inline(sign_in: SignIn) -> None:
    client = await sign_in("supervisor")
    for path in (f"/desk?{MAY}", f"/desk/unit/tdp-07?{MAY}", "/desk"):
        html = (await client.get(path)).text
        assert " style=" not in html
        assert "<style" not in html
        assert not re.search(r"<script(?![^>]* src=)", html)
        assert not re.search(r"\son\w+=", html)


async def test_an_empty_period_says_what_to_do(sign_in: SignIn) -> None:
    text = words((await (await sign_in("supervisor")).get("/desk?from=2020-01-01&to=2020-01-02")).text)
    assert "Chưa có số liệu trong kỳ này" in text
    assert "chọn một kỳ dài hơn" in text


async def test_a_phone_that_was_silent_for_a_day_is_named(sign_in: SignIn, site: Site) -> None:
    await sign_in("volunteer")
    device = next(
        row["doc"]
        for row in await site.store.all_docs(
            site.names.accounts, startkey="device:", endkey="device:\ufff0", include_docs=True
        )
        if row["doc"]["person"].endswith("volunteer")
    )
    report = {"at": "2026-05-01T00:00:00.000Z", "waiting": 3, "accepted": 1, "refused": 0}
    await site.store.put(site.names.accounts, {**device, "report": report})
    client = await sign_in("supervisor")
    assert "1 máy chưa đồng bộ 24 giờ" in words((await client.get(f"/desk?{MAY}")).text)
    unit = words((await client.get(f"/desk/unit/tdp-07?{MAY}")).text)
    assert "Người volunteer a browser 07:00 01/05/2026 3 Quá 24 giờ" in unit


async def test_columns_are_sorted_by_links(sign_in: SignIn) -> None:
    html = (await (await sign_in("supervisor")).get(f"/desk?{MAY}&sort=acts")).text
    assert re.search(r'aria-sort="descending"[^>]*><a href="/desk\?[^"]*sort=acts#units"', html)
    units = re.findall(r'<a href="/desk/unit/([\w-]+)', html)
    assert units[0] == "tdp-07"
    assert len(units) == 3 + sum(code.startswith("tdp") is False for code in units)


async def test_the_sheet_holds_the_same_figures_and_no_formula(sign_in: SignIn, site: Site) -> None:
    answer = await (await sign_in("supervisor")).get(f"/desk/progress.xlsx?{MAY}")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="tien-do-09562-20260501-20260502.xlsx"'
    )
    book = openpyxl.load_workbook(BytesIO(answer.content))
    summary = {row[0].value: row[1].value for row in book["Tổng hợp"].iter_rows(min_row=7)}
    assert summary["Lượt hướng dẫn"] == 10
    assert summary["Người được hướng dẫn"] == 7
    units = {row[0].value: row for row in book["Theo đơn vị"].iter_rows(min_row=7)}
    assert [cell.value for cell in units["Tổ dân phố 8"][4:6]] == ["—", "—"]
    assert units["Tổ dân phố 7"][3].number_format == "[$-42A]0.0%"
    assert "=1+1" in units
    for sheet in book:
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


async def test_english_readers_get_english(sign_in: SignIn) -> None:
    client = await sign_in("supervisor")
    client.headers["cookie"] += "; gtn-lang=en"
    page: Any = await client.get(f"/desk?{MAY}")
    assert "Acts of help" in page.text
    assert 'lang="en"' in page.text
