"""Who looked at personal data by duty: entries that are added and never changed.

One document per act in the database ``audit``, which only the server reaches; its validator refuses a
change or removal. An entry names the thing by its id and holds nothing about a resident.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from sync.names import Names
from sync.store import Conflict, Store
from sync.ulids import new_ulid

DESIGN = "audit"
CONSOLE = "console"
"""Whoever uses a command of ``gtn``, at the server itself."""

Action = Literal[
    "refused-record-opened",
    "signed-in",
    "signed-out",
    "sign-in-failed",
    "password-changed",
    "second-factor-set",
    "second-factor-removed",
    "person-added",
    "person-changed",
    "role-changed",
    "person-ended",
    "device-revoked",
    "device-lost",
    "invited",
    "invitation-revoked",
    "invitation-used",
    "unit-added",
    "unit-renamed",
    "unit-closed",
    "unit-reopened",
    "units-merged",
    "household-moved",
    "records-merged",
    "records-parted",
    "resident-viewed",
    "resident-extracted",
    "resident-corrected",
    "resident-restricted",
    "resident-erased",
    "request-opened",
    "request-closed",
    "incident-opened",
    "incident-changed",
    "retention-applied",
    "backup-restored",
    "exported",
    "imported",
    "import-undone",
    "phone-file-brought",
    "quarantine-decided",
    "photos-listed",
    "photo-viewed",
    "photo-removed",
    "settings-changed",
]
"""What an entry tells of; its sentence is ``audit.<action>`` in server/texts/{vi,en}/audit.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who (`by`, in the role held then) did what (`action`) to what (`subject`, an id) of which unit."""

    by: str
    role: str
    action: Action
    subject: str
    unit: str
    ward: str


class Audit:
    """The installation's audit."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._database = names.audit

    async def write(self, act: Act, ulid: str = "") -> None:
        """Returns once the entry is stored; what it is about may be shown only then.

        :param ulid: names the entry, so that an act that is told twice is written down once.
        :raises StoreError: when it was not.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"_id": f"audit:{ulid or new_ulid()}", "type": "audit", "at": at, **asdict(act)}
        if ulid and await self._store.find(self._database, entry["_id"]) is not None:
            return
        with suppress(Conflict) if ulid else nullcontext():
            await self._store.put(self._database, entry)
