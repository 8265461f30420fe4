"""A gateway on a real port before a real store, two units and their people; requests as raw as asked."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from server.roles import Permission, may
from sync.checks import Writer
from sync.gateway import Caller, Gateway
from sync.names import Names
from sync.store import Document, Store
from sync.units import prepare_server, prepare_unit, prepare_ward

WARD = "09562"
DEVICE = "device:01ARZ3NDEKTSV4RRFFQ69G5FAV"


def caller(person: str, role: str, unit: str, device: str) -> Caller:
    """Someone who replicates, with the rights that the table of roles gives."""
    return Caller(
        person=person,
        unit=unit,
        ward=WARD,
        device=device,
        may_record=may(role, Permission.RECORD_VISITS),
        may_amend_others=may(role, Permission.AMEND_OTHERS),
    )


def writer(person: str, role: str, unit: str) -> Writer:
    one = caller(person, role, unit, DEVICE)
    return Writer(one.person, one.unit, one.may_record, one.may_amend_others)


PEOPLE = {
    "hoa": caller("person:hoa", "volunteer", "tdp-07", DEVICE),
    "lan": caller("person:lan", "volunteer", "tdp-07", "device:01ARZ3NDEKTSV4RRFFQ69G5FAW"),
    "lead": caller("person:lead", "lead", "tdp-07", "device:01ARZ3NDEKTSV4RRFFQ69G5FAX"),
    "eve": caller("person:eve", "volunteer", "tdp-08", "device:01ARZ3NDEKTSV4RRFFQ69G5FAY"),
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Town:
    store: Store
    names: Names
    port: int
    written: list[str] = field(default_factory=list)

    @property
    def database(self) -> str:
        return self.names.unit(WARD, "tdp-07")

    @property
    def quarantine(self) -> str:
        return self.names.ward(WARD).quarantine

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        person: str | None = "hoa",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request, the path sent exactly as given."""
        sent = {"X-Test-Person": person} if person else {}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in {**sent, **(headers or {})}.items():
                connection.putheader(name, value)
            if data is not None and "Content-Length" not in (headers or {}):
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def push(self, *documents: Document, person: str = "hoa", unit: str = "tdp-07") -> Answer:
        body = {"docs": list(documents), "new_edits": False}
        return self.ask("POST", f"/sync/w{WARD}-{unit}/_bulk_docs", body, person=person)

    def stored(self, id: str, database: str = "") -> Document | None:
        return anyio.run(self.store.find, database or self.database, id)

    def quarantined(self, id: str) -> list[Document]:
        rows = anyio.run(lambda: self.store.all_docs(self.quarantine, include_docs=True))
        return [row["doc"] for row in rows if row["doc"].get("id") == id]


async def identify(request: Request) -> Caller | None:
    return PEOPLE.get(request.headers.get("x-test-person", ""))


async def prepare(store: Store, names: Names) -> None:
    await prepare_server(store, names)
    await prepare_ward(store, names, WARD)
    for unit in ("tdp-07", "tdp-08"):
        await prepare_unit(store, names, WARD, unit)


@contextmanager
def open_town(store: Store, names: Names) -> Iterator[Town]:
    with listening() as (listener, port):
        town = Town(store, names, port)
        gateway = Gateway(
            store, names, identify=identify, sentence=lambda _, key: key, on_written=town.written.append
        )
        app = Starlette(routes=[Mount("/sync", gateway)], lifespan=lambda _: gateway.running())
        with serving(app, listener):
            yield town


@contextmanager
def listening() -> Iterator[tuple[socket.socket, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, listener.getsockname()[1]


@contextmanager
def serving(app: Starlette, listener: socket.socket) -> Iterator[None]:
    """The application in a thread; requests wait in the socket's queue until it is ready."""
    config = uvicorn.Config(app, log_level="error", ws="none", lifespan="on", access_log=False)
    with running(uvicorn.Server(config), listener):
        yield


@contextmanager
def running(server: uvicorn.Server, listener: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)
