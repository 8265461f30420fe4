"""Documents without what was typed about a person: pure functions over documents of any shape."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from sync.documents import ULID, VisitRecord
from sync.store import Document

RESIDENT = re.compile(rf"resident:{ULID}")
_TEXTS = frozenset({"note", "why", "history"})


def named_in(documents: Iterable[Document]) -> set[str]:
    """The residents that documents are, or speak of; of documents that may have any shape."""
    named: set[str] = set()
    for document in documents:
        named |= {str(document.get("_id")), *people_of(document)}
    return {id for id in named if RESIDENT.fullmatch(id)}


def people_of(visit: Mapping[str, Any]) -> set[str]:
    """Those whom a visit helped, or once said it had."""
    history = visit.get("history")
    past = history if isinstance(history, list) else []
    records = [entry.get("value") for entry in (visit.get("record"), *past) if isinstance(entry, dict)]
    helps = [record.get("helps") for record in records if isinstance(record, dict)]
    each = [help for some in helps if isinstance(some, list) for help in some if isinstance(help, dict)]
    return {help["person"] for help in each if isinstance(help.get("person"), str)}


def without_text(visit: Document) -> Document:
    """The visit as it is counted, with nothing that was typed; what has no text is left as it is."""
    if not isinstance(visit.get("record"), dict):
        return visit
    empty = {**visit, "record": {**visit["record"], "value": bare(visit["record"].get("value"))}}
    past = [entry for entry in visit.get("history", ()) if _is_past_record(entry)]
    if past or "history" in visit:
        empty["history"] = [{**entry, "value": bare(entry["value"])} for entry in past]
    return empty


def bare(record: Any) -> Any:
    """A visit's record without its note and the reason to come back."""
    if not isinstance(record, dict):
        return record
    kept = {name: value for name, value in record.items() if name != "note"}
    if isinstance(kept.get("follow_up"), dict):
        kept["follow_up"] = {**kept["follow_up"], "why": ""}
    return kept


def _is_past_record(entry: Any) -> bool:
    """A history may hold values of any shape; only what is a visit's record can be emptied surely."""
    try:
        msgspec.convert(entry["value"], VisitRecord)
    except (msgspec.ValidationError, KeyError, TypeError):
        return False
    return bool(entry.get("field") == "record")


def emptied(refused: Any, ids: Collection[str]) -> Any:
    """What the quarantine may keep of a document that is, or speaks of, one of these residents."""
    if not isinstance(refused, dict) or refused.get("type") != "visit" or refused.get("_id") in ids:
        return {name: refused[name] for name in ("_id", "_rev") if name in refused}
    return _textless(refused)


def _textless(value: Any) -> Any:
    if isinstance(value, list):
        return [_textless(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _textless(item) for name, item in value.items() if name not in _TEXTS}
