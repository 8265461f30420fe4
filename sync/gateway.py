"""The replication protocol for phones: ``/sync/{database}/…``, an allow-list and nothing beside it.

Who asks is told by `identify`; that person reaches the database of the own unit and no other, and whether
another exists cannot be learnt. Into the database of the unit's photos phones write, and read nothing there.
Requests go on under CouchDB's proxy authentication, so that `_security` and the validators are a second wall.
Reads stream through; writes are read whole and checked (`sync.gateway_writes`, `sync.photo_writes`). Every
error is JSON ``{"error", "reason"}`` with a code of `sync.gateway_errors`.
"""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sync import gateway_body as bodies
from sync.checks import Writer
from sync.clocks import text_of
from sync.gateway_answers import PACKED, pass_on, send_bytes, send_json, takes_gzip, unless_gone
from sync.gateway_errors import RETRY_SECONDS, GatewayError
from sync.gateway_lookup import Batch
from sync.gateway_paths import Operation, Target, read_path
from sync.gateway_upstream import Upstream
from sync.gateway_writes import Writes
from sync.heirs import last_heir
from sync.ledger import Ledger
from sync.names import PHOTOS, Names
from sync.photo_writes import PhotoWrites
from sync.quarantine import Bringer, Refused
from sync.snapshot import Snapshots
from sync.store import Document, Store, StoreError

TIME_HEADER = "X-GTN-Time"
NEXT_HEADER, END_HEADER = b"x-gtn-next", b"x-gtn-end"
"""Told before a chunk itself: where the next one begins, or, after the last, where replication goes on."""
_FORGED = b"x-auth-couchdb-"
_OVERRIDES = frozenset({b"x-http-method-override", b"x-http-method", b"x-method-override"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks: ids as in ``person:…`` and ``device:…``, codes of unit and ward, what the role allows."""

    person: str
    unit: str
    ward: str
    device: str
    may_record: bool
    may_amend_others: bool
    left: tuple[str, ...] = ()
    """Codes of units that they left a short while ago: what was recorded there may still come, for review.
    Whoever has left altogether has no `unit`."""
    heirs: Mapping[str, str] = field(default_factory=dict, compare=False)
    """In which unit each merged one of the ward goes on: what comes late for it is taken there."""


@dataclass(frozen=True, slots=True)
class Late:
    """What comes for the unit that is `named` goes on in `unit`, as any write there or for `review`.

    `photos`: into the database of its photos.
    """

    named: str
    unit: str
    review: bool
    photos: bool = False


Identify = Callable[[Request], Awaitable[Caller | None]]
"""Who asks; None for nobody, or raises `GatewayError` with the reason that a device may be told."""
Sentence = Callable[[Request, str], str]


class Gateway:
    """An ASGI application to be mounted at `mount`; it works between `start` and `stop`, or within `running`.

    :param sentence: the reader's words for a message key, ``error.<code>`` or ``refused.<code>``.
    :param on_written: called with the store's name of a database after documents were accepted there.
    :param on_taken: called with the number of documents written and the codes of those refused, by batch.
    :param on_answered: called with a device and the number of documents about which it is told now.
    """

    def __init__(
        self,
        store: Store,
        names: Names,
        *,
        identify: Identify,
        sentence: Sentence,
        on_written: Callable[[str], None] | None = None,
        on_answered: Callable[[str, int], None] | None = None,
        on_taken: Callable[[int, Sequence[str]], None] | None = None,
        mount: str = "/sync",
    ) -> None:
        self._names = names
        self._identify = identify
        self._sentence = sentence
        self._on_written = on_written
        self._on_answered = on_answered
        self._on_taken = on_taken
        self._mount = mount
        self._upstream = Upstream(store)
        self._snapshots = Snapshots(self._upstream)
        ledger = Ledger(store, names)
        self._writes = Writes(self._upstream, store, names, ledger)
        self._photo_writes = PhotoWrites(self._upstream, store, names, ledger)

    async def start(self) -> None:
        await self._upstream.__aenter__()

    async def stop(self) -> None:
        await self._upstream.__aexit__(None, None, None)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            await self._serve(request, send)
        except GatewayError as error:
            if error.status >= 500:
                log.warning("gateway failed", path=request.url.path, code=error.code, detail=error.detail)
            await self._refuse(request, error)(scope, receive, send)
        except ClientDisconnect:
            return

    async def _serve(self, request: Request, send: Send) -> None:
        target = self._read_target(request)
        caller = await self._identify(request)
        if caller is None:
            raise GatewayError("signed-out")
        late = self._late(caller, target.database) if target.operation == "_bulk_docs" else None
        if not caller.unit and late is None:
            raise GatewayError("access-ended")
        if target.operation == "welcome":
            await send_json(send, 200, {"couchdb": "Welcome", "vendor": {"name": "go-tung-nha"}})
            return
        place = late or self._own(caller, target.database, target.operation)
        if target.operation == "_bulk_docs":
            await self._write(request, send, caller, place)
        elif target.operation == "_local":
            await self._checkpoint(request, send, caller, target)
        elif target.operation == "_snapshot":
            await self._snapshot(request, send, caller, target)
        else:
            await self._read(request, send, caller, target)

    def _own(self, caller: Caller, database: str, operation: Operation = "_bulk_docs") -> Late:
        """:raises GatewayError: ``not-yours``, also for reading photos by replication."""
        ward = self._names.ward(caller.ward)
        photos = bool(caller.unit) and database == ward.photos_address(caller.unit)
        if not caller.unit or (operation != "_bulk_docs" if photos else database != ward.role(caller.unit)):
            raise GatewayError("not-yours")
        return Late(caller.unit, caller.unit, False, photos)

    def _late(self, caller: Caller, database: str) -> Late | None:
        """Where late records go: of a unit that was merged, or that the caller has left."""
        ward, photos = self._names.ward(caller.ward), database.endswith(PHOTOS)
        units = {ward.role(unit): unit for unit in (*caller.left, *caller.heirs)}
        named = units.get(database.removesuffix(PHOTOS))
        if named is None or named == caller.unit:
            return None
        unit = last_heir(caller.heirs, named)
        if unit == caller.unit:
            return Late(named, unit, False, photos)
        return Late(named, unit, True, photos) if {named, unit} & {*caller.left} else None

    def _read_target(self, request: Request) -> Target:
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        target = read_path(raw.partition(b"?")[0], self._mount)
        if target is None:
            raise GatewayError("not-found")
        names = [name for name, _ in request.scope["headers"]]
        if any(name.startswith(_FORGED) for name in names):
            raise GatewayError("not-found")
        if request.method not in target.methods or not _OVERRIDES.isdisjoint(names):
            raise GatewayError("method-not-allowed", allow=target.methods)
        return target

    # -- reading ------------------------------------------------------------------------------------

    async def newest(self, person: str, ward: str, unit: str) -> str:
        """Where a unit's database stands, asked in the name of someone of the unit.

        :raises GatewayError: ``store-unavailable``.
        """
        names = self._names.ward(ward)
        path = f"/{names.unit(unit)}"
        status, info = await self._upstream.ask(person, names.role(unit), "GET", path)
        if status != 200:
            raise GatewayError("store-unavailable", f"{status} from {path}")
        return str(info["update_seq"])

    async def _read(self, request: Request, send: Send, caller: Caller, target: Target) -> None:
        query = bodies.read_query(request, target)
        body = await self._read_question(request, target, query)
        path = self._path(caller)
        if target.operation != "info":
            path += f"/{target.operation}{bodies.encode_query(query)}"
        opening = self._upstream.open(*self._signed(caller), request.method, path, body)
        polls = query.get("feed") == "longpoll"
        response = await (unless_gone(request, opening) if polls else opening)
        try:
            if polls:
                await pass_on(response, self._while_same(request, caller, send), packed=False)
            else:
                await pass_on(response, send, packed=takes_gzip(request))
        finally:
            response.close() if not response.content.at_eof() else response.release()

    async def _snapshot(self, request: Request, send: Send, caller: Caller, target: Target) -> None:
        """A chunk of the first sync; where the next begins is told first, to be asked for early."""
        since = bodies.read_query(request, target).get("since", "0")
        chunk = await self._snapshots.chunk(*self._signed(caller), self._path(caller), since)
        more = [(NEXT_HEADER if chunk.pending else END_HEADER, chunk.last_seq.encode())]
        if takes_gzip(request):
            await send_bytes(send, 200, chunk.packed, [*more, *PACKED])
        else:
            await send_bytes(send, 200, gzip.decompress(chunk.packed), more)

    async def _check_same(self, request: Request, caller: Caller) -> None:
        """A body may take minutes to come: whoever has lost the right meanwhile writes nothing.

        :raises GatewayError: with the reason; ``store-unavailable``, to come again, for whoever was moved.
        """
        now = await self._identify(request)
        if now is None:
            raise GatewayError("signed-out")
        if now != caller:
            raise GatewayError("store-unavailable", "the caller's rights have changed")

    def _while_same(self, request: Request, caller: Caller, send: Send) -> Send:
        """`send`, cut short once the device was revoked or its person moved while the answer was awaited."""
        begun = False

        async def onward(message: Message) -> None:
            nonlocal begun
            ended = GatewayError("signed-out")
            try:
                same = await self._identify(request) == caller
            except StoreError:
                same = False  # who may not be known now is told nothing; the phone asks again
            except GatewayError as error:
                same, ended = False, error
            if not same:
                raise ClientDisconnect if begun else ended
            begun = True
            await send(message)

        return onward

    async def _read_question(self, request: Request, target: Target, query: dict[str, str]) -> bytes | None:
        """The body of a reading request, in our words; None for GET."""
        if request.method == "GET":
            if "filter" in query:
                raise GatewayError("bad-request")
            return None
        if target.operation == "_bulk_get":
            return msgspec.json.encode(await bodies.read_json(request, bodies.BulkGet))
        if target.operation == "_revs_diff":
            return msgspec.json.encode(await bodies.read_json(request, bodies.RevsDiff))
        if "filter" in query:
            return msgspec.json.encode(await bodies.read_json(request, bodies.DocIds))
        await bodies.read_json(request, dict[str, Any])
        return b"{}"

    async def _checkpoint(self, request: Request, send: Send, caller: Caller, target: Target) -> None:
        """A device's own `_local` document; in the store its name begins with the device."""
        stored = f"_local/{caller.device}.{target.id}"
        body: dict[str, Any] | None = None
        if request.method == "PUT":
            body = {**await bodies.read_json(request, dict[str, Any], bodies.LARGEST_LOCAL)}
            body["_id"] = stored
        path = f"{self._path(caller)}/_local/{quote(f'{caller.device}.{target.id}', safe=':')}"
        status, answer = await self._upstream.ask(*self._signed(caller), request.method, path, body)
        if status not in (200, 201):
            raise GatewayError("not-found" if status == 404 else "bad-request")
        for name in ("_id", "id"):
            if name in answer:
                answer[name] = f"_local/{target.id}"
        await send_json(send, status, answer)

    # -- writing ------------------------------------------------------------------------------------

    async def _write(self, request: Request, send: Send, caller: Caller, place: Late) -> None:
        """Into the caller's unit; for one that they have left, into the quarantine."""
        body: bodies.BulkDocs = await bodies.read_json(request, bodies.BulkDocs)
        if body.new_edits:
            raise GatewayError("bad-request", "new_edits must be false")
        await self._check_same(request, caller)
        at = text_of(datetime.now(UTC))
        _, refused = await self._take(caller, place, body.docs, at)
        if self._on_answered is not None:
            self._on_answered(caller.device, len({document["_id"] for document in body.docs}))
        answer = [
            {
                "id": one.id,
                "rev": one.rev,
                "error": "forbidden",
                "code": one.why,
                "reason": self._sentence(request, f"refused.{one.why}"),
            }
            for one in refused
        ]
        await send_json(send, 201, answer, {TIME_HEADER: at})

    async def bring(
        self, caller: Caller, database: str, documents: Sequence[Document]
    ) -> tuple[int, list[Refused]]:
        """What a phone could not send itself, taken as if it had: how many documents were written, and the
        refused ones, which are in quarantine. What the store had already is neither.

        :param database: as phones name it.
        :raises GatewayError: ``not-yours`` where the caller may write nothing; else as `Writes.take`.
        """
        place = self._late(caller, database) or self._own(caller, database)
        return await self._take(caller, place, documents, text_of(datetime.now(UTC)))

    async def _take(
        self, caller: Caller, place: Late, documents: Sequence[Document], at: str
    ) -> tuple[int, list[Refused]]:
        ward, unit = self._names.ward(caller.ward), place.unit
        address = ward.photos_address(unit) if place.photos else ward.role(unit)
        bringer = Bringer(caller.person, caller.device, unit, address, at)
        writer = Writer(caller.person, unit, caller.may_record, caller.may_amend_others)
        path = "/" + (ward.photos(unit) if place.photos else ward.unit(unit))
        path = path if place.review else self._path(caller, place.photos)
        role = ward.role(unit) if place.review else self._signed(caller)[1]  # a second wall: who they are
        batch = Batch(caller.person, role, bringer, writer, ward, path, place.named, caller.heirs)
        writes = self._photo_writes if place.photos else self._writes
        take = writes.set_aside if place.review else writes.take
        written, refused = await take(batch, documents)
        if self._on_taken is not None:
            self._on_taken(written, [one.why for one in refused])
        if written and not place.photos and self._on_written is not None:
            self._on_written(ward.unit(unit))
        return written, refused

    # -- how ----------------------------------------------------------------------------------------

    def _path(self, caller: Caller, photos: bool = False) -> str:
        names = self._names.ward(caller.ward)
        return "/" + (names.photos(caller.unit) if photos else names.unit(caller.unit))

    def _signed(self, caller: Caller) -> tuple[str, str]:
        return caller.person, self._names.ward(caller.ward).role(caller.unit)

    def _refuse(self, request: Request, error: GatewayError) -> Response:
        reason = self._sentence(request, f"error.{error.code}")
        headers = {"Cache-Control": "no-store"}
        if error.code in RETRY_SECONDS:
            headers["Retry-After"] = str(RETRY_SECONDS[error.code])
        if error.allow:
            headers["Allow"] = ", ".join(error.allow)
        if error.code == "too-large":
            headers["Connection"] = "close"
        content = msgspec.json.encode({"error": error.code, "reason": reason})
        return Response(content, error.status, headers, "application/json")
