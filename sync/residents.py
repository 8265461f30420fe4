"""Residents as the ward answers them: found by what they say of themselves, read whole, corrected, marked.

Nothing is indexed for the look-up: an index of names would be one more place that erasing has to reach.
What the desk sets is signed later than anything stored, so that no edit a phone made before can win over it
(`sync.merge`); a volunteer who asks the resident again may of course set it anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sync import withdrawing
from sync.aliases import resolve, same_as
from sync.clocks import text_of
from sync.documents import ULID
from sync.erasing import erase_late, people_of
from sync.heirs import former_units
from sync.ledger import Ledger
from sync.merge import MergeError, amended, merge
from sync.names import Names
from sync.store import Document, NotFound, Store
from sync.text import fold

MOST = 20
"""More hits than these are too many to be one person: something has to be added."""
_ID = re.compile(rf"resident:{ULID}")
_PHONE_LIKE = re.compile(r"[\d\s.()+-]{8,}")
_NUMBER = re.compile(r"0[35789]\d{8}|024\d{8}")
_PARTS = ("unit_text", "building", "house", "lane", "street")


@dataclass(frozen=True, slots=True)
class Found:
    """A resident of a unit and where they live."""

    unit: str
    resident: Document
    address: str


@dataclass(frozen=True, slots=True)
class Held:
    """Everything that is kept about one resident of a unit.

    `resident` is what all branches amount to, with its history; `visits` those that helped this person;
    `refused` what phones brought and the quarantine keeps.
    """

    unit: str
    resident: Document
    address: str
    visits: list[Document]
    refused: list[Document]


async def search(
    store: Store, names: Names, ward: str, units: Sequence[str], query: str
) -> tuple[list[Found], bool]:
    """Residents for whom every word stands in name, label, number or address; and whether there are more.

    At most `MOST`. A query that looks like a telephone number finds that number alone.
    """
    found: list[Found] = []
    words, number = fold(query).replace(",", " ").split(), _digits(query)
    existing = set(await store.databases())
    for unit in units:
        database = names.unit(ward, unit)
        if not words or database not in existing:
            continue
        addresses = {one["_id"]: address_of(one) async for one in _each(store, database, "household")}
        async for one in _each(store, database, "resident"):
            address = addresses.get(one.get("household"), "")
            if not _matches(one, address, words, number):
                continue
            if len(found) == MOST:
                return found, True
            found.append(Found(unit, one, address))
    return found, False


async def find(store: Store, names: Names, ward: str, unit: str, id: str) -> Found | None:
    """The resident, or the one as whom this one goes on; None when there is no such one (any more)."""
    database = names.unit(ward, unit)
    resident = await _merged(store, database, await now_as(store, database, id))
    if resident is None:
        return None
    home = await store.find(names.unit(ward, unit), str(resident.get("household")))
    return Found(unit, resident, address_of(home or {}))


async def read_held(store: Store, names: Names, ward: str, unit: str, id: str) -> Held | None:
    """What the ward must be able to show to a resident who asks; None when there is nothing."""
    found = await find(store, names, ward, unit, id)
    if found is None:
        return None
    id = found.resident["_id"]
    ids = [id, *(await same_as(store, names, ward, [id])).get(id, ())]
    database, quarantine = names.unit(ward, unit), names.ward(ward).quarantine
    visits = [one async for one in _each(store, database, "visit") if id in people_of(one)]
    for former in await former_units(store, names, ward, unit, [id]):
        place = names.unit(ward, former)
        visits += [one async for one in _each(store, place, "visit") if id in people_of(one)]
    refused = [
        entry
        async for entry in _each(store, quarantine, "refused")
        if entry.get("unit") == unit and any(one in json.dumps(entry.get("document")) for one in ids)
    ]
    visits.sort(key=lambda one: str(one["record"]["value"].get("at")))
    return Held(unit, found.resident, found.address, visits, refused)


async def amend(
    store: Store, names: Names, ward: str, unit: str, id: str, by: str, fields: dict[str, Any]
) -> Document | None:
    """The resident with other values; None for one who is gone, also while this was written.

    Names leave the history together with the consent to keep them, and everything else that told them
    (`sync.withdrawing`).
    """
    database = names.unit(ward, unit)
    ledger = Ledger(store, names)
    ends_consent = "identity" in fields and "consent" not in fields["identity"]

    def change(stored: Document | None) -> Document | None:
        if stored is None:
            return None
        after = amended(stored, _registers(stored, fields, by))
        return withdrawing.without_past_names(after) if ends_consent else after

    id = await now_as(store, database, id)
    if not _ID.fullmatch(id) or id in await ledger.erased(database, [id]):
        return None
    if ends_consent:
        await withdrawing.begin(store, names, ward, unit, id, [await _merged(store, database, id)])
    saved = await store.update(database, id, change)
    if saved is None or await erase_late(store, ledger, database, [saved]):
        return None
    if ends_consent:
        await withdrawing.try_to_finish(store, names, ward, unit, id)
    return saved


async def now_as(store: Store, database: str, id: str) -> str:
    """The id as which a record goes on: its own, unless it was merged into another one."""
    return (await resolve(store, database, [id])).get(id, id)


def address_of(household: Document) -> str:
    """In one line, from the smallest part to the street."""
    address = (household.get("address") or {}).get("value") or {}
    return ", ".join(str(address[part]) for part in _PARTS if address.get(part))


def name_of(resident: Document) -> str:
    """What to call a resident: the name where there is one, else the label."""
    return str(_value(resident, "identity").get("name") or resident["label"]["value"])


def read_phone(text: str) -> str | None:
    """A mobile or Hà Nội landline number with its digits only, None for anything else."""
    digits = _digits(text)
    return digits if _NUMBER.fullmatch(digits) else None


def is_restricted(resident: Document) -> bool:
    return bool((resident.get("restricted") or {}).get("value"))


def _value(resident: Document, field: str) -> dict[str, Any]:
    value = (resident.get(field) or {}).get("value")
    return value if isinstance(value, dict) else {}


def _matches(resident: Document, address: str, words: Collection[str], number: str) -> bool:
    identity = _value(resident, "identity")
    if number:
        return _digits(str(identity.get("phone") or "")) == number
    said = fold(" ".join([str(identity.get("name") or ""), resident["label"]["value"], address]))
    return all(word in said for word in words)


def _digits(text: str) -> str:
    """The digits of what looks like a telephone number, else nothing."""
    if not _PHONE_LIKE.fullmatch(text.strip()):
        return ""
    return re.sub(r"^84", "0", re.sub(r"\D", "", text))


def _registers(stored: Document, fields: dict[str, Any], by: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        name: {"value": value, "at": _after(stored.get(name), now), "by": by}
        for name, value in fields.items()
        if (stored.get(name) or {}).get("value") != value
    }


def _after(register: Any, now: datetime) -> str:
    """Now, or just after what is stored: a phone's clock may be some minutes ahead."""
    if not isinstance(register, dict):
        return text_of(now)
    return text_of(max(now, datetime.fromisoformat(register["at"]) + timedelta(milliseconds=1)))


async def _merged(store: Store, database: str, id: str) -> Document | None:
    leaves: list[Document] = []
    with suppress(NotFound):
        leaves = await store.leaves(database, id) if _ID.fullmatch(id) else []
    if not leaves:
        return None
    with suppress(MergeError, KeyError, TypeError):
        return merge([_plain(leaf) for leaf in leaves]).document
    return leaves[0]


def _plain(leaf: Document) -> Document:
    return {name: value for name, value in leaf.items() if name not in ("_rev", "_revisions")}


async def _each(store: Store, database: str, kind: str) -> AsyncIterator[Document]:
    async for page in store.pages(database, startkey=f"{kind}:", endkey=f"{kind};"):
        for document in page:
            yield document
