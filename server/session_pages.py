"""One's own sign-ins, looked over and ended on the page of the account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import people
from server.access import route, site_of, viewer
from server.browsers import describe
from server.errors import Problem
from server.roles import Permission
from sync.audit import Act
from sync.clocks import text_of
from sync.store import Document

ACCOUNT = "/desk/account"
HERE = f"{ACCOUNT}/sessions"


async def list_own(request: Request) -> list[dict[str, Any]]:
    """The devices on which the viewer is signed in, this one first."""
    who, now = viewer(request), text_of(datetime.now(UTC))
    devices = await people.list_devices(site_of(request).accounts, who.id)
    rows = [_row(one, who.device) for one in devices if not one.get("revoked") and one["expires"] > now]
    return sorted(rows, key=lambda row: not row["own"])


async def end(request: Request) -> Response:
    """One of them has to sign in again.

    :raises Problem: ``bad-field`` for this very device, which signs out.
    """
    site, who = site_of(request), viewer(request)
    device = await people.find_device(site.accounts, who.id, request.path_params["ulid"])
    if device == who.device:
        raise Problem("bad-field")
    await _end(request, device)
    return RedirectResponse(f"{ACCOUNT}?done=session-ended", 303)


async def end_others(request: Request) -> Response:
    """All but this one have to sign in again."""
    for row in await list_own(request):
        if not row["own"]:
            await _end(request, f"device:{row['ulid']}")
    return RedirectResponse(f"{ACCOUNT}?done=sessions-ended", 303)


async def _end(request: Request, device: str) -> None:
    site, who = site_of(request), viewer(request)
    await site.accounts.end_session(device)
    if who.unit is not None:  # the card that a phone out of hand can still show is wrong from now on
        await site.cards.renew(who.id)
    await site.audit.write(
        Act(by=who.id, role=who.role, action="signed-out", subject=device, unit=who.unit or "", ward=who.ward)
    )


def _row(device: Document, own: str) -> dict[str, Any]:
    report = device.get("report") or {}
    return {
        "ulid": device["_id"].removeprefix("device:"),
        "label": describe(str(device.get("label", ""))),
        "phone": bool(report or device.get("escrow")),
        "own": device["_id"] == own,
        "begun": device.get("created"),
        "seen": report.get("at") or device.get("seen"),
    }


routes: list[BaseRoute] = [
    route(f"{HERE}/end", end_others, who=Permission.SIGNED_IN, methods=("POST",)),
    route(HERE + "/{ulid}/end", end, who=Permission.SIGNED_IN, methods=("POST",)),
]
