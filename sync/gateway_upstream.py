"""Requests to CouchDB in the name of a person, over connections that stay open.

Who asks is said by proxy authentication (`sync.proxy_auth`). Nothing of the phone's own headers is passed
on, and of CouchDB's only the type and length of the body.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from types import TracebackType
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from sync.gateway_errors import GatewayError
from sync.proxy_auth import signed_headers
from sync.store import Store, StoreError

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
CONNECTIONS = 200
REMEMBERED = 10_000
LARGE = 1024 * 1024


def _fed(body: bytes | None) -> bytes | BytesIO | None:
    """A large body goes out in pieces, so that other requests are not held up meanwhile."""
    return BytesIO(body) if body is not None and len(body) >= LARGE else body


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=TIMEOUT,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
        auto_decompress=False,
    )


async def _request(
    session: aiohttp.ClientSession, method: str, url: URL, body: bytes | None, headers: dict[str, str]
) -> aiohttp.ClientResponse:
    return await session.request(method, url, data=_fed(body), headers=headers, allow_redirects=False)


class Upstream:
    """A pool of connections to one store. Use it as an async context manager."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._address = store.address
        self._secret = ""
        self._signed: dict[tuple[str, str], dict[str, str]] = {}
        self._asking = asyncio.Lock()
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        self._kept = _session(aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=30))
        self._fresh = _session(aiohttp.TCPConnector(limit=CONNECTIONS, force_close=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._kept, self._fresh):
            if session is not None:
                await session.close()

    async def open(
        self, person: str, role: str, method: str, path: str, body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        """The answer to a request, its body still to be read; the caller releases it.

        :raises GatewayError: ``store-unavailable``, also when CouchDB does not accept the signature.
        """
        headers = self._signed.get((person, role)) or await self._sign(person, role)
        try:
            response = await self._send(method, path, body, headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GatewayError("store-unavailable", type(error).__name__) from None
        if response.status in (401, 403):
            self._secret = ""
            self._signed.clear()
        if response.status in (401, 403) or response.status >= 500:
            response.close()
            raise GatewayError("store-unavailable", f"CouchDB answered {response.status} to {method} {path}")
        return response

    async def _send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        """Sent once more when a kept connection turns out to be closed: all that is asked bears repeating.

        The second time by a new connection, since all those of a store that was restarted are dead.
        """
        if self._kept is None or self._fresh is None:
            raise RuntimeError("the gateway was not started")
        url = URL(self._address + path, encoded=True)
        try:
            return await _request(self._kept, method, url, body, headers)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
            return await _request(self._fresh, method, url, body, headers)

    async def ask(self, person: str, role: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded JSON of a small request; 202 counts as no answer at all.

        :raises GatewayError: ``store-unavailable``.
        """
        encoded = None if body is None else msgspec.json.encode(body)
        response = await self.open(person, role, method, path, encoded)
        try:
            answer = msgspec.json.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise GatewayError("store-unavailable", f"no whole answer: {type(error).__name__}") from None
        finally:
            response.release()
        if response.status == 202:
            raise GatewayError("store-unavailable", "a write without the cluster's quorum")
        return response.status, answer

    async def _sign(self, person: str, role: str) -> dict[str, str]:
        """All headers of a person's requests, kept for the next one."""
        headers = signed_headers(await self._signing_secret(), person, role)
        headers |= {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
        if len(self._signed) >= REMEMBERED:
            self._signed.clear()
        self._signed[person, role] = headers
        return headers

    async def _signing_secret(self) -> str:
        if not self._secret:
            async with self._asking:
                if not self._secret:
                    try:
                        self._secret = await self._store.proxy_secret()
                    except StoreError as error:
                        raise GatewayError("store-unavailable", error.reason) from None
        return self._secret
