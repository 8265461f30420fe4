"""Filling a ward with invented data: once, quickly, and never over real records."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from server.accounts import Accounts
from server.catalog import Catalog
from server.content import load_content
from server.demo import FILE, SignIn, fill
from server.demo.passwords import new_password
from server.demo.ward import plan
from server.settings import Settings
from server.site import Site
from server.texts import Texts
from sync.names import Names
from sync.store import Store

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
WARD = "09562"


def make_site(store: Store, names: Names, data: Path) -> Site:
    settings = Settings(data=data, database_prefix=names.prefix, ward=WARD)
    accounts = Accounts(store, names, settings)
    catalog = Catalog(load_content(), WARD)
    return Site(
        settings=settings, store=store, names=names, accounts=accounts, catalog=catalog, texts=Texts({})
    )


@pytest.fixture(scope="module")
def filled(store: Store, names: Names, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, list[SignIn]]:
    site = make_site(store, names, tmp_path_factory.mktemp("data"))

    async def start() -> list[SignIn]:
        await site.prepare()
        return await fill(site, now=NOW)

    return site, anyio.run(start)


async def count(site: Site, prefix: str) -> int:
    total = 0
    for code in site.catalog.units:
        rows = await site.store.all_docs(
            site.names.unit(WARD, code), startkey=f"{prefix}:", endkey=f"{prefix};"
        )
        total += len(rows)
    return total


async def test_a_small_ward_has_120_households_and_300_visits(filled: tuple[Site, list[SignIn]]) -> None:
    site, _ = filled
    assert await count(site, "household") == 120
    assert await count(site, "visit") == 300


async def test_everyone_on_the_list_can_sign_in(filled: tuple[Site, list[SignIn]]) -> None:
    site, sign_ins = filled
    assert {who.role for who in sign_ins} == {"volunteer", "lead", "reporter", "supervisor", "admin"}
    for who in sign_ins:
        person = await site.accounts.verify(who.login, who.password)
        assert person is not None, who.login
        assert (person["role"], person["unit"], person["ward"]) == (who.role, who.unit, WARD)


async def test_those_who_are_only_names_cannot_sign_in(filled: tuple[Site, list[SignIn]]) -> None:
    site, _ = filled
    person = await site.store.get(site.names.accounts, "person:tdp-08-2")
    assert person["name"]
    assert await site.accounts.verify("tdp-08-2", "") is None


async def test_filling_again_writes_nothing_and_gives_the_same_list(
    filled: tuple[Site, list[SignIn]],
) -> None:
    site, sign_ins = filled
    before = await site.store.infos(await site.store.databases())
    assert await fill(site) == sign_ins
    after = await site.store.infos(await site.store.databases())
    ours = [name for name in before if name.startswith(site.names.prefix)]
    assert {name: before[name]["update_seq"] for name in ours} == {
        name: after[name]["update_seq"] for name in ours
    }


async def test_a_fill_that_was_cut_off_goes_on_without_doubling(filled: tuple[Site, list[SignIn]]) -> None:
    site, sign_ins = filled
    await site.store.update(
        site.ward.catalog, "demo", lambda stored: {**stored, "finished": False} if stored else None
    )
    assert await fill(site) == sign_ins
    assert await count(site, "household") == 120
    assert await count(site, "visit") == 300


async def test_the_list_of_sign_ins_is_for_the_owner_only(filled: tuple[Site, list[SignIn]]) -> None:
    site, _ = filled
    mode = (site.settings.data / FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_a_ward_with_records_is_left_alone(store: Store, names: Names, tmp_path: Path) -> None:
    other = Names(f"{names.prefix}real-")
    site = make_site(store, other, tmp_path)
    await site.prepare()
    await store.put(other.unit(WARD, "mttq"), {"_id": "household:01ARZ3NDEKTSV4RRFFQ69G5FAV"})
    assert await fill(site) == []
    assert not (tmp_path / FILE).exists()


def test_a_full_ward_has_forty_units_and_the_promised_sums() -> None:
    content = load_content()
    catalog = Catalog(content, WARD)
    catalog.units = {unit.code: unit for unit in content.units.units}
    parts = plan(catalog, full=True)
    assert len({part.unit.code for part in parts}) == 40
    assert sum(part.households for part in parts) == 12_000
    assert sum(part.visits for part in parts) == 20_000


def test_passwords_are_new_each_time_and_need_no_marks() -> None:
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    assert all(password.isascii() and password.isalnum() and password.islower() for password in made)
