"""The pages on which people of the ward set up their second factor, or take it away."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import second_factor
from server.access import route, site_of, viewer
from server.account import HERE as ACCOUNT
from server.account import audit, own
from server.errors import Problem
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import translate

HERE = f"{ACCOUNT}/second-factor"


async def index(request: Request) -> Response:
    """The secret to be scanned or typed; nothing is stored before a code shows that it arrived."""
    person = await own(request)
    if person.get("totp"):
        return RedirectResponse(ACCOUNT, 303)
    return await _offer(request, second_factor.new_secret())


async def set_up(request: Request) -> Response:
    """From now on a code is asked at every sign-in; answers with the recovery codes, for this once.

    Whoever came in elsewhere by the password alone has to sign in again.

    :raises Problem: ``bad-field`` for no secret of ours, ``conflict`` when there is a second factor already.
    """
    site, who, form = site_of(request), viewer(request), await read_form(request)
    secret, code = text_in(form, "secret"), text_in(form, "code")
    if not second_factor.is_secret(secret):
        raise Problem("bad-field")
    if (await own(request)).get("totp"):
        raise Problem("conflict")
    codes = await second_factor.set_up(site.accounts, who.id, secret, code)
    if not codes:
        return await _offer(request, secret, wrong=translate(request)("second-factor.wrong"))
    await site.accounts.end_sessions(who.id, keep=who.device)
    await audit(request, "second-factor-set", who.id)
    return _show_codes(request, codes)


async def renew_codes(request: Request) -> Response:
    """Ten new recovery codes; those before open nothing more."""
    codes = await second_factor.replace_recovery_codes(site_of(request).accounts, viewer(request).id)
    if not codes:
        raise Problem("conflict")
    await audit(request, "second-factor-set", viewer(request).id)
    return _show_codes(request, codes)


async def remove(request: Request) -> Response:
    """From now on the password is enough."""
    if await second_factor.remove(site_of(request).accounts, viewer(request).id):
        await audit(request, "second-factor-removed", viewer(request).id)
    return RedirectResponse(f"{ACCOUNT}?done=second-factor-removed", 303)


async def back(request: Request) -> Response:
    """Where recovery codes were, loaded again: they are shown to nobody any more."""
    return RedirectResponse(ACCOUNT, 303)


async def _offer(request: Request, secret: str, wrong: str = "") -> Response:
    return render(
        request,
        "second_factor.html",
        status=400 if wrong else 200,
        secret=secret,
        groups=[secret[start : start + 4] for start in range(0, len(secret), 4)],
        qr=second_factor.draw(secret, viewer(request).login),
        address=HERE,
        wrong=wrong,
    )


def _show_codes(request: Request, codes: list[str]) -> Response:
    shown = [second_factor.show_code(code) for code in codes]
    return render(request, "recovery_codes.html", codes=shown)


_WHO = Permission.SECOND_FACTOR
routes: list[BaseRoute] = [
    route(HERE, index, who=_WHO, fresh=True),
    route(HERE, set_up, who=_WHO, methods=("POST",), fresh=True),
    route(f"{HERE}/codes", back, who=_WHO),
    route(f"{HERE}/codes", renew_codes, who=_WHO, methods=("POST",), fresh=True),
    route(f"{HERE}/remove", remove, who=_WHO, methods=("POST",), fresh=True),
]
