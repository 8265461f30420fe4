"""A merge of two records undone: both are again what they were, with what was theirs.

Of the lost record the ``twin:`` entry knows ids, and when and by whom each value was set (`sync.twins`); the
values are found in the kept record and its history. What erasing, the end of a consent or a trace took out of
there is gone for both. What was recorded since the merge stays with the kept record. Every step may be taken
again: the lost record comes back first, then what named it names it again, then the kept one lets go of what
it had taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from sync.absorbing import Sign, sign_of, values_of
from sync.aliases import kept_of, rewritten, same_as, tombstones
from sync.clocks import text_of
from sync.erasing import erase_late
from sync.heirs import MOVED, find_end, former_units, is_merging
from sync.ledger import Ledger
from sync.merge import merge, registers
from sync.names import Names
from sync.revisions import child_of
from sync.store import Conflict, Document, NotFound, Store
from sync.twins import (
    UNDO_DAYS,
    Unfit,
    check_still,
    claim,
    entry_id,
    leaves_of,
    list_merges,
    locate,
    release,
    rewrite,
)

Value = tuple[str, str, str, int]
"""A field, when and by whom it was set, and which of the values of that sign (`sync.absorbing.values_of`)."""
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
    found = await claim(store, names, ward, wish)
    try:
        if found is wish:  # what is on its way to another unit comes first
            await _check_still(store, names, ward, entry)
    except Unfit:
        await release(store, names, ward, lost, now)
        raise
    await go_on(store, names, ward, found)


async def _check_still(store: Store, names: Names, ward: str, entry: Mapping[str, Any]) -> None:
    if await is_merging(store, names, ward, entry["unit"]):
        raise Unfit("busy")
    unit = await find_end(store, names, ward, entry["unit"])
    home = await store.find(names.unit(ward, unit), entry["kept"]) or {}
    await check_still(store, names, ward, {entry["kept"], str(home.get("household"))})


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
    await _point_back(store, names, database, entry)
    for former in await former_units(store, names, ward, unit, [lost, kept]):
        await _point_back(store, names, names.unit(ward, former), entry)
    await _let_go(store, names, database, entry, str(wish["by"]))
    await _forget(store, names, ward, lost, kept)
    await store.compact(database)
    while found := await store.find(names.ward(ward).privacy, entry_id(lost)):
        with suppress(Conflict, NotFound):  # another process has just done so
            await store.delete(names.ward(ward).privacy, found["_id"], found["_rev"])
    await release(store, names, ward, lost, at)
    log.info("two records are two again", ward=ward, unit=unit, lost=lost, kept=kept)


async def _point_back(store: Store, names: Names, database: str, entry: Document) -> None:
    """What followed in this unit names the lost record again, which goes on as itself wherever it moved."""
    lost = str(entry["lost"])
    end = (await tombstones(store, database, [lost])).get(lost, {})
    if kept_of(end) == entry["kept"] and MOVED in end:
        await store.graft(database, [child_of(end, {"_id": lost, "_deleted": True, MOVED: end[MOVED]})])
    for id in entry["followed"]:
        await rewrite(store, names, database, id, partial(_named_again, entry))


async def _bring_back(store: Store, names: Names, database: str, entry: Document, unit: str) -> None:
    lost = str(entry["lost"])
    # read before we look whether another process was quicker, which then makes the kept one let go
    leaves = await leaves_of(store, database, str(entry["kept"]))
    end = (await tombstones(store, database, [lost])).get(lost)
    if not leaves or end is None or await leaves_of(store, database, lost):
        return
    back = child_of(end, lost_again(entry, merge(leaves).document, unit))
    await store.graft(database, [back])
    await erase_late(store, Ledger(store, names), database, [back])


def lost_again(entry: Mapping[str, Any], kept: Document, unit: str) -> Document:
    """The lost record as it was, as far as the kept one still says it."""
    said = _values(values_of(kept))
    signs = {name: _value(name, *sign) for name, sign in entry["fields"].items()}
    fields = {name: one for name, sign in signs.items() if (one := _find(said, sign))}
    fields |= {name: kept[name] for name in NEEDED if name in kept and name not in fields}
    if (kept.get("restricted") or {}).get("value"):  # who it was that asked to be left alone, nobody knows
        fields["restricted"] = kept["restricted"]
    past = [_value(*sign) for sign in entry["past"]]
    history = [{"field": sign[0], **one} for sign in past if (one := _find(said, sign))]
    home = {"household": kept["household"]} if "household" in kept else {}
    own = {"_id": entry["lost"], "type": kept["type"], "schema": entry["schema"], "created": entry["created"]}
    return {**own, "unit": unit, **home, **fields, **({"history": history} if history else {})}


def _values(said: Mapping[Sign, list[Any]]) -> dict[Value, dict[str, Any]]:
    """Each value as the register that it was."""
    return {
        (name, at, by, place): {"value": value, "at": at, "by": by}
        for (name, at, by), values in said.items()
        for place, value in enumerate(values)
    }


def _value(field: str, at: str, by: str, place: int = 0) -> Value:
    return field, at, by, place


def _find(said: Mapping[Value, dict[str, Any]], value: Value) -> dict[str, Any] | None:
    """The value, or the only one that is left of that sign."""
    return said.get(value) or said.get((*value[:3], 0))


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
    now, leaves = datetime.now(UTC), await leaves_of(store, database, str(entry["kept"]))
    said = values_of(*leaves)
    fresh = [
        child_of(leaf, after) for leaf in leaves if (after := kept_again(entry, leaf, said, by, now)) != leaf
    ]
    if fresh:
        await store.graft(database, fresh)
        await erase_late(store, Ledger(store, names), database, fresh)


def kept_again(
    entry: Mapping[str, Any], kept: Document, all_said: Mapping[Sign, list[Any]], by: str, now: datetime
) -> Document:
    """The kept record (one leaf; `all_said` by all) without what it took over; what was set since stays.

    Its own values are signed anew (`by`, `now`), so that no late edit of a phone makes the other ones win.
    """
    said = _values(all_said)
    mine = {_value(name, *sign) for name, sign in entry["mine"].items()}
    mine |= {_value(*sign) for sign in entry["mine_past"]}
    theirs = {_value(name, *sign) for name, sign in entry["fields"].items()}
    theirs |= {_value(*sign) for sign in entry["past"]}
    theirs -= mine
    after = {name: value for name, value in kept.items() if name not in ("_rev", "_revisions", "history")}
    taken = [n for n in registers(kept) if _value(n, *sign_of(n, kept[n], all_said)) in theirs]
    for name in taken:
        own = _find(said, _value(name, *entry["mine"].get(name, ("", ""))))
        if own is not None:
            at = max(now, datetime.fromisoformat(kept[name]["at"]) + timedelta(milliseconds=1))
            after[name] = {"value": own["value"], "at": text_of(at), "by": by}
        elif name not in NEEDED:
            del after[name]
    past = kept.get("history", ())
    history = [e for e in past if _value(e["field"], *sign_of(e["field"], e, all_said)) not in theirs]
    return {**after, **({"history": history} if history else {})} if taken or theirs & said.keys() else kept


async def _forget(store: Store, names: Names, ward: str, lost: str, kept: str) -> None:
    ids = {lost, *(await same_as(store, names, ward, [lost])).get(lost, ())}

    def without(stored: Document | None) -> Document | None:
        if stored is None or ids.isdisjoint(stored["ids"]):
            return None
        return {**stored, "ids": sorted(set(stored["ids"]) - ids)}

    await store.update(names.ward(ward).privacy, f"same:{kept}", without)
