"""Who gets in: Basic, proxy authentication, members and administrators of a database."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator

import anyio
import httpx
import pytest

from sync.proxy_auth import ensure_secret
from sync.store import Store

As = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def sign(store: Store) -> As:
    """Headers of proxy authentication for a name and roles."""
    secret = anyio.run(ensure_secret, store)

    def headers(name: str, roles: str, kind: str = "sha256", token: str | None = None) -> dict[str, str]:
        signed = hmac.new(secret.encode(), name.encode(), getattr(hashlib, kind)).hexdigest()
        return {
            "X-Auth-CouchDB-UserName": name,
            "X-Auth-CouchDB-Roles": roles,
            "X-Auth-CouchDB-Token": signed if token is None else token,
        }

    return headers


@pytest.fixture
def outside(db: httpx.Client) -> Iterator[httpx.Client]:
    """The same database without the administrator's password."""
    with httpx.Client(base_url=re.sub(r"//[^@/]*@", "//", str(db.base_url)), timeout=30) as client:
        yield client


def admit(db: httpx.Client, role: str, admins: str = "boss") -> None:
    security = {"admins": {"names": [], "roles": [admins]}, "members": {"names": [], "roles": [role]}}
    db.put("_security", json=security).raise_for_status()


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_a_member_reads_and_writes(db: httpx.Client, outside: httpx.Client, sign: As, kind: str) -> None:
    admit(db, "team")
    assert outside.put("a", json={}, headers=sign("hoa", "team", kind)).status_code == 201
    assert outside.get("a", headers=sign("hoa", "other, team", kind)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "a"),
        ("PUT", "b"),
        ("GET", "_all_docs"),
        ("GET", "_changes"),
        ("POST", "_bulk_docs"),
        ("POST", "_bulk_get"),
        ("POST", "_revs_diff"),
        ("GET", "_local/x"),
        ("PUT", "_local/x"),
        ("GET", "_security"),
        ("GET", "_design/d/_view/v"),
        ("GET", "_design%2Fd/_view/v"),
        ("GET", "%61"),
    ],
)
def test_a_stranger_is_refused_on_every_path(
    db: httpx.Client, outside: httpx.Client, sign: As, method: str, path: str
) -> None:
    admit(db, "team")
    db.put("a", json={}).raise_for_status()
    answer = outside.request(method, path, headers=sign("lan", "other"), json={} if method != "GET" else None)
    assert answer.status_code == 403
    assert answer.json()["error"] == "forbidden"
    assert outside.request(method, path, json={} if method != "GET" else None).status_code == 401


def test_a_wrong_token_makes_nobody_of_the_sender(db: httpx.Client, outside: httpx.Client, sign: As) -> None:
    admit(db, "team")
    assert outside.get("", headers=sign("hoa", "team", token="0" * 64)).status_code == 401


def test_a_name_without_a_token_is_an_error(db: httpx.Client, outside: httpx.Client, sign: As) -> None:
    headers = sign("hoa", "team")
    del headers["X-Auth-CouchDB-Token"]
    assert outside.get("", headers=headers).status_code == 500


def test_a_wrong_password_is_refused_at_once(db: httpx.Client, outside: httpx.Client) -> None:
    answer = outside.get("", auth=("admin", "wrong"))
    assert answer.status_code == 401
    assert answer.json()["reason"] == "Name or password is incorrect."


def test_members_change_neither_security_nor_design_nor_history(
    db: httpx.Client, outside: httpx.Client, sign: As
) -> None:
    admit(db, "team")
    member, boss = sign("hoa", "team"), sign("tam", "boss")
    assert outside.put("_security", json={}, headers=member).status_code == 403
    assert outside.put("_design/d", json={}, headers=member).status_code == 403
    assert outside.post("_compact", json={}, headers=member).status_code == 403
    assert outside.delete("", headers=member).status_code in (401, 403)
    assert outside.put("_design/d", json={}, headers=boss).status_code == 201


def test_the_servers_own_paths_are_for_the_administrator(outside: httpx.Client, sign: As) -> None:
    root = str(outside.base_url).rstrip("/").rpartition("/")[0]
    for path in ("/_all_dbs", "/_node/_local/_config/chttpd_auth/secret"):
        assert outside.get(root + path, headers=sign("hoa", "team")).status_code in (401, 403)
        assert outside.get(root + path).status_code == 401


def test_validators_see_who_writes_and_for_which_database(
    db: httpx.Client, outside: httpx.Client, sign: As
) -> None:
    admit(db, "team")
    source = "function (doc, old, user, security) { throw({forbidden: JSON.stringify([user, security])}); }"
    db.put("_design/v", json={"validate_doc_update": source}).raise_for_status()
    answer = outside.put("a", json={}, headers=sign("hoa", "team,more"))
    assert answer.status_code == 403
    assert '"name":"hoa"' in answer.json()["reason"]
    assert '"roles":["team","more"]' in answer.json()["reason"]
    assert '"members":{' in answer.json()["reason"]
