"""Addresses as offices write them, taken apart; and the form under which two spellings are one door.

"Số 5, ngách 12/4 ngõ 12, đường Bờ Mương, P. Yên Nghĩa" becomes house "5", lane "ngách 12/4, ngõ 12", street
"đường Bờ Mương". Ward, district and city are left out: they are the same for everyone, and there is no
district any more. Where no word says what a part is, it is guessed by its place, and that is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

from sync.text import clean, fold

_fold, _clean = lru_cache(8192)(fold), lru_cache(8192)(clean)
"""A sheet says the same lanes, streets and numbers again and again."""
Part = Literal["house", "lane", "street", "building", "unit_text"]
Address = dict[str, str]


class Split(NamedTuple):
    """An address taken apart; `sure` where each part was told by its word, not guessed by its place."""

    address: Address
    sure: bool


_KINDS: list[tuple[Part | None, str]] = [
    ("unit_text", r"p\.? ?\d{3,4}\b"),
    ("lane", r"(ngo|ngach|hem|kiet|ng)\b"),
    ("street", r"(duong|pho|dg)\b"),
    ("building", r"(?:(?:toa|chung cu|nha chung cu|block|khu nha)\b|ct\d)"),
    ("unit_text", r"(can|can ho|phong|tang)\b"),
    (
        None,
        r"(?:phuong|quan|huyen|thanh pho|tp|ha noi|to dan pho|tdp|khu dan cu)\b|(?:p\.|q\.|t\.p|tdp\d|to \d)",
    ),
]
_MARKED = frozenset(
    (
        "ngõ",
        "ngách",
        "hẻm",
        "kiệt",
        "đường",
        "phố",
        "tòa",
        "toà",
        "chung",
        "nhà",
        "khu",
        "căn",
        "phòng",
        "tầng",
        "phường",
        "quận",
        "huyện",
        "thành",
        "hà",
        "tổ",
        "số",
    )
)
"""Our words with their marks; what only sounds like one is a name: "Ngô Quyền", "Phương Mai", "Quán Sứ"."""
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = rf"(?:{'|'.join(_MONTHS)}|thg ?\d{{1,2}})"
_DAY_AND_MONTH = re.compile(rf"(\d{{1,2}})[-/ ]({_MONTH})\.?(?:[-/ ](\d{{2,4}}))?")
_MONTH_AND_YEAR = re.compile(rf"({_MONTH})\.?[-/ ](\d{{2,4}})")
_WHOLE_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/((?:19|20)\d\d)")
_BREAK = re.compile(
    r"[,;]|\s-\s|\s+(?=(?:ngo|ngach|hem|kiet|duong|toa|chung cu|can ho|can|phong|phuong|quan)\s"
    r"|(?:to|tdp|to dan pho)\s(?:so\s)?\d)|(?<!\bdan)\s+(?=pho\s)|(?<!\btoa)(?<!\bnha)\s+(?=ct\d)"
    r"|(?<=\d)\s+(?=(?:so nha|nha so|so|sn)\s+\d)"
)
_NUMBER = re.compile(r"[a-z]{0,2}\d+[a-z]?(?:[/.-]\d+[a-z]?)*(?: ?bis)?")
_THEN_NAME = re.compile(
    rf"((?:(?:ngo|ngach|hem|kiet)\s+)?{_NUMBER.pattern})\s+([a-z]{{2,}}(?:\s[a-z]{{2,}}){{1,4}})"
)
"""A house or lane by its number, then words that are likely the street: "33 Bờ Đê", "hẻm 12/4/6 Bờ Mương"."""
_NO_STREET = re.compile(r"(tang|gac|nha|gan|canh|sau|doi dien|khu|xom|thon|lo|ngoai|trong|phia|moi|cu)\b")
_DISTRICTS = re.compile(
    r"ba dinh|bac tu liem|cau giay|dong da|ha dong|hai ba trung|hoan kiem|hoang mai|long bien|nam tu liem"
    r"|tay ho|thanh xuan|ba vi|chuong my|dan phuong|dong anh|gia lam|hoai duc|me linh|my duc|phu xuyen"
    r"|phuc tho|quoc oai|soc son|thach that|thanh oai|thanh tri|thuong tin|ung hoa|son tay"
)
"""Of Hà Nội, until 1 July 2025; lists still end with them."""
MOST_BREAKS = 20
"""What is cut more often is no address, and would take its time."""
_WORD = re.compile(r"\w+")
_NUMBER_WORD = re.compile(r"^(so nha|nha so|so|sn|nha)[\s.:]+(?=\d)")
_NOISE = re.compile(
    r"\b(so nha|nha so|so|duong|pho|toa nha|toa|chung cu|can ho|can|phong)\b|[^a-z0-9/]+|(?<![0-9])0+(?=\d)"
)


def parse(text: str) -> Address:
    """One line taken apart at commas and at the words that begin a part."""
    return split(text).address


def split(text: str) -> Split:
    """As `parse`, and whether every part was told by its word."""
    address: Address = {}
    sure = True
    for piece, joined in chain.from_iterable(map(_before_name, _pieces(text))):
        part = _part(piece)
        bare = part == "house" and not _NUMBER.fullmatch(_fold(_without_number_word(piece)))
        if part is None or (bare and not joined and _is_rest(piece, address)):
            sure = sure and not _may_be_street(piece)
            continue
        sure = sure and not bare and not _mixed(part, piece) and (part != "house" or "house" not in address)
        if part == "house" and (joined or "house" in address):
            part = "street"
        address[part] = f"{address[part]}, {piece}" if part in address else piece
    if (
        "building" in address
        and "unit_text" not in address
        and re.fullmatch(r"\d{3,4}", address.get("house", ""))
    ):
        address["unit_text"] = address.pop("house")  # "1204 CT1"
    return Split(tidy(address), sure)


def _before_name(piece: str) -> list[tuple[str, bool]]:
    """ "33 Bờ Đê" as two pieces, the second joined to the first by nothing; any other as it is."""
    folded = _fold(piece)
    found = _THEN_NAME.fullmatch(_fold(_without_number_word(piece)))
    if not found or len(folded) != len(piece) or _NO_STREET.match(found[2]):
        return [(piece, False)]
    cut = len(piece) - len(found[2])
    return [(piece[:cut].strip(), False), (piece[cut:], True)]


def _mixed(part: Part, piece: str) -> bool:
    """Whether more than this part may be in it: "ngõ 5 gần chợ", "Phố Sân Kho (cạnh nhà văn hóa)"."""
    folded = _fold(piece)
    if part == "lane":
        return not re.fullmatch(rf"\w+\.?\s*(?:so\s+)?(?:{_NUMBER.pattern}|[a-z ]+)", folded)
    if part == "unit_text":
        return not re.fullmatch(rf"[a-z. ]*{_NUMBER.pattern}", folded)
    return part == "street" and not re.fullmatch(r"(?!.* (?:gan|canh|sau|truoc|doi dien) )[\w ./-]+", folded)


def _is_rest(piece: str, address: Address) -> bool:
    """Whether a bare name is the ward or former district at the end of an address, and not its street."""
    folded = _fold(piece)
    district = bool(_DISTRICTS.fullmatch(folded))
    if "street" in address:
        return district or folded in _wards()
    return district and "lane" in address


def _may_be_street(piece: str) -> bool:
    """Whether what is left out was typed without marks, so that "quan thanh" may be a street's name."""
    folded = _fold(piece)
    first, _, name = folded.partition(" ")
    typed = first in ("phuong", "quan", "huyen") and _clean(piece).lower().split(" ")[0] == first
    return typed and not (_DISTRICTS.fullmatch(name) or name in _wards())


@cache
def _wards() -> frozenset[str]:
    """The wards of the city, without "Phường" and "Xã"."""
    file = Path(__file__).parents[1] / "catalog" / "wards.json"
    return frozenset(_fold(ward["name"].split(" ", 1)[1]) for ward in json.loads(file.read_text())["wards"])


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
    breaks = ((found.start(), found.end()) for found in _BREAK.finditer(folded))
    ends = [
        (start, end) for start, end in breaks if text[start:end].strip() or _may_be_ours(text[end : end + 12])
    ]
    if len(ends) > MOST_BREAKS:
        return [text]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    return [piece for a, b in zip(starts, stops, strict=True) if (piece := text[a:b].strip(" ,;."))]


def names(text: str, part: Part) -> bool:
    """Whether the text itself says that it is this part: "ngõ 5", "phố Huế"."""
    return part != "house" and _part(text) == part


def _part(piece: str) -> Part | None:
    folded = _fold(piece)
    for part, pattern in _KINDS if _may_be_ours(piece) else ():
        if re.match(pattern, folded):
            return part
    return "house"


def _may_be_ours(text: str) -> bool:
    """Whether the first word may be one of ours: "ngõ", or "ngo" as some type it, and not "Ngô"."""
    word = _WORD.match(_clean(text).lower())
    return word is None or word[0] in _MARKED or _fold(word[0]) == word[0]


def _without_number_word(text: str) -> str:
    found = _NUMBER_WORD.match(_fold(text))
    return text[found.end() :] if found else text
