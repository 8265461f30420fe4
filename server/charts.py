"""Charts as SVG made on the server: no script, no inline style, readable on a phone and in print.

A chart is told apart by pattern and label as well as colour; its figures stand in a table beside it,
and `<title>` and `<desc>` say what it shows. Drawn 340 units wide, so that its type is at its true size
on a phone of 360 px. All classes are in `server/static/charts.css`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

from markupsafe import Markup, escape

WIDTH = 340.0
LEFT = 44.0
RIGHT = 6.0
TOP = 20.0
HEIGHT = 190.0
BOTTOM = 30.0
LABELLED = 10
"""Up to so many columns bear their figure."""


@dataclass(frozen=True)
class Column:
    """One column: its label on the axis, its value (None: no data), the value written, both in words."""

    label: str
    value: int | None
    written: str
    words: str


@dataclass(frozen=True)
class Part:
    """One part of a whole, with the class that gives it colour and pattern."""

    name: str
    value: int
    words: str


def ceiling(value: int) -> int:
    """The round number at or above `value`, for the top of an axis: 1 2 4 5 10 20 40 50 …"""
    if value <= 4:
        return max(value, 1)
    magnitude: int = 10 ** int(log10(value))
    for step in (1, 2, 4, 5, 10):
        if value <= step * magnitude:
            return step * magnitude
    return int(10 * magnitude)


def column_chart(
    columns: Sequence[Column], *, id: str, title: str, desc: str, series: int, axis: Sequence[tuple[int, str]]
) -> Markup:
    """Columns over time. `axis` names the lines to draw, as (value, words); the last is the top."""
    top = max(axis[-1][0], 1)
    base = HEIGHT - BOTTOM
    scale = (base - TOP) / top
    width = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    body = [_axis_line(base - value * scale, words) for value, words in axis]
    every = ceil(len(columns) / 6) if columns else 1
    for n, column in enumerate(columns):
        x = LEFT + n * width
        body.append(_column(column, x, width, base, scale, series))
        middle = x + width / 2
        if column.value is not None and len(columns) <= LABELLED:
            top_of = base - column.value * scale - 4
            body.append(
                f'<text class="chart-value" x="{middle:.1f}" y="{top_of:.1f}" text-anchor="middle">'
                f"{escape(column.written)}</text>"
            )
        if n % every == 0:
            body.append(
                f'<text class="chart-label" x="{middle:.1f}" y="{base + 20:.1f}" text-anchor="middle">'
                f"{escape(column.label)}</text>"
            )
    body.append(f'<line class="chart-base" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>')
    return _svg("chart", f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", "".join(body), id, title, desc)


def _axis_line(y: float, words: str) -> str:
    return (
        f'<line class="chart-line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="chart-label" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(words)}</text>'
    )


def _column(column: Column, x: float, width: float, base: float, scale: float, series: int) -> str:
    gap = min(width * 0.18, 6)
    words = f"<title>{escape(column.words)}</title>"
    if column.value is None:
        middle = x + width / 2
        half = min(width * 0.25, 4)
        return (
            f'<line class="chart-none" x1="{middle - half:.1f}" x2="{middle + half:.1f}" '
            f'y1="{base - 5:.1f}" y2="{base - 5:.1f}">{words}</line>'
        )
    height = column.value * scale
    return (
        f'<rect class="series series-{series}" x="{x + gap / 2:.1f}" y="{base - height:.1f}" '
        f'width="{min(width - gap, 44):.1f}" height="{height:.1f}" rx="1.5">{words}</rect>'
    )


def stacked_bar(parts: Sequence[Part], *, id: str, title: str, desc: str) -> Markup:
    """One bar of parts of a whole. Each part has its pattern; the legend is the table beside it."""
    whole = sum(part.value for part in parts)
    body = [_patterns(id, len(parts))]
    x = 0.0
    for n, part in enumerate(parts, 1):
        width = WIDTH * part.value / whole if whole else 0.0
        box = f'x="{x:.2f}" y="0" width="{width:.2f}" height="36"'
        words = f"<title>{escape(part.words)}</title>"
        body.append(f'<rect class="series series-{n}" {box}>{words}</rect>')
        if n > 1:
            body.append(f'<rect class="pattern" {box} fill="url(#{id}-p{n})"/>')
        if x:
            body.append(f'<line class="chart-cut" x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="36"/>')
        x += width
    return _svg("chart chart-stack", f"0 0 {WIDTH:.0f} 36", "".join(body), id, title, desc)


def swatch(n: int, id: str) -> Markup:
    """The colour and pattern of part `n`, for a row of the table that is a legend."""
    box = 'width="22" height="22" rx="4"'
    pattern = f'<rect class="pattern" {box} fill="url(#{id}-p{n})"/>' if n > 1 else ""
    return Markup(  # noqa: S704
        f'<svg class="swatch" viewBox="0 0 22 22" aria-hidden="true" focusable="false">'
        f'<rect class="series series-{n}" {box}/>{pattern}</svg>'
    )


def share_bar(share: float | None, *, goal: float | None = None) -> Markup:
    """A thin bar for a table cell, where the figure itself is written; hidden from screen readers."""
    if share is None:
        return Markup("")
    full = min(max(share, 0.0), 1.0) * 100
    mark = ""
    if goal is not None and 0 < goal < 1:
        mark = f'<line class="bar-goal" x1="{goal * 100:.2f}" x2="{goal * 100:.2f}" y1="0" y2="10"/>'
    return Markup(  # noqa: S704
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-all" width="100" height="10"/>'
        f'<rect class="bar-part" width="{full:.2f}" height="10"/>{mark}</svg>'
    )


def _patterns(id: str, count: int) -> str:
    """Strokes over a colour: rising, dots, level, crossing, falling; in light ink."""
    strokes = (
        '<path d="M0 8 8 0"/>',
        '<circle cx="4" cy="4" r="1.4"/>',
        '<path d="M0 4h8"/>',
        '<path d="M0 4h8M4 0v8"/>',
        '<path d="M0 0 8 8"/>',
    )
    made = [
        f'<pattern id="{id}-p{n}" class="strokes" width="8" height="8" patternUnits="userSpaceOnUse">'
        f"{strokes[(n - 2) % len(strokes)]}</pattern>"
        for n in range(2, count + 1)
    ]
    return f"<defs>{''.join(made)}</defs>"


def _svg(css: str, box: str, body: str, id: str, title: str, desc: str) -> Markup:
    return Markup(  # noqa: S704
        f'<svg class="{css}" viewBox="{box}" role="img" aria-labelledby="{id}-title {id}-desc">'
        f'<title id="{id}-title">{escape(title)}</title><desc id="{id}-desc">{escape(desc)}</desc>'
        f"{body}</svg>"
    )
