"""What becomes of instants that lie ahead of the server's clock when they arrive.

A phone whose clock runs days ahead would win every field it writes for as long. An instant more than ten
minutes ahead is therefore set to the arrival, in a child of the revision that came: the phone's own revision
counts as known, and the phone fetches the corrected one as its successor. Several such instants of one
document keep their order, a millisecond apart. ``created`` never changes and keeps the phone's own word.

A phone that edits on before it has fetched that successor brings the same instants once more. What arrived
before stays as it was set then: else an old value would win over whatever replaced it since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.merge import registers
from sync.revisions import child_of
from sync.store import Document

AHEAD = timedelta(minutes=10)


def is_ahead(document: Document, arrival: datetime) -> bool:
    """Whether it has an instant from the future."""
    return any(at > text_of(arrival + AHEAD) for at in _instants(document))


def correct(document: Document, arrival: datetime, stored: Document | None = None) -> Document | None:
    """The revision to store in place of one that comes from the future; None when it does not.

    :param stored: what is known of the document already.
    """
    if not is_ahead(document, arrival):
        return None
    latest = text_of(arrival + AHEAD)
    known = _known_again(document, stored or {}, latest)
    ahead = sorted({at for at in _instants(known) if at > latest}, reverse=True)
    arrived = {at: text_of(arrival - timedelta(milliseconds=back)) for back, at in enumerate(ahead)}
    return child_of(document, _replaced(known, arrived))


def _known_again(document: Document, stored: Document, latest: str) -> Document:
    """With those registers from the future that have arrived before as they are stored, field by field."""
    known = dict(document)
    for field in registers(document):
        past = [entry for entry in known.get("history", ()) if entry["field"] == field]
        fresh = [_stored_as(one, field, stored, latest) for one in (*past, document[field])]
        if any(after["at"] >= fresh[-1]["at"] for after in fresh[:-1]):
            continue  # the same value set anew, after others: it is no longer the one that arrived before
        known[field] = fresh[-1]
        if past:
            again = iter(fresh)
            known["history"] = [next(again) if one["field"] == field else one for one in known["history"]]
    return known


def _stored_as(register: Any, field: str, stored: Document, latest: str) -> Any:
    if register["at"] <= latest:
        return register
    held = [one for one in stored.get("history", ()) if one["field"] == field]
    held += [stored[field]] if field in stored else []
    same = [one for one in held if (one["by"], _said(one)) == (register["by"], _said(register))]
    if not same:
        return register
    last = max(same, key=lambda one: str(one["at"]))
    return {**register, "value": last["value"], "at": last["at"]}


def _said(register: Any) -> str:
    """What a register says, whenever it says that was."""
    value = register["value"]
    return json.dumps(_replaced(value, dict.fromkeys(_instants(value), "")), sort_keys=True)


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
