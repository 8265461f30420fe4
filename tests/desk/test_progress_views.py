"""The views count as a brute-force count does, whatever they are given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from server.recount import recount, recount_people, vietnam_day
from sync.rollup import BY_LEVEL, GROUPED, assemble, join_people
from tests.desk.documents import LEVELS, documents, spoilt_documents
from tests.desk.views import Views

VIEWS = Views()


def counted(docs: list[dict[str, Any]]) -> dict[str, Any]:
    return assemble({view: VIEWS.grouped(view, docs, BY_LEVEL.get(view)) for view in GROUPED}, LEVELS)


def visit(at: str, **record: Any) -> dict[str, Any]:
    return {
        "type": "visit",
        "household": "household:1",
        "created": {"by": "person:hoa"},
        "record": {"value": {"at": at, "outcome": "met", **record}},
    }


@settings(max_examples=150, deadline=None)
@given(documents)
def test_the_views_equal_a_recount_of_good_documents(docs: list[dict[str, Any]]) -> None:
    assert counted(docs) == recount(docs, LEVELS)


@settings(max_examples=300, deadline=None)
@given(spoilt_documents)
def test_the_views_equal_a_recount_and_never_throw_on_spoilt_documents(docs: list[dict[str, Any]]) -> None:
    assert counted(docs) == recount(docs, LEVELS)


@settings(max_examples=100, deadline=None)
@given(documents)
def test_distinct_people_of_a_range_equal_a_recount(docs: list[dict[str, Any]]) -> None:
    rows = VIEWS.grouped("people_days", docs)
    first, last = "2026-05-02", "2026-05-03"
    days = [row for row in rows if first <= row["key"][0] <= last]
    people = join_people((row["key"][1], row["value"] > 0) for row in days)
    assert people == recount_people(docs, first, last)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-05-19T16:59:59.999Z", "2026-05-19"),
        ("2026-05-19T17:00:00.000Z", "2026-05-20"),
        ("2026-12-31T17:01:00.000Z", "2027-01-01"),
        ("2028-02-28T17:00:00.000Z", "2028-02-29"),
    ],
)
def test_the_day_is_vietnams(at: str, day: str) -> None:
    assert list(counted([visit(at)])["days"]) == [day]
    assert vietnam_day(at) == day


@pytest.mark.parametrize(
    "at",
    [
        None,
        5,
        "",
        "yesterday",
        "2026-02-30T00:00:00.000Z",
        "2026-05-01T24:00:00.000Z",
        "2026-05-01T00:00:00Z",
        "+275760-09-13T00:00:00.000Z",
        "9999-12-31T23:00:00.000Z",
        "2026-05-01T02:00:00.000Z\n",
    ],
)
def test_a_visit_whose_time_cannot_be_read_is_counted_as_unreadable_only(at: Any) -> None:
    figures = counted([visit(at)])
    assert figures["days"] == {}
    assert figures["unreadable"] == 1
    assert figures == recount([visit(at)], LEVELS)


def test_acts_people_and_first_times_are_three_different_figures() -> None:
    first = {"service": "ihanoi", "level": "installed", "person": "resident:1", "age_band": "60-plus"}
    group = {"service": "ihanoi", "level": "introduced", "count": 5}
    docs = [
        visit("2026-05-01T02:00:00.000Z", helps=[first, group]),
        visit("2026-05-02T02:00:00.000Z", helps=[first]),
    ]
    days = counted(docs)["days"]
    assert days["2026-05-01"]["acts"] == {"ihanoi/installed": 1, "ihanoi/introduced": 5}
    assert days["2026-05-01"]["senior"] == {"ihanoi/installed": 1}
    assert (days["2026-05-01"]["new_people"], days["2026-05-02"]["new_people"]) == (1, 0)
    assert (days["2026-05-01"]["new_doors"], days["2026-05-02"]["new_doors"]) == (1, 0)
    assert days["2026-05-02"]["acts"] == {"ihanoi/installed": 1}
    assert days["2026-05-02"]["new"] == {}


def test_whoever_reached_a_level_is_at_the_levels_below_it_too() -> None:
    using = {"service": "ihanoi", "level": "using", "person": "resident:1", "age_band": "16-59"}
    later = {**using, "level": "introduced"}
    docs = [
        visit("2026-05-01T02:00:00.000Z", helps=[using]),
        visit("2026-05-02T02:00:00.000Z", helps=[later]),
    ]
    days = counted(docs)["days"]
    everyone = {"ihanoi/introduced": 1, "ihanoi/installed": 1, "ihanoi/using": 1}
    assert days["2026-05-01"]["adults_at"] == everyone
    assert days["2026-05-01"]["homes_at"] == everyone
    assert days["2026-05-02"]["homes_at"] == {}


def test_withdrawn_visits_and_homes_that_are_gone_count_nowhere() -> None:
    gone = {"type": "household", "gone": {"value": True}, "adults": {"value": 2}}
    figures = counted([visit("2026-05-01T02:00:00.000Z", withdrawn=True), gone])
    assert figures == {
        "households": 0,
        "residents": 0,
        "adults": 0,
        "adults_known": 0,
        "unreadable": 0,
        "days": {},
    }
