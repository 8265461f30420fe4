"""What the store knows of the documents of a batch before they are judged, and of what they speak of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sync import aliases
from sync.absorbing import as_known
from sync.checks import Stored, Writer
from sync.gateway_errors import GatewayError
from sync.gateway_upstream import Upstream
from sync.heirs import place_of
from sync.names import WardNames
from sync.quarantine import Bringer
from sync.redaction import named_in, people_of
from sync.residents import is_restricted
from sync.store import Document, Store, StoreError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Who writes where; `path` is the database's path in the store.

    Documents may name the unit `named`, which is the writer's own, or one that was merged into it.
    """

    person: str
    role: str
    bringer: Bringer
    writer: Writer
    names: WardNames
    path: str
    named: str
    heirs: Mapping[str, str] = field(default_factory=dict)
    passed: frozenset[str] = frozenset()
    """The units that were gone through on the way here."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """As which records others go on that documents may still name."""

    @property
    def database(self) -> str:
        """Its name in the store."""
        return self.path.removeprefix("/")

    def at_home(self, document: Document) -> Document:
        """The document as it is kept: late ones still name the unit that was merged."""
        document = aliases.rewritten(document, self.aliases)
        late = self.named != self.writer.unit and document.get("unit") == self.named
        return {**document, "unit": self.writer.unit} if late else document


class LookUp:
    """Reads with the rights of whoever brings a batch."""

    def __init__(self, upstream: Upstream, store: Store) -> None:
        self._upstream = upstream
        self._store = store

    async def look_up(
        self, batch: Batch, documents: Sequence[Document]
    ) -> tuple[Batch, set[tuple[str, str]], dict[tuple[str, str], Stored]]:
        """Which revisions the store has already, and what it knows of the others' history.

        The batch comes back with the records as which those go on that the documents name.
        """
        asked: dict[str, list[str]] = {}
        for document in documents:
            asked.setdefault(document["_id"], []).extend(history(document))
        helped = (named_in(documents) | homes_of(documents)) - asked.keys()
        (_, diff), rows = await asyncio.gather(
            self.ask(batch, "_revs_diff", asked), self._rows(batch, [*asked, *sorted(helped)])
        )
        missing = {id: set(entry.get("missing", ())) for id, entry in diff.items()}
        gone = await self._gone(batch, rows)
        also = await of_store(aliases.follow(self._store, batch.database, gone))
        batch = replace(batch, aliases={**batch.aliases, **also})
        if targets := {batch.aliases[id] for id in rows.keys() & batch.aliases.keys()} - rows.keys():
            more = await self._rows(batch, sorted(targets))
            rows, gone = {**rows, **more}, {**gone, **await self._gone(batch, more)}
        moved = {id: place for id, one in gone.items() if (place := place_of(one))}
        known: set[tuple[str, str]] = set()
        stored: dict[tuple[str, str], Stored] = {}
        bases: dict[tuple[str, str], str] = {}
        for document in documents:
            id, (rev, *ancestors) = document["_id"], history(document)
            lacking = missing.get(id, set())
            if rev not in lacking:
                known.add((id, rev))
                continue
            ancestors = [a for a in ancestors if a not in lacking]
            stored[id, rev] = one = _held(batch, document, rows, moved, ancestors)
            if one.winner is not None and one.known and one.base is None:
                bases[id, rev] = next(iter(one.known))
        await self._add_bases(batch, stored, bases)
        if batch.aliases:
            stored = {key: _in_terms_of(batch, one) for key, one in stored.items()}
        return batch, known, stored

    async def _rows(self, batch: Batch, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        _, winners = await self.ask(batch, "_all_docs?include_docs=true", {"keys": list(ids)})
        return {row["key"]: row for row in winners["rows"]}

    async def _gone(self, batch: Batch, rows: dict[str, dict[str, Any]]) -> dict[str, Document]:
        """The tombstones of documents of which nothing else is left, by id."""
        gone = [
            {"id": id, "rev": row["value"]["rev"]}
            for id, row in rows.items()
            if row.get("value", {}).get("deleted")
        ]
        if not gone:
            return {}
        _, answer = await self.ask(batch, "_bulk_get", {"docs": gone})
        found = [one["ok"] for result in answer["results"] for one in result["docs"] if "ok" in one]
        return {one["_id"]: one for one in found}

    async def _add_bases(
        self, batch: Batch, stored: dict[tuple[str, str], Stored], bases: dict[tuple[str, str], str]
    ) -> None:
        """The bodies that branches started from, where compaction has left them."""
        if not bases:
            return
        wanted = [{"id": id, "rev": base} for (id, _), base in bases.items()]
        _, answer = await self.ask(batch, "_bulk_get", {"docs": wanted})
        bodies = {
            (found["ok"]["_id"], found["ok"]["_rev"]): found["ok"]
            for result in answer["results"]
            for found in result["docs"]
            if "ok" in found
        }
        for (id, rev), base in bases.items():
            before = stored[id, rev]
            stored[id, rev] = replace(before, base=bodies.get((id, base)))

    async def ask(self, batch: Batch, path: str, body: Any) -> tuple[int, Any]:
        """:raises GatewayError: when the store does not answer this."""
        status, answer = await self._upstream.ask(
            batch.person, batch.role, "POST", f"{batch.path}/{path}", body
        )
        if status != 200:
            raise GatewayError("store-unavailable", f"{status} from {path}")
        return status, answer


def homes_of(documents: Sequence[Document]) -> set[str]:
    """The households of residents and visits."""
    return {home for one in documents if isinstance(home := one.get("household"), str)}


async def of_store(asked: Awaitable[T]) -> T:
    """:raises GatewayError: when the ledger cannot be asked: the batch comes again."""
    try:
        return await asked
    except StoreError as error:
        raise GatewayError("store-unavailable", f"ledger: {error.reason}") from None


def history(document: Document) -> list[str]:
    """The revision and its ancestors, newest first, as CouchDB writes them."""
    revisions = document.get("_revisions")
    if not revisions:
        return [document["_rev"]]
    start = revisions["start"]
    return [f"{start - back}-{hash}" for back, hash in enumerate(revisions["ids"])]


def _held(
    batch: Batch,
    document: Document,
    rows: Mapping[str, dict[str, Any]],
    moved: Mapping[str, str],
    ancestors: list[str],
) -> Stored:
    """What the store knows of a document, of those it speaks of, and of where either goes on."""
    id, said = document["_id"], aliases.rewritten(document, batch.aliases)
    kept = batch.aliases.get(id, "")
    one = _stored(rows[id], ancestors)
    place = moved.get(kept or id, "")
    if kept and (now := rows.get(kept, {}).get("doc")):
        one = replace(one, winner=as_known(now, said), deleted=False, base=None, kept=kept)
    elif kept:
        one = replace(one, deleted=True)
    if kept and batch.passed:  # its history is in the unit that it was brought to
        one = replace(one, known=(document["_rev"],))
    if one.winner is None and id.startswith("resident:"):
        place = moved.get(str(said.get("household")), "")
    restricted = {person for person, row in rows.items() if is_restricted(row.get("doc") or {})}
    return replace(one, restricted=people_of(said) & restricted, moved_to=place)


def _in_terms_of(batch: Batch, one: Stored) -> Stored:
    """As if what is stored had always named the records that others go on as."""
    base, winner = (aliases.rewritten(dict(d), batch.aliases) if d else d for d in (one.base, one.winner))
    return replace(one, base=base, winner=winner)


def _stored(row: dict[str, Any], ancestors: list[str]) -> Stored:
    if row.get("error") == "not_found":
        return Stored()
    winner = row.get("doc") or {}
    deleted = bool(row["value"].get("deleted"))
    base = winner if ancestors and ancestors[0] == row["value"]["rev"] else None
    return Stored(winner, deleted, tuple(ancestors), base)
