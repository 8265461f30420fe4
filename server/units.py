"""Units as the ward manages them: added with their database, renamed with their history, closed and reopened.

Everything that counts or refers names a unit by its code, which never changes, so that figures follow a unit
whatever it is called. A closed unit keeps its records and its figures; nobody can be put in it any more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from server.accounts import DESIGN, Accounts
from server.catalog import Catalog, add_unit, change_unit
from server.content import FormerName, Text, Unit
from sync import id_numbers
from sync.clocks import text_of
from sync.names import Names
from sync.store import Store
from sync.text import clean, fold, sort_key
from sync.units import prepare_unit

LONGEST_NAME = 120
LONGEST_CODE = 32


class Unfit(Exception):
    """What was typed cannot be used; ``units.wrong.<key>`` says why."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A form as it was filled in."""

    name: str = ""
    name_en: str = ""
    kind: str = "team"
    code: str = ""


class Units:
    """The units of one ward."""

    def __init__(self, store: Store, names: Names, catalog: Catalog) -> None:
        self._store = store
        self._names = names
        self._catalog = catalog
        self._database = names.ward(catalog.ward).catalog

    async def add(self, form: Typed) -> Unit:
        """The new unit, whose database is ready.

        :raises Unfit: for a name, kind or code that cannot be used.
        """
        name = self._read_name(form)
        if form.kind not in {row.key for row in self._catalog.content.units.kinds}:
            raise Unfit("kind")
        code = form.code.strip().casefold() or make_code(name.vi)
        if len(code) > LONGEST_CODE:
            raise Unfit("code")
        if code in self._catalog.units:
            raise Unfit("taken")
        try:
            unit = msgspec.convert({"code": code, "kind": form.kind, "name": name}, Unit)
            await prepare_unit(self._store, self._names, self._catalog.ward, code)
        except (msgspec.ValidationError, ValueError):
            raise Unfit("code") from None
        if not await add_unit(self._store, self._database, unit):
            raise Unfit("taken")
        await self._read()
        return unit

    async def rename(self, unit: Unit, form: Typed) -> bool:
        """Whether the unit has another name now; the one before is kept with the instant until when.

        :raises Unfit: for a name that cannot be used.
        """
        name = self._read_name(form, but=unit.code)

        def change(stored: Unit) -> Unit | None:
            if stored.name == name:
                return None
            former = FormerName(stored.name, text_of(datetime.now(UTC)))
            return msgspec.structs.replace(stored, name=name, past=[*stored.past, former])

        return await self._change(unit, change)

    async def close(self, unit: Unit, accounts: Accounts) -> bool:
        """Whether it was open until now.

        :raises Unfit: while someone belongs to it, who is to be moved or ended first, and during a merge.
        """
        if (await count_members(accounts, self._catalog.ward))[unit.code]:
            raise Unfit("members")
        merging = [other for other in self._catalog.units.values() if other.merging]
        if any(unit.code in (other.code, other.merging) for other in merging):
            raise Unfit("merge-busy")
        now = text_of(datetime.now(UTC))
        return await self._change(
            unit, lambda stored: _closed(stored, now) if stored.closed is None else None
        )

    async def reopen(self, unit: Unit) -> bool:
        """Whether it was closed until now.

        :raises Unfit: for one that was merged: its records are another unit's.
        """
        if unit.heir:
            raise Unfit("merged")
        return await self._change(unit, lambda stored: _closed(stored, None) if stored.closed else None)

    async def _change(self, unit: Unit, change: Callable[[Unit], Unit | None]) -> bool:
        changed = False

        def watch(stored: Unit) -> Unit | None:
            nonlocal changed
            fresh = change(stored)
            changed = fresh is not None
            return fresh

        await change_unit(self._store, self._database, unit.code, watch)
        await self._read()
        return changed

    async def _read(self) -> None:
        """What this process knows; the others follow the database."""
        await self._catalog.read_units(self._store, self._database)

    def _read_name(self, form: Typed, but: str = "") -> Text:
        vi, en = clean(form.name), clean(form.name_en)
        if not vi or max(len(vi), len(en)) > LONGEST_NAME:
            raise Unfit("name")
        if "refuse" in (id_numbers.judge(vi), id_numbers.judge(en)):
            raise Unfit("name")
        others = (unit for code, unit in self._catalog.open_units.items() if code != but)
        if fold(vi) in {fold(other.name.vi) for other in others}:
            raise Unfit("same")
        return Text(vi=vi, en=en or vi)


def make_code(name: str) -> str:
    """A code from a name: "Tổ dân phố 12" becomes ``tdp-12``, as the ward writes it, others their words."""
    words = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")
    short = re.sub(r"^to-dan-pho-(?:so-)?(\d)$", r"tdp-0\1", words)
    return re.sub(r"^to-dan-pho-(?:so-)?(\d+)$", r"tdp-\1", short)[:LONGEST_CODE].strip("-")


def find_units(units: Iterable[Unit], query: str, language: str) -> list[Unit]:
    """Those whose code or name, now or once, has all the words; in the Vietnamese order of names."""
    words = fold(query).split()
    found = [unit for unit in units if all(word in _told(unit) for word in words)]
    return sorted(found, key=lambda unit: sort_key(unit.name.within(language)))


def _told(unit: Unit) -> str:
    names = [unit.name, *(former.name for former in unit.past)]
    return fold(" ".join([unit.code, *(text for name in names for text in (name.vi, name.en))]))


async def count_members(accounts: Accounts, ward: str) -> Counter[str]:
    """How many people each unit of the ward has who may take part."""
    asked: dict[str, Any] = {"startkey": [ward], "endkey": [ward, {}]}
    rows = await accounts.store.view(accounts.database, DESIGN, "by_ward", include_docs="true", **asked)
    return Counter(row["doc"]["unit"] for row in rows if row["doc"].get("active") and row["doc"].get("unit"))


def _closed(unit: Unit, closed: str | None) -> Unit:
    return msgspec.structs.replace(unit, closed=closed)
