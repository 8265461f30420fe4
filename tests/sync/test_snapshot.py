"""The first sync of a phone: a database in chunks."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from sync import snapshot
from sync.gateway_upstream import Upstream
from sync.store import Document
from tests.sync.samples import child, visit
from tests.sync.town import WARD, Town

OWN = f"/sync/w{WARD}-tdp-07"
FOREIGN = f"/sync/w{WARD}-tdp-08"


def chunks(town: Town, since: str = "0") -> list[Any]:
    """All chunks from here on."""
    found = []
    while True:
        answer = town.ask("GET", f"{OWN}/_snapshot?since={since}")
        assert answer.status == 200
        found.append(answer.json)
        since = answer.json["last_seq"]
        assert answer.headers.get("x-gtn-next" if answer.json["pending"] else "x-gtn-end") == since
        assert ("x-gtn-next" in answer.headers) != ("x-gtn-end" in answer.headers)
        if not answer.json["pending"]:
            return found


def revisions(town: Town) -> set[tuple[str, str]]:
    """Every leaf that the change feed knows."""
    rows = town.ask("GET", f"{OWN}/_changes?style=all_docs").json["results"]
    return {(row["id"], one["rev"]) for row in rows if row["id"][0] != "_" for one in row["changes"]}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "ROWS", 7)
    monkeypatch.setattr(snapshot, "GROUP", 3)
    monkeypatch.setattr(snapshot, "FRESH", 0.0)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("largest", [1, 2500, 10**6])
def test_the_chunks_hold_every_leaf_once_with_its_history(
    town: Town, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr(snapshot, "LARGEST", largest)
    first = visit()
    documents = [visit() for _ in range(20)]
    town.push(first, *documents)
    town.push(child(first))
    town.push(child(first))
    found = [doc for chunk in chunks(town) for doc in chunk["docs"]]
    held = [(doc["_id"], doc["_rev"]) for doc in found]
    assert len(held) == len(set(held))
    assert set(held) == revisions(town)
    twice = [doc for doc in found if doc["_id"] == first["_id"]]
    assert len(twice) == 2
    assert all(doc["_revisions"]["ids"][-1] == first["_rev"].partition("-")[2] for doc in twice)


def test_replication_goes_on_from_the_last_chunk(town: Town) -> None:
    town.push(visit())
    last = chunks(town)[-1]["last_seq"]
    assert town.ask("GET", f"{OWN}/_changes?since={last}").json["results"] == []
    later = visit()
    town.push(later)
    rows = town.ask("GET", f"{OWN}/_changes?since={last}").json["results"]
    assert [row["id"] for row in rows] == [later["_id"]]


def test_what_changed_after_a_chunk_was_kept_follows_it(town: Town) -> None:
    first = visit()
    town.push(first)
    before = chunks(town)
    second = child(first)
    town.push(second)
    assert chunks(town) == before, "kept for a while"
    rows = town.ask("GET", f"{OWN}/_changes?since={before[-1]['last_seq']}&style=all_docs").json["results"]
    assert (first["_id"], second["_rev"]) in {(row["id"], row["changes"][0]["rev"]) for row in rows}


def test_phones_that_begin_together_cost_one_reading(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.push(*[visit() for _ in range(30)])
    asked: list[str] = []
    opened = Upstream.open

    async def counted(self: Upstream, person: str, role: str, method: str, path: str, *rest: Any) -> Any:
        asked.append(path)
        return await opened(self, person, role, method, path, *rest)

    monkeypatch.setattr(Upstream, "open", counted)
    monkeypatch.setattr(snapshot, "ROWS", 11)  # other chunks than those that are kept already
    since = town.ask("GET", f"{OWN}/_changes?limit=3").json["last_seq"]
    asked.clear()
    with ThreadPoolExecutor(20) as pool:
        people = ["hoa", "lan", "lead", "hoa"] * 5
        path = f"{OWN}/_snapshot?since={since}"
        answers = list(pool.map(lambda person: town.ask("GET", path, person=person), people))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len([path for path in asked if "_changes" in path]) == 1


def test_chunks_travel_compressed_and_say_early_where_the_next_begins(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "ROWS", 13)
    town.push(*[visit() for _ in range(20)])
    since = town.ask("GET", f"{OWN}/_changes?limit=2").json["last_seq"]
    packed = town.ask("GET", f"{OWN}/_snapshot?since={since}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    body: Document = json.loads(gzip.decompress(packed.body))
    assert packed.headers["x-gtn-next"] == body["last_seq"]
    assert body["pending"] > 0


def test_nobody_gets_another_units_documents(town: Town) -> None:
    assert town.ask("GET", f"{FOREIGN}/_snapshot").status == 403
    assert town.ask("GET", f"{OWN}/_snapshot", person=None).status == 401
    assert town.ask("GET", f"{OWN}/_snapshot", person="eve").status == 403
    assert town.ask("POST", f"{OWN}/_snapshot", {}).status == 405


@pytest.mark.parametrize("since", ["x%2F..", "1&since=2", "%00", "a" * 5000])
def test_a_sequence_that_is_none_is_refused(town: Town, since: str) -> None:
    assert town.ask("GET", f"{OWN}/_snapshot?since={since}").status == 400


def test_kept_chunks_end_with_their_time_and_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    kept = snapshot.Snapshots(Upstream.__new__(Upstream), lambda: now)

    async def read(*_: str) -> snapshot.Chunk:
        return snapshot.Chunk(b"x" * 100, "1", 0, now)

    monkeypatch.setattr(kept, "_read", read)

    def keep(name: str) -> None:
        anyio.run(kept.chunk, "person:hoa", "unit", name, "0")

    monkeypatch.setattr(snapshot, "KEPT", 250)
    for name in ("a", "b", "c"):
        keep(name)
    assert [path for path, _ in kept._kept] == ["b", "c"]
    now = snapshot.FRESH
    keep("d")
    assert [path for path, _ in kept._kept] == ["d"]
    assert kept._size == 100
