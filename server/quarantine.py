"""Refused records for the ward: a list that names no resident, and each record whole.

A record says what a volunteer wrote about people, to someone outside the unit. So whoever opens one is
written into the audit first, and the page is answered only when that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.errors import Problem
from server.photos import send_picture
from server.refused_form import Words, fields_of
from server.refused_record import ADVICE, CORRECTED, Told, kind_of, tell
from server.roles import Permission
from server.site import Site
from server.templates import render
from server.texts import Translate, language_of, texts, translate
from sync.audit import Act
from sync.photos import pictures_of
from sync.quarantine import full_devices
from sync.refused import Choice, Entry, Place, count_reasons, count_refused, find_refused, list_refused
from sync.store import Document, NotFound
from sync.text import sort_key

HERE = "/desk/quarantine"
TOGETHER = frozenset({"left-unit"})
"""Reasons for which records are whole and right, so that all of a unit may be accepted at once.

Their senders have them no longer and could correct nothing, so none is returned."""
FINAL = frozenset(
    {
        *("erased", "gone", "deletion", "restricted", "wrong-unit", "created-changed", "past-changed"),
        *("photo-unreadable", "photo-too-large", "photo-metadata"),
    }
)
"""Reasons that no form can set right: such records are returned or set aside."""
OUTCOMES = frozenset({"accepted", "returned", "set-aside", "superseded"})


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
    outcome: str


async def index(request: Request) -> Response:
    """Newest first, a page at a time: open or decided, of a unit, for a reason; ``?begin=`` for older."""
    site, language, t = site_of(request), language_of(request), translate(request)
    database = site.names.ward(viewer(request).ward).quarantine
    query = request.query_params
    choice = Choice(_state(query.get("state")), query.get("unit", ""), query.get("reason", ""))
    begin = _begin(request)
    try:
        counts = await count_refused(site.store, database, choice.state)
        reasons = await count_reasons(site.store, database, choice)
        entries, further = await list_refused(site.store, database, choice, begin)
        full = await full_devices(site.store, database)
    except NotFound:  # a ward whose databases were never made has refused nothing
        counts, reasons, entries, further, full = {}, {}, [], None, []
    if choice.unit and choice.unit not in counts and choice.unit not in site.catalog.units:
        raise Problem("not-found")
    units = [(code, site.catalog.unit_name(code, language), counts[code]) for code in counts]
    names = await _names(site, full)
    total = sum(counts.values())
    given = {"state": choice.state if choice.state != "open" else None, "unit": choice.unit}
    given["reason"] = choice.code
    return render(
        request,
        "quarantine.html",
        state=choice.state,
        unit=choice.unit,
        unit_name=site.catalog.unit_name(choice.unit, language) if choice.unit else None,
        units=sorted(units, key=lambda unit: sort_key(unit[1])),
        reason=choice.code,
        reasons=[(code, reason_of(code, t), reasons[code]) for code in sorted(reasons)],
        total=total,
        shown=reasons.get(choice.code, 0)
        if choice.code
        else counts.get(choice.unit, 0)
        if choice.unit
        else total,
        rows=await _rows(request, entries),
        together=choice.code in TOGETHER and bool(choice.unit) and choice.state == "open",
        full=[names.get(id, t("quarantine.unknown.device")) for id in full],
        taken=_number(query.get("taken")),
        left=_number(query.get("left")),
        newest=f"{HERE}{_query(**given)}" if begin else None,
        older=f"{HERE}{_query(**given, begin=str(further))}" if further else None,
    )


async def record(request: Request) -> Response:
    """One record, after the audit has it that this viewer opened it."""
    return await open_record(request)


async def picture_of(request: Request) -> Response:
    """The photo of a refused record, once the audit has it that this viewer opened it."""
    refused = await find(request)
    if not may_show(refused):
        raise Problem("not-found")
    await site_of(request).audit.write(_opened(request, refused))
    return send_picture(refused["document"], "image")


def may_show(refused: Document) -> bool:
    return "image" in pictures_of(refused.get("document"))


def _opened(request: Request, refused: Document) -> Act:
    who = viewer(request)
    return Act(
        by=who.id,
        role=who.role,
        action="refused-record-opened",
        subject=refused["_id"],
        unit=str(refused.get("unit", "")),
        ward=who.ward,
    )


async def find(request: Request) -> Document:
    """:raises Problem: ``not-found`` for one that this viewer's ward does not have."""
    site = site_of(request)
    database = site.names.ward(viewer(request).ward).quarantine
    refused = await find_refused(site.store, database, request.path_params["hash"])
    if refused is None:
        raise Problem("not-found")
    return refused


async def open_record(
    request: Request,
    *,
    typed: Mapping[str, str] | None = None,
    messages: Mapping[str, str] | None = None,
    wrong: str = "",
) -> Response:
    """The page of a record, with what was typed and is `wrong`; the audit has first that it was opened."""
    site, refused = site_of(request), await find(request)
    unit = str(refused.get("unit", ""))
    decision = refused.get("decision") or {}
    people = (str(refused.get("by", "")), str(refused.get("device", "")), str(decision.get("by", "")))
    names = await _names(site, people)
    await site.audit.write(_opened(request, refused))
    t, language = translate(request), language_of(request)
    code = str(refused.get("code", ""))
    advice = ADVICE.get(code, "other")
    told = tell(refused, site.catalog, t, language)
    fields = fields_of(refused.get("document"), Words(site.catalog, t, language)) if not decision else []
    return render(
        request,
        "quarantine_record.html",
        status=400 if wrong else 200,
        place=f"{HERE}/{request.path_params['hash']}",
        told=told,
        picture=may_show(refused),
        at=refused.get("at"),
        unit_name=site.catalog.unit_name(unit, language),
        unit=unit,
        person=names.get(str(refused.get("by")), t("quarantine.unknown.person")),
        device=names.get(str(refused.get("device")), t("quarantine.unknown.device")),
        reason=reason_of(code, t),
        advice=t(f"quarantine.do.{advice}"),
        on_the_phone=advice in CORRECTED,
        decision=decision,
        decided_by=names.get(str(decision.get("by")), t("quarantine.unknown.person")),
        fields=[replace(one, value=typed.get(one.name, "")) for one in fields] if typed else fields,
        may_accept=(bool(fields) or told.kind == "photo") and not decision and code not in FINAL,
        may_return=code not in TOGETHER,
        messages=messages or {},
        wrong=wrong,
        wrong_at=next(iter(messages or {}), "accept"),
        kept=await _kept(request, refused),
    )


async def _kept(request: Request, refused: Document) -> Told | None:
    """What the unit has by now of a record that was accepted; nothing of one that is gone, or elsewhere."""
    if (refused.get("decision") or {}).get("outcome") != "accepted":
        return None
    site = site_of(request)
    stored = await site.store.find(site.ward.unit(str(refused["unit"])), str(refused["id"]))
    if stored is None:
        return None
    told = tell({**refused, "document": stored}, site.catalog, translate(request), language_of(request))
    return replace(told, raw=None)


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
            reason=reason_of(entry.code, t),
            outcome=entry.outcome if entry.outcome in OUTCOMES else "",
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


def reason_of(code: str, t: Translate) -> str:
    """The sentence that the phone shows, too; about the sender where the phone's speaks to them."""
    known = texts().keys("vi")
    keys = (f"quarantine.reason.{code}", f"refused.{code}")
    return t(next((key for key in keys if key in known), "quarantine.reason.other"))


def _state(text: str | None) -> Literal["open", "decided"]:
    if text not in (None, "", "open", "decided"):
        raise Problem("bad-request")
    return "decided" if text == "decided" else "open"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 6 else None


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
    route(HERE + "/{hash}/image.jpg", picture_of, who=Permission.REFUSED_RECORDS),
]
