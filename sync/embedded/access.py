"""Who asks, and what a database lets them do.

The administrator signs in by Basic authentication; others come through the gateway with proxy
authentication: the user's name signed with a secret both sides know (HMAC, hex), the roles on trust.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sync.embedded.documents import parse_json
from sync.embedded.errors import BadRequest, Forbidden, StoreError, Unauthorized

ADMIN = "_admin"


@dataclass(frozen=True)
class User:
    """Name (None when anonymous), roles, and which handler let them in."""

    name: str | None
    roles: tuple[str, ...]
    handler: str | None = None

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    def context(self, database: str) -> dict[str, Any]:
        """The ``userCtx`` of a validator."""
        return {"db": database, "name": self.name, "roles": self.roles}

    def is_database_admin(self, security: bytes) -> bool:
        return self.is_admin or self._is_named(_group(security, "admins"))

    def check_server_admin(self) -> None:
        if not self.is_admin:
            raise Unauthorized("You are not a server admin.")

    def check_member(self, security: bytes) -> None:
        """:raises StoreError: 401 for the anonymous, 403 for others who are not members."""
        members = _group(security, "members")
        public = not members.get("names") and not members.get("roles")
        if self.is_admin or public or self._is_named(members) or self.is_database_admin(security):
            return
        if self.name is None:
            raise Unauthorized("You are not authorized to access this db.")
        raise Forbidden("You are not allowed to access this db.")

    def check_database_admin(self, security: bytes) -> None:
        if not self.is_database_admin(security):
            reason = "You are not a db or server admin."
            raise Forbidden(reason) if self.name else Unauthorized(reason)

    def _is_named(self, group: Mapping[str, Any]) -> bool:
        if self.name is not None and self.name in (group.get("names") or []):
            return True
        return any(role in self.roles for role in group.get("roles") or [])


ANONYMOUS = User(None, ())


def _group(security: bytes, name: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(security).get(name) or {}
    return found


def parse_security(raw: bytes) -> bytes:
    """The security object to store. :raises BadRequest: its groups are not lists of strings."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise BadRequest("Request body must be a JSON object")
    for name in ("admins", "members"):
        group = value.get(name, {})
        if not isinstance(group, dict):
            raise BadRequest(f"{name} must be a JSON object")
        for kind in ("names", "roles"):
            items = group.get(kind, [])
            if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
                raise BadRequest(f"{name}.{kind} must be a JSON list of strings")
    return msgspec.json.encode(value)


@dataclass
class Authentication:
    """Recognizes the sender of a request by its headers."""

    password: str
    secret: str
    proxy: bool

    def recognize(self, headers: Mapping[str, str]) -> User:
        """:raises StoreError: 401 for a wrong password, 500 ``badarg`` for a name without a token."""
        if self.proxy and "x-auth-couchdb-username" in headers:
            user = self._recognize_proxy(headers)
            if user is not None:
                return user
        given = headers.get("authorization", "")
        if given[:6].lower() != "basic ":
            return ANONYMOUS
        try:
            name, _, password = base64.b64decode(given[6:].strip(), validate=True).decode().partition(":")
        except (ValueError, binascii.Error):
            raise BadRequest("Authorization header is malformed") from None
        right = hmac.compare_digest(password.encode(), self.password.encode())
        if name == "admin" and right:
            return User("admin", (ADMIN,), "default")
        raise Unauthorized("Name or password is incorrect.")

    def _recognize_proxy(self, headers: Mapping[str, str]) -> User | None:
        name, token = headers["x-auth-couchdb-username"], headers.get("x-auth-couchdb-token")
        if token is None:
            raise StoreError("badarg", "unknown_error", 500)
        signed = [
            hmac.new(self.secret.encode(), name.encode("latin-1"), kind).hexdigest()
            for kind in (hashlib.sha256, hashlib.sha1)
        ]
        if not any(hmac.compare_digest(token.encode("latin-1"), one.encode()) for one in signed):
            return None
        roles = headers.get("x-auth-couchdb-roles", "").split(",")
        person = name.encode("latin-1").decode("utf-8", "replace")
        return User(person, tuple(role.strip() for role in roles if role.strip()), "proxy")
