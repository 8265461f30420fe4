"""Merge revisions of one document, field by field.

A document's mutable fields are registers ``{"value", "at", "by"}``. For each field the registers seen so
far form a set: the later one wins, ties go to the greater ``by``, then to the greater value; the others
stand in ``history``. Joining sets is commutative, associative and idempotent (Shapiro et al., 2011,
state-based LWW-map), so whoever saw the same edits in any order holds the same document.

A resident's ``identity`` without consent ends all that is older: a name never outlives the agreement to
keep it, not even in ``history``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

Json = dict[str, Any]
FIXED = ("_id", "type", "schema", "created", "unit", "household")
"""Fields that never change; every revision of a document has the same."""


class MergeError(ValueError):
    """The two are not revisions of the same document."""


class Merged(msgspec.Struct, frozen=True):
    """The merged document, without ``_rev``, and the fields that were set apart from each other."""

    document: Json
    contested: tuple[str, ...]


def merge(revisions: Iterable[Json]) -> Merged:
    """The one document that all of these revisions amount to.

    :raises MergeError: when they are not revisions of the same document, or none is given.
    """
    seen = list(revisions)
    if not seen:
        raise MergeError("nothing to merge")
    _require_same(seen)
    base = max(seen, key=lambda revision: (revision["schema"], _canonical(_unregistered(revision))))
    document = _unregistered(base)
    history: list[Json] = []
    contested: list[str] = []
    for field in sorted({field for revision in seen for field in registers(revision)} | _past_fields(seen)):
        kept = _join(field, seen)
        document[field] = kept[-1]
        history += [{"field": field, **register} for register in kept[:-1]]
        if _set_apart(field, seen):
            contested.append(field)
    if history:
        document["history"] = sorted(history, key=lambda past: (past["at"], past["field"], _canonical(past)))
    return Merged(document, tuple(contested))


def consent_of(document: Mapping[str, Any]) -> Any:
    """The consent under which a resident's name is held, if any."""
    identity = document.get("identity")
    value = identity.get("value") if isinstance(identity, dict) else None
    return value.get("consent") if isinstance(value, dict) else None


def registers(document: Json) -> list[str]:
    """The names of a document's register fields."""
    return [name for name, value in document.items() if name not in FIXED and _is_register(value)]


def _is_register(value: Any) -> bool:
    return isinstance(value, dict) and {"value", "at", "by"} <= value.keys()


def _unregistered(document: Json) -> Json:
    kept = document.keys() - set(registers(document)) - {"_rev", "_revisions", "_conflicts", "history"}
    return {name: document[name] for name in document if name in kept}


def _past_fields(seen: list[Json]) -> set[str]:
    return {entry["field"] for revision in seen for entry in revision.get("history", ())}


def _set_apart(field: str, seen: list[Json]) -> bool:
    """Whether two revisions hold values of which neither knew the other."""
    holders = [revision for revision in seen if field in registers(revision)]
    return any(
        _canonical(one[field]) not in _known(field, other)
        and _canonical(other[field]) not in _known(field, one)
        for index, one in enumerate(holders)
        for other in holders[:index]
    )


def _known(field: str, revision: Json) -> set[str]:
    past = [entry for entry in revision.get("history", ()) if entry["field"] == field]
    return {_canonical(revision[field])} | {
        _canonical({name: entry[name] for name in entry if name != "field"}) for entry in past
    }


def _join(field: str, seen: list[Json]) -> list[Json]:
    """Every register of a field that was ever set, the winner last."""
    found: dict[str, Json] = {}
    for revision in seen:
        if field in registers(revision):
            found[_canonical(revision[field])] = revision[field]
        for entry in revision.get("history", ()):
            if entry["field"] == field:
                past = {name: entry[name] for name in entry if name != "field"}
                found[_canonical(past)] = past
    ordered = sorted(found.values(), key=_precedence)
    if field != "identity":
        return ordered
    ended = [index for index, register in enumerate(ordered) if "consent" not in (register["value"] or {})]
    return ordered[ended[-1] :] if ended else ordered


def _precedence(register: Json) -> tuple[str, str, str]:
    return register["at"], register["by"], _canonical(register)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _require_same(seen: list[Json]) -> None:
    first = seen[0]
    for other in seen[1:]:
        for name in ("_id", "type", "created"):
            if first.get(name) != other.get(name):
                raise MergeError(f"{name} differs: {first.get('_id')} and {other.get('_id')}")
