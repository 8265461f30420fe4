"""A resident's own extract: everything that is held about one person, and who has looked, in plain words.

Four parts: what is written of the person (earlier values too), the visits that helped, what phones brought
and was refused, and from the audit who saw or did what. Codes are written as the names that people know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from starlette.requests import Request

from server.access import site_of, viewer
from server.audit_pages import describe_entry, names_of_people
from server.errors import Problem
from server.numbers import vietnam_today, write_instant
from server.texts import Translate, language_of, translate
from sync import residents
from sync.aliases import same_as
from sync.audited import Search, read_audit
from sync.clocks import text_of
from sync.residents import Held
from sync.store import Document

SINCE = date(2020, 1, 1)
VERSION = 1
"""Of the extract for programs; another one when a field changes its meaning."""
FIELDS = ("label", "age_band", "identity", "gone", "restricted")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is held: since when, and by whom it was written."""

    what: str
    value: str
    at: str
    by: str


@dataclass(frozen=True, slots=True)
class Part:
    key: str
    """Its heading is ``extract.<key>``."""
    lines: list[Line]


async def read_extract(request: Request, unit: str, id: str) -> list[Part]:
    """:raises Problem: ``not-found`` when there is nothing (any more)."""
    site, who = site_of(request), viewer(request)
    held = await residents.read_held(site.store, site.names, who.ward, unit, id)
    if held is None:
        raise Problem("not-found")
    people, words, id = await names_of_people(request), _Words(request), held.resident["_id"]
    return [
        Part("person", _named(words.of_resident(held), people)),
        Part("visits", _named((words.of_visit(visit, id) for visit in held.visits), people)),
        Part("refused", _named((words.of_refused(entry) for entry in held.refused), people)),
        Part("looks", await _looks(request, held, people)),
    ]


def rows_of(parts: list[Part], request: Request) -> Iterator[list[str]]:
    """The extract as a table, with its heading."""
    t = translate(request)
    yield [t(f"extract.column.{column}") for column in ("part", "what", "value", "at", "by")]
    for part in parts:
        for line in part.lines:
            yield [t(f"extract.{part.key}"), line.what, line.value, line.at, line.by]


async def read_data(request: Request, unit: str, id: str) -> dict[str, Any]:
    """The same for programs: fields and codes as they are stored, of others nothing but who wrote or looked.

    :raises Problem: ``not-found`` when there is nothing (any more).
    """
    site, who = site_of(request), viewer(request)
    held = await residents.read_held(site.store, site.names, who.ward, unit, id)
    if held is None:
        raise Problem("not-found")
    people = await names_of_people(request)
    resident = {field: _signed(held.resident[field], people) for field in FIELDS if field in held.resident}
    return {
        "format": "go-tung-nha-extract",
        "version": VERSION,
        "made": text_of(datetime.now(UTC)),
        "ward": who.ward,
        "unit": unit,
        "id": held.resident["_id"],
        "address": held.address,
        "created": held.resident["created"]["at"],
        "resident": resident,
        "earlier": [_signed(entry, people) for entry in held.resident.get("history", ())],
        "visits": [_visit_data(visit, held.resident["_id"], people) for visit in held.visits],
        "refused": [
            _signed({"at": one["at"], "code": one["code"], "by": one.get("by")}, people)
            for one in held.refused
        ],
        "looks": [
            _signed({"at": one["at"], "action": one["action"], "role": one["role"], "by": one["by"]}, people)
            for one in await _acts(request, held)
        ],
    }


def _visit_data(visit: Document, id: str, people: Mapping[str, str]) -> dict[str, Any]:
    """A visit as far as it is about this resident."""
    record = visit["record"]["value"]
    told = {
        name: record[name] for name in ("at", "outcome", "note", "follow_up", "withdrawn") if name in record
    }
    helps = [
        {name: value for name, value in help.items() if name != "person"}
        for help in record.get("helps", ())
        if help.get("person") == id
    ]
    return _signed({**told, "helps": helps, "by": visit["created"]["by"]}, people)


def _only(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: document[name] for name in names if name in document}


def _signed(register: Mapping[str, Any], people: Mapping[str, str]) -> dict[str, Any]:
    """With the name of whoever signed, as on the page."""
    by = str(register.get("by") or "")
    return {**register, "by": people.get(by, by)}


def _named(lines: Any, people: Mapping[str, str]) -> list[Line]:
    return [Line(one.what, one.value, write_instant(one.at), people.get(one.by, one.by)) for one in lines]


async def _looks(request: Request, held: Held, people: Mapping[str, str]) -> list[Line]:
    rows = [describe_entry(request, entry, people) for entry in await _acts(request, held)]
    return [Line(row["action"], row["role"], row["at"], row["who"]) for row in rows]


async def _acts(request: Request, held: Held) -> list[Document]:
    """Who saw the person, or a refused record of the person; newest first."""
    site, found, id = site_of(request), [], held.resident["_id"]
    others = (await same_as(site.store, site.names, viewer(request).ward, [id])).get(id, [])
    for subject in (id, *others, *(entry["_id"] for entry in held.refused)):
        search = Search(ward=viewer(request).ward, first=SINCE, last=vietnam_today(), subject=subject)
        found += [entry async for entry in read_audit(site.store, site.names.audit, search)]
    return sorted(found, key=lambda entry: str(entry["at"]), reverse=True)


class _Words:
    """Documents in the reader's language."""

    def __init__(self, request: Request) -> None:
        self.t: Translate = translate(request)
        self.catalog = site_of(request).catalog
        self.language = language_of(request)

    def of_resident(self, held: Held) -> Iterator[Line]:
        resident, created = held.resident, held.resident["created"]
        yield Line(self.t("extract.created"), held.address, created["at"], created["by"])
        unit = self.catalog.unit_name(held.unit, self.language)
        yield Line(self.t("extract.unit"), unit, created["at"], created["by"])
        for field in FIELDS:
            if field in resident:
                yield from self._register(field, resident[field], past=False)
        for entry in resident.get("history", ()):
            yield from self._register(entry["field"], entry, past=True)

    def of_visit(self, visit: Document, id: str) -> Line:
        record = visit["record"]["value"]
        content = self.catalog.content
        said = [self.catalog.name(content.outcomes, record["outcome"], self.language)]
        for help in record.get("helps", ()):
            if help.get("person") == id:
                service = self.catalog.service_name(help["service"], self.language)
                level = self.catalog.level_name(help["service"], help["level"], self.language)
                said.append(f"{service} – {level}")
        said += [
            str(text) for text in (record.get("note"), (record.get("follow_up") or {}).get("why")) if text
        ]
        if record.get("withdrawn"):
            said.append(self.t("extract.withdrawn"))
        return Line(self.t("extract.visit"), "; ".join(said), record["at"], visit["created"]["by"])

    def of_refused(self, entry: Document) -> Line:
        reason = self.t(f"refused.{entry['code']}")
        return Line(self.t("extract.refused-one"), reason, str(entry["at"]), str(entry.get("by", "")))

    def _register(self, field: str, register: Mapping[str, Any], *, past: bool) -> Iterator[Line]:
        at, by, value = str(register["at"]), str(register["by"]), register["value"]
        before = f" ({self.t('extract.before')})" if past else ""
        for name, text in self._values(field, value):
            yield Line(self.t(f"extract.field.{name}") + before, text, at, by)

    def _values(self, field: str, value: Any) -> Iterator[tuple[str, str]]:
        if field == "age_band":
            yield field, self.catalog.name(self.catalog.content.age_bands, str(value), self.language)
        elif field in ("gone", "restricted"):
            yield field, self.t("extract.yes" if value else "extract.no")
        elif field != "identity":
            yield "label", str(value)
        else:
            yield from ((name, str(value[name])) for name in ("name", "phone") if value.get(name))
            yield "consent", self._consent(value.get("consent"))

    def _consent(self, consent: Mapping[str, Any] | None) -> str:
        if not consent:
            return self.t("extract.consent.none")
        wordings = self.catalog.content.consents
        methods = [method for wording in wordings for method in wording.methods]
        how = self.catalog.name(methods, str(consent["method"]), self.language)
        return self.t(
            "extract.consent.given", how=how, at=write_instant(consent["at"]), version=consent["version"]
        )
