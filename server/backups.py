"""Backups of this installation: how their files are called, made, put back, and which are past their time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import anyio.to_thread
from msgspec import Struct

from server.numbers import VIETNAM
from server.settings import BadSetting, Settings
from server.site import build_site, open_store
from sync import erasing, withdrawing
from sync.audit import CONSOLE, Act
from sync.backups import making, restoring
from sync.backups.errors import BackupError
from sync.backups.making import Made
from sync.backups.restoring import Contents
from sync.embedded.door import find_reach
from sync.names import Names
from sync.presence import WATCH
from sync.store import Store

LEDGER = "gtn-ledger.backup"
_NAME = re.compile(r"gtn-(\d{4}-\d{2}-\d{2})-\d{6}\.backup")


class Restored(Struct, frozen=True):
    contents: Contents
    erased: int
    """Residents whose erasure was repeated."""
    withdrawn: int
    """Residents whose end of a consent was."""


async def back_up(store: Store, settings: Settings, to: Path | None) -> Made:
    """A new file: `to`, or one named by the time in the folder `to` or ``GTN_BACKUP_DIR``.

    In a folder, the copy of the ledger beside it is made anew.

    :raises BackupError: when there is no such file then.
    :raises BadSetting: for a missing folder.
    """
    names, passphrase = Names(settings.database_prefix), settings.read_backup_passphrase()
    place = to or settings.backup_dir
    if place is None:
        raise BadSetting("say where: gtn backup --to FOLDER, or set GTN_BACKUP_DIR")
    folder = place if place.is_dir() else place.parent
    if not folder.is_dir():
        raise BadSetting(f"there is no folder {folder}; make it, mode 0700, on another disk than the store")
    path = folder / name_at(datetime.now(UTC)) if place.is_dir() else place
    if place.is_dir():
        await making.make_of_ledger(store, names, folder / LEDGER, passphrase, ward=settings.ward)
    told = {"public_url": settings.public_url, "keep_days": str(settings.keep_days)}
    return await making.make(store, names, path, passphrase, ward=settings.ward, settings=told)


def name_at(now: datetime) -> str:
    """By Vietnam's clock, so that names sort by time."""
    return f"gtn-{now.astimezone(VIETNAM):%Y-%m-%d-%H%M%S}.backup"


def drop_old(folder: Path, today: date, keep_days: int) -> list[Path]:
    """Remove the files of this program that are older; the newest one stays, however old it is."""
    found = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    oldest = today - timedelta(days=keep_days)
    gone = [path for path in found[:-1] if _day_of(path) < oldest]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _day_of(path: Path) -> date:
    found = _NAME.fullmatch(path.name)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        return date.max


async def check(settings: Settings, path: Path) -> Contents:
    """What a file holds, read to its end.

    :raises BackupError: for one that could not be restored.
    """
    return await restoring.verify(path, settings.read_backup_passphrase())


async def restore(settings: Settings, path: Path, *, replace: bool) -> Restored:
    """Put a file into the store of these settings, which no server may use meanwhile.

    :raises BackupError: see `sync.backups.restoring.put_back`.
    :raises StoreError: when it was cut short; run it again.
    """
    embedded = not settings.couchdb_url
    if embedded and await anyio.to_thread.run_sync(find_reach, settings.data / "store") is not None:
        raise BackupError("server-running", f"a server works on {settings.data}; stop it first")
    passphrase = settings.read_backup_passphrase()
    async with open_store(settings, own=True) as store:
        await store.check()
        site = build_site(settings, store)
        contents = await restoring.put_back(
            store,
            site.names,
            path,
            passphrase,
            ward=settings.ward,
            replace=replace,
            watch=0 if embedded else WATCH,  # an embedded store is ours alone by its lock
        )
        await site.make_ready()
        erased = await erasing.settle(store, site.names)
        withdrawn = await withdrawing.repeat(store, site.names)
        await withdrawing.settle(store, site.names)
        act = Act(
            by=CONSOLE,
            role="",
            action="backup-restored",
            subject=contents.begin.made,
            unit="",
            ward=settings.ward,
        )
        await site.audit.write(act)
        await restoring.finish(store, site.names)
        return Restored(contents, erased, withdrawn)


async def add_to_ledger(settings: Settings, path: Path) -> int:
    """Bring what a copy of the ledger has and the store's lacks, also beside a server; how many entries."""
    async with open_store(settings, own=False) as store:
        await store.check()
        names = Names(settings.database_prefix)
        return await restoring.add_to_ledger(store, names, path, settings.read_backup_passphrase())
