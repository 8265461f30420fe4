"""The board's tables as an Excel workbook, one sheet each.

Texts are written as strings whatever they begin with, so that no cell becomes a formula; figures are
numbers in Vietnamese or English notation as Excel itself is set; no data is "—".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from server.board import Board
from server.numbers import NOTHING, VIETNAM, write_day, write_instant
from server.progress import Figures, change
from server.texts import Translate

Cell = str | int | float | date | None
FIGURES = ("acts", "people", "new_people", "doors", "met", "senior")
WIDEST = 60


class Share(float):
    """A number shown in percent."""


def write_sheets(board: Board, t: Translate, language: str, *, heading: str, now: datetime) -> bytes:
    """The workbook's bytes."""
    target = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(target, options)
    book.set_properties({"title": heading, "created": now.replace(tzinfo=None)})
    pages = _Pages(book)
    period = board.choice.period
    titles = [
        heading,
        t("desk.period.range", first=write_day(period.first), last=write_day(period.last)),
        t("desk.sheet.made", time=now.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")),
        t("desk.sheet.nothing"),
    ]
    for name, header, rows in _tables(board, t):
        pages.add(t(f"desk.sheet.{name}"), titles, header, rows)
    book.close()
    return target.getvalue()


def _tables(board: Board, t: Translate) -> Iterable[tuple[str, list[str], list[list[Cell]]]]:
    count, share = t("desk.count"), t("desk.share")
    yield (
        "ward",
        [t(f"desk.sheet.{key}") for key in ("figure", "value", "before", "change")],
        _summary(board, t),
    )
    yield "units", _unit_header(t), _unit_rows(board, t)
    yield (
        "services",
        [
            t("desk.sheet.service"),
            t("desk.sheet.level"),
            t("desk.acts"),
            t("desk.new_people"),
            t("desk.senior"),
        ],
        [
            [row.service.name, level.level.name, level.acts, level.new, level.senior]
            for row in board.services
            for level in row.levels
        ],
    )
    yield (
        "targets",
        [t("desk.targets.target"), t("desk.targets.reached"), t("desk.targets.goal"), share],
        [[row.target.name, row.reached, row.goal, _share(row.share)] for row in board.targets],
    )
    for kind, rows in (
        ("outcomes", board.outcomes),
        ("obstacles", board.obstacles),
        ("referrals", board.referrals),
    ):
        yield (
            kind,
            [t(f"desk.{kind}.{kind[:-1]}"), count, share],
            [[board.name(kind, row.key), row.count, _share(row.share)] for row in rows],
        )
    yield (
        "days",
        [t("desk.period.from"), t("desk.period.to"), t("desk.acts"), t("desk.new_people"), t("desk.doors")],
        [
            [date.fromisoformat(p.first), date.fromisoformat(p.last), p.acts, p.new_people, p.doors]
            for p in board.points
        ],
    )
    yield (
        "sync",
        [t(f"desk.sync.{key}") for key in ("unit", "last", "phones", "late", "waiting")],
        [
            [row.unit.name, write_instant(row.last) if row.last else None, row.phones, row.late, row.waiting]
            for row in board.sync
        ],
    )


def _summary(board: Board, t: Translate) -> list[list[Cell]]:
    head = board.headline
    rows: list[list[Cell]] = [
        [t("desk.coverage"), head.coverage.knocked, None, None],
        [t("desk.units.households"), head.coverage.households, None, None],
        [t("desk.coverage.short"), _share(head.coverage.share), None, None],
    ]
    for key in FIGURES:
        now, before = getattr(head.now, key), getattr(head.before, key)
        rows.append([t(f"desk.{key}"), now, before, _share(change(now, before))])
    return rows


def _unit_header(t: Translate) -> list[str]:
    return [
        t("desk.units.unit"),
        t("desk.units.households"),
        t("desk.sheet.knocked"),
        t("desk.coverage.short"),
        *(t(f"desk.{key}") for key in FIGURES),
    ]


def _unit_rows(board: Board, t: Translate) -> list[list[Cell]]:
    def cells(figures: Figures) -> list[Cell]:
        return [getattr(figures, key) for key in FIGURES]

    rows: list[list[Cell]] = [
        [
            row.unit.name,
            row.coverage.households,
            row.coverage.knocked,
            _share(row.coverage.share),
            *cells(row.figures),
        ]
        for row in board.rows
    ]
    head = board.headline
    total: list[Cell] = [t("desk.units.total"), head.coverage.households, head.coverage.knocked]
    return [*rows, [*total, _share(head.coverage.share), *cells(head.now)]] if len(rows) > 1 else rows


def _share(value: float | None) -> Share | None:
    return None if value is None else Share(value)


class _Pages:
    """Sheets of one workbook that look alike and print on A4."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._note = book.add_format({"font_color": "#434d48"})
        self._head = book.add_format(
            {"bold": True, "bg_color": "#dcede7", "bottom": 1, "text_wrap": True, "valign": "vcenter"}
        )
        self._count = book.add_format({"num_format": "#,##0"})
        self._share = book.add_format({"num_format": "0.0%"})
        self._day = book.add_format({"num_format": "dd/mm/yyyy", "align": "left"})
        self._none = book.add_format({"align": "right"})

    def add(self, name: str, titles: Sequence[str], header: Sequence[str], rows: list[list[Cell]]) -> None:
        sheet = self._book.add_worksheet(name[:31])
        sheet.write_string(0, 0, titles[0], self._title)
        for n, text in enumerate(titles[1:], 1):
            sheet.write_string(n, 0, text, self._note)
        top = len(titles) + 1
        for column, text in enumerate(header):
            sheet.write_string(top, column, text, self._head)
            longest = max((len(str(row[column])) for row in rows if isinstance(row[column], str)), default=0)
            sheet.set_column(column, column, min(max(longest + 2, 14), WIDEST))
        for n, row in enumerate(rows, top + 1):
            for column, cell in enumerate(row):
                self._write(sheet, n, column, cell)
        sheet.freeze_panes(top + 1, 1)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(top)

    def _write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        if cell is None:
            sheet.write_string(row, column, NOTHING, self._none)
        elif isinstance(cell, str):
            sheet.write_string(row, column, cell)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, self._day)
        else:
            sheet.write_number(row, column, cell, self._share if isinstance(cell, Share) else self._count)
