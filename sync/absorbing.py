"""What becomes of two records that are one and the same door or person: pure functions.

Field by field the later value wins, the other is history (`sync.merge`). Not so for two marks: that a record
was marked as gone says only that this one was one too many, and the wish to be left alone stays a wish.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sync.clocks import text_of
from sync.merge import amended, merge, registers
from sync.store import Document

_OWN = ("_id", "created", "unit", "household", "type", "schema")
_MARKS = ("gone", "restricted")
_BARE = ("_rev", "_revisions", "_conflicts")

Sign = tuple[str, str, str]
"""A field, and when and by whom a value of it was set."""


def absorbed(kept: Document, lost: Document, by: str, *, decided: str) -> Document:
    """`kept` with all that was known of `lost`, without ``_rev``.

    :param decided: when someone (`by`) who saw both said that they are one; empty for what came late, where
        a difference is a contest that is left to those who know.
    :raises MergeError: when they are no documents with registers.
    """
    mine, theirs = _plain(kept), _plain(lost)
    same = {name: value for name, value in theirs.items() if name not in (*_OWN, *_MARKS)}
    same |= {name: mine[name] for name in _OWN if name in mine}
    if past := [one for one in theirs.get("history", ()) if one.get("field") not in _MARKS]:
        same["history"] = past
    else:
        same.pop("history", None)
    joined = merge([mine, same]).document
    if decided:
        joined = _settled(joined, mine, theirs)
    return _marked(joined, mine, theirs, by, decided)


def _settled(joined: Document, mine: Document, theirs: Document) -> Document:
    """Without contests between the two; those that were open in one of them stay open."""
    open_before = {
        _key(entry) for one in (mine, theirs) for entry in one.get("history", ()) if "apart" in entry
    }
    if "history" not in joined:
        return joined
    history = [
        entry if _key(entry) in open_before else {k: v for k, v in entry.items() if k != "apart"}
        for entry in joined["history"]
    ]
    return {**joined, "history": history}


def _marked(joined: Document, mine: Document, theirs: Document, by: str, decided: str) -> Document:
    """A record that was one too many does not make the other one gone; a restriction holds for both.

    Nor does a mark from before, which a phone may still bring: it may have meant the kept one for the same
    reason. It opens a contest.
    """
    fresh: dict[str, Any] = {}
    own = mine.get("gone") or {}
    if _is_set(theirs, "gone") and not own.get("value") and str(own.get("at", "")) < theirs["gone"]["at"]:
        fresh["gone"] = {"value": False, "at": _after(theirs["gone"]["at"]), "by": by}
    elif not own.get("value") and str(own.get("at", "")) < decided:
        fresh["gone"] = {"value": False, "at": decided, "by": by}
    if _is_set(theirs, "restricted") and not _is_set(mine, "restricted"):
        at = max(theirs["restricted"]["at"], str((mine.get("restricted") or {}).get("at", "")))
        fresh["restricted"] = {**theirs["restricted"], "at": _after(at)}
    return amended(joined, fresh) if fresh else joined


def as_known(kept: Document, lost: Document) -> Document:
    """How `kept` would look as an earlier revision of `lost`: what it took over from it, and its own else."""
    past = {msgspec.json.encode(_register(entry), order="deterministic") for entry in kept.get("history", ())}
    known = {name: lost[name] for name in registers(lost) if _encoded(lost[name]) in past}
    own: Document = {name: lost[name] for name in ("_id", "created", "household") if name in lost}
    return {**kept, **known, **own}


def values_of(*documents: Document) -> dict[Sign, list[Any]]:
    """All that documents say, or said: the values of each sign in an order of their own.

    Mostly a sign has one. An import, though, signs all its rows alike.
    """
    found: dict[Sign, dict[str, Any]] = {}
    for name, one in (pair for document in documents for pair in _each(document)):
        said = found.setdefault((name, one["at"], one["by"]), {})
        said[json.dumps(one["value"], sort_keys=True)] = one["value"]
    return {sign: [said[key] for key in sorted(said)] for sign, said in found.items()}


def sign_of(name: str, register: Mapping[str, Any], said: Mapping[Sign, list[Any]]) -> list[Any]:
    """When and by whom it was set, and the place of its value among those of that sign."""
    at, by = register["at"], register["by"]
    return [at, by, said[name, at, by].index(register["value"])]


def _each(document: Document) -> Iterator[tuple[str, Document]]:
    yield from ((entry["field"], entry) for entry in document.get("history", ()))
    yield from ((name, document[name]) for name in registers(document))


def _plain(document: Mapping[str, Any]) -> Document:
    return {name: value for name, value in document.items() if name not in _BARE}


def _is_set(document: Document, field: str) -> bool:
    return bool((document.get(field) or {}).get("value"))


def _register(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {part: entry.get(part) for part in ("value", "at", "by")}


def _encoded(register: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(_register(register), order="deterministic")


def _key(entry: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({k: v for k, v in entry.items() if k != "apart"}, order="deterministic")


def _after(at: str) -> str:
    return text_of(datetime.fromisoformat(at) + timedelta(milliseconds=1))
