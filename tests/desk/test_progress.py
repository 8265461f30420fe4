"""Tables against a count by hand over random rollups; what has no data stays apart from zero."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.progress import (
    Coverage,
    Figures,
    Level,
    Period,
    Service,
    Target,
    Unit,
    add_figures,
    change,
    coverage_of,
    figures_of,
    headline,
    points,
    service_rows,
    sort_rows,
    tally,
    tally_rows,
    target_rows,
    unit_rows,
)
from server.recount import recount
from sync.rollup import People, empty_day
from tests.desk.documents import LEVELS, SERVICES
from tests.desk.documents import documents as some_documents

UNITS = [Unit(code, code.upper(), "team") for code in ("a", "b", "c")]
CATALOG = [
    Service(service, service, tuple(Level(level, level) for level in levels))
    for service, levels in SERVICES.items()
]
DAYS = [date(2026, 5, day) for day in range(1, 8)]

wards = st.dictionaries(st.sampled_from(["a", "b", "c"]), some_documents, max_size=3)
periods = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(
    lambda pair: Period(min(pair), max(pair))
)


def rolled_up(ward: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    return {code: {**recount(docs, LEVELS), "at": "2026-05-09T00:00:00.000Z"} for code, docs in ward.items()}


def days_in(rollup: dict[str, Any], period: Period) -> list[dict[str, Any]]:
    return [rollup["days"][day] for day in rollup["days"] if day in period.days]


@given(wards, periods)
def test_a_units_figures_are_the_sums_of_its_days_or_nothing(
    ward: dict[str, list[dict[str, Any]]], period: Period
) -> None:
    rollups = rolled_up(ward)
    for row in unit_rows(UNITS, rollups, period, {}):
        days = days_in(rollups.get(row.unit.code, {"days": {}}), period)
        if not days:
            assert row.figures == Figures()
            continue
        assert row.figures.acts == sum(count for day in days for count in day["acts"].values())
        assert row.figures.new_people == sum(day["new_people"] for day in days)
        assert row.figures.met == sum(day["doors"].get("met", 0) for day in days)


@given(wards, periods)
def test_the_ward_is_the_sum_of_its_services_its_days_and_its_units(
    ward: dict[str, list[dict[str, Any]]], period: Period
) -> None:
    rollups = rolled_up(ward)
    head = headline(unit_rows(UNITS, rollups, period, {}), rollups, period)
    by_service = [row.acts for row in service_rows(CATALOG, rollups, period)]
    by_day = [point.acts for point in points(rollups, period)]
    if head.with_data == 0:
        assert head.now == Figures()
        assert set(by_service) <= {None}
        assert set(by_day) <= {None}
    else:
        assert (
            head.now.acts
            == sum(acts or 0 for acts in by_service)
            == sum(acts for acts in by_day if acts is not None)
        )
    assert head.with_data + head.without_data == 3


@given(wards, periods)
def test_coverage_counts_each_door_once_up_to_the_last_day(
    ward: dict[str, list[dict[str, Any]]], period: Period
) -> None:
    for code, rollup in rolled_up(ward).items():
        up_to = Period(date(2000, 1, 1), period.last)
        found = {
            day
            for document in ward[code]
            if document["type"] == "visit" and document["household"] and not _withdrawn(document)
            for day in [document["household"]]
            if days_in(recount([document], LEVELS), up_to)
        }
        coverage = coverage_of(rollup, period.last)
        assert (coverage.knocked or 0) == len(found)


def _withdrawn(document: dict[str, Any]) -> bool:
    return document["record"]["value"].get("withdrawn") is True


def test_no_data_is_not_zero() -> None:
    quiet = {"days": {}, "households": 10, "adults": 0, "adults_known": 0, "at": None}
    period = Period(DAYS[0], DAYS[-1])
    assert figures_of(None, period) == figures_of(quiet, period) == Figures()
    assert coverage_of(None, DAYS[0]).share is None
    assert coverage_of(quiet, DAYS[0]) == Coverage(None, 10)
    assert add_figures([Figures(), Figures(acts=0)]).acts == 0
    assert add_figures([Figures()]).acts is None
    assert tally([quiet], period, "acts") is None
    assert [row.count for row in tally_rows(("met",), None, empty=True)] == [None]
    assert change(5, None) is None
    assert change(5, 0) is None
    assert change(6, 4) == 0.5


def test_units_without_data_come_last_whatever_the_order() -> None:
    day = {**recount([], LEVELS)["days"], "2026-05-01": _day(acts={"ihanoi/using": 3})}
    busy = {"days": day, "households": 4, "adults": 0, "adults_known": 0, "at": None}
    idle = {**busy, "days": {"2026-05-01": _day(acts={})}}
    rows = unit_rows(UNITS, {"b": busy, "c": idle}, Period(DAYS[0], DAYS[0]), {"b": People(2, 1)})
    assert [row.unit.code for row in sort_rows(rows, "acts")] == ["b", "c", "a"]
    assert [row.unit.code for row in sort_rows(rows, "nonsense")] == ["a", "b", "c"]
    assert rows[1].figures.people == 2


def test_what_the_catalog_does_not_know_is_still_counted() -> None:
    rollup = {"days": {"2026-05-01": _day(acts={"ihanoi/using": 1, "new/thing": 2})}, "households": 0}
    rows = service_rows(CATALOG, {"a": rollup}, Period(DAYS[0], DAYS[0]))
    assert [(row.service.key, row.acts) for row in rows] == [("ihanoi", 1), ("vneid", 0), ("new", 2)]


def test_a_target_is_measured_against_all_households_or_adults() -> None:
    rollup = {
        "days": {
            "2026-05-01": _day(homes_at={"ihanoi/using": 2}, adults_at={"ihanoi/using": 3}, new_doors=4),
            "2026-05-03": _day(homes_at={"ihanoi/using": 1}),
        },
        "households": 8,
        "adults": 12,
        "adults_known": 8,
    }
    targets = [
        Target("t", "t", 0.5, "households", "level", "ihanoi", "using"),
        Target("u", "u", 1.0, "adults", "level", "ihanoi", "using"),
        Target("v", "v", 1.0, "households", "visited"),
    ]
    early = target_rows(targets, {"a": rollup}, date(2026, 5, 2))
    assert [(row.reached, row.base, row.goal, row.share) for row in early] == [
        (2, 8, 4, 0.25),
        (3, 12, 12, 0.25),
        (4, 8, 8, 0.5),
    ]
    assert target_rows(targets, {"a": rollup}, date(2026, 5, 3))[0].reached == 3
    assert target_rows(targets, {"a": rollup}, date(2026, 4, 3))[0].reached is None
    assert target_rows(targets, {}, date(2026, 5, 3))[1].share is None


def test_a_long_period_is_drawn_by_weeks_and_months() -> None:
    year = Period(date(2026, 1, 1), date(2026, 12, 31))
    quarter = Period(date(2026, 1, 1), date(2026, 3, 31))
    assert [len(points({}, period)) for period in (year, quarter, Period(DAYS[0], DAYS[6]))] == [13, 13, 7]


def test_the_period_before_is_as_long_and_touches() -> None:
    assert Period(DAYS[2], DAYS[4]).previous == Period(date(2026, 4, 30), date(2026, 5, 2))


def _day(**figures: Any) -> dict[str, Any]:
    return {**empty_day(), **figures}


def test_a_period_that_began_before_the_first_record_is_nothing_to_compare_with() -> None:
    days = {f"2026-05-0{n}": _day(acts={"ihanoi/using": n}) for n in (2, 3, 4)}
    rollups = {"a": {"days": days, "households": 1, "at": None}}

    def before(first: int, last: int) -> int | None:
        period = Period(date(2026, 5, first), date(2026, 5, last))
        return headline(unit_rows(UNITS, rollups, period, {}), rollups, period.previous).before.acts

    assert before(3, 3) == 2
    assert before(3, 4) is None
