"""Workbooks as raw rows: XLSX and XLSM, ODS, and XLS of Excel 97 to 2003. No macro is run.

XLSX and ODS are archives, unpacked once before they are believed; XLS is an OLE file, which packs nothing.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from html import unescape

import python_calamine

from server.importing.sheet import (
    MAX_COLUMNS,
    MAX_MERGED,
    MAX_ROWS,
    MAX_TEXT,
    MAX_UNPACKED,
    TITLE_ROWS,
    Fitness,
    NotASheet,
    Raw,
    Row,
    Table,
    make_rows,
)
from sync.text import clean

Area = tuple[tuple[int, int], tuple[int, int]]
"""(row, column) of the first and the last cell of a merged one, counted from 0."""
_XLSX, _ODS = "xl/workbook.xml", "content.xml"
_CELL = re.compile(rb"""<(?:\w+:)?(?:c|row)\s(?:[^>]*?\s)?r=["']([A-Z]{0,3})(\d{1,7})["'][^>]*>""")
_SHARED = re.compile(rb"""t=["']s["'][^>]*>\s*<(?:\w+:)?v>(\d{1,8})<""")
_PART = re.compile(rb"""<(?:\w+:)?(table|table-row|(?:covered-)?table-cell)([\s/][^<>]*)?>""")
_TIMES = re.compile(rb"""number-(?:rows|columns)-repeated=["'](\d{1,9})["']""")
_SPANNED = re.compile(rb"""number-(rows|columns)-spanned=["'](\d{1,9})["']""")
_NAME = re.compile(rb"""(?<![\w:-])(?:\w+:)?name=["']([^"']*)["']""")
MAX_NAME = 100
_LOCKED = "EncryptedPackage".encode("utf-16-le")


def read(data: bytes, fitness: Fitness) -> Table:
    """The sheet that fits best.

    :raises NotASheet: for anything but a workbook that can be read.
    """
    merged: dict[str, list[Area]] = {}
    if data.startswith(b"PK"):
        merged = _check_archive(data)
    elif _LOCKED in data:
        raise NotASheet("password")
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        tables = [_table(book.get_sheet_by_name(name), merged.get(name, [])) for name in visible]
    except python_calamine.PasswordError:
        raise NotASheet("password") from None
    except (python_calamine.CalamineError, ValueError, OSError):
        raise NotASheet("not-a-sheet") from None
    filled = [table for table in tables if table.rows]
    if not filled:
        raise NotASheet("empty")
    return max(filled, key=lambda table: fitness(table.rows))


def _check_archive(data: bytes) -> dict[str, list[Area]]:
    """Unpack once, so that nothing lies about its size afterwards; the merged cells of an ODS."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if not {_XLSX, _ODS} & set(names) or len(names) > 1000:
                raise NotASheet("not-a-sheet")
            return _check_parts(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        raise NotASheet("not-a-sheet") from None


def _check_parts(archive: zipfile.ZipFile) -> dict[str, list[Area]]:
    left, shared = MAX_UNPACKED, [0]
    merged: dict[str, list[Area]] = {}
    # the shared strings first: what a cell costs depends on them
    for entry in sorted(archive.infolist(), key=lambda entry: "sharedStrings" not in entry.filename):
        parts = []
        with archive.open(entry) as part:
            while chunk := part.read(1 << 18):
                left -= len(chunk)
                if left < 0:
                    raise NotASheet("unpacks-too-large")
                parts.append(chunk)
        content = b"".join(parts)
        if "sharedStrings" in entry.filename:
            shared = [len(string) for string in content.split(b"</si>")]
        elif entry.filename.startswith("xl/worksheets/"):
            _check_cells(content, shared)
        elif entry.filename == "META-INF/manifest.xml" and b"encryption-data" in content:
            raise NotASheet("password")
        elif entry.filename == _ODS:
            merged = _merged_in_ods(content)
    return merged


def _check_cells(xml: bytes, shared: list[int]) -> None:
    """Refuse cells far out, and strings that are repeated until they fill the memory."""
    for found in _CELL.finditer(xml):
        if not found[0].endswith(b"/>"):
            _check_place(int(found[2]), _column(found[1]))
    strings = (int(index) for index in _SHARED.findall(xml))
    if sum(shared[index] for index in strings if index < len(shared)) > MAX_TEXT:
        raise NotASheet("unpacks-too-large")


def _merged_in_ods(xml: bytes) -> dict[str, list[Area]]:
    """The merged cells of each sheet of an ODS, of which calamine does not tell.

    A row or cell says how often it stands there; empty ones do no harm.

    :raises NotASheet: for cells far out, or text that is repeated until it fills the memory.
    """
    merged: dict[str, list[Area]] = {}
    areas: list[Area] = []
    row = column = height = cost = 0
    for found in _PART.finditer(xml):
        told = found[2] or b""
        many = int(times[1]) if (times := _TIMES.search(told)) else 1
        if found[1] == b"table":
            name = _NAME.search(told)
            areas = merged.setdefault(unescape(name[1].decode("utf-8", "replace")) if name else "", [])
            row = column = 0
        elif found[1] == b"table-row":
            row, column, height = row + many, 0, many
        else:
            column += many
            if told.endswith(b"/") or found[1] != b"table-cell":
                continue
            _check_place(row, column)
            cost += many * height * max(0, xml.find(b"</", found.end()) - found.end())
            spans = {kind: int(count) for kind, count in _SPANNED.findall(told)}
            if spans and len(areas) < MAX_ROWS:
                bottom, right = row - 1 + spans.get(b"rows", 1) - 1, column - 1 + spans.get(b"columns", 1) - 1
                areas.append(((row - 1, column - 1), (bottom, right)))
        if cost > MAX_TEXT:
            raise NotASheet("unpacks-too-large")
    return merged


def _check_place(row: int, column: int) -> None:
    if row > MAX_ROWS + TITLE_ROWS:
        raise NotASheet("too-many-rows", rows=MAX_ROWS)
    if column > MAX_COLUMNS:
        raise NotASheet("too-many-columns", columns=MAX_COLUMNS)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _table(sheet: python_calamine.CalamineSheet, merged: list[Area]) -> Table:
    _check_place(sheet.total_height, sheet.total_width)
    values = sheet.to_python(skip_empty_area=False)
    raw: Raw = [(number, list(row)) for number, row in enumerate(values, 1)]
    rows, converted = make_rows(raw)
    budget = MAX_MERGED
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or merged:
        if top < len(rows) and left < len(rows[top].cells):
            budget -= min(bottom + 1 - top, len(rows)) * min(right + 1 - left, MAX_COLUMNS)
            if budget < 0:
                raise NotASheet("not-a-sheet")
            _spread(rows, top, left, bottom, right)
    filled = [row for row in rows if any(cell.text for cell in row.cells)]
    return Table(filled, clean(sheet.name[:MAX_NAME]), converted)


def _spread(rows: list[Row], top: int, left: int, bottom: int, right: int) -> None:
    """A merged cell's text stands in every cell it covers; downwards as if typed, sideways marked."""
    first = rows[top].cells[left]
    beside = type(first)(first.text, first.dated, True, first.old)
    for number in range(top, min(bottom + 1, len(rows))):
        cells = list(rows[number].cells)
        for column in range(left, min(right + 1, len(cells))):
            cells[column] = beside if column > left else first
        rows[number] = Row(rows[number].number, tuple(cells))
