"""What the gateway answers when it does not do as asked: stable codes and their statuses.

The sentences are ``error.<code>`` in the catalogues of `server.texts`, and ``refused.<code>`` for single
documents (`sync.checks`).
"""

from __future__ import annotations

STATUS = {
    "bad-json": 400,
    "bad-request": 400,
    "too-deep": 400,
    "signed-out": 401,
    "device-revoked": 401,
    "device-lost": 401,
    "access-ended": 401,
    "not-yours": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "too-large": 413,
    "bad-content-type": 415,
    "store-unavailable": 503,
    "too-many-refused": 503,
}
RETRY_SECONDS = {"store-unavailable": 5, "too-many-refused": 3600}


class GatewayError(Exception):
    """The whole request is answered with a row of `STATUS`; `detail` is for logs, `allow` names
    the methods that would do."""

    def __init__(self, code: str, detail: str = "", *, allow: tuple[str, ...] = ()) -> None:
        super().__init__(code)
        self.allow = allow
        self.code = code
        self.status = STATUS[code]
        self.detail = detail
