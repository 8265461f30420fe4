"""A contest is open until someone who saw both edits the field; nobody forges one, nothing hides in one."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import anyio
import pytest

from sync.conflicts import Conflicts
from sync.erasing import erase
from sync.merge import amended
from sync.names import Names
from sync.residents import amend
from sync.store import Document
from tests.sync.samples import child, helped, household, register, resident, visit
from tests.sync.town import WARD, Town

T3, T4, T5, T6 = (f"2026-05-01T0{hour}:00:00.000Z" for hour in (3, 4, 5, 6))
NAME = "Trần Thị Bưởi"
LAN = "person:lan"


@pytest.fixture(autouse=True)
def no_traces(town: Town) -> None:
    """As if no test had erased someone of this name before."""

    async def drop() -> None:
        ledger = town.names.ledger
        for row in await town.store.all_docs(ledger, startkey="trace:", endkey="trace;"):
            await town.store.delete(ledger, row["id"], row["value"]["rev"])

    anyio.run(drop)


def settle(town: Town) -> int:
    return anyio.run(Conflicts(town.store, town.names).settle, town.database)


def latest(town: Town, id: str) -> Document:
    """The only live leaf, with its revisions."""
    found = anyio.run(town.store.leaves, town.database, id)
    assert len(found) == 1
    body = {"docs": [{"id": id, "rev": found[0]["_rev"]}]}
    path = "/sync/w09562-tdp-07/_bulk_get?revs=true"
    whole: Document = town.ask("POST", path, body).json["results"][0]["docs"][0]["ok"]
    return whole


def edited(parent: Document, at: str, by: str = "person:hoa", **values: Any) -> Document:
    """What a phone makes of a document in which someone sets these fields."""
    fields = {name: register(value, by, at) for name, value in values.items()}
    return child(amended(parent, fields))


def contest(town: Town, base: Document, field: str, one: Any, two: Any) -> Document:
    """A document of which hoa, then lan set a field apart, as merged."""
    assert town.push(base).json == []
    assert town.push(edited(base, T3, **{field: one})).json == []
    assert town.push(edited(base, T4, LAN, **{field: two}), person="lan").json == []
    settle(town)
    return latest(town, base["_id"])


def marked(document: Document) -> list[Any]:
    return [entry["value"] for entry in document.get("history", ()) if entry.get("apart")]


def test_a_contest_stays_open_until_someone_who_has_both_sets_the_field(town: Town) -> None:
    merged = contest(town, household(), "address", {"house": "14"}, {"house": "16"})
    assert marked(merged) == [{"house": "14"}]
    tagged = edited(merged, T5, tags=["ho-ngheo"])
    assert town.push(tagged).json == []
    assert marked(latest(town, merged["_id"])) == [{"house": "14"}]
    kept = edited(tagged, T5, LAN, address={"house": "14"})
    assert town.push(kept, person="lan").json == []
    settled = latest(town, merged["_id"])
    assert marked(settled) == []
    assert settled["address"]["value"] == {"house": "14"}
    assert {"house": "16"} in [entry["value"] for entry in settled["history"]]


def test_a_contest_that_two_settle_apart_is_settled(town: Town) -> None:
    merged = contest(town, household(), "address", {"house": "14"}, {"house": "16"})
    assert town.push(edited(merged, T5, address={"house": "14"})).json == []
    assert town.push(edited(merged, T6, LAN, address={"house": "14"}), person="lan").json == []
    settle(town)
    settled = latest(town, merged["_id"])
    assert marked(settled) == []
    assert settled["address"] == register({"house": "14"}, LAN, T6)


def test_of_two_who_settle_it_differently_the_choice_comes_back_once_more(town: Town) -> None:
    merged = contest(town, household(), "address", {"house": "14"}, {"house": "16"})
    assert town.push(edited(merged, T5, address={"house": "14"})).json == []
    assert town.push(edited(merged, T6, LAN, address={"house": "16"}), person="lan").json == []
    settle(town)
    again = latest(town, merged["_id"])
    assert marked(again) == [{"house": "14"}]
    assert town.push(edited(again, "2026-05-01T07:00:00.000Z", address={"house": "14"})).json == []
    assert marked(latest(town, merged["_id"])) == []


def test_a_phone_cannot_open_a_contest_by_hand(town: Town) -> None:
    door = household()
    assert town.push(door).json == []
    for by in ("person:hoa", LAN):
        entry = {"field": "address", **register({"house": "bịa"}, by, "2026-05-01T01:00:00.000Z")}
        forged = child(edited(door, T3, address={"house": "9"}), history=[{**entry, "apart": True}])
        assert town.push(forged).json[0]["code"] == "past-changed"
    replaced = edited(door, T3, address={"house": "9"})
    replaced["history"] = [{**entry, "apart": True} for entry in replaced["history"]]
    assert town.push(replaced).json[0]["code"] == "past-changed"


def test_a_contest_is_not_ended_without_a_signed_edit_of_the_field(town: Town) -> None:
    merged = contest(town, household(), "address", {"house": "14"}, {"house": "16"})
    unmarked = [{k: v for k, v in entry.items() if k != "apart"} for entry in merged["history"]]
    assert town.push(child(merged, history=unmarked)).json[0]["code"] == "past-changed"
    tagged = {**edited(merged, T5, tags=["x"]), "history": unmarked}
    assert town.push(tagged).json[0]["code"] == "past-changed"
    left_out = {**edited(merged, T5, address={"house": "14"}), "history": []}
    assert town.push(left_out).json[0]["code"] == "past-changed"
    assert marked(latest(town, merged["_id"])) == [{"house": "14"}]


def test_who_goes_on_from_a_contest_that_was_settled_meanwhile_is_not_refused(town: Town) -> None:
    merged = contest(town, household(), "address", {"house": "14"}, {"house": "16"})
    assert town.push(edited(merged, T5, address={"house": "14"})).json == []
    late = edited(merged, T6, LAN, tags=["x"])
    assert town.push(late, person="lan").json == []
    settle(town)
    now = latest(town, merged["_id"])
    assert marked(now) == []
    assert now["tags"]["value"] == ["x"]
    anyio.run(town.store.compact, town.database)
    assert town.push(child(late, adults=register(2, LAN, T6)), person="lan").json == []


def test_the_end_of_a_consent_ends_the_contest_about_the_name_and_takes_both_names(town: Town) -> None:
    person = resident(name=NAME)
    consent = person["identity"]["value"]["consent"]
    two = ({"name": f"{NAME} {last}", "consent": consent} for last in ("Một", "Hai"))
    merged = contest(town, person, "identity", *two)
    assert len(marked(merged)) == 1
    ended = edited(merged, T5, identity={})
    ended["history"] = [entry for entry in ended["history"] if entry["field"] != "identity"]
    assert town.push(ended).json == []
    kept = edited(merged, T6, LAN, identity=merged["identity"]["value"])
    assert town.push(kept, person="lan").json == [], "settled offline by someone who did not know"
    settle(town)
    now = latest(town, person["_id"])
    assert now["identity"]["value"] == {}
    assert marked(now) == []
    assert "Bưởi" not in json.dumps(now, ensure_ascii=False)


def test_erasing_takes_the_name_out_of_both_versions_of_a_label(town: Town) -> None:
    person = resident(name=NAME)
    assert town.push(person).json == []
    neighbour = contest(town, resident(), "label", f"Chồng bà {NAME}", f"Ông nhà bà {NAME}")
    assert marked(neighbour)
    anyio.run(erase, town.store, town.names, WARD, "tdp-07", person["_id"])
    said = json.dumps(latest(town, neighbour["_id"]), ensure_ascii=False)
    assert "Bưởi" not in said
    assert "Chồng bà …" in said
    assert town.push(edited(neighbour, T5, label=f"Chồng bà {NAME}")).json == []
    settle(town)
    assert "Bưởi" not in json.dumps(latest(town, neighbour["_id"]), ensure_ascii=False)


def test_erasing_takes_the_text_out_of_both_versions_of_a_visit(town: Town) -> None:
    person = resident(name=NAME)
    met = helped(person["_id"])
    one, two = ({**met["record"]["value"], "note": f"bà {NAME} bận, lần {n}"} for n in (1, 2))
    assert town.push(person, met).json == []
    assert town.push(edited(met, T3, record=one)).json == []
    assert town.push(edited(met, T4, "person:lead", record=two), person="lead").json == []
    settle(town)
    assert len(marked(latest(town, met["_id"]))) == 1
    anyio.run(erase, town.store, town.names, WARD, "tdp-07", person["_id"])
    now = latest(town, met["_id"])
    assert "bận" not in json.dumps(now, ensure_ascii=False)
    assert now["record"]["value"]["helps"] == one["helps"]


def test_what_the_desk_corrects_ends_the_contest_and_keeps_what_was_there(town: Town) -> None:
    merged = contest(town, resident(), "label", "Bà Hai", "Bà Ba")

    async def correct() -> Document | None:
        fields = {"label": "Bà Tư"}
        return await amend(town.store, town.names, WARD, "tdp-07", merged["_id"], "person:desk", fields)

    assert anyio.run(correct) is not None
    now = latest(town, merged["_id"])
    assert now["label"]["value"] == "Bà Tư"
    assert marked(now) == []
    assert {"Bà Hai", "Bà Ba"} <= {entry["value"] for entry in now["history"]}


EDITS: dict[str, tuple[Any, str, Any, Any]] = {
    "household": (household, "address", {"house": "14"}, {"house": "16"}),
    "resident": (resident, "label", "Bà Hai", "Bà Ba"),
    "visit": (visit, "record", {"at": T3, "outcome": "met"}, {"at": T3, "outcome": "absent"}),
}


@pytest.mark.parametrize("kind", EDITS)
def test_each_type_of_document_is_merged_within_five_seconds_of_its_arrival(town: Town, kind: str) -> None:
    make, field, one, two = EDITS[kind]

    async def follow() -> None:
        told = asyncio.Event()
        conflicts = Conflicts(town.store, town.names, announce=lambda database: told.set())
        conflicts.POLL_SECONDS = 60
        task = asyncio.create_task(conflicts.run())
        try:
            await asyncio.sleep(0.3)
            base = make()
            edits = [edited(base, T3, **{field: one}), edited(base, T4, "person:lead", **{field: two})]
            for document, person in zip([base, *edits], ["hoa", "hoa", "lead"], strict=True):
                answer = await anyio.to_thread.run_sync(partial(town.push, document, person=person))
                assert answer.json == []
            conflicts.hint(town.database)
            await asyncio.wait_for(told.wait(), 5)
            (merged,) = await town.store.leaves(town.database, base["_id"])
            assert marked(merged) == [one]
        finally:
            task.cancel()

    anyio.run(follow)


def test_without_a_hint_it_is_looked_for_more_often_than_every_five_seconds(names: Names) -> None:
    assert Conflicts.POLL_SECONDS < 5
