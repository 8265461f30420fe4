"""The file of a backup: whole, or refused."""

from __future__ import annotations

import errno
import os
import random
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sync.backups import archive
from sync.backups.archive import CHUNK, Writer, read_lines
from sync.backups.errors import BackupError


def write(path: Path, lines: list[bytes], passphrase: str = "") -> bytes:
    with Writer(path, passphrase) as writer:
        for line in lines:
            writer.write([line])
        assert writer.finish() == path.stat().st_size
    return path.read_bytes()


def refusal(path: Path, passphrase: str = "") -> str:
    try:
        list(read_lines(path, passphrase))
    except BackupError as error:
        return str(error).partition(": ")[0]
    return ""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PASSES", 1)
    monkeypatch.setattr(archive, "KILOBYTES", 64)


@pytest.mark.parametrize("passphrase", ["", "một hai ba"])
@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK + 7])
def test_what_was_written_is_read(tmp_path: Path, passphrase: str, size: int) -> None:
    lines = [b"{}", random.Random(size).randbytes(size).replace(b"\n", b" "), b"", b"x" * 1000]
    raw = write(tmp_path / "a", lines, passphrase)
    assert list(read_lines(tmp_path / "a", passphrase)) == lines
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert passphrase == "" or b"xxxx" not in raw


@pytest.mark.parametrize("passphrase", ["", "một hai ba"])
def test_no_byte_can_be_missing_or_changed_or_added(tmp_path: Path, passphrase: str) -> None:
    raw = write(tmp_path / "a", [b'{"name": "Hoa"}', b"{}"], passphrase)
    other = tmp_path / "b"
    for at in range(len(raw)):
        other.write_bytes(raw[:at])
        assert refusal(other, passphrase) in ("backup-cut-short", "not-a-backup"), f"cut at {at}"
        for bit in (1, 128):
            other.write_bytes(raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :])
            assert refusal(other, passphrase), f"byte {at} changed"
    other.write_bytes(raw + b"x")
    assert refusal(other, passphrase) == "backup-damaged"


def test_whole_chunks_cannot_be_missing_or_change_places(tmp_path: Path) -> None:
    noise = [random.Random(n).randbytes(CHUNK).hex().encode() for n in range(3)]
    raw = write(tmp_path / "a", noise, "x")
    header, rest = raw.split(b"\n", 1)
    chunks = []
    while rest:
        size = 4 + int.from_bytes(rest[:4], "big")
        chunks.append(rest[:size])
        rest = rest[size:]
    assert len(chunks) > 3
    other = tmp_path / "b"

    def judge(*kept: bytes) -> str:
        other.write_bytes(b"\n".join([header, b"".join(kept)]))
        return refusal(other, "x")

    assert judge(*chunks) == ""
    assert judge(*chunks[:-1]) == "backup-cut-short"
    assert judge(*chunks[1:]) == "backup-damaged"
    assert judge(chunks[1], chunks[0], *chunks[2:]) == "backup-damaged"
    assert judge(*chunks, chunks[-1]) == "backup-damaged"


def test_the_passphrase_is_asked_for_and_told_from_damage(tmp_path: Path) -> None:
    write(tmp_path / "a", [b"{}"], "đúng")
    assert refusal(tmp_path / "a") == "passphrase-needed"
    assert refusal(tmp_path / "a", "sai") == "passphrase-wrong"
    (tmp_path / "b").write_text("PK\n")
    assert refusal(tmp_path / "b") == "not-a-backup"
    assert refusal(tmp_path / "none") == "not-a-backup"
    write(tmp_path / "c", [b"{}"])
    assert refusal(tmp_path / "c", "needless") == ""


def test_nothing_is_written_over_and_nothing_half_is_left(tmp_path: Path) -> None:
    write(tmp_path / "a", [b"{}"])
    with pytest.raises(BackupError, match="file-exists"):
        Writer(tmp_path / "a", "")
    with suppress(RuntimeError), Writer(tmp_path / "b", "") as writer:
        writer.write([b"{}"])
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_told_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = write(tmp_path / "a", [b"{}"])
    writer = Writer(tmp_path / "a", "", replace=True)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError, match=r"disk-full: .*No space left"), writer:
        writer.finish()
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_disk_that_becomes_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("wb") as device:
        handle = os.dup(device.fileno())
    monkeypatch.setattr(os, "open", lambda *_: handle)
    noise = [random.Random(1).randbytes(3 * CHUNK).replace(b"\n", b" ")]
    with Writer(tmp_path / "a", "") as writer, pytest.raises(BackupError, match="disk-full"):
        writer.write(noise)
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_costs_little_memory(tmp_path: Path) -> None:
    line = random.Random(0).randbytes(50_000).hex().encode()
    tracemalloc.start()
    try:
        with Writer(tmp_path / "a", "") as writer:
            for _ in range(400):
                writer.write([line])
            writer.finish()
        assert sum(len(found) for found in read_lines(tmp_path / "a", "")) == 400 * len(line)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000, f"{peak / 1e6:.1f} MB for a file of {40} MB"
