"""Whoever lost access does not get it back with a restored backup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from server import barring
from server.access import Viewer
from server.people import set_active
from server.roles import Role
from server.site import Site
from sync.ledger import Ledger
from sync.store import Document

pytestmark = pytest.mark.usefixtures("people")


def restore(site: Site, call: Callable[..., Any], before: Document) -> int:
    """The account as a backup had it; how many lost their access again."""
    said = {name: value for name, value in before.items() if name != "_rev"}
    call(site.accounts.change, before["_id"], lambda _: said)
    count: int = call(barring.repeat, site.store, site.names)
    site.accounts.evict(before["_id"])
    return count


@pytest.mark.parametrize("how", ["revoke", "lose"])
def test_a_device_that_was_taken_away_stays_away(
    site: Site,
    call: Callable[..., Any],
    visitor: TestClient,
    people: dict[Role, dict[str, Any]],
    how: str,
) -> None:
    id, cookie = call(site.accounts.enrol, people[Role.VOLUNTEER], "test")
    headers = {"cookie": f"gtn-device={cookie}"}
    before = call(site.store.get, site.names.accounts, id)
    assert restore(site, call, before) == 0
    call(getattr(site.accounts, how), id)
    assert restore(site, call, before) == 1
    after = call(site.store.get, site.names.accounts, id)
    assert after["revoked"]
    assert bool(after.get("lost")) == (how == "lose")
    assert visitor.post("/api/hello", json={}, headers=headers).status_code == 401
    assert call(barring.repeat, site.store, site.names) == 0


def test_a_person_who_was_ended_stays_so_until_let_in_again(
    site: Site, call: Callable[..., Any], people: dict[Role, dict[str, Any]]
) -> None:
    person = people[Role.REPORTER]
    who = Viewer(id="", name="", login="", role="admin", ward="", unit=None, device="", language="vi")
    before = call(site.store.get, site.names.accounts, person["_id"])
    call(set_active, site.accounts, who, person, False)
    assert restore(site, call, before) == 1
    assert not call(site.store.get, site.names.accounts, person["_id"])["active"]
    call(set_active, site.accounts, who, person, True)
    assert restore(site, call, before) == 0
    entry = call(site.store.get, site.names.ledger, f"barred:{person['_id']}")
    assert not call(Ledger(site.store, site.names).add, {**entry, "how": "ended"}), (
        "an older ledger bars again"
    )
