"""How the gateway answers: JSON of its own, or CouchDB's, streamed through and packed."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable
from typing import Any

import aiohttp
import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import Send

from sync.gateway_errors import GatewayError

SMALL = 256 * 1024
WORTH_PACKING = 1400
"""Bytes; what fits into one packet gains nothing."""
PACKED = ((b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))
log = structlog.get_logger(__name__)


async def unless_gone(request: Request, opening: Awaitable[aiohttp.ClientResponse]) -> aiohttp.ClientResponse:
    """The answer, given up when the phone hangs up first: a long poll would else be held for nobody."""
    answering = asyncio.ensure_future(opening)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        return answering.result()
    finally:
        leaving.cancel()
        if not answering.done():
            answering.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


async def pass_on(response: aiohttp.ClientResponse, send: Send, *, packed: bool) -> None:
    """Stream an answer, as fast as the phone takes it. One that is cut short stays visibly cut.

    `packed` compresses all but small ones: CouchDB does not, and documents shrink to a sixth on a slow link.

    :raises GatewayError: when CouchDB has nothing to give that a phone could use.
    """
    if response.status != 200 or "json" not in response.headers.get("Content-Type", ""):
        code = "bad-request" if response.status in (400, 413, 415) else "store-unavailable"
        raise GatewayError(code, f"CouchDB answered {response.status}")
    length = response.content_length
    if length is not None and length <= SMALL:
        try:
            whole = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise GatewayError("store-unavailable", "cut short") from None
        if packed and len(whole) > WORTH_PACKING:
            await send_bytes(send, 200, gzip.compress(whole, 1), [*PACKED])
        else:
            await send_bytes(send, 200, whole)
        return
    packer = zlib.compressobj(1, wbits=31) if packed else None
    headers = [*_headers(), *PACKED] if packer else _headers(length)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        async for chunk in response.content.iter_any():
            if part := packer.compress(chunk) if packer else chunk:
                await send({"type": "http.response.body", "body": part, "more_body": True})
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("an answer of CouchDB was cut short", error=type(error).__name__)
        raise ClientDisconnect from None
    await send({"type": "http.response.body", "body": packer.flush() if packer else b""})


async def send_json(send: Send, status: int, content: Any, extra: dict[str, str] | None = None) -> None:
    more = [(name.lower().encode(), value.encode()) for name, value in (extra or {}).items()]
    await send_bytes(send, status, msgspec.json.encode(content), more)


async def send_bytes(
    send: Send, status: int, body: bytes, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = _headers(len(body)) + (more or [])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(length: int | None = None) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return headers
