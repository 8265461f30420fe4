"""A backup put back into a store that nobody serves.

1. The whole file is read and compared with what it says of itself; nothing was changed until then.
2. The ledger, which is no part of the file, remembers that a restore has begun: until it is finished no
   server starts on this store, and the restore can be run again.
3. Each database of the file is emptied and written with the revisions and histories that it had.
4. The file is read once more, and the store is asked for every revision in it.
5. Marks that speak of another store are taken back: the generation (so that phones compare, and send again
   what is missing), the sequences to which rollups were counted.

Then the program makes everything ready as at each start, erases what the ledger has, ends the consents that
had ended, and calls `finish`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
import msgspec
from msgspec import Struct

from sync.backups.content import INSTALLATION, LEDGER, Begin, Closed, Opened, Whole, read_parts
from sync.backups.errors import BackupError
from sync.backups.marks import CLOSED, MARKS, RESTORING, find_mark, remove_mark, set_mark
from sync.ledger import Ledger
from sync.names import Names
from sync.presence import WATCH, is_served
from sync.store import Document, Store
from sync.ulids import new_ulid

T = TypeVar("T")
_GENERATION = "generation"


class Contents(Struct, frozen=True):
    """What a file holds that was read to its end."""

    begin: Begin
    whole: Whole


async def verify(path: Path, passphrase: str) -> Contents:
    """What is in a backup of which not one byte is missing or changed.

    :raises BackupError: for any other file.
    """
    begin: Begin | None = None
    async for part in _in_thread(read_parts(path, passphrase)):
        if isinstance(part, Begin):
            begin = part
        elif isinstance(part, Whole) and begin is not None:
            return Contents(begin, part)
    raise BackupError("backup-damaged", f"{path} does not hold what it says; take another copy of it")


async def put_back(
    store: Store,
    names: Names,
    path: Path,
    passphrase: str,
    *,
    ward: str,
    replace: bool,
    watch: float = WATCH,
) -> Contents:
    """Steps 1 to 5; `replace` says that what the store holds now may go.

    :raises BackupError: as `verify`; ``other-ward``, ``server-running``, ``store-not-empty`` before anything
        is changed; ``store-incomplete`` afterwards.
    :raises StoreError: when it was cut short; it can be run again.
    """
    contents = await verify(path, passphrase)
    if contents.begin.kind != INSTALLATION:
        raise BackupError("not-a-backup", f"{path} is a copy of the ledger alone; add --ledger")
    if contents.begin.ward != ward:
        raise BackupError("other-ward", f"{path} is of ward {contents.begin.ward}; set GTN_WARD to it")
    if await is_served(store, names, watch=watch):
        raise BackupError("server-running", f"a server works on {store.address}; stop it first")
    if not replace and not await _is_begun(store, names) and (records := await held(store, names)):
        said = f"{len(records)} databases hold records; back them up, then replace them by adding --replace"
        raise BackupError("store-not-empty", said)
    await set_mark(store, names, RESTORING)
    await _write(store, names, path, passphrase)
    await _compare(store, names, path, passphrase)
    await renew(store, names)
    return contents


async def finish(store: Store, names: Names) -> None:
    """From now on a server may start. Bodies of revisions that are no leaves go first."""
    for database in await store.databases():
        if names.is_kept(database):
            await store.compact(database)
    for mark in MARKS:
        await remove_mark(store, names, mark)


async def add_to_ledger(store: Store, names: Names, path: Path, passphrase: str) -> int:
    """Bring what a copy of the ledger has and this one lacks; how many entries. Takes nothing away.

    :raises BackupError: as `verify`.
    """
    contents = await verify(path, passphrase)
    if contents.begin.kind != LEDGER:
        raise BackupError("not-a-backup", f"{path} is no copy of a ledger; leave out --ledger")
    await store.create(names.ledger)
    await store.secure(names.ledger, members=CLOSED)
    ledger, count = Ledger(store, names), 0
    async for part in _in_thread(read_parts(path, passphrase)):
        if isinstance(part, list):
            for line in part:
                entry: Document = msgspec.json.decode(line)
                if not entry.get("_deleted") and entry["_id"] not in MARKS:
                    count += await ledger.add(entry)
    return count


async def _is_begun(store: Store, names: Names) -> bool:
    mark = await find_mark(store, names)
    return mark is not None and mark["_id"] == RESTORING


async def held(store: Store, names: Names) -> list[str]:
    """The databases of this installation that are not empty."""
    kept = [one for one in sorted(await store.databases()) if names.is_kept(one)]
    return [name for name, info in (await store.infos(kept)).items() if info["doc_count"]]


async def _write(store: Store, names: Names, path: Path, passphrase: str) -> None:
    database = ""
    async for part in _in_thread(read_parts(path, passphrase)):
        if isinstance(part, Opened):
            database = _local(names, part.name)
            await store.delete_database(database)
            await store.create(database)
            await store.secure(database, members=part.members or CLOSED)
        elif isinstance(part, list):
            await store.graft(database, [msgspec.json.decode(line) for line in part])


async def _compare(store: Store, names: Names, path: Path, passphrase: str) -> None:
    database = ""
    async for part in _in_thread(read_parts(path, passphrase)):
        if isinstance(part, Opened):
            database = _local(names, part.name)
        elif isinstance(part, list):
            lacking = await store.missing(database, [msgspec.json.decode(line) for line in part])
            if lacking:
                said = f"the store did not keep {len(lacking)} documents of {database}; run the restore again"
                raise BackupError("store-incomplete", said)
        elif isinstance(part, Closed):
            info = await store.info(database)
            if info["doc_count"] + info["doc_del_count"] > part.revisions:
                raise BackupError(
                    "server-running", f"something else writes to {database}; stop it, then run again"
                )


async def renew(store: Store, names: Names) -> None:
    """Let nobody believe that sequences of another store mean anything here."""
    made = {"type": _GENERATION, "value": new_ulid()}
    await store.update(names.accounts, _GENERATION, lambda _: made)
    for database in await store.databases():
        if names.is_rollup(database):
            async for page in store.pages(database, startkey="rollup:", endkey="rollup;"):
                await store.bulk(database, [{**one, "seq": ""} for one in page])


def _local(names: Names, public: str) -> str:
    database = names.prefix + public
    if not names.is_kept(database):
        raise BackupError(
            "backup-damaged", f"the backup holds {public!r}, which is no database of this program"
        )
    return database


async def _in_thread(parts: Iterator[T]) -> AsyncIterator[T]:
    """What is read from a file, without keeping others waiting."""
    while (part := await anyio.to_thread.run_sync(next, parts, None)) is not None:
        yield part
