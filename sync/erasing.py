"""Erasing a resident so that it stays erased, wherever a copy still turns up.

The ledger is written first; from then on no phone can bring the record back. Then, in an order that can be
begun again after any interruption:

1. The ledger keeps traces of the name and phone number, for what phones bring late (`sync.traces`).
2. Visits that helped this person keep what is counted (service, level, the id) and lose their free text: the
   note, the reason to come back, and both in the history. So do visits of the household that write the name
   or phone number. Anywhere else in the unit a gap stands where the name stood.
3. Every leaf of the record ends in a tombstone that holds no field.
4. What the quarantine holds of it is emptied.
5. The databases are compacted: the bodies of earlier revisions are gone.

Revisions are named by what they say (`sync.revisions`), so that it does no harm when two processes erase
at once. `settle` finishes what was cut short, and erases again what a restored backup brought back.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from sync.aliases import MERGED, resolve, same_as, under_way
from sync.background import apart, repeat
from sync.heirs import find_heir, former_units
from sync.ledger import Ledger
from sync.names import Names
from sync.photos import pictures_of
from sync.redaction import RESIDENT, emptied, named_in, people_of, without_text
from sync.refused import WHOLE
from sync.revisions import child_of
from sync.store import Document, NotFound, Store, StoreError
from sync.traces import Phrase, Traces, masked, phrases_of, without_names

__all__ = (
    "Erased",
    "emptied",
    "end_branches",
    "erase",
    "erase_all",
    "erase_late",
    "follow",
    "named_in",
    "people_of",
    "settle",
    "without_text",
)

_BARE = frozenset({"_id", "_rev", "_revisions", "_deleted", MERGED})
_TYPED = ("message", "document")
"""Of a decision about a refused record (`sync.deciding`), what may say something about people."""
AT_ONCE = 500
SETTLE_SECONDS = 600.0

Redact = Callable[[Document], Document]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Erased:
    """How many branches were ended, visits and quarantined records emptied; all 0 when done before."""

    branches: int = 0
    visits: int = 0
    refused: int = 0


async def erase(store: Store, names: Names, ward: str, unit: str, resident_id: str) -> Erased:
    """Erase one resident of a unit; see `erase_all`."""
    return await erase_all(store, names, ward, unit, [resident_id])


async def erase_all(
    store: Store,
    names: Names,
    ward: str,
    unit: str,
    ids: Sequence[str],
    *,
    traced: bool = True,
    known: Mapping[str, Set[Phrase]] | None = None,
    elsewhere: bool = True,
) -> Erased:
    """Returns once nothing of these residents can be read any more; may be called again at any time.

    Whoever goes on as one of them, or as whom one of them goes on (`sync.twins`), is erased, too.

    :param traced: whether the ledger keeps traces of their names.
    :param known: what names them, where the unit may hold nothing any more that says so.
    :param elsewhere: whether units that held them before they moved are looked through, too.
    :raises ValueError: for an id that is no resident's.
    :raises StoreError: when it was cut short: the ledger remembers, and `settle` goes on.
    """
    if not all(RESIDENT.fullmatch(id) for id in ids):
        raise ValueError("only residents are erased")
    ledger, database = Ledger(store, names), names.unit(ward, unit)
    ids = await _every_id(store, names, ward, database, ids)
    # before the ledger has them: from then on a late edit ends the record, which then says no name
    before = {id: set((known or {}).get(id, ())) for id in ids}
    with suppress(StoreError):  # what cannot be read now is read below, when the ledger knows of it
        before = {id: before[id] | await _learn(store, database, id) for id in ids}
    cut_short = await ledger.enter(ward, unit, ids)
    if meanwhile := set(await _every_id(store, names, ward, database, ids)) - set(ids):
        more = [*ids, *sorted(meanwhile)]  # a merge that begins now finds what the ledger has, and ends it
        return await erase_all(
            store, names, ward, unit, more, traced=traced, known=before, elsewhere=elsewhere
        )
    if heir := await find_heir(store, names, ward, unit):
        return await _erase_in_heir(store, names, ward, unit, heir, ids, traced, before, elsewhere)
    for id in ids:
        before[id] |= await _learn(store, database, id)
        if traced:
            await ledger.trace(ward, unit, id, before[id])
    phrases = {phrase for some in before.values() for phrase in some}
    for former in await former_units(store, names, ward, unit, ids) if elsewhere else ():
        await erase_all(store, names, ward, former, ids, traced=traced, known=before, elsewhere=False)
    # one that was cut short may have left no record to learn from, but its traces
    traces = await ledger.traces(database) if cut_short and not phrases else Traces.of(phrases)
    change = redacting(set(ids), traces)
    visits = await redact_all(store, database, lambda one: one if one["_id"] in ids else change(one))
    branches = 0
    for id in ids:
        branches += await end_branches(store, database, id)
    quarantine = names.ward(ward).quarantine
    refused = await empty_quarantine(store, quarantine, names.public(database), ids, traces)
    await store.compact(database)
    await store.compact(quarantine)
    await ledger.finish(ward, unit, ids)
    return Erased(branches, visits, refused)


async def _every_id(store: Store, names: Names, ward: str, database: str, ids: Sequence[str]) -> list[str]:
    """These, as whom they go on, who went on as them, and with whom they are just being merged."""
    ids = [*ids, *(await resolve(store, database, ids)).values()]
    also = [id for pair in await under_way(store, names, ward) if set(pair) & set(ids) for id in pair]
    also += [id for some in (await same_as(store, names, ward, [*ids, *also])).values() for id in some]
    return list(dict.fromkeys([*ids, *also]))


async def _erase_in_heir(
    store: Store,
    names: Names,
    ward: str,
    unit: str,
    heir: str,
    ids: Sequence[str],
    traced: bool,
    known: Mapping[str, Set[Phrase]],
    elsewhere: bool,
) -> Erased:
    """In a unit that was merged, or is being merged: once all of it is in the other one, there."""
    from sync.unit_merging import carry  # which erases what it finds in the ledger

    await carry(store, names, ward, unit, heir)
    erased = await erase_all(store, names, ward, heir, ids, traced=traced, known=known, elsewhere=elsewhere)
    await Ledger(store, names).finish(ward, unit, ids)
    return erased


async def settle(store: Store, names: Names) -> int:
    """Erase what the ledger has and a database still shows; how many residents that were."""
    units: dict[tuple[str, str], list[str]] = defaultdict(list)
    undone: set[str] = set()
    ledger = Ledger(store, names)
    for entry in await ledger.entries():
        units[entry.ward, entry.unit].append(entry.id)
        if not entry.done:
            undone.add(entry.id)
    count = 0
    existing = set(await store.databases())
    with apart() as each:
        for (ward, unit), ids in units.items():
            database = names.unit(ward, unit)
            if database not in existing:
                continue
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                with each():
                    back = await _alive(store, database, some)
                    if again := [id for id in some if id in back or id in undone]:
                        await erase_all(store, names, ward, unit, again)
                        count += len(again)
    await ledger.drop_traces()
    if count:
        log.warning("erased again", residents=count)
    return count


async def follow(store: Store, names: Names) -> None:
    """`settle` now and then, until cancelled."""
    await repeat(lambda: settle(store, names), "erasing", every=SETTLE_SECONDS)


async def end_branches(store: Store, database: str, id: str) -> int:
    """Put a tombstone without fields on every leaf; how many were needed."""
    leaves: list[Document] = []
    with suppress(NotFound):
        leaves = await store.open_revisions(database, id)
    ends = [child_of(leaf, {"_id": id, "_deleted": True}) for leaf in leaves if not _is_tombstone(leaf)]
    if ends:
        await store.graft(database, ends)
    return len(ends)


async def redact(store: Store, database: str, id: str, change: Redact) -> int:
    """Put a redacted child on every live leaf of a document that needs one; how many did."""
    leaves: list[Document] = []
    with suppress(NotFound):
        leaves = await store.leaves(database, id)
    fresh = [child_of(leaf, changed) for leaf in leaves if (changed := change(leaf)) != leaf]
    if fresh:
        await store.graft(database, fresh)
    return len(fresh)


async def erase_late(store: Store, ledger: Ledger, database: str, documents: Iterable[Document]) -> set[str]:
    """What was erased between being checked and being written is erased again.

    To be called after each write; gives the ids in the ledger that the documents are, or speak of.
    """
    written = list(documents)
    if not written:
        return set()
    erased, traces = await asyncio.gather(ledger.erased(database, named_in(written)), ledger.traces(database))
    count = 0
    for id in {document["_id"] for document in written} & erased:
        count += await end_branches(store, database, id)
    change = redacting(erased, traces)
    for document in written:
        if document["_id"] not in erased and change(document) != document:
            count += await redact(store, database, document["_id"], change)
    if count:
        await store.compact(database)
    return erased


def redacting(ids: Collection[str], traces: Traces) -> Redact:
    """What is to be taken out of documents that are not these residents' own."""

    def change(document: Document) -> Document:
        helped = not people_of(document).isdisjoint(ids)
        return without_names(without_text(document) if helped else document, traces)

    return change


def _is_tombstone(leaf: Document) -> bool:
    return bool(leaf.get("_deleted")) and leaf.keys() <= _BARE


async def _learn(store: Store, database: str, id: str) -> set[Phrase]:
    phrases: set[Phrase] = set()
    with suppress(NotFound):
        for leaf in await store.leaves(database, id):
            phrases |= phrases_of(leaf)
    return phrases


async def redact_all(store: Store, database: str, change: Redact) -> int:
    """Winning revisions page by page, and all leaves of those that wait to be merged; how many visits."""
    count = 0
    async for page in store.pages(database):
        documents = [one for one in page if not one["_id"].startswith("_")]
        fresh = [child_of(one, changed) for one in documents if (changed := change(one)) != one]
        if fresh:
            await store.graft(database, fresh)
        count += sum(one["_id"].startswith("visit:") for one in fresh)
    rows = []
    with suppress(NotFound):
        rows = await store.view(database, "conflicts", "open")
    for id in sorted({row["id"] for row in rows}):
        changed_leaves = await redact(store, database, id, change)
        count += changed_leaves if id.startswith("visit:") else 0
    return count


async def empty_quarantine(
    store: Store, quarantine: str, database: str, ids: Collection[str], traces: Traces
) -> int:
    """`database` as phones name it. What could be read of a visit stays, without its text."""
    count = 0

    def again(entry: Document | None) -> Document | None:
        return None if entry is None else empty_entry(entry, ids, traces)

    async for page in store.pages(quarantine, startkey="refused:", endkey="refused;", size=WHOLE):
        for entry in page:
            if entry.get("database") != database:
                continue
            if empty_entry(entry, ids, traces) != entry:
                await store.update(quarantine, entry["_id"], again)
                count += 1
    return count


def empty_entry(entry: dict[str, Any], ids: Collection[str], traces: Traces) -> dict[str, Any]:
    """What the quarantine may keep of an entry: of its document, of what the desk made of it and said."""
    document, decision = entry.get("document"), entry.get("decision")
    said = json.dumps([document, decision])
    if any(id in said for id in ids):
        return silent(entry, ids)
    home = str(document.get("household")) if isinstance(document, dict) else ""
    kept = {**entry, "document": _with_gaps(document, home, traces)}
    if decision:
        kept["decision"] = {
            **decision,
            **{name: _with_gaps(decision[name], home, traces) for name in _TYPED if name in decision},
        }
    return entry if kept == entry else {**kept, "detail": ""}


def _with_gaps(said: Any, home: str, traces: Traces) -> Any:
    """Names leave gaps in what was said, but for the pictures of a photo: no one has written there."""
    pictures = pictures_of(said)
    if not pictures:
        return masked(said, home, traces)
    return {**masked({k: v for k, v in said.items() if k not in pictures}, home, traces), **pictures}


def silent(entry: dict[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """An entry without anything that was typed; what is, or speaks of, one of these residents goes whole."""
    kept = {**entry, "detail": "", "document": emptied(entry.get("document"), ids)}
    if decision := entry.get("decision"):
        kept["decision"] = {name: value for name, value in decision.items() if name not in _TYPED}
        if "document" in decision:
            kept["decision"]["document"] = emptied(decision["document"], ids)
    return kept


async def _alive(store: Store, database: str, ids: Sequence[str]) -> set[str]:
    rows = await store.all_docs(database, keys=list(ids))
    return {row["key"] for row in rows if row.get("value") and not row["value"].get("deleted")}
