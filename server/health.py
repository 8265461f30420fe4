"""Whether this process lives (``/healthz``) and can serve (``/readyz``), for whoever watches it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from server.access import PUBLIC, route, site_of


async def alive(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def ready(request: Request) -> Response:
    """200 when the store answers; 503 by the table of errors when it does not."""
    site = site_of(request)
    await site.store.info(site.names.accounts)
    return PlainTextResponse("ok\n")


routes: list[BaseRoute] = [
    route("/healthz", alive, who=PUBLIC),
    route("/readyz", ready, who=PUBLIC),
]
