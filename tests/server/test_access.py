"""Who may call what: every route says so; that it does as it says is in `test_permission_matrix`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount
from starlette.testclient import TestClient

from server.access import PUBLIC, GuardedMount, GuardedRoute
from server.app import routes
from server.roles import TABLE, Permission, Role, may
from sync import checks

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


def test_the_gateway_lets_those_write_whom_the_table_lets() -> None:
    assert set(checks.WRITERS) == {role.value for role in Role if may(role, Permission.RECORD_VISITS)}
    assert {role for role in Role if may(role, Permission.AMEND_OTHERS)} == {Role.LEAD}
