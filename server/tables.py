"""Tables to take away as CSV: opened by Excel in UTF-8, with no cell that is a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from starlette.responses import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def send_csv(name: str, rows: Iterable[Sequence[str]]) -> Response:
    """The rows as a file of this name, never kept by caches."""
    target = StringIO()
    csv.writer(target).writerows([cell(text) for text in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response("\ufeff" + target.getvalue(), 200, headers, "text/csv; charset=utf-8")


def cell(text: str) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
