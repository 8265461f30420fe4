"""Logs on stderr, one line per event: paths, statuses, codes and ids; never bodies, names or secrets."""

from __future__ import annotations

import logging
import sys

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.metrics import ROUTE, measured

MOUNTED = ("/sync/", "/static/", "/app/")
"""Paths of databases and files, which are about nobody."""
QUIET = ("/healthz", "/readyz", "/static/", "/app/")
log = structlog.get_logger("access")


def configure_logs(level: str) -> None:
    """`level` is one of `server.settings.LEVELS`."""
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.LogfmtRenderer(
                key_order=("timestamp", "level", "event"), bool_as_flag=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # `Failures` and `serve` tell what went wrong
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), format="%(levelname)s %(message)s"
    )


def path_of(scope: Scope) -> str:
    """What may be told of a path: the pattern of its route, or its first part alone where none was found.

    A link with a slash too many matches nothing, and still has its code in it.
    """
    path = str(scope["path"])
    if ROUTE in scope or path.startswith(MOUNTED):
        return str(scope.get(ROUTE, path))
    first = path[1:].partition("/")[0]
    return path if path == f"/{first}" else f"/{first}/…"


class AccessLog:
    """One line per request: method, path, status and milliseconds.

    Neither the query nor what a route's pattern leaves open is told: people's pages are named after them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with measured(scope) as measure:

            async def watch(message: Message) -> None:
                if message["type"] == "http.response.start":
                    measure.status = message["status"]
                await send(message)

            try:
                await self.app(scope, receive, watch)
            finally:
                quiet = scope["path"].startswith(QUIET) and measure.status < 400
                (log.debug if quiet else log.info)(
                    "request",
                    method=scope["method"],
                    path=path_of(scope),
                    status=measure.status,
                    ms=round(measure.seconds * 1000, 1),
                )
