"""One store for all tests: the one in ``COUCHDB_URL``, or an embedded one started for this run.

Every module gets databases under a prefix of its own, removed when it is done, so that runs may share
one CouchDB.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from hypothesis import settings

from sync.names import Names
from sync.store import Store

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def couch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a store with the administrator's name and password in it."""
    given = os.environ.get("COUCHDB_URL")
    if given:
        yield given
        return
    folder: Path = tmp_path_factory.mktemp("store")
    from sync.embedded.child import EmbeddedStore

    with EmbeddedStore(folder) as child:
        yield child.url


@pytest.fixture(scope="session")
def store(couch_url: str) -> Iterator[Store]:
    store = Store.connect(couch_url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def names(store: Store) -> Iterator[Names]:
    """Names under a prefix that only this module uses; its databases are deleted afterwards."""
    names = Names(f"t{secrets.token_hex(4)}-")
    yield names
    anyio.run(_delete_all, store, names.prefix)


async def _delete_all(store: Store, prefix: str) -> None:
    for database in await store.databases():
        if database.startswith(prefix):
            await store.delete_database(database)
