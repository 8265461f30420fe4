"""Reading documents: one, its open revisions, lists, changes and differences.

Rows are put together as bytes of JSON; stored bodies are not parsed on the way out.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from sync.embedded import trees
from sync.embedded.database import State
from sync.embedded.documents import as_revisions, compose, encode, make_blob
from sync.embedded.errors import Damaged, NotFound
from sync.embedded.sums import COLUMNS, DocumentRow, check_sum
from sync.embedded.trees import Tree
from sync.embedded.writing import find, read_body


@dataclass(frozen=True)
class Shape:
    """What to add to a document that is read."""

    revs: bool = False
    revs_info: bool = False
    conflicts: bool = False
    deleted_conflicts: bool = False
    attachments: bool = False
    latest: bool = False
    local_seq: bool = False

    @property
    def bare(self) -> bool:
        return not (self.revs or self.revs_info or self.conflicts or self.deleted_conflicts or self.local_seq)


PLAIN = Shape()


class Found(NamedTuple):
    """A revision ready to be sent."""

    rev: str
    deleted: bool
    json: bytes


def read_revision(
    connection: sqlite3.Connection, doc_id: str, tree: Tree, rev: str, shape: Shape = PLAIN
) -> Found:
    """:raises NotFound: the revision is unknown or its text is gone."""
    node = tree.get(rev)
    if node is None or not node.body:
        raise NotFound("missing")
    body = read_body(connection, node.body)
    if shape.attachments:
        body = inline(connection, body)
    extra = {} if shape.bare else describe(tree, rev, shape)
    return Found(rev, node.deleted, compose(doc_id, rev, node.deleted, body, extra))


def describe(tree: Tree, rev: str, shape: Shape) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if shape.revs:
        extra["_revisions"] = as_revisions(trees.ancestry(tree, rev))
    if shape.revs_info:
        path = trees.ancestry(tree, rev)
        extra["_revs_info"] = [
            {"rev": step, "status": status(tree[step].body, tree[step].deleted)} for step in path
        ]
    others = [leaf for leaf in trees.leaves(tree) if leaf != rev]
    live = [leaf for leaf in others if not tree[leaf].deleted]
    dead = [leaf for leaf in others if tree[leaf].deleted]
    if shape.conflicts and live:
        extra["_conflicts"] = live
    if shape.deleted_conflicts and dead:
        extra["_deleted_conflicts"] = dead
    return extra


def status(body: int, deleted: bool) -> str:
    if not body:
        return "missing"
    return "deleted" if deleted else "available"


def inline(connection: sqlite3.Connection, body: bytes) -> bytes:
    """The body with its attachments' bytes instead of stubs."""
    if b'"_attachments"' not in body:
        return body
    value = msgspec.json.decode(body)
    for stub in value.get("_attachments", {}).values():
        data = read_blob(connection, stub["digest"])
        del stub["stub"], stub["length"]
        stub["data"] = base64.b64encode(data).decode()
    return encode(value)


def read_blob(connection: sqlite3.Connection, digest: str) -> bytes:
    """:raises Damaged: the bytes are not there, or not those of this digest."""
    row = connection.execute("SELECT data FROM blobs WHERE digest = ?", (digest,)).fetchone()
    if not row or make_blob(row[0]).digest != digest:
        raise Damaged("An attachment")
    return bytes(row[0])


def read_document(connection: sqlite3.Connection, doc_id: str, rev: str | None, shape: Shape) -> Found:
    """:raises NotFound: ``missing`` or, when the winner deletes and no revision is named, ``deleted``."""
    stored = find(connection, doc_id)
    if not stored.row:
        raise NotFound("missing")
    if rev is None:
        if stored.deleted:
            raise NotFound("deleted")
        rev = trees.winner(stored.tree)
    elif shape.latest and rev in stored.tree:
        rev = trees.descendants(stored.tree, rev)[0]
    return read_revision(connection, doc_id, stored.tree, rev, shape)


def read_open_revs(
    connection: sqlite3.Connection, doc_id: str, revs: Sequence[str] | None, shape: Shape
) -> list[Found | str]:
    """The named revisions, or all leaves: each found, or the name of one that is missing.

    :raises NotFound: all leaves of an unknown document.
    """
    tree = find(connection, doc_id).tree
    if revs is None:
        if not tree:
            raise NotFound("missing")
        return [read_revision(connection, doc_id, tree, rev, shape) for rev in reversed(trees.leaves(tree))]
    wanted: list[str] = []
    for rev in revs:
        wanted.extend(trees.descendants(tree, rev) if shape.latest and rev in tree else [rev])
    found: list[Found | str] = []
    for rev in dict.fromkeys(wanted):
        try:
            found.append(read_revision(connection, doc_id, tree, rev, shape))
        except NotFound:
            found.append(rev)
    return found


def read_attachment(
    connection: sqlite3.Connection, doc_id: str, rev: str | None, name: str
) -> tuple[dict[str, Any], bytes]:
    """The stub and the bytes. :raises NotFound: no such document or attachment."""
    found = read_document(connection, doc_id, rev, PLAIN)
    stub = msgspec.json.decode(found.json).get("_attachments", {}).get(name)
    if not stub:
        raise NotFound("Document is missing attachment")
    return stub, read_blob(connection, stub["digest"])


def read_local(connection: sqlite3.Connection, doc_id: str) -> bytes:
    row = connection.execute("SELECT rev, body, sum FROM locals WHERE id = ?", (doc_id,)).fetchone()
    if not row:
        raise NotFound("missing")
    number, body, written = row
    check_sum(written, f"{doc_id}\0{number}", body)
    return compose(doc_id, f"0-{number}", False, body)


def diff_revs(connection: sqlite3.Connection, asked: dict[str, list[str]]) -> dict[str, Any]:
    """For each document the revisions not known here, and the leaves they may come from."""
    answer: dict[str, Any] = {}
    for doc_id, revs in asked.items():
        unknown, ancestors = trees.missing(find(connection, doc_id).tree, revs)
        if unknown:
            answer[doc_id] = {"missing": unknown}
            if ancestors:
                answer[doc_id]["possible_ancestors"] = ancestors
    return answer


@dataclass(frozen=True)
class ChangesQuery:
    since: int
    limit: int = 2**62
    descending: bool = False
    all_leaves: bool = False
    include_docs: bool = False
    shape: Shape = PLAIN
    doc_ids: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Changes:
    """Rows as JSON; ``last`` is the number in ``last_seq``."""

    rows: list[bytes]
    last_seq: str
    pending: int
    last: int = 0

    def encode(self) -> bytes:
        return b'{"results":[\n' + b",\n".join(self.rows) + self.encode_tail()

    def encode_tail(self) -> bytes:
        return b'\n],\n"last_seq":' + encode(self.last_seq) + b',"pending":%d}\n' % self.pending


def read_changes(connection: sqlite3.Connection, query: ChangesQuery) -> Changes:
    """Documents changed after ``since``, each once, at its latest change."""
    state = State.read(connection)
    rows: list[bytes] = []
    last = query.since
    for row in _select_changes(connection, query):
        if len(rows) == query.limit:
            break
        rows.append(_change(connection, state, query, row))
        last = row.seq
    (total,) = connection.execute("SELECT count(*) FROM docs WHERE seq > ?", (query.since,)).fetchone()
    pending = max(total - len(rows), 0)
    if not pending or query.doc_ids is not None:
        last = state.seq
    return Changes(rows, state.format_seq(last), pending, last)


def _select_changes(connection: sqlite3.Connection, query: ChangesQuery) -> Iterator[DocumentRow]:
    columns = f"SELECT {COLUMNS} FROM docs"  # noqa: S608
    order = "DESC" if query.descending else "ASC"
    sql = f"{columns} WHERE seq > ? ORDER BY seq {order}"
    parameters: tuple[Any, ...] = (query.since,)
    if query.doc_ids is not None:
        sql = f"{columns} WHERE id IN (SELECT value FROM json_each(?)) AND seq > ? ORDER BY seq {order}"  # noqa: S608
        parameters = (encode(query.doc_ids).decode(), query.since)
    return (DocumentRow(*found).check() for found in connection.execute(sql, parameters))


def _change(connection: sqlite3.Connection, state: State, query: ChangesQuery, row: DocumentRow) -> bytes:
    doc_id, seq, deleted, rev, _, stored, _ = row
    single = stored.count(b"[") == 2  # one revision, by far the commonest: nothing to decode
    tree = trees.decode(stored) if not single or query.include_docs else {}
    revs = [rev] if single or not query.all_leaves else trees.leaves(tree)
    line = b'{"seq":"%s","id":%s,"changes":[%s]' % (
        state.format_seq(seq).encode(),
        encode(doc_id),
        b",".join([b'{"rev":"%s"}' % item.encode() for item in revs]),
    )
    if deleted:
        line += b',"deleted":true'
    if query.include_docs:
        try:
            line += b',"doc":' + read_revision(connection, doc_id, tree, rev, query.shape).json
        except NotFound:
            line += b',"doc":null'
    return line + b"}"
