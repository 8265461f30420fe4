"""What a board looks like on a page: its charts, its comparisons, the links around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from server import numbers
from server.board import LATE_HOURS, Board
from server.charts import Column, Part, ceiling, column_chart, share_bar, stacked_bar, swatch
from server.periods import CHOICES, Choice, named_period
from server.progress import Point, change
from server.texts import Translate


def draw_board(
    board: Board, t: Translate, language: str, *, today: date, campaigns: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The values that `desk.html` needs beside the board itself."""
    most = max((row.acts or 0 for service in board.services for row in service.levels), default=0)
    return {
        "board": board,
        "charts": _charts(board, t, language),
        "compared": lambda now, before: _compared(now, before, t, language),
        "days_title": _days_title(board.points),
        "late_hours": LATE_HOURS,
        "longer": _longer(board.choice, t, today, campaigns),
        "most_acts": most or 1,
        "share_bar": share_bar,
        "swatch": swatch,
        "unit_names": {row.unit.code: row.unit.name for row in board.rows},
    }


def offered_periods(today: date, campaigns: Sequence[Mapping[str, Any]]) -> list[str]:
    return [key for key in CHOICES if named_period(key, today, campaigns) is not None]


def _compared(now: int | None, before: int | None, t: Translate, language: str) -> str:
    relative = change(now, before)
    if relative is None:
        return t("desk.before.none")
    return t("desk.before", change=numbers.write_change(relative, language))


def _days_title(points: Sequence[Point]) -> str:
    if len(points) < 1 or points[0].first == points[0].last:
        return "desk.days"
    length = (date.fromisoformat(points[0].last) - date.fromisoformat(points[0].first)).days + 1
    return "desk.days.weeks" if length == 7 else "desk.days.months"


def _longer(
    choice: Choice, t: Translate, today: date, campaigns: Sequence[Mapping[str, Any]]
) -> dict[str, str] | None:
    """A longer period to offer where this one is empty."""
    length = len(choice.period.days)
    for key in ("7d", "month", "campaign"):
        other = named_period(key, today, campaigns)
        if other is not None and len(other.days) > length:
            return {"query": f"period={key}", "name": t(f"desk.period.{key}")}
    return None


def _charts(board: Board, t: Translate, language: str) -> dict[str, Any]:
    return {
        "acts": _over_time(board.points, "acts", 1, t, language),
        "doors": _over_time(board.points, "doors", 2, t, language),
        "outcomes": _outcomes(board, t, language),
    }


def _over_time(points: Sequence[Point], figure: str, series: int, t: Translate, language: str) -> Any:
    values = [getattr(point, figure) for point in points]
    most = max((value for value in values if value is not None), default=0)
    top = ceiling(most)
    lines = [top // 2, top] if top % 2 == 0 else [top]
    when = next((_days(point) for point, value in zip(points, values, strict=True) if value == most), "")
    columns = [
        Column(
            numbers.write_short_day(point.first),
            value,
            numbers.write_count(value, language),
            f"{_days(point)}: "
            + (t("desk.days.none") if value is None else numbers.write_count(value, language)),
        )
        for point, value in zip(points, values, strict=True)
    ]
    return column_chart(
        columns,
        id=f"chart-{figure}",
        title=t(f"desk.{figure}"),
        desc=t(
            f"desk.days.{figure}.desc", n=len(points), most=numbers.write_count(most, language), when=when
        ),
        series=series,
        axis=[(line, numbers.write_count(line, language)) for line in lines],
    )


def _days(point: Point) -> str:
    first, last = numbers.write_day(point.first), numbers.write_day(point.last)
    return first if first == last else f"{first} – {last}"


def _outcomes(board: Board, t: Translate, language: str) -> Any:
    parts = []
    for row in board.outcomes:
        name = board.name("outcomes", row.key)
        words = (
            f"{name}: {numbers.write_count(row.count, language)} ({numbers.write_share(row.share, language)})"
        )
        parts.append(Part(name, row.count or 0, words))
    desc = t("desk.outcomes.desc", parts="; ".join(part.words for part in parts))
    return stacked_bar(parts, id="doors-parts", title=t("desk.outcomes"), desc=desc)
