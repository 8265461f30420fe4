"""Validators: what they are given, and what happens when they fail."""

from __future__ import annotations

import json
from typing import Any

import httpx

A, B = "a" * 32, "b" * 32


def guard(db: httpx.Client, body: str, name: str = "g") -> None:
    source = "function (newDoc, oldDoc, userCtx, secObj) { " + body + " }"
    db.put(f"_design/{name}", json={"validate_doc_update": source}).raise_for_status()


def tell(db: httpx.Client, doc: dict[str, Any]) -> Any:
    """What the validator of `test` threw for a replicated document."""
    rows = db.post("_bulk_docs", json={"new_edits": False, "docs": [doc]}).json()
    return json.loads(rows[0]["reason"])


def test_a_replicated_edit_is_judged_against_the_ancestor_that_is_stored(db: httpx.Client) -> None:
    db.post("_bulk_docs", json={"new_edits": False, "docs": [{"_id": "r", "_rev": f"1-{A}", "v": 1}]})
    guard(db, "throw({forbidden: JSON.stringify([newDoc, oldDoc])});")
    child = {"_id": "r", "_rev": f"2-{B}", "v": 2, "_revisions": {"start": 2, "ids": [B, A]}}
    new, old = tell(db, child)
    assert (new["_id"], new["_rev"], new["v"]) == ("r", f"2-{B}", 2)
    assert new["_revisions"] == {"start": 2, "ids": [B, A]}
    assert (old["_rev"], old["v"]) == (f"1-{A}", 1)
    assert tell(db, {"_id": "r", "_rev": f"1-{B}", "v": 3})[1] is None


def test_a_revision_that_is_known_is_accepted_again(db: httpx.Client) -> None:
    doc = {"_id": "r", "_rev": f"1-{A}", "v": 1}
    db.post("_bulk_docs", json={"new_edits": False, "docs": [doc]})
    guard(db, "throw({forbidden: 'no more'});")
    assert db.post("_bulk_docs", json={"new_edits": False, "docs": [doc]}).json() == []


def test_a_deletion_is_shown_to_the_validator(db: httpx.Client) -> None:
    rev = db.put("a", json={"by": "hoa"}).json()["rev"]
    guard(db, "if (newDoc._deleted) { throw({forbidden: 'kept: ' + oldDoc.by}); }")
    answer = db.delete("a", params={"rev": rev})
    assert (answer.status_code, answer.json()["reason"]) == (403, "kept: hoa")


def test_all_validators_must_agree_and_a_removed_one_judges_no_more(db: httpx.Client) -> None:
    guard(db, "if (newDoc.a) { throw({forbidden: 'a'}); }", "one")
    guard(db, "if (newDoc.b) { throw({forbidden: 'b'}); }", "two")
    assert db.put("x", json={"a": 1}).status_code == 403
    assert db.put("x", json={"b": 1}).status_code == 403
    rev = db.get("_design/one").json()["_rev"]
    db.delete("_design/one", params={"rev": rev}).raise_for_status()
    assert db.put("x", json={"a": 1}).status_code == 201


def test_a_validator_that_breaks_refuses_the_write_and_stores_nothing(db: httpx.Client) -> None:
    guard(db, "newDoc.missing.member;")
    assert db.put("a", json={}).status_code >= 400
    assert db.get("a").status_code == 404


def test_an_endless_validator_fails_its_own_write_and_hurts_nobody(
    db: httpx.Client, server: httpx.Client
) -> None:
    guard(db, "if (newDoc.loop) { for (;;) {} }")
    answer = db.post("_bulk_docs", json={"docs": [{"_id": "ok"}, {"_id": "loop", "loop": 1}]}, timeout=60)
    assert answer.status_code == 500
    assert server.get("/_up").status_code == 200
    assert db.put("after", json={}).status_code == 201
    assert db.get("loop").status_code == 404
