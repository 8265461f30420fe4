"""What an address says about the period, and what is said about a wrong one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server.numbers import (
    vietnam_today,
    write_change,
    write_count,
    write_day,
    write_instant,
    write_share,
)
from server.periods import PeriodError, read_period
from server.progress import Period

TODAY = date(2026, 5, 20)
CAMPAIGNS = [
    {"from": "2026-04-01", "to": "2026-05-19"},
    {"from": "2026-04-10", "to": "2026-05-18"},
    {"from": "2026-09-01", "to": "2026-09-30"},
]


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({}, date(2026, 5, 14), TODAY),
        ({"period": "today"}, TODAY, TODAY),
        ({"period": "7d"}, date(2026, 5, 14), TODAY),
        ({"period": "month"}, date(2026, 5, 1), TODAY),
        ({"period": "campaign"}, date(2026, 4, 10), date(2026, 5, 18)),
        ({"from": "2026-05-19", "to": "2026-05-19"}, date(2026, 5, 19), date(2026, 5, 19)),
        ({"period": "custom", "from": "2026-05-01", "to": "2026-06-01"}, date(2026, 5, 1), date(2026, 6, 1)),
    ],
)
def test_a_period_is_read_from_the_address(query: dict[str, str], first: date, last: date) -> None:
    assert read_period(query, TODAY, CAMPAIGNS).period == Period(first, last)


def test_open_campaigns_are_taken_together() -> None:
    choice = read_period({"period": "campaign"}, date(2026, 5, 1), CAMPAIGNS)
    assert choice.period == Period(date(2026, 4, 1), date(2026, 5, 19))


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"period": "always"}, "desk.period.unknown"),
        ({"period": "custom"}, "desk.period.missing-date"),
        ({"from": "2026-05-01"}, "desk.period.missing-date"),
        ({"from": "31/12/2026", "to": "2026-05-01"}, "desk.period.bad-date"),
        ({"from": "2026-02-30", "to": "2026-05-01"}, "desk.period.bad-date"),
        ({"from": "0001-01-01", "to": "2026-05-01"}, "desk.period.bad-date"),
        ({"from": "2026-05-02", "to": "2026-05-01"}, "desk.period.wrong-order"),
        ({"from": "2020-01-01", "to": "2026-05-01"}, "desk.period.too-long"),
    ],
)
def test_a_wrong_period_says_what_is_wrong(query: dict[str, str], key: str) -> None:
    with pytest.raises(PeriodError) as caught:
        read_period(query, TODAY, CAMPAIGNS)
    assert caught.value.key == key


def test_without_campaigns_there_is_no_such_period() -> None:
    with pytest.raises(PeriodError):
        read_period({"period": "campaign"}, TODAY, [])


def test_today_is_vietnams() -> None:
    assert vietnam_today(datetime(2026, 5, 19, 17, 1, tzinfo=UTC)) == date(2026, 5, 20)


def test_figures_are_written_as_their_readers_write_them() -> None:
    assert (write_count(1234567, "vi"), write_count(1234567, "en")) == ("1.234.567", "1,234,567")
    assert (write_share(0.4567, "vi"), write_share(0.4567, "en"), write_share(1.0, "vi")) == (
        "45,7%",
        "45.7%",
        "100%",
    )
    assert (write_change(0.124, "vi"), write_change(-0.04, "vi")) == ("+12%", "−4%")
    assert write_count(None, "vi") == write_share(None, "vi") == write_instant(None) == "—"
    assert write_count(0, "vi") == "0"
    assert write_day("2026-05-19") == "19/05/2026"
    assert write_instant("2026-05-19T17:01:00.000Z") == "00:01 20/05/2026"
