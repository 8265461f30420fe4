"""The whole application over a small ward of its own, with people signed in by cookie."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from server.app import create_app
from server.catalog import add_unit
from server.content import Text, Unit
from server.cookies import device_cookie
from server.settings import Settings, read_settings
from server.site import Site
from sync.names import Names
from sync.units import prepare_unit
from tests.desk.test_rollup import household, visit

SignIn = Callable[[str], Awaitable[httpx.AsyncClient]]
PASSWORD = "một mật khẩu dài"


@pytest.fixture(scope="module")
def settings(couch_url: str, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = tmp_path_factory.mktemp("desk")
    return read_settings(
        {"COUCHDB_URL": couch_url, "GTN_DATABASE_PREFIX": names.prefix, "GTN_DATA": str(data)}
    )


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[Starlette]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        site: Site = app.state.site
        for code, vi in (("tdp-07", "Tổ dân phố 7"), ("tdp-08", "Tổ dân phố 8"), ("tdp-09", "=1+1")):
            name = Text(vi=vi, en=vi.replace("Tổ dân phố", "Group"))
            await add_unit(site.store, site.ward.catalog, Unit(code=code, kind="team", name=name))
            await prepare_unit(site.store, site.names, site.settings.ward, code)
        await site.catalog.read_units(site.store, site.ward.catalog)
        yield app


@pytest.fixture(scope="module")
def site(app: Starlette) -> Site:
    found: Site = app.state.site
    return found


@pytest.fixture
async def sign_in(app: Starlette, site: Site) -> AsyncIterator[SignIn]:
    """A client of someone in this role; leads and volunteers belong to tdp-07."""
    clients: list[httpx.AsyncClient] = []

    async def enter(role: str) -> httpx.AsyncClient:
        unit = "tdp-07" if role in ("lead", "volunteer") else None
        person = await site.accounts.find_login(role)
        if person is None:
            person = await site.accounts.add_person(
                login=role, name=f"Người {role}", role=role, ward="09562", unit=unit, password=PASSWORD
            )
        _, cookie = await site.accounts.enrol(person, "a browser")
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost", follow_redirects=False
        )
        header = device_cookie(cookie, timedelta(days=90), site.settings)
        client.headers["cookie"] = header.split(";")[0]
        clients.append(client)
        return client

    yield enter
    for client in clients:
        await client.aclose()


@pytest.fixture
async def visits(site: Site) -> list[dict[str, Any]]:
    """Ten visits of 1 May in tdp-07, counted; tdp-08 has none."""
    database = site.ward.unit("tdp-07")
    found = await site.store.all_docs(database, startkey="visit:", endkey="visit:\ufff0")
    made = [visit(n) for n in range(10)]
    if not found:
        await site.store.bulk(database, [*made, *(household(n) for n in range(5))])
    await site.rollup.refresh(database)
    return made


@pytest.fixture
async def browser(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody's, keeping its cookies."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
