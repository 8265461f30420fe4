"""Serving the store: one data folder on one address, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from sync.embedded.app import App
from sync.embedded.instance import FolderInUse, Instance

READY = "listening on port "
"""What standard output says, with the port, once requests are answered."""


def serve(host: str, port: int, data: Path, password: str, attached: bool = False) -> None:
    """Serve `data` until SIGTERM or SIGINT; port 0 takes a free one and prints it.

    ``attached`` ends it when standard input closes. Exits 2 with one line on standard error when
    the folder is in use, the address is taken, or there is no password.
    """
    if not password:
        _refuse("The store needs an administrator's password in GTN_STORE_PASSWORD.")
    try:
        instance = Instance(data, password)
    except (FolderInUse, OSError) as failure:
        _refuse(str(failure))
    config = uvicorn.Config(
        App(instance),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        server_header=False,
        headers=[("Server", "CouchDB/3.5.2 (embedded)")],
        limit_concurrency=None,
    )
    if attached:
        _end_with_input()
    try:
        asyncio.Runner(loop_factory=_make_loop).run(_serve(config))
    finally:
        instance.close()


class Announcing(uvicorn.Server):
    """Says its port once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"{READY}{port}", flush=True)


def _make_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _serve(config: uvicorn.Config) -> None:
    server = Announcing(config)
    await server.serve()


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
