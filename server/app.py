"""The map: which routes there are, what every request passes, what runs while the server does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from server import health, phone, sign_in
from server.access import PUBLIC, mount
from server.assets import serve_phone, serve_static
from server.errors import Failures, Problem, handle
from server.logs import AccessLog
from server.security import BodyLimit, KnownHost, SameOrigin, SecurityHeaders
from server.settings import Settings
from server.site import open_site
from sync.store import StoreError


def routes() -> list[BaseRoute]:
    return [
        *health.routes,
        *sign_in.routes,
        *phone.routes,
        mount("/static", serve_static(), who=PUBLIC),
        mount("/app", serve_phone(), who=PUBLIC),
    ]


def middleware(settings: Settings) -> list[Middleware]:
    return [
        Middleware(AccessLog),
        Middleware(SecurityHeaders, settings=settings),
        Middleware(Failures),
        Middleware(KnownHost, settings=settings),
        Middleware(SameOrigin, settings=settings),
        Middleware(BodyLimit),
    ]


def create_app(settings: Settings) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_site(settings) as site:
            app.state.site = site
            yield

    app = Starlette(
        routes=routes(),
        middleware=middleware(settings),
        lifespan=lifespan,
        exception_handlers={Problem: handle, HTTPException: handle, StoreError: handle},
    )
    app.state.settings = settings
    return app
