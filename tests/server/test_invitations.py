"""An invitation opens one phone, once, for three days; whoever guesses is slowed down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from server.errors import Problem
from server.invitations import ALPHABET, LENGTH, Invited, read_code, show_code
from server.roles import Role
from server.site import Site
from sync.clocks import text_of
from tests.server.conftest import forget_tries

Call = Callable[..., Any]
ATTEMPT = "an attempt of one phone"


@pytest.fixture
def invited(call: Call, site: Site, people: dict[Role, dict[str, Any]]) -> Invited:
    invitation: Invited = call(site.invitations.make, people[Role.VOLUNTEER], "person:lead", "Người lead")
    return invitation


@pytest.fixture(autouse=True)
def _forget_tries(call: Call, site: Site) -> None:
    call(forget_tries, site.store, site.names)


def enrol(visitor: TestClient, code: str, attempt: str = ATTEMPT, **device: str) -> Any:
    visitor.cookies.clear()
    return visitor.post("/api/enrol", json={"code": code, "attempt": attempt, "device": device})


def test_a_code_is_easy_to_read_aloud_and_hard_to_guess(invited: Invited) -> None:
    assert len(invited.code) == LENGTH
    assert set(invited.code) <= set(ALPHABET)
    assert not set("01OI") & set(ALPHABET)
    assert read_code(f" {show_code(invited.code).lower()} ") == invited.code
    assert len(ALPHABET) ** LENGTH > 10**11


def test_a_link_that_sets_a_password_cannot_be_guessed(call: Call, site: Site, people: Any) -> None:
    made = call(site.invitations.make, people[Role.SUPERVISOR], "person:admin", "Người admin")
    assert len(set(ALPHABET)) ** len(made.code) >= 2**128
    assert read_code(made.code) == made.code


def test_looking_says_whom_it_is_for_and_does_not_spend_it(visitor: TestClient, invited: Invited) -> None:
    for _ in range(2):
        told = visitor.post("/api/invitation", json={"code": invited.code.lower()})
        assert told.status_code == 200, told.text
    assert told.json() == {
        "person": "person:volunteer",
        "name": "Người volunteer",
        "unit": "Trạm Y tế phường",
        "ward": "Phường Yên Nghĩa",
        "by": "Người lead",
        "expires": invited.expires,
        "phone": "",
    }


def test_looking_says_whether_the_records_on_this_phone_are_opened_by_it(
    visitor: TestClient, site: Site, invited: Invited, call: Call
) -> None:
    accounts = site.accounts

    def device_of(person: str) -> str:
        document = call(accounts.store.get, accounts.database, person)
        device, _ = call(accounts.enrol, document, "Samsung A03")
        call(accounts.escrow, device)
        return str(device)

    own, other = device_of("person:volunteer"), device_of("person:lead")

    def phone(device: str) -> str:
        told = visitor.post("/api/invitation", json={"code": invited.code, "device": device})
        assert told.status_code == 200, told.text
        return str(told.json()["phone"])

    assert phone(own) == "own"
    assert phone(other) == "other"
    assert phone("device:01ARZ3NDEKTSV4RRFFQ69G5FAV") == "other"
    assert phone("person:lead") == ""
    call(accounts.end_session, own)
    assert phone(own) == "own", "who signed out comes back to the same records"
    call(accounts.revoke, own)
    assert phone(own) == "ended", "the key that opened them has ended with the access"


def test_spending_signs_the_phone_in(visitor: TestClient, invited: Invited, call: Call, site: Site) -> None:
    answer = enrol(visitor, show_code(invited.code), label="Samsung A03")
    session = answer.json()
    assert answer.status_code == 200, session
    assert session["person"]["id"] == "person:volunteer"
    cookie = SimpleCookie(answer.headers["set-cookie"])["gtn-device"]
    assert cookie["httponly"]
    visitor.cookies.clear()
    hello = visitor.post(
        "/api/hello",
        json={"clock": "2026-05-01T01:00:00.000Z"},
        headers={"cookie": f"gtn-device={cookie.value}"},
    )
    assert hello.status_code == 200
    assert call(site.store.get, site.names.accounts, session["device"])["label"] == "Samsung A03"


def test_the_code_itself_is_not_stored(call: Call, site: Site, invited: Invited) -> None:
    stored = call(site.store.get, site.names.accounts, invited.id)
    assert invited.code not in str(stored)


def test_a_used_invitation_is_refused_to_another_phone_and_names_whom_to_ask(
    visitor: TestClient, invited: Invited
) -> None:
    assert enrol(visitor, invited.code).status_code == 200
    refused = enrol(visitor, invited.code, "somebody else's attempt")
    assert (refused.status_code, refused.json()["error"]) == (410, "invitation-used")
    assert "Người lead" in refused.json()["reason"]
    assert visitor.post("/api/invitation", json={"code": invited.code}).status_code == 410


def test_an_answer_lost_on_the_way_is_given_again_for_the_same_device(
    visitor: TestClient, invited: Invited
) -> None:
    first = enrol(visitor, invited.code).json()
    again = enrol(visitor, invited.code)
    assert again.status_code == 200
    assert again.json()["device"] == first["device"]


def test_an_hour_later_not_even_the_same_phone_may_repeat(
    visitor: TestClient, invited: Invited, call: Call, site: Site
) -> None:
    assert enrol(visitor, invited.code).status_code == 200
    past = text_of(datetime.now(UTC) - timedelta(hours=1, seconds=1))
    call(site.store.update, site.names.accounts, invited.id, lambda one: {**one, "used": past})
    assert enrol(visitor, invited.code).json()["error"] == "invitation-used"


def test_an_expired_invitation_names_whom_to_ask(
    visitor: TestClient, invited: Invited, call: Call, site: Site
) -> None:
    past = text_of(datetime.now(UTC) - timedelta(seconds=1))
    call(site.store.update, site.names.accounts, invited.id, lambda one: {**one, "expires": past})
    refused = enrol(visitor, invited.code)
    assert (refused.status_code, refused.json()["error"]) == (410, "invitation-expired")
    assert "Người lead" in refused.json()["reason"]


def test_a_revoked_invitation_opens_nothing(
    visitor: TestClient, invited: Invited, call: Call, site: Site
) -> None:
    call(site.invitations.revoke, invited.id)
    assert enrol(visitor, invited.code).json()["error"] == "invitation-revoked"


def test_of_two_phones_at_the_same_moment_one_wins(call: Call, site: Site, invited: Invited) -> None:
    async def race() -> list[str]:
        results: list[str] = []

        async def one(attempt: str) -> None:
            try:
                await site.invitations.spend(invited.code, attempt, "phone")
                results.append("in")
            except Problem as problem:
                results.append(problem.code)

        async with anyio.create_task_group() as group:
            for n in range(6):
                group.start_soon(one, f"attempt number {n} of six")
        return results

    results = call(race)
    assert results.count("in") == 1
    assert set(results) == {"in", "invitation-used"}


def test_a_phone_that_is_the_persons_already_keeps_its_device(
    visitor: TestClient, invited: Invited, call: Call, site: Site, people: dict[Role, dict[str, Any]]
) -> None:
    device, _ = call(site.accounts.enrol, people[Role.VOLUNTEER], "phone")
    assert enrol(visitor, invited.code, id=device).json()["device"] == device


def test_a_device_of_someone_else_is_not_taken_over(
    visitor: TestClient, invited: Invited, call: Call, site: Site, people: dict[Role, dict[str, Any]]
) -> None:
    device, _ = call(site.accounts.enrol, people[Role.LEAD], "phone")
    assert enrol(visitor, invited.code, id=device).json()["device"] != device


@pytest.mark.parametrize("ending", ["revoke", "lose"])
def test_a_device_ended_at_the_desk_does_not_come_back_under_its_name(
    ending: str,
    visitor: TestClient,
    invited: Invited,
    call: Call,
    site: Site,
    people: dict[Role, dict[str, Any]],
) -> None:
    device, _ = call(site.accounts.enrol, people[Role.VOLUNTEER], "phone")
    call(getattr(site.accounts, ending), device)
    assert enrol(visitor, invited.code, id=device).json()["device"] != device
    assert call(site.store.get, site.names.accounts, device)["revoked"], "the ended device is in use again"


def test_a_device_that_signed_out_comes_back_under_its_name(
    visitor: TestClient, invited: Invited, call: Call, site: Site, people: dict[Role, dict[str, Any]]
) -> None:
    device, _ = call(site.accounts.enrol, people[Role.VOLUNTEER], "phone")
    call(site.accounts.end_session, device)
    assert enrol(visitor, invited.code, id=device).json()["device"] == device


@pytest.mark.parametrize("ending", ["revoke", "lose", "end_session"])
def test_a_phone_put_out_within_the_hour_does_not_repeat_its_way_in(
    ending: str, visitor: TestClient, invited: Invited, call: Call, site: Site
) -> None:
    device = enrol(visitor, invited.code).json()["device"]
    call(getattr(site.accounts, ending), device)
    again = enrol(visitor, invited.code)
    assert (again.status_code, again.json()["error"]) == (410, "invitation-used")


def test_one_attempt_sent_twice_at_the_same_moment_makes_one_device(
    call: Call, site: Site, invited: Invited
) -> None:
    async def twice() -> set[str]:
        devices: set[str] = set()

        async def once() -> None:
            devices.add((await site.invitations.spend(invited.code, ATTEMPT, "phone"))[1])

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(once)
        return devices

    assert len(call(twice)) == 1


@pytest.mark.parametrize("change", [{"role": "lead"}, {"unit": "cong-an"}])
def test_an_invitation_is_for_the_role_and_unit_of_its_moment(
    change: dict[str, str], visitor: TestClient, call: Call, site: Site
) -> None:
    person = call(
        site.accounts.add_person,
        login=f"moi-{next(iter(change))}",
        name="Người Đổi",
        role="volunteer",
        ward="09562",
        unit="tram-y-te",
        password=None,
    )
    invitation = call(site.invitations.make, person, "person:lead", "Người lead")
    call(site.accounts.change, person["_id"], lambda one: {**one, **change})
    refused = enrol(visitor, invitation.code)
    assert (refused.status_code, refused.json()["error"]) == (410, "invitation-revoked")


def test_an_invitation_ends_with_the_access_of_whoever_made_it(
    visitor: TestClient, invited: Invited, call: Call, site: Site
) -> None:
    call(site.accounts.change, "person:lead", lambda one: {**one, "active": False})
    try:
        assert enrol(visitor, invited.code).json()["error"] == "invitation-revoked"
    finally:
        call(site.accounts.change, "person:lead", lambda one: {**one, "active": True})
    assert enrol(visitor, invited.code).status_code == 200


def test_an_invitation_of_someone_without_a_unit_is_not_spent_in_vain(
    visitor: TestClient, call: Call, site: Site, people: dict[Role, dict[str, Any]]
) -> None:
    invitation = call(site.invitations.make, people[Role.SUPERVISOR], "person:admin", "Người admin")
    refused = enrol(visitor, invitation.code)
    assert (refused.status_code, refused.json()["error"]) == (403, "no-unit")
    assert "used" not in call(site.store.get, site.names.accounts, invitation.id)


def test_spending_is_in_the_audit(visitor: TestClient, invited: Invited, call: Call, site: Site) -> None:
    device = enrol(visitor, invited.code).json()["device"]
    rows = call(
        site.store.all_docs, site.names.audit, startkey="audit:", endkey="audit:\ufff0", include_docs=True
    )
    acts = [(row["doc"]["action"], row["doc"]["by"]) for row in rows if row["doc"].get("subject") == device]
    assert acts == [("invitation-used", "person:volunteer")]


def test_codes_cannot_be_guessed_at_will(visitor: TestClient) -> None:
    statuses = [visitor.post("/api/invitation", json={"code": f"GUESS{n:03}"}).status_code for n in range(8)]
    assert statuses[:5] == [404] * 5
    assert statuses[-1] == 429


def test_an_invitation_of_an_ended_person_is_unknown(
    visitor: TestClient, call: Call, site: Site, people: dict[Role, dict[str, Any]]
) -> None:
    gone = call(
        site.accounts.add_person,
        login="da-nghi",
        name="Đã nghỉ",
        role="volunteer",
        ward="09562",
        unit="tram-y-te",
        password=None,
    )
    invitation = call(site.invitations.make, gone, "person:lead", "Người lead")
    call(site.store.update, site.names.accounts, gone["_id"], lambda one: {**one, "active": False})
    assert enrol(visitor, invitation.code).json()["error"] == "invitation-unknown"
    assert call(site.store.find, site.names.accounts, invitation.id) is not None


def test_whoever_has_no_password_cannot_sign_in_with_any(visitor: TestClient, call: Call, site: Site) -> None:
    call(
        site.accounts.add_person,
        login="khong-mat-khau",
        name="Không Mật Khẩu",
        role="volunteer",
        ward="09562",
        unit="tram-y-te",
        password=None,
    )
    for password in ("", "None", "null"):
        assert call(site.accounts.verify, "khong-mat-khau", password) is None


@pytest.mark.parametrize(
    ("ending", "code"), [("revoke", "device-revoked"), ("lose", "device-lost"), ("end_session", "signed-out")]
)
def test_a_phone_is_told_why_it_is_shut_out(
    ending: str,
    code: str,
    visitor: TestClient,
    call: Call,
    site: Site,
    people: dict[Role, dict[str, Any]],
) -> None:
    device, value = call(site.accounts.enrol, people[Role.VOLUNTEER], "phone")
    call(getattr(site.accounts, ending), device)
    answer = visitor.post(
        "/api/hello",
        json={"clock": "2026-05-01T01:00:00.000Z"},
        headers={"cookie": f"gtn-device={value}"},
    )
    assert (answer.status_code, answer.json()["error"]) == (401, code)
    guess = value[:-4] + "AAAA"
    stranger = visitor.post(
        "/api/hello",
        json={"clock": "2026-05-01T01:00:00.000Z"},
        headers={"cookie": f"gtn-device={guess}"},
    )
    assert stranger.json()["error"] == "signed-out", "only the device itself is told"
    replicating = visitor.get("/sync/", headers={"cookie": f"gtn-device={value}"})
    assert (replicating.status_code, replicating.json()["error"]) == (401, code)
