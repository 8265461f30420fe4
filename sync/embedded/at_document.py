"""What is asked of documents: one, many at once, local ones, attachments."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from starlette.responses import Response

from sync.embedded.answers import answer, answer_json, answer_pieces
from sync.embedded.at_database import read_shape
from sync.embedded.documents import (
    MOST_DOCUMENTS,
    Edit,
    check_id,
    check_rev,
    encode,
    parse_edit,
    parse_json,
)
from sync.embedded.errors import BadRequest, Conflict, NotFound, TooLarge
from sync.embedded.instance import Instance, Open
from sync.embedded.reading import (
    Found,
    Shape,
    read_attachment,
    read_document,
    read_local,
    read_open_revs,
)
from sync.embedded.requests import Call
from sync.embedded.writing import Outcome, write_edits, write_local
from sync.embedded.writing import delete_local as forget_local

T = TypeVar("T")
TOGETHER = 100
"""Documents of a `_bulk_get` put together at a time: the same one may be asked for many times."""
PRINTABLE = re.compile(r"[\x20-\x7e]{1,200}")


async def _write(opened: Open, work: Callable[[sqlite3.Connection], T]) -> T:
    return await asyncio.wrap_future(opened.database.submit(work))


async def _save(opened: Open, call: Call, edits: Sequence[Edit], replicated: bool) -> list[Outcome]:
    def work(connection: sqlite3.Connection) -> list[Outcome]:
        def judge(connection: Any, state: Any, drafts: Any, stored: Any) -> Any:
            return opened.guard.judge(call.user, connection, state, drafts, stored)

        return write_edits(connection, edits, judge, replicated)

    return await _write(opened, work)


async def _save_one(opened: Open, call: Call, edit: Edit, replicated: bool = False) -> Response:
    (outcome,) = await _save(opened, call, [edit], replicated)
    if outcome.refusal is not None:
        raise outcome.refusal
    status = 200 if edit.deleted and call.method == "DELETE" else 201
    headers = {"ETag": f'"{outcome.rev}"'}
    return answer({"ok": True, "id": outcome.id, "rev": outcome.rev}, status, headers)


async def get(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    doc_id, shape = check_id(call.segments[1]), read_shape(call)
    if "open_revs" in call.params:
        return await _get_open_revs(instance, opened, call, doc_id, shape)
    rev = call.text("rev")

    def read() -> Found:
        with opened.database.reading() as connection:
            return read_document(connection, doc_id, check_rev(rev) if rev else None, shape)

    found = await instance.run(read)
    etag = f'"{found.rev}"'
    if shape.bare and call.request.headers.get("if-none-match") == etag:
        return Response(None, 304, {"ETag": etag})
    return answer_json(found.json + b"\n", headers={"ETag": etag})


async def _get_open_revs(instance: Instance, opened: Open, call: Call, doc_id: str, shape: Shape) -> Response:
    revs = None if call.text("open_revs") == "all" else call.value("open_revs")
    if revs is not None and not isinstance(revs, list):
        raise BadRequest("open_revs is a JSON array of revisions, or all")
    wanted = None if revs is None else [check_rev(rev) for rev in revs]

    def read() -> list[Found | str]:
        with opened.database.reading() as connection:
            return read_open_revs(connection, doc_id, wanted, shape)

    items = await instance.run(read)
    rows = [
        b'{"missing":%b}' % encode(item) if isinstance(item, str) else b'{"ok":%b}' % item.json
        for item in items
    ]
    return answer_json(b"[" + b",".join(rows) + b"]\n")


async def put(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    value = await call.fields()
    rev = _read_rev(call)
    if rev is not None:
        if value.get("_rev", rev) != rev:
            raise BadRequest("Document rev from request body and query string have different values")
        value = {**value, "_rev": rev}
    replicated = not call.flag("new_edits", True)
    return await _save_one(opened, call, parse_edit(value, call.segments[1]), replicated)


async def post(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    value = await call.fields()
    edit = parse_edit(value, None if "_id" in value else secrets.token_hex(16))
    return await _save_one(opened, call, edit)


async def delete(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    rev = _read_rev(call)
    doc_id = check_id(call.segments[1])
    if rev is None:
        shape = read_shape(call)

        def read() -> Found:
            with opened.database.reading() as connection:
                return read_document(connection, doc_id, None, shape)

        await instance.run(read)
        raise Conflict
    return await _save_one(opened, call, Edit(doc_id, [rev], True, {}, {}))


def _read_rev(call: Call) -> str | None:
    rev = call.text("rev")
    given = call.request.headers.get("if-match")
    if rev is None and given is not None:
        rev = given.strip('"')
    if rev is None:
        return None
    return rev if call.segments[1].startswith("_local/") else check_rev(rev)


async def bulk_docs(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    fields = await call.fields()
    docs = fields.get("docs")
    if not isinstance(docs, list):
        raise BadRequest("POST body must include `docs` parameter.")
    if len(docs) > MOST_DOCUMENTS:
        raise TooLarge("the request holds too many documents")
    new_edits = fields.get("new_edits", True)
    if not isinstance(new_edits, bool):
        raise BadRequest("`new_edits` must be a boolean.")
    edits = [_parse_bulk(doc) for doc in docs]
    local = [edit for edit in edits if edit.id.startswith("_local/")]
    edits = [edit for edit in edits if not edit.id.startswith("_local/")]
    rows: list[dict[str, Any]] = []
    for outcome in await _save(opened, call, edits, not new_edits):
        if outcome.refusal is not None:
            rev = {} if new_edits else {"rev": outcome.rev}
            rows.append({"id": outcome.id, **rev, **outcome.refusal.body()})
        elif new_edits:
            rows.append({"ok": True, "id": outcome.id, "rev": outcome.rev})
    for edit in local:
        rows.append({"ok": True, "id": edit.id, "rev": await _write(opened, partial(_write_local, edit))})
    return answer(rows, 201)


def _write_local(edit: Edit, connection: sqlite3.Connection) -> str:
    return write_local(connection, edit)


def _parse_bulk(doc: Any) -> Edit:
    if isinstance(doc, dict) and "_id" not in doc:
        return parse_edit(doc, secrets.token_hex(16))
    return parse_edit(doc)


async def bulk_get(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    asked = (await call.fields()).get("docs")
    if not isinstance(asked, list):
        raise BadRequest("Missing JSON list of 'docs'.")
    if not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in asked):
        raise BadRequest("Each of 'docs' must be an object with an id.")
    shape = read_shape(call)

    def produce() -> Iterator[bytes]:
        with opened.database.reading() as connection:
            yield b'{"results":['
            for start in range(0, len(asked), TOGETHER):
                rows = [_read_bulk(connection, item, shape) for item in asked[start : start + TOGETHER]]
                yield (b"," if start else b"") + b",".join(rows)
            yield b"]}\n"

    return await answer_pieces(instance, produce(), len(asked) <= TOGETHER)


def _read_bulk(connection: sqlite3.Connection, item: dict[str, Any], shape: Shape) -> bytes:
    doc_id, rev = item["id"], item.get("rev")
    try:
        wanted = None if rev is None else [check_rev(rev)]
        found = read_open_revs(connection, doc_id, wanted, shape)
    except NotFound:
        found = ["undefined"]
    except BadRequest as refusal:
        error = {"id": doc_id, "rev": rev, **refusal.body()}
        return b'{"id":%b,"docs":[{"error":%b}]}' % (encode(doc_id), encode(error))
    rows: list[bytes] = []
    for one in found:
        if isinstance(one, str):
            error = {"id": doc_id, "rev": one, "error": "not_found", "reason": "missing"}
            rows.append(b'{"error":%b}' % encode(error))
        else:
            rows.append(b'{"ok":%b}' % one.json)
    return b'{"id":%b,"docs":[%b]}' % (encode(doc_id), b",".join(rows))


async def get_local(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])

    def read() -> bytes:
        with opened.database.reading() as connection:
            return read_local(connection, call.segments[1])

    return answer_json(await instance.run(read) + b"\n")


async def put_local(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    edit = parse_edit(await call.fields(), call.segments[1])
    rev = await _write(opened, partial(_write_local, edit))
    return answer({"ok": True, "id": edit.id, "rev": rev}, 201)


async def delete_local(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    doc_id = call.segments[1]

    def work(connection: sqlite3.Connection) -> None:
        read_local(connection, doc_id)
        forget_local(connection, doc_id)

    await _write(opened, work)
    return answer({"ok": True, "id": doc_id, "rev": "0-0"})


async def get_attachment(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    doc_id, name, rev = call.segments[1], "/".join(call.segments[2:]), call.text("rev")

    def read() -> tuple[dict[str, Any], bytes]:
        with opened.database.reading() as connection:
            return read_attachment(connection, doc_id, rev, name)

    stub, data = await instance.run(read)
    # The type is the sender's word: a browser must neither guess another nor run what it is.
    kind = stub["content_type"]
    headers = {
        "Content-Type": kind if PRINTABLE.fullmatch(kind) else "application/octet-stream",
        "ETag": f'"{stub["digest"][4:]}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return Response(data, 200, headers)


async def put_attachment(instance: Instance, call: Call) -> Response:
    data = await call.read()
    kind = call.request.headers.get("content-type", "application/octet-stream")
    return await _change_attachments(instance, call, (kind, data))


async def delete_attachment(instance: Instance, call: Call) -> Response:
    return await _change_attachments(instance, call, None)


async def _change_attachments(instance: Instance, call: Call, new: tuple[str, bytes] | None) -> Response:
    opened = await instance.get(call.segments[0])
    doc_id, name, rev = check_id(call.segments[1]), "/".join(call.segments[2:]), _read_rev(call)

    def read() -> dict[str, Any]:
        with opened.database.reading() as connection:
            try:
                found = read_document(connection, doc_id, rev, Shape())
            except NotFound:
                if rev is not None or new is None:
                    raise
                return {}
            stored: dict[str, Any] = parse_json(found.json)
            return stored

    value = await instance.run(read)
    attachments = dict(value.get("_attachments", {}))
    if new is None:
        if attachments.pop(name, None) is None:
            raise NotFound("Document is missing attachment")
    else:
        attachments[name] = {"content_type": new[0], "data": base64.b64encode(new[1]).decode()}
    value = {**value, "_attachments": attachments}
    if rev is None:
        value.pop("_rev", None)
    response = await _save_one(opened, call, parse_edit(value, doc_id))
    response.status_code = 201 if new is not None else 200
    return response
