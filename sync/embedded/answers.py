"""Responses: JSON, newline-ended as CouchDB's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from sync.embedded.documents import encode


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return answer_json(encode(value) + b"\n", status, headers)


def answer_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Bytes that are JSON already."""
    known = {"Cache-Control": "must-revalidate", **(headers or {})}
    return Response(body, status, known, "application/json")
