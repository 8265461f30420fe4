"""The list of all documents, by id."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sync.embedded import trees
from sync.embedded.database import State
from sync.embedded.documents import encode
from sync.embedded.errors import BadRequest, NotFound
from sync.embedded.reading import Shape, read_revision
from sync.embedded.requests import MISSING, Call
from sync.embedded.sums import COLUMNS, DocumentRow

ROWS = 500
"""Rows put together at a time."""


@dataclass(frozen=True)
class ListQuery:
    start: str | None
    end: str | None
    keys: tuple[Any, ...] | None
    inclusive_end: bool
    descending: bool
    skip: int
    limit: int
    include_docs: bool
    shape: Shape

    @classmethod
    def read(cls, call: Call, shape: Shape) -> ListQuery:
        """:raises BadRequest: a parameter of the wrong kind."""
        key = call.value("key")
        start, end = call.value("startkey", "start_key"), call.value("endkey", "end_key")
        keys = call.value("keys")
        if keys is not MISSING and not isinstance(keys, list):
            raise BadRequest("`keys` member must be an array.")
        return cls(
            start=_as_text(key if key is not MISSING else start),
            end=_as_text(key if key is not MISSING else end),
            keys=None if keys is MISSING else tuple(keys),
            inclusive_end=call.flag("inclusive_end", True),
            descending=call.flag("descending"),
            skip=call.integer("skip", 0),
            limit=call.integer("limit", 2**62),
            include_docs=call.flag("include_docs"),
            shape=shape,
        )


def _as_text(key: Any) -> str | None:
    """Ids are strings: what sorts before them bounds nothing, what sorts after them bounds all."""
    if key is MISSING or key is None or isinstance(key, (bool, int, float)):
        return None
    return key if isinstance(key, str) else "\U0010ffff"


def iterate_list(connection: sqlite3.Connection, query: ListQuery) -> Iterator[bytes]:
    """The JSON of the answer, in pieces, so that a whole database never stands in memory."""
    state = State.read(connection)
    if query.keys is not None:
        keys = query.keys[::-1] if query.descending else query.keys
        yield _encode_head(state.live, b"null")
        keys = keys[query.skip :][: query.limit]
        for start in range(0, len(keys), ROWS):
            rows = [_read_key(connection, key, query) for key in keys[start : start + ROWS]]
            yield (b",\n" if start else b"") + b",\n".join(rows)
    else:
        sql, parameters, before = _select(connection, query)
        yield _encode_head(state.live, b"%d" % (before + query.skip))
        found = connection.execute(sql, (*parameters, query.limit, query.skip))
        separator = b""
        while rows := found.fetchmany(ROWS):
            yield separator + b",\n".join(_encode_row(connection, row, query) for row in rows)
            separator = b",\n"
    yield b"\n]}\n"


def _encode_row(connection: sqlite3.Connection, found: Any, query: ListQuery) -> bytes:
    """``found`` is id and revision alone, or a whole row when documents are wanted."""
    if query.include_docs:
        row = DocumentRow(*found).check()
        doc = read_revision(connection, row.id, trees.decode(row.tree), row.rev, query.shape).json
        return _encode_line(row.id, row.rev) + b',"doc":' + doc + b"}"
    return _encode_line(*found) + b"}"


def _encode_line(doc_id: str, rev: str) -> bytes:
    return b'{"id":%b,"key":%b,"value":{"rev":%b}' % (encode(doc_id), encode(doc_id), encode(rev))


def _select(connection: sqlite3.Connection, query: ListQuery) -> tuple[str, list[str], int]:
    after, before = ("<=", ">=") if query.descending else (">=", "<=")
    before = before if query.inclusive_end else before[0]
    conditions, parameters, offset = ["deleted = 0"], [], 0
    if query.start is not None:
        conditions.append(f"id {after} ?")
        parameters.append(query.start)
        preceding = f"SELECT count(*) FROM docs WHERE deleted = 0 AND NOT id {after} ?"  # noqa: S608
        offset = connection.execute(preceding, (query.start,)).fetchone()[0]
    if query.end is not None:
        conditions.append(f"id {before} ?")
        parameters.append(query.end)
    columns = COLUMNS if query.include_docs else "id, rev"
    order = "DESC" if query.descending else "ASC"
    where = " AND ".join(conditions)
    sql = f"SELECT {columns} FROM docs WHERE {where} ORDER BY id {order} LIMIT ? OFFSET ?"  # noqa: S608
    return sql, parameters, offset


def _read_key(connection: sqlite3.Connection, key: Any, query: ListQuery) -> bytes:
    sql = f"SELECT {COLUMNS} FROM docs WHERE id = ?"  # noqa: S608
    row = connection.execute(sql, (key,)).fetchone() if isinstance(key, str) else None
    if not row:
        return b'{"key":%b,"error":"not_found"}' % encode(key)
    _, _, deleted, rev, _, stored, _ = DocumentRow(*row).check()
    value = {"rev": rev, "deleted": True} if deleted else {"rev": rev}
    line = b'{"id":%b,"key":%b,"value":%b' % (encode(key), encode(key), encode(value))
    if query.include_docs:
        try:
            if deleted:
                raise NotFound("deleted")
            doc = read_revision(connection, key, trees.decode(stored), rev, query.shape).json
        except NotFound:
            doc = b"null"
        line += b',"doc":' + doc
    return line + b"}"


def _encode_head(total: int, offset: bytes) -> bytes:
    return b'{"total_rows":%d,"offset":%b,"rows":[\n' % (total, offset)
