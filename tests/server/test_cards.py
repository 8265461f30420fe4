"""The volunteer's card: the same code on phone and server, and a public page that answers yes or no."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.cards import CODE_DIGITS, code_of, day_of, read_digits
from server.roles import Role
from server.site import Site

CASES = json.loads((Path(__file__).parents[1] / "cases" / "card-codes.json").read_text(encoding="utf-8"))
HELLO = {"clock": "2026-05-01T01:00:00.000Z"}
NOON = datetime(2026, 5, 20, 5, tzinfo=UTC)
MIDNIGHT = datetime(2026, 5, 19, 17, tzinfo=UTC)
"""The beginning of 20 May in Vietnam."""

Call = Callable[..., Any]


@pytest.fixture
def card(call: Call, site: Site, people: dict[Role, dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = call(site.cards.of, people[Role.VOLUNTEER]["_id"])
    return found


def ask(visitor: TestClient, number: str, code: str, language: str = "vi") -> Any:
    headers = {"cookie": f"gtn-lang={language}"}
    return visitor.post("/kiem-tra", data={"number": number, "code": code}, headers=headers)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**CODE_DIGITS:06d}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["code"])
def test_the_code_of_a_day_is_that_of_the_table(case: dict[str, str]) -> None:
    assert code_of(case["secret"], case["day"]) == case["code"]


def test_a_phone_is_given_its_card_and_keeps_it(
    visitor: TestClient, enrolled: Callable[[Role], dict[str, str]]
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    first = visitor.post("/api/hello", json=HELLO, headers=cookie).json()
    assert len(first["card"]["number"]) == 6
    assert len(first["card"]["secret"]) == 43
    second = visitor.post("/api/hello", json=HELLO, headers=cookie).json()
    assert (second["card"], second["mark"]) == (first["card"], first["mark"])
    other = visitor.post("/api/hello", json=HELLO, headers=enrolled(Role.LEAD)).json()
    assert other["card"] != first["card"]


def test_todays_code_is_right_and_any_other_is_not(visitor: TestClient, card: dict[str, str]) -> None:
    code = code_of(card["secret"], day_of(datetime.now(UTC)))
    answer = ask(visitor, card["number"], f" {code[:3]} {code[3:]} ")
    assert answer.status_code == 200
    assert ">Đúng<" in answer.text
    assert ">Không đúng<" in ask(visitor, card["number"], wrong(code)).text


def test_the_answer_tells_nothing_of_anyone(
    visitor: TestClient, call: Call, site: Site, card: dict[str, str], people: dict[Role, dict[str, Any]]
) -> None:
    """Unknown number, wrong code, ended person: the same page but for the number that was typed."""
    person = people[Role.VOLUNTEER]
    code = code_of(card["secret"], day_of(datetime.now(UTC)))
    right = ask(visitor, card["number"], code).text
    assert person["name"] not in right
    assert person["unit"] not in right
    pages = {"wrong": ask(visitor, card["number"], wrong(code)).text}
    pages["unknown"] = ask(visitor, wrong(card["number"]), code).text
    call(site.accounts.change, person["_id"], lambda stored: {**stored, "active": False})
    pages["ended"] = ask(visitor, card["number"], code).text
    call(site.accounts.change, person["_id"], lambda stored: {**stored, "active": True})
    same = {page.replace(card["number"], "N").replace(wrong(card["number"]), "N") for page in pages.values()}
    assert len(same) == 1
    assert ">Không đúng<" in same.pop()


@pytest.mark.parametrize(
    ("at", "yesterday_holds"),
    [
        (MIDNIGHT - timedelta(seconds=1), True),
        (MIDNIGHT, True),
        (MIDNIGHT + timedelta(minutes=9, seconds=59), True),
        (MIDNIGHT + timedelta(minutes=10), False),
        (NOON, False),
    ],
)
def test_yesterdays_code_holds_for_ten_minutes_after_midnight(
    call: Call, site: Site, card: dict[str, str], at: datetime, yesterday_holds: bool
) -> None:
    check, secret = site.cards.check, card["secret"]
    assert call(check, card["number"], code_of(secret, "2026-05-19"), at) is yesterday_holds
    assert call(check, card["number"], code_of(secret, "2026-05-20"), at) is (at >= MIDNIGHT)
    assert not call(check, card["number"], code_of(secret, "2026-05-18"), at)
    assert not call(check, card["number"], code_of(secret, "2026-05-21"), at)


def test_a_lost_phone_shows_a_wrong_code(
    visitor: TestClient, call: Call, site: Site, people: dict[Role, dict[str, Any]], card: dict[str, str]
) -> None:
    call(site.cards.renew, people[Role.VOLUNTEER]["_id"])
    new = call(site.cards.of, people[Role.VOLUNTEER]["_id"])
    assert new["number"] == card["number"]
    assert not call(site.cards.check, card["number"], code_of(card["secret"], "2026-05-20"), NOON)
    assert call(site.cards.check, card["number"], code_of(new["secret"], "2026-05-20"), NOON)


def test_someone_without_a_unit_has_no_card_that_is_right(
    call: Call, site: Site, people: dict[Role, dict[str, Any]]
) -> None:
    card = call(site.cards.of, people[Role.SUPERVISOR]["_id"])
    assert not call(site.cards.check, card["number"], code_of(card["secret"], "2026-05-20"), NOON)


def test_whoever_guesses_has_to_wait(visitor: TestClient, card: dict[str, str]) -> None:
    code = code_of(card["secret"], day_of(datetime.now(UTC)))
    answers = [ask(visitor, card["number"], wrong(code)) for _ in range(10)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert ask(visitor, card["number"], code).status_code == 429, "the right code is not listened to either"


@pytest.mark.parametrize(
    ("number", "code"), [("", ""), ("12345", "123456"), ("123456", "x"), ("١٢٣٤٥٦", "1")]
)
def test_what_is_no_number_is_asked_for_again(visitor: TestClient, number: str, code: str) -> None:
    answer = ask(visitor, number, code)
    assert answer.status_code == 400
    assert "6 chữ số" in answer.text


def test_a_number_may_be_typed_as_it_is_read() -> None:
    assert read_digits(" 482 915") == "482915"
    assert read_digits("482.915-") == "482915"
    assert len(read_digits("1" * 100)) == 12


def test_the_page_speaks_english_too(visitor: TestClient, card: dict[str, str]) -> None:
    assert "Check a volunteer" in visitor.get("/kiem-tra", headers={"cookie": "gtn-lang=en"}).text
