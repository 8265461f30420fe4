"""Sums written beside what is stored, and held against it when it is read.

SQLite's own look at a file finds what is out of order, and where an index and its table differ, not a letter
that changed elsewhere. Rows of before there were sums have none and are believed.
"""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path
from typing import NamedTuple

from sync.embedded.errors import Damaged

SEAL = "-sum"
"""The name of the file with the sum of a whole file is that file's and this."""
PIECE = 1 << 20
COLUMNS = "id, seq, deleted, rev, body, tree, sum"
"""What a `DocumentRow` is read from."""


class DocumentRow(NamedTuple):
    """A row of ``docs``, as it is stored."""

    id: str
    seq: int
    deleted: int
    rev: str
    body: int
    tree: bytes
    sum: int | None = None

    def compute_sum(self) -> int:
        head = f"{self.id}\0{self.seq} {self.deleted:d} {self.rev} {self.body}"
        return compute_sum(head, self.tree)

    def check(self) -> DocumentRow:
        """:raises Damaged: it is not as it was written."""
        if self.sum is not None:
            try:
                found = self.compute_sum()
            except (TypeError, ValueError):
                raise Damaged from None
            if found != self.sum:
                raise Damaged
        return self


def compute_sum(head: str, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(head.encode()))


def check_sum(written: int | None, head: str, data: bytes) -> None:
    """:raises Damaged: these are not what was written."""
    if written is not None and (not isinstance(data, bytes) or written != compute_sum(head, data)):
        raise Damaged


def sum_body(body: bytes, digests: str | None) -> int:
    """Of a document's text and the list of its attachments."""
    return zlib.crc32((digests or "").encode(), zlib.crc32(body))


def check_body(body: bytes | None, digests: str | None, written: int | None) -> bytes:
    """The stored text. :raises Damaged: it is not there, or not as it was written."""
    if not isinstance(body, bytes):
        raise Damaged
    if written is not None and written not in (zlib.crc32(body), sum_body(body, digests)):
        raise Damaged
    return body


def seal_file(path: Path) -> None:
    """Write the sum of a file that nobody has open any more; without room for it there is none."""
    if path.exists() and not path.with_name(path.name + "-wal").exists():
        with contextlib.suppress(OSError):
            path.with_name(path.name + SEAL).write_text(str(_sum_file(path)))


def open_sealed(path: Path) -> bool | None:
    """Take the seal off, before anything is written: whether the file is what was sealed, None: no seal."""
    seal = path.with_name(path.name + SEAL)
    try:
        written = seal.read_text()
    except FileNotFoundError:
        return None
    seal.unlink()
    return path.exists() and written == str(_sum_file(path))


def _sum_file(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            value = zlib.crc32(piece, value)
    return value
