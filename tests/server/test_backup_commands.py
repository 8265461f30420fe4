"""``gtn backup`` and ``gtn restore`` as an operator meets them, on data folders of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from server.backups import drop_old
from sync.embedded.child import EmbeddedStore
from tests.server.test_settings import ROOT, gtn

CODE = "from server.cli import main; main()"
PASSPHRASE = "năm con vịt bơi"


def variables(data: Path, **more: str) -> dict[str, str]:
    return {"GTN_DATA": str(data), "GTN_PORT": "0", "LANG": "en_US.UTF-8", **more}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a ward with invented records, and backups beside it."""
    folder = tmp_path_factory.mktemp("ward")
    done = gtn("demo", **variables(folder / "data"))
    assert done.returncode == 0, done.stderr
    (folder / "backups").mkdir()
    done = gtn("backup", "--to", str(folder / "backups"), **variables(folder / "data"))
    assert done.returncode == 0, done.stderr
    assert re.match(r"backed up \d+ databases, \d{3,} revisions, [\d.]+ MB: ", done.stdout)
    assert "not encrypted" in done.stdout
    return folder


def newest(folder: Path) -> Path:
    return sorted((folder / "backups").glob("gtn-20*.backup"))[-1]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a server that runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "serve"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **variables(tmp_path / "data")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert "http://" in process.stdout.readline()
    yield tmp_path / "data"
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    process.stdout.close()


def drill() -> str:
    """The commands of docs/operators.md, as they stand there."""
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    found = re.search(r"### A drill\n.*?```sh\n(.*?)```", guide, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_drill_of_the_guide_ends_without_a_difference(ward: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "gtn"
    program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -c "{CODE}" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "backups").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GTN_", "COUCHDB_"))}
    settings = variables(
        ward / "data", GTN_BACKUP_DIR=str(tmp_path / "backups"), GTN_BACKUP_PASSPHRASE=PASSPHRASE
    )
    done = subprocess.run(
        ["bash", "-e", "-c", drill()],
        env={**kept, **settings, "PATH": f"{tmp_path / 'bin'}:{kept['PATH']}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert said[-1] == "0 differences", said
    assert any(line.startswith("restored; erased again: 0, photos removed again: 0, ") for line in said)
    assert "not encrypted" not in done.stdout
    assert not list(tmp_path.glob("tmp.*")), "the drill leaves a store behind"


def test_a_running_server_is_not_restored_over(ward: Path, serving: Path) -> None:
    done = gtn("restore", str(newest(ward)), "--replace", **variables(serving))
    assert done.returncode == 2
    assert done.stderr.startswith("gtn: server-running: ")
    assert "Traceback" not in done.stderr
    beside = gtn("backup", "--to", str(serving.parent / "one.backup"), **variables(serving))
    assert beside.returncode == 0, beside.stderr


def test_records_stay_unless_they_may_go(ward: Path) -> None:
    done = gtn("restore", str(newest(ward)), **variables(ward / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith("gtn: store-not-empty: ")
    again = gtn("restore", str(newest(ward)), "--replace", **variables(ward / "data"))
    assert again.returncode == 0, again.stderr


def test_what_cannot_be_restored_is_told_in_one_line(ward: Path, tmp_path: Path) -> None:
    raw = newest(ward).read_bytes()
    (tmp_path / "cut").write_bytes(raw[:-1])
    (tmp_path / "changed").write_bytes(raw[:-50] + bytes([raw[-50] ^ 1]) + raw[-49:])
    (tmp_path / "other").write_text("PK")
    codes = {"cut": "backup-cut-short", "changed": "backup-damaged", "other": "not-a-backup"}
    for name, code in {**codes, "none": "not-a-backup"}.items():
        done = gtn("restore", str(tmp_path / name), **variables(tmp_path / "data"))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert done.stderr.startswith(f"gtn: {code}: ")
    for to, said in (("none/x", "there is no folder"), ("cut", "file-exists")):
        done = gtn("backup", "--to", str(tmp_path / to), **variables(ward / "data"))
        assert done.returncode == 2
        assert said in done.stderr


def test_a_backup_that_is_killed_leaves_the_last_one_and_nothing_that_can_be_restored(
    ward: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / newest(ward).name).write_bytes(newest(ward).read_bytes())
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, "backup", "--to", str(folder)],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **variables(ward / "data")},
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not list(folder.glob(".gtn-20*.part")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.kill()
        process.wait()
    for path in folder.iterdir():
        if path.name.endswith(".part"):
            done = gtn("restore", str(path), "--check", **variables(tmp_path / "data"))
            assert done.returncode == 2, f"{path.name} would be restored"
    done = gtn("restore", str(folder / newest(ward).name), "--check", **variables(tmp_path / "data"))
    assert done.returncode == 0, done.stderr


def test_a_restore_that_is_killed_keeps_servers_away_and_can_be_run_again(ward: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "restore", str(newest(ward))],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **variables(data)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not list((data / "store").glob("w09562-*.sqlite")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = gtn("check", **variables(data))
    assert done.returncode == 2
    assert done.stderr.startswith("gtn: restore-unfinished: ")
    done = gtn("restore", str(newest(ward)), **variables(data))
    assert done.returncode == 0, done.stderr
    done = gtn("check", **variables(data))
    assert done.stdout.splitlines()[-1] == "0 differences"


def test_a_ward_moves_to_another_store_and_nothing_starts_on_the_one_that_was_left(
    ward: Path, tmp_path: Path
) -> None:
    shutil.copytree(ward / "data", tmp_path / "data")
    here = variables(tmp_path / "data")
    with EmbeddedStore(tmp_path / "target") as target:
        wrong = gtn("store", "copy", "--to", target.url.replace("admin:", "admin:x"), **here)
        assert wrong.returncode == 2
        assert wrong.stderr.startswith("gtn: store-unfit: ")
        done = gtn("store", "copy", "--to", "-", input=target.url, **here)
        assert done.returncode == 0, done.stderr
        assert "are the same in both" in done.stdout.splitlines()[-1]
        assert target.url not in done.stdout, "the password is on the screen"
        counted = gtn("check", COUCHDB_URL=target.url, **here)
        assert counted.stdout.splitlines()[-1] == "0 differences", counted.stderr
    left = gtn("check", **here)
    assert left.returncode == 2
    assert left.stderr.startswith("gtn: store-moved: ")


def test_old_backups_go_and_the_newest_few_never_do(tmp_path: Path) -> None:
    names = [f"gtn-2026-01-{day:02}-020000.backup" for day in range(1, 21)]
    others = {"gtn-ledger.backup", "other.txt"}
    for name in (*names, *others):
        (tmp_path / name).touch()
    drop_old(tmp_path, date(2026, 1, 20), 10)
    assert {path.name for path in tmp_path.iterdir()} == {*names[9:], *others}
    drop_old(tmp_path, date(2036, 1, 20), 10)
    assert {path.name for path in tmp_path.iterdir()} == {*names[13:], *others}, "the clock may be wrong"
    drop_old(tmp_path, date(2026, 1, 30), 3)
    assert {path.name for path in tmp_path.iterdir()} == {*names[17:], *others}
