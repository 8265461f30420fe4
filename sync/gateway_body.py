"""Bodies and queries of the gateway, read within limits and given back in our own words.

What is passed on to CouchDB is always encoded anew from what was understood here, so that no two
readers of one body can differ.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request

from sync.gateway_errors import GatewayError
from sync.gateway_paths import QUERY, Target

LARGEST = 8 * 1024 * 1024
LARGEST_DOCUMENT = 1024 * 1024
LARGEST_LOCAL = 4 * 1024
DRAINED = 4 * LARGEST
DEEPEST = 32
LONGEST_POLL = 50_000
MOST_DOCUMENTS = 2000
MOST_VALUES = 500_000
"""Objects and lists in a body, more than any of records has; empty ones take 30 times their bytes."""

_SEQ = re.compile(r"[A-Za-z0-9._~=-]{1,4000}")
Id = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^(?!_local/)")]
Rev = Annotated[str, Meta(pattern=r"^\d{1,9}-[0-9a-zA-Z]{1,64}$")]
T = TypeVar("T")


class Wanted(Struct, omit_defaults=True):
    """One revision asked for; without `rev`, the winner."""

    id: Id
    rev: Rev | None = None


class BulkGet(Struct):
    docs: Annotated[list[Wanted], Meta(max_length=MOST_DOCUMENTS)]


class DocIds(Struct):
    doc_ids: Annotated[list[Id], Meta(max_length=MOST_DOCUMENTS)]


class BulkDocs(Struct):
    docs: Annotated[list[dict[str, Any]], Meta(max_length=MOST_DOCUMENTS)]
    new_edits: bool = True


RevsDiff = dict[Id, Annotated[list[Rev], Meta(max_length=1000)]]


async def read_json(request: Request, kind: type[T] | Any, limit: int = LARGEST) -> T:
    """The body as `kind`, of at most `limit` bytes before and after decompression.

    :raises GatewayError: ``bad-content-type``, ``too-large``, ``bad-json``, ``too-deep``, ``bad-request``.
    """
    body = await read_body(request, limit)
    if body.count(b"{") + body.count(b"[") > MOST_VALUES or is_deep(body):
        raise GatewayError("too-deep")
    try:
        result: T = msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError:
        raise GatewayError("bad-request") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise GatewayError("bad-json") from None
    except RecursionError:
        raise GatewayError("too-deep") from None
    return result


async def read_body(request: Request, limit: int) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise GatewayError("bad-content-type")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise GatewayError("bad-content-type")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        if int(declared) <= DRAINED:
            await _drain(request.stream())
        raise GatewayError("too-large")
    gunzip = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    stream = request.stream()
    async for chunk in stream:
        body += _inflate(gunzip, chunk, limit - len(body)) if gunzip else chunk
        if len(body) > limit:
            await _drain(stream)
            raise GatewayError("too-large")
    if gunzip and not gunzip.eof:
        raise GatewayError("bad-json")
    return bytes(body)


async def _drain(stream: AsyncIterator[bytes]) -> None:
    """Take the rest of a body, within reason: who still sends does not read the answer."""
    drained = 0
    async for chunk in stream:
        drained += len(chunk)
        if drained > DRAINED:
            return


def _inflate(gunzip: Any, chunk: bytes, room: int) -> bytes:
    """Decompressed until one byte too many: a bomb ends here, before it is unpacked."""
    try:
        plain: bytes = gunzip.decompress(chunk, room + 1)
    except zlib.error:
        raise GatewayError("bad-json") from None
    if gunzip.unconsumed_tail:
        raise GatewayError("too-large")
    if gunzip.unused_data:
        raise GatewayError("bad-json")
    return plain


def is_deep(body: bytes) -> bool:
    """More than `DEEPEST` levels; brackets within texts count too until a closer look is needed."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    try:
        return _is_deeper(msgspec.json.decode(body), DEEPEST)
    except RecursionError:
        return True
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)
    return False


def read_query(request: Request, target: Target) -> dict[str, str]:
    """The parameters that are passed on.

    :raises GatewayError: ``bad-request`` for a feed or filter that is not served, or one given twice.
    """
    allowed = QUERY.get(target.operation)
    if not allowed:
        return {}
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=30
        )
    except ValueError:
        raise GatewayError("bad-request") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        raise GatewayError("bad-request")
    return _bounded({name: value for name, value in query.items() if name in allowed})


def _bounded(query: dict[str, str]) -> dict[str, str]:
    if query.get("feed", "normal") not in ("normal", "longpoll"):
        raise GatewayError("bad-request")
    if query.get("filter", "_doc_ids") != "_doc_ids":
        raise GatewayError("bad-request")
    if not _SEQ.fullmatch(query.get("since", "0")):
        raise GatewayError("bad-request")
    for name in ("limit", "timeout", "seq_interval"):
        value = query.get(name, "0")
        if not (value.isascii() and value.isdecimal() and len(value) < 16):
            raise GatewayError("bad-request")
    if query.get("feed") == "longpoll":
        query["timeout"] = str(min(int(query.get("timeout", LONGEST_POLL)), LONGEST_POLL))
    return query


def encode_query(query: Mapping[str, str]) -> str:
    return "?" + urlencode(query) if query else ""
