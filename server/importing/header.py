"""Which column means what: the header row is found below title rows by the meaning of its words.

A header may stand in two rows ("Địa chỉ" above "Số nhà", "Ngõ", "Đường"): since merged cells are spread out
before, the lower row holds most meanings and wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from server.importing.sheet import Row, Rows
from sync.text import fold

Meaning = Literal["house", "lane", "street", "building", "flat", "address", "adults", "kind"]
Private = Literal["name", "id", "phone", "birth"]

SEARCHED = 60
"""Rows from the top in which a header may stand."""

_MEANINGS: list[tuple[Meaning, str]] = [
    ("address", r"dia chi|noi (o|cu tru|thuong tru)|cho o( hien (tai|nay))?"),
    ("house", r"(so )?nha( so)?|so nha|sn|dia chi so nha"),
    ("lane", r"(so |ten )?(ngo|ngach|hem|kiet)"),
    ("street", r"(ten )?(duong|pho|duong pho)"),
    ("flat", r"(so )?(can|can ho|phong|so phong)"),
    ("building", r"(ten |so )?(toa|toa nha|chung cu|nha chung cu|khu nha|block)"),
    ("adults", r"(so )?(nguoi lon|nguoi truong thanh|nguoi tu (16|18) tuoi( tro len)?)"),
    ("kind", r"(phan )?loai( ho| hinh)?|loai hinh ho|hinh thuc"),
]
_PRIVATE: list[tuple[Private, str]] = [
    ("name", r"chu ho|ho (va )?ten|ten chu ho|ho ten chu ho|nguoi dai dien|ten"),
    ("id", r"cccd|cmnd|cmtnd|can cuoc|so dinh danh|dinh danh"),
    ("phone", r"dien thoai|so dien thoai|sdt|so dt|dt|di dong"),
    ("birth", r"ngay sinh|nam sinh|ngay thang nam sinh|sinh nam|tuoi"),
]
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
    return best if best is not None and best.score >= 3 else None


def fitness(rows: Rows) -> int:
    """How surely these rows are a list of households: 0 when no header is found."""
    header = find_header(rows)
    return header.score if header else 0


def repeats(header: Header, row: Row) -> bool:
    """The header printed again at the top of a page, or its second line."""
    again = _header(row)
    return again.score >= 3 and {m for _, m in again.columns} <= {m for _, m in header.columns}


def _header(row: Row) -> Header:
    columns: list[tuple[int, Meaning]] = []
    private: list[str] = []
    unused: list[str] = []
    for number, cell in enumerate(row.cells):
        if not cell.text or len(cell.text) > 60:
            continue
        words = _WORDS.sub(" ", fold(cell.text)).strip()
        if (meaning := _meaning(words)) is not None:
            columns.append((number, meaning))
        elif any(re.fullmatch(rf"(?:{pattern})(?: .*)?", words) for _, pattern in _PRIVATE):
            private.append(cell.text)
        elif not _SILENT.fullmatch(words) and cell.text not in unused:
            unused.append(cell.text)
    return Header(row, tuple(columns), tuple(private), tuple(unused))


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
