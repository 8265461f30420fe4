"""The gateway's own connections to the store, which may have died while they were kept."""

from __future__ import annotations

import asyncio
from typing import cast

import anyio

from sync.gateway_upstream import Upstream
from sync.store import Store

KEPT = 4
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class OneStore:
    """What `Upstream` asks of a store."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    async def proxy_secret(self) -> str:
        return "secret"


class Restarted:
    """Its first connections answer once and are dead afterwards, as those of a killed store are."""

    def __init__(self, reset: bool) -> None:
        self.connections = 0
        self.together = asyncio.Event()
        self._reset = reset

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        dies = self.connections <= KEPT
        if self.connections == KEPT:
            self.together.set()
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self.together.wait()
                writer.write(ANSWER)
                await writer.drain()
                if dies:
                    await reader.readuntil(b"\r\n\r\n")
                    if self._reset:
                        writer.transport.abort()
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


async def ask_after_a_restart(reset: bool) -> list[int]:
    old = Restarted(reset)
    server = await asyncio.start_server(old.meet, "127.0.0.1", 0)
    async with server:
        store = cast(Store, OneStore(server.sockets[0].getsockname()[1]))
        async with Upstream(store) as upstream:

            async def ask(_: int) -> int:
                return (await upstream.ask("p", "volunteer", "GET", "/db"))[0]

            first = await asyncio.gather(*map(ask, range(KEPT)))
            return [*first, *[await ask(n) for n in range(KEPT)]]


def test_no_request_fails_because_kept_connections_were_closed() -> None:
    assert anyio.run(ask_after_a_restart, False) == [200] * 2 * KEPT


def test_no_request_fails_because_kept_connections_were_reset() -> None:
    assert anyio.run(ask_after_a_restart, True) == [200] * 2 * KEPT
