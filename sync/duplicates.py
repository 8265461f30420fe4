"""Records that are probably one door or one person: found, ranked, and set aside by who knows better.

Doors are compared when the numbers of their addresses are the same, in the same order: "Số 12, ngõ 5" and
"12 ngo 5, đường Bờ Mương". Residents are compared within one household, by folded name, telephone number and
label. One look reads the unit's households and residents once, a page at a time, and compares no more than
`CROWD` records with one another; what two people have said are two is told by ids in the ward's `privacy`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, Literal

import anyio

from sync.clocks import text_of
from sync.names import Names
from sync.residents import address_of, is_restricted, read_phone
from sync.store import Document, Store
from sync.text import fold
from sync.twins import is_gone

CROWD = 40
"""Of more records than these that have the same numbers, only those that say exactly the same are pairs."""
MOST = 50
"""Pairs that are shown at once, the likeliest first."""
ENOUGH = 2000
"""More pairs than these are not even counted."""
_PARTS = ("house", "lane", "street", "building", "unit_text")
_TOKEN = re.compile(r"\d+|[a-z]+")
_NOISE = {"so", "nha", "duong", "pho", "toa", "chung", "cu", "can", "ho", "phong", "tang", "khu"}
_NOISE |= {"ngo", "ngach", "hem", "kiet", "dg", "ng", "sn"}

Why = Literal["address", "part", "phone", "name", "label"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records (ids) that may be one, `why`, and where: the address of the door, or of both doors."""

    first: str
    second: str
    why: Why
    addresses: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, str]:
        return ("address", "phone", "name", "part", "label").index(self.why), self.addresses[0]


def words_of(address: Mapping[str, Any]) -> tuple[str, ...]:
    """The words and numbers of an address that tell one door from another."""
    said = fold(" ".join(str(address.get(part) or "") for part in _PARTS))
    return tuple(word.lstrip("0") or "0" for word in _TOKEN.findall(said) if word not in _NOISE)


def pair_doors(doors: Iterable[Document]) -> list[Pair]:
    """Households of one unit that may be one."""
    blocks: dict[tuple[str, ...], list[tuple[frozenset[str], str, str]]] = defaultdict(list)
    for door in doors:
        words = words_of((door.get("address") or {}).get("value") or {})
        if words:
            numbers = tuple(word for word in words if word.isdigit())
            blocks[numbers or words].append((frozenset(words), door["_id"], address_of(door)))
    found: list[Pair] = []
    for block in blocks.values():
        for one, other in _compared(block):
            if one[0] <= other[0] or other[0] <= one[0]:
                why: Why = "address" if one[0] == other[0] else "part"
                first, second = sorted((one, other), key=lambda door: door[1])
                found.append(Pair(first[1], second[1], why, (first[2], second[2])))
    return found


def _compared(
    block: Sequence[tuple[frozenset[str], str, str]],
) -> Iterable[tuple[tuple[frozenset[str], str, str], tuple[frozenset[str], str, str]]]:
    if len(block) <= CROWD:
        return combinations(block, 2)
    same: dict[frozenset[str], list[tuple[frozenset[str], str, str]]] = defaultdict(list)
    for door in block:
        same[door[0]].append(door)
    return (pair for some in same.values() for pair in combinations(some[:CROWD], 2))


def pair_people(residents: Iterable[Document], addresses: Mapping[str, str]) -> list[Pair]:
    """Residents of one household that may be one."""
    homes: dict[str, list[Document]] = defaultdict(list)
    for one in residents:
        homes[str(one.get("household"))].append(one)
    found: dict[tuple[str, str], Pair] = {}
    for home, people in homes.items():
        whys: tuple[Why, ...] = ("phone", "name", "label")
        for why in whys:
            alike: dict[str, list[str]] = defaultdict(list)
            for one in people:
                if said := _said(one, why):
                    alike[said].append(one["_id"])
            for some in alike.values():
                for first, second in combinations(sorted(some[:CROWD]), 2):
                    pair = Pair(first, second, why, (addresses.get(home, ""),))
                    found.setdefault((first, second), pair)
    return list(found.values())


def _said(resident: Document, why: Why) -> str:
    identity = (resident.get("identity") or {}).get("value") or {}
    if why == "phone":
        return read_phone(str(identity.get("phone") or "")) or ""
    name = " ".join(fold(str(identity.get("name") or "")).split())
    label = " ".join(_TOKEN.findall(fold(str(resident["label"]["value"]))))
    if why == "name":
        return name or label
    return f"{label}|{resident['age_band']['value']}" if label else ""


async def find_pairs(store: Store, names: Names, ward: str, unit: str) -> tuple[list[Pair], int]:
    """The likeliest pairs of a unit, at most `MOST`, without those set aside; and how many there are."""
    database = names.unit(ward, unit)
    doors = [one for one in await _read(store, database, "household") if not is_gone(one)]
    people = await _read(store, database, "resident")
    people = [one for one in people if not is_gone(one) and not is_restricted(one)]
    addresses = {door["_id"]: address_of(door) for door in doors}
    pairs = await anyio.to_thread.run_sync(lambda: pair_doors(doors) + pair_people(people, addresses))
    pairs = sorted(pairs, key=lambda pair: pair.rank)[:ENOUGH]
    aside = await _set_aside(store, names, ward, pairs)
    pairs = [pair for pair in pairs if _apart_id(pair.first, pair.second) not in aside]
    return pairs[:MOST], len(pairs)


async def _read(store: Store, database: str, kind: str) -> list[Document]:
    """What is compared, and no more of it than that."""
    wanted = ("_id", "household", "address", "label", "age_band", "identity", "gone", "restricted")
    return [
        {name: one[name] for name in wanted if name in one}
        async for page in store.pages(database, startkey=f"{kind}:", endkey=f"{kind};")
        for one in page
    ]


async def _set_aside(store: Store, names: Names, ward: str, pairs: Sequence[Pair]) -> set[str]:
    keys = [_apart_id(pair.first, pair.second) for pair in pairs]
    rows = await store.all_docs(names.ward(ward).privacy, keys=keys) if keys else []
    return {row["key"] for row in rows if row.get("value") and not row["value"].get("deleted")}


async def set_aside(store: Store, names: Names, ward: str, first: str, second: str, by: str) -> None:
    """These two are two: they are not shown as a pair again."""
    entry = {"type": "apart", "by": by, "at": text_of(datetime.now(UTC))}
    await store.update(
        names.ward(ward).privacy, _apart_id(first, second), lambda stored: None if stored else entry
    )


def _apart_id(first: str, second: str) -> str:
    return f"apart:{'|'.join(sorted((first, second)))}"
