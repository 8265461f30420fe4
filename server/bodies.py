"""Reading a request's JSON, so that whatever is wrong with it has a code."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from server.errors import Problem

T = TypeVar("T")


async def read_json(request: Request, type: type[T]) -> T:
    """The body as `type`.

    :raises Problem: ``bad-content-type``, ``bad-json``, ``too-deep``, ``bad-field`` or ``too-large``.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json" or "content-encoding" in request.headers:
        raise Problem("bad-content-type")
    body = await request.body()
    try:
        return msgspec.json.decode(body, type=type)
    except RecursionError:
        raise Problem("too-deep") from None
    except msgspec.ValidationError:
        raise Problem("bad-field") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem("bad-json") from None
