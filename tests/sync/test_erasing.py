"""What was erased stays erased: in every revision, in the quarantine, after late phones and old backups."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.conflicts import Conflicts
from sync.erasing import Erased, erase, settle
from sync.ledger import Ledger
from sync.store import Document, Store, StoreUnavailable
from sync.units import prepare_unit
from tests.sync.samples import child, helped, household, register, resident, visit
from tests.sync.town import WARD, Town

NAME = "Nguyễn Thị Mơ"
LATER = "2026-05-01T03:00:00.000Z"
SYNC = f"/sync/w{WARD}-tdp-07"


@pytest.fixture(autouse=True)
def no_traces(town: Town) -> None:
    """As if no test had erased someone of this name before: the ledger would know it by its traces."""

    async def drop() -> None:
        ledger = town.names.ledger
        for row in await town.store.all_docs(ledger, startkey="trace:", endkey="trace;"):
            await town.store.delete(ledger, row["id"], row["value"]["rev"])

    anyio.run(drop)


def forget(town: Town, id: str) -> Erased:
    return anyio.run(erase, town.store, town.names, WARD, "tdp-07", id)


def readable(town: Town, id: str, revs: set[str]) -> str:
    """Everything that any way of asking gives of a document, by the gateway and by the store itself."""
    rows = town.ask("GET", f"{SYNC}/_changes?style=all_docs&include_docs=true").body.decode()
    wanted = {"docs": [{"id": id, "rev": rev} for rev in sorted(revs)]}
    bodies = town.ask("POST", f"{SYNC}/_bulk_get?revs=true", wanted).body.decode()
    latest = town.ask("POST", f"{SYNC}/_bulk_get?revs=true&latest=true", wanted).body.decode()

    async def ask_store() -> list[Any]:
        open_revs = await town.store.open_revisions(town.database, id)
        each = []
        for rev in revs:
            try:
                each.append(await town.store._ask("GET", [town.database, id], params={"rev": rev}))
            except Exception as error:  # the revision is gone, as it should be
                each.append(str(error))
        kept = await town.store.all_docs(town.quarantine, include_docs=True)
        return [open_revs, each, [row["doc"] for row in kept if row["doc"].get("id") == id]]

    return "".join((rows, bodies, latest, json.dumps(anyio.run(ask_store), ensure_ascii=False)))


def test_nothing_of_an_erased_resident_can_be_read_and_the_tombstones_say_nothing(town: Town) -> None:
    person = resident(name=NAME)
    one = child(person, label=register("Bà Mơ", at=LATER))
    two = child(person, label=register("Cụ Mơ", "person:lan", at=LATER))
    assert town.push(person).json == []
    assert town.push(one).json == []
    assert town.push(two, person="lan").json == []
    assert forget(town, person["_id"]).branches == 2
    assert "Mơ" not in readable(town, person["_id"], {person["_rev"], one["_rev"], two["_rev"]})
    ends = anyio.run(town.store.open_revisions, town.database, person["_id"])
    assert len(ends) == 2
    assert all(end.keys() == {"_id", "_rev", "_deleted"} for end in ends)
    assert forget(town, person["_id"]) == Erased(), "erasing a second time changed something"


def test_visits_keep_what_is_counted_and_lose_what_was_typed(town: Town) -> None:
    door = household()
    person = resident(door["_id"], name=NAME)
    first = helped(person["_id"], f"Gọi {NAME}", household=door["_id"])
    past = {"field": "record", **first["record"]}
    amended = child(
        first,
        record=register({**first["record"]["value"], "note": f"{NAME} vắng"}, at=LATER),
        history=[past],
    )
    absent = visit(household=door["_id"], note=f"{NAME.upper()} đi vắng")
    other = visit(household=door["_id"], note="Nhà có chó")
    for document in (door, person, first, amended, absent, other):
        assert town.push(document).json == []
    assert forget(town, person["_id"]).visits == 2
    kept = town.stored(first["_id"]) or {}
    assert kept["record"]["value"]["helps"] == first["record"]["value"]["helps"]
    assert kept["record"]["value"]["follow_up"] == {"on": "2026-05-08", "why": ""}
    assert (kept["record"]["at"], kept["record"]["by"]) == (LATER, "person:hoa")
    for one in (first, absent):
        assert "Mơ" not in readable(town, one["_id"], {first["_rev"], amended["_rev"], absent["_rev"]})
        assert "MƠ" not in readable(town, one["_id"], {absent["_rev"]})
    assert (town.stored(other["_id"]) or {})["record"]["value"]["note"] == "Nhà có chó"


def test_a_phone_that_edited_offline_is_refused_and_the_quarantine_gets_no_word_of_it(town: Town) -> None:
    person = resident(name=NAME)
    assert town.push(person).json == []
    forget(town, person["_id"])
    edit = child(person, label=register("Bà Mơ", at=LATER))
    for late in (edit, person):
        (row,) = town.push(late).json
        assert (row["error"], row["code"], row["rev"]) == ("forbidden", "erased", late["_rev"])
    assert town.stored(person["_id"]) is None
    for entry in town.quarantined(person["_id"]):
        assert entry["document"].keys() == {"_id", "_rev"}
        assert entry["at"]
        assert entry["device"].startswith("device:")


def test_a_late_visit_with_an_erased_person_counts_but_brings_no_name_back(town: Town) -> None:
    person = resident(name=NAME)
    before = helped(person["_id"], NAME)
    for document in (person, before):
        assert town.push(document).json == []
    forget(town, person["_id"])
    late = helped(person["_id"], f"Dặn {NAME}")
    amended = child(
        before,
        record=register({**before["record"]["value"], "note": f"{NAME}!"}, at=LATER),
        history=[{"field": "record", **before["record"]}],
    )
    assert town.push(late, amended).json == []
    anyio.run(Conflicts(town.store, town.names).settle, town.database)
    for document in (late, amended):
        stored = town.stored(document["_id"]) or {}
        assert stored["record"]["value"]["helps"][0]["person"] == person["_id"]
        assert "Mơ" not in readable(town, document["_id"], {before["_rev"], document["_rev"]})


def test_what_the_quarantine_held_before_is_emptied(town: Town) -> None:
    person = resident(name=NAME)
    bad = {**person, "label": register("Bà 001099012345")}
    wrong = {**helped(person["_id"], NAME), "unit": "tdp-08"}
    assert {row["code"] for row in town.push(bad, wrong).json} == {"id-number", "wrong-unit"}
    assert forget(town, person["_id"]).refused == 2
    (entry,) = town.quarantined(person["_id"])
    assert "Mơ" not in json.dumps(entry, ensure_ascii=False)
    (entry,) = town.quarantined(wrong["_id"])
    assert "Mơ" not in json.dumps(entry, ensure_ascii=False)
    assert entry["document"]["record"]["value"]["helps"] == wrong["record"]["value"]["helps"]


@pytest.mark.parametrize("step", ["leaves", "graft", "compact"])
def test_an_erasure_that_was_cut_short_is_finished(
    town: Town, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    person = resident(name=NAME)
    seen = helped(person["_id"], NAME)
    for document in (person, seen):
        assert town.push(document).json == []

    async def fail(*_: Any) -> None:
        raise StoreUnavailable("power cut")

    with monkeypatch.context() as broken:
        broken.setattr(Store, step, fail)
        with pytest.raises(StoreUnavailable):
            forget(town, person["_id"])
    (row,) = town.push(child(person)).json
    assert row["code"] == "erased", "a phone could write between the beginning and the end of an erasure"
    assert anyio.run(settle, town.store, town.names) == 1
    for document in (person, seen):
        assert "Mơ" not in readable(town, document["_id"], {document["_rev"]})
    assert anyio.run(settle, town.store, town.names) == 0


def test_an_erasure_between_the_check_and_the_write_holds(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = resident(name=NAME)
    seen = helped(person["_id"], NAME)
    assert town.push(person).json == []
    known = Ledger.erased
    asked: list[object] = []

    async def be_late(self: Ledger, database: str, ids: Any) -> set[str]:
        answer = await known(self, database, ids)
        asked.append(ids)
        if len(asked) == 1:
            await erase(town.store, town.names, WARD, "tdp-07", person["_id"])
        return answer

    monkeypatch.setattr(Ledger, "erased", be_late)
    edit = child(person, label=register("Bà Mơ", at=LATER))
    codes = {row["code"] for row in town.push(edit, seen).json}
    assert codes <= {"erased", "gone"}
    for document in (edit, seen):
        assert "Mơ" not in readable(town, document["_id"], {person["_rev"], document["_rev"]})


def test_no_merge_brings_an_erased_resident_back(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    person = resident(name=NAME)
    one = child(person, label=register("Bà Mơ", at=LATER))
    two = child(person, age_band=register("16-59", "person:lan", at=LATER))
    for document, by in ((person, "hoa"), (one, "hoa"), (two, "lan")):
        assert town.push(document, person=by).json == []
    graft = Store.graft
    times: list[int] = []

    async def be_late(self: Store, database: str, documents: list[Document]) -> None:
        times.append(1)
        if len(times) == 1:
            await erase(self, town.names, WARD, "tdp-07", person["_id"])
        await graft(self, database, documents)

    monkeypatch.setattr(Store, "graft", be_late)
    anyio.run(Conflicts(town.store, town.names).settle, town.database)
    assert town.stored(person["_id"]) is None
    assert "Mơ" not in readable(town, person["_id"], {person["_rev"], one["_rev"], two["_rev"]})


def test_a_restored_backup_is_erased_again(town: Town) -> None:
    person = resident(name=NAME)
    seen = helped(person["_id"], NAME)
    for document in (person, seen):
        assert town.push(document).json == []
    forget(town, person["_id"])

    async def restore() -> int:
        await town.store.delete_database(town.database)
        await prepare_unit(town.store, town.names, WARD, "tdp-07")
        await town.store.graft(town.database, [person, seen])
        assert (await town.store.get(town.database, person["_id"]))["identity"]["value"]["name"] == NAME
        return await settle(town.store, town.names)

    assert anyio.run(restore) == 1
    for document in (person, seen):
        assert "Mơ" not in readable(town, document["_id"], {document["_rev"]})


def test_only_residents_are_erased(town: Town) -> None:
    with pytest.raises(ValueError, match="residents"):
        forget(town, household()["_id"])


STEPS = st.lists(st.sampled_from(["edit", "again", "child", "visit", "amend", "merge", "erase"]), max_size=6)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=STEPS, after=STEPS)
def test_whatever_phones_push_no_body_with_the_name_can_be_read(
    town: Town, before: list[str], after: list[str]
) -> None:
    person = resident(name=NAME)
    visits = [helped(person["_id"], NAME)]
    tips = [person]
    town.push(person, visits[0])

    def play(step: str) -> None:
        if step == "edit":
            tips.append(child(tips[0], label=register("Bà Mơ", at=LATER)))
        elif step == "child":
            tips.append(child(tips[-1], label=register("Cụ Mơ", at=LATER)))
        elif step == "visit":
            visits.append(helped(person["_id"], NAME))
        elif step == "amend":
            record = register({**visits[-1]["record"]["value"], "note": f"{NAME}."}, at=LATER)
            visits.append(child(visits[-1], record=record))
        elif step == "merge":
            anyio.run(Conflicts(town.store, town.names).settle, town.database)
        elif step == "erase":
            forget(town, person["_id"])
        assert town.push(*tips, *visits).status == 201

    for step in before:
        play(step)
    forget(town, person["_id"])
    for step in after:
        play(step)
    anyio.run(Conflicts(town.store, town.names).settle, town.database)
    ids = {document["_id"] for document in visits} | {person["_id"]}
    for id in ids:
        revs = {document["_rev"] for document in [*tips, *visits] if document["_id"] == id}
        assert "Mơ" not in readable(town, id, revs)
    assert town.stored(person["_id"]) is None
