"""What the ledger remembers so that no server starts on a store that is not whole, or not the one in use.

``restoring`` and ``copying`` stand there until all is written; ``moved`` stays in a store that was left.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sync.names import Names
from sync.store import Document, NotFound, Store

RESTORING, COPYING, MOVED = "restoring", "copying", "moved"
MARKS = (RESTORING, COPYING, MOVED)
CLOSED = ["_admin"]


async def find_mark(store: Store, names: Names) -> Document | None:
    """The mark that keeps servers away, if there is one."""
    try:
        rows = await store.all_docs(names.ledger, keys=list(MARKS), include_docs=True)
    except NotFound:
        return None
    return next((row["doc"] for row in rows if row.get("doc")), None)


async def set_mark(store: Store, names: Names, kind: str, said: Document | None = None) -> None:
    """Put a mark into the ledger, which is made when there is none; a mark of this kind stays as it was."""
    await store.create(names.ledger)
    await store.secure(names.ledger, members=CLOSED)
    mark = {"type": kind, "at": datetime.now(UTC).isoformat(timespec="seconds"), **(said or {})}
    await store.update(names.ledger, kind, lambda before: None if before else mark)


async def remove_mark(store: Store, names: Names, kind: str) -> None:
    mark = await store.find(names.ledger, kind)
    if mark is not None:
        await store.delete(names.ledger, kind, mark["_rev"])
