"""The wait of an office for the preview of a large sheet, and what others notice of it meanwhile.

A real server with the embedded store is asked as a browser asks: the file is sent, the next page is read.
"""

from __future__ import annotations

import io
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import requests
import xlsxwriter

from bench.figures import Figure
from e2e.server import Server

FIGURES = (
    "preview of 12,000 rows",
    "preview of 12,000 rows that are there already",
    "writing of 12,000 households",
    "another request during a preview, the longest of all",
)
ROWS = 12_000
HEAD = ("STT", "Chủ hộ", "Số nhà", "Ngõ", "Đường", "Số người lớn", "Loại hộ", "Ghi chú")


def run() -> Iterator[Figure]:
    """
    :raises RuntimeError: when the server does not start, or a page is not what it should be.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        server = Server(Path(name))
        server.start()
        try:
            yield from _measure(server)
        finally:
            server.stop()
            server.drop_databases()


def _measure(server: Server) -> Iterator[Figure]:
    with requests.Session() as session:
        _ask(session, "POST", f"{server.url}/sign-in", data={"login": "giamsat", **_password(server)})
        data = make_sheet()
        said = f"{ROWS:,} rows of {len(HEAD)} columns, {len(data) / 1000:.0f} kB of XLSX, over HTTP"
        with _Others(server.url) as others:
            took, address = _preview(session, server, data, new=ROWS)
        yield Figure("importing", FIGURES[0], took, "s", 5, said)
        began = time.perf_counter()
        _ask(session, "POST", f"{address}/write", data={"go": "1"})
        wrote = time.perf_counter() - began
        took, _ = _preview(session, server, data, new=0)
        yield Figure("importing", FIGURES[1], took, "s", 5, said)
        yield Figure(
            "importing", FIGURES[2], wrote, "s", None, "planned anew, then written in batches of 500"
        )
        yield Figure(
            "importing", FIGURES[3], others.longest * 1000, "ms", None, f"{others.count} of /healthz"
        )


def make_sheet() -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    page = book.add_worksheet("Danh sách")
    page.write_row(0, 0, ["DANH SÁCH HỘ"])
    page.write_row(1, 0, HEAD)
    for n in range(ROWS):
        row = (
            n + 1,
            f"Người Mẫu {n}",
            n % 200 + 1,
            f"ngõ {n // 200 + 5000}",
            "đường Bờ Mương",
            n % 5,
            "Hộ gia đình",
            "mẫu",
        )
        page.write_row(n + 2, 0, row)
    book.close()
    return file.getvalue()


def _preview(session: requests.Session, server: Server, data: bytes, new: int) -> tuple[float, str]:
    """Seconds from sending the file until the preview is read, and its address."""
    began = time.perf_counter()
    page = _ask(
        session,
        "POST",
        f"{server.url}/desk/import",
        data={"unit": "tdp-07"},
        files={"file": ("ho.xlsx", data)},
    )
    took = time.perf_counter() - began
    wanted = "Ghi 12.000 hộ vào danh sách" if new else "Không có hộ mới để thêm"
    if wanted not in page.text:
        raise RuntimeError("the preview is not what it should be")
    return took, page.url


def _ask(session: requests.Session, method: str, url: str, **more: object) -> requests.Response:
    answer = session.request(method, url, timeout=120, **more)  # type: ignore[arg-type]
    if answer.status_code != 200:
        raise RuntimeError(f"{method} {url}: {answer.status_code}")
    return answer


def _password(server: Server) -> dict[str, str]:
    return {"password": str(server.sign_ins()["giamsat"]["password"])}


class _Others:
    """Somebody else, who asks for something small again and again."""

    def __init__(self, url: str) -> None:
        self.url, self.longest, self.count = url, 0.0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> _Others:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        with requests.Session() as session:
            while not self._ended.is_set():
                began = time.perf_counter()
                session.get(f"{self.url}/healthz", timeout=30)
                self.longest = max(self.longest, time.perf_counter() - began)
                self.count += 1
                time.sleep(0.01)
