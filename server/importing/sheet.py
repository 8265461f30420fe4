"""A sheet from an office as rows of text: XLSX by calamine, CSV in the encodings that offices use.

What is not a sheet is refused before it can hurt: by its size, by what it unpacks to, by the area it claims
to cover (one cell in the last corner would otherwise cost gigabytes), and by the text that its cells share.
Every cell becomes clean NFC text.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import python_calamine

from sync.text import clean

MAX_BYTES = 20 * 1024 * 1024
MAX_UNPACKED = 120 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 200
MAX_TEXT = 200 * 1024 * 1024
MAX_MERGED = 2_000_000
TITLE_ROWS = 200
"""How many rows may stand around the households before the limit counts."""

_CELL = re.compile(rb"""<(?:\w+:)?(?:c|row)\s(?:[^>]*?\s)?r=["']([A-Z]{0,3})(\d{1,7})["'][^>]*>""")
_SHARED = re.compile(rb"""t=["']s["'][^>]*>\s*<(?:\w+:)?v>(\d{1,8})<""")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_DELIMITERS = ",;\t|"


class NotASheet(Exception):
    """The file as a whole cannot be used; `code` is a key under ``import.error``."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `dated`: Excel had made a date of it; `spread`: a merged cell begins further left."""

    text: str
    dated: bool = False
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row with the number that the office sees beside it."""

    number: int
    cells: tuple[Cell, ...]

    def text(self, column: int) -> str:
        return self.cells[column].text if column < len(self.cells) else ""


Rows = list[Row]
Fitness = Callable[[Rows], int]
"""How well a header is found in rows; decides between sheets and between delimiters."""


def read_rows(data: bytes, fitness: Fitness) -> Rows:
    """All rows of the best fitting table of a file.

    :raises NotASheet: with what is wrong.
    """
    if len(data) > MAX_BYTES:
        raise NotASheet("too-large", megabytes=MAX_BYTES // 1024 // 1024)
    if not data.strip():
        raise NotASheet("empty")
    if data.startswith(b"PK\x03\x04"):
        rows = _workbook(data, fitness)
    elif data.startswith(b"\xd0\xcf\x11\xe0"):
        raise NotASheet("old-excel")
    else:
        rows = _csv(_decode(data), fitness)
    if len(rows) > MAX_ROWS + TITLE_ROWS:
        raise NotASheet("too-many-rows", rows=MAX_ROWS)
    return rows


# -- XLSX -----------------------------------------------------------------------------------------


def _workbook(data: bytes, fitness: Fitness) -> Rows:
    _check_archive(data)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        tables = [_sheet(book.get_sheet_by_name(name)) for name in visible]
    except python_calamine.PasswordError:
        raise NotASheet("password") from None
    except (python_calamine.CalamineError, ValueError, OSError):
        raise NotASheet("not-a-sheet") from None
    filled = [table for table in tables if table]
    if not filled:
        raise NotASheet("empty")
    return max(filled, key=fitness)


def _check_archive(data: bytes) -> None:
    """Unpack once, throwing the bytes away, so that nothing lies about its size afterwards."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" not in names or len(names) > 1000:
                raise NotASheet("not-a-sheet")
            _check_parts(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        raise NotASheet("not-a-sheet") from None


def _check_parts(archive: zipfile.ZipFile) -> None:
    left, shared = MAX_UNPACKED, [0]
    # the shared strings first: what a cell costs depends on them
    for entry in sorted(archive.infolist(), key=lambda entry: "sharedStrings" not in entry.filename):
        parts = []
        with archive.open(entry) as part:
            while chunk := part.read(1 << 18):
                left -= len(chunk)
                if left < 0:
                    raise NotASheet("unpacks-too-large")
                parts.append(chunk)
        if "sharedStrings" in entry.filename:
            shared = [len(string) for string in b"".join(parts).split(b"</si>")]
        elif entry.filename.startswith("xl/worksheets/"):
            _check_cells(b"".join(parts), shared)


def _check_cells(xml: bytes, shared: list[int]) -> None:
    """Refuse cells far out, and strings that are repeated until they fill the memory."""
    for found in _CELL.finditer(xml):
        if found[0].endswith(b"/>"):
            continue
        if int(found[2]) > MAX_ROWS + TITLE_ROWS:
            raise NotASheet("too-many-rows", rows=MAX_ROWS)
        if _column(found[1]) > MAX_COLUMNS:
            raise NotASheet("too-many-columns", columns=MAX_COLUMNS)
    strings = (int(index) for index in _SHARED.findall(xml))
    if sum(shared[index] for index in strings if index < len(shared)) > MAX_TEXT:
        raise NotASheet("unpacks-too-large")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet(sheet: python_calamine.CalamineSheet) -> Rows:
    table = [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    budget = MAX_MERGED
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        if top < len(table) and left < len(table[top]):
            budget -= min(bottom + 1 - top, len(table)) * min(right + 1 - left, MAX_COLUMNS)
            if budget < 0:
                raise NotASheet("not-a-sheet")
            _spread(table, top, left, bottom, right)
    return [Row(n, tuple(cells)) for n, cells in enumerate(table, 1) if any(cell.text for cell in cells)]


def _spread(table: list[list[Cell]], top: int, left: int, bottom: int, right: int) -> None:
    """A merged cell's text stands in every cell it covers; downwards as if typed, sideways marked."""
    first = table[top][left]
    for row in table[top : bottom + 1]:
        for column in range(left, min(right + 1, len(row))):
            row[column] = Cell(first.text, first.dated, spread=column > left)


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


def _csv(text: str, fitness: Fitness) -> Rows:
    """The delimiter is the one under which the header is found."""
    start = text[: 1 << 16]
    try:
        heads = {delimiter: list(_records(start, delimiter))[:100] for delimiter in _DELIMITERS}
        best = max(heads, key=lambda delimiter: fitness(heads[delimiter]))
        rows: Rows = []
        for row in _records(text, best):
            if len(row.cells) > MAX_COLUMNS:
                raise NotASheet("too-many-columns", columns=MAX_COLUMNS)
            if len(rows) > MAX_ROWS + TITLE_ROWS:
                raise NotASheet("too-many-rows", rows=MAX_ROWS)
            rows.append(row)
    except csv.Error:
        raise NotASheet("not-a-sheet") from None
    return rows


def _records(text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 1
    for record in reader:
        cells = tuple(Cell(clean(value)) for value in record)
        if any(cell.text for cell in cells):
            yield Row(number, cells)
        number = reader.line_num + 1
