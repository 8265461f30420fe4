"""Which column means what: the header row is found below title rows by the meaning of its words.

A header may stand in two rows ("Địa chỉ" above "Số nhà", "Ngõ", "Đường"): since merged cells are spread out
before, the lower row holds most meanings and wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

from server.importing.sheet import Cell, Row, Rows, Table
from sync.text import fold

Meaning = Literal["house", "lane", "street", "building", "flat", "address", "adults", "kind", "unit"]
Private = Literal["name", "id", "phone", "birth"]

SEARCHED = 60
"""Rows from the top in which a header may stand."""
LINES = 3
"""Rows of a header at most."""
LONGEST = 60
"""Signs of a heading."""

_MEANINGS: list[tuple[Meaning, str]] = [
    ("address", r"dia chi|noi (o|cu tru|thuong tru)|cho o( hien (tai|nay))?"),
    ("house", r"(so )?nha( so)?|so nha|sn|dia chi so nha"),
    ("lane", r"(so |ten )?(ngo|ngach|hem|kiet)"),
    ("street", r"(ten )?(duong|pho|duong pho)"),
    ("flat", r"(so )?(can|can ho|phong|so phong)"),
    ("building", r"(ten |so )?(toa|toa nha|chung cu|nha chung cu|khu nha|block)"),
    ("adults", r"(so )?(nguoi lon|nguoi truong thanh|nguoi tu (16|18) tuoi( tro len)?)"),
    ("kind", r"(phan )?loai( ho| hinh)?|loai hinh ho|hinh thuc"),
    ("unit", r"(ten )?(to|tdp|to dan pho|khu dan cu|thon)( so)?|to tdp"),
]
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
_PRIVATE: list[tuple[Private, str]] = [
    (
        "name",
        r"chu ho|ho (va )?ten|ten chu ho|ho ten chu ho|nguoi (dai dien|dung ten|lien he)|ten|(full )?name",
    ),
    ("id", r"cccd|cmnd|cmtnd|can cuoc|so dinh danh|dinh danh"),
    ("phone", r"dien thoai|so dien thoai|sdt|so dt|dt|di dong|phone|zalo|email"),
    ("birth", r"ngay sinh|nam sinh|ngay thang nam sinh|sinh nam|tuoi"),
]
_PRIVATE_WORDS = re.compile("|".join(rf"(?:{pattern})(?: .*)?" for _, pattern in _PRIVATE))
_SILENT = re.compile(r"stt|tt|so tt|so thu tu")
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Header:
    """Where the households begin and what stands where. `columns` are in the order of the sheet."""

    row: Row
    columns: tuple[tuple[int, Meaning], ...]
    private: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def score(self) -> int:
        meanings = {meaning for _, meaning in self.columns}
        if not meanings & {"house", "address", "flat"}:
            return 0
        return len(meanings) * 2 + min(len(self.private), 3) + (1 if len(self.row.cells) > 1 else 0)


def find_header(rows: Rows) -> Header | None:
    """The most telling of the first rows, None when no row names where a household lives."""
    headers = [_header(row) for row in rows[:SEARCHED]]
    best = max(headers, key=lambda header: header.score, default=None)
    least = 3 if width(rows) > 1 else 2  # a list of addresses and nothing else
    if best is None or best.score < least:
        return None
    return replace(best, private=(*_private_above(rows, best.row).values(), *best.private))


def choose_header(rows: Rows, number: int, columns: Mapping[int, Meaning]) -> Header | None:
    """The header that somebody chose by hand: the row of this number, and what its columns mean."""
    row = next((row for row in rows[:SEARCHED] if row.number == number), None)
    if row is None:
        return None
    found = _header(row)
    told = tuple((column, columns[column]) for column in sorted(columns) if column < width(rows))
    headings = {row.text(column) for column, _ in told}
    read = [row.text(column) for column, _ in found.columns if row.text(column) not in headings]
    unused = [name for name in (*found.unused, *read) if name not in headings]
    return Header(row, told, found.private, tuple(dict.fromkeys(unused)))


def likely_row(rows: Rows) -> int:
    """The number of the row that is likely a header where none is understood: the first well filled one."""
    filled = [_filled(row) for row in rows[:SEARCHED]]
    most = max(filled, default=0)
    return next((row.number for row, count in zip(rows, filled, strict=False) if 2 * count > most), 1)


def width(rows: Rows) -> int:
    return max((len(row.cells) for row in rows), default=0)


def columns_at(rows: Rows, number: int) -> dict[int, Meaning]:
    """What the words in the row of this number make of its columns."""
    row = next((row for row in rows if row.number == number), None)
    return dict(_header(row).columns) if row else {}


def private_at(rows: Rows, number: int) -> set[int]:
    """The columns that tell who someone is, by the words in the row of this number or above its gaps."""
    row = next((row for row in rows if row.number == number), None)
    return _private(row) | _private_above(rows, row).keys() if row else set()


def without_private(table: Table) -> Table:
    """The table without what stands below headings of names, numbers of people, and birthdays."""
    header = find_header(table.rows)
    tops = [header.row] if header else [row for row in table.rows[:SEARCHED] if _filled(row) > 1]
    headings = dict.fromkeys(_private_above(table.rows, header.row), header.row.number) if header else {}
    for row in tops:
        headings = {**dict.fromkeys(_private(row), row.number), **headings}
    if not headings:
        return table
    rows = [
        _emptied(row, {column for column, top in headings.items() if row.number > top}) for row in table.rows
    ]
    return Table(rows, table.name, table.converted)


def _private_above(rows: Rows, header: Row) -> dict[int, str]:
    """Private headings that stand a row or two above a gap of the header, as in a header of two lines."""
    above = [row for row in rows if header.number - LINES < row.number < header.number]
    columns = {column for row in above for column in _private(row) if not header.text(column)}
    return {column: next(row.text(column) for row in above if column in _private(row)) for column in columns}


def _emptied(row: Row, columns: set[int]) -> Row:
    cells = (Cell("") if number in columns and cell.text else cell for number, cell in enumerate(row.cells))
    return Row(row.number, tuple(cells))


def _filled(row: Row) -> int:
    return sum(bool(cell.text) and not cell.spread for cell in row.cells)


def _private(row: Row) -> set[int]:
    texts = enumerate(cell.text for cell in row.cells)
    return {number for number, text in texts if _judge(text)[:2] == (None, True)}


def fitness(rows: Rows) -> int:
    """How surely these rows are a list of households: 0 when no header is found."""
    header = find_header(rows)
    return header.score if header else 0


def repeats(header: Header, row: Row) -> bool:
    """The header printed again at the top of a page, or its second line."""
    if not any(_judge(row.text(column))[0] for column, _ in header.columns):
        return False
    again = _header(row)
    return again.score >= 3 and {m for _, m in again.columns} <= {m for _, m in header.columns}


def _header(row: Row) -> Header:
    columns: list[tuple[int, Meaning]] = []
    private: list[str] = []
    unused: list[str] = []
    for number, cell in enumerate(row.cells):
        if not cell.text or len(cell.text) > LONGEST:
            continue
        meaning, is_private, is_silent = _judge(cell.text)
        if meaning is not None:
            columns.append((number, meaning))
        elif is_private:
            private.append(cell.text)
        elif not is_silent and cell.text not in unused:
            unused.append(cell.text)
    return Header(row, tuple(columns), tuple(private), tuple(unused))


@lru_cache(4096)
def _judge(text: str) -> tuple[Meaning | None, bool, bool]:
    """What a heading means, whether its column tells who someone is, whether it need not be mentioned."""
    if len(text) > LONGEST or text[:1].isdigit():
        return None, False, False
    words = _words(text)
    return _meaning(words), _is_private(text), bool(_SILENT.fullmatch(words))


def _words(heading: str) -> str:
    return _WORDS.sub(" ", fold(heading)).strip()


def _is_private(heading: str) -> bool:
    """Whether a column under this heading tells who someone is."""
    return len(heading) <= LONGEST and bool(_PRIVATE_WORDS.fullmatch(_words(heading)))


def _meaning(words: str) -> Meaning | None:
    """The meaning of one heading; "Ngõ/ngách/hẻm" and "Tòa, căn hộ" mean what their first words mean."""
    for meaning, pattern in _MEANINGS:
        if re.fullmatch(rf"(?:{pattern})(?: (?:{pattern}))*", words):
            return meaning
    if re.fullmatch(r"toa( nha)? (so )?can( ho)?", words):
        return "building"
    if re.fullmatch(r"so nha (ngo|ngach|hem|duong|pho).*", words):
        return "address"
    return None
