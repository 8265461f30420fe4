"""Two ``gtn serve`` on one store, as offices run them behind one address; what each tells Prometheus."""

from __future__ import annotations

import json
import re
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from sync.names import Names
from sync.store import Store
from tests.server.test_embedded_service import PASSWORD, Serving, end, start
from tests.server.test_settings import gtn
from tests.sync.samples import visit

UNIT = "tdp-31"


@dataclass
class One:
    """A server of the two."""

    serving: Serving
    metrics: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.serving.port}"

    def tell(self) -> dict[str, float]:
        """What it tells Prometheus, by name and labels."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics}/metrics", timeout=20).text
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@dataclass
class Pair:
    servers: list[One]
    variables: dict[str, str]
    folder: Path

    def gtn(self, *words: str, input: str = "") -> str:
        done = gtn(*words, input=input, **self.variables)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout


def start_one(variables: dict[str, str], folder: Path) -> One:
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        metrics = probe.getsockname()[1]
    return One(start(folder / "data", **variables, GTN_METRICS=f"127.0.0.1:{metrics}"), metrics)


def await_that(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it has not come to pass"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def pair(couch_url: str, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    variables = {
        "COUCHDB_URL": couch_url,
        "GTN_DATABASE_PREFIX": names.prefix,
        "GTN_KEY_FILE": str(folder / "key"),
        "GTN_BACKUP_DIR": str(folder / "backups"),
        "GTN_BACKUP_AT": "0",
    }
    (folder / "backups").mkdir()
    servers: list[One] = []
    pair = Pair(servers, variables, folder)
    try:
        servers += (start_one(variables, folder / name) for name in "ab")
        pair.gtn("unit", "add", UNIT, "--name", "Tổ dân phố 31")
        hoa = ("person", "add", "hoa", "--name", "Nguyễn Thị Hoa", "--role", "volunteer", "--unit", UNIT)
        pair.gtn(*hoa, input=f"{PASSWORD}\n")
        yield pair
    finally:
        for one in servers:
            end(one.serving, signal.SIGKILL)


@pytest.fixture(scope="module")
def phone(pair: Pair) -> Iterator[httpx.Client]:
    """A phone that signed in at the first server."""
    with httpx.Client(timeout=20) as client:
        body = {"login": "hoa", "password": PASSWORD, "device": {"label": "test"}}
        answer = client.post(f"{pair.servers[0].url}/api/sign-in", json=body)
        assert answer.status_code == 200, answer.text
        yield client


def body_of(documents: list[dict[str, Any]]) -> bytes:
    return json.dumps({"docs": documents, "new_edits": False}).encode()


def push(phone: httpx.Client, at: One, *documents: dict[str, Any]) -> httpx.Response:
    url = f"{at.url}/sync/w09562-{UNIT}/_bulk_docs"
    return phone.post(url, content=body_of(list(documents)), headers={"Content-Type": "application/json"})


def count_acts(store: Store, names: Names) -> int:
    rollup = anyio.run(store.find, names.ward("09562").rollup, f"rollup:{UNIT}") or {}
    return sum(sum(day["acts"].values()) for day in rollup.get("days", {}).values())


def test_a_phone_is_served_by_either_and_counted_once(
    pair: Pair, phone: httpx.Client, store: Store, names: Names
) -> None:
    visits = [visit(unit=UNIT) for _ in range(6)]
    for number, one in enumerate(visits):
        assert push(phone, pair.servers[number % 2], one).json() == []
    assert push(phone, pair.servers[1], visits[0]).json() == []
    await_that(lambda: count_acts(store, names) == len(visits))
    assert pair.gtn("check").strip() == "0 differences"


def test_the_nights_backup_is_made_by_one_of_them(pair: Pair) -> None:
    key = "gtn_backup_last_success_timestamp_seconds"
    await_that(lambda: all(one.tell()[key] > 0 for one in pair.servers), 60)
    assert sum(one.serving.log().count("backed up") for one in pair.servers) == 1
    assert len(list((pair.folder / "backups").glob("gtn-2*"))) == 1


def test_prometheus_reads_counts_without_names(pair: Pair, phone: httpx.Client) -> None:
    first, second = pair.servers
    before = second.tell()
    wrong = visit(unit=UNIT, note="Số giấy tờ 001099012345")
    assert [row["code"] for row in push(phone, second, visit(unit=UNIT), wrong).json()] == ["id-number"]
    assert phone.get(f"{second.url}/khong/co/gi/{secrets.token_hex(8)}").status_code == 404
    assert phone.request("BREW", f"{second.url}/healthz").status_code in (400, 405)
    now = second.tell()

    def grown(name: str) -> float:
        return now.get(name, 0) - before.get(name, 0)

    assert grown("gtn_records_written_total") == 1
    assert grown('gtn_records_refused_total{code="id-number"}') == 1
    pushed = 'gtn_http_requests_total{method="POST",route="/sync/_bulk_docs",status="201"}'
    assert grown(pushed) == 1
    assert grown('gtn_http_requests_total{method="GET",route="other",status="404"}') == 1
    assert grown('gtn_http_request_seconds_count{route="/sync/_bulk_docs"}') == 1
    assert now["gtn_store_up"] == 1
    assert now["process_resident_memory_bytes"] > 1e7
    told = httpx.get(f"http://127.0.0.1:{second.metrics}/", timeout=20).text
    assert not re.search(r"hoa|tdp|visit:|person:|khong/co", told, re.IGNORECASE)
    assert httpx.get(f"{first.url}/metrics", timeout=20).status_code == 404
    await_that(lambda: first.tell()["gtn_quarantine_records"] == 1)


def test_a_password_changed_beside_them_ends_the_sign_in_at_both(pair: Pair, phone: httpx.Client) -> None:
    paths = [f"{one.url}/sync/w09562-{UNIT}" for one in pair.servers]
    assert [phone.get(path).status_code for path in paths] == [200, 200]
    pair.gtn("person", "password", "hoa", input="chum nhan xanh\n")
    await_that(lambda: [phone.get(path).status_code for path in paths] == [401, 401], 5)
    body = {"login": "hoa", "password": "chum nhan xanh", "device": {"label": "test"}}
    assert phone.post(f"{pair.servers[1].url}/api/sign-in", json=body).status_code == 200


def test_one_that_is_told_to_stop_ends_the_write_that_it_has_begun_and_the_other_goes_on(
    pair: Pair, phone: httpx.Client, store: Store, names: Names
) -> None:
    first, second = pair.servers
    last = visit(unit=UNIT)
    body = body_of([last])
    request = phone.build_request("POST", f"{second.url}/sync/w09562-{UNIT}/_bulk_docs", content=body)
    head = f"POST {request.url.raw_path.decode()} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Cookie: {request.headers['Cookie']}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", second.serving.port), timeout=20) as slow:
        slow.sendall(head.encode() + body[:40])
        await_that(lambda: second.tell()["gtn_http_requests_in_progress"] == 1)
        second.serving.process.send_signal(signal.SIGTERM)
        await_that(lambda: not is_open(second.serving.port))
        slow.sendall(body[40:])
        answer = b""
        while got := slow.recv(65536):
            answer += got
    assert answer.startswith(b"HTTP/1.1 201 "), answer
    assert second.serving.process.wait(20) in (0, -signal.SIGTERM)
    assert "Traceback" not in second.serving.log()
    assert anyio.run(store.find, names.unit("09562", UNIT), last["_id"])
    assert push(phone, first, visit(unit=UNIT)).json() == []


def is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
