"""Running the application under uvicorn, from the first check to a graceful end."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Any

import anyio
import uvicorn
from starlette.types import ASGIApp

from server.app import create_app
from server.demo import SignIn, fill
from server.greeting import both, greet
from server.metrics import exposed
from server.settings import BadSetting, Settings
from server.site import Site, StartFailed
from sync.heads import BoundedHeads
from sync.store import Store

GRACE_SECONDS = 10
KEEP_SECONDS = 130
"""An idle connection is kept for longer than proxies keep theirs (Caddy 2 minutes), which would else send a
request into one that is just being closed, and answer 502 for it."""


def serve(settings: Settings, *, demo: bool = False) -> None:
    """Serve until told to stop; prints the address when people can use it.

    :raises BadSetting: when the address cannot be listened on or the data folder not written.
    :raises StoreError: when the store at ``COUCHDB_URL`` cannot be used.
    :raises StartFailed: when anything else kept the site from opening.
    """
    if settings.couchdb_url:
        anyio.run(check_store, settings.couchdb_url)
    else:
        _check_folder(settings)
    listener = listen(settings)
    app = create_app(settings, opened=lambda site: announce(site, listener, demo=demo))
    server = Server(configure(app, settings))
    # uvicorn exits by itself when the site does not open, and repeats Ctrl-C once all is closed
    with listener, exposed(settings), contextlib.suppress(SystemExit, KeyboardInterrupt):
        server.run(sockets=[listener])
    failure: Exception | None = getattr(app.state, "failure", None)
    if failure is not None:
        raise failure
    if not server.started:
        raise StartFailed("the server could not start; the lines above say why")


def configure(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves us: what a proxy says of its clients counts only from the one we trust."""
    return uvicorn.Config(
        app,
        http=BoundedHeads,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxy),
        forwarded_allow_ips=settings.trusted_proxy or None,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class Server(uvicorn.Server):
    """Ends the event streams first, which would else keep it from stopping."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app: Any = self.config.app
        if hasattr(app.state, "site"):
            app.state.site.live.close()
        await super().shutdown(sockets)


async def check_store(url: str) -> None:
    store = Store.connect(url)
    try:
        await store.check()
    finally:
        store.close()


def listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise BadSetting(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); "
            "choose another GTN_HOST or GTN_PORT"
        ) from None
    return listener


def _check_folder(settings: Settings) -> None:
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        writable = os.access(settings.data, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        raise BadSetting(f"GTN_DATA={settings.data} cannot be written; choose a folder of your own")


async def fill_with_demo(site: Site, *, full: bool = False) -> Sequence[SignIn]:
    """Invent data for an empty ward; whom one may sign in as."""
    sign_ins = await fill(site, full)
    if not sign_ins:
        print(both("console.kept"), flush=True)
    await site.rollup.catch_up()
    return sign_ins


async def announce(site: Site, listener: socket.socket, *, demo: bool) -> None:
    """Say where the server is and, after filling it with invented data, who may sign in."""
    sign_ins = await fill_with_demo(site) if demo else ()
    host, port = listener.getsockname()[:2]
    address = site.settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print(greet(address, sign_ins), flush=True)
