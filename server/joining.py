"""The phone's way in by an invitation: looking at it, then spending it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from server.access import PUBLIC, make_viewer, route, site_of
from server.accounts import Accounts, was_ended
from server.bodies import read_json
from server.errors import Problem
from server.phone import DeviceOffer, make_session
from server.roles import Permission
from server.sign_in import set_cookies
from server.texts import language_of
from sync.audit import Act
from sync.documents import Short
from sync.store import Document, StoreError

NOBODY = ""
"""Whose tries at codes are counted: an invitation has no login, only the address they come from."""


class Asked(Struct):
    """`device` is the id of a phone that holds records already."""

    code: Short
    device: Short = ""


class Enrolment(Struct):
    """`attempt` is a random text of the phone's, the same when it asks again."""

    code: Short
    attempt: Annotated[str, Meta(min_length=16, max_length=120)]
    device: DeviceOffer = msgspec.field(default_factory=DeviceOffer)


async def look(request: Request) -> Response:
    """Whom the invitation is for, before it is spent."""
    asked = await read_json(request, Asked)
    async with counted(request):
        invitation, person = await site_of(request).invitations.look_up(asked.code)
    _check_phone(request, person)
    site = site_of(request)
    told = {
        "person": person["_id"],
        "name": person["name"],
        "unit": site.catalog.unit_name(person["unit"], language_of(request)),
        "ward": site.catalog.ward_name(person["ward"]),
        "by": invitation["by_name"],
        "expires": invitation["expires"],
        "phone": await _holder(site.accounts, asked.device, person),
    }
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


async def enrol(request: Request) -> Response:
    """The same answer as signing in with a password."""
    asked = await read_json(request, Enrolment)
    site = site_of(request)
    async with counted(request):
        person, device, value = await site.invitations.spend(
            asked.code, asked.attempt, asked.device.label, asked.device.id
        )
    who = make_viewer(request, person, device)
    await site.audit.write(
        Act(
            by=who.id,
            role=who.role,
            action="invitation-used",
            subject=device,
            unit=who.unit or "",
            ward=who.ward,
        )
    )
    session = await make_session(request, who)
    answer = {**session, "escrow": await site.accounts.escrow(who.device)}
    response = JSONResponse(answer, headers={"Cache-Control": "no-store"})
    set_cookies(request, response, person["login"], value)
    return response


async def _holder(accounts: Accounts, device: str, person: Document) -> str:
    """Whose the records on the phone that asks are: ``own``, ``other``, or ``ended`` when access was.

    Only the first are opened by the invitation; it is not to be spent on the others.
    """
    if not device.startswith("device:"):
        return ""
    held = await accounts.store.find(accounts.database, device)
    if held is None or held.get("person") != person["_id"]:
        return "other"
    return "own" if held.get("escrow") and not was_ended(held) else "ended"


def _check_phone(request: Request, person: Document) -> None:
    who = make_viewer(request, person, "")
    if not who.may(Permission.PHONE) or not who.unit:
        raise Problem("no-unit")


@asynccontextmanager
async def counted(request: Request) -> AsyncIterator[None]:
    """A wrong code is a wrong try of its address, as a wrong password is.

    :raises Problem: ``too-many-tries`` with the seconds to wait.
    """
    tries, address = site_of(request).tries, request.client.host if request.client else ""
    if wait := await tries.begin(NOBODY, address):
        raise Problem("too-many-tries", retry_after=wait, seconds=wait)
    try:
        yield
    except StoreError:
        await tries.undecided(NOBODY, address)
        raise
    except Problem as problem:
        if problem.code != "invitation-unknown":
            await tries.succeeded(NOBODY, address)
        raise
    await tries.succeeded(NOBODY, address)


routes: list[BaseRoute] = [
    route("/api/invitation", look, who=PUBLIC, methods=("POST",)),
    route("/api/enrol", enrol, who=PUBLIC, methods=("POST",)),
]
