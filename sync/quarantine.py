"""Refused documents, kept whole so that nothing anyone recorded is lost.

Each is one document in the ward's quarantine, named by what it is (database, id, revision and content), so
that the same document offered again is not kept twice, and another one in its name is kept too. Numbers of
identity cards are masked in this copy; the whole text stays on the phone.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sync import checks, id_numbers
from sync.documents import ULID
from sync.store import Document, PartlySaved, Store, StoreUnavailable

_ID = re.compile(rf"[a-z]+:{ULID}")
DAILY = 2000
"""Documents of one device that are kept in one day, so that a broken phone cannot fill the disk."""


class QuarantineFull(Exception):
    """The device had too many documents refused today."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One revision that was not accepted; `why` is a code of `sync.checks`."""

    document: Document
    why: str
    detail: str = ""

    @property
    def id(self) -> str:
        return str(self.document["_id"])

    @property
    def rev(self) -> str:
        return str(self.document["_rev"])


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who brought it, from where, to which database, when (ISO instant)."""

    person: str
    device: str
    unit: str
    database: str
    at: str


class Quarantine:
    """Writes to one quarantine database after another, as the wards come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._day = ""
        self._kept: Counter[str] = Counter()

    async def keep(self, database: str, bringer: Bringer, refused: Sequence[Refused]) -> None:
        """Returns once every document is written or was there before.

        :raises QuarantineFull: when the device is over its daily number.
        :raises StoreError: when any could not be written.
        """
        if not refused:
            return
        self._check_quota(bringer)
        entries = {entry["_id"]: entry for entry in (describe(bringer, item) for item in refused)}
        try:
            self._kept[bringer.device] += len(await self._store.bulk(database, list(entries.values())))
        except PartlySaved as error:
            self._kept[bringer.device] += len(error.saved)
            if set(error.failed.values()) != {"conflict"}:
                raise StoreUnavailable(f"quarantine: {error.failed}") from None

    def _check_quota(self, bringer: Bringer) -> None:
        if bringer.at[:10] != self._day:
            self._day = bringer.at[:10]
            self._kept.clear()
        if self._kept[bringer.device] >= DAILY:
            raise QuarantineFull


def describe(bringer: Bringer, refused: Refused) -> Document:
    """The document of the quarantine for one refused revision."""
    said = {key: value for key, value in refused.document.items() if key != "_revisions"}
    content = msgspec.json.encode(said, order="sorted").decode()
    name = "\n".join((bringer.database, refused.id, refused.rev, content))
    return {
        "_id": "refused:" + hashlib.sha256(name.encode()).hexdigest()[:40],
        "type": "refused",
        "database": bringer.database,
        "unit": bringer.unit,
        "id": masked(refused.id),
        "rev": refused.rev,
        "by": bringer.person,
        "device": bringer.device,
        "at": bringer.at,
        "code": refused.why,
        "detail": masked(refused.detail),
        "document": masked(refused.document),
    }


def masked(value: Any) -> Any:
    """The same data without numbers of identity cards."""
    if isinstance(value, str):
        return value if _ID.fullmatch(value) else id_numbers.mask(value)
    if isinstance(value, dict):
        return {
            id_numbers.mask(key): item if key in ("_rev", "_revisions") else masked(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item) for item in value]
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) >= checks.SHORTEST_NUMBER
    ):
        return id_numbers.mask(checks.digits_of(value))
    return value
