"""A phone that people share: each has a sign-in of their own beside the others'."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.cookies import cookie_name
from server.settings import Settings
from tests.server.conftest import PASSWORD

HELLO = {"clock": "2026-05-01T01:00:00.000Z", "waiting": 2, "app": "1"}
SECOND = {"X-GTN-Slot": "abcdefgh2345"}


def sign_in(visitor: TestClient, login: str, headers: dict[str, str] | None = None) -> Any:
    return visitor.post("/api/sign-in", json={"login": login, "password": PASSWORD}, headers=headers or {})


def who(visitor: TestClient, headers: dict[str, str] | None = None) -> str:
    answer = visitor.post("/api/hello", json=HELLO, headers=headers or {}).json()
    return str(answer["person"]["login"] if "person" in answer else answer["error"])


def test_two_people_are_signed_in_on_one_phone_and_each_is_known_as_themselves(
    visitor: TestClient, people: Any
) -> None:
    sign_in(visitor, "volunteer")
    second = sign_in(visitor, "lead", SECOND)
    assert "gtn-device-abcdefgh2345" in SimpleCookie(second.headers.get_list("set-cookie")[0])
    assert (who(visitor), who(visitor, SECOND)) == ("volunteer", "lead")
    session = second.json()
    changes = f"/sync/{session['database']}/_changes"
    assert visitor.get(changes, headers=SECOND).status_code == 200


def test_who_signs_out_leaves_the_other_one_signed_in(visitor: TestClient, people: Any) -> None:
    sign_in(visitor, "volunteer")
    sign_in(visitor, "lead", SECOND)
    assert visitor.post("/api/sign-out", headers=SECOND).status_code == 204
    assert (who(visitor), who(visitor, SECOND)) == ("volunteer", "signed-out")


def test_the_desk_is_shut_on_a_phone_that_people_share(visitor: TestClient, people: Any) -> None:
    sign_in(visitor, "lead")
    assert visitor.get("/desk/duplicates").status_code == 200
    sign_in(visitor, "volunteer", SECOND)
    shut = visitor.get("/desk/duplicates")
    assert (shut.status_code, "nhiều người dùng chung" in shut.text) == (403, True), (
        "the lead's PIN was not asked"
    )
    assert visitor.post("/desk/import/undo", data={"unit": "tdp-07"}).status_code == 403
    assert who(visitor) == "lead", "the app is open to both"
    visitor.post("/api/sign-out", headers=SECOND)
    assert visitor.get("/desk/duplicates").status_code == 200


def test_a_cookie_that_opens_nothing_shuts_no_desk(visitor: TestClient, people: Any) -> None:
    sign_in(visitor, "lead")
    visitor.cookies.set("gtn-device-abcdefgh2345", f"{'0' * 26}.{'a' * 43}")
    assert visitor.get("/desk/duplicates").status_code == 200


@pytest.mark.parametrize("slot", ["abcdefgh2346", "ABCDEFGH2345", "../abcdefgh2", "abcdefgh2345x", "device"])
def test_a_slot_that_nobody_has_is_no_ones(visitor: TestClient, people: Any, slot: str) -> None:
    sign_in(visitor, "lead", SECOND)
    assert who(visitor, {"X-GTN-Slot": slot}) == "signed-out"


def test_the_cookie_of_a_slot_keeps_the_prefix_that_no_neighbour_can_plant() -> None:
    secure = Settings(public_url="https://go.example.vn")
    assert cookie_name(secure, slot="abcdefgh2345") == "__Host-gtn-device-abcdefgh2345"
