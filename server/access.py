"""Who may call a route: said where the route is declared, enforced and recorded by it.

``route("/desk", desk, who=Permission.WARD_PROGRESS)`` and ``mount("/sync", gateway, who=Permission.SYNC)``
are the only ways to make one; a test walks the tree and fails on anything else. The caller is known by the
cookie of a device (`server.accounts`), which is looked up only where someone must be known.
The desk is shut on a phone that people of a unit share: a page does not say which of them asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.cookies import slot_of
from server.errors import Problem
from server.metrics import ROUTE
from server.roles import Permission, may
from server.texts import language_of

if TYPE_CHECKING:
    from server.site import Site

DESK = "/desk"
_VIEWER = "gtn.viewer"
_SEEN = "gtn.viewer-seen"
LASTS = 1.0
"""Seconds: a request that waits longer asks again who makes it, for the device may have been revoked."""


class Public:
    """No one needs to be known."""

    def __repr__(self) -> str:
        return "PUBLIC"


PUBLIC: Final = Public()
Who = Permission | Public


class Viewer(Struct, frozen=True, kw_only=True):
    """Whoever makes a request: a person on a device. `unit` is None for people of the ward."""

    id: str
    name: str
    login: str
    role: str
    ward: str
    unit: str | None
    device: str
    language: str
    second_factor: bool = False

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)


class GuardedRoute(Route):
    who: Who
    fresh: bool


class GuardedMount(Mount):
    who: Who
    or_leaver: bool


def route(
    path: str,
    endpoint: Callable[..., Any],
    *,
    who: Who,
    methods: Sequence[str] = ("GET",),
    fresh: bool = False,
) -> GuardedRoute:
    """A route that only `who` may call; a `fresh` one only soon after they proved again who they are."""
    made = GuardedRoute(
        path, endpoint, methods=list(methods), middleware=[Middleware(Guard, who=who, path=path, fresh=fresh)]
    )
    made.who, made.fresh = who, fresh
    return made


def mount(path: str, app: ASGIApp, *, who: Who, or_leaver: bool = False) -> GuardedMount:
    """A whole application below `path` that only `who` may call.

    With `or_leaver` it also judges by itself whoever the desk has ended, on a device that was not taken away.
    """
    made = GuardedMount(path, app, middleware=[Middleware(Guard, who=who, or_leaver=or_leaver)])
    made.who, made.or_leaver = who, or_leaver
    return made


class Guard:
    """Lets a request through when its viewer has the permission.

    :raises Problem: ``signed-out`` for nobody, ``forbidden`` for someone else.
    """

    def __init__(
        self, app: ASGIApp, who: Who, path: str | None = None, fresh: bool = False, or_leaver: bool = False
    ) -> None:
        self.app = app
        self.who = who
        self.path = path
        self.fresh = fresh
        self.or_leaver = or_leaver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.path is not None:
            scope[ROUTE] = self.path
        if isinstance(self.who, Public):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        found = await find_viewer(connection)
        if found is None:
            await self._serve_unknown(connection, scope, receive, send)
            return
        if not found.may(self.who):
            raise Problem("forbidden")
        if await _is_anyones(connection, found):
            raise Problem("shared-phone")
        if self.fresh:
            from server.confirming import confirm

            confirmed = await confirm(scope, receive, send)
            if confirmed is None:
                return
            receive = confirmed
        cookie = await site_of(connection).accounts.renewed_cookie(connection)
        await self.app(scope, receive, _with_cookie(send, cookie) if cookie else send)

    async def _serve_unknown(
        self, connection: HTTPConnection, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A leaver's last records where they are taken; a form whose sign-in ended is kept; else nothing."""
        accounts = site_of(connection).accounts
        if self.or_leaver and await accounts.identify_leaver(connection) is not None:
            await self.app(scope, receive, send)
            return
        why = await accounts.why_refused(connection)
        page = await _keep_form(scope, receive) if why == "signed-out" else None
        if page is None:
            raise Problem(why)
        await page(scope, receive, send)


async def _is_anyones(connection: HTTPConnection, found: Viewer) -> bool:
    """Whether a page is asked for from a phone that people of a unit share."""
    asked = connection.scope["path"].startswith(DESK) and not slot_of(connection)
    return (
        asked
        and found.unit is not None
        and await site_of(connection).accounts.is_shared(connection, found.id)
    )


async def _keep_form(scope: Scope, receive: Receive) -> Response | None:
    from server.kept_forms import keep

    return await keep(scope, receive) if scope.get("method") == "POST" else None


def _with_cookie(send: Send, cookie: str) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"set-cookie", cookie.encode("latin-1"))]
            message = {**message, "headers": headers}
        await send(message)

    return add


def site_of(connection: HTTPConnection) -> Site:
    site: Site = connection.app.state.site
    return site


async def find_viewer(connection: HTTPConnection) -> Viewer | None:
    """Who asks, or None; looked up once per request, anew when that was `LASTS` ago.

    :raises StoreError: when it cannot be known now.
    """
    scope, now = connection.scope, time.monotonic()
    if _VIEWER not in scope or now - scope[_SEEN] > LASTS:
        scope[_VIEWER] = await site_of(connection).accounts.identify(connection)
        scope[_SEEN] = now
    return known_viewer(connection)


def known_viewer(connection: HTTPConnection) -> Viewer | None:
    """Who asks as far as it was looked up already; for pages, errors and logs."""
    found: Viewer | None = connection.scope.get(_VIEWER)
    return found


def viewer(connection: HTTPConnection) -> Viewer:
    """Who asks, within a route that is not public."""
    found = known_viewer(connection)
    if found is None:
        raise Problem("signed-out")
    return found


def make_viewer(connection: HTTPConnection, person: dict[str, Any], device: str) -> Viewer:
    return Viewer(
        id=person["_id"],
        name=person["name"],
        login=person["login"],
        role=person["role"],
        ward=person["ward"],
        unit=person.get("unit"),
        device=device,
        language=language_of(connection),
        second_factor=bool(person.get("totp")),
    )
