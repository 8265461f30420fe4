"""The program as an operator meets it, against the store that tests share."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from sync.names import Names
from sync.store import Store
from tests.server.test_settings import ROOT, gtn
from tests.sync.samples import visit

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def variables(couch_url: str, names: Names, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        "COUCHDB_URL": couch_url,
        "GTN_DATABASE_PREFIX": names.prefix,
        "GTN_DATA": str(tmp_path_factory.mktemp("data")),
        "GTN_PORT": "0",
        "LANG": "en_US.UTF-8",
        "LC_ALL": "",
    }


@pytest.fixture(scope="module")
def run(variables: dict[str, str]) -> Run:
    def run(*args: str, input: str = "") -> subprocess.CompletedProcess[str]:
        return gtn(*args, input=input, **variables)

    return run


@pytest.fixture(scope="module")
def address(variables: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Where ``gtn serve`` listens; it has to end well when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from server.cli import main; main()", "serve"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:
        process.kill()
        pytest.fail(f"gtn serve did not start: {process.communicate()[1]}")
    host, _, port = line.strip().rpartition("http://")[2].partition(":")
    yield host, int(port)
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM), complaint
    assert "Traceback" not in complaint


def sign_in(address: tuple[str, int], login: str, password: str) -> int:
    connection = http.client.HTTPConnection(*address, timeout=20)
    body = json.dumps({"login": login, "password": password})
    connection.request("POST", "/api/sign-in", body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_person_and_a_unit_added_beside_a_running_server_can_sign_in(
    run: Run, address: tuple[str, int]
) -> None:
    added = run("unit", "add", "tdp-31", "--name", "Tổ dân phố 31")
    assert added.returncode == 0, added.stderr
    assert added.stdout.strip().endswith("w09562-tdp-31")
    person = ("person", "add", "hoa", "--name", "Nguyễn Thị Hoa", "--role", "volunteer", "--unit", "tdp-31")
    assert run(*person, input="ga mai de trung\n").returncode == 0
    assert sign_in(address, "hoa", "ga mai de trung") == 200
    assert run("person", "password", "hoa", input="con meo treo cau\n").returncode == 0
    assert sign_in(address, "hoa", "ga mai de trung") == 401
    assert sign_in(address, "hoa", "con meo treo cau") == 200


def test_whoever_lost_authenticator_and_codes_is_let_in_at_the_server(
    run: Run, names: Names, store: Store
) -> None:
    person = ("person", "add", "khoa", "--name", "Trần Thị Khoa", "--role", "supervisor")
    assert run(*person, input="tre xanh rung mo\n").returncode == 0
    reset = ("person", "reset-second-factor", "khoa")
    assert "no second factor" in run(*reset).stderr
    id, totp = "person:khoa", {"secret": "A" * 32, "step": 0, "since": "2026-05-01", "recovery": []}

    async def lose() -> None:
        await store.update(names.accounts, id, lambda stored: {**(stored or {}), "totp": totp})

    async def read() -> tuple[dict[str, Any], list[tuple[str, str]]]:
        rows = await store.all_docs(names.audit, startkey="audit:", endkey="audit:\ufff0", include_docs=True)
        acts = [(row["doc"]["by"], row["doc"]["action"]) for row in rows if row["doc"]["subject"] == id]
        return await store.get(names.accounts, id), acts

    anyio.run(lose)
    assert run(*reset).returncode == 0
    stored, acts = anyio.run(read)
    assert "totp" not in stored
    assert acts == [("console", "person-added"), ("console", "second-factor-removed")]


@pytest.mark.parametrize(
    ("args", "input", "says"),
    [
        (("person", "add", "x1", "--name", "X", "--role", "volunteer"), "tre xanh rung mo\n", "--unit"),
        (
            ("person", "add", "x1", "--name", "X", "--role", "admin", "--unit", "mttq"),
            "tre xanh rung mo\n",
            "--unit",
        ),
        (("person", "add", "x1", "--name", "X", "--role", "admin"), "short\n", "10 characters"),
        (("person", "add", "x1", "--name", "X", "--role", "admin"), "Mật khẩu 2026\n", "too well known"),
        (("person", "password", "hoa"), "nguyen thi hoa\n", "easy to guess"),
        (("admin", "create", "x1", "--name", "X"), "1234567890\n", "too well known"),
        (("person", "add", "x 1", "--name", "X", "--role", "admin"), "tre xanh rung mo\n", "login"),
        (
            ("person", "add", "x1", "--name", "X", "--role", "lead", "--unit", "no"),
            "tre xanh rung mo\n",
            "unit add",
        ),
        (("person", "password", "nobody"), "tre xanh rung mo\n", "nobody"),
        (("person", "reset-second-factor", "nobody"), "", "nobody"),
        (("unit", "add", "Tổ 7", "--name", "X"), "", "tdp-07"),
        (("unit", "add", "catalog", "--name", "X"), "", "code"),
        (("unit", "add", "mttq", "--name", "X"), "", "already"),
        (("unit", "add", "tdp-32", "--name", "X", "--kind", "club"), "", "team"),
        (("import", "nothing.csv", "--unit", "tdp-99"), "", "unit add"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, args: tuple[str, ...], input: str, says: str) -> None:
    ended = run(*args, input=input)
    assert ended.returncode == 2, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len([line for line in ended.stderr.splitlines() if line.startswith("gtn: ")]) == 1


CUT = """
import time
from sync.store import Store
whole = Store.graft

async def stop(self, *args):
    await whole(self, *args)
    print("here", flush=True)
    time.sleep(60)

Store.graft = stop
from server.cli import main; main()
"""


def test_a_merge_whose_process_was_killed_is_ended_by_the_next(
    variables: dict[str, str], store: Store, names: Names
) -> None:
    """In databases of its own, where no running server ends it first."""
    names = Names(f"{names.prefix}cut-")
    variables = {**variables, "GTN_DATABASE_PREFIX": names.prefix}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return gtn(*args, **variables)

    for code in ("gop-tu", "gop-vao"):
        assert run("unit", "add", code, "--name", f"Tổ {code}").returncode == 0
    record = visit(unit="gop-tu")
    anyio.run(store.graft, names.unit("09562", "gop-tu"), [record])
    looked = run("unit", "merge", "gop-tu", "gop-vao")
    assert "0 households, 0 residents, 1 visits, 0 people" in looked.stdout
    assert "nothing was changed" in looked.stdout
    words = [sys.executable, "-c", CUT, "unit", "merge", "gop-tu", "gop-vao", "--write"]
    env = {"PATH": "/usr/bin:/bin", **variables}
    with subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "here\n" in iter(process.stdout.readline, ""), "the merge moved nothing"
        process.kill()
    busy = run("unit", "merge", "gop-vao", "gop-tu", "--write")
    assert (busy.returncode, "merge-busy" in busy.stderr) == (2, True)
    assert run("unit", "merge", "gop-tu", "gop-vao", "--write").stdout.endswith("merged\n")
    assert anyio.run(store.get, names.unit("09562", "gop-vao"), record["_id"])["unit"] == "gop-vao"
    assert anyio.run(store.find, names.unit("09562", "gop-tu"), record["_id"]) is None
    assert run("check").stdout == "0 differences\n"


def test_the_first_administrator_is_created_once(run: Run, address: tuple[str, int]) -> None:
    created = run("admin", "create", "quantri", "--name", "Trần Thị An", input="tre xanh rung mo\n")
    assert created.returncode == 0, created.stderr
    assert sign_in(address, "quantri", "tre xanh rung mo") == 403, "known, and no one for the phone"
    again = run("admin", "create", "quantri2", "--name", "Lê Văn Bình", input="tre xanh rung mo\n")
    assert again.returncode == 2
    assert "person add quantri2" in again.stderr


def test_a_sheet_is_read_and_judged(run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "ho.csv"
    sheet.write_text("Số nhà,Ngõ,Đường\n12,3,Quang Trung\n14,3,Quang Trung\n", encoding="utf-8")
    ended = run("import", str(sheet), "--unit", "mttq")
    assert ended.returncode in (0, 1), ended.stderr
    assert ended.stdout.strip()
    assert run("import", str(tmp_path / "none.csv"), "--unit", "mttq").returncode == 2


def test_figures_that_are_true_have_no_difference(run: Run) -> None:
    ended = run("check")
    assert (ended.returncode, ended.stdout.strip()) == (0, "0 differences"), ended.stderr
