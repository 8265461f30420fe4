"""A sheet from an office as rows of text: workbooks by calamine, CSV in the encodings that offices use.

What is not a sheet is refused before it can hurt: by its size, by what it unpacks to, by the area it claims
to cover (one cell in the last corner would otherwise cost gigabytes), and by the text that its cells share.
Every cell becomes clean NFC text. `server.importing.reader` reads in a process of its own, which holds what
slips through to bounds of memory and time.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from server.importing import tcvn3
from sync.text import clean

MAX_BYTES = 20 * 1024 * 1024
MAX_UNPACKED = 120 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 200
MAX_TEXT = 200 * 1024 * 1024
MAX_MERGED = 2_000_000
MAX_CELLS = 600_000
MAX_CELL = 1000
"""Signs of a cell that are read: no part of an address is nearly as long."""
TITLE_ROWS = 200
"""How many rows may stand around the households before the limit counts."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_DELIMITERS = ",;\t|"


class NotASheet(Exception):
    """The file as a whole cannot be used; `code` is a key under ``import.error``."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class Cell(Struct, frozen=True, array_like=True):
    """One cell. `dated`: Excel had made a date of it; `spread`: a merged cell begins further left.

    `old` is its text as it stood there when `text` was converted from an old font.
    """

    text: str
    dated: bool = False
    spread: bool = False
    old: str = ""


class Row(Struct, frozen=True, array_like=True):
    """One row with the number that the office sees beside it."""

    number: int
    cells: tuple[Cell, ...]

    def text(self, column: int) -> str:
        return self.cells[column].text if column < len(self.cells) else ""


Rows = list[Row]
Fitness = Callable[[Rows], int]
"""How well a header is found in rows; decides between sheets and between delimiters."""


class Table(Struct, frozen=True, array_like=True):
    """The rows of one sheet, by its name in the workbook; `converted` cells came from an old font."""

    rows: Rows
    name: str = ""
    converted: int = 0

    def as_it_was(self) -> Table:
        """Without any conversion of old fonts."""
        if not self.converted:
            return self
        rows = [
            Row(row.number, tuple(Cell(clean(c.old), c.dated, c.spread) if c.old else c for c in row.cells))
            for row in self.rows
        ]
        return Table(rows, self.name)


def read_table(data: bytes, fitness: Fitness) -> Table:
    """The best fitting table of a file.

    :raises NotASheet: with what is wrong.
    """
    from server.importing import workbook

    if len(data) > MAX_BYTES:
        raise NotASheet("too-large", megabytes=MAX_BYTES // 1024 // 1024)
    if not data.strip():
        raise NotASheet("empty")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        table = workbook.read(data, fitness)
    else:
        table = _csv(_decode(data), fitness)
    if len(table.rows) > MAX_ROWS + TITLE_ROWS:
        raise NotASheet("too-many-rows", rows=MAX_ROWS)
    rows = [_trimmed(row) for row in table.rows]
    if sum(len(row.cells) for row in rows) > MAX_CELLS:
        raise NotASheet("too-much-text")
    return Table(rows, table.name, table.converted)


def _trimmed(row: Row) -> Row:
    """Without the empty cells at its end."""
    end = len(row.cells)
    while end and not row.cells[end - 1].text:
        end -= 1
    return Row(row.number, row.cells[:end])


Raw = list[tuple[int, list[object]]]
"""Rows as a file has them: the number of each, and its cells as text, numbers or dates."""


def make_rows(raw: Raw) -> tuple[Rows, int]:
    """Clean rows, and how many cells were converted from an old font."""
    old = tcvn3.recognise(
        value for _, cells in raw for value in cells if isinstance(value, str) and not value.isascii()
    )
    made: dict[str, Cell] = {}
    rows, converted = [], 0
    for number, values in raw:
        cells = []
        for value in values:
            if isinstance(value, str):
                cell = made.get(value) or made.setdefault(value, _text_cell(value, value in old))
            else:
                cell = _cell(value)
            converted += bool(cell.old)
            cells.append(cell)
        rows.append(Row(number, tuple(cells)))
    return rows, converted


def _text_cell(value: str, old: bool) -> Cell:
    value = value[:MAX_CELL]
    return Cell(clean(tcvn3.convert(value)), old=value) if old else Cell(clean(value))


def _cell(value: object) -> Cell:
    if isinstance(value, (datetime, date)):
        return Cell(_as_typed(value), dated=True)
    if isinstance(value, (time, timedelta)):
        return Cell(str(value), dated=True)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return Cell(str(int(value)))
    return Cell(clean(str(value)))


def _as_typed(day: date) -> str:
    """What was probably typed: "12/4" is stored as a day of the year in which somebody typed it."""
    typed = f"{day.day}/{day.month}"
    return typed if day.year >= 2015 else f"{typed}/{day.year % 100}"


# -- CSV ------------------------------------------------------------------------------------------


def _decode(data: bytes) -> str:
    """Text in UTF-8 or UTF-16, else Windows-1258, the code page of Vietnamese Windows."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif data[1:400:2].count(0) > len(data[1:400:2]) // 3:
        candidates = ["utf-16-le"]
    else:
        candidates = ["utf-8-sig", "cp1258"]
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROL.search(text):
            break
        return text
    raise NotASheet("not-a-sheet")


def _csv(text: str, fitness: Fitness) -> Table:
    """The delimiter is the one under which the header is found."""
    start = text[: 1 << 16]
    try:
        heads = {delimiter: make_rows(list(_records(start, delimiter))[:100])[0] for delimiter in _DELIMITERS}
        best = max(heads, key=lambda delimiter: fitness(heads[delimiter]))
        raw: Raw = []
        for record in _records(text, best):
            if len(record[1]) > MAX_COLUMNS:
                raise NotASheet("too-many-columns", columns=MAX_COLUMNS)
            if len(raw) > MAX_ROWS + TITLE_ROWS:
                raise NotASheet("too-many-rows", rows=MAX_ROWS)
            raw.append(record)
    except csv.Error:
        raise NotASheet("not-a-sheet") from None
    rows, converted = make_rows(raw)
    return Table(rows, converted=converted)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[object]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 1
    for record in reader:
        if any(clean(value) for value in record):
            yield number, list(record)
        number = reader.line_num + 1
