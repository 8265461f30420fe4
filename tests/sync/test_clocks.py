"""Instants from the future are set to their arrival, and no edit is lost by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from hypothesis import given
from hypothesis import strategies as st

from sync.clocks import correct, text_of
from sync.conflicts import Conflicts
from sync.merge import merge
from sync.ulids import new_ulid
from tests.sync.samples import AT, child, household, register, visit
from tests.sync.town import Town

NOW = datetime(2026, 5, 1, 3, tzinfo=UTC)
LATER = "2031-01-01T00:00:00.000Z"
LATEST = "9999-12-31T23:59:59.999Z"


def past(field: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {"field": field, **entry}


def test_what_is_at_most_ten_minutes_ahead_stays_as_it_is() -> None:
    assert correct(visit(), NOW) is None
    assert correct(household(address=register({"house": "1"}, at="2026-05-01T03:10:00.000Z")), NOW) is None


def test_a_visit_from_the_future_happened_when_it_arrived() -> None:
    document = visit()
    document["record"] = {**document["record"], "at": LATER}
    document["record"]["value"] = {**document["record"]["value"], "at": LATER}
    corrected = correct(document, NOW)
    assert corrected is not None
    assert corrected["record"]["at"] == corrected["record"]["value"]["at"] == text_of(NOW)
    assert corrected["created"] == document["created"]
    assert corrected["_revisions"]["ids"][1] == document["_rev"].split("-")[1]


@given(st.lists(st.sampled_from([AT, LATER, LATEST, "2027-01-01T00:00:00.000Z"]), min_size=1, max_size=4))
def test_the_order_of_edits_is_kept_so_that_the_same_one_wins(instants: list[str]) -> None:
    entries = [register({"house": str(n)}, at=at) for n, at in enumerate(sorted(instants))]
    document = household(address=entries[-1], history=[past("address", entry) for entry in entries[:-1]])
    corrected = correct(document, NOW)
    before, after = merge([document]).document, merge([corrected or document]).document
    assert after["address"]["value"] == before["address"]["value"]


def test_a_phone_from_the_future_does_not_win_for_ever(town: Town) -> None:
    ahead = household(address=register({"house": "1"}, at=LATEST))
    assert town.push(ahead).json == []
    stored = town.stored(ahead["_id"])
    assert stored is not None
    assert stored["address"]["at"] < LATER
    assert town.push(ahead).json == [], "the phone's own revision is no longer known"
    assert town.stored(ahead["_id"]) == stored, "sending again changed the record again"
    fresh = register({"house": "2"}, by="person:lan", at=text_of(datetime.now(UTC)))
    edited = child(stored, address=fresh, history=[past("address", stored["address"])])
    revisions = town.ask("POST", "/sync/w09562-tdp-07/_bulk_get?revs=true", {"docs": [{"id": ahead["_id"]}]})
    (known,) = [row["ok"] for row in revisions.json["results"][0]["docs"]]
    edited = child(known, address=fresh, history=[past("address", stored["address"])])
    assert town.push(edited, person="lan").json == []
    now = town.stored(ahead["_id"])
    assert now is not None
    assert now["address"]["value"] == {"house": "2"}


def test_what_arrived_from_the_future_before_does_not_arrive_anew(town: Town) -> None:
    """The phone edits on before it fetches what its instants were set to: its old value is not the latest."""
    door = household()
    assert town.push(door).json == []
    one = register({"house": "1"}, at=LATER)
    ahead = child(door, address=one, history=[past("address", door["address"])])
    assert town.push(ahead).json == []
    corrected = town.stored(door["_id"])
    assert corrected is not None
    path = "/sync/w09562-tdp-07/_bulk_get?revs=true"
    (known,) = town.ask("POST", path, {"docs": [{"id": door["_id"]}]}).json["results"][0]["docs"]
    at = text_of(datetime.fromisoformat(corrected["address"]["at"]) + timedelta(milliseconds=1))
    history = [*corrected["history"], past("address", corrected["address"])]
    seen = child(known["ok"], address=register({"house": "2"}, "person:lan", at), history=history)
    assert town.push(seen, person="lan").json == []
    assert town.push(child(ahead, tags=register(["x"]))).json == []
    anyio.run(Conflicts(town.store, town.names).settle, town.database)
    now = town.stored(door["_id"])
    assert now is not None
    assert now["tags"]["value"] == ["x"]
    assert now["address"]["value"] == {"house": "2"}
    assert not any(entry.get("apart") for entry in now["history"])


def test_a_visit_from_the_future_is_known_again_by_what_it_says() -> None:
    first = visit()
    first["record"] = {**first["record"], "value": {**first["record"]["value"], "at": LATER}, "at": LATEST}
    stored = correct(first, NOW)
    assert stored is not None
    again = correct(child(first, household=f"household:{new_ulid()}"), NOW + timedelta(hours=1), stored)
    assert again is not None
    assert again["record"] == stored["record"]


def test_a_value_that_was_set_anew_from_the_future_is_later_than_what_it_replaced() -> None:
    old = household(address=register({"house": "1"}, at=text_of(NOW - timedelta(hours=2))))
    other = register({"house": "2"}, "person:lan", at=text_of(NOW - timedelta(hours=1)))
    history = [past("address", old["address"]), past("address", other)]
    stored = child(old, address=other, history=history[:1])
    anew = child(stored, address=register({"house": "1"}, at=LATER), history=history)
    corrected = correct(anew, NOW, stored)
    assert corrected is not None
    assert corrected["address"] == register({"house": "1"}, at=text_of(NOW))
    assert merge([corrected, stored]).document["address"]["value"] == {"house": "1"}
