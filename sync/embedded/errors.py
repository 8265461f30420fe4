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
├── Damaged           500   a file that was cut or changed
└── Unavailable       503/507   SQLite or the disk refuses
"""

from __future__ import annotations

import errno
import sqlite3

DAMAGE = {"SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX", "SQLITE_CORRUPT_VTAB", "SQLITE_NOTADB"}


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


class Damaged(StoreError):
    """What is stored is not what was written: nothing may be answered from it."""

    status, error = 500, "file_corruption"

    def __init__(self, what: str = "The database") -> None:
        super().__init__(f"{what} is damaged on the disk; restore it from a backup.")


def is_damage(failure: sqlite3.Error) -> bool:
    """Whether a file is not what SQLite left; a text that is no text has no name among its errors."""
    name = getattr(failure, "sqlite_errorname", None)
    return name in DAMAGE or (name is None and str(failure).startswith("Could not decode"))


def wrap_sqlite(failure: sqlite3.Error) -> StoreError:
    """The refusal for what SQLite reports; the text names no path and no statement."""
    name = getattr(failure, "sqlite_errorname", None) or type(failure).__name__
    if name == "SQLITE_FULL":
        return Unavailable("enospc", "insufficient_storage", 507)
    if is_damage(failure):
        return Damaged()
    return Unavailable(f"The storage engine refused: {name}.")


def wrap_os(failure: OSError) -> StoreError:
    """The refusal for what the operating system reports."""
    if failure.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Unavailable("enospc", "insufficient_storage", 507)
    return Unavailable(f"The disk refused: {errno.errorcode.get(failure.errno or 0, 'unknown')}.")
