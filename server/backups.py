"""Backups of this installation: how their files are called, made, and which are past their time."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from server.numbers import VIETNAM
from server.settings import BadSetting, Settings
from sync.backups import making
from sync.backups.making import Made
from sync.names import Names
from sync.store import Store

FEWEST = 7
"""Backups that are never removed for their age, or fewer when fewer days are kept."""
LEDGER = "gtn-ledger.backup"
_NAME = re.compile(r"gtn-(\d{4}-\d{2}-\d{2})-\d{6}\.backup")


async def back_up(store: Store, settings: Settings, to: Path | None) -> Made:
    """The new file `to`, or one in the folder `to` or ``GTN_BACKUP_DIR``, see `back_up_into`.

    :raises BackupError: when there is no such file then.
    :raises BadSetting: for a missing folder.
    """
    place = to or settings.backup_dir
    if place is None:
        raise BadSetting("say where: gtn backup --to FOLDER, or set GTN_BACKUP_DIR")
    if to is None or _is_folder(to):
        return await back_up_into(store, settings, place, datetime.now(UTC))
    _require_folder(to.parent)
    return await _make(store, settings, to)


async def back_up_into(store: Store, settings: Settings, folder: Path, now: datetime) -> Made:
    """A new file named by the time; before, the copy of the ledger beside it is made anew.

    :raises BackupError: when there is no such file then.
    :raises BadSetting: for a missing folder, which is not made: it may be a disk that is not there.
    """
    _require_folder(folder)
    names, passphrase = Names(settings.database_prefix), settings.read_backup_passphrase()
    await making.make_of_ledger(store, names, folder / LEDGER, passphrase, ward=settings.ward)
    return await _make(store, settings, folder / name_at(now))


async def _make(store: Store, settings: Settings, path: Path) -> Made:
    names, passphrase = Names(settings.database_prefix), settings.read_backup_passphrase()
    told = {"public_url": settings.public_url, "keep_days": str(settings.keep_days)}
    return await making.make(store, names, path, passphrase, ward=settings.ward, settings=told)


def _is_folder(place: Path) -> bool:
    return place.is_dir()


def _require_folder(folder: Path) -> None:
    if not _is_folder(folder):
        raise BadSetting(f"there is no folder {folder}; make it, mode 0700, on another disk than the store")


def name_at(now: datetime) -> str:
    """By Vietnam's clock, so that names sort by time."""
    return f"gtn-{now.astimezone(VIETNAM):%Y-%m-%d-%H%M%S}.backup"


def drop_old(folder: Path, today: date, keep_days: int) -> list[Path]:
    """Remove the backups that are older; the newest few stay, since a clock may be wrong."""
    found = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    oldest = today - timedelta(days=keep_days)
    gone = [path for path in found[: -min(FEWEST, keep_days)] if _day_of(path) < oldest]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def clean(folder: Path) -> None:
    """Remove what backups that were killed have left, once it is a day old."""
    for path in folder.glob(".gtn-*.part"):
        if time.time() - path.stat().st_mtime > 86_400:
            path.unlink(missing_ok=True)


def _day_of(path: Path) -> date:
    found = _NAME.fullmatch(path.name)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        return date.max
