"""JPEG pictures built segment by segment, whole or with something that has no place in one."""

from __future__ import annotations

import base64
from typing import Any

from sync.ulids import new_ulid
from tests.sync.samples import AT, HOA, created, rev

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


JFIF = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
GPS = segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0")
XMP = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>21.03 105.85</x:xmpmeta>")
ICC = segment(0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(100))
COMMENT = segment(0xFE, b"<script>alert(1)</script>")
_TABLES = segment(0xDB, b"\0" + bytes([1] * 64)) + segment(0xC4, b"\0" + b"\0\x01" + bytes(14) + b"\0")
_TABLES += segment(0xC4, b"\x10" + b"\0\x01" + bytes(14) + b"\0")


def frame(width: int, height: int) -> bytes:
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return segment(0xC0, b"\x08" + size + b"\x01\x01\x11\0")


def jpeg(
    width: int = 1600, height: int = 1200, *, more: bytes = b"", scan: bytes = b"\x12\xff\0\xff\xd0\x34"
) -> bytes:
    """A grey picture; `more` stands behind the header."""
    begin = segment(0xDA, b"\x01\x01\0\0\x3f\0")
    return SOI + JFIF + more + _TABLES + frame(width, height) + begin + scan + EOI


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def photo(
    by: str = HOA, unit: str = "tdp-07", picture: bytes | None = None, **changes: Any
) -> dict[str, Any]:
    """A photo as a phone sends it, each new call a new id."""
    return {
        "_id": f"photo:{new_ulid()}",
        "_rev": rev(1),
        "type": "photo",
        "schema": 1,
        "unit": unit,
        "created": created(by),
        "taken": "2026-05-01",
        "caption": "Ra quân ở nhà văn hóa",
        "notice": {"version": "2026-11", "at": AT},
        "width": 1600,
        "height": 1200,
        "image": text(jpeg() if picture is None else picture),
        "thumb": text(jpeg(320, 240)),
        **changes,
    }
