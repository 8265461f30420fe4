"""The desk's pages of people: who is there, what they may do, their phones and their invitations.

A lead manages the own unit alone; for everyone else's people there is only "not found". The code of an
invitation is known at the moment it is made and never again, so that page is the answer to its form.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import segno
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import people
from server.access import Viewer, route, site_of, viewer
from server.accounts import was_ended
from server.browsers import describe
from server.errors import Problem
from server.incident_pages import open_for_device
from server.invitations import fits, show_code
from server.roles import OF_A_UNIT, Permission
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import language_of
from sync.audit import Act, Action
from sync.clocks import text_of
from sync.store import Document
from sync.text import fold, sort_key

HERE = "/desk/people"


async def index(request: Request) -> Response:
    """Everyone the viewer manages; ``?unit=`` for one unit, ``?q=`` for a name."""
    who, site = viewer(request), site_of(request)
    chosen = who.unit or request.query_params.get("unit") or None
    if chosen is not None and chosen not in site.catalog.units:
        raise Problem("not-found")
    query = request.query_params.get("q", "")[: people.LONGEST_NAME]
    found = await people.list_people(site.accounts, who, chosen)
    wanted = fold(query).split()
    rows = [_row(request, one) for one in found if all(word in fold(one["name"]) for word in wanted)]
    return render(
        request,
        "people.html",
        rows=[row for row in rows if row["active"]],
        ended=[row for row in rows if not row["active"]],
        total=len(found),
        query=query,
        unit=chosen,
        units=list_units(request, who),
        roles=people.roles_given(who),
        own_unit=who.unit,
        ward_roles=people.ward_roles(who),
    )


async def add(request: Request) -> Response:
    """A new person without a password; the next step is to invite them."""
    who, site, form = viewer(request), site_of(request), await read_form(request)
    name = people.read_name(text_in(form, "name"))
    role, unit = people.read_place(
        who, text_in(form, "role"), who.unit or text_in(form, "unit"), site.catalog.open_units
    )
    person = await people.add_person(site.accounts, name=name, role=role, ward=who.ward, unit=unit)
    await audit(request, "person-added", person["_id"], unit)
    return RedirectResponse(address_of(person), 303)


async def person(request: Request) -> Response:
    who, site = viewer(request), site_of(request)
    found = await asked(request)
    devices = await people.list_devices(site.accounts, found["_id"])
    invitations = await site.invitations.of(found["_id"])
    return render(
        request,
        "person.html",
        person=_row(request, found),
        login=found["login"],
        own=found["_id"] == who.id,
        second_factor=found.get("totp", {}).get("since"),
        has_password=bool(found.get("password")),
        ward_roles=people.ward_roles(who),
        phone=found["role"] in OF_A_UNIT,
        devices=[_device(one) for one in devices],
        invitations=[_invitation(one, found) for one in invitations],
        now=text_of(datetime.now(UTC)),
        may_change=who.may(Permission.GIVE_ROLES) and found["role"] in OF_A_UNIT,
        units=list_units(request, who),
        roles=people.roles_given(who),
        address=address_of(found),
    )


async def change(request: Request) -> Response:
    """Another name, role or unit, from the person's next request on; what they were invited for ends."""
    who, site, form = viewer(request), site_of(request), await read_form(request)
    found = await asked(request)
    name = people.read_name(text_in(form, "name"))
    role, unit = people.read_place(who, text_in(form, "role"), text_in(form, "unit"), site.catalog.open_units)
    await people.change_person(site.accounts, who, found, name=name, role=role, unit=unit)
    if (role, unit) != (found["role"], found["unit"]):
        await audit(request, "role-changed", found["_id"], found["unit"])
    elif name != found["name"]:
        await audit(request, "person-changed", found["_id"], found["unit"])
    return RedirectResponse(address_of(found), 303)


async def rename(request: Request) -> Response:
    """The name alone, which a lead may correct too."""
    found, form = await asked(request), await read_form(request)
    name = people.read_name(text_in(form, "name"))
    await people.change_person(site_of(request).accounts, viewer(request), found, name=name)
    if name != found["name"]:
        await audit(request, "person-changed", found["_id"], found["unit"])
    return RedirectResponse(address_of(found), 303)


async def end(request: Request) -> Response:
    found = await asked(request)
    await people.set_active(site_of(request).accounts, viewer(request), found, False)
    await audit(request, "person-ended", found["_id"], found["unit"])
    return RedirectResponse(address_of(found), 303)


async def restore(request: Request) -> Response:
    found = await asked(request)
    if found["unit"] and found["unit"] not in site_of(request).catalog.open_units:
        raise Problem("unit-closed")
    await people.set_active(site_of(request).accounts, viewer(request), found, True)
    await audit(request, "person-changed", found["_id"], found["unit"])
    return RedirectResponse(address_of(found), 303)


async def invite(request: Request) -> Response:
    """The invitation, to be shown, sent or printed now."""
    return await _invitations(request, [await asked(request)], "invitation.html")


async def invite_unit(request: Request) -> Response:
    """One sheet for the whole unit, to be printed and cut."""
    who, form = viewer(request), await read_form(request)
    unit = who.unit or text_in(form, "unit")
    if unit not in site_of(request).catalog.open_units:
        raise Problem("not-found")
    found = await people.list_people(site_of(request).accounts, who, unit)
    return await _invitations(request, [one for one in found if one.get("active")], "invitation_sheet.html")


async def unit_invited(request: Request) -> Response:
    """Where a sheet was: its codes are known to nobody any more, so that there is only the way back."""
    return RedirectResponse(HERE, 303)


async def invited(request: Request) -> Response:
    """Where an invitation was, as `unit_invited`."""
    return RedirectResponse(address_of(await asked(request)), 303)


async def take_back(request: Request) -> Response:
    """An invitation that nobody used is of no use any more."""
    site, found = site_of(request), await asked(request)
    id = f"invitation:{request.path_params['hash']}"
    if id not in [one["_id"] for one in await site.invitations.of(found["_id"])]:
        raise Problem("not-found")
    await site.invitations.revoke(id)
    await audit(request, "invitation-revoked", id, found["unit"])
    return RedirectResponse(address_of(found), 303)


async def revoke_device(request: Request) -> Response:
    """The device comes no more, and the card that it can still show is wrong from now on.

    A browser at the desk holds nothing: it has to sign in again.
    """
    site, found = site_of(request), await asked(request)
    device = await people.find_device(site.accounts, found["_id"], request.path_params["ulid"])
    if found["role"] in OF_A_UNIT:
        await site.accounts.revoke(device)
        await site.cards.renew(found["_id"])
    else:
        await site.accounts.end_session(device)
    await audit(request, "device-revoked", device, found["unit"])
    return RedirectResponse(address_of(found), 303)


async def end_devices(request: Request) -> Response:
    """Every device of this person has to sign in again, or be invited again."""
    site, found = site_of(request), await asked(request)
    await site.accounts.end_sessions(found["_id"])
    await audit(request, "signed-out", found["_id"], found["unit"])
    return RedirectResponse(address_of(found), 303)


async def lose_device(request: Request) -> Response:
    """A lost phone removes what it holds at its next contact."""
    site, found = site_of(request), await asked(request)
    device = await people.find_device(site.accounts, found["_id"], request.path_params["ulid"])
    await site.accounts.lose(device)
    await site.cards.renew(found["_id"])
    await audit(request, "device-lost", device, found["unit"])
    await open_for_device(request, device, found["unit"] or "")
    return RedirectResponse(address_of(found), 303)


async def _invitations(request: Request, persons: list[Document], page: str) -> Response:
    who, site = viewer(request), site_of(request)
    cards: list[dict[str, Any]] = []
    for one in persons:
        if one["role"] not in OF_A_UNIT or not one.get("active"):
            raise Problem("no-unit" if one.get("active") else "not-found")
        made = await site.invitations.make(one, who.id, who.name)
        await audit(request, "invited", made.id, one["unit"])
        link = f"{origin(request)}/app/#/moi/{made.code}"
        cards.append(
            {
                **_row(request, one),
                "code": show_code(made.code),
                "link": link,
                "expires": made.expires,
                "qr": segno.make(link, error="m").svg_inline(border=2, omitsize=True),
            }
        )
    return render(request, page, cards=cards, app=f"{origin(request)}/app/", by=who.name)


async def asked(request: Request) -> Document:
    """The person whose page it is.

    :raises Problem: ``not-found`` also for someone whom the viewer does not manage.
    """
    return await people.find_person(site_of(request).accounts, viewer(request), request.path_params["slug"])


async def audit(request: Request, action: Action, subject: str, unit: str | None) -> None:
    who = viewer(request)
    await site_of(request).audit.write(
        Act(by=who.id, role=who.role, action=action, subject=subject, unit=unit or "", ward=who.ward)
    )


def _row(request: Request, person: Document) -> dict[str, Any]:
    unit = person.get("unit")
    return {
        "name": person["name"],
        "role": person["role"],
        "unit": unit,
        "unit_name": site_of(request).catalog.unit_name(unit, language_of(request)) if unit else "",
        "active": bool(person.get("active")),
        "address": address_of(person),
    }


def _device(device: Document) -> dict[str, Any]:
    report = device.get("report") or {}
    return {
        "ulid": device["_id"].removeprefix("device:"),
        "label": describe(str(device.get("label", ""))),
        "lost": bool(device.get("lost")),
        "revoked": bool(device.get("revoked")),
        "signed_out": bool(device.get("revoked")) and not was_ended(device),
        "seen": report.get("at") or device.get("seen"),
        "waiting": report.get("waiting"),
        "refused": report.get("refused"),
    }


def _invitation(invitation: Document, person: Document) -> dict[str, Any]:
    told = {key: invitation[key] for key in ("created", "expires", "by_name")}
    revoked = invitation["revoked"] or (not invitation.get("used") and not fits(invitation, person))
    return {
        **told,
        "revoked": revoked,
        "hash": invitation["_id"].removeprefix("invitation:"),
        "used": invitation.get("used"),
    }


def list_units(request: Request, who: Viewer) -> list[tuple[str, str]]:
    catalog, language = site_of(request).catalog, language_of(request)
    codes = [who.unit] if who.unit else list(catalog.open_units)
    named = [(code, catalog.unit_name(code, language)) for code in codes]
    return sorted(named, key=lambda one: sort_key(one[1]))


def origin(request: Request) -> str:
    return site_of(request).settings.public_url or f"{request.url.scheme}://{request.url.netloc}"


def address_of(person: Document) -> str:
    return f"{HERE}/{person['_id'].removeprefix('person:')}"


_ONE = HERE + "/{slug}"
routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.INVITE),
    route(HERE, add, who=Permission.INVITE, methods=("POST",)),
    route(f"{HERE}/invitations", invite_unit, who=Permission.INVITE, methods=("POST",)),
    route(f"{HERE}/invitations", unit_invited, who=Permission.INVITE),
    route(_ONE, person, who=Permission.INVITE),
    route(_ONE, change, who=Permission.GIVE_ROLES, methods=("POST",), fresh=True),
    route(f"{_ONE}/name", rename, who=Permission.INVITE, methods=("POST",)),
    route(f"{_ONE}/end", end, who=Permission.INVITE, methods=("POST",), fresh=True),
    route(f"{_ONE}/restore", restore, who=Permission.INVITE, methods=("POST",), fresh=True),
    route(f"{_ONE}/invitations", invite, who=Permission.INVITE, methods=("POST",)),
    route(f"{_ONE}/invitations", invited, who=Permission.INVITE),
    route(_ONE + "/invitations/{hash}/revoke", take_back, who=Permission.INVITE, methods=("POST",)),
    route(f"{_ONE}/devices/end", end_devices, who=Permission.INVITE, methods=("POST",)),
    route(_ONE + "/devices/{ulid}/revoke", revoke_device, who=Permission.INVITE, methods=("POST",)),
    route(_ONE + "/devices/{ulid}/lost", lose_device, who=Permission.INVITE, methods=("POST",)),
]
