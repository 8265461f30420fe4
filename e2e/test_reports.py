"""A supervisor reports: chooses days and a unit, reads the page, takes the workbook, prints it on A4."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import openpyxl
from playwright.sync_api import BrowserContext, Page, expect
from pypdf import PdfReader

from e2e.desk import Desk
from e2e.server import Server
from e2e.test_accessibility import check
from e2e.test_fleet import picture

A4 = (595, 842)
"""Points."""
MM = 72 / 25.4


def link(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Chọn kỳ").get_by_role("link", name=name, exact=True).click()
    chosen = page.locator('.periods a[aria-current="true"]')
    expect(chosen).to_have_text(name)


def figure(page: Page, measure: str) -> str:
    return page.locator(f'[data-measure="{measure}"] td').first.inner_text()


LONGER = "(more) => { document.querySelector('.report-missing').style.paddingBlockEnd = more }"
CUT = """() => [...document.querySelectorAll(".report section:not(.report-annex) .report-scroll")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent.slice(0, 40))"""


def print_it(page: Page, folder: Path, name: str) -> PdfReader:
    """What the browser would print, as the page's own style says; kept beside the pictures."""
    path = Path(os.environ.get("GTN_PICTURES", folder)) / f"{name}.pdf"
    page.pdf(path=str(path), prefer_css_page_size=True)
    return PdfReader(path)


def lefts(pdf: PdfReader, page: int) -> list[float]:
    """Where texts begin, in millimetres from the left edge."""
    found: list[float] = []

    def see(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        if text.strip():
            found.append((tm[4] * cm[0] + cm[4]) / MM)

    pdf.pages[page].extract_text(visitor_text=see)
    return found


def test_a_supervisor_reports_on_a_week(
    contexts: Callable[..., BrowserContext], server: Server, tmp_path: Path
) -> None:
    ward = Desk(contexts(1280, 800), server)
    ward.sign_in("giamsat")
    page = ward.page
    page.get_by_role("link", name="Lập báo cáo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Báo cáo: Phường Yên Nghĩa")
    link(page, "Tuần này")
    link(page, "Tuần trước")
    link(page, "Quý này")
    acts = figure(page, "acts")
    assert re.fullmatch(r"[\d.]+", acts)
    wrong = check(page, "report", targets=False)
    picture(page, "report-wide")

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Tải bảng tính Excel").click()
    download = downloading.value
    assert re.fullmatch(r"bao-cao-09562-\d{8}-\d{8}\.xlsx", download.suggested_filename)
    book = openpyxl.load_workbook(BytesIO(Path(download.path()).read_bytes()))
    summary = {row[0].value: row[1].value for row in book["Tổng hợp"].iter_rows()}
    assert f"{summary['Lượt hướng dẫn']:,}".replace(",", ".") == acts

    pdf = print_it(page, tmp_path, "report-ward")
    assert {(round(one.mediabox.width), round(one.mediabox.height)) for one in pdf.pages} == {A4}
    assert 3 <= len(pdf.pages) <= 8
    texts = [one.extract_text() for one in pdf.pages]
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in texts[0]
    assert "Tải bảng tính" not in "".join(texts), "buttons are not printed"
    for n in range(len(texts)):
        assert 29 < min(lefts(pdf, n)) < 36, "the left margin is 30 mm"
    numbers = [text.split()[0] for text in texts]
    assert numbers[1:] == [str(n) for n in range(2, len(texts) + 1)]
    assert numbers[0] != "1", "the first page bears no number"
    assert "PHỤ LỤC" in "".join(texts)
    for millimetres in range(0, 240, 40):
        page.evaluate(LONGER, f"{millimetres}mm")
        texts = [one.extract_text() for one in print_it(page, tmp_path, "report-longer").pages]
        signed = next(text for text in texts if "NGƯỜI KÝ" in text)
        assert "KIẾN NGHỊ" in signed, "whoever signs does not sign an empty sheet"

    page.get_by_label("Đơn vị").select_option("Tổ dân phố số 7")
    page.get_by_role("button", name="Xem", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Báo cáo: Tổ dân phố số 7")
    assert int(figure(page, "acts").replace(".", "")) < int(acts.replace(".", ""))
    expect(page.get_by_text("PHỤ LỤC")).to_have_count(0)
    print_it(page, tmp_path, "report-unit")

    page.get_by_label("Từ ngày").fill("2020-01-06")
    page.get_by_label("Đến ngày").fill("2020-01-12")
    page.get_by_role("button", name="Xem", exact=True).click()
    expect(page.get_by_text("chưa nhận được số liệu nào")).to_be_visible()
    assert figure(page, "acts") == "—"
    wrong += check(page, "empty report", targets=False)

    small = Desk(contexts(360, 640), server)
    small.sign_in("giamsat")
    small.page.goto(f"{server.url}/desk/report?period=quarter")
    wrong += check(small.page, "report, small", targets=False)
    picture(small.page, "report-small")
    assert small.page.evaluate(CUT) == [], "the report's own tables fit a phone"
    small.page.goto(f"{server.url}/desk/report?from=2026-05-09&to=2026-05-01")
    expect(small.page.get_by_role("alert")).to_contain_text("đang sau ngày cuối")
    wrong += check(small.page, "wrong days, small", targets=False)
    assert not wrong, "\n".join(wrong)
    assert ward.failures == small.failures == []
