"""TCVN3 ("ABC") text, which makes sense under fonts like .VnTime alone: recognised and converted.

A letter with its marks is one byte there (TCVN 5712:1993, VN3), and programs that took the bytes for
Windows-1252 or -1258 made "Hµ Néi" of "Hà Nội". The capitals with tones of .VnTimeH have the bytes of the
small letters, so that they come out small; addresses are compared without case anyway.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_SMALL = (
    "µà¶ả·ã¸á¹ạ¨ă»ằ¼ẳ½ẵ¾ắÆặ©âÇầÈẩÉẫÊấËậ®đÌèÎẻÏẽÐéÑẹªêÒềÓểÔễÕếÖệ×ìØỉÜĩÝíÞịßòáỏâõãóäọ«ôåồæổçỗèốéộ"
    "¬ơêờëởìỡíớîợïùñủòũóúôụ\u00adưõừöử÷ữøứùựúỳûỷüỹýýþỵ"
)
_CAPITAL = "¡Ă¢Â£Ê¤Ô¥Ơ¦Ư§Đ"
_PAIRS = unicodedata.normalize("NFC", _SMALL) + unicodedata.normalize("NFC", _CAPITAL)
_LETTERS = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_AS_1258 = {
    byte.decode("cp1258"): byte.decode("latin-1")
    for byte in (bytes([code]) for code in range(0xA0, 0x100))
    if byte.decode("cp1258") != byte.decode("latin-1")
}
_TABLE = str.maketrans(
    {**_LETTERS, **{own: _LETTERS[plain] for own, plain in _AS_1258.items() if plain in _LETTERS}}
)
_VIETNAMESE = set("ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúý")
_STRANGE = set(_LETTERS) - _VIETNAMESE
"""Signs that stand for a letter in TCVN3 and for none in Vietnamese."""
_WORD = re.compile(r"[^\s\d!-,./:;<-@\[-`{-~–—“”‘’]+")
_TONES = set("\u0300\u0301\u0303\u0309\u0323")
_SYLLABLE = re.compile(
    r"(?:ngh?|nh|ch?|gh|gi?|kh?|ph?|qu|th|tr?|[bdhlmrsvx])?[aeiouy]{1,3}(?:ng|nh|ch|[cmnpt])?"
)
SURE, LEAST = 0.9, 3
"""The share of strange words that must become Vietnamese syllables, and how many of them there must be."""


def recognise(texts: Iterable[str]) -> frozenset[str]:
    """Which of the texts of a table are TCVN3; none unless that is sure."""
    found = set(texts)
    strange = {word for text in found for word in _WORD.findall(text) if _is_strange(word)}
    fitting = sum(_is_syllable(convert(word)) for word in strange)
    if fitting < LEAST or fitting < SURE * len(strange):
        return frozenset()
    plain = {word for text in found for word in _WORD.findall(text) if _is_unicode(word)}
    mixed = len(plain) * 5 > len(strange)
    return frozenset(text for text in found if _belongs(text, mixed))


def convert(text: str) -> str:
    """The text as it would look under its font, in Unicode."""
    return unicodedata.normalize("NFC", text.translate(_TABLE))


def _belongs(text: str, mixed: bool) -> bool:
    words = _WORD.findall(text)
    if any(map(_is_unicode, words)):
        return False
    return any(map(_is_strange, words)) or (not mixed and text.translate(_TABLE) != text)


def _is_strange(word: str) -> bool:
    return len(word) > 1 and not _STRANGE.isdisjoint(word)


def _is_unicode(word: str) -> bool:
    """Whether it has a Vietnamese letter that no byte of the old fonts could have become."""
    return any(ord(sign) > 0x2FF or sign in "ĩũĨŨ" for sign in word if sign not in _AS_1258)


def _is_syllable(word: str) -> bool:
    apart = unicodedata.normalize("NFD", word.lower()).replace("đ", "d")
    letters = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return sum(sign in _TONES for sign in apart) <= 1 and bool(_SYLLABLE.fullmatch(letters))
