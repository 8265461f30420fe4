"""People of the ward, as an administrator makes them: added without a password, and let in by a link.

The link is an invitation (`server.invitations`) that opens `server.desk_joining` in a browser; it is shown at
the moment it is made and never again.
"""

from __future__ import annotations

import segno
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import people, second_factor
from server.access import Viewer, route, site_of, viewer
from server.desk_joining import HERE as JOIN
from server.errors import Problem
from server.people_pages import HERE as PEOPLE
from server.people_pages import address_of, asked, audit, origin
from server.roles import OF_A_UNIT, Permission
from server.sign_in import read_form, text_in
from server.templates import render
from sync.store import Document

HERE = "/desk/ward-people"


async def add(request: Request) -> Response:
    """A new supervisor or administrator; the next step is to send them a link."""
    who, form = viewer(request), await read_form(request)
    role = read_role(who, text_in(form, "role"))
    name = people.read_name(text_in(form, "name"))
    made = await people.add_person(site_of(request).accounts, name=name, role=role, ward=who.ward, unit=None)
    await audit(request, "person-added", made["_id"], None)
    return RedirectResponse(address_of(made), 303)


async def change_role(request: Request) -> Response:
    """From the next request on; links that were not used end with the role that they were made for."""
    site, who, found = site_of(request), viewer(request), await _asked(request)
    role = read_role(who, text_in(await read_form(request), "role"))
    await people.change_person(site.accounts, who, found, role=role)
    if role != found["role"]:
        await audit(request, "role-changed", found["_id"], None)
    return RedirectResponse(address_of(found), 303)


async def invite(request: Request) -> Response:
    """The link, to be sent now; the password of before stays good until it is used."""
    site, who, found = site_of(request), viewer(request), await _asked(request)
    if found["_id"] == who.id:
        raise Problem("forbidden")
    if not found.get("active"):
        raise Problem("not-found")
    made = await site.invitations.make(found, who.id, who.name)
    link = f"{origin(request)}{JOIN}/{made.code}"
    await audit(request, "invited", made.id, None)
    return render(
        request,
        "desk_invitation.html",
        name=found["name"],
        login=found["login"],
        back=address_of(found),
        link=link,
        qr=segno.make(link, error="m").svg_inline(border=2, omitsize=True),
        expires=made.expires,
    )


async def invited(request: Request) -> Response:
    """Where a link was, loaded again: it is known to nobody any more."""
    return RedirectResponse(address_of(await asked(request)), 303)


async def reset_second_factor(request: Request) -> Response:
    """Someone who lost phone and recovery codes signs in by the password again, on every device."""
    site, found = site_of(request), await asked(request)
    if found["_id"] == viewer(request).id:
        raise Problem("forbidden")
    if await second_factor.remove(site.accounts, found["_id"]):
        await site.accounts.end_sessions(found["_id"])
        await audit(request, "second-factor-removed", found["_id"], found["unit"])
    return RedirectResponse(address_of(found), 303)


def read_role(who: Viewer, role: str) -> str:
    """:raises Problem: ``forbidden`` for a role that is not theirs to give, or one of a unit."""
    if role not in people.ward_roles(who):
        raise Problem("forbidden")
    return role


async def _asked(request: Request) -> Document:
    found = await asked(request)
    if found["role"] in OF_A_UNIT:
        raise Problem("not-found")
    return found


_ONE, _WHO = PEOPLE + "/{slug}", Permission.ADMINISTER
routes: list[BaseRoute] = [
    route(HERE, add, who=_WHO, methods=("POST",), fresh=True),
    route(f"{_ONE}/role", change_role, who=_WHO, methods=("POST",), fresh=True),
    route(f"{_ONE}/link", invite, who=_WHO, methods=("POST",), fresh=True),
    route(f"{_ONE}/link", invited, who=_WHO),
    route(f"{_ONE}/second-factor/reset", reset_second_factor, who=_WHO, methods=("POST",), fresh=True),
]
