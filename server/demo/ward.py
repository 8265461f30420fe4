"""A ward to try things with: its name is real, its teams, people and records are invented.

``gtn demo`` and the first start of ``make run`` fill an empty ward; one that holds anything is left alone.
What was begun is noted first (``demo`` in the ward's catalog database), so that a fill that was cut off
goes on where it stopped and nothing is there twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Protocol

import anyio

from server.accounts import Accounts
from server.catalog import Catalog, add_unit
from server.content import Text, Unit
from server.demo.names import Sex, person_name
from server.demo.passwords import new_password
from server.demo.unit import VIETNAM, batches, documents
from server.settings import Settings
from sync.names import Names
from sync.store import Document, PartlySaved, Store
from sync.units import prepare_unit

MARK = "demo"
FILE = "demo-sign-ins.json"
AT_ONCE = 3
"""Units filled at the same time."""

CATALOG_UNITS = ("tram-y-te", "mttq")
TEAMS = (("tdp-07", "Tổ dân phố số 7"), ("tdp-08", "Tổ dân phố Thượng 2"), ("tdp-03-cu", "TDP số 3 cũ"))
PEOPLE = (
    ("hoa", "Nguyễn Thị Hoa", "volunteer", "tdp-07"),
    ("nam", "Trần Văn Nam", "volunteer", "tdp-07"),
    ("lan", "Lê Thị Lan", "lead", "tdp-07"),
    ("binh", "Phạm Đức Bình", "volunteer", "tdp-08"),
    ("yen", "Đỗ Hải Yến", "reporter", "tram-y-te"),
    ("giamsat", "Vũ Thanh Hằng", "supervisor", None),
    ("quantri", "Đặng Quốc Khánh", "admin", None),
)


class Site(Protocol):
    """What of the running server a fill needs."""

    store: Store
    names: Names
    settings: Settings
    catalog: Catalog
    accounts: Accounts


@dataclass(frozen=True, slots=True)
class SignIn:
    """Someone to try the program as."""

    login: str
    password: str
    name: str
    role: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """One unit's share of the invented data."""

    unit: Unit
    households: int
    visits: int


async def fill(site: Site, full: bool = False, *, seed: int = 1, now: datetime | None = None) -> list[SignIn]:
    """Fill an empty ward; whom one may sign in as. The same seed and instant give the same records.

    A ward with records of its own is left as it is; the list is then empty.
    """
    database = site.names.ward(site.settings.ward).catalog
    begun = await site.store.find(database, MARK)
    if begun is None:
        if await _has_records(site):
            return []
        at = (now or datetime.now(UTC)).isoformat()
        await site.store.put(database, {"_id": MARK, "type": "demo", "at": at, "seed": seed, "full": full})
        begun = await site.store.get(database, MARK)
    sign_ins = _sign_ins(site.settings.data)
    if not begun.get("finished"):
        await _fill(site, begun, sign_ins)
        await site.store.put(database, {**begun, "finished": True})
    return sign_ins


async def _fill(site: Site, begun: Mapping[str, Any], sign_ins: Sequence[SignIn]) -> None:
    ward = site.settings.ward
    now = datetime.fromisoformat(begun["at"])
    parts = plan(site.catalog, full=begun["full"])
    database = site.names.ward(ward).catalog
    for part in parts:
        await add_unit(site.store, database, part.unit)
    await site.catalog.read_units(site.store, database)
    people = {part.unit.code: _people(part.unit.code, begun["seed"]) for part in parts}
    await _add_people(site, sign_ins, people)
    limit = anyio.CapacityLimiter(AT_ONCE)

    async def bring(part: Part) -> None:
        async with limit:
            code = part.unit.code
            await prepare_unit(site.store, site.names, ward, code)
            made = documents(
                code,
                begun["seed"],
                part.households,
                part.visits,
                now.astimezone(VIETNAM).date(),
                people=list(people[code]),
                now=now,
            )
            await _save(site.store, site.names.unit(ward, code), made)

    async with anyio.create_task_group() as tasks:
        for part in parts:
            tasks.start_soon(bring, part)


def plan(catalog: Catalog, *, full: bool) -> list[Part]:
    """Which units, and how much in each: 3 teams and 2 institutions, or 40 units of a whole ward."""
    offices = [unit for code, unit in catalog.units.items() if full or code in CATALOG_UNITS]
    teams = _all_teams(40 - len(offices)) if full else [_team(code, name) for code, name in TEAMS]
    households, visits, desk = (12_000, 20_000, 60) if full else (120, 300, 15)
    visits -= desk * len(offices)
    shares = zip(teams, _split(households, len(teams)), _split(visits, len(teams)), strict=True)
    return [*(Part(*share) for share in shares), *(Part(unit, 0, desk) for unit in offices)]


def _all_teams(count: int) -> list[Unit]:
    named = [_team(code, name) for code, name in TEAMS]
    hamlets = ("Thượng 1", "Thượng 3", "Xóm Đình", "Giếng Làng", "Bãi Dâu", "Cổng Gạch")
    named += [_team(f"xom-{number}", f"Tổ dân phố {name}") for number, name in enumerate(hamlets, 1)]
    taken = {unit.code for unit in named}
    numbered = (f"tdp-{number:02d}" for number in range(1, 100))
    named += [_team(code, f"Tổ dân phố số {int(code[-2:])}") for code in numbered if code not in taken]
    return named[:count]


def _team(code: str, name: str) -> Unit:
    english = name.replace("Tổ dân phố số", "Residential group").replace("Tổ dân phố", "Residential group")
    english = english.replace("TDP số 3 cũ", "Former residential group 3")
    return Unit(code=code, kind="team", name=Text(vi=name, en=english))


def _split(total: int, parts: int) -> list[int]:
    return [total // parts + (1 if number < total % parts else 0) for number in range(parts)]


# -- people -----------------------------------------------------------------------------------------


def _people(unit: str, seed: int) -> dict[str, str]:
    """Who knocks on doors for a unit, by id; those one may sign in as, and up to three in all."""
    known = {f"person:{login}": name for login, name, _, code in PEOPLE if code == unit}
    rng = Random(f"{seed}/people/{unit}")  # noqa: S311 - invented data, nothing secret
    for number in range(len(known) + 1, 4):
        sex: Sex = rng.choice(("woman", "man"))
        known[f"person:{unit}-{number}"] = person_name(rng, sex, older=rng.random() < 0.5)
    return known


async def _add_people(
    site: Site, sign_ins: Sequence[SignIn], people: Mapping[str, Mapping[str, str]]
) -> None:
    """Accounts for all; those without a password cannot sign in, they only have a name."""
    accounts = site.accounts
    ward = site.settings.ward
    made: list[Document] = []
    for who in sign_ins:
        made.append(
            accounts.make_person(
                login=who.login, name=who.name, role=who.role, ward=ward, unit=who.unit, password=who.password
            )
        )
    pattern = made[0]
    signing = {person["_id"] for person in made}
    for unit, members in people.items():
        for id, name in members.items():
            if id not in signing:
                silent = {"login": id.partition(":")[2], "role": "volunteer", "password": "", "active": False}
                made.append({**pattern, **silent, "_id": id, "name": name, "unit": unit})
    await _save(site.store, accounts.database, made)


def _sign_ins(folder: Path) -> list[SignIn]:
    """The list kept in the data folder, made at the first call; only the owner may read the file."""
    path = folder / FILE
    if path.exists():
        return [SignIn(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    made = [SignIn(login, new_password(), name, role, unit) for login, name, role, unit in PEOPLE]
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump([asdict(row) for row in made], file, ensure_ascii=False, indent=2)
    return made


# -- the store --------------------------------------------------------------------------------------


async def _has_records(site: Site) -> bool:
    for database in await site.store.databases():
        owner = site.names.owner(database)
        if owner is None or owner[0] != site.settings.ward:
            continue
        for first, last in (("household:", "household;"), ("visit:", "visit;")):
            if await site.store.all_docs(database, startkey=first, endkey=last, limit=1):
                return True
    return False


async def _save(store: Store, database: str, made: Sequence[Document]) -> None:
    """Save all; what an earlier, interrupted fill left there is as it should be."""
    for batch in batches(made):
        try:
            await store.bulk(database, batch)
        except PartlySaved as partly:
            if set(partly.failed.values()) - {"conflict"}:
                raise
