"""A request as the store sees it: decoded path, parameters in CouchDB's manner, a bounded body."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from starlette.requests import Request

from sync.embedded.access import User
from sync.embedded.documents import parse_json
from sync.embedded.errors import BadRequest, StoreError, TooLarge

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a request's body, compressed and not."""

MISSING: Any = object()
JSON_PARAMETERS = {"key", "keys", "startkey", "start_key", "endkey", "end_key"}


class Call:
    """One request. `segments` is the path, each part decoded, so that ``%2F`` stays within a name."""

    def __init__(self, request: Request, user: User) -> None:
        self.request = request
        self.user = user
        self.method = "GET" if request.method == "HEAD" else request.method
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        parts = raw.partition(b"?")[0].split(b"/")
        self.segments = [_decode(part) for part in parts[1:]]
        while self.segments and not self.segments[-1]:
            self.segments.pop()
        query = request.scope["query_string"].decode("latin-1")
        self.params: dict[str, str] = dict(parse_qsl(query, keep_blank_values=True, encoding="utf-8"))

    def text(self, name: str) -> str | None:
        return self.params.get(name)

    def flag(self, name: str, default: bool = False) -> bool:
        """:raises BadRequest: neither true nor false."""
        value = self.params.get(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise BadRequest(f"Invalid boolean parameter: {value!r}", "query_parse_error")
        return value == "true"

    def integer(self, name: str, default: int) -> int:
        """:raises BadRequest: not a whole number from 0."""
        value = self.params.get(name)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 18:
            raise BadRequest(f"Invalid value for integer: {value!r}", "query_parse_error")
        return int(value)

    def value(self, *names: str) -> Any:
        """The JSON of the first of these parameters that is there, or MISSING."""
        for name in names:
            if name in self.params:
                try:
                    return msgspec.json.decode(self.params[name])
                except (msgspec.DecodeError, RecursionError):
                    raise BadRequest(f"Invalid JSON in {name}") from None
        return MISSING

    async def read(self) -> bytes:
        """The body, uncompressed.

        :raises TooLarge: more than MAX_BODY before or after decompression.
        """
        declared = self.request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > MAX_BODY:
            raise TooLarge("the request entity is too large")
        chunks: list[bytes] = []
        size = 0
        async for chunk in self.request.stream():
            size += len(chunk)
            if size > MAX_BODY:
                raise TooLarge("the request entity is too large")
            chunks.append(chunk)
        body = b"".join(chunks)
        encoding = self.request.headers.get("content-encoding", "identity").lower()
        if encoding in ("gzip", "x-gzip"):
            return _decompress(body)
        if encoding not in ("", "identity"):
            raise StoreError(f"Content-Encoding {encoding} is not read here.", "bad_content_encoding", 415)
        return body

    async def json(self) -> Any:
        """:raises BadRequest: the body is not JSON."""
        kind = self.request.headers.get("content-type", "application/json").partition(";")[0].strip()
        if kind not in ("application/json", ""):
            raise StoreError("Content-Type must be application/json", "bad_content_type", 415)
        return parse_json(await self.read())

    async def fields(self) -> dict[str, Any]:
        """The body, an object. :raises BadRequest: it is something else."""
        value = await self.json()
        if not isinstance(value, dict):
            raise BadRequest("Request body must be a JSON object")
        return value

    def merge(self, fields: Mapping[str, Any]) -> None:
        """Take a body's members as parameters, as views and lists do."""
        for name, value in fields.items():
            plain = isinstance(value, str) and name not in JSON_PARAMETERS
            self.params[name] = value if plain else msgspec.json.encode(value).decode()


def _decode(part: bytes) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise BadRequest("The path is not UTF-8") from None


def _decompress(body: bytes) -> bytes:
    engine = zlib.decompressobj(wbits=31)
    try:
        plain = engine.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise BadRequest("The body is not gzip") from None
    if len(plain) > MAX_BODY:
        raise TooLarge("the request entity is too large")
    if not engine.eof or engine.unused_data:
        raise BadRequest("The body is not complete gzip")
    return plain
