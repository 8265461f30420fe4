"""Whoever guesses is slowed down, at whichever process; whoever is known is not shut out by others."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from server.seals import Seals
from server.site import Site
from server.tries import FREE, FREE_ADDRESS, FREE_LOGIN, LONGEST_LOGIN, Tries, network_of
from sync.names import Names
from sync.store import Store, StoreUnavailable
from sync.units import prepare_server
from tests.server.conftest import PASSWORD, forget_tries
from tests.server.test_accounts import Call, refuse, sign_in

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def seals(store: Store, names: Names) -> Seals:
    await prepare_server(store, names)
    made = Seals(store, names)
    await made.open()
    return made


@pytest.fixture
async def tries(store: Store, names: Names, seals: Seals, clock: Clock) -> Tries:
    await forget_tries(store, names)
    return Tries(store, names, seals, clock)


async def fail(tries: Tries, count: int, login: str = "hoa", address: str = HERE, known: str = "") -> int:
    """How many of so many wrong tries at one moment are listened to."""
    return [await tries.begin(login, address, known) for _ in range(count)].count(0)


@pytest.mark.anyio
async def test_waits_double_and_end(tries: Tries, clock: Clock) -> None:
    waits = []
    for _ in range(20):
        while wait := await tries.begin("hoa", HERE):
            waits.append(wait)
            clock.now += wait
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]
    assert await tries.begin("lan", HERE) == 0, "someone else at this address"
    assert await tries.begin("hoa", ELSEWHERE) == 0, "the same login at another address"
    clock.now += 900
    assert await tries.begin("hoa", HERE) == 0
    await tries.succeeded("hoa", HERE)
    assert await fail(tries, 9) == FREE


@pytest.mark.anyio
async def test_a_wait_ends_an_hour_after_the_last_try(tries: Tries, clock: Clock) -> None:
    assert await fail(tries, 9) == FREE
    clock.now += 3600
    assert await fail(tries, 9) == FREE


@pytest.mark.anyio
async def test_every_process_knows_what_another_counted(
    tries: Tries, store: Store, names: Names, clock: Clock
) -> None:
    seals = Seals(store, names)
    await seals.open()
    other = Tries(store, names, seals, clock)
    assert await fail(tries, 3) == 3
    assert await fail(other, 9) == FREE - 3
    assert await tries.begin("hoa", HERE) == 1


@pytest.mark.anyio
async def test_tries_at_the_same_moment_count_before_any_is_answered(
    tries: Tries, store: Store, names: Names, seals: Seals, clock: Clock
) -> None:
    both, waits = (tries, Tries(store, names, seals, clock)), []

    async def one(number: int) -> None:
        waits.append(await both[number % 2].begin("hoa", HERE))

    async with anyio.create_task_group() as group:
        for number in range(24):
            group.start_soon(one, number)
    assert waits.count(0) == FREE


@pytest.mark.anyio
async def test_whoever_has_many_addresses_is_slowed_down_by_login(tries: Tries, clock: Clock) -> None:
    heard = 0
    for number in range(FREE_LOGIN + 10):
        heard += await fail(tries, 1, address=f"203.0.113.{number}") == 1
    assert heard == FREE_LOGIN
    for _ in range(12):
        wait = await tries.begin("hoa", ELSEWHERE)
        assert wait <= LONGEST_LOGIN
        clock.now += wait
    assert await tries.begin("lan", ELSEWHERE) == 0, "another login suffers"


@pytest.mark.anyio
async def test_a_known_device_is_not_shut_out_by_strangers(tries: Tries) -> None:
    known = tries.make_known("hoa")
    for number in range(FREE_LOGIN):
        await tries.begin("hoa", f"203.0.113.{number}")
    await fail(tries, 9, address=HERE)
    assert await tries.begin("hoa", HERE) > 0
    assert await tries.begin("hoa", HERE, known) == 0
    await tries.succeeded("hoa", HERE, known)
    assert await fail(tries, 9, known=known) == FREE, "a stolen cookie guesses at will"


@pytest.mark.anyio
async def test_what_makes_one_person_known_is_worth_nothing_for_another(tries: Tries) -> None:
    known = tries.make_known("hoa")
    await fail(tries, 9, login="lan")
    assert await tries.begin("lan", HERE, known) > 0
    for forged in ("", ".", known[:-1] + "x", "x" + known, known.partition(".")[0], "é.é"):
        assert await tries.begin("lan", HERE, forged) > 0


@pytest.mark.anyio
async def test_an_address_that_guesses_many_logins_is_slowed_down(tries: Tries, clock: Clock) -> None:
    heard = 0
    for number in range(FREE_ADDRESS + 5):
        heard += await fail(tries, 1, login=f"person{number}") == 1
    assert heard == FREE_ADDRESS
    for day in range(1, 4):
        clock.now += 86400
        assert await tries.begin(f"person{day}", HERE) == 0, "an office is shut out by slips of other days"


@pytest.mark.anyio
async def test_what_was_right_or_could_not_be_judged_adds_nothing(tries: Tries) -> None:
    for number in range(FREE_ADDRESS + 2):
        assert await tries.begin(f"person{number}", HERE) == 0
        await tries.succeeded(f"person{number}", HERE)
    for _ in range(FREE + 2):
        assert await tries.begin("hoa", HERE) == 0
        await tries.undecided("hoa", HERE)


@pytest.mark.anyio
async def test_a_try_that_is_not_listened_to_counts_nowhere(tries: Tries, clock: Clock) -> None:
    assert await fail(tries, FREE + FREE_LOGIN + FREE_ADDRESS) == FREE
    assert await fail(tries, 9, address=ELSEWHERE) == FREE, "a stranger wears out what others have"
    clock.now += 1
    assert await fail(tries, 2) == 1


@pytest.mark.anyio
async def test_neither_login_nor_address_can_be_read_from_the_counts(
    tries: Tries, store: Store, names: Names
) -> None:
    await tries.begin("hoa", HERE)
    rows = await store.all_docs(names.tries, include_docs=True, startkey="try:")
    assert len(rows) == 3
    text = json.dumps(rows)
    assert "hoa" not in text
    assert HERE not in text
    assert all(row["doc"].keys() == {"_id", "_rev", "type", "count", "at"} for row in rows)


@pytest.mark.anyio
async def test_what_is_forgotten_is_removed(tries: Tries, store: Store, names: Names, clock: Clock) -> None:
    await fail(tries, 3)
    clock.now += 1800
    await tries.begin("lan", ELSEWHERE)
    clock.now += 1801
    assert await tries.clean() == 3
    assert len(await store.all_docs(names.tries, startkey="try:")) == 3
    clock.now += 3600
    assert await tries.clean() == 3
    assert await store.all_docs(names.tries, startkey="try:") == []


def test_one_customers_addresses_are_one() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("testclient") == "testclient"


# -- as someone signs in ------------------------------------------------------------------------------


def test_a_sign_in_makes_the_device_known(visitor: TestClient, people: Any, call: Call, site: Site) -> None:
    cookies = sign_in(visitor, "lead", PASSWORD).headers.get_list("set-cookie")
    [known] = [cookie for cookie in cookies if cookie.startswith("gtn-known=")]
    assert "HttpOnly" in known
    visitor.cookies.clear()
    for _ in range(FREE):
        assert sign_in(visitor, "lead", "wrong").status_code == 401
    assert sign_in(visitor, "lead", PASSWORD).status_code == 429
    headers = {"cookie": known.partition(";")[0]}
    body = {"login": "lead", "password": PASSWORD}
    assert visitor.post("/api/sign-in", json=body, headers=headers).status_code == 200
    assert (
        visitor.post("/api/hello", json={"clock": "2026-05-01T01:00:00.000Z"}, headers=headers).status_code
        == 401
    )


def test_a_known_and_an_unknown_login_are_counted_alike(
    visitor: TestClient, people: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a request asks of the store and of the hash is all that its time could tell."""
    asked: list[tuple[str, str]] = []
    update, ask, fits = site.store.update, site.store.find, site.accounts._fits

    async def watch_update(database: str, id: str, change: Any) -> Any:
        asked.append(("update", database))
        return await update(database, id, change)

    async def watch_find(database: str, id: str) -> Any:
        asked.append(("find", database))
        return await ask(database, id)

    def watch_fits(stored: str, password: str) -> bool:
        asked.append(("hash", stored.rpartition("$")[0].rpartition("$")[0]))
        return fits(stored, password)

    monkeypatch.setattr(site.store, "update", watch_update)
    monkeypatch.setattr(site.store, "find", watch_find)
    monkeypatch.setattr(site.accounts, "_fits", watch_fits)
    costs = []
    for login in ("admin", "nobody-of-that-name"):
        asked.clear()
        answer = visitor.post("/api/sign-in", json={"login": login, "password": "wrong"})
        costs.append((answer.status_code, answer.json(), list(asked)))
    assert costs[0] == costs[1]
    assert [what for what, _ in costs[0][2]].count("hash") == 1


def test_nobody_signs_in_while_tries_cannot_be_counted(
    visitor: TestClient, people: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*args: Any) -> None:
        raise StoreUnavailable("not now")

    monkeypatch.setattr(site.tries, "_update", unavailable)
    answer = sign_in(visitor, "volunteer", PASSWORD)
    assert answer.status_code == 503
    assert "set-cookie" not in answer.headers


def test_a_password_that_could_not_be_compared_is_no_wrong_one(
    visitor: TestClient, people: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(site.accounts, "find_login", refuse)
        for _ in range(FREE + 2):
            assert sign_in(visitor, "volunteer", PASSWORD).status_code == 503
    assert sign_in(visitor, "volunteer", PASSWORD).status_code == 200
