"""Documents as phones send them, each new call a new id."""

from __future__ import annotations

import secrets
from typing import Any

from sync.ulids import new_ulid

AT = "2026-05-01T02:00:00.000Z"
HOA = "person:hoa"


def rev(generation: int) -> str:
    return f"{generation}-{secrets.token_hex(16)}"


def created(by: str = HOA) -> dict[str, Any]:
    return {"at": AT, "by": by, "device": f"device:{new_ulid()}"}


def register(value: Any, by: str = HOA, at: str = AT) -> dict[str, Any]:
    return {"value": value, "at": at, "by": by}


def visit(by: str = HOA, unit: str = "tdp-07", **changes: Any) -> dict[str, Any]:
    record = {"at": AT, "outcome": "met", "helps": [{"service": "ihanoi", "level": "installed"}]}
    note = changes.pop("note", None)
    if note is not None:
        record["note"] = note
    return {
        "_id": f"visit:{new_ulid()}",
        "_rev": rev(1),
        "type": "visit",
        "schema": 1,
        "unit": unit,
        "created": created(by),
        "household": None,
        "record": register(record, by),
        **changes,
    }


def household(by: str = HOA, unit: str = "tdp-07", **changes: Any) -> dict[str, Any]:
    return {
        "_id": f"household:{new_ulid()}",
        "_rev": rev(1),
        "type": "household",
        "schema": 1,
        "unit": unit,
        "created": created(by),
        "address": register({"house": "12/4/3", "lane": "Ngõ 5"}, by),
        "kind": register("home", by),
        **changes,
    }


def child(parent: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The next revision of a document, with its history, as a phone pushes it."""
    start = int(parent["_rev"].split("-")[0])
    ids = parent.get("_revisions", {"ids": [parent["_rev"].split("-")[1]]})["ids"]
    new = rev(start + 1)
    return {
        **parent,
        "_rev": new,
        "_revisions": {"start": start + 1, "ids": [new.split("-")[1], *ids]},
        **changes,
    }


def resident(
    home: str = "", by: str = HOA, unit: str = "tdp-07", name: str = "", **changes: Any
) -> dict[str, Any]:
    """Someone of a household; with a `name`, the consent to keep it."""
    consent = {"version": "v1", "at": AT, "method": "spoken", "by": by}
    return {
        "_id": f"resident:{new_ulid()}",
        "_rev": rev(1),
        "type": "resident",
        "schema": 1,
        "unit": unit,
        "created": created(by),
        "household": home or f"household:{new_ulid()}",
        "label": register("Bà, tầng 2", by),
        "age_band": register("60-plus", by),
        **({"identity": register({"name": name, "consent": consent}, by)} if name else {}),
        **changes,
    }


def helped(person: str, note: str = "", by: str = HOA, **changes: Any) -> dict[str, Any]:
    """A visit that helped this resident."""
    door = visit(by, **changes)
    help = {"service": "ihanoi", "level": "installed", "person": person}
    follow_up = {"on": "2026-05-08", "why": note}
    record = {"at": AT, "outcome": "met", "helps": [help], "note": note, "follow_up": follow_up}
    return {**door, "record": register(record, by)}
