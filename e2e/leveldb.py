"""What a browser's databases hold, read from their files as whoever finds the phone would.

LevelDB packs its tables with Snappy and cuts its logs into blocks, so that a plain search of the files would
miss what is there. Formats: github.com/google/leveldb/doc/table_format.md and log_format.md,
github.com/google/snappy/format_description.txt.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MAGIC = bytes.fromhex("57fb808b247547db")
LOG_BLOCK = 32_768
HEADER = 7


def contents(file: Path) -> bytes:
    """A file as it is, and after it what its records are once unpacked."""
    raw = file.read_bytes()
    if file.suffix in (".ldb", ".sst") and raw.endswith(MAGIC):
        return raw + b"\n".join(blocks(raw))
    if file.suffix == ".log":
        return raw + b"".join(fragments(raw))
    return raw


def fragments(log: bytes) -> Iterator[bytes]:
    for start in range(0, len(log), LOG_BLOCK):
        block = log[start : start + LOG_BLOCK]
        at = 0
        while at + HEADER <= len(block):
            length = int.from_bytes(block[at + 4 : at + 6], "little")
            yield block[at + HEADER : at + HEADER + length]
            at += HEADER + length


def blocks(table: bytes) -> Iterator[bytes]:
    footer = table[-48:]
    _, at = varint(footer, 0)
    _, at = varint(footer, at)
    offset, at = varint(footer, at)
    size, _ = varint(footer, at)
    index = block_at(table, offset, size)
    end = len(index) - 4 - 4 * int.from_bytes(index[-4:], "little")
    at = 0
    while at < end:
        _, at = varint(index, at)
        key, at = varint(index, at)
        length, at = varint(index, at)
        value = index[at + key : at + key + length]
        at += key + length
        offset, then = varint(value, 0)
        size, _ = varint(value, then)
        yield block_at(table, offset, size)


def block_at(table: bytes, offset: int, size: int) -> bytes:
    packed = table[offset : offset + size]
    return unpack(packed) if table[offset + size] == 1 else packed


def unpack(packed: bytes) -> bytes:
    """Snappy without a frame."""
    _, at = varint(packed, 0)
    out = bytearray()
    while at < len(packed):
        tag = packed[at]
        at += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                more = length - 59
                length = int.from_bytes(packed[at : at + more], "little")
                at += more
            out += packed[at : at + length + 1]
            at += length + 1
            continue
        width = (1, 2, 4)[(tag & 3) - 1]
        length = (tag >> 2 & 7) + 4 if width == 1 else (tag >> 2) + 1
        back = int.from_bytes(packed[at : at + width], "little") | ((tag >> 5) << 8 if width == 1 else 0)
        at += width
        for _ in range(length):
            out.append(out[-back])
    return bytes(out)


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
