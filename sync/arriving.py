"""A document on arrival: what comes from the future is set right (`sync.clocks`), once and no more."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sync.clocks import correct, is_ahead
from sync.merge import MergeError, merge
from sync.store import Document, NotFound, Store


async def timely(
    store: Store, database: str, document: Document, arrival: datetime, kept: str = ""
) -> Document:
    """As it is, or its successor with what came from the future set to its arrival, now or before.

    :param kept: as which record it goes on, when it was merged.

    :raises StoreError: when the store cannot be asked.
    """
    if not is_ahead(document, arrival):
        return document
    known = None
    with suppress(NotFound, MergeError, KeyError, TypeError, AttributeError):
        known = merge(await store.leaves(database, kept or document["_id"])).document
    return correct(document, arrival, known) or document
