"""Addresses as offices write them, taken apart; and the form under which two spellings are one door.

"Số 5, ngách 12/4 ngõ 12, đường Bờ Mương, P. Yên Nghĩa" becomes house "5", lane "ngách 12/4, ngõ 12", street
"đường Bờ Mương". Ward, district and city are left out: they are the same for everyone, and there is no
district any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from sync.text import clean, fold

_fold, _clean = lru_cache(8192)(fold), lru_cache(8192)(clean)
"""A sheet says the same lanes, streets and numbers again and again."""
Part = Literal["house", "lane", "street", "building", "unit_text"]
Address = dict[str, str]

_KINDS: list[tuple[Part | None, str]] = [
    ("lane", r"(ngo|ngach|hem|kiet|ng)\b"),
    ("street", r"(duong|pho|dg)\b"),
    ("building", r"(toa|chung cu|nha chung cu|block|khu nha|ct\d)"),
    ("unit_text", r"(can|can ho|phong|tang)\b"),
    (None, r"(phuong|p\.|quan|q\.|huyen|thanh pho|tp|t\.p|ha noi|to dan pho|tdp|to \d|khu dan cu)"),
]
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = rf"(?:{'|'.join(_MONTHS)}|thg ?\d{{1,2}})"
_DAY_AND_MONTH = re.compile(rf"(\d{{1,2}})[-/ ]({_MONTH})\.?(?:[-/ ](\d{{2,4}}))?")
_MONTH_AND_YEAR = re.compile(rf"({_MONTH})\.?[-/ ](\d{{2,4}})")
_WHOLE_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/((?:19|20)\d\d)")
_BREAK = re.compile(
    r"[,;]|\s-\s|\s+(?=(?:ngo|ngach|hem|kiet|duong|pho|toa|chung cu|can ho|can|phong|phuong|quan)\s)"
)
_NUMBER_WORD = re.compile(r"^(so nha|nha so|so|sn|nha)[\s.:]+(?=\d)")
_NOISE = re.compile(
    r"\b(so nha|nha so|so|duong|pho|toa nha|toa|chung cu|can ho|can|phong)\b|[^a-z0-9/]+|(?<![0-9])0+(?=\d)"
)


def parse(text: str) -> Address:
    """One line taken apart at commas and at the words that begin a part."""
    address: Address = {}
    for piece in _pieces(text):
        part = _part(piece)
        if part is None:
            continue
        if part == "house" and "house" in address:
            part = "street"
        address[part] = f"{address[part]}, {piece}" if part in address else piece
    return tidy(address)


def tidy(address: Mapping[str, str]) -> Address:
    """Each part as the phone would hold it: no "Số" before a number, the word "ngõ" before a bare one."""
    parts = {name: text for name, text in address.items() if text}
    if "house" in parts:
        parts["house"] = _without_number_word(parts["house"])
    if re.fullmatch(r"\d[\w/.-]*", parts.get("lane", "")):
        parts["lane"] = f"ngõ {parts['lane']}"
    both = re.fullmatch(r"(\S.*?)\s*[-–,]\s*(\d{2,5}\w?)", parts.get("building", ""))
    if both and "unit_text" not in parts:
        parts["building"], parts["unit_text"] = both[1], both[2]
    return {name: _clean(text) for name, text in parts.items()}


def undate(text: str) -> str | None:
    """What was typed where Excel shows a date: "12/4" of "12-Apr", "12-Thg4" or "12/04/2026"."""
    folded = _fold(text)
    if found := _WHOLE_DATE.fullmatch(folded):
        day, month, year = found[1], int(found[2]), int(found[3])
    elif found := _DAY_AND_MONTH.fullmatch(folded):
        day, month, year = found[1], _month(found[2]), int(found[3] or 2026)
    elif found := _MONTH_AND_YEAR.fullmatch(folded):
        return f"{_month(found[1])}/{int(found[2]) % 100}"
    else:
        return None
    typed = f"{int(day)}/{month}"
    return typed if year >= 2015 else f"{typed}/{year % 100}"


def _month(word: str) -> int:
    return _MONTHS.index(word) + 1 if word in _MONTHS else int(word.removeprefix("thg"))


def door(address: Mapping[str, str]) -> str:
    """Equal for two spellings of one address.

    Case, marks, punctuation, leading zeros and words like "số" and "đường" do not count.
    """
    names = ("unit_text", "building", "house", "lane", "street")
    return "|".join(_plain(address.get(name, "")) for name in names)


@lru_cache(8192)
def _plain(part: str) -> str:
    return _NOISE.sub("", _fold(part))


def _pieces(text: str) -> list[str]:
    # folding keeps the length of NFC Vietnamese text, so that places found in one hold in the other
    folded = _fold(text)
    if len(folded) != len(text):
        return [text]
    ends = [(found.start(), found.end()) for found in _BREAK.finditer(folded)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    return [piece for a, b in zip(starts, stops, strict=True) if (piece := text[a:b].strip(" ,;."))]


def _part(piece: str) -> Part | None:
    folded = _fold(piece)
    for part, pattern in _KINDS:
        if re.match(pattern, folded):
            return part
    return "house"


def _without_number_word(text: str) -> str:
    found = _NUMBER_WORD.match(_fold(text))
    return text[found.end() :] if found else text
