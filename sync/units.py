"""Databases made ready: created, closed to all but their own, with their design documents.

Every function may be called again at each start; nothing is written when nothing changed.
"""

from __future__ import annotations

from sync.audit import DESIGN as AUDIT
from sync.design import deploy
from sync.names import Names
from sync.photos import DESIGN as PHOTOS
from sync.refused import DESIGN as REFUSED
from sync.store import Store

UNIT_DESIGNS = ("guard", "progress", "conflicts")
PHOTO_DESIGNS = (PHOTOS,)


async def prepare_server(store: Store, names: Names) -> None:
    """The databases of the whole installation."""
    await _restrict(store, names.accounts)
    await _restrict(store, names.audit)
    await _restrict(store, names.ledger)
    await _restrict(store, names.tries)
    await _restrict(store, names.imports)
    await deploy(store, names.audit, AUDIT)


async def prepare_ward(store: Store, names: Names, ward: str) -> None:
    """The ward's own databases, which no phone reaches."""
    for database in names.ward(ward).own:
        await _restrict(store, database)
    await deploy(store, names.ward(ward).quarantine, REFUSED)


async def prepare_unit(store: Store, names: Names, ward: str, unit: str, *, merged: bool = False) -> str:
    """The unit's databases, open to its members alone, those of a `merged` one to nobody; gives the main one.

    A new database is CouchDB's administrators' until its members are set, so it is never open.
    """
    of_ward = names.ward(ward)
    for database, designs in ((of_ward.unit(unit), UNIT_DESIGNS), (of_ward.photos(unit), PHOTO_DESIGNS)):
        await store.create(database)
        for design in designs:
            await deploy(store, database, design)
        await store.secure(database, members=["_admin" if merged else of_ward.role(unit)])
    return of_ward.unit(unit)


async def _restrict(store: Store, database: str) -> None:
    await store.create(database)
    await store.secure(database, members=["_admin"])
