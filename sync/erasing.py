"""Erasing a resident so that it stays erased, wherever a copy still turns up.

The ledger is written first; from then on no phone can bring the record back. Then, in an order that can be
begun again after any interruption:

1. Visits that helped this person keep what is counted (service, level, the id) and lose their free text: the
   note, the reason to come back, and both in the history. So do visits of the household that write the name
   or phone number. A household says nothing about its residents and stays as it is.
2. Every leaf of the record ends in a tombstone that holds no field.
3. What the quarantine holds of it is emptied.
4. The databases are compacted: the bodies of earlier revisions are gone.

Revisions are named by what they say (`sync.revisions`), so that it does no harm when two processes erase
at once. `settle` finishes what was cut short, and erases again what a restored backup brought back.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from sync.documents import ULID, VisitRecord
from sync.ledger import Ledger
from sync.names import Names
from sync.revisions import child_of
from sync.store import Document, NotFound, Store, StoreError

_RESIDENT = re.compile(rf"resident:{ULID}")
_BARE = frozenset({"_id", "_rev", "_revisions", "_deleted"})
_TEXTS = frozenset({"note", "why", "history"})
AT_ONCE = 500
SETTLE_SECONDS = 600.0

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


async def erase_all(store: Store, names: Names, ward: str, unit: str, ids: Sequence[str]) -> Erased:
    """Returns once nothing of these residents can be read any more; may be called again at any time.

    :raises ValueError: for an id that is no resident's.
    :raises StoreError: when it was cut short: the ledger remembers, and `settle` goes on.
    """
    if not all(_RESIDENT.fullmatch(id) for id in ids):
        raise ValueError("only residents are erased")
    ledger, database = Ledger(store, names), names.unit(ward, unit)
    await ledger.enter(ward, unit, ids)
    visits = await _empty_visits(store, database, await _learn(store, database, ids))
    branches = 0
    for id in ids:
        branches += await end_branches(store, database, id)
    quarantine = names.ward(ward).quarantine
    refused = await empty_quarantine(store, quarantine, names.public(database), ids)
    await store.compact(database)
    await store.compact(quarantine)
    await ledger.finish(ward, unit, ids)
    return Erased(branches, visits, refused)


async def settle(store: Store, names: Names) -> int:
    """Erase what the ledger has and a database still shows; how many residents that were."""
    units: dict[tuple[str, str], list[str]] = defaultdict(list)
    undone: set[str] = set()
    for entry in await Ledger(store, names).entries():
        units[entry.ward, entry.unit].append(entry.id)
        if not entry.done:
            undone.add(entry.id)
    count = 0
    existing = set(await store.databases())
    for (ward, unit), ids in units.items():
        database = names.unit(ward, unit)
        if database not in existing:
            continue
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            back = await _alive(store, database, some)
            if again := [id for id in some if id in back or id in undone]:
                await erase_all(store, names, ward, unit, again)
                count += len(again)
    return count


async def follow(store: Store, names: Names) -> None:
    """`settle` now and then, until cancelled."""
    while True:
        try:
            if count := await settle(store, names):
                log.warning("erased again", residents=count)
        except StoreError as error:
            log.warning("erasing waits for the store", code=error.code)
        await asyncio.sleep(SETTLE_SECONDS)


async def end_branches(store: Store, database: str, id: str) -> int:
    """Put a tombstone without fields on every leaf; how many were needed."""
    leaves: list[Document] = []
    with suppress(NotFound):
        leaves = await store.open_revisions(database, id)
    ends = [child_of(leaf, {"_id": id, "_deleted": True}) for leaf in leaves if not _is_tombstone(leaf)]
    if ends:
        await store.graft(database, ends)
    return len(ends)


async def empty_visit(store: Store, database: str, id: str) -> int:
    """Take the free text out of every live leaf of a visit; how many had any."""
    leaves: list[Document] = []
    with suppress(NotFound):
        leaves = await store.leaves(database, id)
    fresh = [child_of(leaf, empty) for leaf in leaves if (empty := without_text(leaf)) != leaf]
    if fresh:
        await store.graft(database, fresh)
    return len(fresh)


async def erase_late(store: Store, ledger: Ledger, database: str, documents: Iterable[Document]) -> set[str]:
    """What was erased between being checked and being written is erased again.

    To be called after each write; gives the ids in the ledger that the documents are, or speak of.
    """
    written = list(documents)
    erased = await ledger.erased(database, named_in(written))
    if not erased:
        return set()
    count = 0
    for id in {document["_id"] for document in written} & erased:
        count += await end_branches(store, database, id)
    for document in written:
        if not erased.isdisjoint(people_of(document)):
            count += await empty_visit(store, database, document["_id"])
    if count:
        await store.compact(database)
    return erased


def named_in(documents: Iterable[Document]) -> set[str]:
    """The residents that documents are, or speak of; of documents that may have any shape."""
    named: set[str] = set()
    for document in documents:
        named |= {str(document.get("_id")), *people_of(document)}
    return {id for id in named if _RESIDENT.fullmatch(id)}


def people_of(visit: Document) -> set[str]:
    """Those whom a visit helped, or once said it had."""
    history = visit.get("history")
    past = history if isinstance(history, list) else []
    records = [entry.get("value") for entry in (visit.get("record"), *past) if isinstance(entry, dict)]
    helps = [record.get("helps") for record in records if isinstance(record, dict)]
    each = [help for some in helps if isinstance(some, list) for help in some if isinstance(help, dict)]
    return {help["person"] for help in each if isinstance(help.get("person"), str)}


def without_text(visit: Document) -> Document:
    """The visit as it is counted, with nothing that was typed; what has no text is left as it is."""
    if not isinstance(visit.get("record"), dict):
        return visit
    empty = {**visit, "record": {**visit["record"], "value": _bare(visit["record"].get("value"))}}
    past = [entry for entry in visit.get("history", ()) if _is_past_record(entry)]
    if past or "history" in visit:
        empty["history"] = [{**entry, "value": _bare(entry["value"])} for entry in past]
    return empty


def _bare(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    kept = {name: value for name, value in record.items() if name != "note"}
    if isinstance(kept.get("follow_up"), dict):
        kept["follow_up"] = {**kept["follow_up"], "why": ""}
    return kept


def _is_past_record(entry: Any) -> bool:
    """A history may hold values of any shape; only what is a visit's record can be emptied surely."""
    try:
        msgspec.convert(entry["value"], VisitRecord)
    except (msgspec.ValidationError, KeyError, TypeError):
        return False
    return bool(entry.get("field") == "record")


def _is_tombstone(leaf: Document) -> bool:
    return bool(leaf.get("_deleted")) and leaf.keys() <= _BARE


@dataclass(frozen=True, slots=True)
class _About:
    """The residents, where they live, and the words that would name them in a text."""

    ids: frozenset[str]
    households: frozenset[str]
    words: frozenset[str]

    def concerns(self, visit: Document) -> bool:
        if not self.ids.isdisjoint(people_of(visit)):
            return True
        if visit.get("household") not in self.households:
            return False
        said = json.dumps(visit, ensure_ascii=False).casefold()
        return any(word in said for word in self.words)


async def _learn(store: Store, database: str, ids: Sequence[str]) -> _About:
    households: set[str] = set()
    words: set[str] = set()
    for id in ids:
        with suppress(NotFound):
            for leaf in await store.leaves(database, id):
                households.add(str(leaf.get("household")))
                past = [entry for entry in leaf.get("history", ()) if entry.get("field") == "identity"]
                for register in (leaf.get("identity") or {}, *past):
                    value = register.get("value") or {}
                    words |= {value[name].casefold() for name in ("name", "phone") if value.get(name)}
    return _About(frozenset(ids), frozenset(households), frozenset(words))


async def _empty_visits(store: Store, database: str, about: _About) -> int:
    """Winning revisions page by page, and all leaves of those visits that wait to be merged."""
    count = 0
    async for page in store.pages(database, startkey="visit:", endkey="visit;"):
        concerned = [visit for visit in page if about.concerns(visit)]
        fresh = [child_of(one, empty) for one in concerned if (empty := without_text(one)) != one]
        if fresh:
            await store.graft(database, fresh)
        count += len(fresh)
    rows = []
    with suppress(NotFound):
        rows = await store.view(database, "conflicts", "open")
    for id in {row["id"] for row in rows if row["id"].startswith("visit:")}:
        with suppress(NotFound):
            if any(about.concerns(leaf) for leaf in await store.leaves(database, id)):
                count += await empty_visit(store, database, id)
    return count


async def empty_quarantine(store: Store, quarantine: str, database: str, ids: Sequence[str]) -> int:
    """`database` as phones name it. What could be read of a visit stays, without its text."""
    count = 0
    async for page in store.pages(quarantine, startkey="refused:", endkey="refused;"):
        for entry in page:
            if entry.get("database") != database:
                continue
            said = json.dumps(entry.get("document"))
            if not any(id in said for id in ids):
                continue
            empty = {**entry, "detail": "", "document": emptied(entry.get("document"), ids)}
            if empty != entry:
                await store.update(quarantine, entry["_id"], lambda _, empty=empty: empty)  # type: ignore[misc]
                count += 1
    return count


def emptied(refused: Any, ids: Collection[str]) -> Any:
    """What the quarantine may keep of a document that is, or speaks of, one of these residents."""
    if not isinstance(refused, dict) or refused.get("type") != "visit" or refused.get("_id") in ids:
        return {name: refused[name] for name in ("_id", "_rev") if name in refused}
    return _textless(refused)


def _textless(value: Any) -> Any:
    if isinstance(value, list):
        return [_textless(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _textless(item) for name, item in value.items() if name not in _TEXTS}


async def _alive(store: Store, database: str, ids: Sequence[str]) -> set[str]:
    rows = await store.all_docs(database, keys=list(ids))
    return {row["key"] for row in rows if row.get("value") and not row["value"].get("deleted")}
