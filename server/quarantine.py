"""Refused records for the ward: a list that names no resident, and each record whole.

A record says what a volunteer wrote about people, to someone outside the unit. So whoever opens one is
written into the audit first, and the page is answered only when that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.errors import Problem
from server.refused_record import ADVICE, CORRECTED, kind_of, tell
from server.roles import Permission
from server.site import Site
from server.templates import render
from server.texts import Translate, language_of, texts, translate
from sync.audit import Act
from sync.refused import Choice, Entry, Place, count_refused, find_refused, list_refused
from sync.store import NotFound
from sync.text import sort_key

HERE = "/desk/quarantine"


@dataclass(frozen=True)
class Row:
    """An entry with names instead of ids."""

    href: str
    at: str
    unit: str
    person: str
    device: str
    kind: str
    reason: str


async def index(request: Request) -> Response:
    """Newest first, a page at a time; ``?unit=`` for one unit, ``?begin=`` for older ones."""
    site, language = site_of(request), language_of(request)
    database = site.names.ward(viewer(request).ward).quarantine
    chosen = request.query_params.get("unit") or None
    begin = _begin(request)
    try:
        counts = await count_refused(site.store, database)
        entries, further = await list_refused(site.store, database, Choice(unit=chosen or ""), begin)
    except NotFound:  # a ward whose databases were never made has refused nothing
        counts, entries, further = {}, [], None
    if chosen is not None and chosen not in counts and chosen not in site.catalog.units:
        raise Problem("not-found")
    units = [(code, site.catalog.unit_name(code, language), counts[code]) for code in counts]
    return render(
        request,
        "quarantine.html",
        unit=chosen,
        unit_name=site.catalog.unit_name(chosen, language) if chosen else None,
        units=sorted(units, key=lambda unit: sort_key(unit[1])),
        total=sum(counts.values()),
        shown=counts.get(chosen, 0) if chosen else sum(counts.values()),
        rows=await _rows(request, entries),
        newest=f"{HERE}{_query(unit=chosen)}" if begin else None,
        older=f"{HERE}{_query(unit=chosen, begin=str(further))}" if further else None,
    )


async def record(request: Request) -> Response:
    """One record, after the audit has it that this viewer opened it.

    :raises Problem: ``not-found`` for one that this viewer's ward does not have.
    """
    site, who = site_of(request), viewer(request)
    database = site.names.ward(who.ward).quarantine
    refused = await find_refused(site.store, database, request.path_params["hash"])
    if refused is None:
        raise Problem("not-found")
    unit = str(refused.get("unit", ""))
    act = Act(
        by=who.id,
        role=who.role,
        action="refused-record-opened",
        subject=refused["_id"],
        unit=unit,
        ward=who.ward,
    )
    names = await _names(site, (str(refused.get("by", "")), str(refused.get("device", ""))))
    await site.audit.write(act)
    t, language = translate(request), language_of(request)
    code = str(refused.get("code", ""))
    advice = ADVICE.get(code, "other")
    return render(
        request,
        "quarantine_record.html",
        told=tell(refused, site.catalog, t, language),
        at=refused.get("at"),
        unit_name=site.catalog.unit_name(unit, language),
        unit=unit,
        person=names.get(str(refused.get("by")), t("quarantine.unknown.person")),
        device=names.get(str(refused.get("device")), t("quarantine.unknown.device")),
        reason=_reason(code, t),
        advice=t(f"quarantine.do.{advice}"),
        on_the_phone=advice in CORRECTED,
    )


async def _rows(request: Request, entries: Sequence[Entry]) -> list[Row]:
    site, language, t = site_of(request), language_of(request), translate(request)
    names = await _names(site, (id for entry in entries for id in (entry.by, entry.device)))
    return [
        Row(
            href=f"{HERE}/{entry.hash}",
            at=entry.at,
            unit=site.catalog.unit_name(entry.unit, language),
            person=names.get(entry.by, t("quarantine.unknown.person")),
            device=names.get(entry.device, t("quarantine.unknown.device")),
            kind=kind_of(entry.kind),
            reason=_reason(entry.code, t),
        )
        for entry in entries
    ]


async def _names(site: Site, ids: Iterable[str]) -> dict[str, str]:
    """What people and devices are called, of those that still have an account."""
    wanted = sorted({id for id in ids if id.startswith(("person:", "device:"))})
    if not wanted:
        return {}
    rows = await site.store.all_docs(site.names.accounts, keys=wanted, include_docs=True)
    found = {row["id"]: _name(row["doc"]) for row in rows if row.get("doc")}
    return {id: name for id, name in found.items() if name}


def _name(account: Mapping[str, Any]) -> str:
    return str(account.get("name") or account.get("label") or "")


def _reason(code: str, t: Translate) -> str:
    """The sentence that the phone shows too."""
    key = f"refused.{code}"
    return t(key) if key in texts().keys("vi") else t("quarantine.reason.other")


def _begin(request: Request) -> Place | None:
    text = request.query_params.get("begin")
    try:
        return Place.read(text) if text else None
    except ValueError:
        raise Problem("bad-request") from None


def _query(**values: str | None) -> str:
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""


routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.REFUSED_RECORDS),
    route(HERE + "/{hash}", record, who=Permission.REFUSED_RECORDS),
]
