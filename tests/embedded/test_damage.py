"""Files that were cut, changed or left without room: said, and nothing else is hurt."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sync.embedded.child import EmbeddedStore

MAP = "function (doc) { emit(doc.n, 1); }"
VIEW = "_design/d/_view/n?reduce=true"


def file_of(folder: Path, name: str, kind: str = "couch") -> Path:
    return folder / f"{name}.{kind}.sqlite"


@contextmanager
def running(folder: Path) -> Iterator[httpx.Client]:
    with EmbeddedStore(folder) as store, httpx.Client(base_url=store.url, timeout=30) as client:
        yield client


def fill(folder: Path, *names: str) -> None:
    with running(folder) as client:
        for name in names:
            client.put(f"/{name}").raise_for_status()
            docs = [{"_id": f"d{n:03}", "n": n, "text": f"mark-{n:03} " + "nhà " * 200} for n in range(200)]
            client.post(f"/{name}/_bulk_docs", json={"docs": docs}).raise_for_status()
            design = {"views": {"n": {"map": MAP, "reduce": "_sum"}}}
            client.put(f"/{name}/_design/d", json=design).raise_for_status()
            assert client.get(f"/{name}/{VIEW}").json()["rows"][0]["value"] == 200


def flip(path: Path, at: int, count: int = 1) -> None:
    data = bytearray(path.read_bytes())
    for n in range(at, at + count):
        data[n] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def scramble(path: Path) -> None:
    """Every second page from the third on."""
    for at in range(8192, path.stat().st_size - 4096, 8192):
        flip(path, at, 200)


@pytest.mark.parametrize("harm", [cut, empty, overwrite, scramble], ids=lambda harm: harm.__name__)
def test_a_damaged_database_says_so_and_the_others_go_on(tmp_path: Path, harm: object) -> None:
    fill(tmp_path, "good", "bad")
    assert callable(harm)
    harm(file_of(tmp_path, "bad"))
    with running(tmp_path) as client:
        answers = [
            client.get("/bad/d001"),
            client.get("/bad/_all_docs"),
            client.get("/bad/_changes"),
            client.get(f"/bad/{VIEW}"),
            client.put("/bad/new", json={}),
        ]
        assert {answer.status_code for answer in answers} == {500}
        assert {answer.json()["error"] for answer in answers} == {"file_corruption"}
        rows = client.post("/_dbs_info", json={"keys": ["bad", "good"]}).json()
        assert rows[0]["error"] == "file_corruption"
        assert rows[1]["info"]["doc_count"] == 201
        assert client.get("/good/d001").status_code == 200
        assert client.put("/good/new", json={}).status_code == 201
        assert client.delete("/bad").status_code == 200
        assert client.put("/bad").status_code == 201
        assert client.get("/bad").json()["doc_count"] == 0


def test_one_letter_changed_on_the_disk_is_never_given_out(tmp_path: Path) -> None:
    fill(tmp_path, "bad")
    path = file_of(tmp_path, "bad")
    flip(path, path.read_bytes().index(b"mark-100 "))
    with running(tmp_path) as client:
        assert client.get("/bad/d100").json()["error"] == "file_corruption"
        assert client.get("/bad/d101").json()["text"].startswith("mark-101")
        with pytest.raises(httpx.RemoteProtocolError):  # a list that has begun is cut short
            client.get("/bad/_all_docs?include_docs=true")


@pytest.mark.parametrize("harm", [cut, overwrite, scramble], ids=lambda harm: harm.__name__)
def test_a_damaged_index_is_built_anew(tmp_path: Path, harm: object) -> None:
    fill(tmp_path, "one")
    assert callable(harm)
    harm(file_of(tmp_path, "one", "views"))
    with running(tmp_path) as client:
        assert client.get(f"/one/{VIEW}").json()["rows"][0]["value"] == 200
        rows = client.get("/one/_design/d/_view/n?reduce=false&startkey=50&endkey=59").json()["rows"]
        assert [row["key"] for row in rows] == [*range(50, 60)]


LIMITED = """
import resource, runpy, signal, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.argv = ["sync.embedded", *sys.argv[2:]]
runpy.run_module("sync.embedded", run_name="__main__")
"""


def test_while_no_file_may_grow_writes_are_refused_and_afterwards_taken_again(
    tmp_path: Path,
) -> None:
    fill(tmp_path, "one")
    largest = max(path.stat().st_size for path in tmp_path.glob("*.sqlite"))
    command = [sys.executable, "-c", LIMITED, str(largest + 200_000), "--port", "0", "--data", str(tmp_path)]
    process = subprocess.Popen(
        command, env={"PATH": "/usr/bin:/bin", "GTN_STORE_PASSWORD": "x"}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip().rpartition(" ")[2]
        with httpx.Client(base_url=f"http://admin:x@127.0.0.1:{port}", timeout=30) as client:
            statuses, accepted = [], {"_design/d"}
            for n in range(60):
                docs = [{"_id": f"more-{n}-{m}", "text": "x" * 5000} for m in range(20)]
                answer = client.post("/one/_bulk_docs", json={"docs": docs})
                statuses.append(answer.status_code)
                if answer.status_code == 201:
                    accepted |= {row["id"] for row in answer.json() if "error" not in row}
            assert {503, 507} & {*statuses}
            assert {*statuses} <= {201, 503, 507}
            assert client.get("/one/d001").status_code == 200
            rows = client.get("/one/_all_docs").json()["rows"]
            everything = accepted | {f"d{n:03}" for n in range(200)}
            assert {row["id"] for row in rows} == everything
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            assert client.put("/one/again", json={"text": "x" * 500_000}).status_code == 201
    finally:
        process.terminate()
        process.communicate(timeout=20)
    with running(tmp_path) as client:
        rows = client.get("/one/_all_docs").json()["rows"]
        assert {row["id"] for row in rows} == everything | {"again"}
