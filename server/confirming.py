"""Proving again who one is, before what is hard to take back: the password, when 15 minutes have passed.

Whoever has a second factor is asked for a code too. The question is put in place of the answer. What was
posted travels in the form as hidden fields and is posted again to the same address with the password, so that
nothing typed is lost; whoever only asked for a page is led back to it. People of a unit who have no password,
having come in by an invitation, have nothing to prove and are not asked; of those of the ward, who manage
other people's roles, nobody goes on without.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from server.access import route, site_of, viewer
from server.errors import Problem
from server.roles import OF_A_UNIT, Permission
from server.sign_in import PASSWORD_LENGTH, check_code, check_password, next_of
from server.templates import render
from server.texts import translate
from sync.clocks import text_of

HERE = "/confirm"
LASTS = timedelta(minutes=15)
PASSWORD, CODE, BACK = "confirm-password", "confirm-code", "confirm-back"
OURS = frozenset({PASSWORD, CODE, BACK})
MOST_FIELDS = 200
FORM = "application/x-www-form-urlencoded"


async def confirm(scope: Scope, receive: Receive, send: Send) -> Receive | None:
    """What the route may go on to read, or None when this reader was asked for the password instead.

    :raises Problem: ``bad-content-type`` for a post that is no plain form, ``bad-request`` for an odd one.
    """
    request = Request(scope, receive)
    if await _is_fresh(request):
        return receive
    fields = await read_fields(request)
    kept = [(name, value) for name, value in fields if name not in OURS]
    error, status = "", 403
    if any(name == PASSWORD for name, _ in fields):
        error, status = await _prove(request, dict(fields))
        if not error:
            return _replay(scope, kept)
    if request.method == "POST":
        page = _ask(request, request.url.path, kept, error, status)
    else:
        query = f"?{request.url.query}" if request.url.query else ""
        page = _ask(request, HERE, [(BACK, request.url.path + query)], error, status)
    await page(scope, receive, send)
    return None


async def confirm_and_return(request: Request) -> Response:
    """The answer to the question that was put in place of a page: back to that page.

    :raises Problem: ``bad-field`` for no answer at all.
    """
    fields = dict(await read_fields(request))
    back = fields.get(BACK, "")
    if PASSWORD not in fields:
        raise Problem("bad-field")
    error, status = await _prove(request, fields)
    if error:
        return _ask(request, HERE, [(BACK, back)], error, status)
    return RedirectResponse(next_of(back, viewer(request).role), 303)


def _ask(request: Request, action: str, kept: list[tuple[str, str]], error: str, status: int) -> Response:
    return render(
        request,
        "confirm.html",
        status=status,
        action=action,
        fields=kept,
        reading=action == HERE,
        error=error,
        password=PASSWORD,
        code=CODE,
        longest=PASSWORD_LENGTH,
    )


async def _prove(request: Request, fields: dict[str, str]) -> tuple[str, int]:
    """What is wrong with the proof, and the status of that; nothing when the device is confirmed now."""
    site, who = site_of(request), viewer(request)
    try:
        person = await check_password(request, who.login, fields.get(PASSWORD, ""))
        if person.get("totp"):
            await check_code(request, person, fields.get(CODE, ""))
    except Problem as problem:
        if problem.status not in (401, 429):
            raise
        code = "wrong-password" if problem.code == "wrong-sign-in" else problem.code
        return translate(request)(f"confirm.{code}", **problem.values), problem.status
    await site.accounts.confirm(who.device)
    return "", 200


async def _is_fresh(request: Request) -> bool:
    accounts, who = site_of(request).accounts, viewer(request)
    if not await accounts.has_password(who.id):
        if who.role not in OF_A_UNIT:
            raise Problem("no-password")
        return True
    since = text_of(datetime.now(UTC) - LASTS)
    return await accounts.confirmed_at(who.device) > since


async def read_fields(request: Request) -> list[tuple[str, str]]:
    """What was posted, in its order.

    :raises Problem: ``bad-content-type`` for what is no plain form, ``bad-request`` for an odd one.
    """
    if request.method != "POST":
        return []
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):  # which may be large; nothing of it is read
        raise Problem("bad-content-type")
    body = await request.body()
    if kind != FORM and body:
        raise Problem("bad-content-type")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem("bad-request") from None


def _replay(scope: Scope, fields: list[tuple[str, str]]) -> Receive:
    """The request as it was first posted, without the proof."""
    body = urlencode(fields).encode()
    kept = [
        (name, value) for name, value in scope["headers"] if name not in (b"content-length", b"content-type")
    ]
    scope["headers"] = [*kept, (b"content-type", FORM.encode()), (b"content-length", str(len(body)).encode())]
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


routes: list[BaseRoute] = [
    route(HERE, confirm_and_return, who=Permission.SIGNED_IN, methods=("POST",)),
]
