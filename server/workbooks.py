"""Tables as an Excel workbook, one sheet each, ready to be printed on A4.

Texts are written as strings whatever they begin with, so that no cell becomes a formula or a link; figures
are numbers in Vietnamese or English notation, days are dates; no data is "—".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter
from starlette.responses import Response

from server.numbers import NOTHING

Cell = str | int | float | date | None
WIDEST, NARROWEST = 60, 14
MARGINS = {"left": 30, "right": 15, "top": 20, "bottom": 20}
"""Millimetres, as Nghị định 30/2020/NĐ-CP asks of papers."""
NOTATION = {"vi": "[$-42A]", "en": "[$-809]"}
"""Which country's separators and order of a date: without it LibreOffice shows 14/05/2026 as 05/14/2026."""
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class Share(float):
    """A number shown in percent."""


@dataclass(frozen=True)
class Table:
    """One sheet: its name (31 characters at most), what its columns hold, and its rows."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def share_of(value: float | None) -> Share | None:
    return None if value is None else Share(value)


def write_workbook(titles: Sequence[str], tables: Iterable[Table], language: str, now: datetime) -> bytes:
    """The workbook's bytes; the titles, the first of them the heading, stand above every table."""
    target = BytesIO()
    book = xlsxwriter.Workbook(target, _OPTIONS)
    book.set_properties({"title": titles[0], "created": now.replace(tzinfo=None)})
    sheets = _Sheets(book, language)
    for table in tables:
        sheets.add(table, titles)
    book.close()
    return target.getvalue()


def send_workbook(name: str, body: bytes) -> Response:
    """The workbook as a file of this name, never kept by caches."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, 200, headers, MEDIA_TYPE)


class _Sheets:
    """Sheets of one workbook that look alike."""

    def __init__(self, book: Any, language: str) -> None:
        notation = NOTATION[language]
        self._book = book
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._note = book.add_format({"font_color": "#434d48"})
        self._head = book.add_format(
            {"bold": True, "bg_color": "#dcede7", "bottom": 1, "text_wrap": True, "valign": "vcenter"}
        )
        self._count = book.add_format({"num_format": f"{notation}#,##0", "valign": "top"})
        self._share = book.add_format({"num_format": f"{notation}0.0%", "valign": "top"})
        self._day = book.add_format(
            {"num_format": f"{notation}dd/mm/yyyy", "align": "right", "valign": "top"}
        )
        self._none = book.add_format({"align": "right", "valign": "top"})
        self._text = book.add_format({"text_wrap": True, "valign": "top"})

    def add(self, table: Table, titles: Sequence[str]) -> None:
        sheet = self._book.add_worksheet(table.name[:31])
        sheet.write_string(0, 0, titles[0], self._title)
        for n, text in enumerate(titles[1:], 1):
            sheet.write_string(n, 0, text, self._note)
        top = len(titles) + 1
        for column, text in enumerate(table.header):
            sheet.write_string(top, column, text, self._head)
            cells = [row[column] for row in table.rows]
            longest = max((len(cell) for cell in cells if isinstance(cell, str)), default=0)
            sheet.set_column(column, column, min(max(longest + 2, NARROWEST), WIDEST))
        for n, row in enumerate(table.rows, top + 1):
            for column, cell in enumerate(row):
                self._write(sheet, n, column, cell)
        sheet.freeze_panes(top + 1, 1)
        self._print(sheet, top)

    def _print(self, sheet: Any, top: int) -> None:
        """A4 across, one page wide, the header on each page and its number above."""
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(top)
        sheet.set_margins(**{side: wide / 25.4 for side, wide in MARGINS.items()})
        sheet.set_header("&C&P / &N")

    def _write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        if cell is None:
            sheet.write_string(row, column, NOTHING, self._none)
        elif isinstance(cell, str):
            sheet.write_string(row, column, cell, self._text)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, self._day)
        else:
            sheet.write_number(row, column, cell, self._share if isinstance(cell, Share) else self._count)
