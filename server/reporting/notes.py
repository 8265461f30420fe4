"""What a report lacks, in sentences: units that sent nothing, records that wait, what nobody records here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from server.board import LATE_HOURS
from server.numbers import write_count, write_day
from server.reporting.report import Line, Report
from server.texts import Translate


def write_notes(report: Report, t: Translate, language: str, today: date) -> list[str]:
    """One sentence for each thing that is missing, the gravest first; the last two are always there."""

    def counted(key: str, n: int) -> str:
        one = ".one" if n == 1 else ""
        return t(f"report.note.{key}{one}", n=write_count(n, language), hours=LATE_HOURS)

    def where(key: str, of: Callable[[Line], int]) -> list[str]:
        n = of(report.whole)
        units = [f"{line.name} ({write_count(of(line), language)})" for line in report.lines if of(line)]
        named = len(report.lines) > 1
        return [counted(key, n) + (f": {'; '.join(units)}." if named else ".")] if n else []

    notes: list[str] = []
    if report.silent:
        notes.append(counted("silent", len(report.silent)) + f": {'; '.join(report.silent)}.")
    notes += where("refused", lambda line: line.refused)
    notes += where("waiting", lambda line: line.waiting)
    if report.whole.late:
        units = [line.name for line in report.lines if line.late]
        told = f": {'; '.join(units)}." if len(report.lines) > 1 else "."
        notes.append(counted("late", report.whole.late) + told)
    if report.unreadable:
        notes.append(counted("unreadable", report.unreadable) + ".")
    if report.moved:
        notes.append(counted("moved", report.moved))
    if report.choice.period.last >= today:
        notes.append(t("report.note.running", last=write_day(report.choice.period.last)))
    if not report.comparable:
        notes.append(t("report.note.nothing-before"))
    return [*notes, t("report.note.members"), t("report.note.elsewhere")]
