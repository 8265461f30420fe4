"""Responses: JSON, newline-ended as CouchDB's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from starlette.responses import Response, StreamingResponse

from sync.embedded.documents import encode
from sync.embedded.instance import Instance


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return answer_json(encode(value) + b"\n", status, headers)


def answer_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Bytes that are JSON already."""
    known = {"Cache-Control": "must-revalidate", **(headers or {})}
    return Response(body, status, known, "application/json")


async def answer_pieces(instance: Instance, pieces: Iterator[bytes], together: bool) -> Response:
    """Pieces of JSON, read in threads: in one answer if they are few, else one after the other.

    :raises StoreError: what fails at the first piece, or ``together`` at any; later the answer is cut short.
    """
    if together:
        return answer_json(await instance.run(lambda: b"".join(pieces)))
    first = await instance.run(lambda: next(pieces))
    return StreamingResponse(chain([first], pieces), media_type="application/json")
