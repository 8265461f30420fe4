"""What names anyone goes when its time is over, and every figure stays true; tests move the clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import anyio
import pytest

from server import cli, retention
from server.accounts import Accounts
from server.catalog import Catalog
from server.check import check
from server.content import load_content
from server.demo import fill
from server.retention import apply, apply_daily, list_due
from server.settings import Settings
from server.site import Site
from server.texts import Texts
from sync import requests
from sync.names import Names
from sync.retention import Term, Terms
from sync.rollup import Rollup, rollup_id
from sync.store import Store
from tests.sync.samples import child, helped, household, register, resident, visit

WARD, UNIT = "09562", "tdp-07"
NOW = datetime(2026, 5, 10, 5, 0, tzinfo=UTC)
LAST = date(2026, 5, 19)
KEPT = LAST + timedelta(days=365)


@pytest.fixture(scope="module")
def site(store: Store, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Site:
    settings = Settings(data=tmp_path_factory.mktemp("data"), database_prefix=names.prefix, ward=WARD)
    site = Site(
        settings=settings,
        store=store,
        names=names,
        accounts=Accounts(store, names, settings),
        catalog=Catalog(load_content(), WARD),
        texts=Texts({}),
    )

    async def start() -> None:
        await site.prepare()
        await fill(site, now=NOW)

    anyio.run(start)
    return site


def everything(site: Site, prefix: str = "") -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        found = []
        for unit in site.catalog.units:
            async for page in site.store.pages(site.names.unit(WARD, unit)):
                found += [one for one in page if one["_id"].startswith(prefix)]
        return [one for one in found if not one["_id"].startswith("_")]

    return anyio.run(read)


def figures(site: Site) -> list[Any]:
    """All that the rollups say of work done."""

    async def read() -> list[Any]:
        await Rollup(site.store, site.names, site.catalog.levels).catch_up()
        found = [await site.store.find(site.ward.rollup, rollup_id(unit)) for unit in site.catalog.units]
        return [one["days"] for one in found if one]

    return anyio.run(read)


def test_the_longest_of_the_campaigns_of_a_day_counts() -> None:
    day = date(2026, 5, 1)
    terms = Terms([Term(day, day, 10), Term(day, day + timedelta(5), 10)], otherwise=3)
    assert not terms.over(day, day + timedelta(15))
    assert terms.over(day, day + timedelta(16))
    other = date(2026, 8, 1)
    assert not terms.over(other, other + timedelta(3))
    assert terms.over(other, other + timedelta(4))
    assert not terms.over(None, date(2099, 1, 1)), "a record whose day is unreadable was thrown away"


def test_before_its_time_nothing_is_due_and_a_dry_run_changes_nothing(site: Site) -> None:
    before = everything(site)
    assert anyio.run(list_due, site, date(2026, 12, 31)) == []
    due = anyio.run(list_due, site, KEPT + timedelta(days=1))
    assert sum(len(one.residents) for one in due) > 0
    assert everything(site) == before


def test_past_its_time_people_and_texts_are_gone_and_the_figures_are_the_same(site: Site) -> None:
    shown, households = figures(site), len(everything(site, "household:"))
    names = [
        one["identity"]["value"].get("name") for one in everything(site, "resident:") if "identity" in one
    ]
    assert any(names), "the invented ward names nobody, so the test proves nothing"
    removed = anyio.run(apply, site, KEPT + timedelta(days=400))
    assert removed
    assert everything(site, "resident:") == []
    assert len(everything(site, "household:")) == households
    said = json.dumps(everything(site), ensure_ascii=False)
    assert not [name for name in names if name and name in said]
    visits = everything(site, "visit:")
    assert visits
    assert not [one for one in visits if one["record"]["value"].get("note")]
    assert figures(site) == shown
    assert anyio.run(check, site) == []
    assert anyio.run(list_due, site, KEPT + timedelta(days=400)) == [], "something is due for ever"
    acts = anyio.run(acts_of, site)
    assert {act["unit"] for act in acts} == {due.unit for due in removed}
    assert {act["by"] for act in acts} == {"gtn"}


async def acts_of(site: Site) -> list[Any]:
    rows = await site.store.all_docs(site.names.audit, startkey="audit:", endkey="audit;", include_docs=True)
    return [row["doc"] for row in rows if row["doc"]["action"] == "retention-applied"]


def test_whom_someone_helped_lately_stays_whatever_the_age_of_the_record(site: Site) -> None:
    door = household()
    old, seen = resident(door["_id"], name="Hà Văn Cũ"), resident(door["_id"], name="Hà Văn Mới")
    late = helped(seen["_id"], "Dặn mang thẻ", household=door["_id"])
    late["record"] = register({**late["record"]["value"], "at": "2027-05-01T02:00:00.000Z"})
    early = visit(household=door["_id"], note="Nhà có chó")
    database = site.names.unit(WARD, UNIT)
    anyio.run(site.store.graft, database, [door, old, seen, late, early])
    (due,) = anyio.run(list_due, site, KEPT + timedelta(days=1))
    assert (due.residents, due.visits) == ((old["_id"],), (early["_id"],))
    anyio.run(apply, site, KEPT + timedelta(days=1))
    assert (anyio.run(site.store.get, database, late["_id"]))["record"]["value"]["note"] == "Dặn mang thẻ"
    assert anyio.run(site.store.find, database, old["_id"]) is None
    assert anyio.run(check, site) == []


def test_refused_records_lose_what_was_typed_in_them(site: Site) -> None:
    entry = {
        "_id": f"refused:{'0' * 40}",
        "type": "refused",
        "database": f"w{WARD}-{UNIT}",
        "unit": UNIT,
        "at": "2026-05-01T02:00:00.000Z",
        "code": "wrong-unit",
        "detail": "",
        "document": resident(name="Hà Thị Xa"),
    }
    anyio.run(site.store.put, site.ward.quarantine, entry)
    (due,) = anyio.run(list_due, site, KEPT + timedelta(days=1))
    assert due.refused == (entry["_id"],)
    anyio.run(apply, site, KEPT + timedelta(days=1))
    left = anyio.run(site.store.find, site.ward.quarantine, str(entry["_id"])) or {}
    assert left["document"].keys() == {"_id", "_rev"}
    assert anyio.run(list_due, site, KEPT + timedelta(days=1)) == []


def test_a_branch_that_waits_to_be_merged_loses_its_text_too(site: Site) -> None:
    database = site.names.unit(WARD, UNIT)
    first = visit(note="một")
    two, three = child(first, record=register({**first["record"]["value"], "note": "hai"})), child(first)
    anyio.run(site.store.graft, database, [first])
    anyio.run(site.store.graft, database, [two, three])
    anyio.run(apply, site, KEPT + timedelta(days=1))
    leaves = anyio.run(site.store.leaves, database, first["_id"])
    assert len(leaves) == 2
    assert [leaf["record"]["value"].get("note") for leaf in leaves] == [None, None]


def test_the_register_forgets_what_was_settled_long_ago_and_nothing_that_is_open(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database, today = site.ward.privacy, datetime.now(UTC).date()

    async def fill_register() -> list[str]:
        common: dict[str, Any] = {"by": "person:a", "note": "n", "unit": UNIT, "resident": ""}
        done, open_ = [
            await requests.open_request(site.store, database, kind="view", received=today, **common)
            for _ in range(2)
        ]
        await requests.close_request(
            site.store, database, done["_id"].partition(":")[2], by="person:a", answer="x"
        )
        settled, running = [
            await requests.open_incident(
                site.store, database, discovered=datetime.now(UTC), by="person:a", subject="", what="w"
            )
            for _ in range(2)
        ]
        ulid = settled["_id"].partition(":")[2]
        await requests.change_incident(site.store, database, ulid, needless="không có rủi ro")
        return [one["_id"] for one in (done, settled, open_, running)]

    ids = anyio.run(fill_register)
    monkeypatch.setattr(cli, "on_site", lambda work: anyio.run(work, site))
    for days, dry_run in ((1824, False), (1827, True), (1827, False)):
        monkeypatch.setattr("server.numbers.vietnam_today", lambda days=days: today + timedelta(days))
        cli.apply_retention(dry_run=dry_run)
        left = [id for id in ids if anyio.run(site.store.find, database, id)]
        assert left == (ids[2:] if days == 1827 and not dry_run else ids)
    lines = capsys.readouterr().out.splitlines()
    row = "register: 1 requests, 1 incidents"
    assert lines.count(row) == 2
    assert lines.index(row) < lines.index("would be removed")


def test_one_process_does_it_once_a_day_and_one_that_died_is_followed_by_another(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[date] = []

    async def record(_: Site, today: date) -> list[Any]:
        done.append(today)
        return []

    monkeypatch.setattr(retention, "apply", record)
    mark = anyio.run(site.store.get, site.names.accounts, "retention")
    start = datetime.fromisoformat(f"{mark['day']}T20:00:00+00:00")  # the next day in Vietnam
    for now in (start, start, start + timedelta(minutes=5), start + timedelta(hours=3)):
        anyio.run(apply_daily, site, now)
    assert len(done) == 2, "once, and once more as the first never said that it was done"


@pytest.mark.parametrize("days", [retention.LEAP_DAYS + 1, -1, -400])
def test_a_clock_that_leaps_removes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    mark = anyio.run(site.store.get, site.names.accounts, "retention")
    now = datetime.fromisoformat(f"{mark['day']}T05:00:00+00:00") + timedelta(days=days)
    assert anyio.run(apply_daily, site, now) is None


def test_the_command_tells_how_much_by_unit_and_names_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person = resident(name="Hà Thị Gần")
    anyio.run(site.store.graft, site.names.unit(WARD, UNIT), [person])

    def on_site(work: Callable[[Site], Any]) -> Any:
        return anyio.run(work, site)

    monkeypatch.setattr(cli, "on_site", on_site)
    monkeypatch.setattr("server.numbers.vietnam_today", lambda: KEPT + timedelta(days=1))
    cli.apply_retention(dry_run=True)
    assert anyio.run(site.store.find, site.names.unit(WARD, UNIT), person["_id"]) is not None
    cli.apply_retention()
    cli.apply_retention()
    lines = capsys.readouterr().out.splitlines()
    row = f"{UNIT}: 1 residents, text of 0 visits, 0 refused records, 0 photos"
    assert lines == [row, "would be removed", row, "removed", "nothing is past its time"]
    assert anyio.run(site.store.find, site.names.unit(WARD, UNIT), person["_id"]) is None
