"""Vietnamese text: one form to store (NFC), one to search in (folded), one to sort by (ICU, `vi`).

"Nghĩa" typed on two keyboards may be two different strings, and "Hoà" and "Hòa" are one word in two
spellings; whatever compares text goes through here. The phone folds by the same rules:
`tests/cases/folding.json` holds the cases that both must pass.
"""

from __future__ import annotations

import re
import unicodedata

import icu

_MARKS = re.compile("[\u0300-\u036f]")
_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_D = str.maketrans("đ", "d")


def nfc(text: str) -> str:
    """The form in which all text is stored."""
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Lower case without marks, for searching: "Yên Nghĩa", "yen nghia" and their NFD forms become equal.

    `đ` is a letter of its own that does not decompose, so it is replaced by hand.
    """
    return _MARKS.sub("", unicodedata.normalize("NFD", text.lower())).translate(_D)


def clean(text: str) -> str:
    """NFC, no control or invisible characters, every run of white space one space, nothing at either end."""
    visible = _INVISIBLE.sub("", text)
    spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in visible)
    return nfc(_SPACE.sub(" ", spaced).strip())


def _collator() -> icu.Collator:
    collator = icu.Collator.createInstance(icu.Locale("vi"))
    collator.setAttribute(icu.UCollAttribute.NUMERIC_COLLATION, icu.UCollAttributeValue.ON)
    return collator


_COLLATOR = _collator()


def sort_key(text: str) -> bytes:
    """Orders as a Vietnamese reader expects, numbers by value: "TDP 2" before "TDP 10"."""
    return bytes(_COLLATOR.getSortKey(nfc(text)))


def name_key(name: str) -> tuple[bytes, bytes, bytes]:
    """Orders people by given name (the last word), then family name (the first), then what stands between."""
    words = clean(name).split(" ")
    family = words[0] if len(words) > 1 else ""
    return sort_key(words[-1]), sort_key(family), sort_key(" ".join(words[1:-1]))
