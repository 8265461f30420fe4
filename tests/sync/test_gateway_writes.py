"""What becomes of a batch of documents that a phone sends."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import anyio
import pytest
from starlette.requests import Request

from sync.gateway import Caller
from sync.gateway_body import LARGEST, read_body
from sync.gateway_errors import GatewayError
from tests.sync.samples import child, household, register, rev, visit
from tests.sync.town import PEOPLE, WARD, Town

BULK = f"/sync/w{WARD}-tdp-07/_bulk_docs"


def test_an_accepted_document_is_stored_and_not_mentioned_in_the_answer(town: Town) -> None:
    document = visit()
    before = len(town.written)
    answer = town.push(document)
    assert (answer.status, answer.json) == (201, [])
    assert answer.headers["x-gtn-time"].endswith("Z")
    stored = town.stored(document["_id"])
    assert stored is not None
    assert stored["_rev"] == document["_rev"]
    assert town.written[before:] == [town.database]


def test_the_same_document_again_is_accepted_again(town: Town) -> None:
    document = visit()
    for _ in range(2):
        assert town.push(document).json == []


def test_a_batch_is_split_and_the_refused_one_is_in_quarantine(town: Town) -> None:
    good, bad = visit(), visit(note="thẻ số 001203004567")
    answer = town.push(good, bad)
    assert answer.status == 201
    assert answer.json == [
        {
            "id": bad["_id"],
            "rev": bad["_rev"],
            "error": "forbidden",
            "code": "id-number",
            "reason": "refused.id-number",
        }
    ]
    assert town.stored(good["_id"]) is not None
    assert town.stored(bad["_id"]) is None
    (kept,) = town.quarantined(bad["_id"])
    assert kept["document"]["record"]["value"]["note"] == "thẻ số ••••••••••••"
    assert kept["code"] == "id-number"
    assert (kept["by"], kept["unit"], kept["database"]) == ("person:hoa", "tdp-07", f"w{WARD}-tdp-07")


def test_a_refused_document_offered_again_is_kept_once(town: Town) -> None:
    bad = visit(unit="tdp-08")
    for _ in range(3):
        assert town.push(bad).json[0]["code"] == "wrong-unit"
    assert len(town.quarantined(bad["_id"])) == 1


def test_a_design_document_in_a_batch_is_refused(town: Town) -> None:
    answer = town.push({"_id": "_design/evil", "_rev": rev(1), "validate_doc_update": "x"})
    assert answer.json[0]["code"] == "bad-id"
    assert town.stored("_design/evil") is None


def test_an_amendment_by_the_author_wins_and_by_another_volunteer_is_refused(town: Town) -> None:
    first = visit()
    town.push(first)
    value = {**first["record"]["value"], "outcome": "later"}
    second = child(first, record=register(value, at="2026-05-01T03:00:00.000Z"))
    assert town.push(second).json == []
    third = child(second, record=register(value, by="person:lan", at="2026-05-01T04:00:00.000Z"))
    assert town.push(third, person="lan").json[0]["code"] == "not-author"
    fourth = child(second, record=register(value, by="person:lead", at="2026-05-01T04:00:00.000Z"))
    assert town.push(fourth, person="lead").json == []


def test_a_revision_that_descends_from_nothing_known_is_refused(town: Town) -> None:
    first = visit()
    town.push(first)
    stranger = child(child({**first, "_rev": rev(1)}))
    assert town.push(stranger).json[0]["code"] == "unknown-ancestor"


def test_two_phones_that_change_different_fields_of_one_household_are_both_accepted(town: Town) -> None:
    first = household()
    town.push(first)
    by_lan = child(first, kind=register("business", "person:lan", "2026-05-02T00:00:00.000Z"))
    by_hoa = child(first, adults=register(3, at="2026-05-03T00:00:00.000Z"))
    assert town.push(by_lan, person="lan").json == []
    assert town.push(by_hoa).json == []
    leaves = town.ask(
        "POST", f"/sync/w{WARD}-tdp-07/_revs_diff", {first["_id"]: [by_lan["_rev"], by_hoa["_rev"]]}
    )
    assert leaves.json == {}


def test_a_document_with_an_earlier_life_on_the_phone_alone_is_new(town: Town) -> None:
    assert town.push(child(child(visit()))).json == []


def test_an_erased_document_does_not_come_back(town: Town) -> None:
    first = household()
    town.push(first)
    anyio.run(town.store.delete, town.database, first["_id"], first["_rev"])
    again = child(first, adults=register(2))
    assert town.push(again).json[0]["code"] == "gone"


def test_a_phone_deletes_nothing(town: Town) -> None:
    first = visit()
    town.push(first)
    gone = child({"_id": first["_id"], "_rev": first["_rev"]}, _deleted=True)
    assert town.push(gone).json[0]["code"] == "deletion"
    assert town.stored(first["_id"]) is not None


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "bad-json"),
        (b"\xff", {}, 400, "bad-json"),
        (b'{"docs": [], "new_edits": true}', {}, 400, "bad-request"),
        (b'{"docs": []}', {}, 400, "bad-request"),
        (b'{"docs": {}, "new_edits": false}', {}, 400, "bad-request"),
        (b'{"docs": [1], "new_edits": false}', {}, 400, "bad-request"),
        (b'{"docs": [{}], "new_edits": false}', {}, 400, "bad-request"),
        (b"[]", {}, 400, "bad-request"),
        (b'{"docs": [' + b"[" * 40 + b"]" * 40 + b'], "new_edits": false}', {}, 400, "too-deep"),
        (b"[" * 100_000, {}, 400, "too-deep"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "bad-content-type"),
        (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "bad-content-type"),
        (b"{}", {"Content-Encoding": "br"}, 415, "bad-content-type"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "bad-json"),
        (gzip.compress(b"{}", mtime=0)[:-3], {"Content-Encoding": "gzip"}, 400, "bad-json"),
        (b" " * (8 * 1024 * 1024 + 1), {}, 413, "too-large"),
        (b"{}", {"Content-Length": str(10**12)}, 413, "too-large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_cannot_be_read_is_answered_with_a_code(
    town: Town, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = town.ask("POST", BULK, body, headers=headers)
    assert (answer.status, answer.json["error"]) == (status, code)


def test_a_compressed_bomb_ends_early(town: Town) -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b"0" * 1_000_000) for _ in range(200)) + packer.flush()
    answer = town.ask("POST", BULK, bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["error"]) == (413, "too-large")


def test_a_bomb_costs_no_more_memory_than_a_body_may_have() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(500)) + packer.flush()
    read: list[int] = []

    async def receive() -> dict[str, Any]:
        start = sum(read)
        read.append(64 * 1024)
        body = bomb[start : start + 64 * 1024]
        return {"type": "http.request", "body": body, "more_body": start + len(body) < len(bomb)}

    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]

    async def attack() -> None:
        with pytest.raises(GatewayError, match="too-large"):
            await read_body(Request({"type": "http", "method": "POST", "headers": headers}, receive), LARGEST)

    tracemalloc.start()
    try:
        anyio.run(attack)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * LARGEST, "it was unpacked"
    assert sum(read) < len(bomb), "it was read to its end"


@pytest.mark.parametrize(
    "encoding",
    ["br", "deflate", "zstd", "compress", "x-gzip", "gzip, gzip", "identity, gzip", "GZIP;q=1", "*"],
)
def test_a_body_in_another_encoding_is_refused_unread(encoding: str) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    headers = [(b"content-type", b"application/json"), (b"content-encoding", encoding.encode())]

    async def attack() -> None:
        with pytest.raises(GatewayError, match="bad-content-type"):
            await read_body(Request({"type": "http", "method": "POST", "headers": headers}, receive), LARGEST)

    anyio.run(attack)


def test_a_compressed_batch_is_taken(town: Town) -> None:
    document = visit()
    body = gzip.compress(json.dumps({"docs": [document], "new_edits": False}).encode())
    assert town.ask("POST", BULK, body, headers={"Content-Encoding": "gzip"}).status == 201
    assert town.stored(document["_id"]) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"_rev": "1-abc"},
        {"_rev": "nonsense"},
        {"_revisions": {"start": 5, "ids": ["a" * 32]}},
        {"_revisions": {"start": 1, "ids": []}},
        {"_revisions": {"start": "1", "ids": ["a" * 32]}},
        {"_revisions": []},
        {"_revisions": {"start": 1001, "ids": ["a" * 32] * 1001}},
        {"_attachments": {}},
        {"_conflicts": []},
    ],
    ids=str,
)
def test_a_malformed_document_is_refused_alone(town: Town, change: dict[str, Any]) -> None:
    good, bad = visit(), {**visit(), **change}
    answer = town.push(good, bad)
    assert answer.status == 201
    assert [row["id"] for row in answer.json] == [bad["_id"]]
    assert town.stored(good["_id"]) is not None
    assert len(town.quarantined(bad["_id"])) == 1


def test_what_couchdb_itself_refuses_is_in_quarantine_too(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.checks.check", lambda *_: None)
    bad = visit(unit="tdp-08")
    answer = town.push(bad)
    assert (answer.status, answer.json[0]["code"]) == (201, "wrong-unit")
    assert len(town.quarantined(bad["_id"])) == 1


def test_without_quarantine_nothing_is_called_refused(town: Town) -> None:
    anyio.run(town.store.delete_database, town.quarantine)
    bad = visit(unit="tdp-08")
    answer = town.push(bad)
    assert (answer.status, answer.json["error"]) == (503, "store-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    anyio.run(town.store.create, town.quarantine)
    assert town.push(bad).status == 201
    assert len(town.quarantined(bad["_id"])) == 1


def test_another_document_under_a_refused_revision_is_kept_whole_too(town: Town) -> None:
    """Whoever knows a revision's name cannot keep what really bears it out of the quarantine."""
    bad = visit(unit="tdp-08", note="lời thật")
    town.push({**bad, "record": {"value": "rác"}}, person="lan")
    assert town.push(bad).json[0]["code"] == "wrong-unit"
    notes = [kept["document"]["record"]["value"] for kept in town.quarantined(bad["_id"])]
    assert bad["record"]["value"] in notes


def test_no_field_of_a_document_can_fail_the_batch_it_comes_with(town: Town) -> None:
    good, bad = visit(), {**visit(schema=2), "_shape": 1}
    assert [row["code"] for row in town.push(good, bad).json] == ["malformed"]
    assert town.stored(good["_id"]) is not None


def test_a_colleague_cannot_have_a_value_win_by_the_history(town: Town) -> None:
    first = household()
    town.push(first)
    entry = {"field": "address", **register({"house": "bịa"}, at="2026-12-31T00:00:00.000Z")}
    assert town.push(child(first, history=[entry]), person="lan").json[0]["code"] == "past-changed"


@pytest.mark.parametrize(("later", "status"), [(None, 401), (PEOPLE["eve"], 503)])
def test_whoever_loses_the_right_while_the_body_still_comes_writes_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, later: Caller | None, status: int
) -> None:
    class Changing:
        """Asked when a request begins, and again when its body has come."""

        answers = iter([PEOPLE["hoa"], later])

        def get(self, *_: object) -> Caller | None:
            return next(self.answers)

    document = visit()
    monkeypatch.setattr("tests.sync.town.PEOPLE", Changing())
    assert town.push(document).status == status
    assert town.stored(document["_id"]) is None
    assert town.quarantined(document["_id"]) == []
