"""The dashboard and the report compare a period with the same days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from server import board
from server.periods import Choice
from server.progress import Period, Unit
from server.reporting import report
from sync.rollup import empty_day

TODAY = date(2026, 11, 27)
CATALOG: dict[str, Any] = {"services": [], "targets": []}
TOTALS = ("households", "residents", "unreadable", "adults_known", "adults")
CASES = {
    "the month that runs": (Choice("month", Period(date(2026, 11, 1), TODAY)), "2026-10-01", "2026-10-27"),
    "any days": (Choice("7d", Period(date(2026, 11, 21), TODAY)), "2026-11-14", "2026-11-20"),
}


def rollup() -> dict[str, Any]:
    """Every day since September has one act more than the day before."""
    days = [(date(2026, 9, 1) + timedelta(days=n)).isoformat() for n in range(88)]
    counted = {day: {**empty_day(), "acts": {"ihanoi/using": n}} for n, day in enumerate(days)}
    return {"days": counted, "at": None, **dict.fromkeys(TOTALS, 0)}


@pytest.mark.parametrize("case", CASES)
def test_the_dashboard_compares_with_the_days_that_the_report_does(case: str) -> None:
    choice, first, last = CASES[case]
    units, rollups = [Unit("a", "A", "team")], {"a": rollup()}
    known = board.Source(rollups=rollups, people={}, phones=(), quarantined=0, names={})
    shown = board.build_board(CATALOG, units, known, choice, "vi")
    source = report.Source(rollups=rollups, people={}, people_before={}, members={}, phones=(), refused={})
    told = report.build_report(CATALOG, units, source, choice, "vi", "Cả phường")
    counted = sum(
        day["acts"]["ihanoi/using"] for on, day in rollups["a"]["days"].items() if first <= on <= last
    )
    assert shown.headline.before.acts == told.whole.before["acts"] == counted
