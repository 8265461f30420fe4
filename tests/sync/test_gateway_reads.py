"""What a phone reads through the gateway."""

from __future__ import annotations

import gzip
import http.client
import json
import threading

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from sync.gateway import Caller, Gateway
from sync.gateway_errors import GatewayError
from sync.names import Names
from sync.store import Store
from tests.sync.misbehaving import answer, closed, misbehaving
from tests.sync.samples import child, visit
from tests.sync.town import DEVICE, PEOPLE, WARD, Town, identify, listening, serving

OWN = f"/sync/w{WARD}-tdp-07"


def test_the_root_says_welcome_and_nothing_of_the_store(town: Town) -> None:
    found = town.ask("GET", "/sync/")
    assert found.status == 200
    assert "version" not in found.json


def test_the_info_has_the_update_sequence(town: Town) -> None:
    assert town.ask("GET", OWN).json["update_seq"]
    assert town.ask("GET", OWN + "/").status == 200


def test_changes_and_documents_are_read_as_they_were_written(town: Town) -> None:
    first = visit()
    second = child(first)
    town.push(first)
    since = town.ask("GET", OWN).json["update_seq"]
    town.push(second)
    changes = town.ask("GET", f"{OWN}/_changes?since={since}&style=all_docs&limit=10").json
    assert [row["id"] for row in changes["results"]] == [first["_id"]]
    body = {"docs": [{"id": first["_id"], "rev": second["_rev"]}]}
    found = town.ask("POST", f"{OWN}/_bulk_get?revs=true&latest=true", body).json
    (document,) = [row["ok"] for row in found["results"][0]["docs"]]
    assert document["_revisions"] == second["_revisions"]


@pytest.mark.parametrize("count", [20, 900])
def test_documents_travel_compressed_to_whoever_takes_it(town: Town, count: int) -> None:
    documents = [visit() for _ in range(count)]
    town.push(*documents)
    body = {"docs": [{"id": one["_id"], "rev": one["_rev"]} for one in documents]}
    plain = town.ask("POST", f"{OWN}/_bulk_get?revs=true", body)
    packed = town.ask("POST", f"{OWN}/_bulk_get?revs=true", body, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert json.loads(gzip.decompress(packed.body)) == plain.json
    assert len(packed.body) < len(plain.body) / 3


def test_changes_of_chosen_documents(town: Town) -> None:
    documents = [visit(), visit()]
    town.push(*documents)
    found = town.ask("POST", f"{OWN}/_changes?filter=_doc_ids", {"doc_ids": [documents[1]["_id"]]}).json
    assert [row["id"] for row in found["results"]] == [documents[1]["_id"]]


def test_an_answer_is_not_kept_by_anyone(town: Town) -> None:
    assert town.ask("GET", OWN).headers["cache-control"] == "no-store"


def test_a_long_poll_answers_when_something_is_written(town: Town) -> None:
    since = town.ask("GET", OWN).json["update_seq"]
    found: list[str] = []

    def wait() -> None:
        path = f"{OWN}/_changes?feed=longpoll&since={since}&timeout=20000"
        found.extend(row["id"] for row in town.ask("GET", path).json["results"])

    waiting = threading.Thread(target=wait)
    waiting.start()
    document = visit()
    town.push(document)
    waiting.join(10)
    assert found == [document["_id"]]


def test_a_long_poll_tells_nothing_to_a_device_that_was_revoked_meanwhile(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = threading.Event()

    class People(dict[str, Caller]):
        def get(self, name: str, default: object = None) -> Caller | None:  # type: ignore[override]
            found = super().get(name)
            if name == "hoa":
                known.set()
            return found

    people = People(PEOPLE)
    monkeypatch.setattr("tests.sync.town.PEOPLE", people)
    since = town.ask("GET", OWN, person="lan").json["update_seq"]
    told: list[bytes] = []

    def wait() -> None:
        path = f"{OWN}/_changes?feed=longpoll&include_docs=true&since={since}&timeout=20000"
        try:
            told.append(town.ask("GET", path).body)
        except (http.client.HTTPException, OSError):
            told.append(b"")

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert known.wait(10)
    del people["hoa"]
    document = visit("person:lan")
    assert town.push(document, person="lan").json == []
    waiting.join(20)
    assert len(told) == 1
    assert document["_id"].encode() not in told[0]


def test_a_device_is_told_the_reason_also_when_it_was_waiting(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, lost = threading.Event(), threading.Event()

    class People(dict[str, Caller]):
        def get(self, name: str, default: object = None) -> Caller | None:  # type: ignore[override]
            if name == "hoa" and lost.is_set():
                raise GatewayError("device-lost")
            if name == "hoa":
                known.set()
            return super().get(name)

    monkeypatch.setattr("tests.sync.town.PEOPLE", People(PEOPLE))
    since = town.ask("GET", OWN, person="lan").json["update_seq"]
    told: list[bytes] = []

    def wait() -> None:
        path = f"{OWN}/_changes?feed=longpoll&include_docs=true&since={since}&timeout=20000"
        try:
            told.append(town.ask("GET", path).body)
        except (http.client.HTTPException, OSError):
            told.append(b"")

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert known.wait(10)
    lost.set()
    document = visit("person:lan")
    assert town.push(document, person="lan").json == []
    waiting.join(20)
    assert len(told) == 1
    assert document["_id"].encode() not in told[0]
    answer = town.ask("GET", OWN)
    assert (answer.status, answer.json["error"]) == (401, "device-lost")


def test_a_checkpoint_is_the_devices_own(town: Town) -> None:
    path = f"{OWN}/_local/r3Xk.aB_c%3D%3D"
    assert town.ask("GET", path).status == 404
    saved = town.ask("PUT", path, {"_id": "_local/r3Xk.aB_c==", "last_seq": 7})
    assert (saved.status, saved.json["id"]) == (201, "_local/r3Xk.aB_c==")
    found = town.ask("GET", path).json
    assert (found["_id"], found["last_seq"]) == ("_local/r3Xk.aB_c==", 7)
    assert town.ask("GET", path, person="lan").status == 404
    stored = town.stored(f"_local/{DEVICE}.r3Xk.aB_c==")
    assert stored is not None


def test_a_checkpoint_is_small(town: Town) -> None:
    found = town.ask("PUT", f"{OWN}/_local/abc", {"text": "x" * 5000})
    assert (found.status, found.json["error"]) == (413, "too-large")


def ask_behind(
    url: str, names: Names, method: str = "GET", rest: str = "", body: object = None
) -> tuple[int, dict[str, str], bytes]:
    """One request through a gateway whose store is at `url`."""
    store = Store.connect(url)
    gateway = Gateway(store, names, identify=identify, sentence=lambda _, key: key)
    app = Starlette(routes=[Mount("/sync", gateway)], lifespan=lambda _: gateway.running())
    with listening() as (listener, port), serving(app, listener):
        found = Town(store, names, port).ask(method, OWN + rest, body)
    store.close()
    return found.status, found.headers, found.body


def test_a_store_that_is_away_is_503_with_a_time_to_retry(names: Names) -> None:
    with closed() as url:
        for method, rest, body in (
            ("GET", "", None),
            ("POST", "/_bulk_docs", {"docs": [visit()], "new_edits": False}),
        ):
            status, headers, content = ask_behind(url, names, method, rest, body)
            assert status == 503
            assert int(headers["retry-after"]) > 0
            assert b"store-unavailable" in content


CONFIG = {
    "/chttpd_auth/secret": b'"s"',
    "/proxy_use_secret": b'"true"',
    "/authentication_handlers": b'"proxy_authentication_handler"',
}


def config(path: str) -> bytes | None:
    for end, value in CONFIG.items():
        if path.endswith(end):
            return answer("200 OK", value)
    return None


@pytest.mark.parametrize(
    "raw",
    [
        answer("500 Internal Server Error", b'{"error": "badarg"}'),
        answer("502 Bad Gateway", b"<html>", kind="text/html"),
        answer("200 OK", b"<html>", kind="text/html"),
        answer("401 Unauthorized", b'{"error": "unauthorized", "reason": "secret words"}'),
        answer("404 Not Found", b'{"error": "not_found", "reason": "Database does not exist."}'),
        answer("200 OK", b"{", length=100),
        b"nonsense\r\n\r\n",
    ],
    ids=lambda raw: raw.split(b"\r\n")[0].decode(),
)
def test_whatever_the_store_answers_wrongly_is_503(names: Names, raw: bytes) -> None:
    with misbehaving(lambda _, path: config(path) or raw) as (url, _):
        status, _, content = ask_behind(url, names)
    assert status == 503
    assert b"secret words" not in content


@pytest.mark.parametrize(
    "rows",
    [
        answer("202 Accepted", b"[]"),
        answer("201 Created", b'[{"id": "%s", "error": "conflict"}]'),
        answer("201 Created", b'[{"id": "%s", "rev": "%s", "error": "internal_error", "reason": "x"}]'),
        answer("201 Created", b"{}"),
        answer("201 Created", b"[", length=10),
        answer("500 Internal Server Error", b"{}"),
    ],
    ids=lambda raw: raw.split(b"\r\n\r\n")[1].decode() + raw[9:12].decode(),
)
def test_an_answer_to_a_batch_that_is_not_plain_makes_the_phone_try_again(names: Names, rows: bytes) -> None:
    document = visit()
    missing = b'{"%s": {"missing": ["%s"]}}' % (document["_id"].encode(), document["_rev"].encode())
    unknown = b'{"rows": [{"key": "%s", "error": "not_found"}]}' % document["_id"].encode()

    def script(_: str, path: str) -> bytes:
        if path.endswith("_revs_diff"):
            return answer("200 OK", missing)
        if "_all_docs" in path:
            return answer("200 OK", b'{"rows": []}' if names.ledger in path else unknown)
        return config(path) or rows

    with misbehaving(script) as (url, _):
        status, headers, _ = ask_behind(
            url, names, "POST", "/_bulk_docs", {"docs": [document], "new_edits": False}
        )
    assert status == 503
    assert int(headers["retry-after"]) > 0


def test_a_large_answer_that_is_cut_stays_visibly_cut(names: Names) -> None:
    raw = answer("200 OK", b'{"results": [' + b" " * 500_000, length=1_000_000)
    with (
        misbehaving(lambda _, path: config(path) or raw) as (url, _),
        pytest.raises(Exception, match="IncompleteRead"),
    ):
        ask_behind(url, names, rest="/_changes")
