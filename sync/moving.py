"""A household goes on in another unit, with its residents; its visits stay counted where they were made.

Every step may be taken again, by any process, so that a move goes on wherever it was cut short:

1. The ward's `privacy` database notes the move; for the household and each resident it says which units held
   them before, so that whoever is erased or withdraws a consent later is looked for there, too.
2. Every leaf is written in the other unit as a child that names it, with its whole history, is found there
   again, and leaves a tombstone that says where it went (`sync.unit_merging`).
3. What came into the first unit meanwhile goes the same way, until nothing is left; then the move is done.

A phone of the first unit that was out of reach may bring edits of what moved, or new residents of the
household: the gateway takes them in the other unit. Visits that it brings are kept, and counted,
in the unit that made them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from sync.aliases import under_way
from sync.background import apart, repeat
from sync.clocks import text_of
from sync.heirs import find_end, find_heir
from sync.ledger import Ledger
from sync.names import Names
from sync.store import Document, NotFound, Store
from sync.unit_merging import carry_leaves

LOOK_SECONDS = 60.0
AFTERWARDS = timedelta(hours=1)
"""How long a move that is done is looked at again: a write that was under way may have come in behind it.

Each is looked at once more after that, however long the server stood still."""
log = structlog.get_logger(__name__)


async def move(store: Store, names: Names, ward: str, household: str, source: str, target: str) -> int:
    """Returns once the household and its residents are in `target` alone; how many documents went now.

    :raises NotFound: when `source` has no such household, another move of it is not done yet, it or who
        lives there is just being merged with another record, or all of `source` goes on elsewhere.
    :raises StoreError: when it was cut short; `settle` goes on.
    """
    merging = await find_heir(store, names, ward, source)
    if merging or await store.find(names.unit(ward, source), household) is None:
        raise NotFound("no such household")
    await _check_free(store, names, ward, household, source)
    entry = {
        "_id": _move_id(household),
        "type": "move",
        "household": household,
        "from": source,
        "to": target,
        "at": text_of(datetime.now(UTC)),
        "done": False,
    }

    fresh = True

    def begin(stored: Document | None) -> Document:
        nonlocal fresh
        fresh = stored is None or bool(stored["done"])
        if stored and not stored["done"] and (stored["from"], stored["to"]) != (source, target):
            raise NotFound("it is on its way elsewhere")
        return {**entry, **({"_rev": stored["_rev"]} if stored else {})}

    noted = await store.update(names.ward(ward).privacy, _move_id(household), begin)
    try:
        if fresh:  # whoever merges writes first and looks then, as we do: one of both gives way
            await _check_free(store, names, ward, household, source)
    except NotFound:
        if noted:
            await store.delete(names.ward(ward).privacy, noted["_id"], noted["_rev"])
        raise
    return await _go_on(store, names, ward, entry)


async def _check_free(store: Store, names: Names, ward: str, household: str, source: str) -> None:
    for pair in await under_way(store, names, ward):
        for id in pair:
            one = await store.find(names.unit(ward, source), id)
            if household in (id, (one or {}).get("household")):
                raise NotFound("it is just being merged")


async def _go_on(store: Store, names: Names, ward: str, entry: Mapping[str, Any]) -> int:
    source, target, household = str(entry["from"]), str(entry["to"]), str(entry["household"])
    target = await find_end(store, names, ward, target)
    ledger, count = Ledger(store, names), 0
    while target != source and (leaves := await _leaves(store, names.unit(ward, source), household)):
        await _remember(store, names, ward, {leaf["_id"] for leaf in leaves}, source)
        await carry_leaves(store, names, ledger, ward, source, target, leaves)
        count += len(leaves)
    if count:
        await store.compact(names.unit(ward, source))
        log.info("a household moved", ward=ward, source=source, target=target, documents=count)

    def end(stored: Document | None) -> Document | None:
        same = stored is not None and stored["at"] == entry["at"]
        ended = text_of(datetime.now(UTC))
        return {**stored, "done": True, "ended": ended} if stored and same and not stored["done"] else None

    await store.update(names.ward(ward).privacy, _move_id(household), end)
    return count


async def _leaves(store: Store, database: str, household: str) -> list[Document]:
    """The living leaves of a household and its residents."""
    ids = [household]
    async for page in store.pages(database, startkey="resident:", endkey="resident;"):
        ids += [one["_id"] for one in page if one.get("household") == household]
    found: list[Document] = []
    for id in ids:
        with suppress(NotFound):
            found += await store.leaves(database, id)
    return found


async def _remember(store: Store, names: Names, ward: str, ids: Iterable[str], source: str) -> None:
    def add(stored: Document | None) -> Document | None:
        units = {*(stored or {}).get("units", ())}
        if stored and source in units:
            return None
        return {**(stored or {"type": "moved"}), "units": sorted({*units, source})}

    for id in sorted(ids):
        await store.update(names.ward(ward).privacy, f"moved:{id}", add)


async def settle(store: Store, names: Names, ward: str) -> int:
    """Go on with what was cut short, and look again at what was moved just now; how many documents went."""
    recent, count = text_of(datetime.now(UTC) - AFTERWARDS), 0
    with suppress(NotFound), apart() as each:
        async for page in store.pages(names.ward(ward).privacy, startkey="move:", endkey="move;"):
            for entry in page:
                if not entry.get("quiet"):
                    with each():
                        count += await _go_on(store, names, ward, entry)
                        if entry["done"] and str(entry.get("ended", entry["at"])) < recent:
                            await _let_rest(store, names, ward, entry)
    return count


async def _let_rest(store: Store, names: Names, ward: str, entry: Mapping[str, Any]) -> None:
    """Looked at late enough: whatever was under way has come."""

    def rest(stored: Document | None) -> Document | None:
        return {**stored, "quiet": True} if stored and stored["at"] == entry["at"] else None

    await store.update(names.ward(ward).privacy, _move_id(str(entry["household"])), rest)


async def follow(store: Store, names: Names, ward: str) -> None:
    """`settle` now and then, until cancelled."""
    await repeat(lambda: settle(store, names, ward), "moving", every=LOOK_SECONDS)


def _move_id(household: str) -> str:
    return f"move:{household}"
