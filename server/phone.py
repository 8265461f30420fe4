"""The phone's API, as docs/architecture.md lists it."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from server.access import PUBLIC, Viewer, make_viewer, route, site_of, viewer
from server.bodies import read_json
from server.cookies import device_cookie, slot_of
from server.errors import RETRY_SECONDS, Problem
from server.reports import ERRORS, OTHER
from server.roles import TABLE, Permission, Role
from server.sign_in import audit_entry, audit_exit, check_password, set_cookies
from sync.clocks import text_of
from sync.documents import Instant, Line, Short
from sync.gateway_errors import GatewayError
from sync.refused import count_outcomes, list_outcomes
from sync.store import NotFound

Count = Annotated[int, Meta(ge=0, le=10_000_000)]
Version = Annotated[str, Meta(max_length=32, pattern=r"^[0-9A-Za-z.+-]*$")]
Bytes = Annotated[float, Meta(ge=0, le=1e15)]


FRESH = ("time", "mark", "update_seq", "generation")
"""All of a session that a phone is told which has the rest of it already."""


class DeviceOffer(Struct):
    """What a phone says of itself at sign-in; `id` is the one it had before."""

    label: Short = ""
    id: Short = ""


class SignIn(Struct):
    login: Short
    password: Annotated[str, Meta(max_length=256)]
    device: DeviceOffer = msgspec.field(default_factory=DeviceOffer)


class Hello(Struct):
    """A phone's report; `clock` is its own time, `app` its version, `mark` that of the session it holds.

    What it does not tell is unknown. `last_error` is one of `server.reports.ERRORS`; a code of a later app is
    no reason to keep that app from sending.
    """

    clock: Instant
    mark: Short = ""
    app: Version = ""
    waiting: Count | None = None
    accepted: Count | None = None
    refused: Count | None = None
    last_error: Line | None = None
    storage_left: Bytes | None = None
    persisted: bool | None = None


async def sign_in(request: Request) -> Response:
    asked = await read_json(request, SignIn)
    person = await check_password(request, asked.login, asked.password)
    who = make_viewer(request, person, "")
    if not who.may(Permission.PHONE) or not who.unit:
        raise Problem("no-unit")
    if person.get("totp"):
        raise Problem("code-needed")
    site = site_of(request)
    device, value = await site.accounts.enrol(person, asked.device.label, asked.device.id)
    await audit_entry(request, person, device)
    session = await make_session(request, make_viewer(request, person, device))
    answer = {**session, "escrow": await site.accounts.escrow(device)}
    response = JSONResponse(answer, headers={"Cache-Control": "no-store"})
    set_cookies(request, response, person["login"], value)
    return response


async def sign_out(request: Request) -> Response:
    site = site_of(request)
    await site.accounts.end_session(viewer(request).device)
    await audit_exit(request)
    ended = device_cookie("", timedelta(0), site.settings, slot_of(request))
    return Response(status_code=204, headers={"Set-Cookie": ended})


async def hello(request: Request) -> Response:
    report = await read_json(request, Hello)
    who = viewer(request)
    now = datetime.now(UTC)
    told = {name: value for name, value in msgspec.to_builtins(report).items() if name != "mark"}
    if report.last_error is not None and report.last_error not in ERRORS:
        told["last_error"] = OTHER
    offset = round((now - datetime.fromisoformat(report.clock)).total_seconds(), 3)
    await site_of(request).reports.keep(who.device, {**told, "at": text_of(now), "offset": offset})
    session = await make_session(request, who)
    if session["mark"] == report.mark:
        session = {name: session[name] for name in FRESH}
    if report.refused:
        session["decided"] = await _count_decided(request)
    return JSONResponse(session, headers={"Cache-Control": "no-store"})


async def _count_decided(request: Request) -> int:
    """How many decisions there are about what this person sent; at another number a phone asks for them."""
    site, who = site_of(request), viewer(request)
    try:
        return await count_outcomes(site.store, site.names.ward(who.ward).quarantine, who.id)
    except NotFound:
        return 0


async def outcomes(request: Request) -> Response:
    """What was decided about records of this person's that were refused."""
    site, who = site_of(request), viewer(request)
    told = await list_outcomes(site.store, site.names.ward(who.ward).quarantine, who.id)
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


async def make_session(request: Request, who: Viewer) -> dict[str, Any]:
    """``Session`` of docs/architecture.md."""
    site = site_of(request)
    if not who.unit:
        raise Problem("no-unit")
    names = site.names.ward(who.ward)
    try:
        newest = await site.gateway.newest(who.id, who.ward, who.unit)
    except GatewayError as error:
        raise Problem(error.code, retry_after=RETRY_SECONDS) from None
    unit = site.catalog.unit(who.unit)
    session = {
        "person": {"id": who.id, "name": who.name, "role": who.role, "login": who.login},
        "may": sorted(TABLE[Role(who.role)]),
        "device": who.device,
        "ward": {"code": who.ward, "name": site.catalog.ward_name(who.ward)},
        "unit": {"code": who.unit, "name": unit.name.within(who.language), "kind": unit.kind},
        "card": await site.cards.of(who.id),
        "members": await site.accounts.members(who.ward, who.unit),
        "database": names.role(who.unit),
        "catalog": site.catalog.address,
        "generation": site.generation,
        "file_key": base64.b64encode(site.safe.derive("phone-file", who.device)).decode(),
    }
    mark = hashlib.sha256(msgspec.json.encode(session, order="sorted")).hexdigest()[:16]
    return {
        **session,
        "mark": mark,
        "time": text_of(datetime.now(UTC)),
        "update_seq": newest,
    }


async def read_catalog(request: Request) -> Response:
    return site_of(request).catalog.respond(request)


routes: list[BaseRoute] = [
    route("/api/sign-in", sign_in, who=PUBLIC, methods=("POST",)),
    route("/api/sign-out", sign_out, who=Permission.PHONE, methods=("POST",)),
    route("/api/outcomes", outcomes, who=Permission.PHONE),
    route("/api/hello", hello, who=Permission.PHONE, methods=("POST",)),
    route("/catalog/{hash}.json", read_catalog, who=PUBLIC),
]
