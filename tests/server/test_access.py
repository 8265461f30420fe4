"""Who may call what: every route says so; that it does as it says is in `test_permission_matrix`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount
from starlette.testclient import TestClient

from server.access import PUBLIC, GuardedMount, GuardedRoute
from server.app import routes
from server.roles import TABLE, Permission, Role, may

ROUTES = routes()
EXAMPLES = {"hash": "0" * 40, "code": "tram-y-te", "path": "x", "slug": "nobody", "ulid": "0" * 26}


def walk(found: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, BaseRoute]]:
    for route in found:
        yield prefix + getattr(route, "path", "?"), route
        if isinstance(route, Mount) and route.routes:
            yield from walk(list(route.routes), prefix + route.path)


def calls() -> list[tuple[str, str, Permission]]:
    """(method, path, permission) of each route that is not public."""
    found = []
    for path, route in walk(ROUTES):
        if isinstance(route, GuardedMount):
            path += "/"
        if isinstance(route, GuardedRoute | GuardedMount) and isinstance(route.who, Permission):
            methods = sorted((getattr(route, "methods", None) or {"GET"}) - {"HEAD"})
            address = re.sub(r"{(\w+)(:\w+)?}", lambda name: EXAMPLES[name[1]], path)
            found += [(method, address, route.who) for method in methods]
    return found


def test_every_route_says_who_may_call_it() -> None:
    for path, route in walk(ROUTES):
        assert isinstance(route, GuardedRoute | GuardedMount), f"{path} does not say who may call it"
        assert route.who is PUBLIC or isinstance(route.who, Permission), path


def test_no_permission_is_without_a_role_and_no_role_without_a_row() -> None:
    assert set(TABLE) == set(Role)
    assert set().union(*TABLE.values()) == set(Permission)


def test_a_role_we_do_not_know_may_do_nothing() -> None:
    assert not any(may("mayor", permission) for permission in Permission)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMIN, Role.VOLUNTEER])
def test_the_first_page_leads_everyone_home(
    visitor: TestClient, enrolled: Callable[[Role], dict[str, str]], role: Role
) -> None:
    home = "/app/" if role is Role.VOLUNTEER else "/desk"
    assert visitor.get("/", headers=enrolled(role)).headers["location"] == home


def test_whoever_is_unknown_is_led_to_the_sign_in(visitor: TestClient) -> None:
    assert visitor.get("/").headers["location"] == "/sign-in"


def test_another_units_database_does_not_exist_for_a_volunteer(
    visitor: TestClient, enrolled: Callable[[Role], dict[str, str]]
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert visitor.get("/sync/w09562-tram-y-te", headers=cookie).status_code == 200
    for other in ("w09562-mttq", "w09562-catalog", "accounts", "audit", "w09562-nowhere"):
        answer: dict[str, Any] = visitor.get(f"/sync/{other}", headers=cookie).json()
        assert answer["error"] == "not-yours", other


ROOT = Path(__file__).parents[2]
NAMED = re.compile(
    rf"""role\w*["'\])]*\s*(?:===?|!==?|(?:not\s+)?in)\s*\(?\s*["']({"|".join(Role)})["']|[!=]=\s*Role\."""
)


def test_nothing_decides_by_the_name_of_a_role() -> None:
    """`server.roles` is the one table; what is not in Python is told what the viewer may do."""
    files = [*ROOT.glob("server/**/*.py"), *ROOT.glob("server/pages/*.html"), *ROOT.glob("sync/**/*.py")]
    files += [*ROOT.glob("pwa/src/**/*.ts*"), *ROOT.glob("design_docs/**/*.js")]
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        for match in NAMED.finditer(path.read_text(encoding="utf-8"))
        if path.name != "roles.py"
    }
    assert not found


@pytest.mark.parametrize(
    "decides", ['role == "lead"', "person.role === 'lead'", 'x["role"] in ("lead",)', "role != Role.ADMIN"]
)
def test_a_decision_by_name_would_be_noticed(decides: str) -> None:
    assert NAMED.search(decides)


def test_a_phone_is_told_what_its_person_may_do(
    visitor: TestClient, enrolled: Callable[[Role], dict[str, str]]
) -> None:
    told = {
        role: visitor.post("/api/hello", json={"clock": "2026-05-01T01:00:00.000Z"}, headers=enrolled(role))
        for role in (Role.VOLUNTEER, Role.LEAD)
    }
    assert "amend-others" in told[Role.LEAD].json()["may"]
    assert "amend-others" not in told[Role.VOLUNTEER].json()["may"]
