"""``gtn doctor`` finds what is wrong, says how to mend it, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from server import doctor
from server.doctor import BAD, LOOK, OK, Finding, examine
from server.site import Site
from sync.backups.marks import RESTORING, remove_mark, set_mark
from sync.probing import Probe, is_loopback, public_addresses
from sync.store import Store
from sync.units import prepare_unit
from tests.server.test_settings import gtn

WARD = "09562"


@pytest.fixture
def look(site: Site, call: Callable[..., Any]) -> Callable[[], list[Finding]]:
    async def run() -> list[Finding]:
        return [found async for found in examine(site)]

    def look() -> list[Finding]:
        found: list[Finding] = call(run)
        assert all(one.mend for one in found if one.state == BAD), "how is it mended?"
        return found

    return look


def bad(found: list[Finding]) -> list[str]:
    return [f"{one.what}: {one.said}" for one in found if one.state == BAD]


def test_a_server_in_good_health_has_nothing_to_mend(
    site: Site, call: Callable[..., Any], look: Callable[[], list[Finding]]
) -> None:
    call(site.store.proxy_secret)  # as the first phone makes the gateway do
    found = look()
    assert bad(found) == []
    well = {one.what for one in found if one.state == OK}
    assert well >= {"store", "strangers", "proxy authentication", "clocks", "key", "databases"}


def test_what_is_open_missing_or_old_is_found(
    site: Site, call: Callable[..., Any], look: Callable[[], list[Finding]]
) -> None:
    names, store = site.names, site.store
    one, two, three = (names.unit(WARD, code) for code in list(site.catalog.units)[:3])
    call(store.secure, one, members=["w09562-other"])
    call(store.update, two, "_design/guard", lambda before: {**before, "hash": "old"})
    call(store.delete_database, three)
    found = bad(look())
    for said in (f"{one} is open", f"{two} has not the present design guard", f"{three} is missing"):
        assert any(said in line for line in found), found
    assert len(found) == 3
    for code in list(site.catalog.units)[:3]:
        call(prepare_unit, store, names, WARD, code)
    assert bad(look()) == []


def test_a_database_of_no_unit_is_pointed_out(
    site: Site, call: Callable[..., Any], look: Callable[[], list[Finding]]
) -> None:
    database = site.names.unit(WARD, "tdp-orphan")
    call(site.store.create, database)
    found = [one for one in look() if database in one.said]
    assert [one.state for one in found] == [LOOK]
    call(site.store.delete_database, database)


def test_half_a_store_is_told(
    site: Site, call: Callable[..., Any], look: Callable[[], list[Finding]]
) -> None:
    call(set_mark, site.store, site.names, RESTORING)
    assert any("restore-unfinished" in line for line in bad(look()))
    call(remove_mark, site.store, site.names, RESTORING)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"lets_strangers_in": True}, "strangers: whoever reaches the port reads everything"),
        ({"believes_forgers": True}, "proxy authentication: a forged signature is believed"),
        ({"believes_us": False}, "proxy authentication: is on, but the right signature is refused"),
        ({"ahead": -90.0}, "clocks: the store's is -90 s from this one"),
    ],
)
def test_a_store_that_believes_too_much_or_too_little_is_told(
    site: Site,
    call: Callable[..., Any],
    look: Callable[[], list[Finding]],
    monkeypatch: pytest.MonkeyPatch,
    seen: dict[str, Any],
    said: str,
) -> None:
    well = {"lets_strangers_in": False, "believes_us": True, "believes_forgers": False, "ahead": 0.0}

    async def probe(store: Store, secret: str) -> Probe:
        return Probe(**{**well, **seen})

    monkeypatch.setattr(doctor, "probe", probe)
    call(site.store.proxy_secret)
    assert said in bad(look())


def test_a_full_disk_and_an_open_key_are_told(
    site: Site, look: Callable[[], list[Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "server.doctor.shutil.disk_usage", lambda _: SimpleNamespace(total=10**12, free=10**8, used=0)
    )
    key = site.settings.key_path
    os.chmod(key, 0o644)
    found = bad(look())
    os.chmod(key, 0o600)
    assert any(line.startswith("disk: 0.1 GB (0%) free for GTN_DATA") for line in found)
    assert any("can be read by others" in line for line in found)


def test_an_address_of_the_whole_internet_is_known_from_one_of_a_house() -> None:
    assert public_addresses(Store("http://a:b@8.8.8.8:5984")) == ["8.8.8.8"]
    for host in ("10.0.0.4", "127.0.0.1", "[::1]", "nowhere.invalid"):
        assert public_addresses(Store(f"http://a:b@{host}:5984")) == []
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")


def test_the_command_ends_with_what_is_to_do(tmp_path: Any, couch_url: str) -> None:
    fresh = gtn("doctor", GTN_DATA=str(tmp_path), LANG="en_US.UTF-8")
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    assert fresh.stdout.splitlines()[-1].startswith("0 to mend, ")
    wrong = couch_url.replace("@127", "x@127")
    done = gtn("doctor", GTN_DATA=str(tmp_path), COUCHDB_URL=wrong)
    assert done.returncode == 2
    assert done.stderr.startswith("gtn: store-unfit: ")
