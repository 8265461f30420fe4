"""The form in which the desk corrects a refused document: plain fields, by its type.

It is made from a document of any shape: what cannot be a field has none; what the form does not show is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.catalog import Catalog
from server.errors import Problem
from server.texts import Translate
from sync.clocks import text_of
from sync.residents import read_phone
from sync.text import clean, nfc

METHODS = ("spoken", "signed", "representative")
ADDRESS = ("house", "lane", "street", "building", "unit_text")
MOST_HELPS = 60
MOST_OBSTACLES = 20
_COUNT = re.compile(r"\d{1,2}")
LONG = 2000
LONGEST = 10_000
"""What is longer than this nobody sets right in a form."""
SHORT = 120


@dataclass(frozen=True)
class Field:
    """One question; `label` is a key of texts, a help has its `service`. `choices`: value and name."""

    name: str
    label: str
    value: str
    longest: int = SHORT
    choices: Sequence[tuple[str, str]] | None = None
    lines: int = 1
    service: str = ""
    kind: str = "text"

    @property
    def masked(self) -> bool:
        """Whether digits were hidden here, so that it has to be set right."""
        return "••" in self.value


@dataclass(frozen=True)
class Words:
    """Whose names the choices bear."""

    catalog: Catalog
    t: Translate
    language: str


def fields_of(document: Any, words: Words) -> list[Field]:
    """Nothing for a document that no form can set right."""
    document = document if isinstance(document, dict) else {}
    make = _MAKERS.get(str(document.get("type")))
    fields = make(document, words) if make is not None else []
    return fields if all(len(one.value) <= LONGEST for one in fields) else []


def read_fields(
    document: Mapping[str, Any], typed: Mapping[str, str], catalog: Catalog, by: str
) -> dict[str, Any]:
    """The values of the document's registers as the form has them.

    :raises Problem: ``bad-field`` for what the form did not offer.
    """
    kind = str(document.get("type"))
    if kind == "visit":
        return _read_visit(_dict(_value(document, "record")), typed)
    if kind == "household":
        return _read_household(document, typed)
    if kind == "resident":
        return _read_resident(document, typed, catalog, by)
    return {}


def _visit_fields(document: dict[str, Any], words: Words) -> list[Field]:
    record = _value(document, "record")
    if not isinstance(record, dict):
        return []
    content, catalog = words.catalog.content, words.catalog
    outcomes = [
        (one.key, catalog.name(content.outcomes, one.key, words.language)) for one in content.outcomes
    ]
    fields = [Field("outcome", "quarantine.field.outcome", _text(record.get("outcome")), choices=outcomes)]
    for index, help in enumerate(_helps(record)):
        service, level = _text(_dict(help).get("service")), _text(_dict(help).get("level"))
        known = catalog.services[service].levels if service in catalog.services else []
        keys = [one.key for one in known]
        offered = [(key, catalog.level_name(service, key, words.language)) for key in keys]
        offered += [] if level in keys else [(level, level)]
        name = catalog.service_name(service, words.language)
        drop = ("", words.t("quarantine.correct.drop"))
        fields.append(
            Field(f"help-{index}", "quarantine.correct.help", level, choices=[*offered, drop], service=name)
        )
    offered = [
        (one.key, catalog.name(content.obstacles, one.key, words.language)) for one in content.obstacles
    ]
    for index, key in enumerate(_obstacles(record)):
        own = [] if key in dict(offered) else [(key, key)]
        choices = [*offered, *own, ("", words.t("quarantine.correct.drop"))]
        fields.append(Field(f"obstacle-{index}", "quarantine.field.obstacles", key, choices=choices))
    if isinstance(record.get("follow_up"), dict):
        promised = record["follow_up"]
        fields.append(Field("on", "quarantine.correct.on", _text(promised.get("on")), kind="date"))
        fields.append(Field("why", "quarantine.field.follow_up", _text(promised.get("why")), 300))
    return [*fields, Field("note", "quarantine.field.note", _text(record.get("note")), LONG, lines=4)]


def _read_visit(record: dict[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    if "outcome" not in typed:
        return {}
    after = {**record, "outcome": typed["outcome"]}
    helps = _helps(record)
    kept = [
        {**_dict(help), "level": level} if level != _dict(help).get("level") else help
        for index, help in enumerate(helps)
        if (level := typed.get(f"help-{index}", ""))
    ]
    if helps:
        after["helps"] = [*kept, *_list(record.get("helps"))[MOST_HELPS:]]
    if obstacles := _obstacles(record):
        chosen = [typed.get(f"obstacle-{index}", "") for index in range(len(obstacles))]
        after["obstacles"] = [
            *(key for key in chosen if key),
            *_list(record.get("obstacles"))[MOST_OBSTACLES:],
        ]
    if isinstance(record.get("follow_up"), dict):
        on, why = typed.get("on", "").strip(), clean(typed.get("why", ""))
        after["follow_up"] = {**record["follow_up"], "on": on, "why": why}
        if not on:
            del after["follow_up"]
    note = nfc(typed.get("note", "").replace("\r\n", "\n").strip())
    if note or "note" in record:
        after["note"] = note
    return {"record": after}


def _household_fields(document: dict[str, Any], words: Words) -> list[Field]:
    address = _value(document, "address")
    if not isinstance(address, dict):
        return []
    fields = [Field(part, f"quarantine.correct.{part}", _text(address.get(part))) for part in ADDRESS]
    if "adults" in document:
        adults = _value(document, "adults")
        shown = "" if adults is None else str(adults)[:LONGEST]
        fields.append(Field("adults", "quarantine.correct.adults", shown, 20))
    return fields


def _read_household(document: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    before = _dict(_value(document, "address"))
    parts = {part: clean(typed.get(part, "")) for part in ADDRESS}
    address = {**before, **{part: text for part, text in parts.items() if text or part in before}}
    if "adults" not in document or "adults" not in typed:
        return {"address": address}
    adults = clean(typed["adults"])
    return {"address": address, "adults": int(adults) if _COUNT.fullmatch(adults) else adults or None}


def _resident_fields(document: dict[str, Any], words: Words) -> list[Field]:
    if not isinstance(document.get("label"), dict):
        return []
    bands = words.catalog.content.age_bands
    choices = [(one.key, words.catalog.name(bands, one.key, words.language)) for one in bands]
    identity = _dict(_value(document, "identity"))
    methods = [("", words.t("quarantine.consent.no"))]
    methods += [(method, words.t(f"quarantine.correct.consent.{method}")) for method in METHODS]
    consent = _text(_dict(identity.get("consent")).get("method"))
    return [
        Field("label", "quarantine.field.label", _text(_value(document, "label"))),
        Field("age_band", "quarantine.field.age_band", _text(_value(document, "age_band")), choices=choices),
        Field("name", "quarantine.field.name", _text(identity.get("name"))),
        Field("phone", "quarantine.field.phone", _text(identity.get("phone")), 20),
        Field("consent", "quarantine.field.consent", consent, choices=methods),
    ]


def _read_resident(
    document: Mapping[str, Any], typed: Mapping[str, str], catalog: Catalog, by: str
) -> dict[str, Any]:
    fields: dict[str, Any] = {"label": clean(typed.get("label", "")), "age_band": typed.get("age_band", "")}
    before = _dict(_value(document, "identity"))
    name, phone, method = (
        clean(typed.get("name", "")),
        clean(typed.get("phone", "")),
        typed.get("consent", ""),
    )
    if method and method not in METHODS:
        raise Problem("bad-field")
    identity: dict[str, Any] = {"name": name, "phone": read_phone(phone) or phone}
    identity = {key: text for key, text in identity.items() if text}
    consent = _dict(before.get("consent"))
    if identity and method and consent.get("method") == method:
        identity["consent"] = consent
    elif identity and method:
        (version,) = [one.key for one in catalog.content.consents if one.current]
        now = text_of(datetime.now(UTC))
        identity["consent"] = {"version": version, "at": now, "method": method, "by": by}
    return {**fields, "identity": identity} if before or identity else fields


_MAKERS = {"visit": _visit_fields, "household": _household_fields, "resident": _resident_fields}


def _helps(record: Mapping[str, Any]) -> list[Any]:
    return _list(record.get("helps"))[:MOST_HELPS]


def _obstacles(record: Mapping[str, Any]) -> list[str]:
    return [_text(one) for one in _list(record.get("obstacles"))[:MOST_OBSTACLES]]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _value(document: Mapping[str, Any], name: str) -> Any:
    return _dict(document.get(name)).get("value")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
