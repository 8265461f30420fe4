"""Refused documents, kept whole so that nothing anyone recorded is lost.

Each is one document in the ward's quarantine, named by what it is (database, id, revision and content), so
that the same document offered again is not kept twice, and another one in its name is kept too. Numbers of
identity cards are masked in this copy; the whole text stays on the phone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from sync import checks, id_numbers
from sync.documents import ULID
from sync.photos import pictures_of
from sync.refused import DESIGN
from sync.store import Document, NotFound, PartlySaved, Row, Store, StoreUnavailable

_ID = re.compile(rf"[a-z]+:{ULID}")
MOST = 2000
LARGEST = 20_000_000
"""Documents of one device, and bytes, that may wait for a decision: no broken phone fills the disk."""


class QuarantineFull(Exception):
    """Too much that the device brought waits for a decision; what it brings now stays on the phone."""


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

    def __init__(self, store: Store, most: int = MOST, largest: int = LARGEST) -> None:
        self._store = store
        self._most = most
        self._largest = largest

    async def keep(self, database: str, bringer: Bringer, refused: Sequence[Refused]) -> None:
        """Returns once every document is written or was there before.

        :raises QuarantineFull: when the device has too much there, whichever process took it.
        :raises StoreError: when any could not be written.
        """
        if not refused:
            return
        entries = {entry["_id"]: entry for entry in (describe(bringer, item) for item in refused)}
        if await self._is_full(database, bringer.device):
            rows = await self._store.all_docs(database, keys=list(entries))
            entries = {row["key"]: entries[row["key"]] for row in rows if "error" in row}
            if entries:
                raise QuarantineFull
        try:
            await self._store.bulk(database, list(entries.values()))
        except PartlySaved as error:
            if set(error.failed.values()) != {"conflict"}:
                raise StoreUnavailable(f"quarantine: {error.failed}") from None

    async def _is_full(self, database: str, device: str) -> bool:
        rows: list[Row] = []
        with suppress(NotFound):  # a view that is not there yet is no reason to take nothing
            rows = await self._store.view(database, DESIGN, "devices", key=device)
        return any(is_full(row["value"], self._most, self._largest) for row in rows)


async def full_devices(store: Store, database: str) -> list[str]:
    """Devices whose refused records are not taken until some are decided."""
    rows = await store.view(database, DESIGN, "devices", group=True)
    return [str(row["key"]) for row in rows if is_full(row["value"], MOST, LARGEST)]


def is_full(held: Mapping[str, Any], most: int = MOST, largest: int = LARGEST) -> bool:
    """Whether a device with `held` (``count`` and ``sum`` of bytes) has no room."""
    return bool(held["count"] >= most or held["sum"] >= largest)


def describe(bringer: Bringer, refused: Refused) -> Document:
    """The document of the quarantine for one refused revision."""
    pictures = pictures_of(refused.document)
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
        "document": {**masked({k: v for k, v in refused.document.items() if k not in pictures}), **pictures},
        "size": len(content.encode()),
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
