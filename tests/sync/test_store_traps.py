"""Each trap of pycouchdb and of the wire is an error here, never a quiet success."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sync.store import (
    BadAnswer,
    Broken,
    Conflict,
    Forbidden,
    NotAcknowledged,
    NotFound,
    PartlySaved,
    Refused,
    Store,
    StoreError,
    StoreUnavailable,
    StoreUnfit,
)
from tests.sync.misbehaving import answer, closed, misbehaving, silent

pytestmark = pytest.mark.anyio
WELCOME = b'{"couchdb": "Welcome", "version": "3.5.2"}'

WRITES: dict[str, Callable[[Store], Awaitable[Any]]] = {
    "put": lambda store: store.put("db", {"_id": "a"}),
    "delete": lambda store: store.delete("db", "a", "1-a"),
    "bulk": lambda store: store.bulk("db", [{"_id": "a"}]),
    "create": lambda store: store.create("db"),
}
READS: dict[str, Callable[[Store], Awaitable[Any]]] = {
    "get": lambda store: store.get("db", "a"),
    "info": lambda store: store.info("db"),
    "all_docs": lambda store: store.all_docs("db"),
    "view": lambda store: store.view("db", "d", "v"),
    "databases": lambda store: store.databases(),
    "infos": lambda store: store.infos(["db"]),
}
CALLS = {**WRITES, **READS}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
every_write = pytest.mark.parametrize("call", WRITES.values(), ids=WRITES.keys())


async def failure(raw: bytes, call: Callable[[Store], Awaitable[Any]]) -> StoreError:
    with misbehaving(lambda *_: raw) as (url, _):
        store = Store.connect(url)
        try:
            with pytest.raises(StoreError) as caught:
                await call(store)
        finally:
            store.close()
    return caught.value


@every_call
async def test_a_proxys_error_page_is_no_success(call: Callable[[Store], Awaitable[Any]]) -> None:
    error = await failure(answer("502 Bad Gateway", b"<html>", kind="text/html"), call)
    assert type(error) is StoreUnavailable


@every_call
async def test_a_page_with_status_200_is_no_success(call: Callable[[Store], Awaitable[Any]]) -> None:
    assert type(await failure(answer("200 OK", b"<html>", kind="text/html"), call)) is BadAnswer


@every_call
async def test_an_answer_without_content_type_is_no_success(call: Callable[[Store], Awaitable[Any]]) -> None:
    assert type(await failure(answer("200 OK", b"{}", kind=""), call)) is BadAnswer


@every_call
async def test_an_answer_cut_short_is_no_success(call: Callable[[Store], Awaitable[Any]]) -> None:
    error = await failure(answer("200 OK", b'{"rows": [', length=500), call)
    assert isinstance(error, StoreUnavailable)


@every_call
async def test_broken_json_is_no_success(call: Callable[[Store], Awaitable[Any]]) -> None:
    assert type(await failure(answer("200 OK", b'{"rows": ['), call)) is BadAnswer


@every_call
async def test_a_redirect_is_not_followed(call: Callable[[Store], Awaitable[Any]]) -> None:
    raw = b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    assert type(await failure(raw, call)) is BadAnswer


@every_write
async def test_a_clusters_202_is_no_acknowledgement(call: Callable[[Store], Awaitable[Any]]) -> None:
    error = await failure(answer("202 Accepted", b'{"ok": true, "id": "a", "rev": "1-a"}'), call)
    assert type(error) is NotAcknowledged


async def test_a_write_acknowledged_without_a_revision_is_no_success() -> None:
    for call in (WRITES["put"], WRITES["delete"]):
        assert type(await failure(answer("201 Created", b'{"ok": true}'), call)) is BadAnswer


async def test_a_batch_whose_answer_lacks_a_document_is_no_success() -> None:
    assert type(await failure(answer("201 Created", b"[]"), WRITES["bulk"])) is BadAnswer


async def test_pages_of_rows_without_their_documents_are_no_success() -> None:
    async def read(store: Store) -> None:
        async for _ in store.pages("db"):
            raise AssertionError("there is nothing to read")

    rows = answer("200 OK", b'{"rows": [{"id": "a", "key": "a", "value": {}}]}')
    assert type(await failure(rows, read)) is BadAnswer


async def test_a_document_forbidden_within_a_batch_is_an_error_that_names_it() -> None:
    rows = [
        {"id": "a", "ok": True, "rev": "1-a"},
        {"id": "b", "error": "forbidden", "reason": "no"},
        {"id": "c", "error": "conflict", "reason": "no"},
    ]
    error = await failure(
        answer("201 Created", json.dumps(rows).encode()),
        lambda store: store.bulk("db", [{"_id": "a"}, {"_id": "b"}, {"_id": "c"}]),
    )
    assert isinstance(error, PartlySaved)
    assert error.saved == {"a": "1-a"}
    assert error.failed == {"b": "forbidden", "c": "conflict"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", Refused),
        ("401 Unauthorized", Forbidden),
        ("403 Forbidden", Forbidden),
        ("404 Object Not Found", NotFound),
        ("409 Conflict", Conflict),
        ("412 Precondition Failed", Conflict),
        ("413 Too Large", Refused),
        ("500 Internal Server Error", Broken),
        ("503 Service Unavailable", StoreUnavailable),
    ],
)
async def test_each_status_is_one_kind_of_error(status: str, kind: type[StoreError]) -> None:
    raw = answer(status, b'{"error": "word", "reason": "why"}')
    error = await failure(raw, READS["get"])
    assert type(error) is kind
    assert "word: why" in error.reason


async def test_a_silent_store_is_given_up_after_the_timeout() -> None:
    with silent() as url:
        store = Store(url, timeout=(1, 0.2))
        with pytest.raises(StoreUnavailable, match="in time"):
            await store.databases()
        store.close()


async def test_a_store_that_is_not_there_is_unavailable() -> None:
    with closed() as url, pytest.raises(StoreUnavailable):
        await Store.connect(url).databases()


async def test_a_deletion_needs_a_revision_that_was_read() -> None:
    with misbehaving(lambda *_: answer("200 OK", b"{}")) as (url, asked):
        with pytest.raises(ValueError, match="revision"):
            await Store.connect(url).delete("db", "a", "")
        assert asked == []


async def test_a_database_is_never_opened_to_everyone() -> None:
    with misbehaving(lambda *_: answer("200 OK", b"{}")) as (url, asked):
        for members in ([], [""]):
            with pytest.raises(ValueError, match="open to everyone"):
                await Store.connect(url).secure("db", members=members)
        assert asked == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text(key.read_text() + cert.read_text())
    return both


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@every_call
async def test_an_unknown_certificate_is_never_trusted(
    certificate: Path, call: Callable[[Store], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with misbehaving(lambda *_: answer("200 OK", b"{}"), tls(certificate)) as (url, asked):
        store = Store.connect(url)
        for _ in range(2):
            with pytest.raises(StoreUnfit, match="certificate"):
                await call(store)
        store.close()
        assert asked == [], "something was sent to a server that nobody vouches for"


async def test_an_authority_named_in_the_environment_is_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with misbehaving(lambda *_: answer("200 OK", b"[]"), tls(certificate)) as (url, _):
        store = Store.connect(url)
        assert await store.databases() == []
        store.close()


@pytest.mark.parametrize(
    ("welcome", "session", "words"),
    [
        (answer("200 OK", b'{"couchdb": "Welcome", "version": "2.3.1"}'), None, "too old"),
        (answer("200 OK", b'{"hello": 1}'), None, "not a CouchDB"),
        (answer("200 OK", b"<html>", kind="text/html"), None, "not a CouchDB"),
        (answer("404 Not Found", b"{}"), None, "not a CouchDB"),
        (answer("401 Unauthorized", b"{}"), None, "name or password"),
        (answer("200 OK", WELCOME), answer("200 OK", b'{"userCtx": {"roles": []}}'), "not an administrator"),
    ],
)
async def test_a_store_that_cannot_be_used_says_so_in_one_sentence(
    welcome: bytes, session: bytes | None, words: str
) -> None:
    admin = answer("200 OK", b'{"userCtx": {"roles": ["_admin"]}}')
    script = {"/": welcome, "/_session": session or admin}
    with misbehaving(lambda _, path: script[path]) as (url, _):
        with pytest.raises(StoreUnfit, match=words) as caught:
            await Store.connect(url).check()
        assert "\n" not in caught.value.reason
        assert "secret" not in caught.value.reason


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://x", "http://", "http:///path", "couch:5984"])
async def test_a_wrong_address_is_said_at_once(url: str) -> None:
    with pytest.raises(StoreUnfit, match="COUCHDB_URL"):
        Store.connect(url)


async def test_a_name_with_signs_in_its_password_is_sent_as_it_is() -> None:
    store = Store.connect("http://admin:p%40ss%3Aw%C3%B6rd@127.0.0.1:5984/")
    assert store.credentials == ("admin", "p@ss:wörd")
    assert store.address == "http://127.0.0.1:5984"


async def test_proxy_authentication_that_may_not_be_set_names_the_manual() -> None:
    raw = answer("403 Forbidden", b'{"error": "forbidden", "reason": "no"}')
    error = await failure(raw, lambda store: store.proxy_secret())
    assert isinstance(error, StoreUnfit)
    assert "docs/operators.md" in error.reason
