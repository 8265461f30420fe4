"""Everything carried from one store into another, as replication does: nothing is sent that is there already.

While it goes on, the target's ledger says ``copying``, and of which installation, so that it can be begun
again and nothing else starts there. At the end both feeds are compared: every leaf of the source is known,
and there are as many. The ledger comes along; counts of tries and checkpoints of phones do not. Then the
target gets a new generation (its sequences are others), and the source's ledger says ``moved``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from sync.backups.errors import BackupError
from sync.backups.history import ROWS, Pair, in_batches, read_history
from sync.backups.making import members_of
from sync.backups.marks import COPYING, MARKS, MOVED, find_mark, remove_mark, set_mark
from sync.backups.restoring import held, renew
from sync.names import Names
from sync.presence import WATCH, is_served
from sync.store import Document, Store


class Copied(Struct, frozen=True):
    """One database that is the same in both stores."""

    name: str
    revisions: int
    """Leaves, tombstones and conflicts too."""
    sent: int
    """Those that were not there before."""


async def copy(
    source: Store,
    target: Store,
    names: Names,
    tell: Callable[[Copied], None] = lambda one: None,
    *,
    watch: float = WATCH,
) -> list[Copied]:
    """Both stores are checked first; nothing is changed before that.

    :raises StoreUnfit: for a target that cannot be used.
    :raises BackupError: ``same-store``, ``store-moved``, ``server-running``, ``store-not-empty``; and
        ``store-incomplete`` when the two differ at the end.
    :raises StoreError: when it was cut short; run again, it goes on.
    """
    await source.check()
    await target.check()
    origin = await _origin(source, target, names)
    for store in (source, target):
        if await is_served(store, names, watch=watch):
            raise BackupError("server-running", f"a server works on {store.address}; stop it first")
    mark = await find_mark(target, names)
    if not (mark and mark.get("of") == origin) and await held(target, names):
        raise BackupError("store-not-empty", f"there are records in {target.address}; choose an empty store")
    await set_mark(target, names, COPYING, {"of": origin})
    databases = [one for one in sorted(await source.databases()) if names.is_kept(one)]
    done = []
    for database in [*databases, names.ledger]:
        done.append(await _copy(source, target, database))
        tell(done[-1])
    await renew(target, names)
    await set_mark(source, names, MOVED, {"to": target.address})
    await remove_mark(target, names, COPYING)
    return done


async def _origin(source: Store, target: Store, names: Names) -> str:
    """The source's generation, which tells installations apart.

    A store that was left may be copied again only to where it went.
    """
    if source.address == target.address:
        raise BackupError("same-store", f"{target.address} is the store itself; name another one")
    mark = await find_mark(source, names)
    if mark and not (mark["_id"] == MOVED and mark["to"] == target.address):
        raise BackupError("store-moved", f"{source.address} is not whole, or was left; see gtn doctor")
    generation = await source.find(names.accounts, "generation") or {}
    return str(generation.get("value"))


async def _copy(source: Store, target: Store, database: str) -> Copied:
    await target.create(database)
    await target.secure(database, members=members_of(await source.security(database)))
    sent = 0

    async def lacking(pairs: Sequence[Pair]) -> Sequence[Pair]:
        wanted = [pair for pair in pairs if pair[0] not in MARKS]
        found = await _lacking(target, database, wanted)
        return [pair for pair in wanted if pair in found]

    async for documents in read_history(source, database, lacking):
        for batch in in_batches(documents):
            await target.graft(database, batch)
        sent += len(documents)
    leaves = await _compare(source, target, database)
    return Copied(database, leaves, sent)


async def _compare(source: Store, target: Store, database: str) -> int:
    """How many leaves both have.

    :raises BackupError: ``store-incomplete``, when they differ.
    """
    counts, lost = [], 0
    for store in (source, target):
        since, count = "0", 0
        while True:
            rows, since = await store.changes(database, since, ROWS)
            pairs = leaves_of(rows)
            count += len(pairs)
            if store is source:
                lost += len(await _lacking(target, database, pairs))
            if len(rows) < ROWS:
                break
        counts.append(count)
    if lost or counts[0] != counts[1]:
        said = f"{database}: {counts[0]} revisions here, {counts[1]} there, {lost} missing; run it again"
        raise BackupError("store-incomplete", said)
    return counts[0]


def leaves_of(rows: Sequence[Document]) -> list[Pair]:
    """What a copy carries of a page of the feed."""
    kept = [row for row in rows if not row["id"].startswith("_") and row["id"] not in MARKS]
    return [(row["id"], change["rev"]) for row in kept for change in row["changes"]]


async def _lacking(store: Store, database: str, pairs: Sequence[Pair]) -> set[Pair]:
    if not pairs:
        return set()
    return await store.missing(database, [{"_id": id, "_rev": rev} for id, rev in pairs])
