"""A merge of two records undone: both are again what they were, with what was theirs.

Of the lost record the ``twin:`` entry knows ids, and when and by whom each value was set (`sync.twins`); the
values are found in the kept record and its history. What erasing, the end of a consent or a trace took out of
there is gone for both. What was recorded since the merge stays with the kept record. Every step may be taken
again: the lost record comes back first, then what named it names it again, then the kept one lets go of what
it had taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from sync.aliases import kept_of, rewritten, same_as, tombstones
from sync.clocks import text_of
from sync.erasing import erase_late, redact
from sync.heirs import MOVED, find_end, former_units
from sync.ledger import Ledger
from sync.merge import merge, registers
from sync.names import Names
from sync.revisions import child_of
from sync.store import Document, Store
from sync.twins import UNDO_DAYS, Unfit, claim, entry_id, leaves_of, list_merges, locate, release

Sign = tuple[str, str, str]
"""A field, and when and by whom it was set."""
NEEDED = ("address", "kind", "label", "age_band")
log = structlog.get_logger(__name__)


async def part(store: Store, names: Names, ward: str, lost: str, by: str) -> None:
    """Returns once both records are there again.

    :raises Unfit: ``gone`` when there is no such merge (any more), or nothing of the kept record; ``later``
        when that one, or someone who came along, was moved or merged since; ``busy`` while one of them is
        being merged.
    :raises StoreError: when it was cut short; `sync.twins_after` goes on.
    """
    entry = await store.find(names.ward(ward).privacy, entry_id(lost))
    since = text_of(datetime.now(UTC) - timedelta(days=UNDO_DAYS))
    if entry is None or not entry["done"] or entry["at"] < since:
        raise Unfit("gone")
    for other in await list_merges(store, names, ward, await find_end(store, names, ward, entry["unit"])):
        if other["at"] > entry["at"] and not entry["followed"].keys().isdisjoint(
            (other["lost"], other["kept"])
        ):
            raise Unfit(
                "later"
            )  # whoever lives there belongs to one of the doors only when they are two again
    now = text_of(datetime.now(UTC))
    wish = {"do": "part", "lost": lost, "kept": entry["kept"], "unit": entry["unit"], "by": by, "at": now}
    await go_on(store, names, ward, await claim(store, names, ward, wish))


async def go_on(store: Store, names: Names, ward: str, wish: Mapping[str, Any]) -> None:
    """:raises Unfit: when there is nothing to undo, or what it needs went elsewhere."""
    lost, kept, at = str(wish["lost"]), str(wish["kept"]), str(wish["at"])
    unit = await find_end(store, names, ward, str(wish["unit"]))
    entry = await store.find(names.ward(ward).privacy, entry_id(lost))
    place = await locate(store, names, ward, unit, kept)
    if entry is None or place is None or "created" not in entry:
        await release(store, names, ward, lost, at)
        raise Unfit("gone")
    if place != (unit, kept):
        await release(store, names, ward, lost, at)
        raise Unfit("later")
    database = names.unit(ward, unit)
    await _bring_back(store, names, database, entry, unit)
    await _point_back(store, database, entry)
    for former in await former_units(store, names, ward, unit, [lost, kept]):
        await _point_back(store, names.unit(ward, former), entry)
    await _let_go(store, names, database, entry, str(wish["by"]))
    await _forget(store, names, ward, lost, kept)
    await store.compact(database)
    found = await store.find(names.ward(ward).privacy, entry_id(lost))
    if found is not None:
        await store.delete(names.ward(ward).privacy, found["_id"], found["_rev"])
    await release(store, names, ward, lost, at)
    log.info("two records are two again", ward=ward, unit=unit, lost=lost, kept=kept)


async def _point_back(store: Store, database: str, entry: Document) -> None:
    """What followed in this unit names the lost record again, which goes on as itself wherever it moved."""
    lost = str(entry["lost"])
    end = (await tombstones(store, database, [lost])).get(lost, {})
    if kept_of(end) == entry["kept"] and MOVED in end:
        await store.graft(database, [child_of(end, {"_id": lost, "_deleted": True, MOVED: end[MOVED]})])
    for id in entry["followed"]:
        await redact(store, database, id, partial(_named_again, entry))


async def _bring_back(store: Store, names: Names, database: str, entry: Document, unit: str) -> None:
    lost = str(entry["lost"])
    end = (await tombstones(store, database, [lost])).get(lost)
    if end is None or await leaves_of(store, database, lost):
        return
    kept = merge(await leaves_of(store, database, str(entry["kept"]))).document
    back = child_of(end, lost_again(entry, kept, unit))
    await store.graft(database, [back])
    await erase_late(store, Ledger(store, names), database, [back])


def lost_again(entry: Mapping[str, Any], kept: Document, unit: str) -> Document:
    """The lost record as it was, as far as the kept one still says it."""
    said = _values(kept)
    signs = {name: (name, *sign) for name, sign in entry["fields"].items()}
    fields = {name: said[sign] for name, sign in signs.items() if sign in said}
    fields |= {name: kept[name] for name in NEEDED if name in kept and name not in fields}
    past = [(*sign,) for sign in entry["past"]]
    history = [{"field": sign[0], **said[sign]} for sign in past if sign in said]
    home = {"household": kept["household"]} if "household" in kept else {}
    own = {"_id": entry["lost"], "type": kept["type"], "schema": entry["schema"], "created": entry["created"]}
    return {**own, "unit": unit, **home, **fields, **({"history": history} if history else {})}


def _values(document: Document) -> dict[Sign, dict[str, Any]]:
    """Each value that a record holds, or held, by its sign."""
    past = [(entry["field"], entry) for entry in document.get("history", ())]
    every = past + [(name, document[name]) for name in registers(document)]
    parts = ("value", "at", "by")
    return {(name, one["at"], one["by"]): {part: one[part] for part in parts} for name, one in every}


def _named_again(entry: Mapping[str, Any], document: Document) -> Document:
    """What named the lost record names it again: of a visit that helped both, where it was this one."""
    lost, kept = str(entry["lost"]), str(entry["kept"])
    helps: list[int] | None = entry["followed"][document["_id"]]
    if helps is None:
        return rewritten(document, {kept: lost})
    record = (document.get("record") or {}).get("value") or {}
    said = [
        rewritten(help, {kept: lost}) if place in helps else help
        for place, help in enumerate(record.get("helps", ()))
    ]
    return {**document, "record": {**document["record"], "value": {**record, "helps": said}}}


async def _let_go(store: Store, names: Names, database: str, entry: Document, by: str) -> None:
    now = datetime.now(UTC)
    fresh = [
        child_of(leaf, after)
        for leaf in await leaves_of(store, database, str(entry["kept"]))
        if (after := kept_again(entry, leaf, by, now)) != leaf
    ]
    if fresh:
        await store.graft(database, fresh)
        await erase_late(store, Ledger(store, names), database, fresh)


def kept_again(entry: Mapping[str, Any], kept: Document, by: str, now: datetime) -> Document:
    """The kept record without what it took over; what was set since stays.

    Its own values are signed anew (`by`, `now`), so that no late edit of a phone makes the other ones win.
    """
    said = _values(kept)
    mine = {(name, *sign) for name, sign in entry["mine"].items()} | {(*sign,) for sign in entry["mine_past"]}
    theirs = {(name, *sign) for name, sign in entry["fields"].items()} | {(*sign,) for sign in entry["past"]}
    theirs -= mine
    after = {name: value for name, value in kept.items() if name not in ("_rev", "_revisions", "history")}
    taken = [n for n in registers(kept) if (n, kept[n]["at"], kept[n]["by"]) in theirs]
    for name in taken:
        own = said.get((name, *entry["mine"].get(name, ("", ""))))
        if own is not None:
            at = max(now, datetime.fromisoformat(kept[name]["at"]) + timedelta(milliseconds=1))
            after[name] = {"value": own["value"], "at": text_of(at), "by": by}
        elif name not in NEEDED:
            del after[name]
    history = [e for e in kept.get("history", ()) if (e["field"], e["at"], e["by"]) not in theirs]
    return {**after, **({"history": history} if history else {})} if taken or theirs & said.keys() else kept


async def _forget(store: Store, names: Names, ward: str, lost: str, kept: str) -> None:
    ids = {lost, *(await same_as(store, names, ward, [lost])).get(lost, ())}

    def without(stored: Document | None) -> Document | None:
        if stored is None or ids.isdisjoint(stored["ids"]):
            return None
        return {**stored, "ids": sorted(set(stored["ids"]) - ids)}

    await store.update(names.ward(ward).privacy, f"same:{kept}", without)
