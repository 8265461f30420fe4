"""Figures as people write them: 1.234 and 45,6% in Vietnamese, 1,234 and 45.6% in English.

``None`` is "no data" and always written "—".
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

NOTHING = "—"
VIETNAM = timezone(timedelta(hours=7), "ICT")


def write_count(value: int | None, language: str) -> str:
    if value is None:
        return NOTHING
    text = f"{value:,}"
    return text if language == "en" else text.replace(",", ".")


def write_share(value: float | None, language: str) -> str:
    """A share in percent, with one decimal where it says something (below 100 and not whole)."""
    if value is None:
        return NOTHING
    percent = min(value * 100, 99.9) if value < 1 else value * 100  # nothing is done before it is done
    text = f"{percent:.1f}".removesuffix(".0")
    return f"{text if language == 'en' else text.replace('.', ',')}%"


def write_change(value: float | None, language: str) -> str:
    """A relative change with its sign: +12%, −4%."""
    if value is None:
        return NOTHING
    sign = "−" if value < 0 else "+"
    return f"{sign}{write_share(abs(round(value, 2)), language)}"


def write_day(day: str | date) -> str:
    """dd/mm/yyyy."""
    return (date.fromisoformat(day) if isinstance(day, str) else day).strftime("%d/%m/%Y")


def write_short_day(day: str) -> str:
    """d/m, for axes."""
    on = date.fromisoformat(day)
    return f"{on.day}/{on.month}"


def write_instant(at: str | None) -> str:
    """ "14:03 22/11/2026" in Vietnam, of an ISO instant in UTC."""
    if not at:
        return NOTHING
    return datetime.fromisoformat(at).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def vietnam_today(now: datetime | None = None) -> date:
    return (now or datetime.now(UTC)).astimezone(VIETNAM).date()
