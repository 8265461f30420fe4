"""What a writer may say of a document's past: pure rules over its ``history``.

`sync.merge` lets whatever stands in a history compete with the field itself, so an entry is one that was
there before, the field's value before, or the writer's own; and never later than the field. The marks of open
contests are the server's: an edit of the field takes them away, nothing else does, and nobody sets one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Document = Mapping[str, Any]


def invented(writer: str, incoming: Document, base: Document | None, winner: Document) -> str | None:
    """What nobody may add to the history, or None when all is well.

    :param base: what the writer started from, where it is still known; `winner` is what is stored.
    """
    start = winner if base is None else base
    known = {_key(entry) for one in (start, winner) for entry in one.get("history", ())}
    marked = {key for one in (start, winner) for key, apart in _marks(one).items() if apart}
    for entry in incoming.get("history", ()):
        name, register = entry["field"], {part: entry[part] for part in ("value", "at", "by")}
        held, before = incoming.get(name), (start.get(name), winner.get(name))
        is_kept = _key(entry) in known and held in before
        if not isinstance(held, dict) or (str(entry["at"]) > str(held.get("at")) and not is_kept):
            return f"history of {name}"
        if base is not None and entry.get("apart") and _key(entry) not in marked:
            return f"contest about {name}"
        if entry["by"] == writer or register in before or _key(entry) in known:
            continue
        if base is not None or str(entry["at"]) > str(winner.get(name, {}).get("at", "")):
            return f"history of {name}"
    return None


def lost(incoming: Document, base: Document) -> str | None:
    """What was there and is there no longer; names alone leave the history, with the consent to keep them.

    A tally may be given its household later; nothing moves from one household to another.
    """
    for name in base:
        if name not in incoming and not name.startswith("_") and name != "history":
            return name
    entries = _marks(incoming)
    for entry in base.get("history", ()):
        name, apart = entry.get("field"), entries.get(_key(entry))
        if apart is None and name != "identity":
            return "history"
        if apart is False and entry.get("apart") and incoming.get(name) == base.get(name):
            return f"contest about {name}"
    if base.get("household") not in (None, incoming.get("household")):
        return "household"
    return None


def _marks(document: Document) -> dict[bytes, bool]:
    """Of each entry of the history whether it stands in an open contest."""
    return {_key(entry): bool(entry.get("apart")) for entry in document.get("history", ())}


def _key(entry: Document) -> bytes:
    """An entry of a history without its mark."""
    plain = {name: value for name, value in entry.items() if name != "apart"}
    return msgspec.json.encode(plain, order="deterministic")
