"""Two records of one door, or of one person, go on as one of them; undone within `UNDO_DAYS`.

Every step may be taken again, by any process, so that a merge goes on wherever it was cut short:

1. ``twins`` in the ward's `privacy` database says which two are being merged: nobody merges either of them
   meanwhile. ``same:<kept>`` says what goes on as it, so that whoever is erased is erased under both ids.
2. ``twin:<lost>`` notes what an undo needs: ids, and of each value when and by whom it was set. The values
   themselves are in the kept record's history, where erasing and the end of a consent reach them.
3. The kept record takes over what was known of the other one (`sync.absorbing`), residents and visits that
   name the lost one name the kept one, and the lost one leaves a tombstone that says where it went.
4. What came meanwhile goes the same way, until nothing names the lost one any more; then the merge is done.

A phone that was out of reach may go on naming the lost one: the gateway takes that for the kept one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from sync import withdrawing
from sync.absorbing import Sign, absorbed, sign_of, values_of
from sync.aliases import MERGED, OPEN, kept_of, rewritten, same_as, tombstones
from sync.clocks import text_of
from sync.erasing import Redact, erase_all, erase_late
from sync.heirs import MOVED, find_end, find_heir, former_units, place_of
from sync.ledger import Ledger
from sync.merge import MergeError, consent_of, merge, registers
from sync.names import Names
from sync.residents import is_restricted
from sync.revisions import NOTHING, child_of
from sync.store import Document, NotFound, Store

UNDO_DAYS = 30
MOST_PASSES = 20
log = structlog.get_logger(__name__)


class Unfit(Exception):
    """These two are not merged, or not taken apart: `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def join(store: Store, names: Names, ward: str, unit: str, lost: str, kept: str, by: str) -> None:
    """Returns once `lost` goes on as `kept`, and nothing names it any more.

    :raises Unfit: ``gone`` when one of them is not there (any more), ``busy`` while one of them is merged or
        moved, ``restricted`` for a resident who asked to be left alone, ``child`` when one alone is under
        16, ``apart`` for two that cannot be one.
    :raises StoreError: when it was cut short; `sync.twins_after` goes on.
    """
    await _check_now(store, names, ward, unit, lost, kept)
    now = text_of(datetime.now(UTC))
    wish = {"do": "merge", "lost": lost, "kept": kept, "unit": unit, "by": by, "at": now}
    found = await claim(store, names, ward, wish)
    try:
        if found is wish:  # whoever was quicker may have merged one of them, or moved it, elsewhere
            await _check_now(store, names, ward, unit, lost, kept)
    except Unfit:
        await release(store, names, ward, lost, now)
        raise
    await go_on(store, names, ward, found)


async def _check_now(store: Store, names: Names, ward: str, unit: str, lost: str, kept: str) -> None:
    pair = [await store.find(names.unit(ward, unit), id) for id in (lost, kept)]
    _check(pair)
    for id in (lost, kept):
        if not (leaves := await leaves_of(store, names.unit(ward, unit), id)):
            raise Unfit("gone")
        try:
            merge(leaves)
        except MergeError:  # one id, given twice
            raise Unfit("apart") from None
    if await find_heir(store, names, ward, unit):
        raise Unfit("busy")
    await check_still(store, names, ward, {lost, kept, *(str((one or {}).get("household")) for one in pair)})


async def check_still(store: Store, names: Names, ward: str, ids: Collection[str]) -> None:
    """:raises Unfit: ``busy`` while one of these households is on its way to another unit."""
    for id in ids:
        moving = await store.find(names.ward(ward).privacy, f"move:{id}")
        if moving and not moving["done"]:
            raise Unfit("busy")


def _check(pair: list[Document | None]) -> None:
    first, second = pair
    if first is None or second is None or is_gone(first) or is_gone(second):
        raise Unfit("gone")
    if is_restricted(first) or is_restricted(second):
        raise Unfit("restricted")
    alike = all(first.get(name) == second.get(name) for name in ("type", "household", "unit"))
    if is_child(first) != is_child(second):  # whose consent a name needs differs
        raise Unfit("child")
    if not alike or first["_id"] == second["_id"] or first["type"] not in ("household", "resident"):
        raise Unfit("apart")


def is_child(record: Document) -> bool:
    return bool((record.get("age_band") or {}).get("value") == "under-16")


def is_gone(record: Document) -> bool:
    return bool((record.get("gone") or {}).get("value"))


async def claim(store: Store, names: Names, ward: str, wish: Document) -> Document:
    """The wish, or the same one that was begun before; nobody else has either record."""
    found = wish

    def change(stored: Document | None) -> Document | None:
        nonlocal found
        found, running = wish, dict((stored or {}).get("open", {}))
        same = running.get(wish["lost"])
        if same and (same["kept"], same["do"]) == (wish["kept"], wish["do"]):
            found = same
            return None
        taken = {id for one in running.values() for id in (one["lost"], one["kept"])}
        if taken & {wish["lost"], wish["kept"]}:
            raise Unfit("busy")
        return {**(stored or {"type": OPEN}), "open": {**running, wish["lost"]: wish}}

    await store.update(names.ward(ward).privacy, OPEN, change)
    return found


async def release(store: Store, names: Names, ward: str, lost: str, at: str) -> None:
    def change(stored: Document | None) -> Document | None:
        running = dict((stored or {}).get("open", {}))
        if stored is None or running.get(lost, {}).get("at") != at:
            return None
        del running[lost]
        return {**stored, "open": running}

    await store.update(names.ward(ward).privacy, OPEN, change)


async def go_on(store: Store, names: Names, ward: str, wish: Mapping[str, Any]) -> None:
    lost, kept, at = str(wish["lost"]), str(wish["kept"]), str(wish["at"])
    unit = await find_end(store, names, ward, str(wish["unit"]))
    database, privacy = names.unit(ward, unit), names.ward(ward).privacy
    place = await locate(store, names, ward, unit, kept)
    entry = await store.find(privacy, entry_id(lost))
    begun = entry is not None and entry["at"] == at
    if place is None and not begun:  # erased just now: there is nothing to go on as
        await release(store, names, ward, lost, at)
        raise Unfit("gone")
    await _remember(store, names, ward, lost, kept)
    for _ in range(MOST_PASSES):
        if not await _pass(store, names, ward, unit, {**wish, "unit": unit}):
            break
    for former in await former_units(store, names, ward, unit, [lost]):
        await _follow_in(store, names, ward, former, wish)
    if {lost, kept} & await Ledger(store, names).erased(database, [lost, kept]):  # meanwhile: both, then
        await erase_all(store, names, ward, unit, [lost, kept])
    await store.compact(database)
    ended = text_of(datetime.now(UTC))

    def end(stored: Document | None) -> Document | None:
        if stored is None or stored["at"] != at or stored["done"]:
            return None
        return {**stored, "done": True, "ended": ended}

    await store.update(privacy, entry_id(lost), end)
    await release(store, names, ward, lost, at)
    if lost.startswith("resident:") and place:
        await withdrawing.try_to_finish(store, names, ward, place[0], place[1])
    log.info("two records became one", ward=ward, unit=unit, lost=lost, kept=kept)


async def _pass(store: Store, names: Names, ward: str, unit: str, wish: Mapping[str, Any]) -> bool:
    """Whether there was anything to do."""
    database, lost, kept = names.unit(ward, unit), str(wish["lost"]), str(wish["kept"])
    leaves, named = await leaves_of(store, database, lost), await _naming(store, database, lost, kept)
    if not leaves and not named:
        return False
    place = await locate(store, names, ward, unit, kept)
    mine = await leaves_of(store, names.unit(ward, place[0]), place[1]) if place else []
    await _note(store, names, ward, wish, leaves, mine, named)
    if leaves and place:
        told = store, names, ward, *place, leaves, str(wish["by"])
        if not await take_over(*told, decided=str(wish["at"])):
            return True  # it went elsewhere just now
    for id in named:
        await rewrite(store, names, database, id, _renaming(lost, place[1] if place else kept))
    ends = [child_of(leaf, {"_id": lost, "_deleted": True, MERGED: kept}) for leaf in leaves]
    if ends:
        await store.graft(database, ends)
    left = (await tombstones(store, database, [lost])).get(lost)
    if left is not None and not kept_of(left):  # a branch that ended earlier is longer than ours
        await store.graft(database, [child_of(left, {"_id": lost, "_deleted": True, MERGED: kept})])
    return True


async def _follow_in(store: Store, names: Names, ward: str, former: str, wish: Mapping[str, Any]) -> None:
    """Visits that stayed in a unit which held the lost record before it moved."""
    database, lost, kept = names.unit(ward, former), str(wish["lost"]), str(wish["kept"])
    named = await _naming(store, database, lost, kept)
    if named:
        await _note(store, names, ward, wish, [], [], named)
    for id in named:
        await rewrite(store, names, database, id, _renaming(lost, kept))
    left = (await tombstones(store, database, [lost])).get(lost)
    end = {"_id": lost, "_deleted": True, MERGED: kept, MOVED: (left or {}).get(MOVED, wish["unit"])}
    if left is None:  # it never lived here, only one that went on as it
        await store.graft(database, [child_of(NOTHING, end)])
    elif not kept_of(left):
        await store.graft(database, [child_of(left, end)])


async def take_over(
    store: Store,
    names: Names,
    ward: str,
    unit: str,
    kept: str,
    lost: list[Document],
    by: str,
    *,
    decided: str,
) -> bool:
    """The kept record with all that these leaves of the lost one say; see `sync.absorbing.absorbed`.

    False when there is no kept record here (any more): then nothing is written.
    """
    database = names.unit(ward, unit)
    leaves = await leaves_of(store, database, kept)
    if not leaves:
        return False
    after = absorbed(merge(leaves).document, merge(lost).document, by, decided=decided)
    base = max(leaves, key=lambda leaf: (int(leaf["_rev"].partition("-")[0]), leaf["_rev"]))
    before = [*leaves, *lost]
    if any(map(consent_of, before)) and not consent_of(after):
        await withdrawing.begin(store, names, ward, unit, kept, before)
    if after == {name: value for name, value in base.items() if name not in ("_rev", "_revisions")}:
        return True
    fresh = child_of(base, after)
    await store.graft(database, [fresh])
    await erase_late(store, Ledger(store, names), database, [fresh])
    return True


async def take_late(
    store: Store, names: Names, ward: str, unit: str, kept: str, brought: Document, said: Document, by: str
) -> bool:
    """What was brought of a merged record, and says this by now, becomes an edit of the kept one.

    False when there is no such one here (any more): then nothing is written.
    """
    if not await take_over(store, names, ward, unit, kept, [said], by, decided=""):
        return False
    if kept.startswith("resident:"):
        await withdrawing.try_to_finish(store, names, ward, unit, kept)
    end = {"_id": brought["_id"], "_deleted": True, MERGED: kept}
    await store.graft(names.unit(ward, unit), [child_of(brought, end)])
    return True


async def locate(store: Store, names: Names, ward: str, unit: str, id: str) -> tuple[str, str] | None:
    """Unit and id under which a record lives now, after any moves and merges; None when it is gone."""
    for _ in range(MOST_PASSES):
        database = names.unit(ward, unit)
        with suppress(NotFound):
            if await store.leaves(database, id):
                return unit, id
        left = (await tombstones(store, database, [id])).get(id, {})
        unit, id = place_of(left) or unit, kept_of(left) or id
        if not place_of(left) and not kept_of(left):
            return None
    return None


async def leaves_of(store: Store, database: str, id: str) -> list[Document]:
    with suppress(NotFound):
        return await store.leaves(database, id)
    return []


async def _naming(store: Store, database: str, lost: str, kept: str) -> dict[str, list[int] | None]:
    """Residents and visits that name a record; of visits that name the other one, too, in which helps."""
    found: dict[str, list[int] | None] = {}

    def look(one: Document) -> None:
        if _renaming(lost, "")(one) != one:
            found[one["_id"]] = helps_of(one, lost) if _renaming(kept, "")(one) != one else None

    for kind in ("resident", "visit") if lost.startswith("household:") else ("visit",):
        async for page in store.pages(database, startkey=f"{kind}:", endkey=f"{kind};"):
            for one in page:
                look(one)
    waiting = []
    with suppress(NotFound):
        waiting = await store.view(database, "conflicts", "open")
    for id in {row["id"] for row in waiting} - found.keys():
        for leaf in await leaves_of(store, database, id):
            look(leaf)
    return found


def helps_of(visit: Document, person: str) -> list[int]:
    """Which helps of a visit were for this person."""
    record = (visit.get("record") or {}).get("value")
    helps = record.get("helps") if isinstance(record, dict) else None
    each = helps if isinstance(helps, list) else []
    return [at for at, help in enumerate(each) if isinstance(help, dict) and help.get("person") == person]


async def rewrite(store: Store, names: Names, database: str, id: str, how: Redact) -> None:
    """A changed child on every live leaf that needs one; who is erased meanwhile stays so."""
    leaves = await leaves_of(store, database, id)
    fresh = [child_of(leaf, changed) for leaf in leaves if (changed := how(leaf)) != leaf]
    if fresh:
        await store.graft(database, fresh)
        await erase_late(store, Ledger(store, names), database, fresh)


def _renaming(lost: str, kept: str) -> Redact:
    return lambda one: rewritten(one, {lost: kept})


async def _note(
    store: Store,
    names: Names,
    ward: str,
    wish: Mapping[str, Any],
    leaves: list[Document],
    mine: list[Document],
    named: Mapping[str, list[int] | None],
) -> None:
    """What an undo needs, before anything is changed: no value, and nothing that says who someone is."""
    lost = merge(leaves).document if leaves else {}
    kept = merge(mine).document if mine else {}

    def add(stored: Document | None) -> Document:
        if stored is None or stored["at"] != wish["at"]:
            rev = {"_rev": stored["_rev"]} if stored else {}
            asked = {name: wish[name] for name in ("lost", "kept", "unit", "by", "at")}
            stored = {**rev, "type": "twin", **asked, "done": False, "followed": {}}
        if lost and "created" not in stored:
            stored |= {name: lost[name] for name in ("created", "schema")}
            said = values_of(lost, kept)
            stored |= {"fields": _signs(lost, said), "past": _past(lost, said)}
            stored |= {"mine": _signs(kept, said), "mine_past": _past(kept, said)}
        return {**stored, "followed": {**named, **stored["followed"]}}

    await store.update(names.ward(ward).privacy, entry_id(str(wish["lost"])), add)


def _signs(document: Document, said: Mapping[Sign, list[Any]]) -> dict[str, list[Any]]:
    return {name: sign_of(name, document[name], said) for name in registers(document)}


def _past(document: Document, said: Mapping[Sign, list[Any]]) -> list[list[Any]]:
    return [[one["field"], *sign_of(one["field"], one, said)] for one in document.get("history", ())]


async def _remember(store: Store, names: Names, ward: str, lost: str, kept: str) -> None:
    ids = {lost, *(await same_as(store, names, ward, [lost])).get(lost, ())}

    def add(stored: Document | None) -> Document | None:
        before = set((stored or {}).get("ids", ()))
        return None if ids <= before else {**(stored or {"type": "same"}), "ids": sorted(before | ids)}

    await store.update(names.ward(ward).privacy, f"same:{kept}", add)


async def list_merges(store: Store, names: Names, ward: str, unit: str) -> list[Document]:
    """The merges of a unit that can be undone, newest first: `lost`, `kept`, `at`, `by`."""
    found: list[Document] = []
    ends: dict[str, str] = {}
    since = text_of(datetime.now(UTC) - timedelta(days=UNDO_DAYS))
    with suppress(NotFound):
        async for page in store.pages(names.ward(ward).privacy, startkey="twin:", endkey="twin;"):
            for one in page:
                if one["unit"] not in ends:
                    ends[one["unit"]] = await find_end(store, names, ward, one["unit"])
                if one["done"] and ends[one["unit"]] == unit and one["at"] >= since:
                    found.append(one)
    return sorted(found, key=lambda one: str(one["at"]), reverse=True)


def entry_id(lost: str) -> str:
    return f"twin:{lost}"
