"""All that a database has ever agreed on: every leaf with its history, tombstones and conflicts too.

The feed of changes is read to its end, page by page, while others write. What is changed meanwhile comes
later in the feed, so at its end everything that was acknowledged before the reading began has been given, and
so has the state in which the database then was. What is given twice is one document with two revisions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import islice

import msgspec

from sync.backups.errors import BackupError
from sync.store import Document, Store

Pair = tuple[str, str]
"""An id and a revision."""
ROWS = 1000
FIRST, MOST = 8, 500
"""Revisions asked for together, at first and at most."""
BYTES = 512 * 1024
"""About how much is asked for together."""


async def read_history(
    store: Store, database: str, wanted: Callable[[Sequence[Pair]], Awaitable[Sequence[Pair]]] | None = None
) -> AsyncIterator[list[Document]]:
    """The documents of a database, some at a time, with `_revisions` and attachments inline.

    Design documents are left out: they are the program's. With `wanted`, only those that it chooses.

    :raises BackupError: ``store-incomplete``, when the feed names what the store cannot give.
    :raises StoreError: when it cannot be read.
    """
    since, size, owed = "0", FIRST, set[str]()
    while True:
        rows, since = await store.changes(database, since, ROWS)
        pairs = [
            (row["id"], change["rev"])
            for row in rows
            if not row["id"].startswith("_")
            for change in row["changes"]
        ]
        owed.difference_update(id for id, _ in pairs)
        left = iter(pairs if wanted is None else await wanted(pairs))
        while group := list(islice(left, size)):
            found = await store.revisions(database, group, attachments=True)
            given = {(one["_id"], one["_rev"]) for one in found}
            owed.update(id for id, rev in group if (id, rev) not in given)
            size = _next_size(len(group), max((size_of(one) for one in found), default=0))
            if found:
                yield found
        if len(rows) < ROWS and not owed:
            return
        if not rows:
            said = f"the store did not give {len(owed)} documents of {database}; try again"
            raise BackupError("store-incomplete", said)


def in_batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """The documents in lists of about `BYTES` at most: CouchDB takes no request beyond 8 MB."""
    batch: list[Document] = []
    size = 0
    for one in documents:
        if batch and size + size_of(one) > BYTES:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += size_of(one)
    if batch:
        yield batch


def size_of(document: Document) -> int:
    """Bytes of it as JSON."""
    return len(msgspec.json.encode(document))


def _next_size(count: int, largest: int) -> int:
    """As many as come to `BYTES` if each is as large as the largest, and at most twice as many as before."""
    return max(1, min(MOST, 2 * count, BYTES // max(largest, 1)))
