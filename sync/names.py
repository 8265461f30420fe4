"""The names of the databases, and what can be read back from one.

``{prefix}w{ward}-{unit}`` and its neighbours, as listed in docs/architecture.md. The prefix is empty
except in tests, which give each run its own, so that any CouchDB can serve them. In the addresses that
phones use, and in the names of roles, it never appears.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PREFIX = re.compile(r"(?:[a-z][a-z0-9_-]*)?")
_WARD = re.compile(r"\d{5}")
_UNIT = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
_WARDS_OWN = re.compile(rf"w{_WARD.pattern}-[a-z0-9][a-z0-9_-]*")
_UNIT_DATABASE = re.compile(rf"w({_WARD.pattern})-({_UNIT.pattern})")

RESERVED = ("catalog", "rollup", "quarantine", "privacy")
"""What a unit may not be called, since the ward's own databases are."""
PHOTOS = "-photos"
"""The end of the name of a unit's second database."""


@dataclass(frozen=True, slots=True)
class WardNames:
    """The databases of one ward."""

    prefix: str
    ward: str

    def __post_init__(self) -> None:
        if not _WARD.fullmatch(self.ward):
            raise ValueError(f"not a ward's code of five digits: {self.ward!r}")

    @property
    def catalog(self) -> str:
        return self._named("catalog")

    @property
    def rollup(self) -> str:
        return self._named("rollup")

    @property
    def quarantine(self) -> str:
        return self._named("quarantine")

    @property
    def privacy(self) -> str:
        """Residents' requests and incidents."""
        return self._named("privacy")

    @property
    def own(self) -> tuple[str, ...]:
        """The ward's databases that no phone ever reaches."""
        return (self.catalog, self.rollup, self.quarantine, self.privacy)

    def unit(self, unit: str) -> str:
        """The database of a unit's households, residents and visits."""
        return self._named(_checked_unit(unit))

    def photos(self, unit: str) -> str:
        """The database of a unit's photos, one document each."""
        return self._named(_checked_unit(unit) + PHOTOS)

    def role(self, unit: str) -> str:
        """The role that opens the unit's databases; the same under every prefix."""
        return f"w{self.ward}-{_checked_unit(unit)}"

    def photos_address(self, unit: str) -> str:
        """The photos' database as phones write it; its role is that of the unit."""
        return self.role(unit) + PHOTOS

    def _named(self, rest: str) -> str:
        return f"{self.prefix}w{self.ward}-{rest}"


@dataclass(frozen=True, slots=True)
class Names:
    """All databases of one installation, of any number of wards."""

    prefix: str = ""

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"a prefix is lower case and begins with a letter: {self.prefix!r}")

    @property
    def accounts(self) -> str:
        return f"{self.prefix}accounts"

    @property
    def audit(self) -> str:
        return f"{self.prefix}audit"

    @property
    def tries(self) -> str:
        """Counts of wrong sign-ins; forgotten after an hour."""
        return f"{self.prefix}tries"

    @property
    def imports(self) -> str:
        """Sheets between preview and writing, and the last import of each unit; part of no backup."""
        return f"{self.prefix}imports"

    @property
    def ledger(self) -> str:
        """Ids of what was erased; part of no backup of the rest."""
        return f"{self.prefix}ledger"

    def ward(self, ward: str) -> WardNames:
        return _ward(self.prefix, ward)

    def unit(self, ward: str, unit: str) -> str:
        return self.ward(ward).unit(unit)

    def public(self, database: str) -> str:
        """The name as phones write it, without the prefix."""
        return database.removeprefix(self.prefix)

    def is_kept(self, database: str) -> bool:
        """Whether a backup holds this database: all of the installation but the ledger and the tries."""
        public = self.public(database)
        if not database.startswith(self.prefix):
            return False
        return public in ("accounts", "audit") or bool(_WARDS_OWN.fullmatch(public))

    def is_rollup(self, database: str) -> bool:
        return self.is_kept(database) and database.endswith("-rollup")

    def owner(self, database: str) -> tuple[str, str] | None:
        """(ward, unit) of a unit's main database, None for any other name."""
        if not database.startswith(self.prefix):
            return None
        found = _UNIT_DATABASE.fullmatch(self.public(database))
        if found is None or not _is_unit(found[2]):
            return None
        return found[1], found[2]


@lru_cache(1000)
def _ward(prefix: str, ward: str) -> WardNames:
    return WardNames(prefix, ward)


@lru_cache(10_000)
def _is_unit(unit: str) -> bool:
    return bool(_UNIT.fullmatch(unit)) and unit not in RESERVED and not unit.endswith(PHOTOS)


def _checked_unit(unit: str) -> str:
    if not _is_unit(unit):
        raise ValueError(f"not a unit's code: {unit!r}")
    return unit
