"""Which records were erased on request: ids and times, and for a while the traces of names.

The database ``ledger`` is no part of a backup, so that a restored one is erased anew. One document per erased
record, ``erased:<unit database>:<id>``, with `at` when it was asked and `done` once everything that said
something was gone; it stays for ever and says nothing about anyone. Beside it, for `TRACED_DAYS`,
``trace:<unit database>:<id>``: keyed hashes (HMAC-SHA256, RFC 2104) of the phrases that name this person, for
notes that phones bring late (`sync.traces`). Their key lies in another database, ``accounts``: whoever gets
hold of the ledger alone cannot try names on it. While the name of someone who ended the consent is being
removed, ``ended:<unit database>:<id>`` says so (`sync.withdrawing`); after that, for ever,
``withdrawn:<unit database>:<id>`` says since when, and by whose edit, no earlier consent counts. Devices and
people whose access was ended are in it, too (``barred:<id>``), so that no backup lets them in again, and
photos that someone had removed (``photo-removed:<unit database>:<id>``).

The ledger is asked for each batch instead of being held in memory: an erasure counts for every process from
the moment it is written.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sync.names import Names
from sync.store import Document, Store
from sync.traces import Phrase, Traces, lengths_of

_KIND, _TRACE, _ENDED, _WITHDRAWN, _BARRED = "erased", "trace", "ended", "withdrawn", "barred"
_PHOTO = "photo-removed"
_KEY = "traces"
TRACED_DAYS = 180
"""As long as a phone may be expected to come back with what it wrote before: twice the life of a sign-in."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure; one that is not `done` was cut short."""

    ward: str
    unit: str
    id: str
    done: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A consent that had ended at the instant `at`, by this person's edit."""

    ward: str
    unit: str
    id: str
    at: str
    by: str


class Ledger:
    """The installation's ledger of erasures."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._names = names
        self._key_of_traces = b""

    async def enter(self, ward: str, unit: str, ids: Sequence[str]) -> set[str]:
        """Returns once every id is entered: from then on no write of it is accepted.

        Gives those that were entered before and never finished.
        """
        cut_short: set[str] = set()

        def begin(before: Document | None) -> Document | None:
            if before is None:
                return {"type": _KIND, "ward": ward, "unit": unit, "id": id, "at": _now()}
            if "done" not in before:
                cut_short.add(before["id"])
            return None

        for id in ids:
            await self._store.update(self._names.ledger, self._key(ward, unit, id), begin)
        return cut_short

    async def finish(self, ward: str, unit: str, ids: Sequence[str]) -> None:
        def end(before: Document | None) -> Document | None:
            return None if before is None or "done" in before else {**before, "done": _now()}

        for id in ids:
            await self._store.update(self._names.ledger, self._key(ward, unit, id), end)

    async def erased(self, database: str, ids: Collection[str]) -> set[str]:
        """Those of the ids that were erased from a unit's database (by its name in the store).

        :raises StoreError: when the ledger cannot be asked; then nothing may be written.
        """
        return await self._known(_KIND, database, ids)

    async def _known(self, kind: str, database: str, ids: Collection[str]) -> set[str]:
        if not ids:
            return set()
        keys = {f"{kind}:{self._names.public(database)}:{id}": id for id in ids}
        rows = await self._store.all_docs(self._names.ledger, keys=list(keys))
        return {keys[row["key"]] for row in rows if row.get("value") and not row["value"].get("deleted")}

    async def entries(self) -> list[Entry]:
        """Everything that was ever erased, oldest units first."""
        return [
            Entry(row["ward"], row["unit"], row["id"], "done" in row)
            async for page in self._store.pages(self._names.ledger, startkey=f"{_KIND}:", endkey=f"{_KIND};")
            for row in page
        ]

    async def carry(self, ward: str, source: str, target: str) -> None:
        """Whatever was erased from one unit is erased from another, in which that one goes on.

        Its traces go along under the name that they were sealed with. May be called again at any time.
        """
        old, new = (self._names.public(self._names.unit(ward, unit)) for unit in (source, target))
        for kind in (_KIND, _TRACE, _ENDED, _WITHDRAWN, _PHOTO):
            start = f"{kind}:{old}:"
            async for page in self._store.pages(self._names.ledger, startkey=start, endkey=f"{start}\ufff0"):
                for row in page:
                    rest = row["id"] if kind != _TRACE else row["_id"].removeprefix(f"{_TRACE}:")
                    said = {name: value for name, value in row.items() if not name.startswith("_")}
                    sealed = {"sealed": row.get("sealed", old)} if kind == _TRACE else {}
                    await self._add(f"{kind}:{new}:{rest}", {**said, **sealed, "unit": target})

    async def _add(self, id: str, entry: Document) -> None:
        await self._store.update(self._names.ledger, id, lambda before: entry if before is None else None)

    async def add(self, entry: Document) -> bool:
        """Take over an entry of another copy of this ledger, unless it is here; whether it was new."""
        if entry["_id"].partition(":")[0] not in (_KIND, _TRACE, _ENDED, _WITHDRAWN, _BARRED, _PHOTO):
            return False
        if await self._store.find(self._names.ledger, entry["_id"]) is not None:
            return False
        await self._add(
            entry["_id"], {name: value for name, value in entry.items() if not name.startswith("_")}
        )
        return True

    # -- consents that ended --------------------------------------------------------------------------

    async def begin_withdrawal(self, ward: str, unit: str, id: str) -> None:
        """Remember that this resident's name is to go, until it is gone."""

        def begin(before: Document | None) -> Document | None:
            return None if before else {"type": _ENDED, "ward": ward, "unit": unit, "id": id, "at": _now()}

        await self._store.update(self._names.ledger, self._key(ward, unit, id, _ENDED), begin)

    async def withdrawals(self) -> list[Entry]:
        """Those that are not finished."""
        return [
            Entry(row["ward"], row["unit"], row["id"], False)
            async for page in self._store.pages(
                self._names.ledger, startkey=f"{_ENDED}:", endkey=f"{_ENDED};"
            )
            for row in page
        ]

    async def end_withdrawal(self, ward: str, unit: str, id: str, *, traced: bool) -> None:
        """The name is gone, or was not to go after all: then its traces go, unless it is erased, too."""
        gone = (
            [_ENDED] if traced or await self.erased(self._names.unit(ward, unit), [id]) else [_TRACE, _ENDED]
        )
        for kind in gone:
            row = await self._store.find(self._names.ledger, self._key(ward, unit, id, kind))
            if row is not None:
                await self._store.delete(self._names.ledger, row["_id"], row["_rev"])

    async def remember_withdrawal(self, one: Withdrawn) -> None:
        """Keep for ever that the consent had ended then; a later end counts."""
        said = {"type": _WITHDRAWN, **asdict(one)}

        def keep(before: Document | None) -> Document | None:
            return None if before is not None and before["at"] >= one.at else said

        await self._store.update(self._names.ledger, self._key(one.ward, one.unit, one.id, _WITHDRAWN), keep)

    async def withdrawn(self) -> AsyncIterator[list[Withdrawn]]:
        """All that were finished, some at a time."""
        start = f"{_WITHDRAWN}:"
        async for page in self._store.pages(self._names.ledger, startkey=start, endkey=f"{_WITHDRAWN};"):
            yield [Withdrawn(row["ward"], row["unit"], row["id"], row["at"], row["by"]) for row in page]

    # -- photos that were removed ----------------------------------------------------------------------

    async def remove_photo(self, ward: str, unit: str, id: str) -> None:
        """From now on this photo is accepted no more, and no backup brings it back."""
        said = {"type": _PHOTO, "ward": ward, "unit": unit, "id": id, "at": _now()}
        await self._add(self._key(ward, unit, id, _PHOTO), said)

    async def removed_photos(self, database: str, ids: Collection[str]) -> set[str]:
        """Those of the photos that were removed from a unit (by its main database's name in the store).

        :raises StoreError: when the ledger cannot be asked; then nothing may be written.
        """
        return await self._known(_PHOTO, database, ids)

    async def all_removed_photos(self) -> AsyncIterator[list[Entry]]:
        """All of them, some at a time."""
        start = f"{_PHOTO}:"
        async for page in self._store.pages(self._names.ledger, startkey=start, endkey=f"{_PHOTO};"):
            yield [Entry(row["ward"], row["unit"], row["id"], True) for row in page]

    # -- access that ended --------------------------------------------------------------------------

    async def bar(self, id: str, how: str) -> None:
        """Remember that this device or person has no access any more: `how` is the caller's word for it."""
        said = {"type": _BARRED, "id": id, "how": how, "at": _now()}
        await self._store.update(self._names.ledger, f"{_BARRED}:{id}", lambda _: said)

    async def unbar(self, id: str) -> None:
        """It has access again. The entry stays, so that no older copy of the ledger bars it."""

        def lift(before: Document | None) -> Document | None:
            return {**before, "how": ""} if before and before["how"] else None

        await self._store.update(self._names.ledger, f"{_BARRED}:{id}", lift)

    async def barred(self) -> AsyncIterator[dict[str, Document]]:
        """Entries `{id, how, at}` by id, some at a time."""
        start = f"{_BARRED}:"
        async for page in self._store.pages(self._names.ledger, startkey=start, endkey=f"{_BARRED};"):
            yield {row["id"]: row for row in page if row["how"]}

    # -- traces ---------------------------------------------------------------------------------------

    async def trace(self, ward: str, unit: str, id: str, phrases: Collection[Phrase]) -> None:
        """Keep the hashes of these phrases, beside those that an erasure cut short has kept before."""
        if not phrases:
            return
        database = self._names.public(self._names.unit(ward, unit))
        key = await self._read_key()
        hashes = {_seal(key, database, phrase) for phrase in phrases}
        until = (datetime.now(UTC) + timedelta(days=TRACED_DAYS)).date().isoformat()

        def keep(before: Document | None) -> Document:
            known = before or {"lengths": [], "hashes": []}
            return {
                "type": _TRACE,
                "ward": ward,
                "unit": unit,
                "until": until,
                "lengths": sorted(lengths_of(phrases).union(known["lengths"])),
                "hashes": sorted(hashes.union(known["hashes"])),
            }

        await self._store.update(self._names.ledger, f"{_TRACE}:{database}:{id}", keep)

    async def traces(self, database: str) -> Traces:
        """All that is kept for a unit's database (by its name in the store).

        :raises StoreError: when the ledger cannot be asked; then nothing may be written.
        """
        public = self._names.public(database)
        today = datetime.now(UTC).date().isoformat()
        lengths: set[int] = set()
        hashes: dict[str, set[str]] = {}
        start = f"{_TRACE}:{public}:"
        async for page in self._store.pages(self._names.ledger, startkey=start, endkey=f"{start}\ufff0"):
            for row in page:
                if row["until"] >= today:
                    lengths.update(row["lengths"])
                    hashes.setdefault(row.get("sealed", public), set()).update(row["hashes"])
        key = await self._read_key() if hashes else b""

        def knows(phrase: Phrase) -> bool:
            return any(_seal(key, sealed, phrase) in some for sealed, some in hashes.items())

        return Traces(knows, lengths)

    async def drop_traces(self) -> int:
        """Drop those whose time is over; how many residents' they were."""
        today = datetime.now(UTC).date().isoformat()
        start, count = f"{_TRACE}:", 0
        async for page in self._store.pages(self._names.ledger, startkey=start, endkey=f"{start}\ufff0"):
            for row in page:
                if row["until"] < today:
                    await self._store.delete(self._names.ledger, row["_id"], row["_rev"])
                    count += 1
        if count:
            await self._store.compact(self._names.ledger)
        return count

    async def _read_key(self) -> bytes:
        def make(stored: Document | None) -> Document | None:
            return {"type": "secret", "value": secrets.token_hex(32)} if stored is None else None

        if not self._key_of_traces:
            document = await self._store.update(self._names.accounts, _KEY, make)
            self._key_of_traces = bytes.fromhex(str((document or {})["value"]))
        return self._key_of_traces

    def _key(self, ward: str, unit: str, id: str, kind: str = _KIND) -> str:
        return f"{kind}:{self._names.public(self._names.unit(ward, unit))}:{id}"


def _seal(key: bytes, database: str, phrase: Phrase) -> str:
    said = "\n".join((database, *phrase)).encode()
    return hmac.digest(key, said, "sha256").hex()[:32]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
