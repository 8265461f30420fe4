"""The desk's pages of records that may be one: looked for, seen side by side, merged, taken apart again.

A unit's lead sees that unit, people of the ward any. The list names addresses and no one; whose name stands
on the page of two residents is in the audit before it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.audit_pages import names_of_people
from server.errors import Problem
from server.numbers import write_instant
from server.privacy import audit
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import language_of, translate
from sync import twins
from sync.duplicates import find_pairs, set_aside
from sync.parting import part
from sync.redaction import people_of
from sync.residents import address_of, is_restricted
from sync.store import Document
from sync.text import sort_key
from sync.twins import Unfit

HERE = "/desk/duplicates"
_KINDS = ("household:", "resident:")


class Side(NamedTuple):
    """One of the two: how much hangs on it, and what it says, a row each."""

    id: str
    visits: int
    rows: dict[str, str]


async def index(request: Request) -> Response:
    """``?unit=``: the likely pairs of a unit, and what was merged there lately."""
    site, language, query = site_of(request), language_of(request), request.query_params
    units = _units(request)
    unit = query.get("unit", "") or (units[0][0] if len(units) == 1 else "")
    if unit:
        _check_unit(request, unit)
    pairs, count = await find_pairs(site.store, site.names, viewer(request).ward, unit) if unit else ([], 0)
    return render(
        request,
        "duplicates.html",
        units=units,
        unit=unit,
        unit_name=site.catalog.unit_name(unit, language) if unit else "",
        pairs=pairs,
        count=count,
        days=twins.UNDO_DAYS,
        merged=await _merged(request, unit) if unit else [],
        done=_one_of(query.get("done"), "merged", "apart", "undone"),
        wrong=_one_of(query.get("done"), "busy", "later", "gone"),
    )


async def show_pair(request: Request) -> Response:
    """``?unit=&a=&b=``: both side by side."""
    query = request.query_params
    unit, ids = query.get("unit", ""), (query.get("a", ""), query.get("b", ""))
    try:
        return await _pair(request, unit, ids, "")
    except Problem as problem:
        return await _settled(request, unit, ids, problem)


async def _settled(request: Request, unit: str, ids: tuple[str, str], problem: Problem) -> Response:
    """The unit's list where these two were merged: for whoever comes back, or pressed twice.

    :raises Problem: the one that was met, about any other two.
    """
    site, ward = site_of(request), viewer(request).ward
    _check_unit(request, unit)
    merges = await twins.list_merges(site.store, site.names, ward, unit)
    if all({one["lost"], one["kept"]} != set(ids) for one in merges):
        raise problem
    return _back(unit, "merged")


async def _pair(request: Request, unit: str, ids: tuple[str, str], wrong: str) -> Response:
    _check_unit(request, unit)
    found = await _read(request, unit, ids)
    if ids[0].startswith("resident:"):
        for one in found:
            await audit(request, "resident-viewed", one["_id"], unit)
    counts = await _count(request, unit, [one["_id"] for one in found])
    people = await names_of_people(request)
    sides = [_side(request, one, counts[one["_id"]], people) for one in found]
    first, second = sides
    rows = [
        (name, first.rows.get(name, ""), second.rows.get(name, ""))
        for name in dict.fromkeys([*first.rows, *second.rows])
    ]
    kept = max(sides, key=lambda side: (side.visits, side is first)).id
    return render(
        request,
        "duplicate_pair.html",
        status=409 if wrong else 200,
        unit=unit,
        unit_name=site_of(request).catalog.unit_name(unit, language_of(request)),
        kind="household" if ids[0].startswith("household:") else "resident",
        sides=sides,
        rows=rows,
        kept=kept,
        wrong=wrong,
        restricted=any(is_restricted(one) for one in found),
    )


async def _read(request: Request, unit: str, ids: tuple[str, str]) -> list[Document]:
    """Both records, the older one first.

    :raises Problem: ``not-found`` when these are no two records of a kind in this unit.
    """
    site = site_of(request)
    if not any(all(id.startswith(kind) for id in ids) for kind in _KINDS) or ids[0] == ids[1]:
        raise Problem("not-found")
    found = [await site.store.find(site.ward.unit(unit), id) for id in ids]
    there = [one for one in found if one is not None]
    if len(there) < 2:
        raise Problem("not-found")
    return sorted(there, key=lambda one: str(one["created"]["at"]))


class Counts(NamedTuple):
    """What names a record: visits, the instant of the last one, residents."""

    visits: int = 0
    last: str = ""
    residents: int = 0


async def _count(request: Request, unit: str, ids: Sequence[str]) -> dict[str, Counts]:
    site, found = site_of(request), {id: Counts() for id in ids}
    async for page in site.store.pages(site.ward.unit(unit), startkey="resident:", endkey="visit;"):
        for one in page:
            for id in found.keys() & {str(one.get("household")), *people_of(one)}:
                visits, last, residents = found[id]
                if one["type"] == "visit":
                    record = (one.get("record") or {}).get("value") or {}
                    last = max(last, str(record.get("at", "")))
                    found[id] = Counts(visits + 1, last, residents)
                else:
                    found[id] = Counts(visits, last, residents + 1)
    return found


def _side(request: Request, record: Document, counts: Counts, people: Mapping[str, str]) -> Side:
    rows = _rows(request, record, people)
    rows["visits"] = str(counts.visits)
    rows["last"] = write_instant(counts.last) if counts.last else "—"
    if record["type"] == "household":
        rows["residents"] = str(counts.residents)
    made, who = write_instant(record["created"]["at"]), people.get(record["created"]["by"], "—")
    rows["created"] = translate(request)("twins.by", at=made, who=who)
    return Side(record["_id"], counts.visits, rows)


def _rows(request: Request, record: Document, people: Mapping[str, str]) -> dict[str, str]:
    t, site, language = translate(request), site_of(request), language_of(request)
    if record["type"] == "household":
        adults, assigned = _value(record, "adults"), _value(record, "assigned_to")
        return {
            "address": address_of(record),
            "kind": t(f"twins.kind.{record['kind']['value']}"),
            "adults": "—" if adults is None else str(adults),
            "assigned": people.get(str(assigned), "—") if assigned else "—",
        }
    if is_restricted(record):  # it is shown through a request alone (`server.resident_pages`)
        return dict.fromkeys(("name", "phone", "label", "age", "consent"), "—")
    identity = _value(record, "identity") or {}
    bands = site.catalog.content.age_bands
    return {
        "name": str(identity.get("name") or "—"),
        "phone": str(identity.get("phone") or "—"),
        "label": record["label"]["value"],
        "age": site.catalog.name(bands, record["age_band"]["value"], language),
        "consent": t("twins.yes") if identity.get("consent") else t("twins.no"),
    }


def _value(record: Document, field: str) -> Any:
    return (record.get(field) or {}).get("value")


async def merge(request: Request) -> Response:
    """The record ``kept`` of the form takes in the other one of ``a`` and ``b``."""
    site, who, form = site_of(request), viewer(request), await read_form(request)
    unit, a, b, kept = (text_in(form, name) for name in ("unit", "a", "b", "kept"))
    _check_unit(request, unit)
    if kept not in (a, b):
        return await _pair(request, unit, (a, b), "twins.wrong.choose")
    lost = b if kept == a else a
    try:
        await _read(request, unit, (a, b))
    except Problem as problem:
        return await _settled(request, unit, (a, b), problem)
    await audit(request, "records-merged", lost, unit)
    try:
        await twins.join(site.store, site.names, who.ward, unit, lost, kept, who.id)
    except Unfit as error:
        if error.code == "gone":
            raise Problem("conflict") from None
        return await _pair(request, unit, (a, b), f"twins.wrong.{error.code}")
    site.hint(site.ward.unit(unit))
    return _back(unit, "merged")


async def keep_apart(request: Request) -> Response:
    site, who, form = site_of(request), viewer(request), await read_form(request)
    unit, a, b = (text_in(form, name) for name in ("unit", "a", "b"))
    _check_unit(request, unit)
    await _read(request, unit, (a, b))
    await set_aside(site.store, site.names, who.ward, a, b, who.id)
    return _back(unit, "apart")


async def undo(request: Request) -> Response:
    """Take apart again what was merged; only what the list of this unit offers."""
    site, who, form = site_of(request), viewer(request), await read_form(request)
    unit, lost = text_in(form, "unit"), text_in(form, "lost")
    _check_unit(request, unit)
    merges = await twins.list_merges(site.store, site.names, who.ward, unit)
    if lost not in {entry["lost"] for entry in merges}:  # taken apart already, by this button pressed twice
        return _back(unit, "")
    await audit(request, "records-parted", lost, unit)
    try:
        await part(site.store, site.names, who.ward, lost, who.id)
    except Unfit as error:
        return _back(unit, error.code)
    site.hint(site.ward.unit(unit))
    return _back(unit, "undone")


async def _merged(request: Request, unit: str) -> list[dict[str, str]]:
    """What was merged in this unit in the last days, newest first."""
    site, who = site_of(request), viewer(request)
    people, found = await names_of_people(request), []
    for entry in await twins.list_merges(site.store, site.names, who.ward, unit):
        home = await site.store.find(site.ward.unit(unit), entry["kept"])
        if home and home["type"] == "resident":
            home = await site.store.find(site.ward.unit(unit), str(home["household"]))
        until = datetime.fromisoformat(entry["at"]) + timedelta(days=twins.UNDO_DAYS)
        found.append(
            {
                "lost": entry["lost"],
                "kind": entry["lost"].partition(":")[0],
                "address": address_of(home) if home else "—",
                "at": write_instant(entry["at"]),
                "who": people.get(entry["by"], "—"),
                "until": write_instant(until.isoformat()),
            }
        )
    return found


def _units(request: Request) -> list[tuple[str, str]]:
    """Code and name of the units that this viewer may look through, in the order of names."""
    site, who, language = site_of(request), viewer(request), language_of(request)
    open_units = [code for code, one in site.catalog.units.items() if one.closed is None]
    mine = open_units if who.may(Permission.WARD_PROGRESS) else [who.unit or ""]
    units = [(code, site.catalog.unit_name(code, language)) for code in mine if code in site.catalog.units]
    return sorted(units, key=lambda one: sort_key(one[1]))


def _check_unit(request: Request, unit: str) -> None:
    """:raises Problem: ``not-found`` for a unit that is not there, or not for this viewer."""
    if unit not in {code for code, _ in _units(request)}:
        raise Problem("not-found")


def _one_of(said: str | None, *words: str) -> str:
    return said if said in words and said is not None else ""


def _back(unit: str, done: str) -> Response:
    return RedirectResponse(f"{HERE}?{urlencode({'unit': unit, 'done': done})}", 303)


routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.MERGE_RECORDS),
    route(f"{HERE}/pair", show_pair, who=Permission.MERGE_RECORDS),
    route(f"{HERE}/merge", merge, who=Permission.MERGE_RECORDS, methods=["POST"]),
    route(f"{HERE}/apart", keep_apart, who=Permission.MERGE_RECORDS, methods=["POST"]),
    route(f"{HERE}/undo", undo, who=Permission.MERGE_RECORDS, methods=["POST"]),
]
