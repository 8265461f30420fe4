"""One batch of documents from a phone: checked, split, written, the refused ones put in quarantine.

PouchDB 9 takes a document that is missing in the answer as written, any per-document error but
``forbidden`` as a reason to repeat the whole batch for ever, and a ``forbidden`` one as settled. So a
batch ends in one of two ways only: every document is written or durably in quarantine, or the whole
request fails and comes again.

What the ledger has as erased is refused whatever it says, and the quarantine gets no word of it. A visit may
still tell that someone was helped who is erased by now: it is counted and stored without its free text. Any
document may still name someone erased: a gap is stored in place of the name. The ledger is asked before and
after the write, so that an erasure in between holds too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from sync import checks, twins, withdrawing
from sync.arriving import timely
from sync.checks import Refusal, Stored
from sync.erasing import Redact, empty_entry, empty_quarantine, erase_late, redacting
from sync.gateway_body import LARGEST_DOCUMENT
from sync.gateway_errors import GatewayError
from sync.gateway_lookup import Batch, LookUp, of_store
from sync.gateway_upstream import Upstream
from sync.heirs import last_heir
from sync.ledger import Ledger
from sync.names import Names
from sync.quarantine import Quarantine, QuarantineFull, Refused
from sync.redaction import named_in
from sync.revisions import child_of
from sync.store import Document, Store, StoreError
from sync.traces import Traces

T = TypeVar("T")
log = structlog.get_logger(__name__)

MOST_REVISIONS = 1000
_REV = re.compile(r"([1-9]\d{0,8})-([0-9a-f]{32})")
_HASH = re.compile(r"[0-9a-f]{32}")


class Writes:
    """Takes batches of replicated revisions (``new_edits: false``)."""

    def __init__(self, upstream: Upstream, store: Store, names: Names, ledger: Ledger) -> None:
        self._upstream = upstream
        self._store = store
        self._names = names
        self._ledger = ledger
        self._quarantine = Quarantine(store)
        self._known = LookUp(upstream, store)

    async def take(self, batch: Batch, documents: Sequence[Document]) -> tuple[int, list[Refused]]:
        """How many documents were sent on to be stored, and those that are in quarantine instead.

        :raises GatewayError: when the whole batch must come again, or can never be read.
        """
        revisions = {(d["_id"], d["_rev"]): d for d in map(named, documents)}
        erased, traces = await of_store(self._ask_ledger(batch, revisions.values()))
        refused = [r for d in revisions.values() if (r := check_envelope(d, erased)) is not None]
        for one in refused:
            del revisions[one.id, one.rev]
        candidates = list(revisions.values())
        stored: dict[tuple[str, str], Stored] = {}
        if candidates:
            try:
                batch, _, stored = await self._known.look_up(batch, candidates)
            except (KeyError, TypeError, AttributeError):
                raise GatewayError("store-unavailable", "an answer without its parts") from None
        erased |= await of_store(self._erased_as_others(batch))
        accepted, merged, moved, also = _judged(batch, revisions, stored, erased)
        refused += also
        await of_store(self._take_over(batch, merged))
        ending = await of_store(self._begin_withdrawals(batch, accepted, stored)) if accepted else []
        redact, homes = redacting(erased, traces), _homes(stored)
        refused += await self._forward(
            batch, accepted, lambda one: _at_its_door(batch.at_home(redact(one)), homes)
        )
        refused = [_kept(one, erased, traces) for one in refused]
        await self._keep(batch, refused)
        for id in ending:
            await withdrawing.try_to_finish(self._store, self._names, *self._place(batch), id)
        late = await of_store(self._erase_late(batch, accepted, refused))
        refused = [Refused(one.document, "erased") if one.id in late else one for one in refused]
        refused += [Refused(document, "erased") for document in accepted if document["_id"] in late]
        for unit, some in moved.items():
            refused += await self._follow(batch, unit, some)
        return len(accepted) + len(merged), refused

    async def _erased_as_others(self, batch: Batch) -> set[str]:
        """Those of whom the batch speaks that went on as someone who was erased since, under either id."""
        gone = await self._ledger.erased(batch.database, set(batch.aliases.values()))
        return gone | {id for id, kept in batch.aliases.items() if kept in gone}

    async def _take_over(self, batch: Batch, documents: Sequence[Document]) -> None:
        """Edits of records that were merged become edits of those that they go on as; see `sync.twins`."""
        for document in documents:
            arrival = datetime.fromisoformat(batch.bringer.at)
            kept = batch.aliases[document["_id"]]
            late = batch.at_home(await timely(self._store, batch.database, document, arrival, kept))
            told = self._store, self._names, *self._place(batch), kept, document, late, batch.person
            if not await twins.take_late(*told):
                raise GatewayError("store-unavailable", "what it goes on as went elsewhere just now")

    async def _follow(self, batch: Batch, unit: str, documents: Sequence[Document]) -> list[Refused]:
        """Takes what goes on in another unit there, as if it had been brought to it.

        Each is answered for: as ``moved``, or as refused there. Nobody can make a document go elsewhere but
        the desk, so that nobody writes into a unit that they are not of but on what was theirs.
        """
        role = batch.names.role(unit)
        there = replace(
            batch,
            role=role,
            bringer=replace(batch.bringer, unit=unit, database=role),
            writer=replace(batch.writer, unit=unit),
            path=f"/{batch.names.unit(unit)}",
            passed=batch.passed | {batch.writer.unit},
        )
        _, refused = await self.take(there, documents)
        answered = {(one.id, one.rev) for one in refused}
        return refused + [Refused(d, "moved") for d in documents if (d["_id"], d["_rev"]) not in answered]

    async def set_aside(self, batch: Batch, documents: Sequence[Document]) -> tuple[int, list[Refused]]:
        """Keeps what someone brings for a unit that they have left: all of it in quarantine, for review.

        What the store has already was written before they left, and stays accepted.

        :raises GatewayError: as `take`.
        """
        revisions = {(d["_id"], d["_rev"]): d for d in map(named, documents)}
        erased, traces = await of_store(self._ask_ledger(batch, revisions.values()))
        refused = [r for d in revisions.values() if (r := check_envelope(d, erased)) is not None]
        for one in refused:
            del revisions[one.id, one.rev]
        known: set[tuple[str, str]] = set()
        if revisions:
            _, known, _ = await self._known.look_up(batch, list(revisions.values()))
        refused += [Refused(d, "left-unit") for key, d in revisions.items() if key not in known]
        refused = [_kept(one, erased, traces) for one in refused]
        await self._keep(batch, refused)
        late = await of_store(self._erase_late(batch, [], refused))
        return 0, [Refused(one.document, "erased") if one.id in late else one for one in refused]

    async def _forward(self, batch: Batch, documents: Sequence[Document], change: Redact) -> list[Refused]:
        """Write what passed the checks; gives what CouchDB's own validator refuses."""
        if not documents:
            return []
        arrival = datetime.fromisoformat(batch.bringer.at)
        arrived = [await of_store(timely(self._store, batch.database, one, arrival)) for one in documents]
        stored = [_redacted(document, change) for document in arrived]
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

    async def _erase_late(
        self, batch: Batch, accepted: Sequence[Document], refused: Sequence[Refused]
    ) -> set[str]:
        """The residents that were erased meanwhile: what was just written and kept of them goes, too."""
        at_home = [batch.at_home(document) for document in accepted]
        late = await erase_late(self._store, self._ledger, batch.database, at_home)
        if not refused:
            return late
        kept, traces = await self._ask_ledger(batch, [one.document for one in refused])
        if any(_kept(one, kept, traces).document != one.document for one in refused):
            quarantine = batch.names.quarantine
            await empty_quarantine(self._store, quarantine, batch.bringer.database, kept, traces)
            await self._store.compact(quarantine)
        return late | kept

    async def _begin_withdrawals(
        self, batch: Batch, accepted: Sequence[Document], stored: dict[tuple[str, str], Stored]
    ) -> list[str]:
        """The residents whose consent these documents end; the ledger knows of it before they are stored."""
        ending = []
        for document in accepted:
            one = stored[document["_id"], document["_rev"]]
            if withdrawing.ends_consent(document, (one.base, one.winner)):
                before = (one.base, one.winner)
                await withdrawing.begin(
                    self._store, self._names, *self._place(batch), document["_id"], before
                )
                ending.append(document["_id"])
        return ending

    def _place(self, batch: Batch) -> tuple[str, str]:
        return self._names.owner(batch.database) or (batch.names.ward, batch.writer.unit)

    async def _ask_ledger(self, batch: Batch, documents: Collection[Document]) -> tuple[set[str], Traces]:
        return await asyncio.gather(
            self._ledger.erased(batch.database, named_in(documents)), self._ledger.traces(batch.database)
        )

    async def _keep(self, batch: Batch, refused: Sequence[Refused]) -> None:
        at_home = [replace(one, document=batch.at_home(one.document)) for one in refused]
        try:
            await self._quarantine.keep(batch.names.quarantine, batch.bringer, at_home)
        except QuarantineFull:
            raise GatewayError("too-many-refused") from None
        except StoreError as error:
            raise GatewayError("store-unavailable", f"quarantine: {error.reason}") from None


def _homes(stored: Mapping[tuple[str, str], Stored]) -> dict[str, str]:
    """Of documents that have a household by now which one; but for what is just given one."""
    return {
        id: str(one.winner["household"])
        for (id, _), one in stored.items()
        if one.winner and one.winner.get("household")
        if one.base is None or one.base.get("household")
    }


def _at_its_door(document: Document, homes: Mapping[str, str]) -> Document:
    """Phones take nothing from one household to another: one that differs was put right, or back, since."""
    home = homes.get(document["_id"])
    return {**document, "household": home} if home and document.get("household") != home else document


def _judged(
    batch: Batch,
    revisions: Mapping[tuple[str, str], Document],
    stored: Mapping[tuple[str, str], Stored],
    erased: Collection[str],
) -> tuple[list[Document], list[Document], dict[str, list[Document]], list[Refused]]:
    """What is taken here, what are edits of records that were merged, what goes to other units; the rest."""
    accepted: list[Document] = []
    merged: list[Document] = []
    moved: dict[str, list[Document]] = {}
    refused: list[Refused] = []
    for key, held in stored.items():  # what is known already needs no answer
        document, place = revisions[key], last_heir(batch.heirs, held.moved_to)
        if key[0] in erased:
            refused.append(Refused(document, "erased"))
        elif place and place not in {*batch.passed, batch.writer.unit}:
            moved.setdefault(place, []).append(document)
        elif refusal := judge(partial(checks.check, batch.writer, batch.at_home(document), held), document):
            refused.append(refusal)
        else:
            (merged if held.kept else accepted).append(document)
    return accepted, merged, moved, refused


def _redacted(document: Document, change: Redact) -> Document:
    """A document that says something of someone erased, as a child that does not; any other as it is."""
    changed = change(document)
    return document if changed == document else child_of(document, changed)


def _kept(refused: Refused, erased: Collection[str], traces: Traces) -> Refused:
    """What the quarantine may know of a refused document."""
    entry = empty_entry({"document": refused.document, "detail": refused.detail}, erased, traces)
    return Refused(entry["document"], refused.why, entry["detail"])


def judge(check: Callable[[], None], document: Document) -> Refused | None:
    """What a check says of a document.

    Should it fail itself, the document goes to quarantine all the same: an error here would make the phone
    repeat its whole batch for ever, with everything behind it.
    """
    try:
        check()
    except Refusal as refusal:
        return Refused(document, refusal.code, refusal.detail)
    except Exception as error:
        log.error("a check failed", id=document["_id"], exc_info=error)
        return Refused(document, "malformed", type(error).__name__)
    return None


def named(document: Document, longest: int = LARGEST_DOCUMENT) -> Document:
    """A document that can at least be answered for.

    :raises GatewayError: for one without id or revision, or too large to be kept anywhere.
    """
    id, rev = document.get("_id"), document.get("_rev")
    if not isinstance(id, str) or not isinstance(rev, str) or not id or not rev:
        raise GatewayError("bad-request", "a document without _id or _rev")
    if len(id) > 512 or len(rev) > 64 or len(msgspec.json.encode(document)) > longest:
        raise GatewayError("too-large")
    return document


def check_envelope(document: Document, erased: Collection[str]) -> Refused | None:
    """Revision and history as CouchDB would accept them; one bad one would fail the whole batch there."""
    if document["_id"] in erased:
        return Refused(document, "erased")
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
