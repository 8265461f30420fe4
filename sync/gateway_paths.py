"""The gateway's allow-list: which method and path is which operation. Everything else does not exist.

Matching is on the path as it came over the wire, before any decoding, so that an encoded slash, a
doubled one or ``..`` simply is no path of ours. The one escape that stock PouchDB needs, ``%3D`` in a
checkpoint's id, is in the pattern itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Operation = Literal[
    "welcome", "info", "_changes", "_revs_diff", "_bulk_get", "_bulk_docs", "_local", "_snapshot"
]

METHODS: dict[Operation, tuple[str, ...]] = {
    "welcome": ("GET",),
    "info": ("GET",),
    "_changes": ("GET", "POST"),
    "_revs_diff": ("POST",),
    "_bulk_get": ("POST",),
    "_bulk_docs": ("POST",),
    "_local": ("GET", "PUT"),
    "_snapshot": ("GET",),
}
QUERY: dict[Operation, frozenset[str]] = {
    "_changes": frozenset(
        {
            "feed",
            "filter",
            "since",
            "limit",
            "style",
            "timeout",
            "include_docs",
            "conflicts",
            "descending",
            "seq_interval",
        }
    ),
    "_bulk_get": frozenset({"revs", "latest"}),
    "_snapshot": frozenset({"since"}),
}
"""Parameters that are passed on; all others are left out, since CouchDB might know more of them."""

_PATH = re.compile(
    r"/(?:(?P<database>[a-z][a-z0-9_-]{0,120})"
    r"(?:/?|/(?P<operation>_changes|_revs_diff|_bulk_get|_bulk_docs|_snapshot)|/_local/(?P<id>(?:[A-Za-z0-9._~=-]|%3D){1,80})))?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """One operation on one database, by the name phones use; `id` is a checkpoint's."""

    operation: Operation
    database: str = ""
    id: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        return METHODS[self.operation]


def read_path(raw: bytes, mount: str) -> Target | None:
    """What a raw path asks for; None when it is on no list."""
    try:
        path = raw.decode("ascii")
    except UnicodeDecodeError:
        return None
    if not path.startswith(mount + "/"):
        return None
    found = _PATH.fullmatch(path[len(mount) :])
    if found is None:
        return None
    database, operation, id = found["database"], found["operation"], found["id"]
    if database is None:
        return Target("welcome")
    if id is not None:
        return Target("_local", database, id.replace("%3D", "="))
    for known in METHODS:
        if known == operation:
            return Target(known, database)
    return Target("info", database)
