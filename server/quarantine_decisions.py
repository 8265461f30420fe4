"""What the desk decides about refused records: accept as they are or corrected, return, set aside."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.errors import Problem
from server.privacy import words_in
from server.quarantine import HERE, TOGETHER, find, open_record, reason_of
from server.refused_form import read_fields
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.texts import translate
from sync.checks import CODES, Refusal
from sync.deciding import Decider
from sync.refused import Choice, list_refused
from sync.store import NotFound

AT_ONCE = 200


async def accept(request: Request) -> Response:
    """As the form has it; what may not be stored so is shown again with the reason."""
    site, who, form = site_of(request), viewer(request), await read_form(request)
    refused = await find(request)
    typed = {name: text for name, text in form.items() if isinstance(text, str)}
    document = refused.get("document")
    fields = (
        read_fields(document, typed, site.catalog, who.id) if isinstance(document, dict) and typed else {}
    )
    try:
        await site.deciding.accept(_decider(request), request.path_params["hash"], fields)
    except Refusal as refusal:
        return await open_record(request, typed=typed, wrong=_wrong(request, refusal.code))
    return _back(request)


async def give_back(request: Request) -> Response:
    """To whoever sent it, with what is to be done."""
    return await _answer(request, "returned")


async def set_aside(request: Request) -> Response:
    """Not taken, with the reason."""
    return await _answer(request, "set-aside")


async def _answer(request: Request, outcome: Literal["returned", "set-aside"]) -> Response:
    form = await read_form(request)
    message, wrong = words_in(form, "message")
    if wrong or not message:
        t = translate(request)
        said = t(wrong) if wrong else t("quarantine.wrong.message")
        return await open_record(request, messages={outcome: message}, wrong=said)
    refused = await find(request)
    if outcome == "returned" and refused.get("code") in TOGETHER:
        raise Problem("bad-field")  # whoever sent it has it no longer
    await site_of(request).deciding.answer(_decider(request), request.path_params["hash"], outcome, message)
    return _back(request)


async def accept_many(request: Request) -> Response:
    """All open records of one unit and one reason that may be stored as they are; the others stay open."""
    site, form = site_of(request), await read_form(request)
    unit, code = text_in(form, "unit"), text_in(form, "reason")
    if code not in CODES or unit not in site.catalog.units:
        raise Problem("bad-field")
    database = site.names.ward(viewer(request).ward).quarantine
    choice = Choice("open", unit, code)
    entries, _ = await list_refused(site.store, database, choice, most=AT_ONCE)
    taken = 0
    for entry in reversed(entries):
        try:
            await site.deciding.accept(_decider(request), entry.hash)
            taken += 1
        except (Refusal, NotFound):
            continue
    told = {"unit": unit, "reason": code, "taken": taken, "left": len(entries) - taken}
    return RedirectResponse(f"{HERE}?{urlencode(told)}", 303)


def _decider(request: Request) -> Decider:
    who = viewer(request)
    return Decider(who.id, who.role, who.ward)


def _wrong(request: Request, code: str) -> str:
    t = translate(request)
    return t("quarantine.wrong.masked") if code == "masked" else reason_of(code, t)


def _back(request: Request) -> Response:
    return RedirectResponse(f"{HERE}/{request.path_params['hash']}", 303)


_WHO = Permission.REFUSED_RECORDS
routes: list[BaseRoute] = [
    route(f"{HERE}/accept", accept_many, who=_WHO, methods=["POST"], fresh=True),
    route(HERE + "/{hash}/accept", accept, who=_WHO, methods=["POST"]),
    route(HERE + "/{hash}/return", give_back, who=_WHO, methods=["POST"]),
    route(HERE + "/{hash}/set-aside", set_aside, who=_WHO, methods=["POST"]),
]
