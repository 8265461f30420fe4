"""What becomes of a refused record: accepted, returned to whoever sent it, or set aside.

A decision is first written into the record's entry in the quarantine: only the first of two finds it open,
and what it says is what happens. Then it is carried out, in steps that may be begun again at any time:

1. The audit has who decided.
2. An accepted document is written into its unit as a child of the revision that was refused. So a phone that
   offers the old revision again offers something known, and pulls the new one as its successor. Where the
   unit has the document already, the child is one more leaf, which `sync.conflicts` merges.
3. The entry is marked as done; phones are told of decisions that are done.

`settle` carries out what was cut short.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import structlog

from sync import checks, clocks, photos, twins
from sync.absorbing import as_known
from sync.aliases import resolve, rewritten
from sync.audit import Act, Audit
from sync.background import apart, repeat
from sync.checks import Refusal, Stored
from sync.clocks import text_of
from sync.erasing import erase_late, redacting
from sync.gateway_lookup import history
from sync.gateway_writes import check_envelope
from sync.ledger import Ledger
from sync.merge import consent_of
from sync.names import PHOTOS, Names
from sync.redaction import named_in
from sync.refused import DESIGN, find_refused
from sync.revisions import child_of
from sync.store import Document, NotFound, Store
from sync.text import nfc
from sync.ulids import new_ulid

Outcome = Literal["accepted", "returned", "set-aside", "superseded"]
"""`superseded`: whoever sent it had put it right and sent it again, so nothing was written."""
SETTLE_SECONDS = 60.0
log = structlog.get_logger(__name__)
_MASK = re.compile("•{2,}")


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, in which role, for which ward."""

    person: str
    role: str
    ward: str


class Deciding:
    """Decides about the refused records of any ward; `written` is told of units that got something."""

    def __init__(
        self, store: Store, names: Names, audit: Audit, written: Callable[[str], None] = lambda database: None
    ) -> None:
        self._store = store
        self._names = names
        self._audit = audit
        self._written = written
        self._ledger = Ledger(store, names)

    async def accept(
        self, by: Decider, hash: str, fields: Mapping[str, Any] | None = None, at: datetime | None = None
    ) -> Document:
        """The entry as it is decided now, by this call or by whoever was first.

        :param fields: new values of the document's registers.
        :raises Refusal: when the document may not be stored so; ``masked`` where digits are hidden.
        :raises NotFound: when the ward has no such entry.
        """
        entry, now = await self._find(by, hash), at or datetime.now(UTC)
        if "decision" in entry:
            return await self._finish(by.ward, entry)
        database, id = self._database(by.ward, entry), str(entry["id"])
        if id in await self._ledger.erased(database, [id]):
            raise Refusal("erased")
        known = await self._store.known_revisions(database, id)
        if entry["rev"] in known:
            return await self._decide(by, entry, lambda stored: _decision(by, "superseded", now))
        winner = await self._find_stored(database, entry) if known else None
        stored = Stored(winner, bool(known) and winner is None, tuple(known), None)

        def decide(entry: Document) -> Document:
            child = prepare(entry, fields or {}, by.person, now, stored)
            return {**_decision(by, "accepted", now), "document": child, "rev": child["_rev"]}

        return await self._decide(by, entry, decide)

    async def _find_stored(self, database: str, entry: Document) -> Document | None:
        """What is stored of a refused record; of one that was merged since, as the one it goes on as says."""
        id, sent = str(entry["id"]), entry.get("document")
        if (winner := await self._store.find(database, id)) or not isinstance(sent, dict):
            return winner
        kept = (await resolve(self._store, database, [id])).get(id)
        now = await self._store.find(database, kept) if kept else None
        return as_known(now, sent) if now else None

    async def answer(
        self, by: Decider, hash: str, outcome: Literal["returned", "set-aside"], message: str
    ) -> Document:
        """Returned to whoever sent it, or set aside; the message says what to do, or why.

        :raises NotFound: when the ward has no such entry.
        """
        entry, now = await self._find(by, hash), datetime.now(UTC)
        return await self._decide(by, entry, lambda _: {**_decision(by, outcome, now), "message": message})

    async def settle(self, ward: str) -> int:
        """Carry out what was decided and cut short; how many decisions that were."""
        rows = []
        with suppress(NotFound):
            quarantine = self._names.ward(ward).quarantine
            rows = await self._store.view(quarantine, DESIGN, "unfinished", reduce=False, include_docs=True)
        with apart() as each:
            for row in rows:
                with each():
                    await self._finish(ward, row["doc"])
        if rows:
            log.warning("decisions carried out", decisions=len(rows))
        return len(rows)

    async def follow(self, ward: str) -> None:
        """`settle` now and then, until cancelled."""
        await repeat(lambda: self.settle(ward), "deciding", every=SETTLE_SECONDS)

    def _database(self, ward: str, entry: Document) -> str:
        """Where an accepted document goes."""
        names, unit = self._names.ward(ward), str(entry["unit"])
        return names.photos(unit) if entry["database"] == names.photos_address(unit) else names.unit(unit)

    async def _find(self, by: Decider, hash: str) -> Document:
        entry = await find_refused(self._store, self._names.ward(by.ward).quarantine, hash)
        if entry is None:
            raise NotFound("no such refused record")
        return entry

    async def _decide(self, by: Decider, entry: Document, decide: Callable[[Document], Document]) -> Document:
        def claim(stored: Document | None) -> Document | None:
            if stored is None or "decision" in stored:
                return None
            return {**stored, "decision": decide(stored)}

        quarantine = self._names.ward(by.ward).quarantine
        decided = await self._store.update(quarantine, entry["_id"], claim)
        if decided is None:
            raise NotFound("no such refused record")
        return await self._finish(by.ward, decided)

    async def _finish(self, ward: str, entry: Document) -> Document:
        decision = entry["decision"]
        if decision["done"]:
            return entry
        act = Act(
            by=decision["by"],
            role=decision["role"],
            action="quarantine-decided",
            subject=entry["_id"],
            unit=str(entry["unit"]),
            ward=ward,
        )
        await self._audit.write(act, decision["audit"])
        stored = "document" not in decision or await self._write(ward, entry, decision["document"])

        def end(now: Document | None) -> Document | None:
            if now is None or now["decision"]["done"]:
                return None
            made = {name: value for name, value in now["decision"].items() if name != "document"}
            outcome = made["outcome"] if stored else "set-aside"  # the resident was erased meanwhile
            return {**now, "decision": {**made, "outcome": outcome, "done": True}}

        return await self._store.update(self._names.ward(ward).quarantine, entry["_id"], end) or entry

    async def _write(self, ward: str, entry: Document, document: Document) -> bool:
        """Into the unit's database. False for what the ledger has as erased."""
        database = self._database(ward, entry)
        if document.get("type") == "photo":
            await self._store.graft(database, [document])
            return True
        erased = await self._ledger.erased(database, named_in([document]))
        if document["_id"] in erased:
            return False
        spoken_of = named_in([document]) | {str(document.get("household"))}
        others = await resolve(self._store, database, {*spoken_of, document["_id"]} - {"None"})
        changed = rewritten(redacting(erased, await self._ledger.traces(database))(document), others)
        saved = document if changed == document else child_of(document, changed)
        if kept := others.get(document["_id"]):
            place = await twins.locate(self._store, self._names, ward, str(entry["unit"]), kept)
            told = self._store, self._names, ward, *(place or (str(entry["unit"]), kept))
            taken = await twins.take_late(*told, document, saved, entry["decision"]["by"])
            self._written(database)
            return taken
        await self._store.graft(database, [saved])
        late = await erase_late(self._store, self._ledger, database, [saved])
        if document["type"] == "resident" and not consent_of(document):
            await self._store.compact(database)  # a name may be in earlier revisions
        self._written(database)
        return document["_id"] not in late


def prepare(entry: Document, fields: Mapping[str, Any], by: str, now: datetime, stored: Stored) -> Document:
    """What is stored of a refused document: with other values where the desk set them, a child of what came.

    :raises Refusal: when it may not be stored.
    """
    sent = entry.get("document")
    if not isinstance(sent, dict) or sent.get("_id") != entry["id"] or sent.get("_rev") != entry["rev"]:
        raise Refusal("malformed", "emptied")
    broken = check_envelope(sent, ())
    if broken is not None:
        raise Refusal(broken.why, broken.detail)
    document = _composed({**sent, **_signed(sent, fields, by, now)})
    if entry["code"] != "wrong-unit":
        document["unit"] = entry["unit"]  # the unit may have been merged into another since
    if _MASK.search("\n".join(_strings(document))):
        raise Refusal("masked")
    base = stored.winner if stored.winner and stored.winner["_rev"] in history(sent) else None
    ancestors = [rev for rev in history(sent) if rev in stored.known]
    timely = clocks.correct(document, datetime.fromisoformat(entry["at"])) or document
    content = {name: value for name, value in timely.items() if name not in ("_rev", "_revisions")}
    known = Stored(stored.winner, stored.deleted, tuple(ancestors), base)
    judged, unit = {**content, "_rev": sent["_rev"]}, str(entry["unit"])
    if str(entry["database"]).endswith(PHOTOS):
        photos.check_accepted(unit, judged, known)
    else:
        checks.check_accepted(str(entry["by"]), unit, judged, known)
    return child_of(sent, content)


def _signed(sent: Document, fields: Mapping[str, Any], by: str, now: datetime) -> Document:
    """Fields set at the desk bear its name and a time later than what they replace, so that they win."""
    signed = {}
    for name, value in fields.items():
        before = sent.get(name)
        register = before if isinstance(before, dict) else {}
        if register.get("value") == value:
            continue
        at = now
        with suppress(KeyError, TypeError, ValueError):
            at = max(now, datetime.fromisoformat(register["at"]) + timedelta(milliseconds=1))
        signed[name] = {"value": value, "at": text_of(at), "by": by}
    return signed


def _decision(by: Decider, outcome: Outcome, now: datetime) -> Document:
    return {
        "outcome": outcome,
        "by": by.person,
        "role": by.role,
        "at": text_of(now),
        "audit": new_ulid(),
        "done": False,
    }


def _composed(value: Any) -> Any:
    """All text in NFC."""
    if isinstance(value, str):
        return nfc(value)
    if isinstance(value, list):
        return [_composed(item) for item in value]
    if isinstance(value, dict):
        return {nfc(name): _composed(item) for name, item in value.items()}
    return value


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, item in value.items() for text in (name, *_strings(item))]
    return [text for item in value for text in _strings(item)] if isinstance(value, list) else []
