"""Tables to take away as CSV: opened by Excel in UTF-8, with no cell that is a formula.

A cell is a formula when it begins with one of `SIGNS` ("CSV Injection", OWASP), and which sign ends a cell is
the reader's setting: in Vietnam Excel cuts at semicolons. So an apostrophe stands before such a sign wherever
a cell could begin, and line ends and tabs become spaces.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO

from starlette.responses import Response

SIGNS = "=+-@＝＋－＠"
_BREAKS = re.compile(r"[\t\r\n\v\f]+")
_BEGINNING = re.compile(rf"""(^|[;,|])([\s"]*)(?=[{re.escape(SIGNS)}])""")


def send_csv(name: str, rows: Iterable[Sequence[str]]) -> Response:
    """The rows as a file of this name, never kept by caches."""
    target = StringIO()
    csv.writer(target).writerows([safe_cell(text) for text in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response("\ufeff" + target.getvalue(), 200, headers, "text/csv; charset=utf-8")


def safe_cell(text: str) -> str:
    """The text as a spreadsheet may have it: none of it can become a formula."""
    return _BEGINNING.sub(r"\1\2'", _BREAKS.sub(" ", text))
