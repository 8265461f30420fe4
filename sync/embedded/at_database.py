"""What is asked of one database: information, lists, changes, security, upkeep."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response, StreamingResponse

from sync.embedded.access import parse_security
from sync.embedded.answers import answer, answer_json, answer_pieces
from sync.embedded.database import State
from sync.embedded.documents import check_rev
from sync.embedded.errors import BadRequest, NotFound, NotImplementedHere
from sync.embedded.instance import Instance, Open
from sync.embedded.lists import ListQuery, iterate_list
from sync.embedded.reading import Changes, ChangesQuery, Shape, diff_revs, read_changes
from sync.embedded.requests import Call
from sync.embedded.writing import compact as start_compaction
from sync.embedded.writing import purge as purge_revisions
from sync.embedded.writing import write_security

PAGE = 1000
"""Rows of changes read at a time."""
LONGEST_WAIT = 60_000
"""Milliseconds a long poll waits when it does not say."""


def read_state(opened: Open) -> State:
    with opened.database.reading() as connection:
        return State.read(connection)


def read_security(opened: Open) -> bytes:
    return read_state(opened).security


def read_shape(call: Call) -> Shape:
    return Shape(
        revs=call.flag("revs"),
        revs_info=call.flag("revs_info"),
        conflicts=call.flag("conflicts") or call.flag("meta"),
        deleted_conflicts=call.flag("deleted_conflicts") or call.flag("meta"),
        attachments=call.flag("attachments"),
        latest=call.flag("latest"),
    )


async def describe(instance: Instance, name: str) -> dict[str, Any]:
    """What CouchDB tells about a database. :raises NotFound: there is none."""
    opened = await instance.get(name)

    def read() -> tuple[State, int, int]:
        with opened.database.reading() as connection:
            state = State.read(connection)
            sizes = [
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            ]
        return state, sizes[0] * sizes[2], (sizes[0] - sizes[1]) * sizes[2]

    state, file, active = await instance.run(read)
    return {
        "instance_start_time": str(state.created),
        "db_name": name,
        "purge_seq": state.format_seq(state.purge_seq),
        "update_seq": state.format_seq(state.seq),
        "sizes": {"file": file, "external": active, "active": active},
        "props": {},
        "doc_del_count": state.dead,
        "doc_count": state.live,
        "disk_format_version": 8,
        "compact_running": opened.database.compacting,
        "cluster": {"q": 2, "n": 1, "w": 1, "r": 1},
    }


async def info(instance: Instance, call: Call) -> Response:
    return answer(await describe(instance, call.segments[0]))


async def create(instance: Instance, call: Call) -> Response:
    await instance.create(call.segments[0])
    return answer({"ok": True}, 201)


async def delete(instance: Instance, call: Call) -> Response:
    await instance.delete(call.segments[0])
    return answer({"ok": True})


async def all_docs(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    if call.method == "POST":
        call.merge(await call.fields())
    query = ListQuery.read(call, read_shape(call))

    def produce() -> Iterator[bytes]:
        with opened.database.reading() as connection:
            yield from iterate_list(connection, query)

    most = query.limit if query.keys is None else min(query.limit, len(query.keys))
    return await answer_pieces(instance, produce(), most <= PAGE)


async def changes(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    fields: dict[str, Any] = {}
    if call.method == "POST":
        body = await call.json() if call.request.headers.get("content-length") != "0" else {}
        fields = body if isinstance(body, dict) else {}
    feed = call.text("feed") or "normal"
    if feed not in ("normal", "longpoll"):
        raise NotImplementedHere(f"The embedded store has no {feed} feed of changes.")
    doc_ids = _read_doc_ids(call, fields)
    state = await instance.run(lambda: read_state(opened))
    since = call.text("since") or call.request.headers.get("last-event-id") or "0"
    query = ChangesQuery(
        since=state.seq if since == "now" else state.parse_seq(since),
        limit=max(call.integer("limit", 2**62), 1),
        descending=call.flag("descending"),
        all_leaves=call.text("style") == "all_docs",
        include_docs=call.flag("include_docs"),
        shape=read_shape(call),
        doc_ids=doc_ids,
    )
    if feed == "normal" and (query.descending or query.limit <= PAGE):
        return answer_json((await _read_changes(instance, opened, query)).encode())
    if feed == "normal":
        return StreamingResponse(_page(instance, opened, query), media_type="application/json")
    patience = Patience.read(call)
    nothing = Changes([], state.format_seq(query.since), 0)
    return StreamingResponse(_wait(instance, opened, query, patience, nothing), media_type="application/json")


def _read_doc_ids(call: Call, fields: dict[str, Any]) -> tuple[str, ...] | None:
    name = call.text("filter")
    if name is None:
        return None
    if name != "_doc_ids":
        raise NotImplementedHere(f"The embedded store has no filter {name} of changes.")
    ids = fields.get("doc_ids") if call.method == "POST" else call.value("doc_ids")
    if not isinstance(ids, list) or not all(isinstance(doc_id, str) for doc_id in ids):
        raise BadRequest("`doc_ids` filter parameter is not a list of doc ids.")
    return tuple(ids)


async def _read_changes(instance: Instance, opened: Open, query: ChangesQuery) -> Changes:
    def read() -> Changes:
        with opened.database.reading() as connection:
            return read_changes(connection, query)

    return await instance.run(read)


async def _page(instance: Instance, opened: Open, query: ChangesQuery) -> AsyncIterator[bytes]:
    """Changes page by page, so that a whole database never stands in memory."""
    yield b'{"results":[\n'
    left, found = query.limit, Changes([], "", 0)
    separator = b""
    while left:
        found = await _read_changes(instance, opened, replace(query, limit=min(left, PAGE)))
        if found.rows:
            yield separator + b",\n".join(found.rows)
            separator = b",\n"
        left -= len(found.rows)
        query = replace(query, since=found.last)
        if not found.pending or query.doc_ids is not None or len(found.rows) < PAGE:
            break
    yield found.encode_tail()


@dataclass(frozen=True)
class Patience:
    """Seconds until a long poll ends (None: at the next change), and between its newlines (0: none)."""

    timeout: float | None
    pause: float

    @classmethod
    def read(cls, call: Call) -> Patience:
        """:raises BadRequest: a parameter of the wrong kind."""
        pause = LONGEST_WAIT if call.text("heartbeat") == "true" else call.integer("heartbeat", 0)
        timeout = min(call.integer("timeout", LONGEST_WAIT), LONGEST_WAIT)
        return cls(None if pause and "timeout" not in call.params else timeout / 1000, pause / 1000)


async def _wait(
    instance: Instance, opened: Open, query: ChangesQuery, patience: Patience, found: Changes
) -> AsyncIterator[bytes]:
    """Newlines while nothing changes, then the changes; nothing changed is an answer as well.

    So is the end of the database, as in CouchDB.
    """
    loop = asyncio.get_running_loop()
    end = None if patience.timeout is None else loop.time() + patience.timeout
    while True:
        event = opened.changed
        try:
            found = await _read_changes(instance, opened, query)
        except NotFound:
            yield found.encode()
            return
        left = None if end is None else end - loop.time()
        if found.rows or (left is not None and left <= 0):
            yield found.encode()
            return
        try:
            wait = min([span for span in (left, patience.pause or None) if span is not None])
            await asyncio.wait_for(event.wait(), wait)
        except TimeoutError:
            if patience.pause:
                yield b"\n"


async def revs_diff(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    asked = _read_revs(await call.fields())

    def read() -> dict[str, Any]:
        with opened.database.reading() as connection:
            return diff_revs(connection, asked)

    return answer(await instance.run(read))


def _read_revs(fields: dict[str, Any]) -> dict[str, list[str]]:
    for revs in fields.values():
        if not isinstance(revs, list):
            raise BadRequest("Request body must map ids to lists of revisions")
        for rev in revs:
            check_rev(rev)
    return fields


async def get_security(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    return answer_json(await instance.run(lambda: read_security(opened)) + b"\n")


async def put_security(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    await _check_admin(instance, opened, call)
    security = parse_security(await call.read())
    await asyncio.wrap_future(opened.database.submit(lambda connection: write_security(connection, security)))
    return answer({"ok": True})


async def purge(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    await _check_admin(instance, opened, call)
    wanted = _read_revs(await call.fields())

    def work(connection: sqlite3.Connection) -> dict[str, Any]:
        number, purged = purge_revisions(connection, wanted)
        return {"purge_seq": State.read(connection).format_seq(number), "purged": purged}

    return answer(await asyncio.wrap_future(opened.database.submit(work)), 201)


async def compact(instance: Instance, call: Call) -> Response:
    opened = await instance.get(call.segments[0])
    await _check_admin(instance, opened, call)
    start_compaction(opened.database)
    return answer({"ok": True}, 202)


async def ensure_full_commit(instance: Instance, call: Call) -> Response:
    """Nothing is left to do: every answered write is on the disk."""
    opened = await instance.get(call.segments[0])
    state = await instance.run(lambda: read_state(opened))
    return answer({"ok": True, "instance_start_time": str(state.created)}, 201)


async def _check_admin(instance: Instance, opened: Open, call: Call) -> None:
    security = await instance.run(lambda: read_security(opened))
    call.user.check_database_admin(security)
