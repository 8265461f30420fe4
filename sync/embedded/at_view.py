"""What is asked of a design document's views."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.responses import Response

from sync.embedded.answers import answer, answer_json
from sync.embedded.at_database import read_shape, read_state
from sync.embedded.design import REDUCES, View, all_signatures, parse_views, read_design
from sync.embedded.documents import encode
from sync.embedded.errors import BadRequest, NotFound, NotImplementedHere
from sync.embedded.instance import Instance, Open
from sync.embedded.queries import EXACT, Row, ViewQuery, reduce_rows, select_rows
from sync.embedded.reading import Shape, read_document
from sync.embedded.requests import MISSING, Call


async def query(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    if call.method == "POST":
        fields = await call.fields()
        if "queries" in fields:
            raise NotImplementedHere("The embedded store answers one view query at a time.")
        call.merge(fields)
    design, name = call.segments[1].removeprefix("_design/"), call.segments[3]

    def read() -> tuple[dict[str, View], int]:
        with opened.database.reading() as connection:
            views = parse_views(read_design(connection, design))
        return views, read_state(opened).seq

    views, seq = await instance.run(read)
    view = views.get(name)
    if view is None:
        raise NotFound("missing_named_view")
    await _bring_up(opened, list(views.values()), view, seq, call)
    reduce = call.flag("reduce", view.reduce is not None) and view.reduce
    if reduce:
        return await _answer_reduced(instance, opened, view, call)
    return await _answer_rows(instance, opened, view, call)


async def _bring_up(opened: Open, views: list[View], view: View, seq: int, call: Call) -> None:
    """All views of a design document are built in one pass, as in CouchDB."""
    update = call.text("update") or ("false" if call.text("stale") else "true")
    if update == "true":
        await asyncio.wrap_future(opened.indexer.update(views, seq))
        return
    await asyncio.wrap_future(opened.indexer.update([view], 0))
    if update == "lazy" or call.text("stale") == "update_after":
        opened.indexer.update(views, seq)


def read_query(call: Call) -> ViewQuery:
    """:raises BadRequest: a parameter of the wrong kind."""
    key, keys = call.value("key"), call.value("keys")
    if keys is not MISSING and not isinstance(keys, list):
        raise BadRequest("`keys` member must be an array.")
    start, end = call.value("startkey", "start_key"), call.value("endkey", "end_key")
    level: int | None = None
    if call.flag("group"):
        level = EXACT
    elif "group_level" in call.params:
        level = call.integer("group_level", 0) or None
    return ViewQuery(
        start=key if key is not MISSING else start,
        end=key if key is not MISSING else end,
        start_id=call.text("startkey_docid") or call.text("start_key_doc_id"),
        end_id=call.text("endkey_docid") or call.text("end_key_doc_id"),
        inclusive_end=call.flag("inclusive_end", True),
        keys=None if keys is MISSING else tuple(keys),
        descending=call.flag("descending"),
        skip=call.integer("skip", 0),
        limit=call.integer("limit", 2**62),
        group_level=level,
    )


async def _answer_reduced(instance: Instance, opened: Open, view: View, call: Call) -> Response:
    if view.reduce not in REDUCES:
        raise NotImplementedHere(f"The embedded store reduces with {', '.join(REDUCES)} only.")
    if call.flag("include_docs"):
        raise BadRequest("`include_docs` is invalid for reduce", "query_parse_error")
    asked, reduce = read_query(call), view.reduce

    def read() -> list[tuple[bytes, bytes]]:
        with opened.indexer.reading() as connection:
            return reduce_rows(connection, view.signature, reduce, asked)

    rows = [b'{"key":%b,"value":%b}' % row for row in await instance.run(read)]
    return answer_json(b'{"rows":[\n' + b",\n".join(rows) + b"\n]}\n")


async def _answer_rows(instance: Instance, opened: Open, view: View, call: Call) -> Response:
    if call.flag("group") or call.integer("group_level", 0):
        raise BadRequest("Invalid use of grouping on a map view.", "query_parse_error")
    asked, shape, docs = read_query(call), read_shape(call), call.flag("include_docs")

    def read() -> bytes:
        with opened.indexer.reading() as connection:
            total, offset, rows = select_rows(connection, view.signature, asked)
        lines = _add_docs(opened, rows, shape) if docs else [_encode_row(row) + b"}" for row in rows]
        return b'{"total_rows":%d,"offset":%d,"rows":[\n' % (total, offset) + b",\n".join(lines) + b"\n]}\n"

    return answer_json(await instance.run(read))


def _encode_row(row: Row) -> bytes:
    return b'{"id":%b,"key":%b,"value":%b' % (encode(row.id), row.key, row.value)


def _add_docs(opened: Open, rows: list[Row], shape: Shape) -> list[bytes]:
    lines: list[bytes] = []
    with opened.database.reading() as connection:
        for row in rows:
            doc_id, rev = _linked(row)
            try:
                doc = read_document(connection, doc_id, rev, shape).json
            except NotFound:
                doc = b"null"
            lines.append(_encode_row(row) + b',"doc":%b}' % doc)
    return lines


def _linked(row: Row) -> tuple[str, str | None]:
    """A value ``{"_id": …}`` asks for that document instead."""
    if b'"_id"' not in row.value:
        return row.id, None
    value: Any = msgspec.json.decode(row.value)
    if isinstance(value, dict) and isinstance(value.get("_id"), str):
        rev = value.get("_rev")
        return value["_id"], rev if isinstance(rev, str) else None
    return row.id, None


async def cleanup(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    call.user.check_server_admin()

    def read() -> set[str]:
        with opened.database.reading() as connection:
            return all_signatures(connection)

    kept = await instance.run(read)
    await asyncio.wrap_future(opened.indexer.forget_others(kept))
    return answer({"ok": True}, 202)
