"""Attacks by size: bodies, headers, fields and depths that nobody needs are refused, early and plainly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.access import GuardedRoute
from server.roles import Role
from server.security import BODY_BYTES, most_bytes
from tests.server.test_access import EXAMPLES, ROUTES, walk

Enrolled = Callable[[Role], dict[str, str]]


def posts() -> list[str]:
    found = []
    for path, route in walk(ROUTES):
        if isinstance(route, GuardedRoute) and "POST" in (route.methods or ()):
            for name, example in EXAMPLES.items():
                path = path.replace(f"{{{name}}}", example)
            found.append(path)
    return found


@pytest.mark.parametrize("path", posts())
def test_a_body_that_nobody_needs_is_refused_before_it_is_read(
    path: str, visitor: TestClient, enrolled: Enrolled
) -> None:
    role = Role.LEAD if path.startswith("/api/") else Role.ADMIN
    headers = {**enrolled(role), "content-type": "application/x-www-form-urlencoded"}
    assert visitor.post(path, content=b"x" * (most_bytes(path) + 1), headers=headers).status_code == 413


LONG = "x" * 20_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/sign-in", {"login": LONG, "password": "x"}),
        ("/api/sign-in", {"login": "x", "password": LONG}),
        ("/api/sign-in", {"login": "x", "password": "x", "device": {"label": LONG}}),
        ("/api/invitation", {"code": LONG}),
        ("/api/enrol", {"code": "x", "attempt": LONG}),
        ("/api/enrol", {"code": "x", "attempt": "x" * 20, "device": {"id": LONG}}),
        ("/api/hello", {"clock": LONG}),
        ("/api/hello", {"clock": "2026-05-01T01:00:00.000Z", "last_error": LONG}),
        ("/api/hello", {"clock": "2026-05-01T01:00:00.000Z", "waiting": 10**30}),
    ],
)
def test_a_field_that_is_too_long_has_a_code(
    path: str, body: dict[str, Any], visitor: TestClient, enrolled: Enrolled
) -> None:
    answer = visitor.post(path, json=body, headers=enrolled(Role.LEAD))
    assert (answer.status_code, answer.json()["error"]) == (400, "bad-field")


@pytest.mark.parametrize("path", ["/api/sign-in", "/api/invitation", "/api/enrol", "/api/hello"])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_as_deep_as_the_sea_is_no_trouble(
    path: str, opening: str, visitor: TestClient, enrolled: Enrolled
) -> None:
    body = '{"device": ' + opening * (BODY_BYTES // len(opening) - 100)
    headers = {**enrolled(Role.LEAD), "content-type": "application/json"}
    answer = visitor.post(path, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("too-deep", "bad-json", "bad-field")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/sign-in", {"login": LONG, "password": "x"}),
        ("/kiem-tra", {"number": LONG, "code": LONG}),
        ("/language", {"language": LONG, "next": "/" + LONG}),
        ("/desk/people", {"name": LONG, "role": "volunteer", "unit": "mttq"}),
        ("/desk/people", {"name": "Một Người", "role": LONG, "unit": "mttq"}),
        ("/desk/people", {"name": "Một Người", "role": "volunteer", "unit": LONG}),
        ("/desk/units", {"name": LONG, "kind": "team"}),
        ("/desk/units", {"name": "Tổ mới", "kind": LONG}),
        ("/desk/units", {"name": "Tổ mới", "kind": "team", "code": LONG}),
        ("/desk/account", {"old": LONG, "new": LONG, "again": LONG}),
    ],
)
def test_a_form_with_an_endless_field_is_refused(
    path: str, form: dict[str, str], visitor: TestClient, enrolled: Enrolled
) -> None:
    answer = visitor.post(path, data=form, headers=enrolled(Role.ADMIN))
    assert 400 <= answer.status_code < 500, answer.status_code


def test_a_form_of_many_fields_is_no_trouble(visitor: TestClient, enrolled: Enrolled) -> None:
    body = "&".join(f"f{n}=" for n in range(8000))
    headers = {**enrolled(Role.ADMIN), "content-type": "application/x-www-form-urlencoded"}
    for path in ("/sign-in", "/desk/people", "/kiem-tra"):
        assert 400 <= visitor.post(path, content=body, headers=headers).status_code < 500, path


def test_addresses_and_questions_without_end_find_nothing(visitor: TestClient, enrolled: Enrolled) -> None:
    admin = enrolled(Role.ADMIN)
    for path in ("/desk/people/", "/desk/unit/", "/desk/units/", "/catalog/", "/static/", "/app/"):
        assert visitor.get(path + "x" * 20_000, headers=admin).status_code in (404, 503), path
    for path in ("/desk", "/desk/people", "/desk/audit", "/desk/units", "/desk/quarantine", "/sign-in"):
        names = ("q", "unit", "from", "to", "by", "begin", "sort", "period", "next")
        answer = visitor.get(path, params=dict.fromkeys(names, "x" * 3000), headers=admin)
        assert answer.status_code in (200, 303, 400, 404), (path, answer.status_code)
        assert len(answer.content) < 1_000_000


def test_cookies_without_end_are_nobodys(visitor: TestClient) -> None:
    for value in ("x" * 30_000, "; ".join(f"gtn-device={n}" for n in range(2000))):
        assert visitor.get("/desk", headers={"cookie": f"gtn-device={value}"}).status_code == 401


@pytest.mark.parametrize("number", ["1e400", "-0", "NaN", "Infinity", "1" * 5000])
def test_numbers_that_no_machine_holds_are_refused(
    number: str, visitor: TestClient, enrolled: Enrolled
) -> None:
    body = f'{{"clock": "2026-05-01T01:00:00.000Z", "storage_left": {number}}}'
    headers = {**enrolled(Role.LEAD), "content-type": "application/json"}
    answer = visitor.post("/api/hello", content=body, headers=headers)
    assert answer.status_code in (200, 400)
    json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
