"""The period that a page of the desk shows, read from its address.

``?period=today|7d|month|campaign`` or ``?period=custom&from=yyyy-mm-dd&to=yyyy-mm-dd``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from server.progress import Period

CHOICES = ("today", "7d", "month", "campaign", "custom")
USUAL = "7d"
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


def read_period(query: Mapping[str, str], today: date, campaigns: Sequence[Mapping[str, Any]]) -> Choice:
    """The chosen period; the usual one when nothing was chosen.

    :raises PeriodError: for what is no period, with the reason.
    """
    key = query.get("period") or ("custom" if query.get("from") or query.get("to") else USUAL)
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
    return _campaign(today, campaigns) if key == "campaign" else None


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
