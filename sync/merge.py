"""Merge revisions of one document, field by field.

A document's mutable fields are registers ``{"value", "at", "by"}``. For each field the registers seen so
far form a set: the later one wins, ties go to the greater ``by``, then to the greater value; the others
stand in ``history``. Joining sets is commutative, associative and idempotent (Shapiro et al., 2011,
state-based LWW-map), so whoever saw the same edits in any order holds the same document.

Whoever replaces a value puts it into ``history``: it was seen. What merging itself puts there was replaced by
nobody, and is marked ``apart``: the field has an open contest (a multi-value register, ibid.). An edit of the
field by someone who has the merged document carries those entries on without the mark, which ends it.

A resident's ``identity`` without consent ends every name whose consent is older, also one that was written
later by a phone that did not know: a name never outlives the agreement to keep it, not even in ``history``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

Json = dict[str, Any]
FIXED = ("_id", "type", "schema", "created", "unit", "household")
"""Fields that never change; every revision of a document has the same."""
UNCONTESTED = frozenset({"order", "restricted"})
"""Nobody is asked about these: a place in the walk tells a reader nothing, and the mark is the desk's."""


class MergeError(ValueError):
    """The two are not revisions of the same document."""


class Merged(msgspec.Struct, frozen=True):
    """The merged document, without ``_rev``, and the fields of which two values did not know one another."""

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
        *past, document[field] = _join(field, seen)
        apart = {_canonical(register) for register in _rivals(field, past, document[field], seen)}
        for register in past:
            mark = {"apart": True} if _canonical(register) in apart else {}
            history.append({"field": field, **register, **mark})
        if apart:
            contested.append(field)
    if history:
        document["history"] = sorted(history, key=lambda past: (past["at"], past["field"], _canonical(past)))
    return Merged(document, tuple(contested))


def amended(document: Mapping[str, Any], fields: Mapping[str, Json]) -> Json:
    """The document with other registers, what they replace in its history; contests about them are over."""
    history = [
        {name: part for name, part in entry.items() if name != "apart" or entry["field"] not in fields}
        for entry in document.get("history", ())
    ]
    history += [{"field": field, **document[field]} for field in fields if field in document]
    return {**document, **fields, **({"history": history} if history else {})}


def consent_of(document: Mapping[str, Any]) -> Any:
    """The consent under which a resident's name is held, if any."""
    return _consent(document.get("identity"))


def _consent(register: Any) -> Any:
    value = register.get("value") if isinstance(register, dict) else None
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


def _past(field: str, revision: Json) -> list[tuple[Json, bool]]:
    """The earlier registers of a field, and whether each was replaced by someone who saw it.

    One that would win over the field itself was not replaced by it.
    """
    held = revision.get(field)
    found = []
    for entry in revision.get("history", ()):
        if entry["field"] == field:
            register = {name: entry[name] for name in entry if name not in ("field", "apart")}
            over = held is not None and _precedence(field, register) < _precedence(field, held)
            found.append((register, over and not entry.get("apart")))
    return found


def _rivals(field: str, past: list[Json], winner: Json, seen: list[Json]) -> list[Json]:
    """Of the earlier registers those that nobody has replaced knowingly, and that say something else."""
    if field in UNCONTESTED:
        return []
    replaced = {_canonical(one) for revision in seen for one, over in _past(field, revision) if over}
    later, rivals = [winner], []
    for register in reversed(past):
        again = any(
            register["value"] == one["value"] or (register["at"], register["by"]) == (one["at"], one["by"])
            for one in later
        )
        if not again and _canonical(register) not in replaced:
            rivals.append(register)
        later.append(register)
    return rivals


def _join(field: str, seen: list[Json]) -> list[Json]:
    """Every register of a field that was ever set, the winner last."""
    found: dict[str, Json] = {}
    for revision in seen:
        if field in registers(revision):
            found[_canonical(revision[field])] = revision[field]
        for register, _ in _past(field, revision):
            found[_canonical(register)] = register
    ordered = sorted(found.values(), key=lambda register: _precedence(field, register))
    if field != "identity":
        return ordered
    ended = [index for index, register in enumerate(ordered) if not _consent(register)]
    return ordered[ended[-1] :] if ended else ordered


def _precedence(field: str, register: Json) -> tuple[str, str, str, str]:
    """A name is as old as the consent to keep it."""
    consent = _consent(register) if field == "identity" else None
    since = min(register["at"], consent["at"]) if isinstance(consent, dict) else register["at"]
    return since, register["at"], register["by"], _canonical(register)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _require_same(seen: list[Json]) -> None:
    first = seen[0]
    for other in seen[1:]:
        for name in ("_id", "type", "created"):
            if first.get(name) != other.get(name):
                raise MergeError(f"{name} differs: {first.get('_id')} and {other.get('_id')}")
