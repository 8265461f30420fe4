"""The device's cookie, as text: ``gtn-device=<ulid>.<secret>``, ``__Host-`` before it on HTTPS.

The prefix (RFC 6265bis, 4.1.3.2) makes browsers refuse the cookie unless it is Secure, for this host only and
for every path, so that a neighbouring host cannot plant one.
"""

from __future__ import annotations

import re
from datetime import timedelta

from starlette.requests import HTTPConnection
from starlette.responses import Response

from server.settings import Settings
from server.texts import COOKIE as LANGUAGE

NAME = "gtn-device"
VALUE = re.compile(r"([0-7][0-9A-HJKMNP-TV-Z]{25})\.([A-Za-z0-9_-]{43})")


def cookie_name(settings: Settings) -> str:
    return f"__Host-{NAME}" if settings.secure else NAME


def read_device_cookie(connection: HTTPConnection, settings: Settings) -> tuple[str, str]:
    """(ulid, secret) of the device, two empty texts when there is no such cookie."""
    found = VALUE.fullmatch(connection.cookies.get(cookie_name(settings), ""))
    return (found[1], found[2]) if found else ("", "")


def device_cookie(value: str, lifetime: timedelta, settings: Settings) -> str:
    """The ``Set-Cookie`` that keeps (or, with an empty value and no lifetime, ends) the sign-in."""
    response = Response()
    response.set_cookie(
        cookie_name(settings),
        value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )
    return response.headers["set-cookie"]


def language_cookie(language: str, settings: Settings) -> str:
    response = Response()
    response.set_cookie(
        LANGUAGE, language, max_age=365 * 86400, path="/", secure=settings.secure, samesite="lax"
    )
    return response.headers["set-cookie"]
