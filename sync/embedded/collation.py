"""CouchDB's order of keys as bytes that compare with memcmp.

null < false < true < numbers < strings (by ICU's root collation) < arrays < objects; arrays and
objects compare member by member and the shorter comes first. Every part begins with a tag above zero
and every list ends with a zero, so a prefix sorts before what continues it. The bytes of a string
are ICU's sort key, which holds no zero but its last byte.
"""

from __future__ import annotations

import struct
from typing import Any

import icu

NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT = (bytes([n]) for n in range(1, 8))
END = b"\0"
CACHED = 20_000

_pack = struct.Struct(">d").pack
_unpack_unsigned = struct.Struct(">Q")


class Collation:
    """Encodes keys; one per thread, since ICU's collators are not to be shared."""

    def __init__(self) -> None:
        self._collator = icu.Collator.createInstance(icu.Locale.getRoot())
        self._strings: dict[str, bytes] = {}

    def encode(self, key: Any) -> bytes:
        """The bytes whose order is the key's.

        :raises RecursionError: nested deeper than the interpreter allows.
        """
        if isinstance(key, str):
            return STRING + self._sort_key(key)
        if isinstance(key, bool):
            return TRUE if key else FALSE
        if key is None:
            return NULL
        if isinstance(key, (int, float)):
            return NUMBER + encode_number(key)
        if isinstance(key, (list, tuple)):
            return ARRAY + b"".join([self.encode(item) for item in key]) + END
        parts = [STRING + self._sort_key(name) + self.encode(item) for name, item in key.items()]
        return OBJECT + b"".join(parts) + END

    def encode_levels(self, key: Any) -> tuple[bytes, list[int]]:
        """The bytes, and for an array where in them each of its elements ends."""
        if not isinstance(key, list):
            return self.encode(key), []
        encoded = ARRAY
        ends: list[int] = []
        for item in key:
            encoded += self.encode(item)
            ends.append(len(encoded))
        return encoded + END, ends

    def _sort_key(self, text: str) -> bytes:
        known = self._strings.get(text)
        if known is None:
            # Cached because a view's keys repeat: days, services, names of streets.
            if len(self._strings) >= CACHED:
                self._strings.clear()
            known = self._strings[text] = bytes(self._collator.getSortKey(text))
        return known


def encode_number(value: float) -> bytes:
    """Eight bytes in numeric order: the sign bit flipped, for negative numbers all bits."""
    try:
        number = float(value) + 0.0
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    bits: int = _unpack_unsigned.unpack(_pack(number))[0]
    bits = bits ^ 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else bits | 1 << 63
    return _unpack_unsigned.pack(bits)
