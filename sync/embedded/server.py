"""Serving the store: one data folder on one address, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from sync.embedded.app import App
from sync.embedded.errors import StoreError
from sync.embedded.instance import FolderInUse, Instance
from sync.heads import BoundedHeads

READY = "listening on port "
"""What standard output says, with the port, once requests are answered."""


PREDECESSOR = 3.0
"""Seconds that an attached store waits for the folder: one whose parent was killed may be closing it."""


def serve(host: str, port: int, data: Path, password: str, attached: bool = False) -> None:
    """Serve `data` until SIGTERM or SIGINT; port 0 takes a free one and prints it.

    ``attached`` ends it when standard input closes. Exits 2 with one line on standard error when
    the folder is in use, the address is taken, or there is no password.
    """
    if not password:
        _refuse("The store needs an administrator's password in GTN_STORE_PASSWORD.")
    try:
        listening = _bind(host, port)
        instance = _open(data, password, PREDECESSOR if attached else 0.0)
    except (FolderInUse, OSError, StoreError) as failure:
        _refuse(str(failure))
    config = uvicorn.Config(
        App(instance),
        log_level="warning",
        access_log=False,
        lifespan="off",
        loop="uvloop",
        http=BoundedHeads,
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        server_header=False,
        headers=[("Server", "CouchDB/3.5.2 (embedded)")],
        limit_concurrency=None,
    )
    if attached:
        _end_with_input()
    try:
        asyncio.Runner(loop_factory=_make_loop).run(Announcing(config).serve([listening]))
    finally:
        instance.close()


class Announcing(uvicorn.Server):
    """Says its port once it listens; a signal ends it in order.

    Uvicorn raises the signal again when it is done, which would end the process before the databases
    are closed.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"{READY}{port}", flush=True)


def _make_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _open(data: Path, password: str, patience: float) -> Instance:
    """:raises FolderInUse: another store has the folder, for longer than `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return Instance(data, password)
        except FolderInUse:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _bind(host: str, port: int) -> socket.socket:
    """:raises OSError: the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _end_with_input() -> None:
    """End when standard input closes, as it does however the parent dies.

    PR_SET_PDEATHSIG would not do: it follows the thread that started us, not the process.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _refuse(line: str) -> None:
    print(line, file=sys.stderr)
    sys.exit(2)
