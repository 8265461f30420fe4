"""``gtn serve`` on its own embedded store: the store falls, and other commands work beside it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from _pytest.outcomes import Failed

from sync.embedded.door import NAME, Door, Reach, Taken, find_reach
from sync.ulids import new_ulid
from tests.server.test_settings import ROOT, gtn

PASSWORD = "ga mai de trung"


@dataclass
class Serving:
    process: subprocess.Popen[str]
    data: Path
    port: int

    @property
    def store(self) -> Path:
        return self.data / "store"

    def child(self) -> int:
        """The process of the embedded store."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = [child for thread in threads for child in thread.read_text().split()]
        assert len(children) == 1, "a server has one child, its store"
        return int(children[0])

    def log(self) -> str:
        return (self.data.parent / "log").read_text()

    def gtn(self, *args: str, input: str = "") -> str:
        done = gtn(*args, input=input, GTN_DATA=str(self.data), GTN_PORT="0", LANG="en_US.UTF-8")
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout


def start(data: Path, **variables: str) -> Serving:
    """``gtn serve`` on this folder and a free port; its log lies beside the folder."""
    with (data.parent / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from server.cli import main; main()", "serve"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "GTN_DATA": str(data), "GTN_PORT": "0", **variables},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:
        process.kill()
        process.communicate()
        pytest.fail("gtn serve did not start: " + (data.parent / "log").read_text())
    return Serving(process, data, int(line.strip().rpartition(":")[2]))


def end(serving: Serving, how: signal.Signals = signal.SIGTERM) -> None:
    serving.process.send_signal(how)
    serving.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    if not Path("/proc/self/task").exists():
        pytest.skip("finds the child's process by /proc")
    serving = start(tmp_path_factory.mktemp("serving") / "data")
    yield serving
    end(serving)
    assert not (serving.store / NAME).exists(), "the way in was left behind by an orderly end"
    assert "Traceback" not in serving.log()


@pytest.fixture(scope="module")
def phone(serving: Serving) -> Iterator[httpx.Client]:
    """A phone of a unit, both added by commands beside the running server."""
    serving.gtn("unit", "add", "tdp-31", "--name", "Tổ dân phố 31")
    hoa = ("person", "add", "hoa", "--name", "Nguyễn Thị Hoa", "--role", "volunteer", "--unit", "tdp-31")
    serving.gtn(*hoa, input=f"{PASSWORD}\n")
    lead = ("person", "add", "trinh", "--name", "Trịnh Thị An", "--role", "supervisor")
    serving.gtn(*lead, input=f"{PASSWORD}\n")
    with httpx.Client(base_url=f"http://127.0.0.1:{serving.port}", timeout=20) as client:
        body = {"login": "hoa", "password": PASSWORD, "device": {"label": "test"}}
        answer = client.post("/api/sign-in", json=body)
        assert answer.status_code == 200, answer.text
        client.headers["X-Device"] = answer.json()["device"]
        yield client


def push(phone: httpx.Client) -> httpx.Response:
    at = "2026-05-01T02:00:00.000Z"
    record = {"at": at, "outcome": "met", "helps": [{"service": "ihanoi", "level": "installed"}]}
    visit = {
        "_id": f"visit:{new_ulid()}",
        "_rev": "1-" + os.urandom(16).hex(),
        "type": "visit",
        "schema": 1,
        "unit": "tdp-31",
        "created": {"at": at, "by": "person:hoa", "device": phone.headers["X-Device"]},
        "household": None,
        "record": {"value": record, "at": at, "by": "person:hoa"},
    }
    return phone.post("/sync/w09562-tdp-31/_bulk_docs", json={"docs": [visit], "new_edits": False})


def ask_store(serving: Serving, path: str) -> Any:
    reach = find_reach(serving.store)
    assert reach is not None
    return httpx.get(reach.url + path, timeout=10).json()


def count_acts(serving: Serving) -> int:
    rollup = ask_store(serving, "/w09562-rollup/rollup%3Atdp-31")
    days = rollup.get("days", {})
    return int(days.get("2026-05-01", {}).get("acts", {}).get("ihanoi/installed", 0))


def await_acts(serving: Serving, count: int, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while count_acts(serving) != count:
        assert time.monotonic() < deadline, f"{count_acts(serving)} acts are counted, not {count}"
        time.sleep(0.1)


def test_a_store_that_is_killed_comes_back_and_a_visit_pushed_afterwards_is_counted(
    serving: Serving, phone: httpx.Client
) -> None:
    assert push(phone).status_code == 201
    await_acts(serving, 1)
    for killed in (1, 2):
        before = serving.child()
        os.kill(before, signal.SIGKILL)
        fell = time.monotonic()
        statuses = []
        while (answer := phone.get("/readyz")).status_code != 200:
            statuses.append(answer.status_code)
            assert "Retry-After" in answer.headers
            assert time.monotonic() - fell < 20, serving.log()
            time.sleep(0.02)
        assert set(statuses) <= {503}
        assert push(phone).status_code == 201
        await_acts(serving, 1 + killed)
        assert serving.child() != before
        assert phone.post("/api/sign-in", json={"login": "hoa", "password": PASSWORD}).status_code == 200
    assert serving.log().count("the embedded store fell") == 2


def test_a_household_changed_apart_is_merged_within_five_seconds(
    serving: Serving, phone: httpx.Client
) -> None:
    at, by, path = "2026-05-01T02:00:00.000Z", "person:hoa", "/sync/w09562-tdp-31"
    names = [os.urandom(16).hex() for _ in range(3)]
    door: dict[str, Any] = {
        "_id": f"household:{new_ulid()}",
        "type": "household",
        "schema": 1,
        "unit": "tdp-31",
        "created": {"at": at, "by": by, "device": phone.headers["X-Device"]},
        "kind": {"value": "home", "at": at, "by": by},
    }

    def edit(name: str, parents: list[str], house: str, hour: int) -> dict[str, Any]:
        address = {"value": {"house": house}, "at": f"2026-05-01T{hour:02}:00:00.000Z", "by": by}
        start = 1 + len(parents)
        history = {"start": start, "ids": [name, *parents]}
        return {**door, "_rev": f"{start}-{name}", "_revisions": history, "address": address}

    docs = [
        edit(names[0], [], "12", 2),
        edit(names[1], names[:1], "14", 3),
        edit(names[2], names[:1], "16", 4),
    ]
    for document in docs:
        answer = phone.post(f"{path}/_bulk_docs", json={"docs": [document], "new_edits": False})
        assert (answer.status_code, answer.json()) == (201, [])
    deadline = time.monotonic() + 5
    place = f"/w09562-tdp-31/{door['_id'].replace(':', '%3A')}?conflicts=true"
    while "_conflicts" in (held := ask_store(serving, place)) or held["_rev"].startswith("2-"):
        assert time.monotonic() < deadline, "two versions stand beside each other"
        time.sleep(0.05)
    assert held["address"]["value"] == {"house": "16"}
    assert [past["value"] for past in held["history"]] == [{"house": "14"}]
    rows = phone.get(f"{path}/_changes", params={"style": "all_docs"}).json()["results"]
    assert any({"rev": held["_rev"]} in row["changes"] for row in rows)
    assert serving.gtn("check").strip() == "0 differences"


def test_check_and_import_work_beside_a_running_server(
    serving: Serving, phone: httpx.Client, tmp_path: Path
) -> None:
    sheet = tmp_path / "ho.csv"
    sheet.write_text("Số nhà,Ngõ,Đường\n12,3,Quang Trung\n14,3,Quang Trung\n", encoding="utf-8")
    rollup = "/w09562-rollup/rollup%3Atdp-31"
    before = ask_store(serving, rollup).get("households", 0)
    serving.gtn("import", str(sheet), "--unit", "tdp-31", "--write")
    assert push(phone).status_code == 201
    assert serving.gtn("check").strip() == "0 differences"
    assert ask_store(serving, rollup)["households"] == before + 2
    assert serving.process.poll() is None


def test_a_second_server_on_the_folder_says_so_in_one_line(serving: Serving) -> None:
    ended = gtn("serve", GTN_DATA=str(serving.data), GTN_PORT="0")
    assert ended.returncode == 2
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert find_reach(serving.store) is not None


def test_only_the_owner_may_read_the_way_in(serving: Serving) -> None:
    assert stat.S_IMODE((serving.store / NAME).stat().st_mode) == 0o600


def test_after_a_server_was_killed_commands_start_a_store_of_their_own(tmp_path: Path) -> None:
    serving = start(tmp_path / "data")
    child = serving.child()
    end(serving, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline, "the store outlived its server"
        time.sleep(0.05)
    assert (serving.store / NAME).exists()
    assert find_reach(serving.store) is None
    assert serving.gtn("check").strip() == "0 differences"


def test_a_folder_has_one_server_and_shows_the_way_in_only_while_it_lives(tmp_path: Path) -> None:
    assert find_reach(tmp_path) is None
    door = Door(tmp_path)
    with pytest.raises(Taken):
        Door(tmp_path)
    door.open(Reach(1, "secret"))
    assert find_reach(tmp_path) == Reach(1, "secret")
    door.close()
    assert find_reach(tmp_path) is None
    (tmp_path / NAME).write_text('{"port": 1, "password": "left behind"}')
    assert find_reach(tmp_path) is None


def test_a_server_starts_though_a_unit_s_file_is_damaged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    serving = start(data)
    for unit in ("tdp-61", "tdp-62"):
        serving.gtn("unit", "add", unit, "--name", f"Tổ {unit}")
    end(serving)
    file = serving.store / "w09562-tdp-61.couch.sqlite"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    serving = start(data)
    try:
        assert httpx.get(f"http://127.0.0.1:{serving.port}/readyz", timeout=20).status_code == 200
        assert "w09562-tdp-61: 500 file_corruption" in serving.log()
        done = gtn("doctor", GTN_DATA=str(data), GTN_PORT="0")
        assert done.returncode == 1
        told = [line for line in done.stdout.splitlines() if line.startswith("bad   databases")]
        assert len(told) == 1
        assert "w09562-tdp-61" in told[0]
    finally:
        end(serving)
    privacy = serving.store / "w09562-privacy.couch.sqlite"
    privacy.write_bytes(privacy.read_bytes()[: privacy.stat().st_size // 2])
    with pytest.raises(Failed, match="w09562-privacy: 500 file_corruption"):
        end(start(data), signal.SIGKILL)
