"""The store killed in the middle of compactions, of views being built, of databases deleted and made anew."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync.embedded.child import EmbeddedStore
from sync.embedded.database import TAILS

SEED = int(os.environ.get("KILL_SEED", "20261127"))
KILLS = int(os.environ.get("KILLS", "10"))
DOCUMENTS = 300


@pytest.mark.parametrize("left", TAILS[1:])
def test_what_a_deletion_left_does_not_come_back_in_a_database_of_that_name(
    tmp_path: Path, left: str
) -> None:
    """Its file goes first; the store may be killed before those beside it have gone."""
    with EmbeddedStore(tmp_path) as store, httpx.Client(base_url=store.url, timeout=30) as client:
        client.put("/again").raise_for_status()
        client.post("/again/_bulk_docs", json={"docs": [{"_id": f"old{n}"} for n in range(200)]})
        client.put("/again/_design/d", json={"views": {"v": {"map": "function (doc) { emit(1, 1); }"}}})
        assert client.get("/again/_design/d/_view/v").json()["total_rows"] == 200
        kept = {path.name: path.read_bytes() for path in tmp_path.glob("again.*")}
        client.delete("/again").raise_for_status()
        store.kill()
        for name, data in kept.items():
            if name.endswith(f".sqlite{left}") or "views" in name:
                (tmp_path / name).write_bytes(data)
        (tmp_path / "half.couch.sqlite.new").write_bytes(b"half")
        store.start()
        assert not [path.name for path in tmp_path.glob("*.sqlite*")], "what was deleted is still on the disk"
        for name, data in kept.items():
            if name.endswith(f".sqlite{left}"):
                (tmp_path / name).write_bytes(data)
        assert client.get("/again").status_code == 404
        client.put("/again").raise_for_status()
        assert client.get("/again").json()["doc_count"] == 0
        client.put("/again/new", json={}).raise_for_status()
        client.put("/again/_design/d", json={"views": {"v": {"map": "function (doc) { emit(1, 1); }"}}})
        assert [row["id"] for row in client.get("/again/_design/d/_view/v").json()["rows"]] == ["new"]
        store.kill()
        store.start()
        assert client.get("/again").json()["doc_count"] == 2


class Lives:
    """What the store acknowledged, over all its lives, and what was on its way when it was killed."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.revs: dict[str, str] = {}
        self.texts: dict[str, set[int]] = {}
        self.generation = 0
        self.deleted = 0
        self.kept: set[str] = set()

    def rewrite(self, life: int) -> None:
        """Change every document again and again, and compact between."""
        for turn in range(10_000):
            docs = [
                {"_id": name, "_rev": rev, "n": turn, "text": "nhà " * 200} for name, rev in self.revs.items()
            ]
            for doc in docs:
                self.texts[str(doc["_id"])].add(turn)
            for row in self.client.post("/packed/_bulk_docs", json={"docs": docs}).json():
                self.revs[row["id"]] = row["rev"]
                self.texts[row["id"]] = {turn}
            self.client.post("/packed/_compact", json={}).raise_for_status()

    def build(self, life: int) -> None:
        """Ask for views that were never built."""
        for turn in range(10_000):
            code = f"function (doc) {{ emit(doc._id, {turn}); }} // {life}"
            self.client.put(f"/packed/_design/l{life}-{turn}", json={"views": {"v": {"map": code}}})
            self.client.get(f"/packed/_design/l{life}-{turn}/_view/v", params={"limit": 1}).raise_for_status()

    def recreate(self, life: int) -> None:
        """Delete a database and make it anew, each time with other documents."""
        for _ in range(10_000):
            attempted = self.generation + 1
            self.kept = set()
            if self.client.delete("/renewed").status_code == 200:
                self.deleted = self.generation
            self.generation = attempted
            self.client.put("/renewed")
            for n in range(5):
                name = f"g{attempted}-{n}"
                if self.client.put(f"/renewed/{name}", json={"g": attempted}).status_code == 201:
                    self.kept.add(name)


def until_cut(work: Callable[[int], None], life: int) -> None:
    with contextlib.suppress(httpx.TransportError):
        work(life)


def check_packed(client: httpx.Client, lives: Lives) -> None:
    rows = client.get("/packed/_all_docs", params={"include_docs": "true"}).json()["rows"]
    docs = {row["id"]: row["doc"] for row in rows if not row["id"].startswith("_")}
    assert set(docs) == set(lives.revs)
    for name, doc in docs.items():
        number, acknowledged = (int(rev.partition("-")[0]) for rev in (doc["_rev"], lives.revs[name]))
        assert number >= acknowledged, f"{name} lost what was acknowledged"
        assert number > acknowledged or doc["_rev"] == lives.revs[name]
        assert doc["n"] in lives.texts[name]
        lives.revs[name], lives.texts[name] = doc["_rev"], {doc["n"]}
    designs = [row["id"] for row in rows if row["id"].startswith("_design/l")]
    for design in designs[-3:]:
        view = client.get(f"/packed/{design}/_view/v").json()
        assert view["total_rows"] == len(view["rows"]) == DOCUMENTS
        assert {row["id"] for row in view["rows"]} == set(docs)
    for design in designs:
        rev = client.get(f"/packed/{design}").json()["_rev"]
        client.delete(f"/packed/{design}", params={"rev": rev}).raise_for_status()
    client.post("/packed/_view_cleanup", json={}).raise_for_status()


def check_renewed(client: httpx.Client, lives: Lives) -> None:
    answer = client.get("/renewed/_all_docs", params={"include_docs": "true"})
    if answer.status_code == 404:
        assert not lives.kept, "a database is gone that nobody deleted"
        return
    rows: list[dict[str, Any]] = answer.json()["rows"]
    assert lives.kept <= {row["id"] for row in rows}, "an acknowledged document is gone"
    generations = {row["doc"]["g"] for row in rows}
    assert len(generations) <= 1, "documents of two lives of a database are in one"
    assert all(number > lives.deleted for number in generations), "a deleted database came back"
    assert client.get("/renewed").json()["doc_count"] == len(rows)


def test_nothing_acknowledged_is_lost_by_kills_at_work(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    store = EmbeddedStore(tmp_path)
    store.start()
    try:
        with httpx.Client(base_url=store.url, timeout=60) as client:
            lives = Lives(client)
            client.put("/packed").raise_for_status()
            docs = [{"_id": f"d{n:03}", "n": -1} for n in range(DOCUMENTS)]
            for row in client.post("/packed/_bulk_docs", json={"docs": docs}).json():
                lives.revs[row["id"]], lives.texts[row["id"]] = row["rev"], {-1}
            for life in range(KILLS):
                works = (lives.rewrite, lives.build, lives.recreate)
                threads = [threading.Thread(target=until_cut, args=(work, life)) for work in works]
                for thread in threads:
                    thread.start()
                threading.Event().wait(chance.uniform(0.1, 0.8))
                store.kill()
                for thread in threads:
                    thread.join()
                store.start()
                check_packed(client, lives)
                check_renewed(client, lives)
    except AssertionError as failure:
        raise AssertionError(f"seed {SEED}, life {life}: {failure}") from failure
    finally:
        store.stop()
    assert "Traceback" not in (tmp_path / "store.log").read_text()
