"""The audit only grows, and says nothing about a resident."""

from __future__ import annotations

import pytest

from sync.audit import Act, Audit
from sync.names import Names
from sync.store import Forbidden, Refused, Store
from sync.units import prepare_server

pytestmark = pytest.mark.anyio
ACT = Act(
    by="person:lan",
    role="supervisor",
    action="refused-record-opened",
    subject="refused:" + "0" * 40,
    unit="tdp-07",
    ward="09562",
)


async def test_an_entry_is_added_and_can_be_neither_changed_nor_removed(store: Store, names: Names) -> None:
    await prepare_server(store, names)
    await Audit(store, names).write(ACT)
    rows = await store.all_docs(names.audit, startkey="audit:", endkey="audit:\ufff0", include_docs=True)
    (entry,) = [row["doc"] for row in rows]
    assert set(entry) == {"_id", "_rev", "type", "at", "by", "role", "action", "subject", "unit", "ward"}
    assert entry["by"] == "person:lan"
    with pytest.raises((Forbidden, Refused)):
        await store.put(names.audit, {**entry, "by": "person:hoa"})
    with pytest.raises((Forbidden, Refused)):
        await store.delete(names.audit, entry["_id"], entry["_rev"])
    assert await store.get(names.audit, entry["_id"]) == entry


async def test_what_is_no_entry_is_not_taken(store: Store, names: Names) -> None:
    await prepare_server(store, names)
    with pytest.raises((Forbidden, Refused)):
        await store.put(names.audit, {"_id": "note:1", "type": "note"})
