"""The desk's page on which a household goes to another unit: addresses alone, no one's name."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.errors import Problem
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import language_of
from sync.audit import Act
from sync.moving import move
from sync.residents import address_of
from sync.store import NotFound
from sync.text import fold, sort_key

HERE = "/desk/move"
MOST = 30
"""More addresses than these are no choice: some word has to be added."""


class Door(NamedTuple):
    id: str
    address: str


async def index(request: Request) -> Response:
    """``?unit=`` and ``?q=``: its households with these words in the address; ``?to=`` after a move."""
    site, language = site_of(request), language_of(request)
    query = request.query_params
    unit, words = query.get("unit", ""), query.get("q", "")[:120]
    open_units = {code: one for code, one in site.catalog.units.items() if one.closed is None}
    if (unit and unit not in site.catalog.units) or query.get("to", unit) not in {"", *site.catalog.units}:
        raise Problem("not-found")
    doors, more = await _find(request, unit, words) if unit and words.strip() else ([], False)
    names = [(code, site.catalog.unit_name(code, language)) for code in open_units]
    names.sort(key=lambda one: sort_key(one[1]))
    return render(
        request,
        "move.html",
        units=names,
        unit=unit,
        unit_name=site.catalog.unit_name(unit, language) if unit else "",
        query=words,
        doors=doors,
        more=more,
        to=site.catalog.unit_name(query["to"], language) if query.get("to") else "",
        failed=query.get("wrong") == "place",
    )


async def carry_out(request: Request) -> Response:
    """Move the household of the form; the answer comes when it is done."""
    site, form, who = site_of(request), await read_form(request), viewer(request)
    unit, to, household = (text_in(form, name) for name in ("unit", "to", "household"))
    units, told = site.catalog.units, {"unit": unit, "q": text_in(form, "q")}
    if unit not in units or not household.startswith("household:"):
        raise Problem("bad-field")
    if to not in units or to == unit or units[to].closed is not None:
        return RedirectResponse(f"{HERE}?{urlencode({**told, 'wrong': 'place'})}", 303)
    if await site.store.find(site.ward.unit(unit), household) is None:
        raise Problem("conflict")
    act = Act(by=who.id, role=who.role, action="household-moved", subject=household, unit=unit, ward=who.ward)
    await site.audit.write(act)
    try:
        await move(site.store, site.names, who.ward, household, unit, to)
    except NotFound:
        raise Problem("conflict") from None
    for one in (unit, to):
        site.hint(site.ward.unit(one))
    return RedirectResponse(f"{HERE}?{urlencode({'unit': unit, 'to': to})}", 303)


async def _find(request: Request, unit: str, words: str) -> tuple[list[Door], bool]:
    site, wanted, found = site_of(request), fold(words).replace(",", " ").split(), []
    pages = site.store.pages(site.ward.unit(unit), startkey="household:", endkey="household;")
    async for page in pages:
        for one in page:
            address = address_of(one)
            gone = (one.get("gone") or {}).get("value")
            if not gone and all(word in fold(address) for word in wanted):
                found.append(Door(one["_id"], address))
    found.sort(key=lambda door: sort_key(door.address))
    return found[:MOST], len(found) > MOST


routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.MOVE_HOUSEHOLDS),
    route(HERE, carry_out, who=Permission.MOVE_HOUSEHOLDS, methods=["POST"], fresh=True),
]
