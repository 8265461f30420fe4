"""What the lines of a backup say.

A line that begins with ``!`` is one of the records below, every other one a document with its history. One
`Begin`; for each database an `Opened`, its documents and a `Closed` with what was counted; at last a `Whole`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sync.backups.archive import read_lines
from sync.backups.errors import BackupError

AT_ONCE = 500
BYTES = 1024 * 1024
"""At most so many documents, or about so many bytes of them, are held at a time."""
MARK = b"!"

INSTALLATION, LEDGER = "installation", "ledger"


class Begin(Struct, tag="begin"):
    kind: str
    made: str
    """The instant, ISO."""
    ward: str
    settings: dict[str, str] = {}
    """What a person has to set again; nothing secret."""


class Opened(Struct, tag="database"):
    name: str
    """Without the installation's prefix."""
    members: list[str]


class Closed(Struct, tag="end"):
    name: str
    revisions: int
    size: int
    """Bytes of the documents' lines."""
    hash: str
    """SHA-256 of these lines."""


class Whole(Struct, tag="whole"):
    databases: list[Closed]

    @property
    def revisions(self) -> int:
        return sum(one.revisions for one in self.databases)


Record = Begin | Opened | Closed | Whole
Part = Record | list[bytes]


class Sum:
    """Counts the lines of one database."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._hash, self._revisions, self._size = hashlib.sha256(), 0, 0

    def add(self, lines: list[bytes]) -> None:
        for line in lines:
            self._hash.update(line + b"\n")
            self._size += len(line)
        self._revisions += len(lines)

    def close(self) -> Closed:
        return Closed(self.name, self._revisions, self._size, self._hash.hexdigest())


def encode(record: Record) -> bytes:
    return MARK + msgspec.json.encode(record)


def read_parts(path: Path, passphrase: str) -> Iterator[Part]:
    """The records of a backup and, between an `Opened` and its `Closed`, its documents some at a time.

    Everything is compared with what was counted when it was made; `Whole` comes last, and only when all is.

    :raises BackupError: as `read_lines`.
    """
    damaged = BackupError("backup-damaged", f"{path} does not hold what it says; take another copy of it")
    closed: list[Closed] = []
    sum: Sum | None = None
    held: list[bytes] = []
    size = 0
    whole: Whole | None = None
    for line in read_lines(path, passphrase):
        if not line.startswith(MARK):
            if sum is None:
                raise damaged
            held.append(line)
            size += len(line)
            if len(held) == AT_ONCE or size > BYTES:
                sum.add(held)
                yield held
                held, size = [], 0
            continue
        if sum is not None and held:
            sum.add(held)
            yield held
            held, size = [], 0
        record = _decode(line, damaged)
        if isinstance(record, Opened):
            sum = Sum(record.name)
        elif isinstance(record, Closed):
            if sum is None or sum.close() != record:
                raise damaged
            closed.append(record)
            sum = None
        elif isinstance(record, Whole):
            whole = record
            continue  # to be believed when the file ends here
        yield record
    if whole is None or whole.databases != closed or sum is not None:
        raise damaged
    yield whole


def _decode(line: bytes, damaged: BackupError) -> Any:
    try:
        return msgspec.json.decode(line[len(MARK) :], type=Record)
    except msgspec.MsgspecError:
        raise damaged from None
