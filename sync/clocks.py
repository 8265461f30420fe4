"""What becomes of instants that lie ahead of the server's clock when they arrive.

A phone whose clock runs days ahead would win every field it writes for as long. An instant more than ten
minutes ahead is therefore set to the arrival, in a child of the revision that came: the phone's own revision
counts as known, and the phone fetches the corrected one as its successor. Several such instants of one
document keep their order, a millisecond apart. ``created`` never changes and keeps the phone's own word.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.revisions import child_of
from sync.store import Document

AHEAD = timedelta(minutes=10)


def correct(document: Document, arrival: datetime) -> Document | None:
    """The revision to store in place of one that comes from the future; None when it does not."""
    latest = text_of(arrival + AHEAD)
    ahead = sorted({at for at in _instants(document) if at > latest}, reverse=True)
    if not ahead:
        return None
    arrived = {at: text_of(arrival - timedelta(milliseconds=back)) for back, at in enumerate(ahead)}
    return child_of(document, _replaced(document, arrived))


def text_of(at: datetime) -> str:
    """As documents write it: UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instants(value: Any) -> Iterator[str]:
    for name, part in _parts(value):
        if name == "at" and isinstance(part, str):
            yield part
        else:
            yield from _instants(part)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((name, part) for name, part in value.items() if name != "created")
    elif isinstance(value, list):
        yield from (("", part) for part in value)


def _replaced(value: Any, arrived: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(part, arrived) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        name: part
        if name == "created"
        else arrived.get(part, part)
        if name == "at" and isinstance(part, str)
        else _replaced(part, arrived)
        for name, part in value.items()
    }
