"""View indexes: the rows of map functions, kept by sequence in a file beside the database.

A view's table is named by a hash of its map function, so an unchanged view is never built twice, not
even under another design document, and a changed reduce costs nothing. The key is stored as bytes
in CouchDB's order (`collation`), with where in them each array element ends, so that SQLite alone
answers ranges and groups. The file can be lost: it is built again. One that was closed in order has
the sum of all its bytes beside it; after a fall it is only looked through.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from sync.embedded import trees
from sync.embedded.collation import Collation
from sync.embedded.database import Database, State, connect, is_sound, remove_files
from sync.embedded.design import BATCH, View
from sync.embedded.documents import compose
from sync.embedded.errors import DesignFailure, NotFound, is_damage, wrap_sqlite
from sync.embedded.javascript import Mapper, explain
from sync.embedded.reading import Shape, describe
from sync.embedded.sums import COLUMNS, DocumentRow, check_body, check_sum, open_sealed, seal_file

log = logging.getLogger(__name__)
LEVELS = 4
"""Array elements whose ends have a column of their own; longer keys keep all ends as JSON too."""
EXACT_SUMS = 2**44
"""Whole numbers up to this add up exactly; larger ones are kept as floating point, lest SQLite overflow."""
BESIDE = Shape(conflicts=True, deleted_conflicts=True)
"""What a map function sees of other branches."""
DOCUMENTS = 2000
"""Documents indexed in one transaction."""

STATE = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS indexes (
  signature TEXT PRIMARY KEY, uuid TEXT NOT NULL, seq INTEGER NOT NULL, purge_seq INTEGER NOT NULL,
  total INTEGER NOT NULL);
"""
TABLE = """
CREATE TABLE "rows_{0}" (
  key BLOB NOT NULL, id TEXT NOT NULL, n INTEGER NOT NULL, json BLOB NOT NULL, value BLOB NOT NULL,
  number, e1 INTEGER, e2 INTEGER, e3 INTEGER, e4 INTEGER, ends TEXT,
  PRIMARY KEY (key, id, n)) WITHOUT ROWID;
CREATE INDEX "ids_{0}" ON "rows_{0}" (id);
"""


class Indexer:
    """The view file of one database. One thread updates, any may read."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._path = path
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"indexer {database.name}")
        self._connection: sqlite3.Connection | None = None
        self._free: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._mappers: dict[tuple[str, ...], Mapper] = {}
        self._collation = Collation()
        self._closed = False

    def update(self, views: Sequence[View], seq: int) -> Future[None]:
        """Bring these views to at least `seq`. The future raises StoreError."""
        return self._pool.submit(self._update, views, seq)

    def forget_others(self, kept: set[str]) -> Future[None]:
        """Drop the rows of views that no design document has any more."""
        return self._pool.submit(self._forget_others, kept)

    def close(self) -> None:
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for connection in self._free:
                connection.close()
            self._free.clear()
        if self._connection is not None:
            self._connection.close()
            seal_file(self._path)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one moment of the indexes. :raises StoreError: SQLite refuses."""
        with self._lock:
            connection = self._free.pop() if self._free else None
        whole = False
        try:
            connection = connection or connect(self._path, "NORMAL")
            connection.execute("BEGIN")
            yield connection
            whole = True
        except sqlite3.Error as failure:
            raise wrap_sqlite(failure) from failure
        finally:
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.rollback()
                with self._lock:
                    keep = whole and not self._closed and len(self._free) < 4
                    if keep:
                        self._free.append(connection)
                if not keep:
                    connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            unharmed = open_sealed(self._path)
            if unharmed is False:
                self._begin_anew()
            self._connection = connect(self._path, "NORMAL", "rwc")
            if unharmed is None and not is_sound(self._connection, self._path):
                self._begin_anew()
                self._connection = connect(self._path, "NORMAL", "rwc")
            self._connection.executescript(STATE)
        return self._connection

    def _begin_anew(self) -> None:
        """Throw a damaged file away; who reads it just now keeps what it opened."""
        with self._lock:
            for connection in self._free:
                connection.close()
            self._free.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        remove_files(self._path)

    def _forget_others(self, kept: set[str]) -> None:
        connection = self._open()
        for (signature,) in connection.execute("SELECT signature FROM indexes").fetchall():
            if signature not in kept:
                self._drop(connection, signature)

    def _drop(self, connection: sqlite3.Connection, signature: str) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f'DROP TABLE IF EXISTS "rows_{signature}"')
        connection.execute("DELETE FROM indexes WHERE signature = ?", (signature,))
        connection.execute("COMMIT")

    def _update(self, views: Sequence[View], seq: int) -> None:
        wanted = {view.signature: view for view in views}
        try:
            try:
                self._advance(wanted, seq)
            except sqlite3.Error as failure:
                if not is_damage(failure):
                    raise
                self._begin_anew()
                self._advance(wanted, seq)
        except BaseException as failure:
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.rollback()
            if isinstance(failure, DesignFailure):
                names = ", ".join(view.name for view in views)
                log.error("database %s: view %s is not built: %s", self._database.name, names, failure.reason)
            if isinstance(failure, sqlite3.Error):
                raise wrap_sqlite(failure) from failure
            raise

    def _advance(self, views: dict[str, View], seq: int) -> None:
        connection = self._open()
        with self._database.reading() as source:
            state = State.read(source)
        places = {view: self._prepare(connection, state, view) for view in views}
        while not self._closed:
            place = min(places.values())
            if place >= max(seq, 0) or place >= state.seq:
                return
            behind = [name for name, at in places.items() if at == place]
            limit = min([at for at in places.values() if at > place], default=state.seq)
            reached = self._step(connection, [views[name] for name in behind], place, limit)
            places.update(dict.fromkeys(behind, reached))

    def _prepare(self, connection: sqlite3.Connection, state: State, signature: str) -> int:
        """The sequence a view has reached; a table of another life is dropped, purges are caught up."""
        sql = "SELECT uuid, seq, purge_seq FROM indexes WHERE signature = ?"
        row = connection.execute(sql, (signature,)).fetchone()
        if row and (row[0] != state.uuid or row[1] > state.seq or row[2] > state.purge_seq):
            self._drop(connection, signature)
            row = None
        if not row:
            connection.execute("BEGIN IMMEDIATE")
            for statement in TABLE.format(signature).split(";")[:2]:
                connection.execute(statement)
            values = (signature, state.uuid, state.purge_seq)
            connection.execute("INSERT INTO indexes VALUES (?, ?, 0, ?, 0)", values)
            connection.execute("COMMIT")
            return 0
        if row[2] < state.purge_seq:
            with self._database.reading() as source:
                purged = source.execute("SELECT seq, id, sum FROM purges WHERE seq > ?", (row[2],)).fetchall()
            for number, doc_id, written in purged:
                check_sum(written, f"{number}", doc_id.encode())
            ids = [(doc_id,) for _, doc_id, _ in purged]
            connection.execute("BEGIN IMMEDIATE")
            removed = _remove(connection, signature, ids)
            sql = "UPDATE indexes SET purge_seq = ?, total = total - ? WHERE signature = ?"
            connection.execute(sql, (state.purge_seq, removed, signature))
            connection.execute("COMMIT")
        return int(row[1])

    def _step(self, connection: sqlite3.Connection, views: list[View], since: int, limit: int) -> int:
        """Index one batch of changes; the sequence reached."""
        ids, documents, reached = self._read_batch(since, limit)
        answers = self._map(views, documents) if documents else []
        connection.execute("BEGIN IMMEDIATE")
        for place, view in enumerate(views):
            removed = _remove(connection, view.signature, ids) if since else 0
            rows: list[tuple[Any, ...]] = []
            for (doc_id, _), answer in zip(documents, answers, strict=True):
                self._add_rows(rows, doc_id, answer[place])
            sql = f'INSERT INTO "rows_{view.signature}" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'  # noqa: S608
            connection.executemany(sql, rows)
            connection.execute(
                "UPDATE indexes SET seq = ?, total = total + ? WHERE signature = ?",
                (reached, len(rows) - removed, view.signature),
            )
        connection.execute("COMMIT")
        return reached

    def _read_batch(self, since: int, limit: int) -> tuple[list[tuple[str]], list[tuple[str, bytes]], int]:
        ids: list[tuple[str]] = []
        documents: list[tuple[str, bytes]] = []
        size, reached = 0, limit
        sql = (
            f"SELECT d.{COLUMNS.replace(', ', ', d.')}, b.body, b.digests, b.sum "  # noqa: S608
            "FROM docs d LEFT JOIN bodies b ON b.key = d.body WHERE d.seq > ? AND d.seq <= ? ORDER BY d.seq"
        )
        with self._database.reading() as source:
            for *found, body, digests, written in source.execute(sql, (since, limit)):
                row = DocumentRow(*found).check()
                ids.append((row.id,))
                if not row.deleted and not row.id.startswith("_design/"):
                    body = check_body(body, digests, written)
                    # as in CouchDB, whose updater opens documents with these two
                    many = row.tree.count(b"[") > 2
                    beside = describe(trees.decode(row.tree), row.rev, BESIDE) if many else None
                    documents.append((row.id, compose(row.id, row.rev, False, body, beside)))
                    size += len(body)
                if len(ids) == DOCUMENTS or size > BATCH:
                    reached = row.seq
                    break
        return ids, documents, reached

    def _map(self, views: list[View], documents: list[tuple[str, bytes]]) -> list[list[Any]]:
        """:raises DesignFailure: a function ran out of what it may take."""
        mapped = self._mapper(views).map(b"[" + b",".join(json for _, json in documents) + b"]")
        if mapped.fatal is not None and len(documents) > 1:  # it may have been too many at once
            return [rows for one in documents for rows in self._map(views, [one])]
        for number, view in enumerate(views):
            thrown = [one for one in mapped.thrown if one.function == number]
            if thrown:
                said = "database %s: view %s leaves out %d documents, among them %s: %s"
                first = thrown[0]
                log.warning(said, self._database.name, view.name, len(thrown), first.document, first.error)
        if mapped.fatal is not None:
            place = f"{views[mapped.fatal.function].name} at {mapped.fatal.document}"
            raise DesignFailure(f"{explain(mapped.fatal.error)} ({place})")
        return mapped.rows

    def _mapper(self, views: list[View]) -> Mapper:
        sources = tuple(view.map for view in views)
        mapper = self._mappers.get(sources)
        if mapper is None:
            if len(self._mappers) >= 8:
                self._mappers.clear()
            mapper = self._mappers[sources] = Mapper(sources)
        return mapper

    def _add_rows(self, rows: list[tuple[Any, ...]], doc_id: str, emitted: Any) -> None:
        for n, (key, raw) in enumerate(emitted):
            try:
                encoded, ends = self._collation.encode_levels(key)
            except RecursionError:
                raise DesignFailure("A key is nested too deep.") from None
            value = bytes(raw)
            number = msgspec.json.decode(value) if value[0] in b"-0123456789" else None
            if isinstance(number, int) and abs(number) > EXACT_SUMS:
                number = float(number)
            long = msgspec.json.encode(ends).decode() if len(ends) > LEVELS else None
            columns = (*ends[:LEVELS], *(None,) * (LEVELS - len(ends)))
            rows.append((encoded, doc_id, n, msgspec.json.encode(key), value, number, *columns, long))


def _remove(connection: sqlite3.Connection, signature: str, ids: Sequence[tuple[str]]) -> int:
    sql = f'DELETE FROM "rows_{signature}" WHERE id = ?'  # noqa: S608
    return connection.executemany(sql, ids).rowcount if ids else 0


def read_position(connection: sqlite3.Connection, signature: str) -> tuple[int, int]:
    """The sequence a view's rows stand at, and how many they are. :raises NotFound: never built."""
    row = connection.execute("SELECT seq, total FROM indexes WHERE signature = ?", (signature,)).fetchone()
    if not row:
        raise NotFound("missing_named_view")
    return row[0], row[1]
