"""Design documents: their views, their validators, and what is checked when one is written."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sync.embedded.access import User
from sync.embedded.database import State
from sync.embedded.documents import compose, encode
from sync.embedded.errors import (
    BadRequest,
    DesignFailure,
    Forbidden,
    NotFound,
    NotImplementedHere,
    StoreError,
    Unauthorized,
)
from sync.embedded.javascript import CompilationFailure, Validator, check_function
from sync.embedded.sums import COLUMNS, DocumentRow
from sync.embedded.trees import has_text
from sync.embedded.writing import Draft, Stored, read_body

DESIGNS = "deleted = 0 AND id >= '_design/' AND id < '_design0'"
REDUCES = ("_sum", "_count", "_stats")
LANGUAGE = "javascript"
BATCH = 4_000_000
"""Bytes of documents handed to JavaScript at a time."""


@dataclass(frozen=True)
class View:
    """A view: `signature` names its rows, which depend on nothing but the map function."""

    name: str
    map: str
    reduce: str | None

    @property
    def signature(self) -> str:
        return hashlib.sha256(self.map.encode()).hexdigest()[:24]


def parse_views(fields: Mapping[str, Any]) -> dict[str, View]:
    """:raises BadRequest: a malformed `views` member."""
    views = fields.get("views") or {}
    if not isinstance(views, dict):
        raise BadRequest("`views` field must be an object", "invalid_design_doc")
    found: dict[str, View] = {}
    for name, item in views.items():
        if name == "lib":
            continue
        if not isinstance(item, dict) or not isinstance(item.get("map"), str):
            raise BadRequest(f"`map` field of view `{name}` must be a string", "invalid_design_doc")
        found[name] = View(name, item["map"], item.get("reduce"))
    return found


def check_design(fields: Mapping[str, Any]) -> None:
    """Refuse a design document whose views do not compile, in CouchDB's words.

    One in another language is kept, since replication may bring it, but none of its views runs.

    :raises BadRequest: malformed, or not JavaScript.
    """
    if fields.get("language", LANGUAGE) != LANGUAGE:
        return
    for view in parse_views(fields).values():
        try:
            check_function(view.map)
        except CompilationFailure as failure:
            reason = f"Compilation of the map function in the '{view.name}' view failed: {failure.reason}"
            raise BadRequest(reason, "compilation_error") from None


def read_design(connection: sqlite3.Connection, name: str) -> dict[str, Any]:
    """:raises NotFound: no such design document."""
    sql = f"SELECT {COLUMNS} FROM docs WHERE id = ?"  # noqa: S608
    found = connection.execute(sql, (f"_design/{name}",)).fetchone()
    if not found:
        raise NotFound("missing")
    row = DocumentRow(*found).check()
    if row.deleted:
        raise NotFound("deleted")
    fields: dict[str, Any] = msgspec.json.decode(read_body(connection, row.body))
    if fields.get("language", LANGUAGE) != LANGUAGE:
        raise NotImplementedHere("The embedded store runs design documents in JavaScript only.")
    return fields


def all_signatures(connection: sqlite3.Connection) -> set[str]:
    """The rows any design document still needs."""
    kept: set[str] = set()
    for fields in _read_designs(connection):
        if fields.get("language", LANGUAGE) != LANGUAGE:
            continue
        kept.update(view.signature for view in parse_views(fields).values())
    return kept


def _read_designs(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    found = connection.execute(f"SELECT {COLUMNS} FROM docs WHERE {DESIGNS} ORDER BY id").fetchall()  # noqa: S608
    rows = [DocumentRow(*one).check() for one in found]
    return [msgspec.json.decode(read_body(connection, row.body)) for row in rows]


class Guard:
    """The validators of one database, compiled once for each text of them. For the writer's thread."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._loaded: list[tuple[str, str]] = []
        self._validators: dict[str, Validator] = {}

    def judge(
        self,
        user: User,
        connection: sqlite3.Connection,
        state: State,
        drafts: Sequence[Draft],
        stored: Mapping[str, Stored],
    ) -> list[StoreError | None]:
        """For each draft null or its refusal: Forbidden, Unauthorized.

        :raises StoreError: a validator that fails otherwise refuses the whole request, as in CouchDB.
        """
        verdicts: list[StoreError | None] = [None] * len(drafts)
        judged: list[int] = []
        for index, draft in enumerate(drafts):
            if not draft.edit.id.startswith("_design/"):
                judged.append(index)
                continue
            verdicts[index] = judge_design(user, state.security, draft)
        self._load(connection)
        if not self._validators or not judged:
            return verdicts
        context = b"[%s,%s]" % (encode(user.context(self._database)), state.security)
        pairs = [(index, _pair(connection, drafts[index], stored)) for index in judged]
        for validator in self._validators.values():
            for batch in _batches([pair for pair in pairs if verdicts[pair[0]] is None]):
                text = b"[" + b",".join([json for _, json in batch]) + b"]"
                for (index, _), verdict in zip(batch, validator.judge(text, context), strict=True):
                    verdicts[index] = _refusal(verdict)
        return verdicts

    def _load(self, connection: sqlite3.Connection) -> None:
        """Named by their revisions, not by a sequence: one that was rolled back is given out again."""
        sql = f"SELECT id, rev FROM docs WHERE {DESIGNS} ORDER BY id"  # noqa: S608
        present = connection.execute(sql).fetchall()
        if present == self._loaded:
            return
        sources: list[str] = []
        for fields in _read_designs(connection):
            source = fields.get("validate_doc_update")
            if isinstance(source, str) and fields.get("language", LANGUAGE) == LANGUAGE:
                sources.append(source)
        self._validators = {text: self._validators.get(text) or Validator(text) for text in sources}
        self._loaded = present


def judge_design(user: User, security: bytes, draft: Draft) -> StoreError | None:
    """Design documents are for a database's administrators, and must compile."""
    if not user.is_database_admin(security):
        reason = "You are not a db or server admin."
        return Forbidden(reason) if user.name else Unauthorized(reason)
    if draft.edit.deleted:
        return None
    try:
        check_design(draft.edit.fields)
    except StoreError as refusal:
        return refusal
    return None


def _pair(connection: sqlite3.Connection, draft: Draft, stored: Mapping[str, Stored]) -> bytes:
    edit = draft.edit
    # As in CouchDB the new document carries the revision it was sent with, not the one it will get.
    if edit.rev is None:
        new = b'{"_id":' + encode(edit.id) + (b',"_deleted":true' if edit.deleted else b"")
        new += b',"_revisions":{"start":0,"ids":[]}' + (
            b"}" if draft.body == b"{}" else b"," + draft.body[1:]
        )
    else:
        new = compose(edit.id, edit.rev, edit.deleted, draft.body, _history(edit.path))
    old = b"null"
    tree = stored[edit.id].tree
    if draft.previous is not None and has_text(tree, draft.previous):
        node = tree[draft.previous]
        body = read_body(connection, node.body)
        old = compose(edit.id, draft.previous, node.deleted, body, _history([draft.previous]))
    return b"[%s,%s]" % (new, old)


def _history(path: list[str]) -> dict[str, Any]:
    start = int(path[0].partition("-")[0])
    return {"_revisions": {"start": start, "ids": [rev.partition("-")[2] for rev in path]}}


def _batches(pairs: Sequence[tuple[int, bytes]]) -> list[list[tuple[int, bytes]]]:
    batches: list[list[tuple[int, bytes]]] = []
    size = BATCH
    for pair in pairs:
        if size + len(pair[1]) > BATCH:
            batches.append([])
            size = 0
        batches[-1].append(pair)
        size += len(pair[1])
    return batches


def _refusal(verdict: list[str] | None) -> StoreError | None:
    if verdict is None:
        return None
    if verdict[0] == "forbidden":
        return Forbidden(verdict[1])
    if verdict[0] == "unauthorized":
        return Unauthorized(verdict[1])
    raise DesignFailure(verdict[2], verdict[1])
