"""CouchDB's proxy authentication: the secret, the headers signed with it, and turning it on.

CouchDB takes the user and roles from headers that carry the HMAC of the user's name. The roles are
not signed, so CouchDB's port must never be reachable from outside (docs/operators.md).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from sync.couch import Forbidden, NotFound, Refused, StoreUnfit

if TYPE_CHECKING:
    from sync.store import Store

HANDLER = "{chttpd_auth, proxy_authentication_handler}"
DEFAULT_HANDLERS = (
    "{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}"
)


def signed_headers(secret: str, person: str, role: str) -> dict[str, str]:
    """The headers under which CouchDB takes a request as `person` with the one `role`."""
    return {
        "X-Auth-CouchDB-UserName": person,
        "X-Auth-CouchDB-Roles": role,
        "X-Auth-CouchDB-Token": hmac.new(secret.encode(), person.encode(), hashlib.sha256).hexdigest(),
    }


async def ensure_secret(store: Store) -> str:
    """The node's secret, with proxy authentication on.

    :raises StoreUnfit: when the configuration may not be read or set.
    """
    try:
        secret = await store.config("chttpd_auth", "secret")
        if not secret:
            secret = secrets.token_hex(32)
            await store.configure("chttpd_auth", "secret", secret)
        if await store.config("chttpd_auth", "proxy_use_secret") != "true":
            await store.configure("chttpd_auth", "proxy_use_secret", "true")
        handlers = await store.config("chttpd", "authentication_handlers") or DEFAULT_HANDLERS
        if "proxy_authentication_handler" not in handlers:
            await store.configure("chttpd", "authentication_handlers", f"{HANDLER}, {handlers}")
    except (Forbidden, NotFound, Refused) as error:
        raise StoreUnfit(
            f"CouchDB at {store.address} does not let proxy authentication be turned on; "
            f"set it as docs/operators.md says ({error.reason})"
        ) from None
    return secret
