"""A backup each night, by one of all processes; what became of it, for people and for logs.

The document ``backup`` of ``accounts`` holds the day (Vietnam's) that one is being made for or was, who makes
it since when, the last one that is whole, and the last failure. A failure is tried again an hour later.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from msgspec import Struct

from server.backups import back_up_into, clean, drop_old
from server.numbers import VIETNAM, vietnam_today
from server.settings import BadSetting
from sync.background import repeat
from sync.backups.errors import BackupError
from sync.store import Document, StoreError
from sync.ulids import new_ulid

if TYPE_CHECKING:
    from server.site import Site

LOOK_SECONDS = 60.0
LEASE = timedelta(hours=1)
"""After this long one that has not said that it is done is taken for dead, and a failure is tried again."""
LATE = timedelta(hours=36)
_MARK = "backup"

log = structlog.get_logger(__name__)


class Line(Struct, frozen=True):
    """What administrators are told: `key` of the sentence, how bad it is, and what goes into the sentence."""

    key: str
    state: str
    """``ok``, ``wait`` or ``bad``."""
    last: str = ""
    failed: str = ""
    reason: str = ""


async def follow(site: Site) -> None:
    """Look now and then whether the hour has come, until cancelled."""
    if (folder := site.settings.backup_dir) is not None:
        await repeat(lambda: back_up_nightly(site, folder, datetime.now(UTC)), "backups", every=LOOK_SECONDS)


async def back_up_nightly(site: Site, folder: Path, now: datetime) -> bool:
    """Make a backup, once for a day and all processes; False when it is not this one's to do, or failed.

    :raises StoreError: when not even the failure could be kept.
    """
    day, token = vietnam_today(now).isoformat(), new_ulid()
    if now.astimezone(VIETNAM).hour < site.settings.backup_at:
        return False

    def claim(before: Document | None) -> Document | None:
        if not _is_ours(before, day, now):
            return None
        return {**(before or {"type": _MARK}), "day": day, "by": token, "at": now.isoformat(), "done": False}

    claimed = await site.store.update(site.names.accounts, _MARK, claim)
    if (claimed or {}).get("by") != token:
        return False
    begun = time.monotonic()
    try:
        clean(folder)
        made = await back_up_into(site.store, site.settings, folder, now)
        dropped = drop_old(folder, vietnam_today(now), site.settings.backup_keep)
    except (BackupError, StoreError, BadSetting, OSError) as error:
        code = getattr(error, "code", "bad-place")
        log.error("the backup failed", code=code, reason=str(error))
        await _note(site, failure={"at": datetime.now(UTC).isoformat(), "code": code})
        return False
    seconds = round(time.monotonic() - begun, 1)
    log.warning("backed up", file=made.path.name, bytes=made.size, seconds=seconds, dropped=len(dropped))
    await _note(site, done=True, last=datetime.now(UTC).isoformat(), failure=None)
    return True


async def tell(site: Site, now: datetime) -> Line:
    """The one line for administrators.

    :raises StoreError: when the store cannot be asked.
    """
    mark = await site.store.find(site.names.accounts, _MARK) or {}
    last, failure = str(mark.get("last") or ""), mark.get("failure")
    if site.settings.backup_dir is None:
        return Line("off", "wait", last)
    if failure:
        return Line("failed", "bad", last, failure["at"], _reason(failure["code"]))
    if not last:
        return Line("none", "wait")
    late = now - datetime.fromisoformat(last) > LATE
    return Line("late" if late else "fine", "bad" if late else "ok", last)


def _reason(code: str) -> str:
    if code in ("disk-full", "bad-place"):
        return code
    return "store" if code.startswith("store-") else "other"


async def _note(site: Site, **said: Any) -> None:
    await site.store.update(site.names.accounts, _MARK, lambda before: {**(before or {}), **said})


def _is_ours(before: Document | None, day: str, now: datetime) -> bool:
    if before is None or "day" not in before or before["day"] != day:
        return True
    return not before["done"] and abs(now - datetime.fromisoformat(before["at"])) > LEASE
