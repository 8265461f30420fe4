"""The sample sheets in ``docs/``, as an office would fill them in: ``python -m server.importing.sample``."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

DOCS = Path(__file__).parents[2] / "docs"
NAME = "mau-danh-sach-ho"
TITLES = ("ỦY BAN NHÂN DÂN PHƯỜNG …", "DANH SÁCH HỘ CỦA TỔ DÂN PHỐ …", "(Dữ liệu mẫu, không có thật)")
HEAD = ("STT", "Số nhà", "Ngõ/ngách/hẻm", "Đường/phố", "Tòa", "Căn hộ", "Số người lớn", "Loại hộ")
ROWS: tuple[tuple[str, ...], ...] = (
    ("2", "", "đường Bờ Mương", "", "", "2", "Hộ gia đình"),
    ("4", "", "đường Bờ Mương", "", "", "3", "Hộ kinh doanh"),
    ("1", "ngõ 12", "đường Bờ Mương", "", "", "2", "Hộ gia đình"),
    ("3A", "ngõ 12", "đường Bờ Mương", "", "", "4", "Hộ gia đình"),
    ("3B", "ngõ 12", "đường Bờ Mương", "", "", "1", "Hộ gia đình"),
    ("12/4/3", "ngách 12/4, ngõ 12", "đường Bờ Mương", "", "", "", "Hộ gia đình"),
    ("5", "hẻm 12/4/6, ngách 12/4, ngõ 12", "đường Bờ Mương", "", "", "2", "Hộ gia đình"),
    ("", "", "phố Sân Kho", "tòa CT1", "căn 1204", "2", "Hộ gia đình"),
    ("", "", "phố Sân Kho", "tòa CT1", "căn 1205", "3", "Hộ gia đình"),
)


def sample_csv() -> bytes:
    """UTF-8 with a byte order mark, without which Excel garbles Vietnamese."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([(title,) for title in TITLES])
    writer.writerow(HEAD)
    writer.writerows((str(number), *row) for number, row in enumerate(ROWS, 1))
    return text.getvalue().encode("utf-8-sig")


def sample_xlsx() -> bytes:
    """The address columns are formatted as text, so that Excel makes no dates of "12/4"."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    book.set_properties({"title": "Mẫu danh sách hộ", "created": datetime(2026, 1, 1)})
    page = book.add_worksheet("Danh sách hộ")
    _draw(book, page)
    book.close()
    return file.getvalue()


def _draw(book: Any, page: Any) -> None:
    title = book.add_format(
        {"bold": True, "align": "center", "font_name": "Times New Roman", "font_size": 13}
    )
    head = book.add_format(
        {"bold": True, "border": 1, "align": "center", "text_wrap": True, "bg_color": "#E8EEF5"}
    )
    text = book.add_format({"num_format": "@", "border": 1})
    number = book.add_format({"border": 1, "align": "center"})
    for row, words in enumerate(TITLES):
        page.merge_range(row, 0, row, len(HEAD) - 1, words, title)
    page.write_row(len(TITLES), 0, HEAD, head)
    page.set_column(1, 5, 22, book.add_format({"num_format": "@"}))
    for row, cells in enumerate(ROWS, len(TITLES) + 1):
        page.write_number(row, 0, row - len(TITLES), number)
        for column, cell in enumerate(cells, 1):
            if HEAD[column] == "Số người lớn" and cell:
                page.write_number(row, column, int(cell), number)
            else:
                page.write_string(row, column, cell, text)
    page.freeze_panes(len(TITLES) + 1, 0)


if __name__ == "__main__":
    (DOCS / f"{NAME}.csv").write_bytes(sample_csv())
    (DOCS / f"{NAME}.xlsx").write_bytes(sample_xlsx())
