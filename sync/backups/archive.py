"""A file of lines: compressed, sealed in chunks, and worth nothing unless it is whole.

The first line is the header, clear JSON. What follows is one zlib stream (RFC 1950) of lines, cut into chunks
of at most `CHUNK` bytes; each has its length before it (four bytes) and is sealed by AES-256-GCM (NIST SP
800-38D) under a nonce that counts and that tells the last chunk from the others (STREAM: Hoang, Reyhanitabar,
Rogaway, Vizár, 2015), with the header as associated data. So no chunk can be changed, left out, moved or
taken from the end unnoticed.

The key comes from the passphrase by Argon2id (RFC 9106) and a salt of the file's own. Without a passphrase it
is told by the header: nothing is secret then, and the seals are checksums.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from sync.backups.errors import BackupError

FORMAT = 1
CHUNK = 256 * 1024
TAG = 16
LEVEL = 6
LONGEST_HEADER = 1024
LONGEST_LINE = 256 * 1024 * 1024
PASSES, KILOBYTES, LANES = 3, 64 * 1024, 2
"""Argon2id as RFC 9106 recommends where memory is short."""
MOST_KILOBYTES, MOST_PASSES, MOST_LANES = 1024 * 1024, 16, 16


class Header(Struct):
    """What is told before anything is opened."""

    gtn_backup: int
    salt: str
    passes: int = 0
    kilobytes: int = 0
    lanes: int = 0
    check: str = ""
    """Tells a wrong passphrase from a damaged file; empty without a passphrase."""


class Writer:
    """Writes beside `path` and takes its name once all is on the disk. To be used in one thread at a time."""

    def __init__(self, path: Path, passphrase: str, *, replace: bool = False) -> None:
        """
        :raises BackupError: ``file-exists``, ``disk-full``.
        """
        if path.exists() and not replace:
            raise BackupError("file-exists", f"{path} is there already; name another file")
        self.path = path
        self._begun = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._header, self._cipher = _begin(passphrase)
        self._pack = zlib.compressobj(LEVEL)
        self._waiting = bytearray()
        self._count = 0
        with _writing(path):
            handle = os.open(self._begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb")

    def __enter__(self) -> Writer:
        with _writing(self.path):
            self._file.write(self._header)
        return self

    def write(self, lines: Iterable[bytes]) -> None:
        """Add lines that hold no newline.

        :raises BackupError: ``disk-full``.
        """
        self._take(self._pack.compress(b"".join(line + b"\n" for line in lines)))

    def finish(self) -> int:
        """Give the file its name; its size in bytes.

        :raises BackupError: ``disk-full``.
        """
        self._take(self._pack.flush())
        self._seal(bytes(self._waiting), last=True)
        with _writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            size = self._file.tell()
            self._file.close()
            self._begun.replace(self.path)
            _sync_folder(self.path.parent)
        return size

    def _take(self, packed: bytes) -> None:
        self._waiting += packed
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]

    def _seal(self, content: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._count, last), content, self._header)
        self._count += 1
        with _writing(self.path):
            self._file.write(len(sealed).to_bytes(4, "big") + sealed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            with suppress(OSError):  # the disk is full: what is left of the buffer has nowhere to go
                self._file.close()
        self._begun.unlink(missing_ok=True)


def read_lines(path: Path, passphrase: str) -> Iterator[bytes]:
    """The lines of a file, as far as they are whole; its last line comes only when nothing is missing.

    :raises BackupError: ``not-a-backup``, ``passphrase-needed``, ``passphrase-wrong``, ``backup-cut-short``,
        ``backup-damaged``.
    """
    unpack, line = zlib.decompressobj(), bytearray()
    for content in _contents(path, passphrase):
        for piece in _unpack(path, unpack, content):
            line += piece
            if b"\n" in piece:
                *whole, rest = line.split(b"\n")
                yield from map(bytes, whole)
                line = bytearray(rest)
            elif len(line) > LONGEST_LINE:
                raise _damaged(path)
    if line or not unpack.eof or unpack.unused_data:
        raise _damaged(path)


def _unpack(path: Path, unpack: Any, content: bytes) -> Iterator[bytes]:
    """At most `CHUNK` bytes at a time, whatever they were packed into."""
    while True:
        try:
            piece = unpack.decompress(content, CHUNK)
        except zlib.error:
            raise _damaged(path) from None
        if not piece and not unpack.unconsumed_tail:
            return
        yield piece
        content = unpack.unconsumed_tail


def _contents(path: Path, passphrase: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            header, cipher = _open(path, file, passphrase)
            yield from _chunks(path, file, header, cipher)
    except OSError as error:
        raise BackupError("not-a-backup", f"{path} cannot be read ({error.strerror})") from None


def _chunks(path: Path, file: BinaryIO, header: bytes, cipher: AESGCM) -> Iterator[bytes]:
    count, length = 0, file.read(4)
    while True:
        size = int.from_bytes(length, "big")
        if size > CHUNK + TAG:
            raise _damaged(path)
        sealed = file.read(size)
        if len(length) < 4 or len(sealed) < size:
            raise _cut_short(path)
        length = file.read(4)
        last = not length
        try:
            yield cipher.decrypt(_nonce(count, last), sealed, header)
        except InvalidTag:
            if last and _opens(cipher, _nonce(count, False), sealed, header):
                raise _cut_short(path) from None
            raise _damaged(path) from None
        if last:
            return
        count += 1


def _opens(cipher: AESGCM, nonce: bytes, sealed: bytes, header: bytes) -> bool:
    try:
        cipher.decrypt(nonce, sealed, header)
    except InvalidTag:
        return False
    return True


def _begin(passphrase: str) -> tuple[bytes, AESGCM]:
    header = Header(FORMAT, secrets.token_hex(16))
    if passphrase:
        header.passes, header.kilobytes, header.lanes = PASSES, KILOBYTES, LANES
    key = _key(header, passphrase)
    if passphrase:
        header.check = _check(key)
    return msgspec.json.encode(header) + b"\n", AESGCM(key)


def _open(path: Path, file: BinaryIO, passphrase: str) -> tuple[bytes, AESGCM]:
    line = file.readline(LONGEST_HEADER)
    try:
        header = msgspec.json.decode(line, type=Header)
        bytes.fromhex(header.salt)
    except (msgspec.MsgspecError, ValueError):
        raise BackupError(
            "not-a-backup", f"{path} is no backup of this program, or its start is damaged"
        ) from None
    if header.gtn_backup > FORMAT:
        raise BackupError("not-a-backup", f"{path} was made by a newer version; restore it with that one")
    if header.kilobytes > MOST_KILOBYTES or header.passes > MOST_PASSES or header.lanes > MOST_LANES:
        raise _damaged(path)
    if header.check and not passphrase:
        raise BackupError(
            "passphrase-needed", f"{path} is encrypted: give its passphrase in GTN_BACKUP_PASSPHRASE"
        )
    key = _key(header, passphrase if header.check else "")
    if header.check and not hmac.compare_digest(header.check, _check(key)):
        raise BackupError("passphrase-wrong", f"this passphrase does not open {path}")
    return line, AESGCM(key)


def _key(header: Header, passphrase: str) -> bytes:
    salt = bytes.fromhex(header.salt)
    if not passphrase:
        return hashlib.sha256(b"gtn-backup" + salt).digest()
    try:
        return hash_secret_raw(
            passphrase.encode(), salt, header.passes, header.kilobytes, header.lanes, 32, Type.ID
        )
    except HashingError:  # numbers that nobody wrote
        raise BackupError(
            "backup-damaged", "the start of the file is damaged; take another copy of it"
        ) from None


def _check(key: bytes) -> str:
    return hmac.digest(key, b"gtn-backup passphrase", "sha256").hex()[:16]


def _nonce(count: int, last: bool) -> bytes:
    return count.to_bytes(11, "big") + bytes([last])


def _cut_short(path: Path) -> BackupError:
    return BackupError(
        "backup-cut-short", f"the end of {path} is missing; take another copy of it, or an older one"
    )


def _damaged(path: Path) -> BackupError:
    return BackupError(
        "backup-damaged", f"{path} was changed or damaged; take another copy of it, or an older one"
    )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"{path} cannot be written ({error.strerror}); nothing of it was kept"
        raise BackupError("disk-full", said) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # some network shares know no such thing
        os.fsync(handle)
    os.close(handle)
