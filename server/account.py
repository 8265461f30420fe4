"""The page of one's own account, for everyone who is signed in: password, second factor, where one is in."""

from __future__ import annotations

import hmac
from typing import Any

import anyio.to_thread
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.accounts import LIFETIME
from server.cookies import device_cookie
from server.errors import Problem
from server.passwords import LONGEST, SHORTEST, judge, typed
from server.roles import Permission
from server.session_pages import list_own
from server.sign_in import check_code, check_password, read_form, text_in
from server.templates import render
from server.texts import translate
from sync.audit import Act, Action
from sync.store import Document

HERE = "/desk/account"
DONE = frozenset({"password", "second-factor-removed", "session-ended", "sessions-ended"})
"""What a page may say was done: ``?done=…``, the key of ``account.done.…``."""
FEW_CODES = 3
"""Recovery codes, at which it is time to make new ones."""


async def index(request: Request) -> Response:
    return await show(request)


async def show(request: Request, *, status: int = 200, wrong: dict[str, str] | None = None) -> Response:
    """The page; `wrong` says by the name of a field what is not right with it."""
    person, done = await own(request), request.query_params.get("done", "")
    return render(
        request,
        "account.html",
        status=status,
        login=person["login"],
        role=person["role"],
        has_password=bool(person.get("password")),
        codes_left=len(person["totp"]["recovery"]) if person.get("totp") else None,
        since=person["totp"]["since"] if person.get("totp") else None,
        offered=viewer(request).may(Permission.SECOND_FACTOR),
        few=FEW_CODES,
        sessions=await list_own(request),
        shortest=SHORTEST,
        longest=LONGEST,
        wrong=wrong or {},
        done=done if done in DONE else "",
    )


async def change_password(request: Request) -> Response:
    """A new password for whoever knows the old one; every other device has to sign in again."""
    site, who, form = site_of(request), viewer(request), await read_form(request)
    person = await own(request)
    wrong = await _why_not(request, person, form)
    if wrong:
        return await show(request, status=400, wrong=wrong)
    await site.accounts.set_password(who.id, text_in(form, "new"), keep=who.device)
    await audit(request, "password-changed", who.id)
    return await _with_new_secret(request, person)


async def _why_not(request: Request, person: Document, form: FormData) -> dict[str, str]:
    """What is wrong, by field; the old password, and a code, are looked at only when the new one will do."""
    t = translate(request)
    current, new, again = (typed(text_in(form, name)) for name in ("current", "new", "again"))
    if wrong := await why_not_new(request, person, new, again):
        return wrong
    if hmac.compare_digest(new.encode(), current.encode()):
        return {"new": t("account.password.same")}
    field = "current"
    try:
        await check_password(request, person["login"], current)
        field = "code"
        if person.get("totp"):
            await check_code(request, person, text_in(form, "code"))
    except Problem as problem:
        if problem.status not in (401, 429):
            raise
        code = "wrong-password" if problem.code == "wrong-sign-in" else problem.code
        return {field: t(f"confirm.{code}", **problem.values)}
    return {}


async def why_not_new(request: Request, person: Document, new: str, again: str) -> dict[str, str]:
    """What is wrong with a new password of this person that was typed twice, by field."""
    t = translate(request)
    reason = await anyio.to_thread.run_sync(judge, new, person["login"], person["name"])
    if reason:
        return {"new": t(f"account.password.{reason}", shortest=SHORTEST)}
    if not hmac.compare_digest(new.encode(), again.encode()):
        return {"again": t("account.password.again.wrong")}
    return {}


async def _with_new_secret(request: Request, person: Document) -> Response:
    """Back to the page with another cookie, so that a stolen copy of the old one opens nothing more."""
    site, who = site_of(request), viewer(request)
    device = await site.store.get(site.names.accounts, who.device)
    _, value = await site.accounts.enrol(person, str(device.get("label", "")), who.device)
    response = RedirectResponse(f"{HERE}?done=password", 303)
    response.headers.append("set-cookie", device_cookie(value, LIFETIME, site.settings))
    return response


async def own(request: Request) -> Document:
    """The viewer's document as it is stored now."""
    site = site_of(request)
    return await site.store.get(site.names.accounts, viewer(request).id)


async def audit(request: Request, action: Action, subject: str) -> None:
    who = viewer(request)
    act: dict[str, Any] = {"by": who.id, "role": who.role, "unit": who.unit or "", "ward": who.ward}
    await site_of(request).audit.write(Act(action=action, subject=subject, **act))


routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.SIGNED_IN),
    route(f"{HERE}/password", change_password, who=Permission.SIGNED_IN, methods=("POST",)),
]
