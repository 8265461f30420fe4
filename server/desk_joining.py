"""The way in for people of the ward: a link that is good once, on which they choose their password.

It is for whoever has none yet, or forgot it. Looking at it spends nothing, since messengers open links before
people do. Someone with a second factor still has to give a code; anyone else is led to setting it up.
"""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import PUBLIC, route, site_of
from server.account import why_not_new
from server.errors import Problem
from server.invitations import read_code
from server.joining import counted
from server.passwords import LONGEST, SHORTEST, typed
from server.roles import OF_A_UNIT
from server.second_factor_pages import HERE as SECOND_FACTOR
from server.sign_in import begin, enter, read_form, text_in
from server.templates import render
from sync.audit import Act, Action
from sync.store import Document

HERE = "/join"
ATTEMPT_LENGTHS = range(16, 121)


async def look(request: Request) -> Response:
    """Whom the link is for, and the form for their password; a phone's invitation is opened in the app."""
    code = read_code(request.path_params["code"])
    async with counted(request):
        _, person = await site_of(request).invitations.look_up(code)
    if person["role"] in OF_A_UNIT:
        return RedirectResponse(f"/app/#/moi/{code}", 303)
    return _show(request, person, secrets.token_urlsafe(24))


async def choose_password(request: Request) -> Response:
    """The link is spent when the password will do, not before; every older sign-in ends.

    :raises Problem: as `server.invitations.Invitations.look_up`; ``bad-field`` without an attempt's name.
    """
    site, form = site_of(request), await read_form(request)
    code, attempt = read_code(request.path_params["code"]), text_in(form, "attempt")
    if len(attempt) not in ATTEMPT_LENGTHS:
        raise Problem("bad-field")
    async with counted(request):
        _, person = await site.invitations.look_up(code, attempt)
    new = typed(text_in(form, "new"))
    if wrong := await why_not_new(request, person, new, typed(text_in(form, "again"))):
        return _show(request, person, attempt, wrong)
    person = await site.invitations.redeem(code, attempt)
    await site.accounts.set_password(person["_id"], new)
    for action in ("invitation-used", "password-changed"):
        await _audit(request, person, action)
    person = await site.store.get(site.names.accounts, person["_id"])
    if person.get("totp"):
        return render(
            request, "sign_in_code.html", begun=begin(request, person), next=SECOND_FACTOR, kept="", error=""
        )
    return await enter(request, person, SECOND_FACTOR)


def _show(request: Request, person: Document, attempt: str, wrong: dict[str, str] | None = None) -> Response:
    return render(
        request,
        "join_password.html",
        status=400 if wrong else 200,
        name=person["name"],
        login=person["login"],
        attempt=attempt,
        wrong=wrong or {},
        shortest=SHORTEST,
        longest=LONGEST,
    )


async def _audit(request: Request, person: Document, action: Action) -> None:
    id, role, ward = person["_id"], person["role"], person["ward"]
    await site_of(request).audit.write(Act(by=id, role=role, action=action, subject=id, unit="", ward=ward))


routes: list[BaseRoute] = [
    route(HERE + "/{code}", look, who=PUBLIC),
    route(HERE + "/{code}", choose_password, who=PUBLIC, methods=("POST",)),
]
