"""From rollups and a period to the tables of the dashboard and the spreadsheet.

Pure: plain data in, plain data out. Three figures are never confused: *lượt* (acts of help), *người
mới* (people helped for the first time) and *người* (distinct people in the period). ``None`` means
"no data" and is shown as "—"; it is never taken for 0. A unit has data in a period when it has a day
in it; the ward's figure is the sum over the units that have data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from sync.rollup import People

Rollup = Mapping[str, Any]
Rollups = Mapping[str, Rollup]
"""The newest rollup of each unit, by the unit's code; a unit that never synced is absent."""

OUTCOMES = ("met", "absent", "refused", "later", "moved")


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included, in Vietnam."""

    first: date
    last: date

    @property
    def days(self) -> list[str]:
        count = (self.last - self.first).days + 1
        return [(self.first + timedelta(days=n)).isoformat() for n in range(count)]

    @property
    def previous(self) -> Period:
        """As many days, just before."""
        length = self.last - self.first + timedelta(days=1)
        return Period(self.first - length, self.last - length)

    def holds(self, day: str) -> bool:
        return self.first.isoformat() <= day <= self.last.isoformat()


@dataclass(frozen=True)
class Unit:
    code: str
    name: str
    kind: str
    closed: str | None = None
    """the day in Vietnam on which it was closed"""

    def was_open(self, period: Period) -> bool:
        """Whether it belongs to the period: one that was closed before is none of its units."""
        return self.closed is None or period.first.isoformat() <= self.closed


@dataclass(frozen=True)
class Level:
    key: str
    name: str


@dataclass(frozen=True)
class Service:
    key: str
    name: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Target:
    """A share of all households or adults; `measure` is ``visited`` or ``level`` (this one or above)."""

    key: str
    name: str
    share: float
    of: str
    measure: str
    service: str | None = None
    level: str | None = None
    official: bool = False


@dataclass(frozen=True)
class Figures:
    """What was done in a period; every field is None where there is no data. Of 60 and over: `senior` acts
    for them, `seniors` people."""

    acts: int | None = None
    senior: int | None = None
    seniors: int | None = None
    new_people: int | None = None
    people: int | None = None
    doors: int | None = None
    met: int | None = None
    new_doors: int | None = None


@dataclass(frozen=True)
class Coverage:
    """Households knocked at up to a day, of all households; None where that is not known."""

    knocked: int | None
    households: int | None

    @property
    def share(self) -> float | None:
        if self.knocked is None or not self.households:
            return None
        return self.knocked / self.households


@dataclass(frozen=True)
class UnitRow:
    unit: Unit
    figures: Figures
    coverage: Coverage
    at: str | None


@dataclass(frozen=True)
class Headline:
    now: Figures
    before: Figures
    coverage: Coverage
    with_data: int
    without_data: int


@dataclass(frozen=True)
class LevelRow:
    level: Level
    acts: int | None
    senior: int | None
    new: int | None


@dataclass(frozen=True)
class ServiceRow:
    service: Service
    levels: tuple[LevelRow, ...]

    @property
    def acts(self) -> int | None:
        return total(row.acts for row in self.levels)


@dataclass(frozen=True)
class TargetRow:
    """How far a target is: `reached` of `base` by the period's last day, `goal` of them wanted."""

    target: Target
    reached: int | None
    base: int | None

    @property
    def share(self) -> float | None:
        return self.reached / self.base if self.reached is not None and self.base else None

    @property
    def goal(self) -> int | None:
        return round(self.base * self.target.share) if self.base else None


@dataclass(frozen=True)
class Tally:
    """One row of a count by key: an outcome, an obstacle, a referral, a volunteer."""

    key: str
    count: int | None
    share: float | None


@dataclass(frozen=True)
class Point:
    """One column of the day-by-day chart; several days when the period is long."""

    first: str
    last: str
    acts: int | None
    doors: int | None
    new_people: int | None


def total(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def days_of(rollup: Rollup | None, period: Period) -> list[Mapping[str, Any]]:
    first, last = period.first.isoformat(), period.last.isoformat()
    days = rollup["days"] if rollup else {}
    return [figures for day, figures in days.items() if first <= day <= last]


def figures_of(rollup: Rollup | None, period: Period, people: People | None = None) -> Figures:
    """One unit's figures. `people` is asked of the store; it is kept only where there is data."""
    days = days_of(rollup, period)
    if not days:
        return Figures()
    return Figures(
        acts=sum(sum(day["acts"].values()) for day in days),
        senior=sum(sum(day["senior"].values()) for day in days),
        new_people=sum(day["new_people"] for day in days),
        people=people.distinct if people else None,
        seniors=people.seniors if people else None,
        doors=sum(sum(day["doors"].values()) for day in days),
        met=sum(day["doors"].get("met", 0) for day in days),
        new_doors=sum(day["new_doors"] for day in days),
    )


def add_figures(parts: Sequence[Figures]) -> Figures:
    """Sums of what is known; distinct people only where those of every part with data could be counted."""
    added = {field.name: total(getattr(part, field.name) for part in parts) for field in fields(Figures)}
    if any(part.acts is not None and part.people is None for part in parts):
        added |= {"people": None, "seniors": None}
    return Figures(**added)


def coverage_of(rollup: Rollup | None, last: date) -> Coverage:
    """Cumulative: every door ever knocked at up to `last`."""
    if not rollup:
        return Coverage(None, None)
    end = last.isoformat()
    days = [figures for day, figures in rollup["days"].items() if day <= end]
    knocked = sum(day["new_doors"] for day in days) if days else None
    return Coverage(knocked, rollup["households"])


def add_coverage(parts: Sequence[Coverage]) -> Coverage:
    """Of the ward: units that never knocked still bring their households."""
    return Coverage(total(part.knocked for part in parts), total(part.households for part in parts))


def unit_rows(
    units: Sequence[Unit], rollups: Rollups, period: Period, people: Mapping[str, People]
) -> list[UnitRow]:
    return [
        UnitRow(
            unit,
            figures_of(rollups.get(unit.code), period, people.get(unit.code)),
            coverage_of(rollups.get(unit.code), period.last),
            (rollups.get(unit.code) or {}).get("at"),
        )
        for unit in units
    ]


SORTS: Mapping[str, Callable[[UnitRow], float | None]] = {
    "coverage": lambda row: row.coverage.share,
    "doors": lambda row: row.figures.doors,
    "met": lambda row: row.figures.met,
    "acts": lambda row: row.figures.acts,
    "new_people": lambda row: row.figures.new_people,
    "people": lambda row: row.figures.people,
    "senior": lambda row: row.figures.senior,
}


def sort_rows(rows: Sequence[UnitRow], by: str) -> list[UnitRow]:
    """Largest first, "no data" always last; ``name`` (or anything unknown) keeps the given order."""
    value = SORTS.get(by)
    if value is None:
        return list(rows)

    def order(row: UnitRow) -> tuple[bool, float]:
        found = value(row)
        return found is None, -(found or 0)

    return sorted(rows, key=order)


def headline(rows: Sequence[UnitRow], rollups: Rollups, earlier: Period) -> Headline:
    """The ward's figures and, but for distinct people, those of the `earlier` period.

    A period that began before anyone recorded anything is nothing to compare with.
    """
    start = min((day for rollup in rollups.values() for day in rollup["days"]), default=None)
    whole = start is not None and start <= earlier.first.isoformat()
    before = [figures_of(rollups.get(row.unit.code), earlier) for row in rows] if whole else []
    with_data = sum(row.figures.acts is not None for row in rows)
    return Headline(
        now=add_figures([row.figures for row in rows]),
        before=add_figures(before),
        coverage=add_coverage([row.coverage for row in rows]),
        with_data=with_data,
        without_data=len(rows) - with_data,
    )


def tally(rollups: Iterable[Rollup], period: Period, figure: str) -> Counter[str] | None:
    """`figure` by key over all units, None when no unit has data in the period."""
    days = [day for rollup in rollups for day in days_of(rollup, period)]
    if not days:
        return None
    counts: dict[str, int] = {}
    for day in days:
        for key, value in day[figure].items():
            counts[key] = counts.get(key, 0) + value
    return Counter(counts)


def service_rows(services: Sequence[Service], rollups: Rollups, period: Period) -> list[ServiceRow]:
    """Every service of the catalog, then what documents carry and the catalog does not know."""
    found = {figure: tally(rollups.values(), period, figure) for figure in ("acts", "senior", "new")}
    known = {(service.key, level.key) for service in services for level in service.levels}
    strange = sorted({tuple(act.split("/", 1)) for act in found["acts"] or ()} - known)
    extra = [Service(service, service, (Level(level, level),)) for service, level in strange]

    def count(figure: str, service: Service, level: Level) -> int | None:
        counts = found[figure]
        return None if counts is None else counts[f"{service.key}/{level.key}"]

    return [
        ServiceRow(
            service,
            tuple(
                LevelRow(
                    level,
                    count("acts", service, level),
                    count("senior", service, level),
                    count("new", service, level),
                )
                for level in service.levels
            ),
        )
        for service in (*services, *extra)
    ]


def tally_rows(keys: Sequence[str], counts: Counter[str] | None, *, empty: bool = False) -> list[Tally]:
    """Rows in the order of `keys`, then unknown ones; rows of 0 only where `empty` asks for them."""
    if counts is None:
        return [Tally(key, None, None) for key in keys] if empty else []
    all_keys = [*keys, *sorted(key for key in counts if key not in keys)]
    whole = sum(counts.values())
    return [
        Tally(key, counts[key], counts[key] / whole if whole else None)
        for key in all_keys
        if empty or counts[key]
    ]


def target_rows(targets: Sequence[Target], rollups: Rollups, last: date) -> list[TargetRow]:
    return [TargetRow(target, _reached(target, rollups, last), _base(target, rollups)) for target in targets]


def _reached(target: Target, rollups: Rollups, last: date) -> int | None:
    def of_day(day: Mapping[str, Any]) -> int:
        if target.measure == "visited":
            return int(day["new_doors"])
        figure = "adults_at" if target.of == "adults" else "homes_at"
        return int(day[figure].get(f"{target.service}/{target.level}", 0))

    end = last.isoformat()
    return total(
        of_day(figures)
        for rollup in rollups.values()
        for day, figures in rollup["days"].items()
        if day <= end
    )


def _base(target: Target, rollups: Rollups) -> int | None:
    """All households or adults; adults only where some household told how many it has."""
    if target.of == "adults":
        return total(rollup["adults"] for rollup in rollups.values() if rollup["adults_known"])
    return total(rollup["households"] for rollup in rollups.values())


def points(rollups: Rollups, period: Period) -> list[Point]:
    """The period in at most 45 columns: by day, else by week, else by 30 days."""
    days = period.days
    step = 1 if len(days) <= 45 else 7 if len(days) <= 45 * 7 else 30
    by_day: dict[str, list[Mapping[str, Any]]] = {}
    for rollup in rollups.values():
        for day, figures in rollup["days"].items():
            by_day.setdefault(day, []).append(figures)
    columns = []
    for start in range(0, len(days), step):
        chunk = days[start : start + step]
        parts = [part for day in chunk for part in by_day.get(day, ())]
        acts = total(sum(part["acts"].values()) for part in parts)
        doors = total(sum(part["doors"].values()) for part in parts)
        columns.append(Point(chunk[0], chunk[-1], acts, doors, total(part["new_people"] for part in parts)))
    return columns


def change(now: int | None, before: int | None) -> float | None:
    """The relative change against the period before, None where there is nothing to compare with."""
    if now is None or not before:
        return None
    return (now - before) / before
