"""A report as an Excel workbook: the summary, the units, services, obstacles, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from server.numbers import VIETNAM, write_day
from server.progress import ServiceRow, Tally, change
from server.reporting.report import MEASURES, Line, Report
from server.texts import Translate
from server.workbooks import Cell, Table, share_of, write_workbook

NOW = ("members", "phones", "late", "waiting", "refused")


def write_report(
    report: Report, notes: Sequence[str], t: Translate, language: str, *, heading: str, now: datetime
) -> bytes:
    """The workbook's bytes."""
    period, before = report.choice.period, report.choice.before
    titles = [
        heading,
        t("desk.period.range", first=write_day(period.first), last=write_day(period.last)),
        t("report.before.range", first=write_day(before.first), last=write_day(before.last)),
        t("desk.sheet.made", time=now.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")),
        t("desk.sheet.nothing"),
    ]
    return write_workbook(titles, _tables(report, notes, t), language, now)


def _tables(report: Report, notes: Sequence[str], t: Translate) -> Iterator[Table]:
    alone = len(report.lines) == 1
    compared = [t(f"desk.sheet.{key}") for key in ("value", "before", "change")]
    yield Table(t("desk.sheet.ward"), [t("desk.sheet.figure"), *compared], list(_summary(report, t)))
    if not alone:
        yield Table(t("desk.sheet.units"), _unit_header(t), [_unit(line) for line in _all(report)])
    service, level = t("desk.sheet.service"), t("desk.sheet.level")
    acts, new, senior = t("desk.acts"), t("report.new"), t("desk.senior")
    header = [service, level, acts, *compared[1:], new, senior]
    yield Table(t("desk.sheet.services"), header, list(_services(report)))
    if not alone:
        header = [t("desk.units.unit"), service, level, acts, new, senior]
        yield Table(t("report.sheet.services-of"), header, list(_services_of(report)))
    for kind, rows in (("obstacles", report.obstacles), ("referrals", report.referrals)):
        header = [t(f"desk.{kind}.{kind[:-1]}"), t("desk.count"), t("desk.share")]
        yield Table(t(f"desk.sheet.{kind}"), header, _tallies(report, kind, rows))
    yield Table(t("report.missing"), [t("report.missing")], [[note] for note in notes])


def _all(report: Report) -> list[Line]:
    return [*report.lines, report.whole]


def _summary(report: Report, t: Translate) -> Iterator[list[Cell]]:
    period, before, whole = report.choice.period, report.choice.before, report.whole
    days: Iterable[tuple[str, date, date]] = (
        ("from", period.first, before.first),
        ("to", period.last, before.last),
    )
    for key, now, then in days:
        yield [t(f"desk.period.{key}"), now, then, ""]
    yield [t("report.units"), len(report.lines), "", ""]
    yield [t("report.units.silent"), len(report.silent), "", ""]
    yield [t("desk.units.households"), whole.households, "", ""]
    yield [t("desk.coverage.short"), share_of(whole.coverage), "", ""]
    for key in MEASURES:
        row: list[Cell] = [t(f"report.measure.{key}"), whole.now[key], whole.before[key]]
        yield [*row, share_of(whole.change(key))]
    for key in NOW:
        yield [t(f"report.now.{key}"), getattr(whole, key), "", ""]


def _unit_header(t: Translate) -> list[str]:
    return [
        t("desk.units.unit"),
        t("desk.units.households"),
        t("desk.coverage.short"),
        *(t(f"report.measure.{key}") for key in MEASURES),
        *(t("report.of-before", measure=t(f"report.measure.{key}")) for key in ("doors", "acts", "people")),
        *(t(f"report.now.{key}") for key in NOW),
    ]


def _unit(line: Line) -> list[Cell]:
    return [
        line.name,
        line.households,
        share_of(line.coverage),
        *(line.now[key] for key in MEASURES),
        *(line.before[key] for key in ("doors", "acts", "people")),
        *(getattr(line, key) for key in NOW),
    ]


def _services(report: Report) -> Iterator[list[Cell]]:
    for row in report.services:
        for level in row.levels:
            before = report.before_of(row.service.key, level.level.key)
            changed = share_of(change(level.acts, before))
            names: list[Cell] = [row.service.name, level.level.name]
            yield [*names, level.acts, before, changed, level.new, level.senior]


def _services_of(report: Report) -> Iterator[list[Cell]]:
    """What each unit did; one that sent nothing has a row that says so."""
    for line in report.lines:
        rows: Sequence[ServiceRow] = report.services_of.get(line.code, ())
        if not rows:
            yield [line.name, None, None, None, None, None]
        for row in rows:
            for level in row.levels:
                if level.acts:
                    names: list[Cell] = [line.name, row.service.name, level.level.name]
                    yield [*names, level.acts, level.new, level.senior]


def _tallies(report: Report, kind: str, rows: Sequence[Tally]) -> list[list[Cell]]:
    if not rows:
        nothing = None if report.whole.silent else 0
        return [["", nothing, None]]
    return [[report.name(kind, row.key), row.count, share_of(row.share)] for row in rows]
