"""One batch of documents from a phone: checked, split, written, the refused ones put in quarantine.

PouchDB 9 takes a document that is missing in the answer as written, any per-document error but
``forbidden`` as a reason to repeat the whole batch for ever, and a ``forbidden`` one as settled. So a
batch ends in one of two ways only: every document is written or durably in quarantine, or the whole
request fails and comes again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog

from sync import checks, clocks
from sync.checks import Refusal, Stored, Writer
from sync.gateway_body import LARGEST_DOCUMENT
from sync.gateway_errors import GatewayError
from sync.gateway_upstream import Upstream
from sync.names import WardNames
from sync.quarantine import Bringer, Quarantine, QuarantineFull, Refused
from sync.store import Document, StoreError

log = structlog.get_logger(__name__)

MOST_REVISIONS = 1000
_REV = re.compile(r"([1-9]\d{0,8})-([0-9a-f]{32})")
_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Batch:
    """Who writes where; `path` is the database's path in the store."""

    person: str
    role: str
    bringer: Bringer
    writer: Writer
    names: WardNames
    path: str


class Writes:
    """Takes batches of replicated revisions (``new_edits: false``)."""

    def __init__(self, upstream: Upstream, quarantine: Quarantine) -> None:
        self._upstream = upstream
        self._quarantine = quarantine

    async def take(self, batch: Batch, documents: Sequence[Document]) -> tuple[int, list[Refused]]:
        """How many documents were sent on to be stored, and those that are in quarantine instead.

        :raises GatewayError: when the whole batch must come again, or can never be read.
        """
        revisions = {(d["_id"], d["_rev"]): d for d in map(_named, documents)}
        refused = [r for r in map(_check_envelope, revisions.values()) if r is not None]
        for one in refused:
            del revisions[one.id, one.rev]
        candidates = list(revisions.values())
        accepted: list[Document] = []
        if candidates:
            try:
                known, stored = await self._look_up(batch, candidates)
            except (KeyError, TypeError, AttributeError):
                raise GatewayError("store-unavailable", "an answer without its parts") from None
            for document in candidates:
                if (document["_id"], document["_rev"]) in known:
                    continue
                refusal = _judge(batch.writer, document, stored[document["_id"], document["_rev"]])
                if refusal is None:
                    accepted.append(document)
                else:
                    refused.append(refusal)
        refused += await self._forward(batch, accepted)
        await self._keep(batch, refused)
        return len(accepted), refused

    async def _look_up(
        self, batch: Batch, documents: Sequence[Document]
    ) -> tuple[set[tuple[str, str]], dict[tuple[str, str], Stored]]:
        """Which revisions the store has already, and what it knows of the others' history."""
        asked: dict[str, list[str]] = {}
        for document in documents:
            asked.setdefault(document["_id"], []).extend(history(document))
        (_, diff), (_, winners) = await asyncio.gather(
            self._ask(batch, "_revs_diff", asked),
            self._ask(batch, "_all_docs?include_docs=true", {"keys": list(asked)}),
        )
        missing = {id: set(entry.get("missing", ())) for id, entry in diff.items()}
        rows = {row["key"]: row for row in winners["rows"]}
        stored: dict[tuple[str, str], Stored] = {}
        known: set[tuple[str, str]] = set()
        bases: dict[tuple[str, str], str] = {}
        for document in documents:
            id, (rev, *ancestors) = document["_id"], history(document)
            lacking = missing.get(id, set())
            if rev not in lacking:
                known.add((id, rev))
                continue
            stored[id, rev] = one = _stored(rows[id], [a for a in ancestors if a not in lacking])
            if one.winner is not None and one.known and one.base is None:
                bases[id, rev] = next(iter(one.known))
        await self._add_bases(batch, stored, bases)
        return known, stored

    async def _add_bases(
        self, batch: Batch, stored: dict[tuple[str, str], Stored], bases: dict[tuple[str, str], str]
    ) -> None:
        """The bodies that branches started from, where compaction has left them."""
        if not bases:
            return
        wanted = [{"id": id, "rev": base} for (id, _), base in bases.items()]
        _, answer = await self._ask(batch, "_bulk_get", {"docs": wanted})
        bodies = {
            (found["ok"]["_id"], found["ok"]["_rev"]): found["ok"]
            for result in answer["results"]
            for found in result["docs"]
            if "ok" in found
        }
        for (id, rev), base in bases.items():
            before = stored[id, rev]
            stored[id, rev] = Stored(before.winner, before.deleted, before.known, bodies.get((id, base)))

    async def _ask(self, batch: Batch, path: str, body: Any) -> tuple[int, Any]:
        status, answer = await self._upstream.ask(
            batch.person, batch.role, "POST", f"{batch.path}/{path}", body
        )
        if status != 200:
            raise GatewayError("store-unavailable", f"{status} from {path}")
        return status, answer

    async def _forward(self, batch: Batch, documents: Sequence[Document]) -> list[Refused]:
        """Write what passed the checks; gives what CouchDB's own validator refuses."""
        if not documents:
            return []
        arrival = datetime.fromisoformat(batch.bringer.at)
        stored = [clocks.correct(document, arrival) or document for document in documents]
        body = {"new_edits": False, "docs": stored}
        status, answer = await self._upstream.ask(
            batch.person, batch.role, "POST", f"{batch.path}/_bulk_docs", body
        )
        if status != 201 or not isinstance(answer, list):
            raise GatewayError("store-unavailable", f"{status} from _bulk_docs")
        sent = {(to["_id"], to["_rev"]): document for to, document in zip(stored, documents, strict=True)}
        refused = []
        for row in answer:
            if "error" not in row:
                continue
            document = sent.get((row.get("id"), row.get("rev")))
            if row["error"] != "forbidden" or document is None:
                raise GatewayError("store-unavailable", f"{row['error']} for a document")
            code = row.get("reason")
            refused.append(Refused(document, code if code in checks.CODES else "malformed", str(code)))
        return refused

    async def _keep(self, batch: Batch, refused: Sequence[Refused]) -> None:
        try:
            await self._quarantine.keep(batch.names.quarantine, batch.bringer, refused)
        except QuarantineFull:
            raise GatewayError("too-many-refused") from None
        except StoreError as error:
            raise GatewayError("store-unavailable", f"quarantine: {error.reason}") from None


def _judge(writer: Writer, document: Document, stored: Stored) -> Refused | None:
    """What `sync.checks` says. Should a check fail itself, the document goes to quarantine all the same:

    an error here would make the phone repeat its whole batch for ever, with everything behind it.
    """
    try:
        checks.check(writer, document, stored)
    except Refusal as refusal:
        return Refused(document, refusal.code, refusal.detail)
    except Exception as error:
        log.error("a check failed", id=document["_id"], exc_info=error)
        return Refused(document, "malformed", type(error).__name__)
    return None


def history(document: Document) -> list[str]:
    """The revision and its ancestors, newest first, as CouchDB writes them."""
    revisions = document.get("_revisions")
    if not revisions:
        return [document["_rev"]]
    start = revisions["start"]
    return [f"{start - back}-{hash}" for back, hash in enumerate(revisions["ids"])]


def _stored(row: dict[str, Any], ancestors: list[str]) -> Stored:
    if row.get("error") == "not_found":
        return Stored()
    winner = row.get("doc") or {}
    deleted = bool(row["value"].get("deleted"))
    base = winner if ancestors and ancestors[0] == row["value"]["rev"] else None
    return Stored(winner, deleted, tuple(ancestors), base)


def _named(document: Document) -> Document:
    """A document that can at least be answered for.

    :raises GatewayError: for one without id or revision, or too large to be kept anywhere.
    """
    id, rev = document.get("_id"), document.get("_rev")
    if not isinstance(id, str) or not isinstance(rev, str) or not id or not rev:
        raise GatewayError("bad-request", "a document without _id or _rev")
    if len(id) > 512 or len(rev) > 64 or len(msgspec.json.encode(document)) > LARGEST_DOCUMENT:
        raise GatewayError("too-large")
    return document


def _check_envelope(document: Document) -> Refused | None:
    """Revision and history as CouchDB would accept them; one bad one would fail the whole batch there."""
    if document["_id"].startswith("_"):
        return Refused(document, "bad-id")
    rev = _REV.fullmatch(document["_rev"])
    if rev is None:
        return Refused(document, "malformed", "_rev")
    revisions = document.get("_revisions")
    if revisions is None:
        return None
    ids = revisions.get("ids") if isinstance(revisions, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_REVISIONS:
        return Refused(document, "malformed", "_revisions")
    if not all(isinstance(id, str) and _HASH.fullmatch(id) for id in ids):
        return Refused(document, "malformed", "_revisions")
    start = revisions.get("start")
    if start != int(rev[1]) or isinstance(start, bool) or ids[0] != rev[2] or len(ids) > start:
        return Refused(document, "malformed", "_revisions")
    return None
