"""The one resident a request is about: looked for, shown whole, corrected, left alone, erased.

A named resident is reached through a request alone, so that each look has its reason; and it is in the
audit before anything is shown. The look-up is posted: a name belongs into no address and no log.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import extracts
from server.access import route, site_of, viewer
from server.errors import Problem
from server.privacy import HERE, address_of, asked, audit, database_of, request_row, units_of
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.tables import send_csv
from server.templates import render
from server.texts import language_of
from sync import erasing, id_numbers, requests, residents
from sync.audit import Action
from sync.checks import Refusal, check_consent, check_form, check_text
from sync.documents import AgeBand
from sync.requests import Deed
from sync.residents import Found
from sync.store import Document
from sync.text import clean

LONGEST = 120
BANDS: tuple[AgeBand, ...] = ("under-16", "16-59", "60-plus", "business")


async def look_up(request: Request) -> Response:
    """Who it may be; every hit is in the audit as seen."""
    site, who, form = site_of(request), viewer(request), await read_form(request)
    found = await _open(request)
    query, unit = clean(text_in(form, "query"))[:LONGEST], text_in(form, "unit")
    if id_numbers.judge(query) == "refuse":
        return _hits(request, found, [], query="", unit=unit, wrong="privacy.wrong.number")
    units = [unit] if unit in site.catalog.units else list(site.catalog.units)
    hits, more = await residents.search(site.store, site.names, who.ward, units, query)
    for hit in hits:
        await audit(request, "resident-viewed", hit.resident["_id"], hit.unit)
    return _hits(request, found, hits, query=query, unit=unit, more=more)


def _hits(
    request: Request,
    found: Document,
    hits: list[Found],
    *,
    query: str,
    unit: str,
    more: bool = False,
    wrong: str = "",
) -> Response:
    catalog, language = site_of(request).catalog, language_of(request)
    return render(
        request,
        "privacy_hits.html",
        status=400 if wrong else 200,
        row=request_row(request, found),
        hits=[
            {
                "id": hit.resident["_id"],
                "unit": hit.unit,
                "unit_name": catalog.unit_name(hit.unit, language),
                "name": residents.name_of(hit.resident),
                "age": catalog.name(catalog.content.age_bands, hit.resident["age_band"]["value"], language),
                "address": hit.address,
            }
            for hit in hits
        ],
        units=units_of(request),
        query=query,
        unit=unit,
        more=more,
        wrong=wrong,
    )


async def choose(request: Request) -> Response:
    site, who, form = site_of(request), viewer(request), await read_form(request)
    found, unit, id = await _open(request), text_in(form, "unit"), text_in(form, "resident")
    if unit not in site.catalog.units:
        raise Problem("bad-field")
    if await residents.find(site.store, site.names, who.ward, unit, id) is None:
        raise Problem("not-found")
    await requests.choose(
        site.store, database_of(request), request.path_params["ulid"], unit=unit, resident=id, by=who.id
    )
    return RedirectResponse(address_of(found), 303)


async def extract(request: Request) -> Response:
    """All that is held about the resident, to be read or printed."""
    found, _ = await _about(request, "resident-viewed")
    held = await extracts.read_extract(request, found["unit"], found["resident"])
    return render(request, "privacy_extract.html", row=request_row(request, found), parts=held)


async def extract_table(request: Request) -> Response:
    """The same as a table to take away."""
    found, _ = await _about(request, "resident-extracted")
    held = await extracts.read_extract(request, found["unit"], found["resident"])
    await _note(request, "extracted")
    return send_csv(f"trich-luc-{request.path_params['ulid'][-6:]}.csv", extracts.rows_of(held, request))


async def extract_data(request: Request) -> Response:
    """The same for programs, so that the resident can take it elsewhere."""
    found, _ = await _about(request, "resident-extracted")
    held = await extracts.read_data(request, found["unit"], found["resident"])
    await _note(request, "extracted")
    name = f"trich-luc-{request.path_params['ulid'][-6:]}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    text = json.dumps(held, ensure_ascii=False, indent=1)
    return Response(text, 200, headers, "application/json; charset=utf-8")


async def correct_form(request: Request) -> Response:
    found, one = await _about(request, "resident-viewed")
    identity = (one.resident.get("identity") or {}).get("value") or {}
    typed = {
        "label": one.resident["label"]["value"],
        "band": one.resident["age_band"]["value"],
        "name": identity.get("name", ""),
        "phone": identity.get("phone", ""),
        "withdraw": "",
    }
    return _correction(request, found, one, typed)


async def correct(request: Request) -> Response:
    """What the resident says is right, from now on; no older edit of a phone undoes it."""
    form = await read_form(request)
    found, one = await _about(request, "resident-viewed")
    typed = {name: clean(text_in(form, name)) for name in ("label", "band", "name", "phone", "withdraw")}
    fields, wrong = _fields(one.resident, typed)
    if wrong:
        return _correction(request, found, one, typed, wrong)
    await audit(request, "resident-corrected", found["resident"], found["unit"])
    await _amend(request, found, fields)
    await _note(request, "corrected")
    return RedirectResponse(address_of(found), 303)


def _fields(resident: Document, typed: dict[str, str]) -> tuple[dict[str, Any], str]:
    """The registers to set; and the key of what is wrong with what was typed."""
    if typed["band"] not in BANDS or any(len(text) > LONGEST for text in typed.values()):
        raise Problem("bad-field")
    fields: dict[str, Any] = {"label": typed["label"], "age_band": typed["band"]}
    if not typed["label"]:
        return fields, "privacy.correct.wrong.label"
    consent = ((resident.get("identity") or {}).get("value") or {}).get("consent")
    if consent and typed["withdraw"]:
        fields["identity"] = {}
    elif consent:
        phone = residents.read_phone(typed["phone"])
        if typed["phone"] and phone is None:
            return fields, "privacy.correct.wrong.phone"
        told = {"name": typed["name"], "phone": phone or "", "consent": consent}
        fields["identity"] = {name: value for name, value in told.items() if value}
    try:
        after = {**resident, **{name: {**resident[name], "value": value} for name, value in fields.items()}}
        check_form(after)
        check_text(after)
        check_consent(after)
    except Refusal as refusal:
        return fields, f"privacy.correct.wrong.{refusal.code}"
    return fields, ""


def _correction(
    request: Request, found: Document, one: Found, typed: dict[str, str], wrong: str = ""
) -> Response:
    catalog, language = site_of(request).catalog, language_of(request)
    return render(
        request,
        "privacy_correct.html",
        status=400 if wrong else 200,
        row=request_row(request, found),
        address=one.address,
        bands=[(band, catalog.name(catalog.content.age_bands, band, language)) for band in BANDS],
        consent=((one.resident.get("identity") or {}).get("value") or {}).get("consent"),
        typed=typed,
        wrong=wrong,
    )


async def restrict(request: Request) -> Response:
    """From the next contact on, phones show this resident to no one and take no change."""
    return await _mark(request, True, "restricted")


async def lift(request: Request) -> Response:
    return await _mark(request, False, "lifted")


async def _mark(request: Request, value: bool, deed: Deed) -> Response:
    found, _ = await _about(request, "resident-restricted")
    await _amend(request, found, {"restricted": value})
    await _note(request, deed)
    return RedirectResponse(address_of(found), 303)


async def erase(request: Request) -> Response:
    """Everywhere, for good (`sync.erasing`); what was noted in requests of this resident goes too."""
    site, who, form = site_of(request), viewer(request), await read_form(request)
    if text_in(form, "sure") != "yes":
        raise Problem("bad-field")
    found, _ = await _about(request, "resident-erased")
    gone = await erasing.erase(site.store, site.names, who.ward, found["unit"], found["resident"])
    site.hint(site.names.unit(who.ward, found["unit"]))
    await requests.note_deed(
        site.store,
        database_of(request),
        request.path_params["ulid"],
        "erased",
        who.id,
        visits=gone.visits,
        refused=gone.refused,
    )
    await requests.forget_words(site.store, database_of(request), found["resident"])
    return RedirectResponse(address_of(found), 303)


async def _open(request: Request) -> Document:
    """:raises Problem: ``not-found`` for a request that is closed, or none."""
    found = await asked(request, "request")
    if found["state"] != "open":
        raise Problem("not-found")
    return found


async def _about(request: Request, action: Action) -> tuple[Document, Found]:
    """An open request and its resident, with the act in the audit.

    :raises Problem: ``not-found`` for no such one.
    """
    site, found = site_of(request), await _open(request)
    unit, id = found["unit"], found["resident"]
    one = await residents.find(site.store, site.names, viewer(request).ward, unit, id) if id else None
    if one is None:
        raise Problem("not-found")
    await audit(request, action, id, unit)
    return found, one


async def _amend(request: Request, found: Document, fields: dict[str, Any]) -> None:
    site, who, unit = site_of(request), viewer(request), found["unit"]
    saved = await residents.amend(site.store, site.names, who.ward, unit, found["resident"], who.id, fields)
    if saved is None:
        raise Problem("not-found")
    site.hint(site.names.unit(who.ward, unit))


async def _note(request: Request, deed: Deed) -> None:
    await requests.note_deed(
        site_of(request).store, database_of(request), request.path_params["ulid"], deed, viewer(request).id
    )


_ONE = f"{HERE}/requests/{{ulid}}"
routes: list[BaseRoute] = [
    route(f"{_ONE}/look-up", look_up, who=Permission.PRIVACY, methods=["POST"]),
    route(f"{_ONE}/choose", choose, who=Permission.PRIVACY, methods=["POST"]),
    route(f"{_ONE}/extract", extract, who=Permission.PRIVACY),
    route(f"{_ONE}/extract.csv", extract_table, who=Permission.PRIVACY, fresh=True),
    route(f"{_ONE}/extract.json", extract_data, who=Permission.PRIVACY, fresh=True),
    route(f"{_ONE}/correct", correct_form, who=Permission.PRIVACY),
    route(f"{_ONE}/correct", correct, who=Permission.PRIVACY, methods=["POST"]),
    route(f"{_ONE}/restrict", restrict, who=Permission.PRIVACY, methods=["POST"]),
    route(f"{_ONE}/lift", lift, who=Permission.PRIVACY, methods=["POST"]),
    route(f"{_ONE}/erase", erase, who=Permission.PRIVACY, methods=["POST"], fresh=True),
]
