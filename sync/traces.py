"""The words that would name someone erased, and documents without them.

A resident may be named where no id tells of it: in a note about the neighbours, in the label of a husband. An
erasure learns the words from the record before it goes (`phrases_of`) and takes them out of every document of
the unit (`without_names`). For what a phone brings later the ledger keeps them for a while as keyed hashes.

A phrase is a name of two words or more, or a phone number, and counts in the whole unit. The given name alone
counts within the household, where "bà Mơ" can be nobody else, and only when it is written as a name. Words
are compared as they are spelled, "Hoà" as "Hòa", and a name that was typed without any marks is found, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sync.redaction import bare
from sync.store import Document
from sync.text import fold

Phrase = tuple[str, str]
"""Where it counts (a household's id, or "" for the whole unit), and its words."""

GAP = "…"
"""What stands where a name stood."""

_WORD = re.compile(r"[^\W_]+")
_PHONE = re.compile(r"(?<!\d)(?=((?:\+?84|0)(?:[ .-]?\d){9,10}))")
"""Looked for from every digit on: a "0" before a number must not swallow its beginning."""
_CODE = re.compile(r"[a-z-]*|[a-z]+:[0-9A-Za-z_-]+|\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?")
"""A key, an id, an instant: nothing that anyone typed."""
_SEPARATORS = re.compile("[ .-]")
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_FIXED = frozenset({"type", "schema", "unit", "created", "household", "identity"})


def phrases_of(resident: Document) -> set[Phrase]:
    """All phrases that name this person, from every value that the record ever had."""
    home = str(resident.get("household"))
    found: set[Phrase] = set()
    for register in _registers(resident, "identity"):
        name, phone = str(register.get("name") or ""), str(register.get("phone") or "")
        found |= _of_name(home, _WORD.findall(name))
        found |= {(where, number) for *_, number in _numbers(phone) for where in ("", home)}
    for label in _registers(resident, "label"):
        names = [word for word in _WORD.findall(str(label))[1:] if word[0].isupper()]
        found |= _of_name(home, names)
    return found


def _of_name(home: str, words: list[str]) -> set[Phrase]:
    if not words:
        return set()
    given = {(home, spell(words[-1]))}
    if len(words) == 1:
        return given
    whole = " ".join(map(spell, words))
    bare_letters = " ".join(map(fold, words))
    return given | {(where, said) for said in (whole, bare_letters) for where in ("", home)}


@lru_cache(100_000)
def spell(word: str) -> str:
    """Small letters, the tone behind them all: two ways to place it are one word."""
    letters = unicodedata.normalize("NFD", word.lower())
    tones = "".join(letter for letter in letters if letter in _TONES)
    return unicodedata.normalize("NFC", "".join(letter for letter in letters if letter not in _TONES)) + tones


@dataclass(frozen=True, slots=True)
class Traces:
    """Which phrases name someone erased, and of how many words they are."""

    has: Callable[[Phrase], bool]
    lengths: Collection[int]
    hints: Collection[str] = ("",)
    """Letters of which some stand in whatever has a phrase: for looking through many documents."""

    @classmethod
    def of(cls, phrases: Collection[Phrase]) -> Traces:
        hints = {fold(unicodedata.normalize("NFC", words.split()[-1])) for _, words in phrases}
        return cls(phrases.__contains__, lengths_of(phrases), hints)

    def may_be_in(self, text: str) -> bool:
        letters = _SEPARATORS.sub("", fold(text))
        return any(hint.removeprefix("0") in letters for hint in self.hints)

    def within(self, text: str, home: str) -> list[tuple[int, int, bool]]:
        """Where a phrase begins and ends, and whether it counts in this household."""
        words = [(found.start(), found.end(), found[0]) for found in _WORD.finditer(text)]
        spelled = [spell(word) for *_, word in words]
        found = []
        for length in sorted(self.lengths, reverse=True):
            for at in range(len(words) - length + 1):
                where = self._where(" ".join(spelled[at : at + length]), home)
                if where is not None and (length > 1 or (where and words[at][2][0].isupper())):
                    found.append((words[at][0], words[at + length - 1][1], where == home))
        for begin, end, digits in _numbers(text):
            where = self._where(digits, home)
            if where is not None:
                found.append((begin, end, where == home))
        return found

    def _where(self, words: str, home: str) -> str | None:
        return next((where for where in (home, "") if self.has((where, words))), None)


def lengths_of(phrases: Iterable[Phrase]) -> set[int]:
    return {len(words.split()) for _, words in phrases}


def without_names(document: Document, traces: Traces) -> Document:
    """The document with a gap for each phrase; where the household's own visits have one, without their text.

    Another person's name that happens to be the same stays: `identity` is left as it is.
    """
    if not traces.lengths or not traces.may_be_in("\n".join(_typed(document))):
        return document
    home = str(document.get("household") or document.get("_id"))
    kept = {}
    for name, value in document.items():
        if name in _FIXED or name.startswith("_"):
            kept[name] = value
        elif name == "history" and isinstance(value, list):
            kept[name] = [_past(entry, home, traces) for entry in value]
        else:
            kept[name] = _register(name, value, home, traces)
    return kept


def masked(value: Any, home: str, traces: Traces) -> Any:
    """Any data with gaps instead of phrases."""
    if isinstance(value, str):
        return value if _CODE.fullmatch(value) else _with_gaps(value, traces.within(value, home))
    if isinstance(value, list):
        return [masked(item, home, traces) for item in value]
    if isinstance(value, dict):
        return {name: masked(item, home, traces) for name, item in value.items()}
    return value


def _typed(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if not _CODE.fullmatch(value):
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _typed(item)


def _past(entry: Any, home: str, traces: Traces) -> Any:
    field = entry.get("field") if isinstance(entry, dict) else None
    return entry if field == "identity" else _register(str(field), entry, home, traces)


def _register(name: str, register: Any, home: str, traces: Traces) -> Any:
    value = register.get("value") if isinstance(register, dict) else None
    if name == "address" and isinstance(value, dict):  # streets are named after people
        return {**register, "value": {**value, **masked(_only(value, "unit_text"), home, traces)}}
    kept = masked(register, home, traces)
    if name == "record" and kept != register and any(_at_home(value, home, traces)):
        return masked({**register, "value": bare(value)}, home, traces)
    return kept


def _only(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: value[name]} if name in value else {}


def _at_home(value: Any, home: str, traces: Traces) -> Iterator[bool]:
    return (own for text in _typed(value) for *_, own in traces.within(text, home) if own)


def _with_gaps(text: str, spans: list[tuple[int, int, bool]]) -> str:
    joined: list[tuple[int, int]] = []
    for begin, end, _ in sorted(spans):
        if joined and begin < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    for begin, end in reversed(joined):
        text = text[:begin] + GAP + text[end:]
    return text


def _numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Where numbers begin and end, as they are dialled at home: each is tried as ten digits and as eleven."""
    for found in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", found[1])
        home = "0" + digits[2:] if digits.startswith("84") else digits
        for length in (10, 11):
            yield found.start(1), found.end(1), home[:length]


def _registers(document: Document, field: str) -> list[Any]:
    """Every value that a field has or had."""
    past = [entry for entry in document.get("history", ()) if entry.get("field") == field]
    values = [register.get("value") for register in (document.get(field) or {}, *past)]
    return [value for value in values if value]
