"""Importing into a unit: seen before written, written once, and nothing at all when a row is bad."""

from __future__ import annotations

import io
import json
import re
import secrets
from pathlib import Path

import pytest

from server.importing.console import import_file, plan_import
from server.importing.households import Target, read_households
from server.importing.sample import DOCS, NAME, ROWS, sample_csv
from server.texts import Texts
from sync import checks
from sync.names import Names
from sync.store import Document, Store

pytestmark = pytest.mark.anyio
TEXTS = Texts.load()
WARD = "09562"


class Unit:
    """One unit's empty database and a terminal to read."""

    def __init__(self, store: Store, names: Names, code: str) -> None:
        self.store, self.code = store, code
        self.ward = names.ward(WARD)
        self.terminal = io.StringIO()

    async def bring_in(self, path: Path, *, write: bool = True, skip_bad: bool = False) -> int:
        return await import_file(
            self.store,
            self.ward,
            Target(self.code, []),
            path,
            write=write,
            skip_bad=skip_bad,
            t=TEXTS.within("vi"),
            say=lambda line: print(line, file=self.terminal),
        )

    async def households(self) -> list[Document]:
        rows = await self.store.all_docs(self.ward.unit(self.code), include_docs=True)
        return sorted((row["doc"] for row in rows), key=lambda doc: doc["order"]["value"])

    @property
    def said(self) -> str:
        return self.terminal.getvalue()


@pytest.fixture
async def unit(store: Store, names: Names) -> Unit:
    code = f"tdp-{secrets.token_hex(4)}"
    await store.create(names.unit(WARD, code))
    await store.create(names.imports)
    return Unit(store, names, code)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "ho.csv"
    path.write_bytes(sample_csv())
    return path


def add_row(sheet: Path, row: str) -> None:
    sheet.write_bytes(sheet.read_bytes() + f"{row}\r\n".encode())


def test_the_sample_sheets_are_the_same_and_have_no_bad_rows() -> None:
    csv, xlsx = ((DOCS / f"{NAME}.{kind}").read_bytes() for kind in ("csv", "xlsx"))
    assert csv == sample_csv()
    one, other = read_households(csv), read_households(xlsx)
    assert [h.address for h in one.good] == [h.address for h in other.good]
    assert len(one.good) == len(ROWS)
    assert not one.bad
    assert not other.bad


async def test_without_write_nothing_is_written(unit: Unit, sheet: Path) -> None:
    assert await unit.bring_in(sheet, write=False) == 0
    assert await unit.households() == []
    assert "--write" in unit.said


async def test_households_arrive_in_the_order_of_the_sheet(unit: Unit, sheet: Path) -> None:
    assert await unit.bring_in(sheet) == 0
    saved = await unit.households()
    assert [doc["address"]["value"].get("house", "") for doc in saved] == [row[0] for row in ROWS]
    for document in saved:
        checks.check_form(document)
        checks.check_text(document)


async def test_a_second_import_adds_nothing_and_says_so(unit: Unit, sheet: Path) -> None:
    await unit.bring_in(sheet)
    assert await unit.bring_in(sheet) == 0
    assert len(await unit.households()) == len(ROWS)
    assert "Không có hộ mới" in unit.said


async def test_a_longer_sheet_adds_only_what_is_new_after_the_last_door(unit: Unit, sheet: Path) -> None:
    await unit.bring_in(sheet)
    add_row(sheet, "10,99,,đường Bờ Mương,,,2,")
    await unit.bring_in(sheet)
    saved = await unit.households()
    assert len(saved) == len(ROWS) + 1
    assert saved[-1]["address"]["value"]["house"] == "99"


async def test_one_bad_row_keeps_everything_out(unit: Unit, sheet: Path) -> None:
    add_row(sheet, "10,,,đường Bờ Mương,,,2,")
    assert await unit.bring_in(sheet) == 1
    assert await unit.households() == []
    assert "14" in unit.said
    assert "Thiếu số nhà" in unit.said


async def test_bad_rows_may_be_left_out_knowingly(unit: Unit, sheet: Path) -> None:
    add_row(sheet, "10,,,đường Bờ Mương,,,2,")
    assert await unit.bring_in(sheet, skip_bad=True) == 0
    assert len(await unit.households()) == len(ROWS)


async def test_a_unit_that_does_not_exist_is_a_sentence_and_not_a_trace(
    store: Store, names: Names, sheet: Path
) -> None:
    nowhere = Unit(store, names, "no-such-unit")
    assert await nowhere.bring_in(sheet) == 2
    assert "[no-unit]" in nowhere.said


async def test_a_missing_file_is_a_sentence_and_not_a_trace(unit: Unit, tmp_path: Path) -> None:
    assert await unit.bring_in(tmp_path / "khong-co.xlsx") == 2
    assert "[no-file]" in unit.said


async def test_a_guessed_address_is_told_as_it_is_read(unit: Unit, tmp_path: Path) -> None:
    path = tmp_path / "dia-chi.csv"
    path.write_text("Địa chỉ\n33 Bờ Đê\n5 ngõ 12 phố B\n", encoding="utf-8")
    assert await unit.bring_in(path, write=False) == 0
    assert re.search(r"  2  33 Bờ Đê  →  Số nhà: 33 · Đường, phố: Bờ Đê\n", unit.said)
    assert "phố B" not in unit.said, "what its words tell is not asked about"


async def test_the_plan_counts_new_and_known(unit: Unit, sheet: Path) -> None:
    await unit.bring_in(sheet)
    plan = await plan_import(unit.store, unit.ward, Target(unit.code, []), sample_csv())
    assert (plan.known, plan.new) == (len(ROWS), [])


def test_every_code_has_its_sentence_in_both_languages() -> None:
    folder = Path(__file__).parents[2] / "server"
    source = "".join(path.read_text(encoding="utf-8") for path in (folder / "importing").glob("*.py"))
    for language in ("vi", "en"):
        texts = json.loads((folder / "texts" / language / "import.json").read_text(encoding="utf-8"))[
            "import"
        ]
        for kind, raised in (("error", "NotASheet("), ("row", "RowError(")):
            codes = {part.split('"')[1] for part in source.split(raised)[1:] if part.startswith('"')}
            assert codes
            assert codes <= set(texts[kind]), language
