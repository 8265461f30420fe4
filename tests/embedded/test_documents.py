"""Documents: conflicts, open revisions, attachments, and input that is wrong."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import httpx
import pytest

A, B, C = "a" * 32, "b" * 32, "c" * 32


def replicate(db: httpx.Client, *docs: dict[str, Any]) -> Any:
    answer = db.post("_bulk_docs", json={"new_edits": False, "docs": docs})
    assert answer.status_code == 201, answer.text
    return answer.json()


def revision(ids: list[str], **fields: Any) -> dict[str, Any]:
    revisions = {"start": len(ids), "ids": ids}
    return {"_id": "r", "_rev": f"{len(ids)}-{ids[0]}", "_revisions": revisions, **fields}


def test_a_document_may_be_updated_by_its_revision_only(db: httpx.Client) -> None:
    first = db.put("a", json={"n": 1}).json()["rev"]
    second = db.put("a", json={"n": 2}, params={"rev": first}).json()["rev"]
    assert second.startswith("2-")
    assert db.put("a", json={"n": 3, "_rev": first}).status_code == 409
    assert db.get("a").headers["etag"] == f'"{second}"'
    assert db.head("a").status_code == 200
    gone = db.delete("a", headers={"If-Match": second})
    assert gone.status_code == 200
    assert db.get("a").json()["reason"] == "deleted"
    again = db.put("a", json={"n": 4})
    assert again.status_code == 201
    assert again.json()["rev"].startswith("4-")


def test_the_same_edit_has_the_same_revision_in_every_database(
    db: httpx.Client, server: httpx.Client
) -> None:
    rev = db.put("a", json={"n": 1, "m": [1, {"x": None}]}).json()["rev"]
    other = str(db.base_url).rstrip("/") + "-two"
    server.put(other).raise_for_status()
    try:
        assert server.put(other + "/a", json={"n": 1, "m": [1, {"x": None}]}).json()["rev"] == rev
    finally:
        server.delete(other)


def test_a_branch_that_arrives_is_a_conflict_until_it_is_deleted(db: httpx.Client) -> None:
    replicate(db, revision([A], v=1), revision([B, A], v=2), revision([C, A], v=3))
    found = db.get("r", params={"conflicts": "true", "revs_info": "true"}).json()
    assert found["v"] == 3
    assert found["_conflicts"] == [f"2-{B}"]
    assert [row["status"] for row in found["_revs_info"]] == ["available", "available"]
    assert db.get("r", params={"rev": f"1-{A}"}).json()["v"] == 1
    latest = db.get("r", params={"open_revs": json.dumps([f"1-{A}"]), "latest": "true"},
                    headers={"Accept": "application/json"}).json()  # fmt: skip
    assert sorted(item["ok"]["v"] for item in latest) == [2, 3]
    assert db.delete("r", params={"rev": f"2-{B}"}).status_code == 200
    assert "_conflicts" not in db.get("r", params={"conflicts": "true"}).json()


def test_histories_longer_than_the_limit_are_cut(db: httpx.Client) -> None:
    ids = [f"{n:032x}" for n in range(1200, 0, -1)]
    replicate(db, revision(ids))
    assert len(db.get("r", params={"revs": "true"}).json()["_revisions"]["ids"]) == 1000


def test_missing_revisions_are_named(db: httpx.Client) -> None:
    replicate(db, revision([B, A]))
    rows = db.get("r", params={"open_revs": json.dumps([f"2-{C}"])}, headers={"Accept": "application/json"})
    assert rows.json() == [{"missing": f"2-{C}"}]
    bulk = db.post("_bulk_get", json={"docs": [{"id": "r", "rev": f"2-{C}"}, {"id": "r", "rev": f"2-{B}"}]})
    first, second = bulk.json()["results"]
    assert first["docs"][0]["error"]["error"] == "not_found"
    assert second["docs"][0]["ok"]["_rev"] == f"2-{B}"


def test_compaction_drops_the_text_of_old_revisions_and_keeps_every_leaf(db: httpx.Client) -> None:
    replicate(db, revision([A], v="xưa"), revision([B, A], v=2), revision([C, A], v=3))
    assert db.post("_compact", json={}).status_code == 202
    while db.get("").json()["compact_running"]:
        pass
    assert db.get("r", params={"rev": f"1-{A}"}).status_code == 404
    assert db.get("r", params={"rev": f"2-{B}"}).json()["v"] == 2
    assert db.get("r").json()["v"] == 3


def test_an_attachment_is_kept_by_its_stub_and_read_raw_and_inline(db: httpx.Client) -> None:
    data = base64.b64encode(b"pixels").decode()
    inline = {"p": {"content_type": "image/png", "data": data}}
    rev = db.put("a", json={"_attachments": inline}).json()["rev"]
    stubs = db.get("a").json()["_attachments"]
    assert stubs["p"]["stub"] is True
    assert stubs["p"]["length"] == 6
    rev = db.put("a", json={"_rev": rev, "n": 2, "_attachments": stubs}).json()["rev"]
    assert db.get("a/p").content == b"pixels"
    assert db.get("a", params={"attachments": "true"}).json()["_attachments"]["p"]["data"] == data
    added = db.put("a/q.txt", params={"rev": rev}, content=b"text", headers={"Content-Type": "text/plain"})
    assert added.status_code == 201
    assert set(db.get("a").json()["_attachments"]) == {"p", "q.txt"}
    assert db.get("a/q.txt").headers["content-type"].startswith("text/plain")
    assert db.delete("a/p", params={"rev": added.json()["rev"]}).status_code == 200
    assert db.get("a/p").status_code == 404


def test_a_stub_of_nothing_is_refused(db: httpx.Client) -> None:
    stub = {"p": {"stub": True, "content_type": "image/png", "digest": "md5-x", "length": 1, "revpos": 1}}
    assert db.put("a", json={"_attachments": stub}).status_code == 412


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b'"x"',
        b'{"a": \xff\xfe}',
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"_id": 7}',
        b'{"_rev": 7}',
        b'{"_rev": "x"}',
        b'{"_revisions": {"start": 1, "ids": [7, 8]}}',
        b'{"_attachments": 1}',
        b'{"_attachments": {"a": {"data": "***"}}}',
        b'{"_secret": 1}',
    ],
)
def test_a_body_that_is_wrong_is_refused_cleanly(db: httpx.Client, body: bytes) -> None:
    answer = db.put("a", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()) == {"error", "reason"}
    assert db.get("a").status_code == 404


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 30, "1" * 5000, "18446744073709551616"])
def test_numbers_of_any_size_are_kept_or_refused(db: httpx.Client, number: str) -> None:
    body = b'{"n": ' + number.encode() + b"}"
    answer = db.put("a", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (201, 400)
    if answer.status_code == 201:
        assert db.get("a").status_code == 200


def test_a_document_over_eight_megabytes_is_refused(db: httpx.Client) -> None:
    answer = db.put("a", json={"text": "x" * 8_000_001})
    assert answer.status_code == 413
    assert answer.json()["error"] == "document_too_large"


def test_a_body_that_swells_when_unpacked_is_refused(db: httpx.Client) -> None:
    bomb = gzip.compress(b" " * 80_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert db.post("_bulk_docs", content=bomb, headers=headers).status_code in (400, 413)
    assert db.post("_bulk_docs", content=b"not gzip", headers=headers).status_code == 400


@pytest.mark.parametrize("path", ["_nope", "_find", "_design/d/_show/x", "_local_docs"])
def test_what_it_does_not_have_it_says(db: httpx.Client, path: str) -> None:
    answer = db.get(path)
    assert answer.status_code in (400, 404, 405, 500, 501)
    assert "error" in answer.json()


def test_names_with_slashes_and_letters_of_all_kinds_come_back(db: httpx.Client) -> None:
    for name in ("a/b", "đường 12/4?", "a%2Fb", "+", "tên"):
        path = "".join(f"%{byte:02X}" for byte in name.encode())
        assert db.put(path, json={"n": name}).status_code == 201
        assert db.get(path).json()["_id"] == name
    assert db.get("_all_docs").json()["total_rows"] == 5


def test_a_database_with_a_slash_in_its_name(server: httpx.Client, db: httpx.Client) -> None:
    name = str(db.base_url).rstrip("/").rpartition("/")[2] + "/part"
    path = "/" + name.replace("/", "%2F")
    assert server.put(path).status_code == 201
    try:
        assert server.get(path).json()["db_name"] == name
        assert name in server.get("/_all_dbs").json()
    finally:
        server.delete(path)


def test_a_list_of_all_documents_is_whole_however_long(db: httpx.Client) -> None:
    docs = [{"_id": f"d{n:05d}", "n": n} for n in range(2300)]
    db.post("_bulk_docs", json={"docs": docs}).raise_for_status()
    found = db.get("_all_docs", params={"include_docs": "true"}).json()
    assert found["total_rows"] == 2300
    assert [row["doc"]["n"] for row in found["rows"]] == list(range(2300))
    back = db.get("_all_docs", params={"descending": "true", "startkey": '"d00002"', "skip": 1, "limit": 5})
    assert [row["id"] for row in back.json()["rows"]] == ["d00001", "d00000"]
