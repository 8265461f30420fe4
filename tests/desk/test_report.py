"""Reports: every cell is what the documents say, counted by brute force; LibreOffice reads it so."""

from __future__ import annotations

import csv
import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from server.board import read_services
from server.numbers import vietnam_today
from server.periods import Choice, named_period
from server.progress import Period
from server.recount import recount, recount_people
from server.site import Site
from sync.audited import Search, list_audit
from sync.moving import move
from sync.ulids import new_ulid
from tests.desk.conftest import SignIn
from tests.desk.test_desk import words

pytestmark = pytest.mark.anyio
FIRST = date(2026, 5, 1)
UNITS = {"tdp-07": "Tổ dân phố 7", "tdp-08": "Tổ dân phố 8"}
SILENT = "=1+1"
Documents = list[dict[str, Any]]
Row = dict[str, Any]


def random_visit(unit: str, n: int, chance: random.Random, acts: list[tuple[str, str]]) -> dict[str, Any]:
    at = f"2026-05-{chance.randint(1, 24):02}T{chance.randint(0, 23):02}:30:00.000Z"
    helps = [
        {
            **dict(zip(("service", "level"), chance.choice(acts), strict=True)),
            "person": chance.choice([None, *(f"resident:{unit}{m}" for m in range(12))]),
            "age_band": chance.choice(["under-16", "16-59", "60-plus"]),
            "count": chance.choice([1, 1, 1, 3]),
            **chance.choice([{}, {}, {"obstacle": "no-smartphone"}, {"referral": "police"}]),
        }
        for _ in range(chance.randint(0, 3))
    ]
    by = chance.choice(["person:hoa", "person:nam", f"person:{unit}"])
    record = {"at": at, "outcome": chance.choice(["met", "met", "absent", "refused", "later", "moved"])}
    if chance.random() < 0.1:
        record["withdrawn"] = True  # type: ignore[assignment]
    return {
        "_id": f"visit:{unit}-{n:04}",
        "type": "visit",
        "household": chance.choice([None, *(f"household:{unit}{m}" for m in range(15))]),
        "created": {"at": at, "by": by, "device": "device:1"},
        "record": {"value": {**record, "helps": helps}, "at": at, "by": by},
    }


@pytest.fixture(scope="module")
async def documents(site: Site) -> dict[str, Documents]:
    """Random visits of May in two units, counted; `SILENT` has none."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    acts = [(service, level) for service, order in site.catalog.levels.items() for level in order]
    made = {}
    for unit in UNITS:
        homes = [{"_id": f"household:{unit}{n}", "type": "household"} for n in range(20)]
        made[unit] = [*homes, *(random_visit(unit, n, chance, acts) for n in range(60))]
        await site.store.bulk(site.ward.unit(unit), made[unit])
        await site.rollup.refresh(site.ward.unit(unit))
    return made


@pytest.fixture(scope="module")
def period(site: Site, documents: dict[str, Documents]) -> Period:
    """Any days on which both units were at doors, as they were in the period before."""
    seed = random.randrange(10**6)
    print(f"seed of the period {seed}")
    chance = random.Random(seed)
    while True:
        first = FIRST + timedelta(days=chance.randint(7, 14))
        found = Period(first, first + timedelta(days=chance.randint(0, 6)))
        if all(count(site, made, days) for made in documents.values() for days in (found, found.previous)):
            return found


def count(site: Site, documents: Documents, period: Period) -> Row:
    """What a report should say of these documents: sums over a recount that reads no view."""
    counted = recount(documents, site.catalog.levels)
    people = recount_people(documents, period.first.isoformat(), period.last.isoformat())
    days = [day for on, day in counted["days"].items() if period.holds(on)]
    if not days:
        return {}
    doors = sum((Counter(day["doors"]) for day in days), Counter[str]())
    knocked = [day["new_doors"] for on, day in counted["days"].items() if on <= period.last.isoformat()]
    return {
        "Số hộ": counted["households"],
        "Hộ đã đến, tính từ đầu": sum(knocked),
        "Hộ đến lần đầu": sum(day["new_doors"] for day in days),
        "Lượt gõ cửa": doors.total(),
        "Gặp được": doors["met"],
        "Vắng nhà": doors["absent"],
        "Từ chối": doors["refused"],
        "Hẹn lại": doors["later"],
        "Đã chuyển đi": doors["moved"],
        "Lượt hướng dẫn": sum(sum(day["acts"].values()) for day in days),
        "Người được hướng dẫn": len(people),
        "Người mới": sum(day["new_people"] for day in days),
        "Lượt cho người từ 60 tuổi": sum(sum(day["senior"].values()) for day in days),
        "Người từ 60 tuổi": sum(people.values()),
        "Tổ viên có ghi nhận": len({by for day in days for by in day["volunteers"]}),
    }


def by_act(site: Site, sets: Iterable[Documents], figure: str, period: Period) -> Counter[str]:
    counts: Counter[str] = Counter()
    for documents in sets:
        for on, day in recount(documents, site.catalog.levels)["days"].items():
            if period.holds(on):
                counts.update(day[figure])
    return counts


async def fetch(sign_in: SignIn, period: Period, more: str = "") -> bytes:
    query = f"from={period.first}&to={period.last}{more}"
    answer = await (await sign_in("supervisor")).get(f"/desk/report.xlsx?{query}")
    assert answer.status_code == 200
    return answer.content


def rows_of(book: openpyxl.Workbook, sheet: str) -> list[Row]:
    values: list[list[Any]] = [[cell.value for cell in row] for row in book[sheet].iter_rows()]
    top = next(n for n, row in enumerate(values) if n > 5 and row[0] is not None)
    return [dict(zip(values[top], row, strict=True)) for row in values[top + 1 :]]


async def test_each_units_row_is_what_its_documents_say(
    sign_in: SignIn, site: Site, documents: dict[str, Documents], period: Period
) -> None:
    book = openpyxl.load_workbook(BytesIO(await fetch(sign_in, period)))
    rows = {row["Đơn vị"]: row for row in rows_of(book, "Theo đơn vị")}
    wanted = {name: count(site, documents[code], period) for code, name in UNITS.items()}
    for name, figures in wanted.items():
        assert {key: rows[name][key] for key in figures} == figures
        before = count(site, documents[{v: k for k, v in UNITS.items()}[name]], period.previous)
        assert rows[name]["Lượt hướng dẫn, kỳ trước"] == before.get("Lượt hướng dẫn", "—")
        assert rows[name]["Người được hướng dẫn, kỳ trước"] == before.get("Người được hướng dẫn", "—")
    assert set(list(rows[SILENT].values())[1:-5]) == {"—"}, "what was not sent is no 0"
    everything = [one for some in documents.values() for one in some]
    assert (whole := rows["Cả phường"])
    assert {key: whole[key] for key in wanted["Tổ dân phố 7"]} == count(site, everything, period)


async def test_the_summary_compares_with_the_period_before(
    sign_in: SignIn, site: Site, documents: dict[str, Documents], period: Period
) -> None:
    book = openpyxl.load_workbook(BytesIO(await fetch(sign_in, period)))
    rows = {row["Chỉ số"]: row for row in rows_of(book, "Tổng hợp")}
    assert rows["Từ ngày"]["Trong kỳ"] == datetime.combine(period.first, datetime.min.time())
    everything = [one for some in documents.values() for one in some]
    now, before = (count(site, everything, each) for each in (period, period.previous))
    for key in set(now) - {"Số hộ"}:
        assert (rows[key]["Trong kỳ"], rows[key]["Kỳ trước"]) == (now[key], before[key]), key
        change = pytest.approx((now[key] - before[key]) / before[key]) if before[key] else "—"
        assert rows[key]["Tăng, giảm"] == change, key


async def test_services_obstacles_and_referrals_are_what_the_documents_say(
    sign_in: SignIn, site: Site, documents: dict[str, Documents], period: Period
) -> None:
    book = openpyxl.load_workbook(BytesIO(await fetch(sign_in, period)))
    names = {
        (service.name, level.name): f"{service.key}/{level.key}"
        for service in read_services(site.catalog.content.raw, "vi")
        for level in service.levels
    }
    rows = {names[row["Dịch vụ"], row["Mức độ"]]: row for row in rows_of(book, "Dịch vụ, mức độ")}
    acts, new, senior = (by_act(site, documents.values(), key, period) for key in ("acts", "new", "senior"))
    before = by_act(site, documents.values(), "acts", period.previous)
    assert len(rows) == len(names)
    for key, row in rows.items():
        found = [row[column] for column in ("Lượt hướng dẫn", "Kỳ trước", "Người mới ở mức này")]
        assert found == [acts[key], before[key], new[key]], key
        assert row["Lượt cho người từ 60 tuổi"] == senior[key]
    for sheet, figure in (("Khó khăn", "obstacles"), ("Giới thiệu", "referrals")):
        told = [row["Số lượng"] for row in rows_of(book, sheet)]
        counts = by_act(site, documents.values(), figure, period).values()
        assert told == (sorted(counts, reverse=True) or [0]), sheet
    of_units = rows_of(book, "Dịch vụ theo đơn vị")
    assert sum(row["Lượt hướng dẫn"] for row in of_units if row["Lượt hướng dẫn"] != "—") == acts.total()


async def test_the_paper_says_the_same_as_the_workbook(
    sign_in: SignIn, site: Site, documents: dict[str, Documents], period: Period
) -> None:
    client = await sign_in("supervisor")
    html = (await client.get(f"/desk/report?from={period.first}&to={period.last}&unit=tdp-07")).text
    figures = count(site, documents["tdp-07"], period)
    shown = dict(
        re.findall(r'data-measure="\w+"><th scope="row">([^<]+)</th><td class="n">([^<]+)</td>', html)
    )
    assert shown == {key: str(value) for key, value in figures.items() if key != "Số hộ"}
    assert "Tổ dân phố 8</th>" not in html
    ward = (await client.get(f"/desk/report?from={period.first}&to={period.last}")).text
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in ward
    assert "ỦY BAN NHÂN DÂN PHƯỜNG YÊN NGHĨA" in words(ward)
    assert ">=1+1</th>" in ward
    assert "resident:" not in ward


async def test_a_report_of_the_ward_says_that_moved_households_may_count_twice(
    sign_in: SignIn, site: Site, documents: Any
) -> None:
    client, address = await sign_in("supervisor"), "/desk/report?from=2026-05-01&to=2026-05-20"
    said = "được tính ở mỗi nơi một lần"
    assert said not in words((await client.get(address)).text)
    made = {"_id": f"household:{new_ulid()}", "type": "household", "unit": "tdp-07"}
    await site.store.put(site.ward.unit("tdp-07"), made)
    await move(site.store, site.names, "09562", made["_id"], "tdp-07", "tdp-08")
    page = words((await client.get(address)).text)
    assert "1 hộ đã chuyển từ tổ, đơn vị này sang tổ, đơn vị khác" in page
    assert said in page
    assert said not in words((await client.get(f"{address}&unit=tdp-07")).text)
    gone = await site.store.get(site.ward.unit("tdp-08"), made["_id"])
    await site.store.delete(site.ward.unit("tdp-08"), made["_id"], gone["_rev"])


async def test_an_empty_period_has_dashes_and_no_zero(sign_in: SignIn, documents: Any) -> None:
    may_2020 = Period(date(2020, 5, 1), date(2020, 5, 7))
    book = openpyxl.load_workbook(BytesIO(await fetch(sign_in, may_2020)))
    rows = {row["Chỉ số"]: row["Trong kỳ"] for row in rows_of(book, "Tổng hợp")}
    assert rows["Lượt hướng dẫn"] == rows["Người được hướng dẫn"] == rows["Tổ viên có ghi nhận"] == "—"
    page = await (await sign_in("supervisor")).get("/desk/report?from=2020-05-01&to=2020-05-07")
    assert "chưa nhận được số liệu nào" in words(page.text)
    assert "chưa so sánh được" in words(page.text)


async def test_a_lead_reports_on_the_own_unit_alone(sign_in: SignIn, documents: Any) -> None:
    lead = await sign_in("lead")
    page = (await lead.get("/desk/report?from=2026-05-01&to=2026-05-20")).text
    assert "Báo cáo: Tổ dân phố 7" in page
    assert "Tổ dân phố 8" not in page
    assert (await lead.get("/desk/report?unit=tdp-08")).status_code == 404
    assert (await lead.get("/desk/report.xlsx?unit=tdp-08")).status_code == 404
    book = openpyxl.load_workbook(
        BytesIO((await lead.get("/desk/report.xlsx?from=2026-05-01&to=2026-05-20")).content)
    )
    assert "Theo đơn vị" not in book.sheetnames


async def test_taking_a_report_away_is_in_the_audit(sign_in: SignIn, site: Site, documents: Any) -> None:
    before = await exports(site)
    client = await sign_in("supervisor")
    await client.get("/desk/report.xlsx?period=week&unit=tdp-08")
    assert (await client.get("/desk/report.xlsx?period=never")).status_code == 400
    assert await exports(site) - before == Counter({("report", "tdp-08"): 1})


async def exports(site: Site) -> Counter[tuple[str, str]]:
    today = vietnam_today()
    search = Search(
        ward=site.settings.ward,
        first=today - timedelta(days=1),
        last=today,
        by="",
        action="exported",
        subject="",
    )
    entries, _ = await list_audit(site.store, site.names.audit, search, None)
    return Counter((entry["subject"], entry["unit"]) for entry in entries)


@pytest.mark.parametrize(
    ("key", "today", "period", "before"),
    [
        ("week", date(2026, 11, 25), ("2026-11-23", "2026-11-25"), ("2026-11-16", "2026-11-18")),
        ("last-week", date(2026, 1, 1), ("2025-12-22", "2025-12-28"), ("2025-12-15", "2025-12-21")),
        ("month", date(2026, 3, 31), ("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        ("month", date(2026, 3, 30), ("2026-03-01", "2026-03-30"), ("2026-02-01", "2026-02-28")),
        ("last-month", date(2026, 3, 5), ("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-01-31")),
        ("quarter", date(2026, 2, 5), ("2026-01-01", "2026-02-05"), ("2025-10-01", "2025-11-05")),
    ],
)
def test_a_running_period_is_compared_with_the_same_days_before(
    key: str, today: date, period: tuple[str, str], before: tuple[str, str]
) -> None:
    found = named_period(key, today, [])
    assert found == Period(*map(date.fromisoformat, period))
    assert Choice(key, found).before == Period(*map(date.fromisoformat, before))


SOFFICE = shutil.which("soffice")


@pytest.mark.skipif(
    SOFFICE is None, reason="LibreOffice is not here: deploy/libreoffice.sh installs it as root"
)
async def test_libreoffice_reads_every_cell_as_it_was_written(
    sign_in: SignIn, documents: Any, period: Period, tmp_path: Path
) -> None:
    (tmp_path / "report.xlsx").write_bytes(await fetch(sign_in, period))
    convert(tmp_path, "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false,false,-1")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    for sheet in book:
        with (tmp_path / f"report-{sheet.title}.csv").open(encoding="utf-8", newline="") as file:
            read = dict(enumerate(csv.reader(file), 1))
        for row in sheet.iter_rows():
            for cell in row:
                shown = dict(enumerate(read[int(cell.row or 0)], 1)).get(int(cell.column or 0), "")
                assert shown == as_shown(cell), f"{sheet.title} {cell.coordinate}"


def convert(folder: Path, to: str) -> None:
    """Within a minute, in a profile of its own; LibreOffice says nothing on success but what it wrote."""
    command = [
        str(SOFFICE),
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        "--headless",
        "--norestore",
    ]
    command += ["--convert-to", to, "--outdir", str(folder), str(folder / "report.xlsx")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stdout + done.stderr.replace("javaldx", "")


def as_shown(cell: Any) -> str:
    """What a Vietnamese reader sees in the cell."""
    if cell.value is None:
        return ""
    if isinstance(cell.value, datetime):
        return f"{cell.value:%d/%m/%Y}"
    if cell.number_format.endswith("%"):
        percent = (Decimal(str(cell.value)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{percent}%".replace(".", ",")
    return f"{cell.value:,}".replace(",", ".") if isinstance(cell.value, int) else str(cell.value)
