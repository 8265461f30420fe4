"""Ugly sheets from offices: what is read from them, and what is said about the rest."""

from __future__ import annotations

import contextlib
import csv
import io
import random
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import xlsxwriter

from server.importing import sheet as sheets
from server.importing.addresses import door, parse, split
from server.importing.households import Households, read_households
from server.importing.sheet import NotASheet

HEAD = ["STT", "Số nhà", "Ngõ", "Đường/phố", "Số người lớn", "Loại hộ"]


def xlsx(rows: list[list[Any]], draw: Callable[[Any, Any], None] | None = None) -> bytes:
    """A workbook of one sheet; dates are cells that Excel had taken for dates."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "dd/mm/yyyy"})
    page = book.add_worksheet()
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)
    if draw:
        draw(page, book)
    book.close()
    return file.getvalue()


def lines(found: Households) -> list[str]:
    return [", ".join(household.address.values()) for household in found.good]


def reasons(found: Households) -> dict[int, str]:
    return {bad.row: bad.code for bad in found.bad}


def test_a_header_is_found_below_titles() -> None:
    found = read_households(
        xlsx(
            [
                ["ỦY BAN NHÂN DÂN PHƯỜNG", None, None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"],
                [],
                ["DANH SÁCH HỘ GIA ĐÌNH TỔ DÂN PHỐ SỐ 7"],
                HEAD,
                ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)"],
                [1, 12, 5, "đường Bờ Mương", 3, "Hộ gia đình"],
                [2, "14A", "ngõ 5", "đường Bờ Mương", "2 người", "HKD"],
                ["", "Tổng cộng: 2 hộ"],
                ["", "", "", "Người lập biểu"],
            ]
        )
    )
    assert found.header.row.number == 4
    assert lines(found) == ["12, ngõ 5, đường Bờ Mương", "14A, ngõ 5, đường Bờ Mương"]
    assert [(h.row, h.kind, h.adults) for h in found.good] == [(6, "home", 3), (7, "business", 2)]
    assert not found.bad


def test_a_header_in_two_rows_with_merged_cells() -> None:
    def draw(page: Any, book: Any) -> None:
        page.merge_range("A1:A2", "STT")
        page.merge_range("B1:D1", "Địa chỉ")
        page.merge_range("E1:E2", "Ghi chú")

    found = read_households(
        xlsx(
            [
                [],
                ["", "Số nhà", "Ngách", "Phố"],
                [1, 3, "12/4", "phố Ao Đình"],
                [2, 5, "12/4", "phố Ao Đình"],
            ],
            draw,
        )
    )
    assert lines(found) == ["3, ngách 12/4, phố Ao Đình", "5, ngách 12/4, phố Ao Đình"]
    assert found.header.unused == ("Ghi chú",)


def test_a_street_merged_over_many_rows_belongs_to_each_of_them() -> None:
    def draw(page: Any, book: Any) -> None:
        page.merge_range("B2:B4", "đường Cây Gạo")

    found = read_households(xlsx([["Số nhà", "Đường"], [1], [3], [5]], draw))
    assert lines(found) == ["1, đường Cây Gạo", "3, đường Cây Gạo", "5, đường Cây Gạo"]


def test_a_subtitle_across_the_table_is_no_household() -> None:
    def draw(page: Any, book: Any) -> None:
        page.merge_range("A2:F2", "NGÕ 12 ĐƯỜNG CÂY GẠO")

    found = read_households(xlsx([HEAD, [], [1, 4, 12, "đường Cây Gạo"]], draw))
    assert lines(found) == ["4, ngõ 12, đường Cây Gạo"]
    assert set(reasons(found).values()) <= {"no-house"}


def test_one_column_with_the_whole_address_is_taken_apart() -> None:
    found = read_households(
        xlsx([["TT", "Địa chỉ"], [1, "Số 5 ngách 12/4 ngõ 12, đường Bờ Mương, P. Yên Nghĩa, Hà Nội"]])
    )
    assert found.good[0].address == {
        "house": "5",
        "lane": "ngách 12/4, ngõ 12",
        "street": "đường Bờ Mương",
    }


def test_a_column_of_numbers_that_holds_whole_addresses_is_taken_apart_where_that_is_sure() -> None:
    found = read_households(xlsx([["TT", "Số nhà"], [1, "5 ngõ 12 phố B"], [2, "7 Bờ Đê"], [3, 9]]))
    assert [one.address for one in found.good] == [
        {"house": "5", "lane": "ngõ 12", "street": "phố B"},
        {"house": "7 Bờ Đê"},
        {"house": "9"},
    ]


def test_a_sheet_of_one_column_is_understood() -> None:
    found = read_households(xlsx([["DANH SÁCH"], ["Địa chỉ"], ["5 ngõ 12 phố B"], ["7 ngõ 12 phố B"]]))
    assert lines(found) == ["5, ngõ 12, phố B", "7, ngõ 12, phố B"]


def test_a_column_of_its_own_wins_over_the_whole_address() -> None:
    found = read_households(xlsx([["Địa chỉ", "Đường"], ["5 ngõ 12 phố B", "phố C"]]))
    assert found.good[0].address == {"house": "5", "lane": "ngõ 12", "street": "phố C"}


def test_flats_are_read_from_one_column_or_two() -> None:
    one = read_households(xlsx([["Tòa/căn hộ", "Số nhà", "Đường"], ["CT1 - 1204", "", "phố Sân Kho"]]))
    two = read_households(xlsx([["Tòa", "Căn hộ", "Đường"], ["CT1", 1204, "phố Sân Kho"]]))
    assert one.good[0].door == two.good[0].door
    assert one.good[0].address["unit_text"] == "1204"


def test_an_address_that_excel_made_a_date_of_is_read_back_and_flagged() -> None:
    def draw(page: Any, book: Any) -> None:
        page.write_datetime(1, 0, date(2026, 4, 12), book.add_format({"num_format": "d-mmm"}))
        page.write_datetime(2, 0, date(2003, 4, 12), book.add_format({"num_format": "dd/mm/yyyy"}))

    found = read_households(xlsx([["Số nhà", "Đường"], ["", "phố Ao Đình"], ["", "phố Ao Đình"]], draw))
    assert [(h.address["house"], h.dated) for h in found.good] == [("12/4", True), ("12/4/3", True)]


def test_dates_that_excel_wrote_as_text_are_read_back_too() -> None:
    shown = {
        "12-Apr": "12/4",
        "12-Thg4": "12/4",
        "03/04/2026": "3/4",
        "12-Apr-03": "12/4/3",
        "Apr-32": "4/32",
    }
    rows = [f"{text},phố {number}" for number, text in enumerate([*shown, "12/4", "12-4"])]
    found = read_households("\n".join(["Số nhà,Đường", *rows]).encode())
    assert [h.address["house"] for h in found.good] == [*shown.values(), "12/4", "12-4"]
    assert [h.dated for h in found.good] == [True] * len(shown) + [False] * 2


def test_numbers_stored_as_text_and_as_numbers_are_one_house() -> None:
    found = read_households(xlsx([HEAD, [1, 12.0, "", "phố Ao Đình"], [2, " 012 ", "", "Phố  ao đình"]]))
    assert lines(found) == ["12, phố Ao Đình"]
    assert reasons(found) == {3: "repeated"}


def test_decomposed_text_becomes_nfc() -> None:
    rows = [["Số nhà", "Đường"], ["5", "đường Nghĩa Lộ"]]
    found = read_households(xlsx([[unicodedata.normalize("NFD", cell) for cell in row] for row in rows]))
    assert found.good[0].address["street"] == "đường Nghĩa Lộ"


def test_every_bad_row_is_told_with_its_number_and_reason() -> None:
    rows: list[list[Any]] = [
        HEAD,
        [1, "", "5", "phố Ao Đình", 2, ""],
        [2, "nhà ông Ba", "", "phố Ao Đình", 2, ""],
        [3, 7, "", "phố Ao Đình", "nhiều", ""],
        [4, 9, "", "phố Ao Đình", 2, "biệt thự"],
        [5, "9", "", "001 085 012 345", 2, ""],
        [6, "x" * 130 + "1", "", "phố Ao Đình", 2, ""],
        [],
        [7, 11, "", "phố Ao Đình", 2, "hộ gia đình"],
        [8, 11, "", "phố ao đình", 2, ""],
        [9, 13, "", "phố Ao Đình", -1, ""],
    ]
    found = read_households(xlsx(rows))
    assert reasons(found) == {
        2: "no-house",
        3: "no-number",
        4: "adults",
        5: "kind",
        6: "id-number",
        7: "too-long",
        10: "repeated",
        11: "adults",
    }
    assert lines(found) == ["11, phố Ao Đình"]


def test_an_identity_number_is_not_shown_again() -> None:
    found = read_households(xlsx([HEAD, [1, "9", "", "001085012345"]]))
    assert "001085012345" not in found.bad[0].text


def test_names_phones_and_identity_numbers_are_not_read() -> None:
    head = ["Họ và tên chủ hộ", "CCCD", "Số điện thoại", "Ngày sinh", "Số nhà", "Đường", "Ghi chú"]
    row = ["Nguyễn Thị Hoa", "001085012345", "0300 111 222", "1950", "5", "phố Ao Đình", "hay đi vắng"]
    found = read_households(xlsx([head, row]))
    assert found.header.private == ("Họ và tên chủ hộ", "CCCD", "Số điện thoại", "Ngày sinh")
    assert found.header.unused == ("Ghi chú",)
    assert lines(found) == ["5, phố Ao Đình"]
    assert "Hoa" not in repr(found.good)


def test_a_ditto_mark_repeats_what_stands_above() -> None:
    found = read_households(xlsx([["Số nhà", "Đường"], [1, "phố Ao Đình"], [3, "nt"], [5, "như trên"]]))
    assert lines(found) == ["1, phố Ao Đình", "3, phố Ao Đình", "5, phố Ao Đình"]


def test_a_header_printed_again_on_the_next_page_is_no_household() -> None:
    found = read_households(xlsx([HEAD, [1, 2, "", "phố Ao Đình"], HEAD, [2, 4, "", "phố Ao Đình"]]))
    assert len(found.good) == 2
    assert not found.bad


def test_the_sheet_with_a_header_is_taken_among_several() -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    book.add_worksheet("Bìa").write_row(0, 0, ["Danh sách năm 2026"])
    page = book.add_worksheet("Hộ")
    page.write_row(0, 0, ["Số nhà", "Đường"])
    page.write_row(1, 0, [5, "phố Ao Đình"])
    book.close()
    assert lines(read_households(file.getvalue())) == ["5, phố Ao Đình"]


CSV_ROWS = [
    ["Tổ 7"],
    ["STT", "Số nhà", "Đường"],
    ["1", "5", "đường Nghĩa Lộ"],
    ["2", "7", "đường Bờ Mương, xóm Đình"],
]


def as_csv(delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(CSV_ROWS)
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_is_read_with_any_delimiter(delimiter: str) -> None:
    found = read_households(as_csv(delimiter).encode())
    assert lines(found) == ["5, đường Nghĩa Lộ", "7, đường Bờ Mương, xóm Đình"]


def windows_1258(text: str) -> bytes:
    """As Vietnamese Windows wrote it: marks that cp1258 has no letter for stand after the letter."""
    out = b""
    for letter in unicodedata.normalize("NFC", text):
        try:
            out += letter.encode("cp1258")
        except UnicodeEncodeError:
            base, mark = unicodedata.normalize("NFD", letter)[:-1], unicodedata.normalize("NFD", letter)[-1]
            try:
                out += unicodedata.normalize("NFC", base).encode("cp1258") + mark.encode("cp1258")
            except UnicodeEncodeError:
                # "ậ": the dot stands before the circumflex in canonical order
                plain, dot, hat = list(unicodedata.normalize("NFD", letter))
                out += unicodedata.normalize("NFC", plain + hat).encode("cp1258") + dot.encode("cp1258")
    return out


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-le"),
        lambda text: unicodedata.normalize("NFD", text).encode("utf-8"),
        windows_1258,
    ],
    ids=["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "nfd", "windows-1258"],
)
def test_a_csv_is_read_in_the_encodings_of_offices(encode: Callable[[str], bytes]) -> None:
    found = read_households(encode(as_csv(";")))
    assert lines(found) == ["5, đường Nghĩa Lộ", "7, đường Bờ Mương, xóm Đình"]


def test_rows_of_a_csv_keep_the_line_numbers_that_an_editor_shows() -> None:
    found = read_households('Số nhà,Đường\n\n"5","phố\nAo Đình"\n,phố Ao Đình\n'.encode())
    assert [h.row for h in found.good] == [3]
    assert reasons(found) == {5: "no-house"}


def far_corner() -> bytes:
    return xlsx([HEAD, [1, 5]], lambda page, book: page.write("XFD1048576", "x"))


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (sheets.MAX_UNPACKED + 1))
    return file.getvalue()


def shared_string_bomb() -> bytes:
    long = "Ao Đình " * 4000
    return xlsx([HEAD, *([long] * 100 for _ in range(100))])


UNUSABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "white space": (lambda: b" \n\n", "empty"),
    "an empty workbook": (lambda: xlsx([]), "empty"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100), "not-a-sheet"),
    "a PDF": (lambda: b"%PDF-1.7\n\x01\x02\x03" + bytes(range(256)), "not-a-sheet"),
    "another archive": (lambda: _zip({"word/document.xml": b"<w/>"}), "not-a-sheet"),
    "half a workbook": (lambda: xlsx([HEAD, [1, 5]])[:-400], "not-a-sheet"),
    "half an old workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "not-a-sheet"),
    "a letter": (lambda: "Kính gửi ông/bà,\nXin mời họp.\n".encode(), "no-header"),
    "a header alone": (lambda: xlsx([HEAD]), "no-households"),
    "a cell in the far corner": (far_corner, "too-many-rows"),
    "far right": (lambda: xlsx([HEAD], lambda page, book: page.write("ZZ1", "x")), "too-many-columns"),
    "too many rows": (lambda: b"a,b\n" * 21_000, "too-many-rows"),
    "a zip bomb": (bomb, "unpacks-too-large"),
    "one text for all cells": (shared_string_bomb, "unpacks-too-large"),
    "too many bytes": (lambda: b"a" * (sheets.MAX_BYTES + 1), "too-large"),
}


def _zip(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_no_sheet_is_refused_with_a_code(case: str) -> None:
    make, code = UNUSABLE[case]
    with pytest.raises(NotASheet) as caught:
        read_households(make())
    assert caught.value.code == code


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_workbook_is_refused_or_read_and_never_a_trace(seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(xlsx([HEAD, *([number, number, "", "phố Ao Đình"] for number in range(1, 50))]))
    for _ in range(rng.randrange(1, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    with contextlib.suppress(NotASheet):
        read_households(bytes(data))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("12A phố Ao Đình", {"house": "12A", "street": "phố Ao Đình"}),
        (
            "Số nhà 7, hẻm 3/2/1, đường Đầm Sen",
            {"house": "7", "lane": "hẻm 3/2/1", "street": "đường Đầm Sen"},
        ),
        ("SN 9 Ngõ 4 Đường Cầu Tre", {"house": "9", "lane": "Ngõ 4", "street": "Đường Cầu Tre"}),
        (
            "căn 1204, tòa CT1, phố Sân Kho",
            {"unit_text": "căn 1204", "building": "tòa CT1", "street": "phố Sân Kho"},
        ),
        ("25 Bờ Mương, TDP số 3, Phường Yên Nghĩa", {"house": "25", "street": "Bờ Mương"}),
        ("5 đường Cầu Tre, Yên Nghĩa, Hà Đông, Hà Nội", {"house": "5", "street": "đường Cầu Tre"}),
        ("5, Hai Bà Trưng, Hoàn Kiếm", {"house": "5", "street": "Hai Bà Trưng"}),
        ("12 đường Yên Lộ tổ 7", {"house": "12", "street": "đường Yên Lộ"}),
        ("số 5 tổ dân phố số 7", {"house": "5"}),
        ("Ngõ 5 số 14", {"lane": "Ngõ 5", "house": "14"}),
        ("3 hẻm 12/4/6 Bờ Mương", {"house": "3", "lane": "hẻm 12/4/6", "street": "Bờ Mương"}),
        ("P.1205 CT9", {"unit_text": "P.1205", "building": "CT9"}),
        ("1205 CT9", {"unit_text": "1205", "building": "CT9"}),
        ("số 5 xóm Chùa", {"house": "5 xóm Chùa"}),
        ("12/4/3", {"house": "12/4/3"}),
    ],
)
def test_addresses_are_taken_apart(text: str, address: dict[str, str]) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("12 ngõ 5 Quang Trung", {"house": "12", "lane": "ngõ 5", "street": "Quang Trung"}),
        ("12, ngõ 5, Quang Trung", {"house": "12", "lane": "ngõ 5", "street": "Quang Trung"}),
        ("12 ngõ 5 quang trung", {"house": "12", "lane": "ngõ 5", "street": "quang trung"}),
        ("Ngõ 5 số 14 Quang Trung", {"house": "14", "lane": "Ngõ 5", "street": "Quang Trung"}),
        ("12 Ngô Quyền", {"house": "12", "street": "Ngô Quyền"}),
        ("12 ngõ 5 Quán Sứ", {"house": "12", "lane": "ngõ 5", "street": "Quán Sứ"}),
        ("8, Phương Mai", {"house": "8", "street": "Phương Mai"}),
        ("8, Huyền Trân Công Chúa", {"house": "8", "street": "Huyền Trân Công Chúa"}),
        ("5 Toàn Thắng", {"house": "5", "street": "Toàn Thắng"}),
        ("12 ngõ 5 Định Công", {"house": "12", "lane": "ngõ 5", "street": "Định Công"}),
        ("12 ngõ 5, Đại Mỗ", {"house": "12", "lane": "ngõ 5", "street": "Đại Mỗ"}),
        ("12 ngõ 5 phố Huế, Bạch Mai, Hai Bà Trưng", {"house": "12", "lane": "ngõ 5", "street": "phố Huế"}),
        ("12 ngõ 5, Hà Đông", {"house": "12", "lane": "ngõ 5"}),
        ("12 ngo 5, phuong Yen Nghia", {"house": "12", "lane": "ngo 5"}),
    ],
)
def test_a_street_whose_name_sounds_like_one_of_our_words_is_not_lost(
    text: str, address: dict[str, str]
) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("12/4 ngõ 5 phố B", True),
        ("Số 5, ngách 12/4 ngõ 12, đường Bờ Mương, P. Yên Nghĩa, Hà Đông, Hà Nội", True),
        ("5 ngõ Chùa phố Huế, tổ 7", True),
        ("căn 1204 tòa CT1, phố Sân Kho", True),
        ("12 bis đường X", True),
        ("33 Bờ Đê", False),
        ("8 ngõ 12, Bờ Mương, Yên Nghĩa", False),
        ("3 hẻm 12/4/6 Bờ Mương", False),
        ("15 ngõ 5 phố B gần chợ", False),
        ("15 phố Sân Kho (cạnh nhà văn hóa)", False),
        ("12A, 12B ngõ 5 phố B", False),
        ("P1204-CT1A KĐT Văn Phú", False),
        ("Lô 12 LK5 Đô Nghĩa", False),
        ("12 ngõ 5 Định Công", False),
        ("12 Ngô Quyền", False),
        ("12 quan thanh", False),
    ],
)
def test_a_split_is_sure_only_where_words_tell_each_part(text: str, sure: bool) -> None:
    assert split(text).sure is sure


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Số 5, ngõ 12, đường Hoà Bình", "5 NGÕ 12 Đường Hòa Bình"),
        ("05 ngõ 012 đường Cầu Tre", "5, ngo 12, duong cau tre"),
        ("căn 1204, tòa CT1", "Căn hộ 1204, Tòa CT1"),
    ],
)
def test_two_spellings_are_one_door(one: str, other: str) -> None:
    assert door(parse(one)) == door(parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5, ngõ 12, đường A", "5, ngách 12, đường A"),
        ("12/4 đường A", "124 đường A"),
        ("5 đường A", "5A đường A"),
        ("5 ngõ 1 đường A", "51 đường A"),
        ("10 đường A", "1 đường A"),
        ("100 đường A", "1 đường A"),
    ],
)
def test_two_doors_stay_two(one: str, other: str) -> None:
    assert door(parse(one)) != door(parse(other))
