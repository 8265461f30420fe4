"""Photos from a phone: each stored in the unit's own database for them, or refused with its reason.

A refused photo lies in quarantine with its picture as long as that is nothing but a picture; of anything else
only its words are kept, and how long it was: no one could ever take it in, and the phone keeps it whole. What
the ledger knows of erased residents' names leaves a gap in a caption, as it does in notes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sync import photos
from sync.checks import Stored
from sync.erasing import Redact
from sync.gateway_errors import GatewayError
from sync.gateway_lookup import Batch, history, of_store
from sync.gateway_writes import Writes, check_envelope, judge, named
from sync.quarantine import Refused
from sync.store import Document
from sync.traces import Traces, masked


class PhotoWrites(Writes):
    """Takes batches of photos, as `Writes` takes those of records."""

    async def take(self, batch: Batch, documents: Sequence[Document]) -> tuple[int, list[Refused]]:
        """:raises GatewayError: when the whole batch must come again, or can never be read."""
        fresh, refused, change = await self._begin(batch, documents)
        accepted: dict[str, Document] = {}
        for document, there in fresh:
            stored = Stored(winner=accepted[document["_id"]]) if document["_id"] in accepted else there
            refusal = judge(partial(photos.check, batch.writer, batch.at_home(document), stored), document)
            if refusal is None:
                accepted[document["_id"]] = document
            else:
                refused.append(refusal)
        refused += await self._forward(batch, [*accepted.values()], lambda one: change(batch.at_home(one)))
        await self._keep(batch, [_kept(one, change) for one in refused])
        return len(accepted), refused

    async def set_aside(self, batch: Batch, documents: Sequence[Document]) -> tuple[int, list[Refused]]:
        fresh, refused, change = await self._begin(batch, documents)
        refused += [Refused(document, "left-unit") for document, _ in fresh]
        await self._keep(batch, [_kept(one, change) for one in refused])
        return 0, refused

    async def _begin(
        self, batch: Batch, documents: Sequence[Document]
    ) -> tuple[list[tuple[Document, Stored]], list[Refused], Redact]:
        """Those that the store lacks, with what it has of the same id; those it cannot be asked about."""
        revisions = {(d["_id"], d["_rev"]): d for d in (named(one, photos.LONGEST) for one in documents)}
        refused = [r for d in revisions.values() if (r := check_envelope(d, ())) is not None]
        for one in refused:
            del revisions[one.id, one.rev]
        unit = batch.names.unit(batch.writer.unit)
        traces = await of_store(self._ledger.traces(unit))
        removed = await of_store(self._ledger.removed_photos(unit, {id for id, _ in revisions}))
        if not revisions:
            return [], refused, _redacting(traces)
        asked: dict[str, list[str]] = {}
        for document in revisions.values():
            asked.setdefault(document["_id"], []).extend(history(document))
        (_, diff), (_, listed) = await asyncio.gather(
            self._known.ask(batch, "_revs_diff", asked),
            self._known.ask(batch, "_all_docs", {"keys": [*asked]}),
        )
        try:
            there = {row["key"]: _stored(row, removed) for row in listed["rows"]}
            missing = {(id, rev) for id, entry in diff.items() for rev in entry.get("missing", ())}
            fresh = [(d, there[key[0]]) for key, d in revisions.items() if key in missing]
        except (KeyError, TypeError, AttributeError):
            raise GatewayError("store-unavailable", "an answer without its parts") from None
        return fresh, refused, _redacting(traces)


def _stored(row: dict[str, Any], removed: Collection[str]) -> Stored:
    if row["key"] in removed:
        return Stored(winner={"_id": row["key"]}, deleted=True)
    if row.get("error") == "not_found":
        return Stored()
    return Stored(winner={"_id": row["id"]}, deleted=bool(row["value"].get("deleted")))


def _redacting(traces: Traces) -> Redact:
    def change(photo: Document) -> Document:
        return {**photo, **masked(photos.without_pictures(photo), "", traces)}

    return change


def _kept(refused: Refused, change: Redact) -> Refused:
    """What the quarantine may know of a refused photo."""
    said = change(photos.without_pictures(refused.document))
    whole = {**said, **photos.pictures_of(refused.document)}
    lost = {name: len(str(refused.document[name])) for name in refused.document.keys() - whole.keys()}
    detail = f"{refused.detail} (not kept, characters: {lost})" if lost else refused.detail
    return replace(refused, document=whole, detail=detail)
