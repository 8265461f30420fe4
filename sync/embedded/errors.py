"""What the store refuses, each with the status and the two words CouchDB would answer.

StoreError
├── BadRequest        400
├── Unauthorized      401
├── Forbidden         403
├── NotFound          404
├── Conflict          409
├── TooLarge          413
├── DesignFailure     500   a design document's function ended badly
├── NotImplementedHere 501
└── Unavailable       503/507   SQLite or the disk refuses
"""

from __future__ import annotations

import sqlite3


class StoreError(Exception):
    """An answer other than success: ``status`` with ``{"error", "reason"}``."""

    status = 500
    error = "internal_server_error"

    def __init__(self, reason: str, error: str | None = None, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error or self.error
        self.status = status or self.status

    def body(self) -> dict[str, str]:
        return {"error": self.error, "reason": self.reason}


class BadRequest(StoreError):
    status, error = 400, "bad_request"


class Unauthorized(StoreError):
    status, error = 401, "unauthorized"


class Forbidden(StoreError):
    status, error = 403, "forbidden"


class NotFound(StoreError):
    status, error = 404, "not_found"


class Conflict(StoreError):
    status, error = 409, "conflict"

    def __init__(self, reason: str = "Document update conflict.") -> None:
        super().__init__(reason)


class TooLarge(StoreError):
    status, error = 413, "too_large"


class DesignFailure(StoreError):
    status, error = 500, "os_process_error"


class NotImplementedHere(StoreError):
    status, error = 501, "not_implemented"


class Unavailable(StoreError):
    status, error = 503, "service_unavailable"


def wrap_sqlite(failure: sqlite3.Error) -> StoreError:
    """The refusal for what SQLite reports; the text names no path and no statement."""
    name = getattr(failure, "sqlite_errorname", None) or type(failure).__name__
    if name == "SQLITE_FULL":
        return Unavailable("enospc", "insufficient_storage", 507)
    return Unavailable(f"The storage engine refused: {name}.")
