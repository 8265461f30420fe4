"""What every answer and every unsafe request must have; pure ASGI, so that streams stay streams.

Cross-origin requests are told by Fetch Metadata: ``Sec-Fetch-Site`` of ``same-origin`` or ``none`` passes,
anything else is refused; a browser too old to send it must send an ``Origin`` that is our own host. A client
that sends neither is no browser and carries nobody's cookies unawares. This is the method of Filippo
Valsorda, "Cross-Site Request Forgery" (words.filippo.io/csrf, 2025), as in Go's ``CrossOriginProtection``
and Datasette's ``csrf.py``; it replaces tokens in forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import Problem, respond
from server.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
UNUSED = (
    *("bluetooth", "camera", "display-capture", "geolocation", "hid", "idle-detection", "local-fonts"),
    *("microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
)
"""What no page of ours asks a device for; to use one, take it off this list."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What an answer has unless it says otherwise itself, as files that may be kept do."""
TRANSPORT = "max-age=31536000"
BODY_BYTES = 64 * 1024
SYNC_BYTES = 8 * 1024 * 1024
SHEET_BYTES = 20 * 1024 * 1024 + BODY_BYTES
LARGE = ("/sync/", "/desk/phone-files")
SHEETS = "/desk/import"
"""Exactly this path takes an office's sheet."""


class SecurityHeaders:
    """Adds `HEADERS` to every answer; on HTTPS also asks browsers to stay there."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.headers = {**HEADERS, **({"Strict-Transport-Security": TRANSPORT} if settings.secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, add)


class KnownHost:
    """Answers only to the host in ``GTN_PUBLIC_URL``, when there is one; health checks come from within."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.host = settings.public_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.host and scope["path"] not in ("/healthz", "/readyz"):
            host = Headers(scope=scope).get("host", "").lower()
            if host != self.host:
                return await respond(HTTPConnection(scope), Problem("bad-host"))(scope, receive, send)
        return await self.app(scope, receive, send)


class SameOrigin:
    """Refuses unsafe requests that another site made a browser send."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.public_url = settings.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_same_origin(
            scope["method"], Headers(scope=scope), self.public_url
        ):
            return await respond(HTTPConnection(scope), Problem("cross-origin"))(scope, receive, send)
        return await self.app(scope, receive, send)


def is_same_origin(method: str, headers: Mapping[str, str], public_url: str = "") -> bool:
    """Whether this request was not made by another site; `headers` with names in lower case."""
    if method in SAFE:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    if public_url:
        return origin.lower() == public_url
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:  # "http://[" is no address
        return False


def most_bytes(path: str) -> int:
    """How large a body this path takes."""
    if path == SHEETS:
        return SHEET_BYTES
    return SYNC_BYTES if path.startswith(LARGE) else BODY_BYTES


class BodyLimit:
    """Ends a request whose body is larger than its path allows: 8 MB in places, 20 MB for a sheet."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = most_bytes(scope["path"])
        code = "sheet-too-large" if limit == SHEET_BYTES else "too-large"
        declared = Headers(scope=scope).get("content-length", "0")
        if not (declared.isascii() and declared.isdigit()) or len(declared) > 15 or int(declared) > limit:
            await respond(HTTPConnection(scope), Problem(code))(scope, receive, send)
            return
        taken = 0

        async def count() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise Problem(code)
            return message

        await self.app(scope, count, send)
