"""Rows of a sheet as households: each row is good, or bad with a reason and how to mend it.

Names, phone numbers and identity numbers are personal data for which nobody has asked the residents yet:
those columns are not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from server.content import Unit
from server.importing.addresses import Address, Split, door, split, tidy, undate
from server.importing.header import Header, Meaning, choose_header, find_header, fitness, repeats
from server.importing.sheet import MAX_ROWS, NotASheet, Row, Rows, Table, read_table
from sync import id_numbers
from sync.text import clean, fold

_fold = lru_cache(8192)(fold)
MAX_PART = 120
LONGEST = 300
"""Signs of a cell that may be an address: a longer one is not even looked at, which would take its time."""
_DITTO = {'"', "''", "nt", "-nt-", "nhu tren", "//", "-//-"}
_FOOTER = re.compile(
    r"(tong( cong| so)?|cong)\b|nguoi lap|xac nhan|to truong|ngay \d|.*, ngay \d|ghi chu\s*:|ky ten"
)
_KINDS = {
    "home": {"ho", "ho gia dinh", "gia dinh", "hgd", "gd", "nha o", "ho dan"},
    "business": {"ho kinh doanh", "kinh doanh", "hkd", "kd", "ho kd", "cua hang", "cua hieu"},
}

_ORDINAL = re.compile(r"(?:[ivx]+|\d+|[a-h])[.)]?")
_SUBTITLE = re.compile(rf"(?:{_ORDINAL.pattern} *)?(?:danh sach )?(?:to dan pho|tdp|to)(?: so)? *\d+\W*")


class Target(NamedTuple):
    """The unit that households are for: its code and its names."""

    code: str
    names: Sequence[str]


def target_of(unit: Unit) -> Target:
    """As the unit is called, and was once."""
    names = [unit.name, *(former.name for former in unit.past)]
    return Target(unit.code, [text for name in names for text in (name.vi, name.en)])


class Choice(NamedTuple):
    """What somebody set right by hand: which row is the header, and what its columns mean."""

    header: int
    columns: Mapping[int, Meaning]


@dataclass(frozen=True, slots=True)
class Found:
    """A household of the sheet, not yet a document. `dated`: a date was read back as an address.

    `source` is the cell whose address was taken apart, `sure` whether its words told how or somebody looked.
    `kind` and `adults` are None where the sheet does not tell; `door` is `server.importing.addresses.door`.
    """

    row: int
    address: Address
    kind: str | None
    adults: int | None
    dated: bool
    door: str
    source: str = ""
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be imported; `code` is a key under ``import.row``, `text` shows which row it is.

    `address` is what was read of it, where it can be completed by hand.
    """

    row: int
    code: str
    values: dict[str, object]
    text: str
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Households:
    """What a sheet holds."""

    header: Header
    good: list[Found] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)


class RowError(Exception):
    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values
        self.address: Address | None = None


def read_households(data: bytes, choice: Choice | None = None, target: Target | None = None) -> Households:
    """Every row of a file judged, within this process; nothing is written anywhere.

    :raises NotASheet: when the file as a whole cannot be used.
    """
    return judge_table(read_table(data, fitness), choice, target)


def judge_table(
    table: Table,
    choice: Choice | None = None,
    target: Target | None = None,
    fixes: Mapping[int, Address] | None = None,
) -> Households:
    """Every row of a table judged, for the unit that is the target; `fixes` are addresses set right, by row.

    :raises NotASheet: when no households can be found in it.
    """
    rows = table.rows
    header = choose_header(rows, choice.header, choice.columns) if choice else find_header(rows)
    if header is None or not header.score:
        raise NotASheet("no-house-column") if choice else NotASheet("no-header")
    below = list(_below(header, rows))
    if len(below) > MAX_ROWS:
        raise NotASheet("too-many-rows", rows=MAX_ROWS)
    if not below:
        raise NotASheet("no-households")
    return _judge(header, below, target, fixes or {})


def _judge(header: Header, rows: Rows, target: Target | None, fixes: Mapping[int, Address]) -> Households:
    result = Households(header)
    seen: dict[str, int] = {}
    above: dict[int, str] = {}
    section = ""
    for row in rows:
        if subtitle := _unit_above(header, row):
            section = subtitle
            continue
        try:
            texts, dated = _texts(header, row, above)
            if target is not None:
                _check_unit(" ".join(texts.get("unit", [])) or section, target)
            found = _household(row.number, texts, dated, fixes.get(row.number))
            if found.door in seen:
                raise RowError("repeated", first=seen[found.door])
            seen[found.door] = row.number
            result.good.append(found)
        except RowError as error:
            shown = _shown(header, row)
            result.bad.append(Bad(row.number, error.code, error.values, shown, error.address))
    return result


def _below(header: Header, rows: Rows) -> Iterator[Row]:
    """The rows under the header that mean to be households: no second header, no sums or signatures."""
    used = [column for column, _ in header.columns]
    for row in rows:
        if row.number <= header.row.number or repeats(header, row):
            continue
        typed = [cell.text for cell in row.cells if cell.text and not cell.spread]
        if not typed or _counts(typed):
            continue
        filled = [column for column in used if row.text(column) and not row.cells[column].spread]
        if len(filled) <= 1 and any(_FOOTER.match(_fold(text)) for text in typed):
            continue
        yield row


def _unit_above(header: Header, row: Row) -> str:
    """The unit that a subtitle names, for the rows below it: "TỔ DÂN PHỐ SỐ 8", "II. Tổ 9".

    A row that fills more than one of the columns that are read is a household, whatever its street is called.
    """
    typed = [cell.text for cell in row.cells if cell.text and not cell.spread]
    told = [column for column, _ in header.columns if row.text(column) and not row.cells[column].spread]
    if len(told) > 1 or len(typed) > 2 or any(meaning == "unit" for _, meaning in header.columns):
        return ""
    if len(typed) == 2 and not _ORDINAL.fullmatch(_fold(typed[0])):
        return ""
    return typed[-1] if typed and _SUBTITLE.fullmatch(_fold(typed[-1])) else ""


def _counts(typed: list[str]) -> bool:
    """The row "(1) (2) (3) …" that forms have below their header."""
    if not all(re.fullmatch(r"\(?\d{1,2}\)?", text) for text in typed):
        return False
    numbers = [int(text.strip("()")) for text in typed]
    return len(numbers) > 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _texts(header: Header, row: Row, above: dict[int, str]) -> tuple[dict[str, list[str]], bool]:
    """What a row says, by meaning, and whether a date was read back as an address."""
    texts: dict[str, list[str]] = {}
    dated = False
    for column, meaning in header.columns:
        if column >= len(row.cells) or row.cells[column].spread:
            continue
        cell = row.cells[column]
        text = above.get(column, "") if _fold(cell.text) in _DITTO else cell.text
        above[column] = text
        if len(text) > LONGEST:
            raise RowError("too-long", most=MAX_PART)
        if id_numbers.judge(text) == "refuse":
            raise RowError("id-number")
        if meaning in ("house", "lane", "flat") and (typed := undate(text)):
            text, dated = typed, True
        if text:
            texts.setdefault(meaning, []).append(_named(header, column, meaning, text))
        if cell.dated and meaning not in ("adults", "kind", "unit"):
            dated = True
    return texts, dated


def _household(row: int, texts: dict[str, list[str]], dated: bool, fix: Address | None) -> Found:
    source = _whole(texts)
    address, sure = split(source) if source else Split({}, True)
    if fix is None:
        address |= tidy(_told(texts, source))
    else:
        address, sure = tidy(fix), True
    try:
        _check(address)
    except RowError as error:
        error.address = address
        raise
    return Found(row, address, _kind(texts), _adults(texts), dated, door(address), source, sure)


def _check_unit(text: str, target: Target) -> None:
    """A row that names no unit, or this one in any way: "7", "Tổ 07", "TDP số 7", "tdp-07"."""
    told, own = _fold(text), [_fold(name) for name in (target.code, *target.names)]
    numbers = {int(found) for name in own for found in re.findall(r"\d{1,9}", name)}
    digits = re.findall(r"\d{1,9}", told)
    same = int(digits[-1]) in numbers if digits and numbers else not told or any(told in name for name in own)
    if not same:
        raise RowError("other-unit", text=text)


def _named(header: Header, column: int, meaning: str, text: str) -> str:
    """A bare number in a column "Ngách" is "ngách 12", since the word is only in the heading."""
    heading = _fold(header.row.text(column))
    if meaning == "lane" and text[0].isdigit():
        kinds = [kind for kind in ("ngách", "hẻm", "ngõ") if _fold(kind) in heading]
        return f"{kinds[0]} {text}" if len(kinds) == 1 else text
    return text


def _whole(texts: dict[str, list[str]]) -> str:
    """The text that holds a whole address: of its column, or of "Số nhà" where that is the only one."""
    if "address" in texts:
        return ", ".join(texts["address"])
    house = ", ".join(texts.get("house", []))
    alone = not texts.keys() & {"lane", "street", "building", "flat"}
    told = split(house) if alone and house else Split({}, False)
    return house if told.sure and len(told.address) > 1 else ""


def _told(texts: dict[str, list[str]], source: str) -> Address:
    """What the columns of the parts say."""
    lanes = sorted(texts.get("lane", []), key=lambda lane: not _fold(lane).startswith(("ngach", "hem")))
    house = ", ".join(texts.get("house", []))
    return {
        "house": "" if house == source else house,
        "lane": ", ".join(lanes),
        "street": ", ".join(texts.get("street", [])),
        "building": ", ".join(texts.get("building", [])),
        "unit_text": ", ".join(texts.get("flat", [])),
    }


def _check(address: Address) -> None:
    """:raises RowError: when no door is told, or what cannot be kept."""
    if any(id_numbers.judge(part) == "refuse" for part in address.values()):
        raise RowError("id-number")
    if not address.get("house") and not address.get("unit_text"):
        raise RowError("no-house")
    if not re.search(r"\d", address.get("house", "") + address.get("unit_text", "")):
        raise RowError("no-number", text=address.get("house") or address.get("unit_text"))
    if any(len(part) > MAX_PART for part in address.values()):
        raise RowError("too-long", most=MAX_PART)


def _kind(texts: dict[str, list[str]]) -> str | None:
    text = " ".join(texts.get("kind", []))
    if not text:
        return None
    for kind, words in _KINDS.items():
        if _fold(text) in words:
            return kind
    raise RowError("kind", text=text)


def _adults(texts: dict[str, list[str]]) -> int | None:
    text = " ".join(texts.get("adults", []))
    if not text or text in ("-", "—"):
        return None
    found = re.fullmatch(r"(\d{1,2})( ?(nguoi|ng))?", _fold(text))
    if found is None:
        raise RowError("adults", text=text)
    return int(found[1])


def _shown(header: Header, row: Row) -> str:
    """The row as a reader recognises it; only the columns that are read, and no long numbers."""
    texts = [row.text(column)[:LONGEST] for column, _ in header.columns if row.text(column)]
    return clean(" · ".join(dict.fromkeys(map(id_numbers.mask, texts))))[:80]
