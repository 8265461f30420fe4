"""A database of its own for each test, in the store under test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import httpx
import pytest


@pytest.fixture(scope="module")
def server(couch_url: str) -> Iterator[httpx.Client]:
    """The store, as its administrator."""
    with httpx.Client(base_url=couch_url, timeout=60) as client:
        yield client


@pytest.fixture
def db(server: httpx.Client, couch_url: str) -> Iterator[httpx.Client]:
    """A fresh database, open to nobody but the administrator."""
    name = f"t{secrets.token_hex(6)}"
    server.put(f"/{name}").raise_for_status()
    with httpx.Client(base_url=f"{couch_url}/{name}/", timeout=60) as client:
        yield client
    server.delete(f"/{name}").raise_for_status()
