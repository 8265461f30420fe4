"""The formats that offices send, their old fonts, and files made to hurt; the files are LibreOffice's own."""

from __future__ import annotations

import io
import random
import signal
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.test_import_page import MANIFEST, SPACES, TYPE, ods
from server.importing import addresses, reader, tcvn3
from server.importing.header import find_header, fitness, private_at, without_private
from server.importing.households import Target, judge_table, read_households
from server.importing.reader import read_apart
from server.importing.sheet import NotASheet, Table, make_rows, read_table
from server.settings import SETTINGS
from sync import id_numbers
from tests.data.test_importing import HEAD, lines, reasons, xlsx

SHEETS = Path(__file__).parent / "sheets"
STREETS = (
    "đường Bờ Mương, phố Khâm Thiên, ngõ Quỳnh Lôi, phường Yên Nghĩa, "
    "tổ dân phố Ỷ La, đường Láng Hạ, phố Tô Vĩnh Diện"
)


@pytest.mark.parametrize("kind", ["ods", "xls"])
def test_a_workbook_of_libreoffice_is_read_with_its_merged_cells_and_dates(kind: str) -> None:
    found = read_households((SHEETS / f"danh-sach.{kind}").read_bytes())
    assert found.header.row.number == 2
    assert lines(found) == ["12, phố Ao Đình", "12/4, phố Ao Đình", "14A, ngách 12/4, phố Ao Đình"]
    assert [household.dated for household in found.good] == [False, True, False]


def test_of_a_workbook_with_macros_the_cells_are_read_alone() -> None:
    data = io.BytesIO(xlsx([HEAD, [1, 5, "", "phố Ao Đình"]]))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 Sub Auto_Open()")
    assert lines(read_households(data.getvalue())) == ["5, phố Ao Đình"]


def content(rows: str) -> bytes:
    """An ODS with these rows as they stand in the file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", TYPE)
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        table = f'<table:table table:name="A">{rows}</table:table>'
        body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
        archive.writestr("content.xml", f"<office:document-content {SPACES}>{body}</office:document-content>")
    return file.getvalue()


def cell(text: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string"{more}><text:p>{text}</text:p></table:table-cell>'


def times(kind: str, count: int) -> str:
    return f' table:number-{kind}-repeated="{count}"'


HOUSE = ("Số nhà", "Đường")
LONG = "x" * 60_000
HARMFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "locked": (lambda: (SHEETS / "khoa.xlsx").read_bytes(), "password"),
    "a cell in the last row": (
        lambda: content(
            f"<table:table-row{times('rows', 1_048_575)}/><table:table-row>{cell('x')}</table:table-row>"
        ),
        "too-many-rows",
    ),
    "a cell a million times": (
        lambda: content(f"<table:table-row>{cell('x', times('columns', 10**6))}</table:table-row>"),
        "too-many-columns",
    ),
    "a text a million times": (
        lambda: content(
            f"<table:table-row{times('rows', 20_000)}>{cell(LONG, times('columns', 100))}</table:table-row>"
        ),
        "unpacks-too-large",
    ),
    "a locked ODS": (lambda: locked_ods(), "password"),
    "a page of text": (
        lambda: zipped(
            {"content.xml": b"<office:text/>", "mimetype": b"application/vnd.oasis.opendocument.text"}
        ),
        "not-a-sheet",
    ),
    "too many cells": (lambda: ("a,b\n" + ",".join("x" * 100) + "\n").encode() * 7000, "too-much-text"),
    "half an XLS": (lambda: (SHEETS / "danh-sach.xls").read_bytes()[:3000], "not-a-sheet"),
}


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def locked_ods() -> bytes:
    manifest = MANIFEST.replace(
        "/></manifest:manifest>", "><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"
    )
    return zipped(
        {
            "mimetype": TYPE.encode(),
            "META-INF/manifest.xml": manifest.encode(),
            "content.xml": bytes(range(256)),
        }
    )


@pytest.mark.parametrize("case", HARMFUL)
def test_what_would_hurt_is_refused_with_its_code(case: str) -> None:
    make, code = HARMFUL[case]
    with pytest.raises(NotASheet) as caught:
        read_households(make())
    assert caught.value.code == code


def test_empty_rows_and_cells_to_the_end_of_the_sheet_are_no_harm() -> None:
    rest = f"<table:table-cell{times('columns', 16_000)}/></table:table-row>"
    rows = [f"<table:table-row>{cell(one)}{cell(two)}{rest}" for one, two in (HOUSE, ("5", "phố A"))]
    found = read_households(content(f"{''.join(rows)}<table:table-row{times('rows', 1_048_000)}>{rest}"))
    assert lines(found) == ["5, phố A"]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["ods", "xls"])
def test_a_damaged_workbook_is_refused_or_read(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray((SHEETS / f"danh-sach.{kind}").read_bytes())
    for _ in range(rng.randrange(1, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    try:
        read_households(bytes(data))
    except NotASheet:
        pass
    except BaseException as error:
        assert type(error).__name__ == "PanicException", error  # ends the process that reads apart  # noqa: PT017


@pytest.mark.anyio
async def test_a_reader_that_dies_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "COMMAND", (sys.executable, "-c", "import os; os.abort()"))
    with pytest.raises(NotASheet) as caught:
        await read_apart(xlsx([HEAD, [1, 5]]))
    assert caught.value.code == "unpacks-too-large"


@pytest.mark.anyio
async def test_a_reader_knows_no_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.setenv(name, "secret")
    tell = (
        "import os, sys, msgspec; from server.importing.reader import Answer; "
        "sys.stdout.buffer.write(msgspec.msgpack.encode(Answer(None, 'told', dict(os.environ))))"
    )
    monkeypatch.setattr(reader, "COMMAND", (sys.executable, "-c", tell))
    with pytest.raises(NotASheet) as caught:
        await read_apart(b"")
    assert caught.value.code == "told"
    assert not SETTINGS.keys() & caught.value.values.keys()
    assert "PATH" in caught.value.values


def test_a_reader_that_nobody_waits_for_ends_by_itself() -> None:
    tell = "print(open('/proc/self/oom_score_adj').read(), flush=True)"
    endless = f"from server.importing.reader import bound; bound(1 << 30, 1); {tell}\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", endless], timeout=60, check=False, capture_output=True)
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    assert done.stdout.split() == [b"1000"], "where memory ends, it goes first"


# -- old fonts --------------------------------------------------------------------------------------


def as_old(text: str, page: str = "cp1252") -> str:
    """As a text typed under .VnTime looks to a program that takes its bytes for Windows'."""
    back = {new: old for old, new in tcvn3._LETTERS.items()}
    return "".join(back.get(sign, sign) for sign in text).encode("latin-1").decode(page)


@pytest.mark.parametrize("page", ["latin-1", "cp1258"])
def test_every_letter_of_the_old_fonts_is_converted(page: str) -> None:
    small = "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵĂÂÊÔƠƯĐ"
    assert tcvn3.convert(as_old(small, page)) == small


@pytest.mark.parametrize("page", ["latin-1", "cp1258"])
def test_old_text_is_recognised_and_converted(page: str) -> None:
    texts = [as_old(text, page) for text in STREETS.replace("Ỷ", "ỷ").split(", ")]
    assert tcvn3.recognise([*texts, "12/4", "A5"]) == set(texts)


@pytest.mark.parametrize(
    "texts",
    [
        STREETS.split(", "),
        unicodedata.normalize("NFD", STREETS).split(", "),
        ["Bà", "Hà Nôi", "má", "số", "à", "bé", "tù", "§ 5", "m²", "½ nhà", "© 2026", "±3"],
        ["café", "naïve", "Müller", "Straße", "São Paulo", "Ångström", "smörgåsbord", "façade", "señor"],
        ["§­êng"],
    ],
    ids=["unicode", "nfd", "short words", "other languages", "one word"],
)
def test_other_text_is_left_alone(texts: list[str]) -> None:
    assert tcvn3.recognise(texts) == frozenset()


def test_in_a_mixed_sheet_only_the_old_cells_are_converted() -> None:
    old = [as_old(text) for text in STREETS.replace("Ỷ", "ỷ").split(", ")]
    new = ["Bá Đạo", "Sè", "đường Bờ Mương", "phố Khâm Thiên", "Ngõ 5", "đường Láng Hạ"]
    assert tcvn3.recognise([*old, *new]) == set(old)


def test_a_workbook_in_an_old_font_is_read_as_its_reader_sees_it() -> None:
    rows: list[list[Any]] = [
        ["STT", as_old("Số nhà"), as_old("Đường/phố")],
        [1, 5, as_old("đường Bờ Mương")],
        [2, 7, as_old("phố Nghĩa Tân")],
    ]
    found = read_households(xlsx(rows))
    assert lines(found) == ["5, đường Bờ Mương", "7, phố Nghĩa Tân"]
    table, converted = make_rows([(n, list(row)) for n, row in enumerate(rows, 1)])
    before = Table(table, converted=converted).as_it_was()
    assert before.rows[1].text(2) == as_old("đường Bờ Mương").replace("\xad", "")
    assert not any(one.old for row in before.rows for one in row.cells)


def test_a_cell_without_end_costs_no_time() -> None:
    head, long = "Số nhà,Tòa,Đường\n", "a1- " * 30_000
    found = read_households(f"{head}5,{long},{long}\n7,,phố A\n".encode())
    assert (reasons(found), lines(found)) == ({2: "too-long"}, ["7, phố A"])


# -- units and private columns ----------------------------------------------------------------------


KEPT_OUT: dict[str, list[list[Any]]] = {
    "a heading above a gap of the header": [
        ["STT", "Họ tên chủ hộ", "Địa chỉ", "", ""],
        ["", "", "Số nhà", "Ngõ", "Đường"],
        [1, "Lê Mẫu", 5, "ngõ 1", "phố A"],
    ],
    "cells that begin like a heading": [
        ["Số nhà", "Đường", "Chủ hộ", "Điện thoại"],
        [5, "phố A", "Chủ hộ: Lê Mẫu", "ĐT 0912345678"],
    ],
    "such cells without a header that is understood": [
        ["Số hiệu", "Phố xá", "Chủ hộ", "SĐT"],
        [5, "phố A", "Chủ hộ Lê Mẫu", "ĐT: 0912345678"],
        [7, "phố A", "Chủ hộ Trần Mẫu", "ĐT: 0912345678"],
    ],
    "headings in English": [
        ["Số nhà", "Đường", "Full name", "Phone"],
        [5, "phố A", "Lê Mẫu", "0912345678"],
    ],
}


@pytest.mark.parametrize("case", KEPT_OUT)
def test_below_a_private_heading_nothing_is_kept(case: str) -> None:
    told = without_private(read_table(xlsx(KEPT_OUT[case]), fitness))
    assert not [
        cell.text for row in told.rows for cell in row.cells if "Mẫu" in cell.text or "0912" in cell.text
    ]
    assert any(cell.text == "phố A" for row in told.rows for cell in row.cells)


def test_a_private_heading_above_a_gap_is_told_with_the_others() -> None:
    told = without_private(read_table(xlsx(KEPT_OUT["a heading above a gap of the header"]), fitness))
    header = find_header(told.rows)
    assert header is not None
    assert (header.row.number, header.private) == (2, ("Họ tên chủ hộ",))
    assert private_at(told.rows, 2) == {1}


def test_a_cell_that_is_no_address_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def judge(text: str) -> id_numbers.Verdict:
        looked_at.append(text)
        return "ok"

    monkeypatch.setattr(id_numbers, "judge", judge)
    found = read_households(xlsx([["STT", "Địa chỉ"], [1, ",1" * 490], [2, "5, phố A"]]))
    assert (reasons(found), lines(found)) == ({2: "too-long"}, ["5, phố A"])
    assert max(map(len, looked_at)) <= 300


def test_what_is_cut_more_often_than_any_address_is_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[str] = []
    part = addresses._part

    def count(piece: str) -> addresses.Part | None:
        pieces.append(piece)
        return part(piece)

    monkeypatch.setattr(addresses, "_part", count)
    found = read_households(xlsx([["STT", "Địa chỉ"], [1, ",1" * 140], [2, "5, phố A"]]))
    assert (reasons(found), lines(found)) == ({2: "too-long"}, ["5, phố A"])
    assert len(pieces) < 20


def test_rows_of_another_unit_are_told() -> None:
    units = ["Tổ 7", "7", "TDP số 07", "", "tdp-07", "Tổ 8", "17", "Tổ dân phố"]
    rows: list[list[object]] = [["Số nhà", "Tổ"], *([number, unit] for number, unit in enumerate(units, 1))]
    table = Table(make_rows([(n, list(row)) for n, row in enumerate(rows, 1)])[0])
    found = judge_table(table, None, Target("tdp-07", ["Tổ dân phố số 7"]))
    assert reasons(found) == {7: "other-unit", 8: "other-unit"}
    assert not reasons(judge_table(table))


def test_a_subtitle_says_whose_the_rows_below_are() -> None:
    rows = (
        *("STT,Số nhà,Đường", "I,TỔ DÂN PHỐ SỐ 7,", "1,5,phố A", "II,Tổ dân phố số 8,", "1,7,phố A"),
        *(",Tổ 7,", "1,9,phố A", ",11,Tổ 3"),
    )
    found = read_households("\n".join(rows).encode(), None, Target("tdp-07", ["Tổ dân phố số 7"]))
    assert (lines(found), reasons(found)) == (["5, phố A", "9, phố A", "11, Tổ 3"], {5: "other-unit"})


def test_what_tells_who_someone_is_does_not_leave_the_reader() -> None:
    head: list[str | int] = ["Họ tên", "Số nhà", "CCCD", "Năm sinh", "Ghi chú"]
    data = ods([["Danh sách", "", "", "", ""], head, ["Lê Mẫu", "5", "001085012345", 1950, "xa"]])
    table = without_private(read_table(data, fitness))
    assert [one.text for one in table.rows[2].cells] == ["", "5", "", "", "xa"]
    header = find_header(table.rows)
    assert header is not None
    assert header.private == ("Họ tên", "CCCD", "Năm sinh")
