"""The map: which routes there are, what every request passes, what runs while the server does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from server import (
    account,
    audit_pages,
    card_check,
    confirming,
    desk,
    desk_joining,
    duplicate_pages,
    fleet_pages,
    health,
    import_pages,
    incident_pages,
    joining,
    moving_pages,
    notice,
    people_pages,
    phone,
    phone_file_pages,
    photos,
    privacy_pages,
    quarantine,
    quarantine_decisions,
    resident_pages,
    second_factor_pages,
    session_pages,
    sign_in,
    unit_pages,
    ward_people,
)
from server.access import PUBLIC, mount
from server.assets import serve_phone, serve_static
from server.errors import Failures, Problem, handle
from server.logs import AccessLog
from server.reporting import pages as report_pages
from server.roles import Permission
from server.security import BodyLimit, KnownHost, SameOrigin, SecurityHeaders
from server.settings import Settings
from server.site import Site, open_site
from sync.store import StoreError


def routes() -> list[BaseRoute]:
    return [
        *health.routes,
        *sign_in.routes,
        *confirming.routes,
        *phone.routes,
        *photos.routes,
        *joining.routes,
        *desk_joining.routes,
        *card_check.routes,
        *notice.routes,
        *desk.routes,
        *report_pages.routes,
        *quarantine_decisions.routes,
        *quarantine.routes,
        *privacy_pages.routes,
        *resident_pages.routes,
        *incident_pages.routes,
        *audit_pages.routes,
        *fleet_pages.routes,
        *people_pages.routes,
        *ward_people.routes,
        *phone_file_pages.routes,
        *moving_pages.routes,
        *import_pages.routes,
        *duplicate_pages.routes,
        *unit_pages.routes,
        *account.routes,
        *second_factor_pages.routes,
        *session_pages.routes,
        mount("/sync", replicate, who=Permission.SYNC, or_leaver=True),
        mount("/static", serve_static(), who=PUBLIC),
        mount("/app", serve_phone(), who=PUBLIC),
    ]


async def replicate(scope: Scope, receive: Receive, send: Send) -> None:
    """The gateway of whichever site is open."""
    await scope["app"].state.site.gateway(scope, receive, send)


def middleware(settings: Settings) -> list[Middleware]:
    return [
        Middleware(AccessLog),
        Middleware(SecurityHeaders, settings=settings),
        Middleware(Failures),
        Middleware(KnownHost, settings=settings),
        Middleware(SameOrigin, settings=settings),
        Middleware(BodyLimit),
    ]


def create_app(settings: Settings, opened: Callable[[Site], Awaitable[None]] | None = None) -> Starlette:
    """The application; `opened` is awaited when its site is ready, before the first request."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            async with open_site(settings) as site:
                app.state.site = site
                if opened is not None:
                    await opened(site)
                yield
        except Exception as error:
            app.state.failure = error
            raise

    app = Starlette(
        routes=routes(),
        middleware=middleware(settings),
        lifespan=lifespan,
        exception_handlers={Problem: handle, HTTPException: handle, StoreError: handle},
    )
    app.state.settings = settings
    return app
