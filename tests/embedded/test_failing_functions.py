"""Functions of design documents that fail: in true words, without a wrong index, hurting nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync.embedded.child import EmbeddedStore
from sync.embedded.database import Database, make_file
from sync.embedded.design import View
from sync.embedded.documents import parse_edit
from sync.embedded.views import Indexer, read_position
from sync.embedded.writing import write_edits

GOOD = "function (doc) { emit(doc.n, 1); }"
ROOM = 256 + 150
"""Megabytes that a store may grow by: what the engine may have, and what it is handed."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedStore, Path]]:
    folder = tmp_path_factory.mktemp("store")
    with EmbeddedStore(folder) as store:
        yield store, folder / "store.log"


@pytest.fixture(scope="module")
def couch_url(running: tuple[EmbeddedStore, Path]) -> str:
    """The embedded store in any case: what a log says and how much an engine may have is its own."""
    return running[0].url


@pytest.fixture
def log(running: tuple[EmbeddedStore, Path]) -> Iterator[Path]:
    yield running[1]
    assert "Traceback" not in running[1].read_text()


def put_view(db: httpx.Client, source: str, name: str = "tried") -> None:
    views = {name: {"map": source}}
    db.put("_design/d", json={"views": views}).raise_for_status()


def ask(db: httpx.Client, name: str = "tried", **params: Any) -> httpx.Response:
    return db.get(f"_design/d/_view/{name}", params=params, timeout=120)


def fill(db: httpx.Client) -> None:
    docs: list[dict[str, Any]] = [{"_id": f"d{n}", "n": n} for n in range(20)]
    docs += [{"_id": "odd", "n": 99, "odd": True}]
    db.post("_bulk_docs", json={"docs": docs}).raise_for_status()


FATAL = {
    "arrays": ("var all = []; while (true) all.push(new Array(1e6));", "null|memory"),
    "bytes": ("var all = []; while (true) all.push(new Uint8Array(1e6));", "more than 256 MB"),
    "texts": ("var all = []; while (true) all.push('x'.repeat(1e6) + all.length);", "memory"),
    "rows": ("while (true) emit(1, 1);", "memory"),
    "rows of documents": ("while (true) emit('x'.repeat(1000), doc);", "memory"),
    "calls": ("(function again() { return again() + 1; })();", "call stack size exceeded"),
    "its own word": ("throw 'fatal_error';", "fatal_error"),
    "a nested value": ("var a = []; for (var i = 0; i < 1e5; i++) a = [a]; emit(1, a);", "call stack"),
    "a nested key": ("var a = []; for (var i = 0; i < 950; i++) a = [a]; emit(a, 1);", "nested too deep"),
}


@pytest.mark.parametrize("name", FATAL)
def test_a_map_without_an_end_fails_its_view_and_no_row_is_missing_by_chance(
    db: httpx.Client, running: tuple[EmbeddedStore, Path], log: Path, name: str
) -> None:
    body, reason = FATAL[name]
    fill(db)
    Path(f"/proc/{running[0].pid}/clear_refs").write_text("5")
    before = measure(running[0], "VmRSS")
    put_view(db, "function (doc) { emit(doc.n, 1); if (doc.odd) { " + body + " } }", name)
    answer = ask(db, name)
    assert (answer.status_code, answer.json()["error"]) == (500, "os_process_error")
    assert re.search(reason, answer.json()["reason"]), answer.text
    lines = [line for line in log.read_text().splitlines() if f"view {name} is not built" in line]
    assert lines, "no line in the log names the view"
    assert measure(running[0], "VmHWM") < before + ROOM
    assert ask(db, name).status_code == 500, "the second question found an index that the first had left"
    assert db.put("after", json={}).status_code == 201
    db.put("_design/e", json={"views": {"good": {"map": GOOD}}}).raise_for_status()
    assert db.get("_design/e/_view/good").json()["total_rows"] == 22
    odd = db.get("odd").json()
    db.put("odd", json={"_rev": odd["_rev"], "n": 99}).raise_for_status()
    assert ask(db, name).json()["total_rows"] == 22, "it is built once the document is mended"


def measure(store: EmbeddedStore, name: str) -> float:
    """Megabytes."""
    status = Path(f"/proc/{store.pid}/status").read_text()
    return int(re.findall(rf"{name}:\s+(\d+)", status)[0]) / 1024


def test_rows_that_are_too_many_at_once_are_made_one_document_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.embedded.javascript.MEMORY", 16 << 20)
    make_file(tmp_path / "x.sqlite", 1)
    database = Database("x", tmp_path / "x.sqlite")
    indexer = Indexer(database, tmp_path / "x.views.sqlite")
    edits = [parse_edit({"_id": f"d{n}", "n": n}) for n in range(12)]
    database.submit(
        lambda connection: write_edits(connection, edits, lambda c, s, drafts, t: [None] * len(drafts), False)
    ).result(10)
    view = View("large", "function (doc) { emit(doc.n, 'x'.repeat(1500000)); }", None)
    indexer.update([view], 12).result(60)
    with indexer.reading() as connection:
        assert read_position(connection, view.signature) == (12, 12)
    indexer.close()
    database.close()


def test_a_document_at_which_a_map_throws_is_left_out_and_the_log_says_so(
    db: httpx.Client, log: Path
) -> None:
    fill(db)
    put_view(db, "function (doc) { if (doc.odd) { doc.none.at = 1; } emit(doc.n, 1); }", "thrower")
    assert ask(db, "thrower").json()["total_rows"] == 20
    line = next(line for line in log.read_text().splitlines() if "view thrower" in line)
    assert "odd" in line
    assert "TypeError" in line


def test_what_a_map_throws_that_is_no_error_is_not_written_down(db: httpx.Client, log: Path) -> None:
    """It may be a name."""
    fill(db)
    put_view(db, "function (doc) { if (doc.odd) { throw 'Nguyễn Thị Hoa'; } emit(doc.n, 1); }", "teller")
    assert ask(db, "teller").json()["total_rows"] == 20
    assert "view teller" in log.read_text()
    assert "Hoa" not in log.read_text()


def test_half_a_pair_of_surrogates_becomes_a_sign_that_is_text(db: httpx.Client, log: Path) -> None:
    fill(db)
    source = r"""function (doc) {
      if (doc.odd) { emit("a\ud800b", ["\udfff", "\\ud800", "\ud83d\ude00", {"\ud800": 1}]); }
      emit(doc.n, "\\\ud800");
    }"""
    put_view(db, source, "halves")
    rows = ask(db, "halves").json()["rows"]
    assert len(rows) == 22
    assert rows[-1]["key"] == "a\ufffdb"
    assert rows[-1]["value"] == ["\ufffd", "\\ud800", "😀", {"\ufffd": 1}]
    assert rows[0]["value"] == "\\\ufffd"
    assert [row["id"] for row in ask(db, "halves", key='"a\ufffdb"').json()["rows"]] == ["odd"]


BROKEN = {
    "throw({forbidden: 'a\\ud800'});": (403, "forbidden", "a\ufffd"),
    "throw({forbidden: {toString: function () { throw new Error('\\ud800'); }}});": (500, None, None),
    "var all = []; while (true) all.push(new Array(1e6));": (500, None, "memory"),
    "var all = []; while (true) all.push(new Uint8Array(1e6));": (500, "InternalError", "more than 256 MB"),
    "(function again() { return again() + 1; })();": (500, "RangeError", "call stack size"),
    "throw null;": (500, "unknown_error", "null"),
    "throw undefined;": (500, "unknown_error", "undefined"),
}


@pytest.mark.parametrize("body", BROKEN)
def test_a_validator_that_fails_refuses_its_write_in_true_words(
    db: httpx.Client, running: tuple[EmbeddedStore, Path], log: Path, body: str
) -> None:
    status, error, reason = BROKEN[body]
    source = "function (newDoc) { if (newDoc.odd) { " + body + " } }"
    db.put("_design/g", json={"validate_doc_update": source}).raise_for_status()
    Path(f"/proc/{running[0].pid}/clear_refs").write_text("5")
    before = measure(running[0], "VmRSS")
    answer = db.put("odd", json={"odd": True}, timeout=120)
    assert answer.status_code == status
    assert error in (None, answer.json()["error"])
    assert (reason or "") in answer.json()["reason"]
    assert measure(running[0], "VmHWM") < before + ROOM
    assert db.get("odd").status_code == 404
    assert db.put("even", json={}).status_code == 201
