"""What a refused document says, in words.

It may be anything a phone could send: whatever is not as expected is left out, nothing raises, and no text
is longer than a page can bear.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.catalog import Catalog
from server.content import Choice
from server.numbers import write_day, write_instant
from server.texts import Translate

LONGEST = 4000
LONGEST_RAW = 20_000
MOST = 60
ADVICE = {
    "bad-id": "update",
    "unknown-type": "update",
    "malformed": "update",
    "too-deep": "update",
    "attachment": "update",
    "created-changed": "update",
    "past-changed": "again",
    "unknown-ancestor": "again",
    "too-long": "shorten",
    "deletion": "withdraw",
    "not-allowed": "role",
    "wrong-unit": "unit",
    "wrong-author": "author",
    "not-author": "lead",
    "erased": "gone",
    "gone": "gone",
    "not-nfc": "save",
    "id-number": "number",
    "restricted": "leave",
    "person-restricted": "left-alone",
    "no-consent": "consent",
    "photo-unreadable": "photo",
    "photo-too-large": "photo",
    "photo-metadata": "photo",
    "left-unit": "moved",
    "moved": "other",
}
"""What helps, by the code of `sync.checks`: a key under ``quarantine.do``."""
CORRECTED = frozenset({"update", "shorten", "save", "number", "consent", "other"})
"""Advice to open the record on the phone and correct it there."""
WHOLE = frozenset(code for code, advice in ADVICE.items() if advice == "update")
"""Refused for their form: words alone would hide what is wrong, so the text is shown as it came."""
KINDS = ("visit", "household", "resident", "photo")


@dataclass(frozen=True)
class Line:
    """One thing said: `label` is a key under ``quarantine.field``."""

    label: str
    value: str


@dataclass(frozen=True)
class HelpLine:
    service: str
    level: str
    whom: str
    more: Sequence[str]


@dataclass
class Told:
    """What the page shows of a document; `raw` is None where the words say it all."""

    kind: str
    lines: list[Line] = field(default_factory=list)
    helps: list[HelpLine] = field(default_factory=list)
    unlisted: int = 0
    raw: str | None = None

    def say(self, label: str, value: str) -> None:
        if value:
            self.lines.append(Line(label, value))


def kind_of(value: Any) -> str:
    """The kind under which texts know a type of document."""
    return value if value in KINDS else "other"


def tell(refused: Mapping[str, Any], catalog: Catalog, t: Translate, language: str) -> Told:
    """The document of a quarantine entry, in the reader's language."""
    document = _object(refused.get("document"))
    told = Told(kind_of(document.get("type")))
    words = _Words(catalog, t, language)
    if told.kind in _TELLERS:
        _TELLERS[told.kind](told, document, words)
    if refused.get("code") in WHOLE or not (told.lines or told.helps):
        said = {name: _short(value) for name, value in document.items()} or refused.get("document")
        raw = json.dumps(said, ensure_ascii=False, indent=1)
        told.raw = raw if len(raw) <= LONGEST_RAW else raw[:LONGEST_RAW] + " …"
    return told


class _Words:
    """Names of the catalog and texts, for values that may be anything."""

    def __init__(self, catalog: Catalog, t: Translate, language: str) -> None:
        self.catalog = catalog
        self.t = t
        self.language = language

    def choice(self, rows: Sequence[Choice], key: Any) -> str:
        text = _text(key)
        return self.catalog.name(list(rows), text, self.language) if text else ""

    def choices(self, rows: Sequence[Choice], keys: Any) -> str:
        return "; ".join(filter(None, (self.choice(rows, key) for key in _list(keys)[:MOST])))

    def yes(self, value: Any) -> str:
        return self.t("quarantine.yes") if value is True else ""


def _tell_visit(told: Told, document: Mapping[str, Any], words: _Words) -> None:
    content = words.catalog.content
    record = _object(_value(document, "record"))
    told.say("outcome", words.choice(content.outcomes, record.get("outcome")))
    told.say("at", _when(record.get("at")))
    told.say("where", words.t("quarantine.where.desk") if document.get("household", "") is None else "")
    told.say("withdrawn", words.yes(record.get("withdrawn")))
    told.say("obstacles", words.choices(content.obstacles, record.get("obstacles")))
    follow_up = _object(record.get("follow_up"))
    told.say("follow_up", " · ".join(filter(None, (_day(follow_up.get("on")), _text(follow_up.get("why"))))))
    told.say("note", _text(record.get("note")))
    helps = _list(record.get("helps"))
    told.helps = [_help(_object(help), words) for help in helps[:MOST]]
    told.unlisted = max(len(helps) - MOST, 0)


def _help(help: Mapping[str, Any], words: _Words) -> HelpLine:
    catalog, content = words.catalog, words.catalog.content
    service, level = _text(help.get("service")), _text(help.get("level"))
    details = catalog.services[service].details if service in catalog.services else []
    count = _text(help.get("count"))
    whom = words.choice(content.age_bands, help.get("age_band"))
    more = (
        words.t("quarantine.help.count", n=count) if count not in ("", "1") else "",
        words.choice(details, help.get("detail")),
        words.choice(content.obstacles, help.get("obstacle")),
        words.choice(content.referrals, help.get("referral")),
    )
    return HelpLine(
        catalog.service_name(service, words.language),
        catalog.level_name(service, level, words.language),
        whom,
        [text for text in more if text],
    )


def _tell_household(told: Told, document: Mapping[str, Any], words: _Words) -> None:
    address = _object(_value(document, "address"))
    parts = ("unit_text", "building", "house", "lane", "street")
    told.say("address", ", ".join(filter(None, (_text(address.get(part)) for part in parts))))
    kind = _value(document, "kind")
    told.say("kind", words.t(f"quarantine.kind.{kind}") if kind in ("home", "business") else _text(kind))
    told.say("adults", _text(_value(document, "adults")))
    told.say("gone", words.yes(_value(document, "gone")))


def _tell_resident(told: Told, document: Mapping[str, Any], words: _Words) -> None:
    identity = _object(_value(document, "identity"))
    told.say("label", _text(_value(document, "label")))
    told.say("age_band", words.choice(words.catalog.content.age_bands, _value(document, "age_band")))
    told.say("name", _text(identity.get("name")))
    told.say("phone", _text(identity.get("phone")))
    if identity.get("name") or identity.get("phone"):
        told.say("consent", words.t("quarantine.consent." + ("yes" if identity.get("consent") else "no")))
    told.say("gone", words.yes(_value(document, "gone")))


def _tell_photo(told: Told, document: Mapping[str, Any], words: _Words) -> None:
    told.say("taken", _day(document.get("taken")))
    told.say("caption", _text(document.get("caption")))


_TELLERS: dict[str, Callable[[Told, Mapping[str, Any], _Words], None]] = {
    "visit": _tell_visit,
    "household": _tell_household,
    "resident": _tell_resident,
    "photo": _tell_photo,
}


def _short(value: Any) -> Any:
    """A picture in Base64 says nothing to a reader."""
    return value if not isinstance(value, str) or len(value) <= LONGEST else f"{value[:40]} …"


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _value(document: Mapping[str, Any], name: str) -> Any:
    return _object(document.get(name)).get("value")


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value).strip()
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _when(value: Any) -> str:
    try:
        return write_instant(_text(value)) if _text(value) else ""
    except (ValueError, OverflowError):
        return _text(value)


def _day(value: Any) -> str:
    try:
        return write_day(_text(value)) if _text(value) else ""
    except ValueError:
        return _text(value)
