"""What can go wrong for someone at the other end, in one table: stable code, status; text by code.

Raise ``Problem("not-found")`` anywhere; `respond` answers with JSON ``{"error", "reason"}`` to programs
(``/api``, ``/sync``, ``/catalog`` and whoever accepts only JSON) and with a page to people. The sentences
are in ``server/texts/{vi,en}/errors.json`` under ``error.<code>``. Never a stack trace: whatever else is
raised is logged and answered as ``internal``.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.logs import path_of
from server.texts import translate
from sync import gateway_errors
from sync.store import StoreError

TABLE: dict[str, int] = {
    **gateway_errors.STATUS,
    "bad-request": 400,
    "bad-json": 400,
    "too-deep": 400,
    "bad-host": 400,
    "bad-field": 400,
    "signed-out": 401,
    "wrong-sign-in": 401,
    "wrong-code": 401,
    "sign-in-late": 401,
    "forbidden": 403,
    "cross-origin": 403,
    "no-unit": 403,
    "shared-phone": 403,
    "code-needed": 403,
    "no-password": 403,
    "not-found": 404,
    "invitation-unknown": 404,
    "method-not-allowed": 405,
    "file-missing": 400,
    "file-unreadable": 400,
    "file-not-yours": 403,
    "import-busy": 409,
    "uploads-busy": 429,
    "conflict": 409,
    "last-admin": 409,
    "unit-closed": 409,
    "invitation-used": 410,
    "invitation-expired": 410,
    "invitation-revoked": 410,
    "too-large": 413,
    "sheet-too-large": 413,
    "bad-content-type": 415,
    "too-many-tries": 429,
    "internal": 500,
    "store-unavailable": 503,
    "not-built": 503,
}
BY_STATUS = {
    400: "bad-request",
    401: "signed-out",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "bad-content-type",
    429: "too-many-tries",
    503: "store-unavailable",
}
RETRY_SECONDS = 5
AGAIN = (400, 409, 413, 415, 429, 500, 503)
"""Statuses after which the same page may well work."""
MACHINES = ("/api/", "/sync/", "/catalog/")

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An answer that is a row of `TABLE`; `values` fill its sentence, `retry_after` is in seconds."""

    def __init__(self, code: str, *, retry_after: int | None = None, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.status = TABLE[code]
        self.retry_after = retry_after
        self.values = values


def respond(connection: HTTPConnection, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer for this reader, in their language, as JSON or as a page."""
    headers = {**(headers or {}), "Cache-Control": "no-store"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    reason = translate(connection)(f"error.{problem.code}", **problem.values)
    if wants_json(connection):
        return JSONResponse({"error": problem.code, "reason": reason}, problem.status, headers)
    from server.templates import render

    return render(
        connection,
        "error.html",
        status=problem.status,
        headers=headers,
        code=problem.code,
        reason=reason,
        back=_way_back(connection) if problem.status == 401 else "",
        again=_way_back(connection) if problem.status in AGAIN else "",
        sent=connection.scope.get("method") != "GET",
    )


def path_asked(connection: HTTPConnection) -> str:
    """The page that was asked for, to go on there after the sign-in; nothing for anything but a page."""
    query = connection.url.query
    asked = connection.url.path + (f"?{query}" if query else "")
    return asked if connection.scope.get("method") == "GET" else ""


def _way_back(connection: HTTPConnection) -> str:
    """Where to try again: the page that was asked for, or the one whose form was sent; only on this site."""
    path = path_asked(connection)
    if connection.scope.get("method") != "GET":
        try:
            from_ = urlsplit(connection.headers.get("referer", ""))
        except ValueError:
            return ""
        own = from_.netloc.lower() == connection.headers.get("host", "").lower()
        path = from_.path + (f"?{from_.query}" if from_.query else "") if own else ""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else ""


def wants_json(connection: HTTPConnection) -> bool:
    accept = connection.headers.get("accept", "")
    return connection.url.path.startswith(MACHINES) or ("json" in accept and "html" not in accept)


def describe(error: Exception) -> Problem:
    """The row for anything raised; what is not known is `internal` and should be logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(BY_STATUS.get(error.status_code, "internal"))
    if isinstance(error, StoreError):
        return Problem("store-unavailable", retry_after=RETRY_SECONDS)
    return Problem("internal")


async def handle(request: Request, error: Exception) -> Response:
    """Starlette's exception handler for `Problem`, `HTTPException` and `StoreError`."""
    problem = describe(error)
    if isinstance(error, StoreError):
        log.warning(
            "store failed",
            path=path_of(request.scope),
            code=error.code,
            reason=error.reason,
        )
    extra = dict(error.headers or {}) if isinstance(error, HTTPException) else None
    return respond(request, problem, extra)


class Failures:
    """The outermost net: what nobody expected is logged with its trace and answered without it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            log.error("request failed", path=path_of(scope), method=scope["method"], exc_info=error)
            if started:
                raise
            await respond(HTTPConnection(scope), Problem("internal"))(scope, receive, send)
