"""The whole application on a store of its own, with one person of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.roles import OF_A_UNIT, Role
from server.settings import Settings
from server.site import Site
from sync.names import Names
from sync.store import Store

PASSWORD = "mot hai ba bon"
WARD, UNIT = "09562", "tram-y-te"


@pytest.fixture(scope="module")
def settings(couch_url: str, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data: Path = tmp_path_factory.mktemp("data")
    return Settings(couchdb_url=couch_url, database_prefix=names.prefix, data=data, ward=WARD)


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[TestClient]:
    """The running application; its own cookies are never used, see `visitor`."""
    with TestClient(create_app(settings), follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module")
def site(server: TestClient) -> Site:
    app: Any = server.app
    found: Site = app.state.site
    return found


@pytest.fixture(scope="module")
def call(server: TestClient) -> Callable[..., Any]:
    """Await a coroutine function in the application's own loop."""

    def call(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        async def run() -> Any:
            return await function(*args, **named)

        assert server.portal is not None
        return server.portal.call(run)

    return call


@pytest.fixture(scope="module")
def people(call: Callable[..., Any], site: Site) -> dict[Role, dict[str, Any]]:
    """One person of each role, whose login is the role."""
    return {
        role: call(
            site.accounts.add_person,
            login=role.value,
            name=f"Người {role.value}",
            role=role.value,
            ward=WARD,
            unit=UNIT if role in OF_A_UNIT else None,
            password=PASSWORD,
        )
        for role in Role
    }


async def forget_tries(store: Store, names: Names) -> None:
    """As if nobody had ever guessed."""
    rows = await store.all_docs(names.tries, startkey="try:", endkey="try:\ufff0")
    gone = [{"_id": row["id"], "_rev": row["value"]["rev"], "_deleted": True} for row in rows]
    await store.bulk(names.tries, gone)


@pytest.fixture
def visitor(server: TestClient) -> TestClient:
    """A browser that nobody has signed in with."""
    server.cookies.clear()
    return server


@pytest.fixture
def enrolled(
    call: Callable[..., Any], site: Site, people: dict[Role, dict[str, Any]]
) -> Callable[[Role], dict[str, str]]:
    """The ``Cookie`` header of a new device of this role's person."""

    def enrol(role: Role) -> dict[str, str]:
        _, value = call(site.accounts.enrol, people[role], "test")
        return {"cookie": f"gtn-device={value}"}

    return enrol
