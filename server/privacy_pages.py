"""Residents' requests about their own data, each with the day by which to answer; incidents beside them.

Both lists stand on one page, the most urgent first, and say in words what is overdue. A request is taken, the
resident it is about is looked for (`server.resident_pages`), something is done, and it is closed in words.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.audit_pages import names_of_people
from server.errors import Problem
from server.numbers import vietnam_today
from server.privacy import (
    HERE,
    address_of,
    asked,
    audit,
    database_of,
    day_in,
    incident_row,
    request_row,
    units_of,
    words_in,
)
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import translate
from sync import requests, residents
from sync.requests import DAYS, KINDS
from sync.store import Document


async def index(request: Request) -> Response:
    site, database = site_of(request), database_of(request)
    taken = await requests.list_all(site.store, database, "request")
    incidents = await requests.list_all(site.store, database, "incident")
    rows = [request_row(request, one) for one in sorted(taken, key=lambda one: (one["due"], one["_id"]))]
    told = [incident_row(one) for one in sorted(incidents, key=lambda one: str(one["discovered"]))]
    return render(
        request,
        "privacy.html",
        open=[row for row in rows if row["open"]],
        closed=[row for row in reversed(rows) if not row["open"]],
        running=[row for row in told if row["running"]],
        settled=[row for row in reversed(told) if not row["running"]],
    )


async def new_request(request: Request) -> Response:
    return _form(request, {"kind": "", "received": vietnam_today().isoformat(), "unit": "", "note": ""})


async def add_request(request: Request) -> Response:
    site, form = site_of(request), await read_form(request)
    typed = {name: text_in(form, name) for name in ("kind", "received", "unit")}
    typed["note"], wrong = words_in(form, "note")
    received, kind = day_in(form, "received"), typed["kind"]
    if received is None:
        wrong = "privacy.wrong.day"
    if kind not in KINDS or (typed["unit"] and typed["unit"] not in site.catalog.units):
        raise Problem("bad-field")
    if wrong or received is None:
        return _form(request, typed, wrong)
    made = await requests.open_request(
        site.store,
        database_of(request),
        kind=kind,
        received=received,
        by=viewer(request).id,
        note=typed["note"],
        unit=typed["unit"],
        resident="",
    )
    await audit(request, "request-opened", made["_id"], typed["unit"])
    return RedirectResponse(address_of(made), 303)


def _form(request: Request, typed: dict[str, str], wrong: str = "") -> Response:
    return render(
        request,
        "privacy_request_new.html",
        status=400 if wrong else 200,
        kinds=[(kind, DAYS[kind]) for kind in KINDS],
        units=units_of(request),
        today=vietnam_today(),
        typed=typed,
        wrong=wrong,
    )


async def one_request(request: Request) -> Response:
    return await _page(request, await asked(request, "request"))


async def close(request: Request) -> Response:
    """Answered: with what was done, in words."""
    site, form, found = site_of(request), await read_form(request), await asked(request, "request")
    answer, wrong = words_in(form, "answer")
    if wrong or not answer:
        return await _page(request, found, answer, wrong or "privacy.wrong.empty")
    if found["state"] == "open":
        await requests.close_request(
            site.store,
            database_of(request),
            request.path_params["ulid"],
            by=viewer(request).id,
            answer=answer,
        )
        await audit(request, "request-closed", found["_id"], found["unit"])
    return RedirectResponse(address_of(found), 303)


async def _page(request: Request, found: Document, answer: str | None = None, wrong: str = "") -> Response:
    row, people = request_row(request, found), await names_of_people(request)
    deeds = [{**one, "by": people.get(one["by"], one["by"])} for one in found["deeds"]]
    done = [one["deed"] for one in deeds if one["deed"] != "chosen"]
    if answer is None:
        answer = translate(request)(f"privacy.deed.{done[-1]}.answer") if done else ""
    return render(
        request,
        "privacy_request.html",
        status=400 if wrong else 200,
        row=row,
        found=found,
        deeds=deeds,
        resident=await _resident(request, found) if row["open"] else None,
        chosen=bool(found["resident"]),
        closed_by=people.get(row["closed"]["by"], row["closed"]["by"]) if row["closed"] else "",
        units=units_of(request),
        answer=answer,
        wrong=wrong,
    )


async def _resident(request: Request, found: Document) -> dict[str, Any] | None:
    """Who an open request is about; looking is an entry in the audit, written first."""
    site, who, id = site_of(request), viewer(request), found["resident"]
    one = await residents.find(site.store, site.names, who.ward, found["unit"], id) if id else None
    if one is None:
        return None
    await audit(request, "resident-viewed", id, found["unit"])
    return {
        "name": residents.name_of(one.resident),
        "address": one.address,
        "restricted": residents.is_restricted(one.resident),
    }


_REQUEST = f"{HERE}/requests"
routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.PRIVACY),
    route(f"{_REQUEST}/new", new_request, who=Permission.PRIVACY),
    route(_REQUEST, add_request, who=Permission.PRIVACY, methods=["POST"]),
    route(_REQUEST + "/{ulid}", one_request, who=Permission.PRIVACY),
    route(_REQUEST + "/{ulid}/close", close, who=Permission.PRIVACY, methods=["POST"]),
]
