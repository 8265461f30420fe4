"""Two units become one: what one of them holds goes on in the other, and nothing counts twice on the way.

Each step may be taken again at any time, by any process, so that a merge goes on wherever it was cut short:

1. `hold`: both units' figures stand still as they were counted last.
2. `fence`: the databases of the unit that ends let nobody in but the server, by CouchDB's own wall.
3. `carry`: what the ledger has as erased from it is erased from the other one too; then every leaf of every
   document is written there as a child that names the other unit, with its whole history, is found there
   again, and leaves a tombstone that says where it went. Tombstones go along as they are. `carry_photos`
   does the same with photos, a few at a time.
4. `carry_marks`: what the quarantine and residents' requests say of the unit, they say of the other one.
5. `release`: both are counted, and their figures written in one request.

Between the last two the server moves the people (`server.unit_merging`). A revision that a phone brings late
descends from a history that is in the other unit by then, so the gateway takes it there as any other.
Revisions are named by what they say (`sync.revisions`): it does no harm when two processes merge at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import structlog

from sync.erasing import erase_late, redacting
from sync.heirs import MOVED
from sync.ledger import Ledger
from sync.names import Names
from sync.redaction import named_in
from sync.refused import WHOLE
from sync.revisions import child_of
from sync.rollup import Levels, Rollup, count_unit, counting, describe, rollup_id
from sync.store import BadAnswer, Document, PartlySaved, Store
from sync.traces import Traces

AT_ONCE = 200
PHOTOS_AT_ONCE = 5
TRIES = 5

log = structlog.get_logger(__name__)


async def hold(store: Store, names: Names, ward: str, units: Sequence[str], levels: Levels) -> None:
    """Returns once nobody writes the figures of these units any more but `release`.

    The last of the units, in which the others go on, is named in all of them.
    """
    for unit in units:
        await Rollup(store, names, levels).refresh(names.unit(ward, unit))
        await store.update(
            names.ward(ward).rollup,
            rollup_id(unit),
            lambda stored: {**stored, "held": units[-1]} if stored and not stored.get("held") else None,
        )


async def fence(store: Store, names: Names, ward: str, source: str) -> None:
    for database in (names.unit(ward, source), names.ward(ward).photos(source)):
        await store.secure(database, members=["_admin"])


async def carry(store: Store, names: Names, ward: str, source: str, target: str) -> int:
    """Returns once every document of `source` goes on in `target`; how many branches went now.

    :raises StoreError: when it was cut short; nothing is lost, and it may be called again.
    """
    ledger = Ledger(store, names)
    await ledger.carry(ward, source, target)
    since, count = "0", 0
    while True:
        rows, since = await store.changes(names.unit(ward, source), since, AT_ONCE)
        if not rows:
            break
        wanted = [(row["id"], one["rev"]) for row in rows for one in row["changes"]]
        leaves = await store.revisions(
            names.unit(ward, source), [(id, rev) for id, rev in wanted if not id.startswith("_")]
        )
        moving = [leaf for leaf in leaves if leaf.get(MOVED) != target]
        if moving:
            count += await carry_leaves(store, names, ledger, ward, source, target, moving)
    if count:
        await store.compact(names.unit(ward, source))
        log.info("documents moved", ward=ward, source=source, target=target, branches=count)
    return count


async def carry_photos(store: Store, names: Names, ward: str, source: str, target: str) -> int:
    """Returns once every photo of `source` is one of `target`; how many went now.

    :raises StoreError: when it was cut short; nothing is lost, and it may be called again.
    """
    origin, home = names.ward(ward).photos(source), names.ward(ward).photos(target)
    since, count = "0", 0
    while True:
        rows, since = await store.changes(origin, since, PHOTOS_AT_ONCE)
        if not rows:
            break
        wanted = [(row["id"], one["rev"]) for row in rows for one in row["changes"]]
        leaves = await store.revisions(origin, [(id, rev) for id, rev in wanted if id.startswith("photo:")])
        moving = [leaf for leaf in leaves if MOVED not in leaf]
        if moving:
            arriving = [arrive_photo(leaf, target) for leaf in moving]
            await _store_all(store, home, arriving)
            count += await _leave(store, origin, target, moving)
    if count:
        await store.compact(origin)
    return count


def arrive_photo(leaf: Document, target: str) -> Document:
    """The revision as which a photo goes on in another unit."""
    return leaf if leaf.get("_deleted") else child_of(leaf, {**leaf, "unit": target})


async def carry_leaves(
    store: Store, names: Names, ledger: Ledger, ward: str, source: str, target: str, leaves: list[Document]
) -> int:
    """Returns once these leaves are found again in `target`; how many left a tombstone now."""
    origin, home = names.unit(ward, source), names.unit(ward, target)
    erased, traces = await ledger.erased(home, named_in(leaves)), await ledger.traces(home)
    arriving = [arrive(leaf, target, erased, traces) for leaf in leaves]
    await _store_all(store, home, arriving)
    await erase_late(store, ledger, home, [one for one in arriving if not one.get("_deleted")])
    return await _leave(store, origin, target, leaves)


async def _store_all(store: Store, home: str, arriving: list[Document]) -> None:
    """:raises BadAnswer: when one of them cannot be found again."""
    await store.graft(home, arriving)
    if missing := await store.missing(home, arriving):
        raise BadAnswer(f"{len(missing)} documents that were moved cannot be found again")


async def _leave(store: Store, origin: str, target: str, leaves: list[Document]) -> int:
    """Tombstones that say where these went; how many there were."""
    live = [leaf for leaf in leaves if not leaf.get("_deleted")]
    if live:
        ends = [child_of(leaf, {"_id": leaf["_id"], "_deleted": True, MOVED: target}) for leaf in live]
        await store.graft(origin, ends)
    return len(live)


def arrive(leaf: Document, target: str, erased: Collection[str], traces: Traces) -> Document:
    """The revision as which a leaf goes on in another unit: a tombstone as it is, else a child."""
    if leaf.get("_deleted"):
        return leaf
    if leaf["_id"] in erased:
        return child_of(leaf, {"_id": leaf["_id"], "_deleted": True})
    return child_of(leaf, redacting(erased, traces)({**leaf, "unit": target}))


async def carry_marks(store: Store, names: Names, ward: str, source: str, target: str) -> None:
    """Refused records and residents' requests of the unit are the other one's."""
    databases = names.ward(ward)

    def refile(entry: Document | None) -> Document | None:
        if entry is None or entry.get("unit") != source:
            return None
        moved = str(entry["database"]).replace(databases.role(source), databases.role(target), 1)
        fresh = {**entry, "unit": target, "database": moved}
        if "document" in entry:
            fresh["document"] = _renamed(entry["document"], source, target)
        if "document" in entry.get("decision", {}):  # accepted, and just being written
            said = _renamed(entry["decision"]["document"], source, target)
            fresh["decision"] = {**entry["decision"], "document": said}
        return fresh

    for database, kind in ((databases.quarantine, "refused"), (databases.privacy, "request")):
        async for page in store.pages(database, startkey=f"{kind}:", endkey=f"{kind};", size=WHOLE):
            for entry in page:
                if entry.get("unit") == source:
                    change = refile if kind == "refused" else lambda stored: _renamed(stored, source, target)
                    await store.update(database, entry["_id"], change)


def _renamed(document: Any, source: str, target: str) -> Any:
    """What names the one unit names the other; anything else is as it was."""
    named = isinstance(document, dict) and document.get("unit") == source
    return {**document, "unit": target} if named else document


async def release(store: Store, names: Names, ward: str, units: Sequence[str], levels: Levels) -> None:
    """Write the figures of these units, counted now, in one request; then anyone may count them again."""
    database = names.ward(ward).rollup
    for attempt in range(TRIES):
        figures = []
        for unit in units:
            stored = await store.find(database, rollup_id(unit))
            counted = await count_unit(store, names.unit(ward, unit), levels)
            rev = {"_rev": stored["_rev"]} if stored else {}
            figures.append({"_id": rollup_id(unit), **rev, **describe(unit, counting(levels), counted)})
        try:
            await store.bulk(database, figures)
        except PartlySaved:  # another process was quicker
            if attempt == TRIES - 1:
                raise
            continue
        return
