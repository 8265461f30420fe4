"""What the writer does: edits by a client, edits by replication, local documents, purges, compaction.

Every function takes the writer's connection inside a transaction. As in CouchDB a batch is checked
against what was stored before it: a document of the batch is never the ``oldDoc`` of another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sync.embedded import trees
from sync.embedded.database import Database, State
from sync.embedded.documents import (
    LOCAL_REV,
    REV,
    Blob,
    Edit,
    check_rev,
    compute_rev,
    encode,
    encode_body,
    store_attachments,
)
from sync.embedded.errors import BadRequest, Conflict, StoreError
from sync.embedded.sums import COLUMNS, DocumentRow, check_body, compute_sum, sum_body
from sync.embedded.trees import Tree

REVS_LIMIT = 1000


class Stored(NamedTuple):
    """A document's row: its number (0 when new), tree, and whether its winner is deleted."""

    row: int
    tree: Tree
    deleted: bool


class Draft(NamedTuple):
    """An edit ready to be judged and written."""

    edit: Edit
    path: list[str]
    body: bytes
    blobs: list[Blob]
    previous: str | None
    """The stored revision it is judged against."""


class Outcome(NamedTuple):
    """What happened to one edit: its revision, or why it was refused."""

    id: str
    rev: str | None
    refusal: StoreError | None = None


NOTHING = Stored(0, {}, True)
Judge = Callable[
    [sqlite3.Connection, "State", Sequence["Draft"], Mapping[str, Stored]], list[StoreError | None]
]


def find(connection: sqlite3.Connection, doc_id: str) -> Stored:
    """:raises Damaged: it is not as it was written."""
    sql = f"SELECT {COLUMNS}, row FROM docs WHERE id = ?"  # noqa: S608
    found = connection.execute(sql, (doc_id,)).fetchone()
    if not found:
        return NOTHING
    row = DocumentRow(*found[:-1]).check()
    return Stored(found[-1], trees.decode(row.tree), bool(row.deleted))


def read_body(connection: sqlite3.Connection, key: int) -> bytes:
    """:raises Damaged: the text is not there, or not as it was written."""
    if not key:
        return b"{}"
    row = connection.execute("SELECT body, digests, sum FROM bodies WHERE key = ?", (key,)).fetchone()
    return check_body(*row or (None, None, None))


def write_edits(
    connection: sqlite3.Connection, edits: Sequence[Edit], judge: Judge, replicated: bool
) -> list[Outcome]:
    """Write a batch: ``replicated`` keeps the given revisions, else each must extend a leaf.

    :raises StoreError: what refuses the whole batch: a stub of an unknown attachment, an oversize
        document, a validator that never ends.
    """
    state = State.read(connection)
    stored = {edit.id: find(connection, edit.id) for edit in edits}
    draft = _draft_replicated if replicated else _draft_interactive
    outcomes: list[Outcome | Draft] = []
    seen: set[str] = set()
    for edit in edits:
        try:
            if not replicated and edit.id in seen:
                raise Conflict
            if replicated and edit.rev and trees.has_text(stored[edit.id].tree, edit.rev):
                outcomes.append(Outcome(edit.id, edit.rev))  # sent again: known, so not judged again
                continue
            outcomes.append(draft(connection, edit, stored[edit.id]))
            seen.add(edit.id)
        except Conflict as conflict:
            outcomes.append(Outcome(edit.id, edit.rev, conflict))
    drafts = [item for item in outcomes if isinstance(item, Draft)]
    verdicts = iter(judge(connection, state, drafts, stored))
    results: list[Outcome] = []
    for item in outcomes:
        if isinstance(item, Draft):
            refusal = next(verdicts)
            if refusal is None:
                stored[item.edit.id] = _put(connection, state, item, stored[item.edit.id])
            item = Outcome(item.edit.id, item.path[0], refusal)
        results.append(item)
    state.write(connection)
    return results


def _draft_interactive(connection: sqlite3.Connection, edit: Edit, stored: Stored) -> Draft:
    parent = edit.rev
    if parent is None:
        if not stored.deleted:
            raise Conflict
        extended = trees.winner(stored.tree) if stored.tree else None
    else:
        if not stored.tree or parent not in trees.leaves(stored.tree):
            raise Conflict
        extended = parent
    position = trees.generation(extended) + 1 if extended else 1
    stubs, blobs = store_attachments(edit, _attachments(connection, stored.tree, extended), position)
    body = encode_body(edit, stubs)
    rev = compute_rev(extended, edit.deleted, body)
    return Draft(edit, [rev, extended] if extended else [rev], body, blobs, parent)


def _draft_replicated(connection: sqlite3.Connection, edit: Edit, stored: Stored) -> Draft:
    if edit.rev is None:
        raise BadRequest("In replication mode a document must carry its revision", "doc_validation")
    if not REV.fullmatch(edit.rev):
        raise BadRequest("Invalid rev format")
    previous = next((rev for rev in edit.path[1:] if trees.has_text(stored.tree, rev)), None)
    stubs, blobs = store_attachments(edit, _attachments(connection, stored.tree, previous), 0)
    return Draft(edit, edit.path, encode_body(edit, stubs), blobs, previous)


def _attachments(connection: sqlite3.Connection, tree: Tree, rev: str | None) -> dict[str, Any]:
    if rev is None or not trees.has_text(tree, rev):
        return {}
    body = read_body(connection, tree[rev].body)
    if b'"_attachments"' not in body:
        return {}
    found: dict[str, Any] = msgspec.json.decode(body).get("_attachments", {})
    return found


def _put(connection: sqlite3.Connection, state: State, draft: Draft, stored: Stored) -> Stored:
    rev = draft.path[0]
    if trees.has_text(stored.tree, rev):
        return stored
    for blob in draft.blobs:
        connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", blob)
    digests = encode([blob.digest for blob in draft.blobs]).decode() if draft.blobs else None
    if draft.edit.attachments and b'"_attachments"' in draft.body:
        kept = msgspec.json.decode(draft.body)["_attachments"]
        digests = encode([stub["digest"] for stub in kept.values()]).decode()
    row = (draft.body, digests, sum_body(draft.body, digests))
    added = connection.execute("INSERT INTO bodies (body, digests, sum) VALUES (?, ?, ?)", row)
    tree = trees.merge(stored.tree, draft.path, draft.edit.deleted, added.lastrowid or 0)
    stemmed = trees.stem(tree, REVS_LIMIT)
    forget_bodies(connection, tree, stemmed)
    return save(connection, state, draft.edit.id, stemmed, stored)


def forget_bodies(connection: sqlite3.Connection, before: Tree, after: Tree) -> None:
    """Delete the text of revisions that a tree has no more."""
    if len(after) < len(before):
        gone = [(node.body,) for rev, node in before.items() if node.body and rev not in after]
        connection.executemany("DELETE FROM bodies WHERE key = ?", gone)


def save(connection: sqlite3.Connection, state: State, doc_id: str, tree: Tree, stored: Stored) -> Stored:
    """Write a document's tree as its next change."""
    rev = trees.winner(tree)
    node = tree[rev]
    state.seq += 1
    if stored.row:
        state.live -= not stored.deleted
        state.dead -= stored.deleted
    state.live += not node.deleted
    state.dead += node.deleted
    row = DocumentRow(doc_id, state.seq, int(node.deleted), rev, node.body, trees.encode(tree))
    values = (*row[1:-1], row.compute_sum())
    if stored.row:
        connection.execute(
            "UPDATE docs SET seq = ?, deleted = ?, rev = ?, body = ?, tree = ?, sum = ? WHERE row = ?",
            (*values, stored.row),
        )
        return Stored(stored.row, tree, node.deleted)
    added = connection.execute(
        "INSERT INTO docs (seq, deleted, rev, body, tree, sum, id) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*values, doc_id),
    )
    return Stored(added.lastrowid or 0, tree, node.deleted)


def write_local(connection: sqlite3.Connection, edit: Edit) -> str:
    """Keep a local document; its revision counts on from the one given, unchecked, as in CouchDB."""
    given = LOCAL_REV.fullmatch(edit.rev or "0-0")
    if given is None:
        raise BadRequest("Invalid rev format")
    number = int(given[1]) + 1
    if edit.deleted:
        delete_local(connection, edit.id)
        return "0-0"
    body = encode_body(edit, {})
    values = (edit.id, number, body, compute_sum(f"{edit.id}\0{number}", body))
    connection.execute("INSERT OR REPLACE INTO locals VALUES (?, ?, ?, ?)", values)
    return f"0-{number}"


def delete_local(connection: sqlite3.Connection, doc_id: str) -> None:
    connection.execute("DELETE FROM locals WHERE id = ?", (doc_id,))


def write_security(connection: sqlite3.Connection, security: bytes) -> None:
    state = State.read(connection)
    state.security = security
    state.write(connection)


def purge(
    connection: sqlite3.Connection, wanted: Mapping[str, Sequence[str]]
) -> tuple[int, dict[str, list[str]]]:
    """Forget leaves as if they had never been; what replication is asked, it does not know them."""
    state = State.read(connection)
    purged: dict[str, list[str]] = {}
    for doc_id, revs in wanted.items():
        stored = find(connection, doc_id)
        tree, removed = (
            trees.remove(stored.tree, [check_rev(rev) for rev in revs]) if stored.row else ({}, [])
        )
        purged[doc_id] = removed
        if not removed:
            continue
        state.purge_seq += 1
        values = (state.purge_seq, doc_id, compute_sum(f"{state.purge_seq}", doc_id.encode()))
        connection.execute("INSERT INTO purges VALUES (?, ?, ?)", values)
        forget_bodies(connection, stored.tree, tree)
        if tree:
            save(connection, state, doc_id, tree, stored)
            continue
        connection.execute("DELETE FROM docs WHERE row = ?", (stored.row,))
        state.seq += 1
        state.live -= not stored.deleted
        state.dead -= stored.deleted
    state.write(connection)
    return state.purge_seq, purged


def drop_old_bodies(connection: sqlite3.Connection) -> None:
    """Forget the text of every revision that has descendants, and blobs nobody names."""
    keep = connection.execute(f"SELECT {COLUMNS} FROM docs WHERE instr(tree, x'5D2C5B')")  # noqa: S608  "],["
    for found in keep.fetchall():
        row = DocumentRow(*found).check()
        tree = trees.decode(row.tree)
        ends = set(trees.leaves(tree))
        old = [rev for rev, node in tree.items() if node.body and rev not in ends]
        if not old:
            continue
        connection.executemany("DELETE FROM bodies WHERE key = ?", [(tree[rev].body,) for rev in old])
        for rev in old:
            tree[rev] = tree[rev]._replace(body=0)
        row = row._replace(tree=trees.encode(tree))
        values = (row.tree, row.compute_sum(), row.id)
        connection.execute("UPDATE docs SET tree = ?, sum = ? WHERE id = ?", values)
    for kept in connection.execute("SELECT body, digests, sum FROM bodies WHERE digests IS NOT NULL"):
        check_body(*kept)
    connection.execute(
        "DELETE FROM blobs WHERE digest NOT IN "
        "(SELECT value FROM bodies, json_each(bodies.digests) WHERE digests IS NOT NULL)"
    )


def shrink(connection: sqlite3.Connection) -> None:
    """Give freed pages back, and leave nothing of them in the log."""
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def compact(database: Database) -> None:
    """Start compaction; `database.compacting` is true until it is done."""
    database.compacting = True
    database.submit(drop_old_bodies)

    def finish(connection: sqlite3.Connection) -> None:
        try:
            shrink(connection)
        finally:
            database.compacting = False

    database.submit(finish, alone=True)
