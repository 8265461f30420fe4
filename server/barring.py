"""Access that was ended stays ended, also when a backup from before is restored.

The ledger has who and what is barred (`sync.ledger`) before the accounts are changed, and `repeat` changes
them again. Someone who is let in again is barred no longer; a device never is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.accounts import without_escrow
from sync.ledger import Ledger
from sync.names import Names
from sync.store import Document, Store

if TYPE_CHECKING:
    from collections.abc import Mapping

REVOKED, LOST, ENDED = "revoked", "lost", "ended"


async def repeat(store: Store, names: Names) -> int:
    """End again the access that the accounts give and the ledger does not; of how many devices and people."""
    count = 0
    async for page in Ledger(store, names).barred():
        rows = await store.all_docs(names.accounts, keys=list(page), include_docs=True)
        for row in rows:
            if row.get("doc") and end(row["doc"], page[row["key"]]):
                entry = page[row["key"]]
                await store.update(names.accounts, row["key"], lambda stored, said=entry: end(stored, said))  # type: ignore[misc]
                count += 1
    return count


def end(stored: Document | None, entry: Mapping[str, str]) -> Document | None:
    """The device or person without access; None when they have none already."""
    if stored is None:
        return None
    if entry["how"] == ENDED:
        return {**stored, "active": False, "ended": entry["at"]} if stored.get("active") else None
    lost = {"lost": True} if entry["how"] == LOST else {}
    if stored.get("revoked") and (not lost or stored.get("lost")):
        return None
    return {**without_escrow(stored), "revoked": True, **lost}
