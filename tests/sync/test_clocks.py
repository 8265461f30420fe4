"""Instants from the future are set to their arrival, and no edit is lost by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.clocks import correct, text_of
from sync.merge import merge
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
