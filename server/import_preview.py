"""What the preview of an import shows, as plain rows of text for its page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from server.importing.addresses import Address
from server.importing.header import Header, columns_at, likely_row, private_at, width
from server.importing.kept import Upload
from server.importing.plan import Plan
from server.importing.report import describe_bad, list_changes, read_as
from server.texts import Translate
from sync import id_numbers
from sync.residents import address_of

SHOWN = 200
"""Rows of each table at most; the bad ones are in the CSV, every one of them."""
FEW = 20
CHECKED = 50
SAMPLES, LONGEST = 3, 40


@dataclass(frozen=True, slots=True)
class Column:
    """One column to be understood: `name` as Excel has it ("B"), some of its cells, what it means."""

    number: int
    name: str
    heading: str
    samples: list[str]
    meaning: str
    private: bool


@dataclass(frozen=True, slots=True)
class Check:
    """An address to be looked at: how the sheet has it, how it was read, and what is missing, if anything."""

    row: int
    source: str
    address: Address
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """`header` is the number of the header's row, `columns` what stands under it."""

    header: int
    columns: list[Column]
    converted: tuple[str, str] | None = None
    new: list[tuple[int, str]] = field(default_factory=list)
    apart: list[tuple[int, str, str]] = field(default_factory=list)
    check: list[Check] = field(default_factory=list)
    to_check: int = 0
    reasons: list[tuple[str, int]] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    changes: list[tuple[int, str, str]] = field(default_factory=list)
    dated: list[tuple[int, str]] = field(default_factory=list)
    gone: list[tuple[int, str]] = field(default_factory=list)
    readdressed: list[tuple[int, str, str]] = field(default_factory=list)


def show(upload: Upload, plan: Plan | None, t: Translate) -> Shown:
    """`plan` is None where the sheet is not understood yet: then only its columns are there to be chosen."""
    header = _header_row(upload, plan)
    check = _to_check(plan, t) if plan else []
    told = _columns(upload, header, plan), _converted(upload)
    shown = Shown(header, *told, check=check[:CHECKED], to_check=len(check))
    if plan is None:
        return shown
    found = plan.households.good
    few = plan.new[:FEW]
    shown.new.extend((one.row, ", ".join(one.address.values())) for one in few if not one.source)
    shown.apart.extend(
        (one.row, one.source, read_as(one.address, t)) for one in few if one.source and one.sure
    )
    shown.reasons.extend(Counter(t(f"import.short.{bad.code}") for bad in plan.bad).most_common())
    shown.bad.extend((bad.row, describe_bad(bad, t), bad.text) for bad in plan.bad[:SHOWN])
    shown.changes.extend(list_changes(plan, t)[:SHOWN])
    shown.dated.extend((one.row, ", ".join(one.address.values())) for one in found if one.dated)
    shown.gone.extend((one.row, ", ".join(one.address.values())) for one in plan.gone[:SHOWN])
    elsewhere = (
        (f.row, ", ".join(f.address.values()), address_of(one)) for f, one in plan.readdressed[:SHOWN]
    )
    shown.readdressed.extend(elsewhere)
    del shown.dated[SHOWN:]
    return shown


def _to_check(plan: Plan, t: Translate) -> list[Check]:
    """New households whose address was guessed, and rows that lack a part of it, as the sheet has them."""
    guessed = [Check(one.row, one.source, one.address) for one in plan.new if not one.sure]
    short = [
        Check(bad.row, bad.text, bad.address, t(f"import.short.{bad.code}"))
        for bad in plan.bad
        if bad.address is not None and bad.code != "id-number"
    ]
    return sorted([*guessed, *short], key=lambda one: one.row)


def _header_row(upload: Upload, plan: Plan | None) -> int:
    if plan is not None:
        return plan.households.header.row.number
    return upload.choice.header if upload.choice else likely_row(upload.rows.rows)


def _columns(upload: Upload, number: int, plan: Plan | None) -> list[Column]:
    rows = upload.rows.rows
    header: Header | None = plan.households.header if plan else None
    if header is not None:
        meanings = dict(header.columns)
    else:
        meanings = dict(upload.choice.columns) if upload.choice else columns_at(rows, number)
    top = next((row for row in rows if row.number == number), None)
    private = private_at(rows, number)
    below = [row for row in rows if row.number > number][:200]
    found = []
    for column in range(width(rows)):
        heading = top.text(column) if top else ""
        samples = list(dict.fromkeys(text for row in below if (text := row.text(column))))[:SAMPLES]
        if heading or samples:
            masked = [id_numbers.mask(text)[:LONGEST] for text in samples]
            told = Column(
                column, _letters(column), heading[:60], masked, meanings.get(column, ""), column in private
            )
            found.append(told)
    return found


def _converted(upload: Upload) -> tuple[str, str] | None:
    """A cell as it was and as it is, when any was converted from an old font."""
    cells = (cell for row in upload.table.rows for cell in row.cells if cell.old)
    long = max(
        (cell for _, cell in zip(range(200), cells, strict=False)), key=lambda c: len(c.text), default=None
    )
    return (long.old[:80], long.text[:80]) if long else None


def _letters(column: int) -> str:
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name
