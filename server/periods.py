"""The period that a page of the desk shows, read from its address.

``?period=today|7d|month|campaign`` or ``?period=custom&from=yyyy-mm-dd&to=yyyy-mm-dd``; reports also know
``week last-week last-month quarter``. Weeks begin on Monday; a period that runs ends today.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from server.progress import Period

CHOICES = ("today", "7d", "month", "campaign", "custom")
USUAL = "7d"
REPORTED = ("week", "last-week", "month", "last-month", "quarter", "campaign", "custom")
USUALLY_REPORTED = "week"
LONGEST = 400


class PeriodError(Exception):
    """A period that cannot be shown; `key` is the text that says why, `values` what it names."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True)
class Choice:
    """What was chosen, and the period it stands for."""

    key: str
    period: Period

    @property
    def query(self) -> str:
        if self.key != "custom":
            return f"period={self.key}"
        return f"period=custom&from={self.period.first.isoformat()}&to={self.period.last.isoformat()}"

    @property
    def before(self) -> Period:
        """What to compare with: the same days of the week, month or quarter before, else as many days."""
        if self.key == "week":
            week = timedelta(days=7)
            return Period(self.period.first - week, self.period.last - week)
        months = {"month": 1, "last-month": 1, "quarter": 3}.get(self.key)
        if months is None:
            return self.period.previous
        return Period(_earlier(self.period.first, months), _earlier(self.period.last, months))


def _earlier(day: date, months: int) -> date:
    """The same day so many months before; the last of a month stays the last."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    longest = monthrange(year, month + 1)[1]
    last = day.day == monthrange(day.year, day.month)[1]
    return date(year, month + 1, longest if last else min(day.day, longest))


def read_period(
    query: Mapping[str, str], today: date, campaigns: Sequence[Mapping[str, Any]], usual: str = USUAL
) -> Choice:
    """The chosen period; the usual one when nothing was chosen.

    :raises PeriodError: for what is no period, with the reason.
    """
    key = query.get("period") or ("custom" if query.get("from") or query.get("to") else usual)
    if key == "custom":
        return Choice(key, _custom(query))
    found = named_period(key, today, campaigns)
    if found is None:
        raise PeriodError("desk.period.unknown", value=key[:40])
    return Choice(key, found)


def named_period(key: str, today: date, campaigns: Sequence[Mapping[str, Any]]) -> Period | None:
    """The period of a name, None when there is none (no such name, or no campaign at all)."""
    if key == "today":
        return Period(today, today)
    if key == "7d":
        return Period(today - timedelta(days=6), today)
    if key == "month":
        return Period(today.replace(day=1), today)
    if key in REPORTED[:-2]:
        return _calendar(key, today)
    return _campaign(today, campaigns) if key == "campaign" else None


def _calendar(key: str, today: date) -> Period:
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    if key == "week":
        return Period(monday, today)
    if key == "last-week":
        return Period(monday - timedelta(days=7), monday - timedelta(days=1))
    if key == "last-month":
        return Period(_earlier(first, 1), first - timedelta(days=1))
    return Period(date(today.year, today.month - (today.month - 1) % 3, 1), today)


def _campaign(today: date, campaigns: Sequence[Mapping[str, Any]]) -> Period | None:
    """From the first to the last day of the open campaigns, else of the latest one begun, else the next."""
    spans = sorted((date.fromisoformat(row["from"]), date.fromisoformat(row["to"])) for row in campaigns)
    running = [span for span in spans if span[0] <= today <= span[1]]
    begun = [span for span in spans if span[0] <= today]
    chosen = running or begun[-1:] or spans[:1]
    if not chosen:
        return None
    return Period(min(first for first, _ in chosen), max(last for _, last in chosen))


def _custom(query: Mapping[str, str]) -> Period:
    texts = query.get("from", "").strip(), query.get("to", "").strip()
    if not all(texts):
        raise PeriodError("desk.period.missing-date")
    first, last = (_date(text) for text in texts)
    if first > last:
        raise PeriodError(
            "desk.period.wrong-order", first=first.strftime("%d/%m/%Y"), last=last.strftime("%d/%m/%Y")
        )
    if (last - first).days >= LONGEST:
        raise PeriodError("desk.period.too-long", days=LONGEST)
    return Period(first, last)


def is_day(text: str) -> bool:
    """Whether a field for dates would take this text."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PeriodError("desk.period.bad-date", value=text[:40]) from None
    if not 2000 <= day.year < 2100:
        raise PeriodError("desk.period.bad-date", value=text[:40])
    return day
