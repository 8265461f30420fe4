"""New revisions made by the server itself, as replication writes them."""

from __future__ import annotations

import hashlib
import json

from sync.store import Document

NOTHING: Document = {"_rev": "0-", "_revisions": {"ids": []}}
"""The parent of a first revision."""


def child_of(parent: Document, document: Document) -> Document:
    """`document` as the next revision after `parent`, named by its content.

    Whoever makes the same child of the same parent makes the same revision.
    """
    generation, _, name = parent["_rev"].partition("-")
    ids = parent.get("_revisions", {"ids": [name]})["ids"]
    body = {key: value for key, value in document.items() if key not in ("_rev", "_revisions")}
    said = json.dumps([parent["_rev"], body], sort_keys=True, ensure_ascii=False)
    digest = hashlib.md5(said.encode(), usedforsecurity=False).hexdigest()
    start = int(generation) + 1
    return {**body, "_rev": f"{start}-{digest}", "_revisions": {"start": start, "ids": [digest, *ids]}}
