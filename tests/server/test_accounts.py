from __future__ import annotations

import base64
import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from server.accounts import LIFETIME, hash_secret, is_valid
from server.errors import Problem
from server.roles import Role
from server.site import Site
from sync.clocks import text_of
from sync.store import Store, StoreUnavailable
from tests.server.conftest import PASSWORD, UNIT

Call = Callable[..., Any]
Enrolled = Callable[[Role], dict[str, str]]
HELLO = {"clock": "2026-05-01T01:00:00.000Z", "waiting": 2, "app": "1"}


def device_of(cookie: dict[str, str]) -> str:
    return "device:" + cookie["cookie"].removeprefix("gtn-device=").partition(".")[0]


def sign_in(visitor: TestClient, login: str, password: str, **device: str) -> Any:
    return visitor.post("/api/sign-in", json={"login": login, "password": password, "device": device})


def cookie_in(response: Any) -> Any:
    return SimpleCookie(response.headers.get_list("set-cookie")[0])["gtn-device"]


# -- signing in ---------------------------------------------------------------------------------------


def test_a_volunteer_gets_a_session_and_a_cookie_that_scripts_cannot_read(
    visitor: TestClient, people: Any
) -> None:
    response = sign_in(visitor, " Volunteer ", PASSWORD, label="Samsung")
    session = response.json()
    assert response.status_code == 200, session
    assert session["person"] == {
        "id": "person:volunteer",
        "name": "Người volunteer",
        "role": "volunteer",
        "login": "volunteer",
    }
    assert session["unit"]["code"] == UNIT
    assert session["database"] == f"w09562-{UNIT}"
    assert session["ward"] == {"code": "09562", "name": "Phường Yên Nghĩa"}
    assert session["update_seq"]
    assert len(session["generation"]) == 26
    cookie = cookie_in(response)
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == "/"
    assert int(cookie["max-age"]) == 90 * 86400
    assert session["device"] == f"device:{cookie.value.partition('.')[0]}"


def test_a_phone_keeps_its_device_id_but_not_its_secret(visitor: TestClient, people: Any) -> None:
    first = sign_in(visitor, "volunteer", PASSWORD)
    second = sign_in(visitor, "volunteer", PASSWORD, id=first.json()["device"])
    assert second.json()["device"] == first.json()["device"]
    old = {"cookie": f"gtn-device={cookie_in(first).value}"}
    visitor.cookies.clear()
    assert visitor.post("/api/hello", json=HELLO, headers=old).status_code == 401


def test_nobody_takes_over_the_device_of_someone_else(visitor: TestClient, people: Any) -> None:
    first = sign_in(visitor, "volunteer", PASSWORD)
    second = sign_in(visitor, "lead", PASSWORD, id=first.json()["device"])
    assert second.json()["device"] != first.json()["device"]


def test_a_phone_gets_the_same_escrow_key_at_every_sign_in_and_nowhere_else(
    visitor: TestClient, people: Any
) -> None:
    first = sign_in(visitor, "volunteer", PASSWORD).json()
    assert len(base64.urlsafe_b64decode(first["escrow"] + "=")) == 32
    assert "escrow" not in visitor.post("/api/hello", json=HELLO).json()
    again = sign_in(visitor, "volunteer", PASSWORD, id=first["device"]).json()
    assert again["escrow"] == first["escrow"]
    other = sign_in(visitor, "lead", PASSWORD, id=first["device"]).json()
    assert other["escrow"] != first["escrow"]


@pytest.mark.parametrize("end", ["revoke", "lose"])
def test_an_escrow_key_ends_with_the_access_of_its_phone(
    visitor: TestClient, people: Any, call: Call, site: Site, store: Store, end: str
) -> None:
    first = sign_in(visitor, "volunteer", PASSWORD).json()
    call(getattr(site.accounts, end), first["device"])
    assert "escrow" not in call(store.get, site.accounts.database, first["device"])
    again = sign_in(visitor, "volunteer", PASSWORD, id=first["device"]).json()
    assert again["escrow"] != first["escrow"]


def test_signing_out_keeps_the_escrow_key(visitor: TestClient, people: Any) -> None:
    first = sign_in(visitor, "volunteer", PASSWORD).json()
    assert visitor.post("/api/sign-out").status_code == 204
    assert sign_in(visitor, "volunteer", PASSWORD, id=first["device"]).json()["escrow"] == first["escrow"]


@pytest.mark.parametrize("login", ["volunteer", "nobody-at-all"])
def test_a_wrong_sign_in_says_the_same_for_a_known_and_an_unknown_login(
    visitor: TestClient, people: Any, login: str
) -> None:
    response = sign_in(visitor, login, "wrong")
    assert response.status_code == 401
    assert response.json()["error"] == "wrong-sign-in"
    assert "set-cookie" not in response.headers


def test_an_unknown_login_costs_the_same_hash_as_a_known_one(
    call: Call, site: Site, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    fits = site.accounts._fits

    def watch(stored: str, password: str) -> bool:
        hashed.append(stored)
        return fits(stored, password)

    monkeypatch.setattr(site.accounts, "_fits", watch)
    assert call(site.accounts.verify, "volunteer", "wrong") is None
    assert call(site.accounts.verify, "nobody-at-all", "wrong") is None
    assert len(hashed) == 2
    assert [stored.split("$")[1:4] for stored in hashed] == [["argon2id", "v=19", "m=65536,t=3,p=4"]] * 2


def test_people_of_the_ward_are_told_that_the_phone_is_not_for_them(visitor: TestClient, people: Any) -> None:
    response = sign_in(visitor, "supervisor", PASSWORD)
    assert (response.status_code, response.json()["error"]) == (403, "no-unit")


def test_guessing_is_slowed_down(visitor: TestClient, people: Any, site: Site, call: Call) -> None:
    for _ in range(5):
        assert sign_in(visitor, "reporter", "wrong").status_code == 401
    response = sign_in(visitor, "reporter", PASSWORD)
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert sign_in(visitor, "volunteer", PASSWORD).status_code == 200
    call(site.tries.succeeded, "reporter", "testclient")
    assert sign_in(visitor, "reporter", PASSWORD).status_code == 200


def test_a_login_is_given_once(call: Call, site: Site, people: Any) -> None:
    new = {"name": "x", "role": "lead", "ward": "09562", "unit": UNIT, "password": PASSWORD}
    with pytest.raises(Problem, match="conflict"):
        call(site.accounts.add_person, login="LEAD", **new)
    with pytest.raises(Problem, match="bad-field"):
        call(site.accounts.add_person, login="hoa nguyễn", **new)


def test_a_password_is_the_same_from_every_keyboard(
    visitor: TestClient, call: Call, site: Site, people: Any
) -> None:
    call(site.accounts.set_password, "person:reporter", unicodedata.normalize("NFC", "nghĩa tình đây"))
    assert sign_in(visitor, "reporter", unicodedata.normalize("NFD", "nghĩa tình đây")).status_code == 200


# -- signing out, revoking -----------------------------------------------------------------------------


def test_signing_out_ends_the_cookie_at_the_next_request(visitor: TestClient, enrolled: Enrolled) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert visitor.post("/api/hello", json=HELLO, headers=cookie).status_code == 200
    ended = visitor.post("/api/sign-out", headers=cookie)
    assert ended.status_code == 204
    assert cookie_in(ended)["max-age"] == "0"
    assert visitor.post("/api/hello", json=HELLO, headers=cookie).status_code == 401


def test_access_that_another_process_takes_away_ends_within_two_seconds(
    visitor: TestClient, enrolled: Enrolled, store: Store, site: Site
) -> None:
    cookie = enrolled(Role.LEAD)
    assert visitor.get("/sync/", headers=cookie).status_code == 200
    anyio.run(
        store.update, site.accounts.database, device_of(cookie), lambda doc: {**(doc or {}), "revoked": True}
    )
    until = time.monotonic() + 2
    while visitor.get("/sync/", headers=cookie).status_code == 200:
        assert time.monotonic() < until, "a revoked phone still syncs after two seconds"
    assert visitor.get("/sync/", headers=cookie).status_code == 401


def test_a_person_who_is_no_longer_active_is_out(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.REPORTER)
    call(site.accounts.change, "person:reporter", lambda doc: {**doc, "active": False})
    assert visitor.get("/sync/", headers=cookie).status_code == 401
    call(site.accounts.change, "person:reporter", lambda doc: {**doc, "active": True})
    assert visitor.get("/sync/", headers=cookie).status_code == 200


def test_a_new_password_signs_every_device_out(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.ADMIN)
    call(site.accounts.set_password, "person:admin", PASSWORD)
    assert visitor.get("/desk", headers=cookie).status_code == 401


def test_a_known_caller_costs_no_read_of_the_store(
    visitor: TestClient, enrolled: Enrolled, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert visitor.get("/sync/", headers=cookie).status_code == 200
    monkeypatch.setattr(site.accounts.store, "find", refuse)
    assert visitor.get("/sync/", headers=cookie).status_code == 200


def test_while_the_feed_is_broken_every_caller_is_read_from_the_store(
    visitor: TestClient, enrolled: Enrolled, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert visitor.get("/sync/", headers=cookie).status_code == 200
    monkeypatch.setattr(site.accounts, "followed", False)
    monkeypatch.setattr(site.accounts.store, "find", refuse)
    response = visitor.get("/sync/", headers=cookie)
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.json()["error"] == "store-unavailable"


async def refuse(*args: Any) -> None:
    raise StoreUnavailable("not now")


# -- cookies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "x", "x.y", "a.b.c", "0" * 26 + "." + "é" * 43])
def test_a_cookie_that_is_none_is_nobodys(visitor: TestClient, value: str) -> None:
    headers = {"cookie": f"gtn-device={value}".encode()}
    assert visitor.get("/sync/", headers=headers).status_code == 401


def test_a_wrong_secret_opens_nothing(visitor: TestClient, enrolled: Enrolled) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    wrong = {"cookie": cookie["cookie"][:-1] + ("A" if cookie["cookie"][-1] != "A" else "B")}
    assert visitor.get("/sync/", headers=wrong).status_code == 401


def test_a_cookie_slides_at_most_once_a_day(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert "set-cookie" not in visitor.get("/sync/", headers=cookie).headers
    soon = text_of(datetime.now(UTC) + timedelta(days=3))
    call(site.accounts.change, device_of(cookie), lambda doc: {**doc, "expires": soon})
    renewed = visitor.get("/sync/", headers=cookie)
    assert int(cookie_in(renewed)["max-age"]) == 90 * 86400
    assert cookie_in(renewed).value == cookie["cookie"].removeprefix("gtn-device=")
    stored = call(site.store.get, site.accounts.database, device_of(cookie))
    assert stored["expires"] > text_of(datetime.now(UTC) + timedelta(days=89))
    assert "set-cookie" not in visitor.get("/sync/", headers=cookie).headers


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"revoked": True}, False),
        ({"expires": "2026-05-01T00:00:00.000Z"}, False),
        ({"secret_hash": hash_secret("other")}, False),
        ({"secret_hash": None}, False),
    ],
)
def test_a_device_opens_only_while_it_should(change: dict[str, Any], valid: bool) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    device = {"secret_hash": hash_secret("s"), "revoked": False, "expires": text_of(now + LIFETIME)}
    assert is_valid({**device, **change}, "s", now) is valid


# -- what phones report -----------------------------------------------------------------------------------


def test_a_phones_report_is_kept_when_it_says_something_new(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    visitor.post("/api/hello", json=HELLO, headers=cookie)
    first = call(site.store.get, site.accounts.database, device_of(cookie))
    assert first["report"]["waiting"] == 2
    visitor.post("/api/hello", json=HELLO, headers=cookie)
    same = call(site.store.get, site.accounts.database, device_of(cookie))
    assert same["_rev"] == first["_rev"], "an unchanged report was written again"
    visitor.post("/api/hello", json={**HELLO, "waiting": 0}, headers=cookie)
    assert call(site.store.get, site.accounts.database, device_of(cookie))["report"]["waiting"] == 0


def test_a_phone_that_holds_its_session_is_told_only_what_is_fresh(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    whole = visitor.post("/api/hello", json=HELLO, headers=cookie).json()
    assert whole["person"]["id"] in whole["members"]
    again = visitor.post("/api/hello", json={**HELLO, "mark": whole["mark"]}, headers=cookie)
    assert again.json().keys() == {"time", "mark", "update_seq", "generation"}
    assert len(again.content) <= 300
    new = {"role": "volunteer", "ward": whole["ward"]["code"], "unit": whole["unit"]["code"]}
    person = call(site.accounts.add_person, login="moi", name="Người Mới", password="matkhaudai", **new)
    site.accounts.evict(person["_id"])
    grown = visitor.post("/api/hello", json={**HELLO, "mark": whole["mark"]}, headers=cookie).json()
    assert "Người Mới" in grown["members"].values(), "a new colleague's name never reaches the phone"


def test_a_phone_with_refused_records_is_told_how_many_were_decided_and_of_no_one_elses(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    whole = visitor.post("/api/hello", json=HELLO, headers=cookie).json()
    assert "decided" not in whole
    decision = {"outcome": "returned", "at": "2026-05-01T03:00:00.000Z", "done": True, "message": "Sửa giúp."}
    for number, by in enumerate((whole["person"]["id"], "person:someone-else")):
        told = {"type": "refused", "by": by, "id": f"visit:{number}", "rev": "1-a", "decision": decision}
        call(site.store.put, site.ward.quarantine, {"_id": f"refused:{number:040}", **told})
    again = visitor.post("/api/hello", json={**HELLO, "mark": whole["mark"], "refused": 1}, headers=cookie)
    assert again.json()["decided"] == 1
    assert len(again.content) <= 300
    (outcome,) = visitor.get("/api/outcomes", headers=cookie).json()
    assert outcome == {
        "id": "visit:0",
        "rev": "1-a",
        "outcome": "returned",
        "at": decision["at"],
        "message": "Sửa giúp.",
    }


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("text/plain", b"{}", 415, "bad-content-type"),
        ("application/json", b"{", 400, "bad-json"),
        ("application/json", b"\xff", 400, "bad-json"),
        ("application/json", b"[]", 400, "bad-field"),
        ("application/json", b'{"clock": "yesterday"}', 400, "bad-field"),
        ("application/json", b'{"x":' + b"[" * 30000 + b"]" * 30000 + b"}", 400, "too-deep"),
        ("application/json", b" " * 70000, 413, "too-large"),
    ],
)
def test_a_broken_report_has_a_code(
    visitor: TestClient, enrolled: Enrolled, content_type: str, body: bytes, status: int, code: str
) -> None:
    headers = {**enrolled(Role.VOLUNTEER), "content-type": content_type}
    response = visitor.post("/api/hello", content=body, headers=headers)
    assert (response.status_code, response.json()["error"]) == (status, code)
