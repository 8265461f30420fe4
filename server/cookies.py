"""Cookies as text: ``gtn-device=<ulid>.<secret>`` is a sign-in, ``gtn-known`` says that there was one before.

``gtn-lang`` is the language. On HTTPS ``__Host-`` goes before every name. People who share a phone have a
sign-in each: the phone says which by the header ``X-GTN-Slot``, with which the cookie's name then ends
(``gtn-device-<slot>``). Pages send none, and so are shut for those of a unit where several are signed in.

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
KNOWN = "gtn-known"
SLOT = "X-GTN-Slot"
SLOTS = re.compile(r"[a-z2-7]{12}")
"""What a phone may call a slot: the random id of a vault (``pwa/src/data/vaults.ts``), which names no one."""
MOST_SLOTS = 20
KNOWN_LIFETIME = timedelta(days=400)
"""As long as browsers keep any cookie (RFC 6265bis, 5.5)."""
LONGEST_KNOWN = 200
VALUE = re.compile(r"([0-7][0-9A-HJKMNP-TV-Z]{25})\.([A-Za-z0-9_-]{43})")


def cookie_name(settings: Settings, name: str = NAME, slot: str = "") -> str:
    named = f"{name}-{slot}" if slot else name
    return f"__Host-{named}" if settings.secure else named


def slot_of(connection: HTTPConnection) -> str:
    """Which of a phone's people asks; empty for its first one, for pages and for what is no slot."""
    found = SLOTS.fullmatch(connection.headers.get(SLOT, ""))
    return found[0] if found else ""


def read_device_cookie(connection: HTTPConnection, settings: Settings) -> tuple[str, str]:
    """(ulid, secret) of the device, two empty texts when there is no such cookie."""
    found = VALUE.fullmatch(connection.cookies.get(cookie_name(settings, NAME, slot_of(connection)), ""))
    return (found[1], found[2]) if found else ("", "")


def read_slots(connection: HTTPConnection, settings: Settings) -> list[tuple[str, str]]:
    """(ulid, secret) of the devices of those who share this phone with its first one."""
    prefix = f"{cookie_name(settings)}-"
    others = [
        VALUE.fullmatch(value)
        for name, value in connection.cookies.items()
        if name.startswith(prefix) and SLOTS.fullmatch(name.removeprefix(prefix))
    ]
    return [(found[1], found[2]) for found in others[:MOST_SLOTS] if found]


def read_known_cookie(connection: HTTPConnection, settings: Settings) -> str:
    return connection.cookies.get(cookie_name(settings, KNOWN), "")[:LONGEST_KNOWN]


def device_cookie(value: str, lifetime: timedelta, settings: Settings, slot: str = "") -> str:
    """The ``Set-Cookie`` that keeps (or, with an empty value and no lifetime, ends) the sign-in."""
    return _cookie(cookie_name(settings, NAME, slot), value, lifetime, settings)


def known_cookie(value: str, settings: Settings) -> str:
    """The ``Set-Cookie`` that makes a device known at its next sign-in (`server.tries`); it opens nothing."""
    return _cookie(cookie_name(settings, KNOWN), value, KNOWN_LIFETIME, settings)


def _cookie(name: str, value: str, lifetime: timedelta, settings: Settings) -> str:
    response = Response()
    response.set_cookie(
        name,
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
        cookie_name(settings, LANGUAGE),
        language,
        max_age=365 * 86400,
        path="/",
        secure=settings.secure,
        samesite="lax",
    )
    return response.headers["set-cookie"]
