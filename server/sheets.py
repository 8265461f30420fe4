"""The board's tables as an Excel workbook, one sheet each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from server.board import Board
from server.numbers import VIETNAM, write_day, write_instant
from server.progress import Figures, change
from server.texts import Translate
from server.workbooks import Cell, Table, share_of, write_workbook

FIGURES = ("acts", "people", "new_people", "doors", "met", "senior")


def write_sheets(board: Board, t: Translate, language: str, *, heading: str, now: datetime) -> bytes:
    """The workbook's bytes."""
    period = board.choice.period
    titles = [
        heading,
        t("desk.period.range", first=write_day(period.first), last=write_day(period.last)),
        t("desk.sheet.made", time=now.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")),
        t("desk.sheet.nothing"),
    ]
    tables = (Table(t(f"desk.sheet.{name}"), header, rows) for name, header, rows in _tables(board, t))
    return write_workbook(titles, tables, language, now)


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
        [[row.target.name, row.reached, row.goal, share_of(row.share)] for row in board.targets],
    )
    for kind, rows in (
        ("outcomes", board.outcomes),
        ("obstacles", board.obstacles),
        ("referrals", board.referrals),
    ):
        yield (
            kind,
            [t(f"desk.{kind}.{kind[:-1]}"), count, share],
            [[board.name(kind, row.key), row.count, share_of(row.share)] for row in rows],
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
        [t("desk.coverage.short"), share_of(head.coverage.share), None, None],
    ]
    for key in FIGURES:
        now, before = getattr(head.now, key), getattr(head.before, key)
        rows.append([t(f"desk.{key}"), now, before, share_of(change(now, before))])
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
            share_of(row.coverage.share),
            *cells(row.figures),
        ]
        for row in board.rows
    ]
    head = board.headline
    total: list[Cell] = [t("desk.units.total"), head.coverage.households, head.coverage.knocked]
    return [*rows, [*total, share_of(head.coverage.share), *cells(head.now)]] if len(rows) > 1 else rows
