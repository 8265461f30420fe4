"""People as others manage them: who may manage whom, logins made from names, changing and ending.

What someone may do to someone else follows from `server.roles`: whoever may give a role manages the people
who have it, of the own unit if they belong to one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from server.access import Viewer
from server.accounts import DESIGN, Accounts
from server.errors import Problem
from server.roles import OF_A_UNIT, Permission, Role, may, may_give
from sync import id_numbers
from sync.clocks import text_of
from sync.store import Document
from sync.text import clean, fold, name_key

LONGEST_NAME = 80
LATE = timedelta(days=30)
"""After leaving a unit, the time in which what was recorded there may still come, for review."""
TRIES = 50


def may_manage(who: Viewer, person: Mapping[str, Any]) -> bool:
    """Whether this viewer manages that person: of the same ward, a role they may give, the own unit."""
    if person.get("type") != "person" or person.get("ward") != who.ward:
        return False
    if who.unit is not None and person.get("unit") != who.unit:
        return False
    return may_give(who.role, str(person.get("role")))


def roles_given(who: Viewer) -> list[Role]:
    """Those of units, whose people come in by a phone."""
    return [role for role in Role if role in OF_A_UNIT and may_give(who.role, role)]


def ward_roles(who: Viewer) -> list[Role]:
    """Those of people of the ward, who sign in at the desk."""
    return [role for role in Role if role not in OF_A_UNIT and may_give(who.role, role)]


async def list_people(accounts: Accounts, who: Viewer, unit: str | None = None) -> list[Document]:
    """Those whom the viewer manages, of one unit or all, in the Vietnamese order of names."""
    unit = who.unit or unit
    keys: dict[str, Any] = (
        {"key": [who.ward, unit]} if unit else {"startkey": [who.ward], "endkey": [who.ward, {}]}
    )
    rows = await accounts.store.view(accounts.database, DESIGN, "by_ward", include_docs="true", **keys)
    people = [row["doc"] for row in rows if may_manage(who, row["doc"])]
    return sorted(people, key=lambda one: name_key(one["name"]))


async def find_person(accounts: Accounts, who: Viewer, slug: str) -> Document:
    """:raises Problem: ``not-found`` for nobody, and for someone whom the viewer does not manage."""
    person = await accounts.store.find(accounts.database, f"person:{slug}")
    if person is None or not may_manage(who, person):
        raise Problem("not-found")
    return person


def read_name(typed: str) -> str:
    """:raises Problem: ``bad-field`` for an empty or endless name, or one with a card's number in it."""
    name = clean(typed)
    if not name or len(name) > LONGEST_NAME or id_numbers.judge(name) == "refuse":
        raise Problem("bad-field")
    return name


def read_place(who: Viewer, role: str, unit: str, units: Mapping[str, object]) -> tuple[str, str]:
    """(role, unit) that this viewer may put someone in.

    :raises Problem: ``forbidden`` for a role that is not theirs to give, ``bad-field`` for no such unit.
    """
    if role not in roles_given(who):
        raise Problem("forbidden")
    if unit not in units:
        raise Problem("bad-field")
    if who.unit is not None and unit != who.unit:
        raise Problem("forbidden")
    return role, unit


async def add_person(accounts: Accounts, *, name: str, role: str, ward: str, unit: str | None) -> Document:
    """Someone without a password, to be invited; the login is the name, with a number when it is taken."""
    base = re.sub(r"[^a-z0-9]+", ".", fold(name)).strip(".")[:40] or "nguoi"
    for number in range(1, TRIES):
        login = base if number == 1 else f"{base}{number}"
        try:
            return await accounts.add_person(
                login=login, name=name, role=role, ward=ward, unit=unit, password=None
            )
        except Problem as problem:
            if problem.code != "conflict":
                raise
    raise Problem("conflict")


async def change_person(accounts: Accounts, who: Viewer, person: Document, **fields: str | None) -> Document:
    """The person with other fields, from the next request on; a former name, role or unit stays in `past`.

    :raises Problem: ``forbidden`` to whoever would change the own role; ``last-admin``.
    """
    new = {key: value for key, value in fields.items() if person.get(key) != value}
    if "role" in new and person["_id"] == who.id:
        raise Problem("forbidden")
    if "role" in new and _administers(person):
        await _spare_last_admin(accounts, person)
    if not new:
        return person
    was = {key: person.get(key) for key in new}
    entry = {**was, "until": text_of(datetime.now(UTC)), "by": who.id}

    def change(stored: Document | None) -> Document | None:
        return {**stored, **new, "past": [*stored.get("past", ()), entry]} if stored else None

    return await accounts.change(person["_id"], change) or person


async def set_active(accounts: Accounts, who: Viewer, person: Document, active: bool) -> None:
    """End someone's access with the next request, on every device, or give it back.

    :raises Problem: ``forbidden`` to whoever would end their own, ``last-admin`` for the last administrator.
    """
    if person["_id"] == who.id:
        raise Problem("forbidden")
    if not active and _administers(person):
        await _spare_last_admin(accounts, person)
    ended = {} if active else {"ended": text_of(datetime.now(UTC))}
    await (accounts.ledger.unbar(person["_id"]) if active else accounts.ledger.bar(person["_id"], "ended"))

    def change(stored: Document | None) -> Document | None:
        if stored is None or bool(stored.get("active")) == active:
            return None
        kept = {name: value for name, value in stored.items() if name != "ended"}
        return {**kept, "active": active, **ended}

    await accounts.change(person["_id"], change)


def units_left(person: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    """The units that this person left at most `LATE` ago; for one who has ended, the last one too."""
    since = text_of(now - LATE)
    active = bool(person.get("active"))
    past = [(entry.get("unit"), entry.get("until")) for entry in person.get("past", ())]
    if not active:
        past.append((person.get("unit"), person.get("ended")))
    left = {str(unit) for unit, until in past if unit and str(until or "") > since}
    return tuple(sorted(left - {person.get("unit")} if active else left))


def _administers(person: Mapping[str, Any]) -> bool:
    return may(str(person.get("role")), Permission.ADMINISTER)


async def _spare_last_admin(accounts: Accounts, person: Document) -> None:
    rows = await accounts.store.view(
        accounts.database,
        DESIGN,
        "by_ward",
        include_docs="true",
        startkey=[person["ward"]],
        endkey=[person["ward"], {}],
    )
    others = [
        row["doc"]
        for row in rows
        if _administers(row["doc"]) and row["doc"].get("active") and row["id"] != person["_id"]
    ]
    if not others:
        raise Problem("last-admin")


async def list_devices(accounts: Accounts, person: str) -> list[Document]:
    """All that were ever theirs, the one heard of last first."""
    rows = await accounts.store.view(
        accounts.database, DESIGN, "every_device", key=person, include_docs="true"
    )
    return sorted((row["doc"] for row in rows), key=lambda one: str(one.get("seen", "")), reverse=True)


async def find_device(accounts: Accounts, person: str, ulid: str) -> str:
    """:raises Problem: ``not-found`` when this person has no such device."""
    device = await accounts.store.find(accounts.database, f"device:{ulid}")
    if device is None or device.get("person") != person:
        raise Problem("not-found")
    return str(device["_id"])
