"""Changes: woken by writes, each document once, sequences of other lives."""

from __future__ import annotations

import threading
import time

import httpx


def test_a_long_poll_is_answered_when_something_is_written(db: httpx.Client) -> None:
    answers: list[httpx.Response] = []

    def wait() -> None:
        with httpx.Client(base_url=db.base_url, timeout=30) as other:
            answers.append(other.get("_changes?feed=longpoll&since=now&timeout=20000&heartbeat=5000"))

    before = time.monotonic()
    waiting = threading.Thread(target=wait)
    waiting.start()
    for n in range(100):  # whichever write comes after the waiting began must wake it
        db.put(f"a{n}", json={}).raise_for_status()
        waiting.join(0.05)
        if answers:
            break
    waiting.join()
    assert time.monotonic() - before < 10
    assert answers[0].json()["results"]


def test_each_document_stands_once_at_its_latest_change(db: httpx.Client) -> None:
    rev = db.put("a", json={}).json()["rev"]
    db.put("b", json={}).raise_for_status()
    db.put("a", json={"_rev": rev, "n": 2}).raise_for_status()
    found = db.get("_changes", params={"include_docs": "true"}).json()
    assert sorted(row["id"] for row in found["results"]) == ["a", "b"]
    assert next(row for row in found["results"] if row["id"] == "a")["doc"]["n"] == 2


def test_pages_of_changes_meet_without_gap_or_repetition(db: httpx.Client) -> None:
    docs = [{"_id": f"d{n}"} for n in range(2500)]
    db.post("_bulk_docs", json={"docs": docs}).raise_for_status()
    whole = db.get("_changes").json()
    assert len({row["id"] for row in whole["results"]}) == len(whole["results"]) == 2500
    since, seen, pending = "0", [], 1
    while pending:
        page = db.get("_changes", params={"since": since, "limit": 700}).json()
        seen += [row["id"] for row in page["results"]]
        since, pending = page["last_seq"], page["pending"]
    assert sorted(seen) == sorted(doc["_id"] for doc in docs)
    assert db.get("_changes", params={"since": since}).json()["results"] == []


def test_nothing_new_since_the_last_sequence_of_a_limited_answer(db: httpx.Client) -> None:
    db.put("a", json={}).raise_for_status()
    first = db.get("_changes", params={"limit": 1}).json()
    assert db.get("_changes", params={"since": first["last_seq"]}).json()["results"] == []


def test_a_database_made_anew_is_read_from_its_beginning(server: httpx.Client, db: httpx.Client) -> None:
    name = str(db.base_url).rstrip("/").rpartition("/")[2]
    db.post("_bulk_docs", json={"docs": [{} for _ in range(5)]}).raise_for_status()
    old = db.get("").json()["update_seq"]
    server.delete(f"/{name}").raise_for_status()
    server.put(f"/{name}").raise_for_status()
    db.put("new", json={}).raise_for_status()
    rows = db.get("_changes", params={"since": old}).json()["results"]
    assert [row["id"] for row in rows] == ["new"], "a reader with an old sequence missed a document"
