"""What a report of a period tells: of each unit and of all together, beside the period before.

Pure: plain data in, plain data out, by the rules of `server.progress`. ``None`` means "no data" and is
written "—", never 0. It holds no personal data of residents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from server import progress
from server.board import Catalog, Phone, most_first, name_keys, read_services
from server.periods import Choice
from server.progress import Period, Rollup, Rollups, ServiceRow, Tally, Unit, total
from sync.rollup import People

DOORS = ("met", "absent", "refused", "later", "moved")
MEASURES = (
    *("knocked", "new_doors", "doors", *DOORS),
    *("acts", "people", "new_people", "senior", "seniors", "active"),
)
"""In the order of a report. `knocked`: households ever visited up to the last day; `new_doors`: those visited
for the first time; `senior`: acts for people of 60 and over, `seniors`: those people; `active`: recorders."""

Measured = Mapping[str, int | None]


@dataclass(frozen=True)
class Source:
    """What was read for a report: people by unit in the period and in the one before; members, phones and
    refused records (by unit) are those of now."""

    rollups: Rollups
    people: Mapping[str, People]
    people_before: Mapping[str, People]
    members: Mapping[str, int]
    phones: Sequence[Phone]
    refused: Mapping[str, int]
    moved: int = 0
    """households that the ward ever gave from one unit to another"""


@dataclass(frozen=True)
class Line:
    """A unit, or all of them together; `phones` take part, `late` of them were silent for a day, `waiting`
    records are still on them."""

    code: str
    name: str
    households: int | None
    now: Measured
    before: Measured
    members: int
    phones: int
    late: int
    waiting: int
    refused: int

    @property
    def coverage(self) -> float | None:
        knocked = self.now["knocked"]
        return knocked / self.households if knocked is not None and self.households else None

    @property
    def silent(self) -> bool:
        """Nothing was recorded in the period, as far as anything was sent."""
        return self.now["doors"] is None

    def change(self, measure: str) -> float | None:
        return progress.change(self.now[measure], self.before[measure])


@dataclass(frozen=True)
class Report:
    """`comparable` is whether recording had begun when the period before did; `acts_before` are those of each
    ``service/level`` in it."""

    choice: Choice
    comparable: bool
    lines: Sequence[Line]
    whole: Line
    services: Sequence[ServiceRow]
    services_of: Mapping[str, Sequence[ServiceRow]]
    acts_before: Mapping[str, int] | None
    obstacles: Sequence[Tally]
    referrals: Sequence[Tally]
    unreadable: int
    moved: int
    texts: Mapping[str, str]

    @property
    def silent(self) -> list[str]:
        return [line.name for line in self.lines if line.silent]

    def name(self, kind: str, key: str) -> str:
        return self.texts.get(f"{kind}/{key}", key)

    def before_of(self, service: str, level: str) -> int | None:
        return None if self.acts_before is None else self.acts_before.get(f"{service}/{level}", 0)


def build_report(
    catalog: Catalog, units: Sequence[Unit], source: Source, choice: Choice, language: str, whole: str
) -> Report:
    """The report of these units: all of a ward that were open then, called `whole`, or a single one."""
    if len(units) > 1:
        units = [unit for unit in units if unit.was_open(choice.period)]
    codes = {unit.code for unit in units}
    rollups = {code: rollup for code, rollup in source.rollups.items() if code in codes}
    begun = min((day for rollup in source.rollups.values() for day in rollup["days"]), default=None)
    comparable = begun is not None and begun <= choice.before.first.isoformat()
    lines = [_line(unit, source, choice, comparable) for unit in units]
    services = read_services(catalog, language)
    period = choice.period
    return Report(
        choice=choice,
        comparable=comparable,
        lines=lines,
        whole=_add(whole, lines, rollups, choice, comparable),
        services=progress.service_rows(services, rollups, period),
        services_of={
            unit.code: progress.service_rows(services, {unit.code: rollups[unit.code]}, period)
            for unit in units
            if unit.code in rollups and progress.days_of(rollups[unit.code], period)
        },
        acts_before=progress.tally(rollups.values(), choice.before, "acts") if comparable else None,
        obstacles=most_first(progress.tally_rows((), progress.tally(rollups.values(), period, "obstacles"))),
        referrals=most_first(progress.tally_rows((), progress.tally(rollups.values(), period, "referrals"))),
        unreadable=sum(rollup["unreadable"] for rollup in rollups.values()),
        moved=source.moved if len(units) > 1 else 0,
        texts=name_keys(catalog, language),
    )


def measure(rollup: Rollup | None, period: Period, people: People | None) -> Measured:
    """What one unit did in a period."""
    figures = progress.figures_of(rollup, period, people)
    doors = progress.tally([rollup], period, "doors") if rollup else None
    return {
        "knocked": progress.coverage_of(rollup, period.last).knocked,
        "new_doors": figures.new_doors,
        "doors": figures.doors,
        **{key: None if doors is None else doors[key] for key in DOORS},
        "acts": figures.acts,
        "people": figures.people,
        "new_people": figures.new_people,
        "senior": figures.senior,
        "seniors": figures.seniors,
        "active": _active([rollup] if rollup else [], period),
    }


def _active(rollups: Iterable[Rollup], period: Period) -> int | None:
    """Who recorded anything, each once though it be in two units."""
    counts = progress.tally(rollups, period, "volunteers")
    return None if counts is None else len(counts)


def _line(unit: Unit, source: Source, choice: Choice, comparable: bool) -> Line:
    rollup = source.rollups.get(unit.code)
    phones = [phone for phone in source.phones if phone.unit == unit.code]
    before = rollup if comparable else None
    return Line(
        code=unit.code,
        name=unit.name,
        households=rollup["households"] if rollup else None,
        now=measure(rollup, choice.period, source.people.get(unit.code)),
        before=measure(before, choice.before, source.people_before.get(unit.code)),
        members=source.members.get(unit.code, 0),
        phones=len(phones),
        late=sum(phone.late for phone in phones),
        waiting=sum(phone.waiting for phone in phones),
        refused=source.refused.get(unit.code, 0),
    )


def _together(parts: Sequence[Measured]) -> dict[str, int | None]:
    """Sums of what is known; distinct people only where those of every unit with data could be counted."""
    added = {key: total(part[key] for part in parts) for key in MEASURES}
    if any(part["acts"] is not None and part["people"] is None for part in parts):
        added |= {"people": None, "seniors": None}
    return added


def _add(name: str, lines: Sequence[Line], rollups: Rollups, choice: Choice, comparable: bool) -> Line:
    now, before = _together([line.now for line in lines]), _together([line.before for line in lines])
    now["active"] = _active(rollups.values(), choice.period)
    before["active"] = _active(rollups.values(), choice.before) if comparable else None
    return Line(
        code="",
        name=name,
        households=total(line.households for line in lines),
        now=now,
        before=before,
        members=sum(line.members for line in lines),
        phones=sum(line.phones for line in lines),
        late=sum(line.late for line in lines),
        waiting=sum(line.waiting for line in lines),
        refused=sum(line.refused for line in lines),
    )
