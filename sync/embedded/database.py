"""One database: its SQLite file, its one writer and its readers.

All writes of a database go through one thread, which takes everything that waits into one
transaction (group commit), each piece under its own savepoint. Readers each have a connection and
see the last commit. A commit returns when it is on the disk.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, TypeVar

from sync.embedded.errors import Damaged, NotFound, is_damage, wrap_os, wrap_sqlite
from sync.embedded.sums import SEAL, check_sum, compute_sum

T = TypeVar("T")

SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN;
CREATE TABLE docs (
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, deleted INTEGER NOT NULL,
  rev TEXT NOT NULL, body INTEGER NOT NULL, tree BLOB NOT NULL, sum INTEGER);
CREATE UNIQUE INDEX docs_seq ON docs (seq);
CREATE INDEX docs_live ON docs (id, rev) WHERE deleted = 0;
CREATE TABLE bodies (key INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, digests TEXT,
  sum INTEGER);
CREATE TABLE blobs (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE locals (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, body BLOB NOT NULL,
  sum INTEGER);
CREATE TABLE purges (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, sum INTEGER);
CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1), uuid TEXT NOT NULL, created INTEGER NOT NULL, seq INTEGER NOT NULL,
  live INTEGER NOT NULL, dead INTEGER NOT NULL, purge_seq INTEGER NOT NULL, security BLOB NOT NULL,
  sum INTEGER);
COMMIT;
PRAGMA journal_mode = WAL;
"""

SUMMED = ("docs", "bodies", "locals", "purges", "state")
"""Tables whose rows have a sum; in a file from before there were sums the column is added."""
DEFAULT_SECURITY = b'{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}'
TAILS = ("", "-wal", "-shm", "-journal", SEAL)
"""What is added to a file's name for the files beside it, by SQLite but for the last."""
CHECKED = 256_000_000
"""Bytes of a file that is looked through when it is opened, in a fifth of a second for 100 MB; of a larger
one only the table of documents is, and its indexes. Their texts have sums."""
GROUP = 64
"""Writes taken into one transaction at most."""


@dataclass
class State:
    """The counters of a database, as of one transaction."""

    uuid: str
    created: int
    seq: int
    live: int
    dead: int
    purge_seq: int
    security: bytes

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> State:
        """:raises Damaged: they are not as they were written."""
        columns = "uuid, created, seq, live, dead, purge_seq, security, sum"
        *values, written = connection.execute(f"SELECT {columns} FROM state").fetchone()  # noqa: S608
        state = cls(*values)
        check_sum(written, *state._summed())
        return state

    def write(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*astuple(self), compute_sum(*self._summed())),
        )

    def _summed(self) -> tuple[str, bytes]:
        *values, security = astuple(self)
        return " ".join(map(str, values)), security

    def format_seq(self, seq: int) -> str:
        """The number with the database's own mark, so that one of another life starts from zero."""
        return f"{seq}-{self.uuid}"

    def parse_seq(self, since: str) -> int:
        """The number a client counts from; 0 for a sequence of a database that is no more."""
        number, _, mark = since.strip('"').partition("-")
        if not number.isascii() or not number.isdigit() or (mark and mark != self.uuid):
            return 0
        return min(int(number), self.seq) if len(number) < 19 else self.seq


@dataclass
class Job:
    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any]
    alone: bool = False


class Reader(sqlite3.Connection):
    """Knows its cursors: one that is left in the middle holds on to its moment, and compaction would wait."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._cursors: weakref.WeakSet[sqlite3.Cursor] = weakref.WeakSet()

    def execute(self, *args: Any) -> sqlite3.Cursor:
        cursor = super().execute(*args)
        self._cursors.add(cursor)
        return cursor

    def close(self) -> None:
        for cursor in list(self._cursors):
            cursor.close()
        super().close()


def connect(
    path: Path,
    synchronous: str = "FULL",
    mode: str = "rw",
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """``rw`` opens only what is there, so that no file comes back empty after it was deleted."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        address, isolation_level=None, check_same_thread=False, timeout=30, uri=True, factory=factory
    )
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA busy_timeout = 30000")
    return connection


def make_file(path: Path, created: int) -> None:
    """A new database's file: whole, or not there at all.

    :raises StoreError: when SQLite or the disk refuses.
    """
    draft = path.with_name(path.name + ".new")
    remove_files(draft)
    try:
        with contextlib.closing(connect(draft, mode="rwc")) as connection:
            connection.executescript(SCHEMA)
            State(secrets.token_hex(4), created, 0, 0, 0, 0, DEFAULT_SECURITY).write(connection)
        remove_files(path)  # a log that a deletion left would be taken for that of the new file
        draft.rename(path)
        sync_folder(path.parent)
    except (sqlite3.Error, OSError) as failure:
        with contextlib.suppress(OSError):
            remove_files(draft)
        refusal = wrap_os(failure) if isinstance(failure, OSError) else wrap_sqlite(failure)
        raise refusal from failure


def remove_files(path: Path) -> None:
    """A database's file, first of all, and those beside it."""
    for tail in TAILS:
        path.with_name(path.name + tail).unlink(missing_ok=True)


def read_schema(connection: sqlite3.Connection) -> set[str]:
    """The statements that made a file's tables and indexes, however they were spaced."""
    found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {" ".join(sql.split()) for (sql,) in found}


@functools.cache
def _expected_schema() -> set[str]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return read_schema(connection)


def is_sound(connection: sqlite3.Connection, path: Path, essential: str | None = None) -> bool:
    """Whether a file is as orderly as SQLite left it, and its indexes are those of its tables.

    In one of more than CHECKED bytes only the ``essential`` table is looked at, if there is one.
    """
    part = "1"
    if path.stat().st_size > CHECKED:
        if essential is None:
            return True
        part = essential
    try:
        return bool(connection.execute(f"PRAGMA integrity_check({part})").fetchone() == ("ok",))
    except sqlite3.Error as failure:
        if is_damage(failure):
            return False
        raise


class Database:
    """An open database. Methods may be called from any thread."""

    def __init__(self, name: str, path: Path) -> None:
        """Opens what `make_file` made.

        :raises Damaged: it is not that any more.
        :raises StoreError: when SQLite refuses.
        """
        self.name = name
        self.path = path
        self.compacting = False
        self.on_commit: Callable[[], None] = lambda: None
        self._free: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._waiting = threading.Condition(self._lock)
        self._jobs: deque[Job] = deque()
        self._thread: threading.Thread | None = None
        try:
            self._writer = connect(path)
            self._check()
        except sqlite3.Error as failure:
            raise wrap_sqlite(failure) from failure
        except UnicodeDecodeError:  # SQLite's own words quote what it found
            raise Damaged from None

    def _check(self) -> None:
        if not is_sound(self._writer, self.path, "docs"):
            raise Damaged
        for table in SUMMED:
            columns = [row[1] for row in self._writer.execute(f"PRAGMA table_info({table})")]
            if columns and "sum" not in columns:
                self._writer.execute(f"ALTER TABLE {table} ADD COLUMN sum INTEGER")
        if read_schema(self._writer) != _expected_schema():
            raise Damaged
        if not self._writer.execute("SELECT 1 FROM state").fetchone():
            raise Damaged

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one moment of the database.

        :raises StoreError: the database was deleted, or SQLite refuses.
        """
        with self._lock:
            if self._closed:
                raise NotFound("Database does not exist.")
            connection = self._free.pop() if self._free else None
        whole = False
        try:
            connection = connection or connect(self.path, factory=Reader)
            connection.execute("BEGIN")
            yield connection
            whole = True
        except NotFound:
            whole = True
            raise
        except sqlite3.Error as failure:
            raise wrap_sqlite(failure) from failure
        finally:
            if connection is not None:
                self._give_back(connection, whole)

    def _give_back(self, connection: sqlite3.Connection, whole: bool) -> None:
        """Keep it, unless a reading was left in the middle, whose statement would hold on to that moment."""
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        with self._lock:
            if whole and not self._closed and len(self._free) < 8:
                self._free.append(connection)
                return
        connection.close()

    def submit(self, work: Callable[[sqlite3.Connection], T], alone: bool = False) -> Future[T]:
        """Do `work` in the writer's next transaction; done when the commit is on the disk.

        ``alone`` runs it outside any transaction. The future raises StoreError.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                future.set_exception(NotFound("Database does not exist."))
                return future
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name=f"writer {self.name}", daemon=True)
                self._thread.start()
            self._jobs.append(Job(work, future, alone))
            self._waiting.notify()
        return future

    def close(self) -> None:
        """Finish what waits, then let go of the files."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._waiting.notify()
            free, self._free = self._free, []
        for connection in free:
            connection.close()
        if self._thread is not None:
            self._thread.join()
        self._writer.close()

    def _take(self) -> list[Job]:
        """What the next transaction holds; empty when the database closes."""
        with self._lock:
            while not self._jobs and not self._closed:
                self._waiting.wait()
            group: list[Job] = []
            while self._jobs and len(group) < GROUP and not (group and self._jobs[0].alone):
                group.append(self._jobs.popleft())
                if group[-1].alone:
                    break
            return group

    def _write(self) -> None:
        while group := self._take():
            if group[0].alone:
                self._run_alone(group[0])
            else:
                self._commit(group)

    def _run_alone(self, job: Job) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            job.future.set_result(job.work(self._writer))
        except sqlite3.Error as failure:
            job.future.set_exception(wrap_sqlite(failure))
        except Exception as failure:
            job.future.set_exception(failure)

    def _commit(self, group: list[Job]) -> None:
        done: list[tuple[Job, Any]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for job in group:
                self._run(job, done)
            self._writer.execute("COMMIT")
        except Exception as failure:
            with contextlib.suppress(sqlite3.Error):
                self._writer.rollback()
            refusal = wrap_sqlite(failure) if isinstance(failure, sqlite3.Error) else failure
            for job in group:
                if not job.future.done():
                    job.future.set_exception(refusal)
            return
        self.on_commit()
        for job, result in done:
            job.future.set_result(result)

    def _run(self, job: Job, done: list[tuple[Job, Any]]) -> None:
        if not job.future.set_running_or_notify_cancel():
            return  # who asked is gone before it began
        self._writer.execute("SAVEPOINT job")
        try:
            done.append((job, job.work(self._writer)))
        except Exception as failure:
            if not self._writer.in_transaction:
                raise  # SQLite has given up the whole transaction, as it does on a full disk
            self._writer.execute("ROLLBACK TO job")
            job.future.set_exception(wrap_sqlite(failure) if isinstance(failure, sqlite3.Error) else failure)
        self._writer.execute("RELEASE job")


def sync_folder(folder: Path) -> None:
    """Make a file's name in its folder as durable as its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
