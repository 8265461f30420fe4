"""One writer, one transaction for what waits, and a disk that is full."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.embedded.database import Database, make_file
from sync.embedded.documents import parse_edit
from sync.embedded.errors import Conflict, Damaged, StoreError
from sync.embedded.writing import Outcome, write_edits


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    make_file(tmp_path / "x.sqlite", 1)
    database = Database("x", tmp_path / "x.sqlite")
    yield database
    database.close()


def put(database: Database, doc_id: str, text: str = "") -> Outcome:
    edit = parse_edit({"_id": doc_id, "text": text})

    def work(connection: sqlite3.Connection) -> list[Outcome]:
        return write_edits(connection, [edit], lambda c, s, drafts, t: [None] * len(drafts), False)

    return database.submit(work).result(10)[0]


def count(database: Database) -> int:
    with database.reading() as connection:
        number: int = connection.execute("SELECT count(*) FROM docs").fetchone()[0]
        return number


def test_a_full_disk_refuses_with_507_and_writing_goes_on_when_there_is_room(database: Database) -> None:
    put(database, "before")
    pages = database.submit(lambda c: c.execute("PRAGMA page_count").fetchone()[0], alone=True).result(10)
    database.submit(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}"), alone=True).result(10)
    with pytest.raises(StoreError) as refused:
        put(database, "large", "x" * 1_000_000)
    assert refused.value.status == 507
    assert count(database) == 1
    database.submit(lambda c: c.execute("PRAGMA max_page_count = 1000000"), alone=True).result(10)
    assert put(database, "large", "x" * 1_000_000).refusal is None
    assert count(database) == 2


def test_what_waits_is_committed_together_and_one_failure_undoes_only_itself(database: Database) -> None:
    begun, hold, commits = threading.Event(), threading.Event(), [0]
    database.on_commit = lambda: commits.append(commits[-1] + 1)

    def occupy(connection: sqlite3.Connection) -> bool:
        begun.set()
        return hold.wait(10)

    first = database.submit(occupy)
    assert begun.wait(10)

    def insert(number: int) -> Callable[[sqlite3.Connection], int]:
        def work(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT INTO locals VALUES (?, 1, x'7b7d', NULL)", (f"_local/{number}",))
            if number == 3:
                raise Conflict
            return number

        return work

    futures = [database.submit(insert(number)) for number in range(6)]
    hold.set()
    first.result(10)
    results = [future.exception(10) or future.result(10) for future in futures]
    assert isinstance(results.pop(3), Conflict)
    assert results == [0, 1, 2, 4, 5]
    assert commits[-1] == 2, "what waited was not taken into one transaction"
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM locals").fetchone() == (5,)


def test_a_reader_sees_one_moment_while_others_write(database: Database) -> None:
    put(database, "a")
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM docs").fetchone() == (1,)
        put(database, "b")
        assert connection.execute("SELECT count(*) FROM docs").fetchone() == (1,)
    assert count(database) == 2


def test_a_reading_that_failed_in_the_middle_holds_on_to_no_moment(database: Database) -> None:
    """An error that somebody keeps for the log keeps what was being read."""
    put(database, "a")
    put(database, "b")

    def fail(connection: sqlite3.Connection) -> None:
        found = connection.execute("SELECT id FROM docs")
        for _ in found:
            raise Damaged

    with pytest.raises(Damaged) as kept, database.reading() as connection:
        fail(connection)
    put(database, "c")
    assert count(database) == 3, "an acknowledged document is not seen"
    busy = database.submit(
        lambda writer: writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0], alone=True
    )
    assert busy.result(10) == 0, "compaction waits for it"
    assert kept.traceback
