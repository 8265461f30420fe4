"""A backup put into the store of these settings, made ready, and cleared of whoever must not come back."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
from msgspec import Struct

from server import barring
from server.settings import Settings
from server.site import build_site, open_store
from sync import erasing, photos, withdrawing
from sync.audit import CONSOLE, Act
from sync.backups import restoring
from sync.backups.errors import BackupError
from sync.backups.restoring import Contents
from sync.embedded.door import find_reach
from sync.names import Names
from sync.presence import WATCH


class Restored(Struct, frozen=True):
    contents: Contents
    erased: int
    """Residents whose erasure was repeated."""
    withdrawn: int
    """Residents whose end of a consent was."""
    photos: int
    """Photos that were removed again."""
    barred: int
    """Devices and people whose end of access was."""


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
        barred = await barring.repeat(store, site.names)
        erased = await erasing.settle(store, site.names)
        withdrawn = await withdrawing.repeat(store, site.names)
        await withdrawing.settle(store, site.names)
        removed = await photos.repeat_removals(store, site.names)
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
        return Restored(contents, erased, withdrawn, removed, barred)


async def add_to_ledger(settings: Settings, path: Path) -> int:
    """Bring what a copy of the ledger has and the store's lacks, also beside a server; how many entries."""
    async with open_store(settings, own=False) as store:
        await store.check()
        names = Names(settings.database_prefix)
        return await restoring.add_to_ledger(store, names, path, settings.read_backup_passphrase())
