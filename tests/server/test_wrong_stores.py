"""A ``COUCHDB_URL`` that cannot be meant: told in one line with a code, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.server.test_settings import gtn
from tests.sync.misbehaving import answer, closed, misbehaving


def couch(version: str) -> Callable[[str, str], bytes]:
    """An administrator's CouchDB of this version that holds nothing."""

    def script(method: str, path: str) -> bytes:
        if path == "/":
            return answer("200 OK", json.dumps({"couchdb": "Welcome", "version": version}).encode())
        if path.startswith("/_session"):
            context = {"name": "admin", "roles": ["_admin"]}
            return answer("200 OK", json.dumps({"ok": True, "userCtx": context}).encode())
        return answer("404 Not Found", b'{"error":"not_found","reason":"missing"}')

    return script


def locked(method: str, path: str) -> bytes:
    if path == "/":
        return answer("200 OK", b'{"couchdb":"Welcome","version":"3.5.2"}')
    return answer("401 Unauthorized", b'{"error":"unauthorized","reason":"Name or password is incorrect."}')


def a_page(method: str, path: str) -> bytes:
    return answer("200 OK", b"<html>Welcome to nginx!</html>", kind="text/html")


@contextmanager
def nobody() -> Iterator[tuple[str, list[str]]]:
    with closed() as url:
        yield url, []


STORES: dict[str, tuple[Callable[[], AbstractContextManager[tuple[str, list[str]]]], str]] = {
    "a wrong password": (lambda: misbehaving(locked), "store-unfit: CouchDB"),
    "CouchDB 3.1": (lambda: misbehaving(couch("3.1.2")), "is too old; 3.3"),
    "CouchDB 2.3": (lambda: misbehaving(couch("2.3.1")), "is too old; 3.3"),
    "no CouchDB": (lambda: misbehaving(a_page), "store-unfit: What"),
    "nobody there": (nobody, "store-unavailable: "),
    "no address": (lambda: nullcontext(("ftp://admin:secret@127.0.0.1", [])), "COUCHDB_URL"),
}


TWO = ("a wrong password", "CouchDB 3.1")
OTHERS = [(command, name) for command in ("doctor", "store copy") for name in TWO]


@pytest.mark.parametrize(("command", "name"), [*(("serve", name) for name in STORES), *OTHERS])
def test_it_is_told_in_one_line_and_nothing_is_changed(command: str, name: str, tmp_path: Path) -> None:
    store, code = STORES[name]
    with store() as (url, asked):
        variables = {"GTN_DATA": str(tmp_path), "GTN_PORT": "0", "LANG": "en_US.UTF-8"}
        if command == "store copy":
            ended = gtn("store", "copy", "--to", url, **variables)
        else:
            ended = gtn(*command.split(), **variables, COUCHDB_URL=url)
    said = ended.stderr + ended.stdout
    assert ended.returncode == 2
    assert [line for line in said.splitlines() if line.startswith("gtn: ")] == said.splitlines()[:1]
    assert len(said.splitlines()) == 1
    assert code in said
    assert "secret" not in said, "the password is shown"
    assert all(one.startswith(("GET ", "HEAD ")) for one in asked), asked
