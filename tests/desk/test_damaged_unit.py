"""One unit's database cannot be read: what only it knows is missing, and everybody else works on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from server.check import Difference, check
from server.doctor import BAD, examine
from server.navigation import PLACES
from server.site import Site
from sync import erasing
from sync.ledger import Ledger
from sync.rollup import rollup_id
from sync.store import Broken, Store
from sync.ulids import new_ulid
from tests.desk.conftest import SignIn
from tests.desk.test_rollup import household, visit

pytestmark = pytest.mark.anyio
WHOLE, HURT = "tdp-07", "tdp-08"
MAY = "from=2026-05-01&to=2026-05-20"


@pytest.fixture(scope="module")
async def records(site: Site) -> None:
    for unit in (WHOLE, HURT):
        await site.store.bulk(site.ward.unit(unit), [household(1), *(visit(n) for n in range(5))])
        await site.rollup.refresh(site.ward.unit(unit))


@pytest.fixture
def damaged(site: Site, records: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of a unit that answers as a damaged one does: with 500, and not among the others."""
    database, ask = site.ward.unit(HURT), Store._ask

    async def answer(self: Store, method: str, path: Sequence[str], **more: Any) -> Any:
        if path[:1] == [database]:
            raise Broken(f"{database}: 500 file_corruption: damaged", status=500)
        found = await ask(self, method, path, **more)
        return [row for row in found if row["key"] != database] if path[:1] == ["_dbs_info"] else found

    monkeypatch.setattr(Store, "_ask", answer)
    return database


async def test_the_server_starts(site: Site, damaged: str) -> None:
    await Ledger(site.store, site.names).enter(site.settings.ward, HURT, [f"resident:{new_ulid()}"])
    await site.prepare()


async def test_pages_of_the_desk_are_there_with_a_dash_for_what_is_not_known(
    sign_in: SignIn, damaged: str
) -> None:
    ward = await sign_in("admin")
    pages = [f"/desk?{MAY}", f"/desk/report?{MAY}", f"/desk/report.xlsx?{MAY}", f"/desk/unit/{HURT}?{MAY}"]
    for path in (*(place.href for place in PLACES), f"/desk/duplicates?unit={WHOLE}", *pages):
        assert (await ward.get(path)).status_code == 200, path
    report = (await ward.get(f"/desk/report?{MAY}")).text
    shown = dict(re.findall(r'data-measure="(\w+)"><th scope="row">[^<]+</th><td class="n">([^<]+)<', report))
    assert (shown["acts"], shown["people"], shown["seniors"]) == ("10", "—", "—"), "a sum of some is no sum"
    one = (await ward.get(f"/desk/report?{MAY}&unit={WHOLE}")).text
    assert re.search(r'data-measure="people"><th scope="row">[^<]+</th><td class="n">5<', one)


async def test_the_others_are_counted_merged_and_erased(site: Site, damaged: str) -> None:
    whole = site.ward.unit(WHOLE)
    erased = f"resident:{new_ulid()}"
    await site.store.put(whole, {"_id": erased, "type": "resident"})
    ledger = Ledger(site.store, site.names)
    await ledger.enter(site.settings.ward, HURT, [f"resident:{new_ulid()}"])
    await ledger.enter(site.settings.ward, WHOLE, [erased])
    with pytest.raises(Broken):
        await erasing.settle(site.store, site.names)
    assert await site.store.find(whole, erased) is None

    await site.store.put(whole, visit(50))
    site.rollup.hint(damaged)
    site.rollup.hint(whole)
    with pytest.raises(Broken):
        await site.rollup.settle()
    rollup = await site.store.get(site.ward.rollup, rollup_id(WHOLE))
    assert rollup["seq"] == str((await site.store.info(whole))["update_seq"])
    assert site.rollup.to_count == 1, "the damaged one is tried again"


async def test_who_looks_after_the_store_is_told_which_it_is(site: Site, damaged: str) -> None:
    found = [one async for one in examine(site) if one.state == BAD]
    assert [one.what for one in found] == ["databases"]
    assert damaged in found[0].said
    assert await check(site) == [
        Difference(
            site.settings.ward, HURT, "database", "cannot be read", f"{damaged}: 500 file_corruption: damaged"
        )
    ]
