"""Ending the consent to a name, so that the name goes wherever it was written.

The record itself loses it by the edit that ends the consent, a phone's or the desk's. Like an erasure
(`sync.erasing`), which this resident did not ask for, it then leaves gaps in notes and labels of the unit and
in its quarantine, and earlier revisions are compacted away. The ledger knows of it before the edit is stored,
with traces of the name, so that what was cut short is finished by `settle`, and so that what phones bring
late is stored with gaps, too. What is finished stays in the ledger as an instant: a restored backup in which
an earlier consent is alive loses the name again (`repeat`), one that was given later keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from sync import background
from sync.aliases import same_as
from sync.erasing import SETTLE_SECONDS, empty_quarantine, redact_all
from sync.heirs import former_units
from sync.ledger import Ledger, Withdrawn
from sync.merge import consent_of
from sync.names import Names
from sync.revisions import child_of
from sync.store import Document, NotFound, Store, StoreError
from sync.traces import phrases_of, without_names

log = structlog.get_logger(__name__)


def ends_consent(after: Mapping[str, Any], before: Iterable[Mapping[str, Any] | None]) -> bool:
    """Whether a name was held with consent, and is held no longer."""
    return any(consent_of(one) for one in before if one is not None) and not consent_of(after)


async def begin(
    store: Store, names: Names, ward: str, unit: str, id: str, before: Iterable[Mapping[str, Any] | None]
) -> None:
    """To be called before the edit is stored, with all that is known of the resident."""
    ledger = Ledger(store, names)
    phrases = {phrase for one in before if one is not None for phrase in phrases_of(_identity_of(one))}
    for place in (unit, *await former_units(store, names, ward, unit, [id])):
        await ledger.trace(ward, place, id, phrases)
        await ledger.begin_withdrawal(ward, place, id)


async def finish(store: Store, names: Names, ward: str, unit: str, id: str) -> bool:
    """Whether the name is gone from everywhere; False while two edits of the record wait to be merged.

    A withdrawal that was not stored after all, or that a later consent undid, leaves no trace.

    :raises StoreError: when it was cut short; `settle` goes on.
    """
    ledger, database = Ledger(store, names), names.unit(ward, unit)
    leaves: list[Document] = []
    with suppress(NotFound):
        leaves = await store.leaves(database, id)
    if len(leaves) > 1:
        return False
    if any(consent_of(leaf) for leaf in leaves):
        await ledger.end_withdrawal(ward, unit, id, traced=False)
        return True
    traces = await ledger.traces(database)
    await redact_all(store, database, lambda one: without_names(one, traces))
    quarantine = names.ward(ward).quarantine
    await empty_quarantine(store, quarantine, names.public(database), [], traces)
    await store.compact(database)
    await store.compact(quarantine)
    if ended := _ended(ward, unit, id, leaves):
        others = (await same_as(store, names, ward, [id])).get(id, [])
        for place in (unit, *await former_units(store, names, ward, unit, [id])):  # a backup may be older
            for one in (id, *others):
                await ledger.remember_withdrawal(replace(ended, unit=place, id=one))
    await ledger.end_withdrawal(ward, unit, id, traced=True)
    return True


def _ended(ward: str, unit: str, id: str, leaves: list[Document]) -> Withdrawn | None:
    """What a restored backup must not undo; nothing for a record that is gone."""
    for leaf in leaves:
        identity = leaf.get("identity")
        if isinstance(identity, dict) and "at" in identity:
            return Withdrawn(ward, unit, id, identity["at"], str(identity["by"]))
    return None


async def try_to_finish(store: Store, names: Names, ward: str, unit: str, id: str) -> None:
    """`finish` now, or leave it to `settle`."""
    try:
        for place in (unit, *await former_units(store, names, ward, unit, [id])):
            await finish(store, names, ward, place, id)
    except StoreError as error:
        log.warning("a withdrawal waits for the store", resident=id, code=error.code)


async def settle(store: Store, names: Names) -> int:
    """`repeat`, and finish what was cut short; how many residents that were."""
    await repeat(store, names)
    existing, count = set(await store.databases()), 0
    with background.apart() as each:
        for entry in await Ledger(store, names).withdrawals():
            if names.unit(entry.ward, entry.unit) in existing:
                with each():
                    count += await finish(store, names, entry.ward, entry.unit, entry.id)
    return count


async def repeat(store: Store, names: Names) -> int:
    """End again the consents that a restored backup brought back; how many. `finish` is still to be done."""
    ledger, existing, count = Ledger(store, names), set(await store.databases()), 0
    with background.apart() as each:
        async for page in ledger.withdrawn():
            units: dict[tuple[str, str], dict[str, Withdrawn]] = defaultdict(dict)
            for one in page:
                units[one.ward, one.unit][one.id] = one
            for (ward, unit), ended in units.items():
                database = names.unit(ward, unit)
                with each():
                    count += (
                        await _end_all_again(store, names, database, ended) if database in existing else 0
                    )
    return count


async def _end_all_again(store: Store, names: Names, database: str, ended: Mapping[str, Withdrawn]) -> int:
    count = 0
    for row in await store.all_docs(database, keys=list(ended), include_docs=True):
        if _is_back(row.get("doc"), ended[row["key"]].at):
            await _end_again(store, names, database, ended[row["key"]])
            count += 1
    return count


def _is_back(resident: Document | None, ended: str) -> bool:
    """Whether a consent counts that was given before."""
    return bool(resident and consent_of(resident) and resident["identity"]["at"] <= ended)


async def _end_again(store: Store, names: Names, database: str, one: Withdrawn) -> None:
    leaves = await store.leaves(database, one.id)
    await begin(store, names, one.ward, one.unit, one.id, leaves)
    identity = {"value": {}, "at": one.at, "by": one.by}
    back = [leaf for leaf in leaves if _is_back(leaf, one.at)]
    ends = [child_of(leaf, {**without_past_names(leaf), "identity": identity}) for leaf in back]
    await store.graft(database, ends)


def without_past_names(resident: Document) -> Document:
    """The record without the names in its history."""
    history = [entry for entry in resident.get("history", ()) if entry.get("field") != "identity"]
    rest = {name: value for name, value in resident.items() if name != "history"}
    return {**rest, "history": history} if history else rest


def _identity_of(resident: Mapping[str, Any]) -> Document:
    """The record as far as the consent covered it: a label needs none."""
    return {name: value for name, value in resident.items() if name != "label"}


async def follow(store: Store, names: Names) -> None:
    """`settle` now and then, until cancelled."""
    await background.repeat(lambda: settle(store, names), "withdrawals", every=SETTLE_SECONDS)
