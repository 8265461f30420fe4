"""Documents that two people changed apart are merged, here and nowhere else.

A conflict is two or more live leaves of one revision tree. `resolve` joins them (`sync.merge`) into a child
of the winner and ends the other branches. Everything it writes is named by what it says, so workers that
saw the same leaves write the same revisions. They are written as replication writes: whatever a phone
brought meanwhile stands beside the merged one and is merged at the next look. Saved as ordinary edits, the
merged document could come too late while the tombstone beside it did not, and what it held would be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from sync.background import apart
from sync.erasing import erase_late
from sync.ledger import Ledger
from sync.merge import MergeError, consent_of, merge
from sync.names import Names
from sync.redaction import named_in
from sync.revisions import child_of
from sync.store import Document, NotFound, Store, StoreError

DESIGN, VIEW = "conflicts", "open"
AT_A_LOOK = 500

log = structlog.get_logger(__name__)


def resolve(leaves: Sequence[Document]) -> list[Document]:
    """The revisions to add to a document with these live leaves; none when there is but one.

    :raises MergeError: when they are not revisions of one document.
    """
    if len(leaves) < 2:
        return []
    *others, winner = sorted(leaves, key=_rank)
    try:
        merged = merge(leaves).document
    except (KeyError, TypeError, AttributeError) as error:
        raise MergeError(f"not a document with registers ({type(error).__name__})") from None
    ends = [child_of(other, {"_id": other["_id"], "_deleted": True}) for other in others]
    if merged == {name: value for name, value in winner.items() if name != "_rev"}:
        return ends
    return [child_of(winner, merged), *ends]


def _rank(leaf: Document) -> tuple[int, str]:
    """CouchDB's choice of a winner among live leaves: the longest, then the greatest name."""
    generation, _, name = leaf["_rev"].partition("-")
    return int(generation), name


class Conflicts:
    """Merges what needs merging in the databases of all units; any number of processes may run one.

    `hint` says at once that a database changed; what came in elsewhere is found every `POLL_SECONDS`.

    :param announce: called with the name of a database in which something was merged.
    """

    POLL_SECONDS = 3.0
    DISCOVER_SECONDS = 60.0

    def __init__(
        self, store: Store, names: Names, *, announce: Callable[[str], None] = lambda database: None
    ) -> None:
        self._store = store
        self._names = names
        self._ledger = Ledger(store, names)
        self._announce = announce
        self._dirty: set[str] = set()
        self._seen: dict[str, str] = {}
        self._left: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()

    def hint(self, database: str) -> None:
        """This database has something new; those of no unit are ignored. Costs nothing."""
        if self._names.owner(database) is not None:
            self._dirty.add(database)
            self._wake.set()

    async def run(self) -> None:
        """Follow for ever; ends only by cancellation. Nothing is forgotten while the store fails."""
        pause = 0.0
        databases: list[str] = []
        discovered = float("-inf")
        clock = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            try:
                if clock() - discovered >= self.DISCOVER_SECONDS:
                    databases = await self._discover()
                    discovered = clock()
                await self._look(databases)
                pause = 0.0
            except StoreError as error:
                pause = min(2 * pause or 0.5, 30.0)
                log.warning("merging waits for the store", code=error.code, seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause or self.POLL_SECONDS)

    async def settle(self, database: str) -> int:
        """Merge what there is to merge in one database; how many documents were.

        :raises StoreError: when the store cannot be asked.
        """
        try:
            rows = await self._store.view(database, DESIGN, VIEW, limit=AT_A_LOOK)
        except NotFound:
            return 0  # a unit that is just being made ready, or taken away
        merged = 0
        for row in rows:
            merged += await self._merge(database, row["id"])
        if merged:
            self._announce(database)
        return merged

    async def _merge(self, database: str, id: str) -> bool:
        """Whether anything was written; a document that cannot be merged is left as it is."""
        leaves: list[Document] = []
        with suppress(NotFound):
            leaves = await self._store.leaves(database, id)
        try:
            revisions = resolve(leaves)
        except MergeError:
            if (database, id) not in self._left:
                self._left.add((database, id))
                log.error("revisions cannot be merged", database=database, id=id, count=len(leaves))
            return False
        if not revisions or id in await self._ledger.erased(database, named_in(leaves)):
            return False
        await self._store.graft(database, revisions)
        if any(map(consent_of, leaves)) and not consent_of(merge(leaves).document):
            await self._store.compact(database)  # a branch that ended still says the name
        await erase_late(self._store, self._ledger, database, revisions)
        log.info("merged", database=database, id=id, count=len(leaves))
        return True

    async def _discover(self) -> list[str]:
        return [name for name in await self._store.databases() if self._names.owner(name) is not None]

    async def _look(self, databases: list[str]) -> None:
        seqs = {name: str(info["update_seq"]) for name, info in (await self._store.infos(databases)).items()}
        moved = {name for name, seq in seqs.items() if self._seen.get(name) != seq}
        with apart() as each:
            for database in self._dirty | moved:
                with each():
                    await self._look_into(database, seqs.get(database))

    async def _look_into(self, database: str, seq: str | None) -> None:
        self._dirty.discard(database)
        try:
            await self.settle(database)
        except BaseException:
            self._dirty.add(database)
            raise
        if seq is not None:
            self._seen[database] = seq
