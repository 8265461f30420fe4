"""What a stranger who guesses learns of who there is, and what logs tell of whoever signs in: nothing."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
import structlog
from starlette.testclient import TestClient

from server import second_factor
from server.roles import Role
from server.site import Site
from sync.store import Store
from tests.server.conftest import PASSWORD, forget_tries

Call = Callable[..., Any]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OURS = ("accounts", "tries", "audit", "_fits ")
"""Databases of signing in, and the hash; workers ask others meanwhile."""
KINDS = ("supervisor", "nobody-at-all", "ended", "invited", "with-codes", "a b", "x" * 500, "é")


@pytest.fixture(scope="module", autouse=True)
def kinds(call: Call, site: Site, people: dict[Role, dict[str, Any]]) -> None:
    """Someone of each kind who could be told apart."""
    for login, password in (("ended", PASSWORD), ("invited", None), ("with-codes", PASSWORD)):
        call(
            site.accounts.add_person,
            login=login,
            name=f"Người {login}",
            role="supervisor",
            ward="09562",
            unit=None,
            password=password,
        )
    call(site.accounts.change, "person:ended", lambda doc: {**doc, "active": False})
    code = pyotp.TOTP(SECRET).now()
    assert call(second_factor.set_up, site.accounts, "person:with-codes", SECRET, code)


@pytest.fixture(autouse=True)
def _forget_tries(call: Call, site: Site) -> None:
    call(forget_tries, site.store, site.names)


async def list_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks()


def is_of(tasks: set[asyncio.Task[Any]]) -> bool:
    """Whether one of these is running now; never so in a worker thread."""
    try:
        return asyncio.current_task() in tasks
    except RuntimeError:
        return False


@pytest.fixture
def work(call: Call, site: Site, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each costly thing that requests do, in its order: what is asked of the store, and hashes.

    What the site does by itself now and then is not of them.
    """
    done: list[str] = []
    standing: set[asyncio.Task[Any]] = call(list_tasks)

    def watch(owner: Any, name: str) -> None:
        method = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            place = next((arg for arg in args if isinstance(arg, str)), "")
            if not is_of(standing):
                done.append(f"{name} {place if isinstance(owner, type) else ''}")
            return method(*args, **named)

        monkeypatch.setattr(owner, name, watched)

    for name in ("find", "get", "put", "view", "update", "bulk", "all_docs"):
        watch(Store, name)
    watch(site.accounts, "_fits")
    return done


@pytest.mark.parametrize("login", KINDS)
@pytest.mark.parametrize("door", ["desk", "phone"])
def test_whoever_guesses_gets_one_answer_for_every_login_and_it_costs_the_same(
    visitor: TestClient, call: Call, site: Site, work: list[str], door: str, login: str
) -> None:
    def guess(login: str) -> tuple[int, str, list[str], list[str]]:
        call(forget_tries, site.store, site.names)
        work.clear()
        if door == "phone":
            answer = visitor.post("/api/sign-in", json={"login": login[:100], "password": "sai"})
        else:
            answer = visitor.post("/sign-in", data={"login": login, "password": "sai"})
        text = answer.text.replace(f'value="{login}"', 'value=""')
        names = sorted(set(answer.headers) - {"content-length"})
        return answer.status_code, text, names, [line for line in work if line.endswith(OURS)]

    *_, costs = guessed = guess(login)
    assert costs
    assert guessed == guess("khong-co-ai")


def test_too_many_tries_are_slowed_down_alike_for_a_login_that_nobody_has(
    visitor: TestClient, call: Call, site: Site
) -> None:
    def statuses(login: str) -> list[int]:
        call(forget_tries, site.store, site.names)
        form = {"login": login, "password": "sai"}
        return [visitor.post("/sign-in", data=form).status_code for _ in range(7)]

    assert statuses("supervisor") == statuses("khong-co-ai")


def test_the_second_step_looks_nobody_up_for_whoever_did_not_pass_the_first(
    visitor: TestClient, work: list[str]
) -> None:
    answers = []
    for id in ("person:with-codes", "person:supervisor", "person:khong-co-ai", "accounts"):
        begun = f"{id}~2999-01-01T00:00:00.000Z~{'0' * 64}~{'0' * 64}"
        answer = visitor.post("/sign-in/code", data={"begun": begun, "code": "000000"})
        answers.append((answer.status_code, answer.text))
    assert len(set(answers)) == 1
    assert not work


def test_secrets_are_compared_in_constant_time(
    visitor: TestClient, call: Call, site: Site, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    compare = hmac.compare_digest

    def watch(one: Any, other: Any) -> bool:
        compared.append(str(one))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    device, value = call(site.accounts.enrol, people[Role.ADMIN], "a browser")
    stored = call(site.store.get, site.names.accounts, device)
    visitor.get("/desk", headers={"cookie": f"gtn-device={value}"})
    assert stored["secret_hash"] in compared, "the cookie"
    visitor.post("/sign-in/code", data={"begun": f"a~b~c~{'f' * 64}", "code": "0"})
    assert str(("f" * 64).encode()) in compared, "the seal of a sign-in that was begun"
    totp = call(site.store.get, site.names.accounts, "person:with-codes")["totp"]
    compared.clear()
    assert not call(second_factor.use, site.accounts, "person:with-codes", "000000")
    assert set(totp["recovery"]) <= set(compared), "the recovery codes, each of them"
    assert len([text for text in compared if re.fullmatch(r"\d{6}", text)]) == 3, "the codes of three steps"


def test_logs_tell_neither_who_signs_in_nor_with_what(
    visitor: TestClient, call: Call, site: Site, people: dict[Role, dict[str, Any]]
) -> None:
    made = call(site.invitations.make, people[Role.SUPERVISOR], "person:admin", "Người admin")
    secrets = ["bí mật lắm đấy", "gà mái đẻ trứng", "482913", made.code, "LoGinLạ", "203.0.113.7"]
    with structlog.testing.capture_logs() as logs:
        visitor.post("/sign-in", data={"login": "LoGinLạ", "password": "bí mật lắm đấy"})
        visitor.post("/api/sign-in", json={"login": "supervisor", "password": "bí mật lắm đấy"})
        page = visitor.post("/sign-in", data={"login": "with-codes", "password": PASSWORD}).text
        begun = re.findall(r'name="begun" value="([^"]*)"', page)[0]
        visitor.post("/sign-in/code", data={"begun": begun, "code": "482913"})
        visitor.get(f"/join/{made.code}?next=203.0.113.7")
        form = {"attempt": "x" * 32, "new": "gà mái đẻ trứng", "again": "gà mái đẻ trứng"}
        done = visitor.post(f"/join/{made.code}", data=form)
        visitor.get("/desk/people/with-codes")
        for path in (f"/join/{made.code}/", f"/joins/{made.code}", "/desk/people/with-codes/x/y"):
            visitor.get(path)
        visitor.post("/sign-in", data={"login": "supervisor"}, headers={"content-type": "text/plain"})
    assert done.status_code == 303
    told = str(logs)
    assert "/join/…" in told
    assert len(logs) >= 8, told
    cookie = done.headers["set-cookie"].partition("=")[2].partition(";")[0]
    for secret in (*secrets, begun, PASSWORD, cookie, "with-codes", "supervisor", "Người", "testclient"):
        assert secret not in told, f"the log tells {secret}: {told}"
