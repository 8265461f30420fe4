"""Numbers of identity cards in free text: found, warned of, masked.

A citizen's number has 12 digits (the older card's had 9), written in one run or in groups parted by
spaces, dots or dashes. The phone follows the same rules: `tests/cases/id-numbers.json` holds the
cases both must pass. The rules, on the text in NFKC form without invisible characters:

1. A *chain* is digits joined by separators (up to three of: space, no-break space, tab, dot, dashes,
   underscore); its *groups* are the runs of digits in it.
2. Refused: a group of exactly 12 digits; neighbouring groups of at least 3 digits each that have 12
   together; a whole chain of 12 digits, unless it is a date with a time, or a phone number of 10
   digits beside a number of 2.
3. Warned of: a group of exactly 9 digits, or three neighbouring groups of 3 that are the whole chain.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

Verdict = Literal["ok", "warn", "refuse"]

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CHAIN = re.compile("[0-9]+(?:[ \u00a0\t._\u2010-\u2015\u2212-]{1,3}[0-9]+)*")
_GROUP = re.compile("[0-9]+")
_PHONE = re.compile("0[35789][0-9]{8}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_YEAR = re.compile("(?:19|20)[0-9]{2}")
LENGTH = 12
OLD_LENGTH = 9


def judge(text: str) -> Verdict:
    """What a text may do: pass, pass with a warning, or not pass."""
    plain = _plain(text)
    if len(plain) < OLD_LENGTH or _INSTANT.fullmatch(plain):
        return "ok"  # as most texts of a document; too short, or with letters and colons between its digits
    return judge_chains(plain)


def judge_chains(plain: str) -> Verdict:
    """The rules themselves, for a text in NFKC form without invisible characters."""
    verdict: Verdict = "ok"
    for chain in _CHAIN.finditer(plain):
        groups = _GROUP.findall(chain[0])
        if any(_spans(groups)):
            return "refuse"
        if any(len(group) == OLD_LENGTH for group in groups) or [len(g) for g in groups] == [3, 3, 3]:
            verdict = "warn"
    return verdict


def mask(text: str) -> str:
    """The text with every digit of an identity number as a dot; other texts come back as they are."""
    if judge(text) != "refuse":
        return text
    return _CHAIN.sub(_masked, _plain(text))


def _masked(chain: re.Match[str]) -> str:
    if not any(_spans(_GROUP.findall(chain[0]))):
        return chain[0]
    return _GROUP.sub(lambda group: "•" * len(group[0]), chain[0])


def _plain(text: str) -> str:
    if text.isascii():
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def _spans(groups: list[str]) -> Iterator[bool]:
    """True for each stretch of groups that looks like one number."""
    for first in range(len(groups)):
        total = 0
        for group in groups[first:]:
            total += len(group)
            if len(group) < 3 or total >= LENGTH:
                if len(group) >= 3 and total == LENGTH:
                    yield True
                break
    if sum(map(len, groups)) == LENGTH:
        yield not _is_date(groups) and not _is_phone_and_number(groups)


def _is_date(groups: list[str]) -> bool:
    lengths = [len(group) for group in groups]
    day_first = lengths[:3] == [2, 2, 4] and bool(_YEAR.fullmatch(groups[2]))
    year_first = lengths[:3] == [4, 2, 2] and bool(_YEAR.fullmatch(groups[0]))
    return day_first or year_first


def _is_phone_and_number(groups: list[str]) -> bool:
    digits = "".join(groups)
    after = len(groups[-1]) == 2 and _PHONE.fullmatch(digits[:10])
    before = len(groups[0]) == 2 and _PHONE.fullmatch(digits[2:])
    return bool(len(groups) > 1 and (after or before))
