"""The embedded store as a process: killed, restarted, started twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync.embedded.child import EmbeddedStore, StoreFailed

KILLS = 20
MAP = "function (doc) { emit([doc._id.split('-')[0], doc._id.length], 1); }"


def write_until_cut(client: httpx.Client, life: int, accepted: dict[str, str]) -> None:
    """Send batches until the store is gone; keep what it acknowledged."""
    batch = 0
    while True:
        if batch % 5 == 4:
            with contextlib.suppress(httpx.TransportError, KeyError):
                read_view(client, "grown")
        docs = [{"_id": f"{life}-{batch}-{n}", "text": "nhà " * 100} for n in range(50)]
        try:
            rows: list[dict[str, Any]] = client.post("/kill/_bulk_docs", json={"docs": docs}).json()
        except httpx.TransportError:
            return
        accepted.update({row["id"]: row["rev"] for row in rows})
        batch += 1


def test_what_was_acknowledged_survives_every_kill_and_batches_are_whole(tmp_path: Path) -> None:
    chance = random.Random(3)
    accepted: dict[str, str] = {}
    store = EmbeddedStore(tmp_path / "data")
    store.start()
    with httpx.Client(base_url=store.url, timeout=30) as client:
        client.put("/kill").raise_for_status()
        put_view(client, "grown", MAP)
    try:
        for life in range(KILLS):
            killer = threading.Timer(chance.uniform(0.05, 0.4), store.kill)
            with httpx.Client(base_url=store.url, timeout=30) as client:
                killer.start()
                write_until_cut(client, life, accepted)
            killer.join()
            store.start()
            with httpx.Client(base_url=store.url, timeout=30) as client:
                rows = client.get("/kill/_all_docs").json()["rows"]
                rows = [row for row in rows if not row["id"].startswith("_")]
                found = {row["id"]: row["value"]["rev"] for row in rows}
                assert accepted.items() <= found.items(), "an acknowledged document is gone"
                assert len(found) % 50 == 0, "a batch arrived in part"
                info = client.get("/kill").json()
                assert info["doc_count"] == len(found) + 1
                changes = client.get("/kill/_changes").json()["results"]
                assert {row["id"] for row in changes if not row["id"].startswith("_")} == set(found)
                if life % 2:  # the index is killed at work in the lives between
                    assert sum(read_view(client, "grown").values()) == len(found)
        with httpx.Client(base_url=store.url, timeout=30) as client:
            put_view(client, "anew", MAP + " // another index")
            assert read_view(client, "grown") == read_view(client, "anew")
    finally:
        store.stop()
    assert accepted


def put_view(client: httpx.Client, name: str, code: str) -> None:
    views = {"all": {"map": code, "reduce": "_count"}}
    client.put(f"/kill/_design/{name}", json={"views": views}).raise_for_status()


def read_view(client: httpx.Client, name: str) -> dict[str, int]:
    rows = client.get(f"/kill/_design/{name}/_view/all", params={"group": "true"}).json()["rows"]
    return {str(row["key"]): row["value"] for row in rows}


def test_a_second_process_on_the_folder_says_so_and_ends_with_2(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as first:
        second = EmbeddedStore(tmp_path)
        with pytest.raises(StoreFailed, match="in use"):
            second.start()
        command = [sys.executable, "-m", "sync.embedded", "--port", "0", "--data", str(tmp_path)]
        environment = {**os.environ, "GTN_STORE_PASSWORD": "x"}
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
        assert ended.returncode == 2
        assert len(ended.stderr.decode().splitlines()) == 1
        assert first.alive


def test_a_store_waits_for_the_one_before_it_to_let_go_of_the_folder(tmp_path: Path) -> None:
    first, second = EmbeddedStore(tmp_path), EmbeddedStore(tmp_path)
    first.start()
    ending = threading.Timer(0.5, first.stop)
    ending.start()
    try:
        second.start()
        assert second.alive
    finally:
        ending.join()
        second.stop()
        first.stop()


def test_a_store_that_was_stopped_is_not_revived(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        pid, port = store.pid, store.port
        assert pid is not None
        os.kill(pid, 9)
        while not store.fallen:
            time.sleep(0.01)
        store.revive()
        assert store.pid not in (pid, None)
        assert store.port == port
        store.stop()
        store.revive()
        assert store.pid is None


def test_without_a_password_it_does_not_start(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GTN_STORE_PASSWORD"}
    command = [sys.executable, "-m", "sync.embedded", "--port", "0", "--data", str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert b"GTN_STORE_PASSWORD" in ended.stderr


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from sync.embedded.child import EmbeddedStore\n"
        f"store = EmbeddedStore(Path({str(tmp_path)!r})); store.start(); print(store.pid, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists(), "the store outlived its parent"


def test_its_secrets_are_readable_by_nobody_else(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "data") as store:
        assert store.alive
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
        assert (tmp_path / "data" / "config.json").stat().st_mode & 0o077 == 0
        assert b"GTN_STORE_PASSWORD" not in Path(f"/proc/{store.pid}/cmdline").read_bytes()
        assert (
            store.url.partition("@")[0].rpartition(":")[2].encode()
            not in Path(f"/proc/{store.pid}/cmdline").read_bytes()
        )


def test_it_is_noticed_dead_and_starts_again_on_the_same_port(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        url = store.url
        store.kill()
        assert not store.alive
        store.start()
        assert store.url == url
        assert httpx.get(store.url + "/_up").status_code == 200


def test_it_stops_in_order_although_someone_waits_for_changes(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    store.start()
    with httpx.Client(base_url=store.url, timeout=30) as client:
        client.put("/x").raise_for_status()
        with client.stream("GET", "/x/_changes?feed=longpoll&since=now&heartbeat=50") as waiting:
            assert next(waiting.iter_raw()) == b"\n"
            store.stop()
    assert not list(tmp_path.glob("*-wal")), "the databases were not closed"


def test_an_address_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "one") as store:
        command = [sys.executable, "-m", "sync.embedded", "--port", str(store.port)]
        ended = subprocess.run(
            [*command, "--data", str(tmp_path / "two")],
            env={**os.environ, "GTN_STORE_PASSWORD": "x"},
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 2
    assert len(ended.stderr.decode().splitlines()) == 1


def test_who_waits_for_a_database_that_is_deleted_is_told_its_last_sequence(tmp_path: Path) -> None:
    """As CouchDB does (COUCHDB-3132); asking again then finds no database."""
    with EmbeddedStore(tmp_path) as store, httpx.Client(base_url=store.url, timeout=30) as client:
        for wait in ("heartbeat=50", "timeout=20000", "heartbeat=50&include_docs=true&style=all_docs"):
            client.put("/gone").raise_for_status()
            client.put("/gone/a", json={}).raise_for_status()
            seq = client.get("/gone").json()["update_seq"]
            with client.stream("GET", f"/gone/_changes?feed=longpoll&since=now&{wait}") as waiting:
                deleting = threading.Timer(0.2, lambda: httpx.delete(f"{store.url}/gone").raise_for_status())
                deleting.start()
                answer = json.loads(b"".join(waiting.iter_raw()))
            deleting.join()
            assert answer == {"results": [], "last_seq": seq, "pending": 0}
            assert client.get("/gone/_changes?feed=longpoll").status_code == 404
            client.put("/gone").raise_for_status()
            assert client.get("/gone").json()["doc_count"] == 0
            client.delete("/gone").raise_for_status()
    assert (tmp_path / "store.log").read_text() == ""
