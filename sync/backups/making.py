"""A backup made while others write: one database after another, each as it is when its reading ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec
from msgspec import Struct

from sync.backups.archive import Writer
from sync.backups.content import INSTALLATION, LEDGER, Begin, Closed, Opened, Sum, Whole, encode
from sync.backups.history import read_history
from sync.backups.marks import CLOSED
from sync.names import Names
from sync.store import NotFound, Store


class Made(Struct, frozen=True):
    """A file that is whole and on the disk."""

    path: Path
    databases: list[Closed]
    size: int
    """Bytes of the file."""

    @property
    def revisions(self) -> int:
        return sum(one.revisions for one in self.databases)


async def make(
    store: Store, names: Names, path: Path, passphrase: str, *, ward: str, settings: dict[str, str]
) -> Made:
    """All databases of the installation but the ledger and the tries, in a new file.

    :raises BackupError: ``file-exists``, ``disk-full``, ``store-incomplete``; there is no file then.
    :raises StoreError: when the store cannot be read.
    """
    databases = [one for one in sorted(await store.databases()) if names.is_kept(one)]
    begin = Begin(INSTALLATION, _now(), ward, settings)
    with await anyio.to_thread.run_sync(Writer, path, passphrase) as writer:
        return await _write(store, names, writer, begin, databases)


async def make_of_ledger(store: Store, names: Names, path: Path, passphrase: str, *, ward: str) -> Made:
    """The ledger alone, in place of an older copy of it: it only ever grows."""
    begin = Begin(LEDGER, _now(), ward)
    with Writer(path, passphrase, replace=True) as writer:
        return await _write(store, names, writer, begin, [names.ledger])


async def _write(store: Store, names: Names, writer: Writer, begin: Begin, databases: Sequence[str]) -> Made:
    done: list[Closed] = []
    await _put(writer, [encode(begin)])
    for database in databases:
        try:
            members = members_of(await store.security(database))
        except NotFound:  # removed since the list was read
            continue
        sum = Sum(names.public(database))
        await _put(writer, [encode(Opened(sum.name, members))])
        async for documents in read_history(store, database):
            lines = [msgspec.json.encode(one) for one in documents]
            sum.add(lines)
            await _put(writer, lines)
        done.append(sum.close())
        await _put(writer, [encode(done[-1])])
    await _put(writer, [encode(Whole(done))])
    size = await anyio.to_thread.run_sync(writer.finish)
    return Made(writer.path, done, size)


async def _put(writer: Writer, lines: list[bytes]) -> None:
    await anyio.to_thread.run_sync(writer.write, lines)


def members_of(security: dict[str, Any]) -> list[str]:
    """The roles that may read; nobody's database is open to everyone, whatever it says."""
    members = security.get("members")
    roles = members.get("roles") if isinstance(members, dict) else None
    return sorted(str(role) for role in roles) if isinstance(roles, list) and roles else CLOSED


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
