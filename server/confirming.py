"""Proving again who one is, before what is hard to take back: the password, when 15 minutes have passed.

The question is put in place of the answer, at the same address. What was posted travels in the form as hidden
fields and is posted again with the password, so that nothing typed is lost. Whoever has no password, having
come in by an invitation, has nothing to prove and is not asked.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from server.access import site_of, viewer
from server.errors import Problem
from server.sign_in import PASSWORD_LENGTH, check_password
from server.templates import render
from server.texts import translate
from sync.clocks import text_of

LASTS = timedelta(minutes=15)
FIELD = "confirm-password"
MOST_FIELDS = 200
FORM = "application/x-www-form-urlencoded"


async def confirm(scope: Scope, receive: Receive, send: Send) -> Receive | None:
    """What the route may go on to read, or None when this reader was asked for the password instead.

    :raises Problem: ``bad-content-type`` for a post that is no plain form, ``bad-request`` for an odd one.
    """
    request = Request(scope, receive)
    if await _is_fresh(request):
        return receive
    fields = await _read_fields(request)
    password = next((value for name, value in fields if name == FIELD), None)
    kept = [(name, value) for name, value in fields if name != FIELD]
    error, status = "", 200
    if password is not None:
        try:
            await check_password(request, viewer(request).login, password)
        except Problem as problem:
            if problem.status not in (401, 429):
                raise
            code = "wrong-password" if problem.status == 401 else problem.code
            error, status = translate(request)(f"confirm.{code}", **problem.values), problem.status
        else:
            await site_of(request).accounts.confirm(viewer(request).device)
            return _replay(scope, kept)
    page = render(
        request,
        "confirm.html",
        status=status if error else 403,
        fields=kept,
        error=error,
        field=FIELD,
        longest=PASSWORD_LENGTH,
    )
    await page(scope, receive, send)
    return None


async def _is_fresh(request: Request) -> bool:
    accounts, who = site_of(request).accounts, viewer(request)
    if not await accounts.has_password(who.id):
        return True
    since = text_of(datetime.now(UTC) - LASTS)
    return await accounts.confirmed_at(who.device) > since


async def _read_fields(request: Request) -> list[tuple[str, str]]:
    if request.method != "POST":
        return []
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind != FORM and body:
        raise Problem("bad-content-type")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem("bad-request") from None


def _replay(scope: Scope, fields: list[tuple[str, str]]) -> Receive:
    """The request as it was first posted, without the password."""
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
