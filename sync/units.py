"""Databases made ready: created, closed to all but their own, with their design documents.

Every function may be called again at each start; nothing is written when nothing changed.
"""

from __future__ import annotations

from sync.audit import DESIGN as AUDIT
from sync.design import deploy
from sync.names import Names
from sync.refused import DESIGN as REFUSED
from sync.store import Store

UNIT_DESIGNS = ("guard", "progress", "conflicts")


async def prepare_server(store: Store, names: Names) -> None:
    """The databases of the whole installation."""
    await _restrict(store, names.accounts)
    await _restrict(store, names.audit)
    await _restrict(store, names.ledger)
    await _restrict(store, names.tries)
    await deploy(store, names.audit, AUDIT)


async def prepare_ward(store: Store, names: Names, ward: str) -> None:
    """The ward's own databases, which no phone reaches."""
    for database in names.ward(ward).own:
        await _restrict(store, database)
    await deploy(store, names.ward(ward).quarantine, REFUSED)


async def prepare_unit(store: Store, names: Names, ward: str, unit: str, *, merged: bool = False) -> str:
    """The unit's database, open to its members alone, that of a `merged` one to nobody; gives its name.

    A new database is CouchDB's administrators' until its members are set, so it is never open.
    """
    database = names.unit(ward, unit)
    await store.create(database)
    for design in UNIT_DESIGNS:
        await deploy(store, database, design)
    await store.secure(database, members=["_admin" if merged else names.ward(ward).role(unit)])
    return database


async def _restrict(store: Store, database: str) -> None:
    await store.create(database)
    await store.secure(database, members=["_admin"])
