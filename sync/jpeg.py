"""Whether bytes are a JPEG picture and nothing else: its structure walked from the first byte to the last.

Only what a decoder needs may be there (ITU-T T.81, annex B): SOI, a bare JFIF header, tables, one frame of
8 bits, scans, EOI as the very end. What may hold where, when, with what or by whom a picture was taken (Exif,
XMP, ICC, comments, a JFIF thumbnail), and what could make it a page or an archive as well, has no place.
"""

from __future__ import annotations

from dataclasses import dataclass

SCANS = 64
"""A progressive picture has about ten; each costs its reader a pass over the whole of it."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_DQT, _DHT, _DRI, _APP0 = 0xDB, 0xC4, 0xDD, 0xE0
_FRAMES = (0xC0, 0xC1, 0xC2)
_JFIF = b"JFIF\0"
_HEADER = 14


class Unfit(Exception):
    """`code`: ``unreadable`` for what is no whole JPEG, ``metadata`` for one that carries more."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels."""

    width: int
    height: int

    @property
    def longest(self) -> int:
        return max(self.width, self.height)


def measure(data: bytes) -> Size:
    """The size of a picture that is nothing but a picture.

    :raises Unfit: for anything else.
    """
    if data[:2] != bytes((0xFF, _SOI)):
        raise Unfit("unreadable", "no JPEG")
    at, size, scans = 2, None, 0
    while True:
        marker, at = _marker(data, at)
        if marker == _EOI:
            break
        body, at = _segment(data, at)
        _check_segment(marker, body)
        if marker in _FRAMES:
            if size is not None:
                raise Unfit("unreadable", "two frames")
            size = _frame(body)
        elif marker == _SOS:
            scans += 1
            if size is None or scans > SCANS:
                raise Unfit("unreadable", "scans")
            at = _end_of_scan(data, at)
    if at != len(data):
        raise Unfit("metadata", "bytes behind the picture")
    if size is None or not scans:
        raise Unfit("unreadable", "no picture")
    return size


def _marker(data: bytes, at: int) -> tuple[int, int]:
    if at + 2 > len(data) or data[at] != 0xFF:
        raise Unfit("unreadable", f"no marker at {at}")
    return data[at + 1], at + 2


def _segment(data: bytes, at: int) -> tuple[bytes, int]:
    length = int.from_bytes(data[at : at + 2], "big")
    end = at + length
    if length < 2 or end > len(data):
        raise Unfit("unreadable", f"a segment at {at} is cut short")
    return data[at + 2 : end], end


def _check_segment(marker: int, body: bytes) -> None:
    """Each kind of segment says in itself how long it is; more would be room for something else."""
    if marker == _APP0:
        if body[:5] != _JFIF or len(body) != _HEADER or body[12:14] != b"\0\0":
            raise Unfit("metadata", "more than a JFIF header")
    elif 0xE1 <= marker <= 0xEF or marker == 0xFE:
        raise Unfit("metadata", f"segment {marker:02X}")
    elif marker == _DQT:
        _walk_tables(body)
    elif marker == _DHT:
        _walk_codes(body)
    elif marker == _DRI:
        _exactly(body, 2)
    elif marker in _FRAMES:
        _exactly(body, 6 + 3 * body[5] if len(body) > 5 else 0)
    elif marker == _SOS:
        _exactly(body, 4 + 2 * body[0] if body else 0)
    else:
        raise Unfit("unreadable", f"segment {marker:02X}")


def _exactly(body: bytes, length: int) -> None:
    if len(body) != length:
        raise Unfit("unreadable", "a segment of another length than it says")


def _walk_tables(body: bytes) -> None:
    at = 0
    while at < len(body):
        at += 1 + (128 if body[at] >> 4 else 64)
    _exactly(body, at)


def _walk_codes(body: bytes) -> None:
    at = 0
    while at < len(body):
        at += 17 + sum(body[at + 1 : at + 17])
    _exactly(body, at)


def _frame(body: bytes) -> Size:
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if body[0] != 8 or body[5] not in (1, 3) or not width or not height:
        raise Unfit("unreadable", "a frame that no page shows")
    return Size(width, height)


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the next marker is that is neither a stuffed zero nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Unfit("unreadable", "a scan without an end")
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
