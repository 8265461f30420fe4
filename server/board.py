"""Everything one page of the desk shows, made from plain data: catalog, rollups, people, phones.

The dashboard, the unit's page and the spreadsheet are three views of one `Board`, so that they cannot
disagree. It holds no personal data of residents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from server import progress
from server.fleet import waits_long
from server.numbers import VIETNAM
from server.periods import Choice
from server.progress import Headline, Level, Point, Rollups, Service, ServiceRow, Tally, Target, Unit, UnitRow
from server.texts import texts
from sync.rollup import People

LATE = timedelta(hours=24)
LATE_HOURS = 24
Catalog = Mapping[str, Any]


@dataclass(frozen=True)
class Phone:
    """What a phone last said of itself; `at` is None when it never did."""

    id: str
    unit: str
    person: str
    label: str
    at: str | None
    waiting: int
    refused: int
    late: bool
    stuck: bool
    """records have waited on it for days"""


@dataclass(frozen=True)
class SyncRow:
    """The phones of one unit, and when one of them last synced."""

    unit: Unit
    last: str | None
    phones: int
    waiting: int
    late: int


@dataclass(frozen=True)
class Source:
    """What was read for a board; `people` and `acts_by` (per volunteer) are of the chosen period."""

    rollups: Rollups
    people: Mapping[str, People]
    phones: Sequence[Phone]
    quarantined: int
    names: Mapping[str, str]
    acts_by: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Volunteer:
    name: str
    visits: int
    acts: int | None


@dataclass(frozen=True)
class Board:
    choice: Choice
    rows: Sequence[UnitRow]
    headline: Headline
    services: Sequence[ServiceRow]
    targets: Sequence[progress.TargetRow]
    outcomes: Sequence[Tally]
    obstacles: Sequence[Tally]
    referrals: Sequence[Tally]
    points: Sequence[Point]
    sync: Sequence[SyncRow]
    phones: Sequence[Phone]
    volunteers: Sequence[Volunteer]
    quarantined: int
    unreadable: int
    adults_known: int
    texts: Mapping[str, str]
    """names of outcomes, obstacles and referrals by ``kind/key``"""

    @property
    def empty(self) -> bool:
        return self.headline.with_data == 0

    @property
    def late(self) -> list[Phone]:
        return [phone for phone in self.phones if phone.late]

    @property
    def stuck(self) -> list[Phone]:
        return [phone for phone in self.phones if phone.stuck]

    def name(self, kind: str, key: str) -> str:
        return self.texts.get(f"{kind}/{key}", key)


def pick(name: Any, language: str) -> str:
    """A text of the catalog in the reader's language, else in Vietnamese; a plain string is itself."""
    if isinstance(name, Mapping):
        return str(name.get(language) or name.get("vi") or "")
    return str(name)


def read_units(catalog: Catalog, language: str) -> list[Unit]:
    names = {row["code"]: pick(row["name"], language) for row in catalog["units"]}

    def name(row: Mapping[str, Any]) -> str:
        into = row.get("merged_into")
        own = names[row["code"]]
        told = {"name": own, "into": names.get(into, into)}
        return texts().get(language, "units.merged.name", **told) if into else own

    return [
        Unit(row["code"], name(row), str(row.get("kind", "")), _day(row.get("closed")))
        for row in catalog["units"]
    ]


def _day(instant: str | None) -> str | None:
    return datetime.fromisoformat(instant).astimezone(VIETNAM).date().isoformat() if instant else None


def read_services(catalog: Catalog, language: str) -> list[Service]:
    return [
        Service(
            row["key"],
            pick(row["name"], language),
            tuple(Level(level["key"], pick(level["name"], language)) for level in row["levels"]),
        )
        for row in catalog["services"]
    ]


def read_targets(catalog: Catalog, language: str) -> list[Target]:
    return [
        Target(
            key=row["key"],
            name=pick(row["name"], language),
            share=float(row["share"]),
            of=row["of"],
            measure=row["measure"],
            service=row.get("service"),
            level=row.get("level"),
            official=row.get("status") == "official",
        )
        for row in catalog.get("targets", ())
    ]


def read_levels(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """The levels of each service from low to high, for `sync.rollup`."""
    return {row["key"]: tuple(level["key"] for level in row["levels"]) for row in catalog["services"]}


def read_phone(device: Mapping[str, Any], person: Mapping[str, Any], now: datetime) -> Phone | None:
    """A phone that takes part, None for a browser at the desk, an ended device or an ended person."""
    report = device.get("report")
    if not isinstance(report, Mapping) or device.get("revoked") or not person.get("active"):
        return None
    if not person.get("unit"):
        return None
    at = report.get("at")
    late = not at or now - datetime.fromisoformat(at) > LATE
    return Phone(
        id=device["_id"],
        unit=person["unit"],
        person=str(person.get("name", "")),
        label=str(device.get("label", "")),
        at=at,
        waiting=int(report.get("waiting") or 0),
        refused=int(report.get("refused") or 0),
        late=late,
        stuck=waits_long(report, now),
    )


def build_board(
    catalog: Catalog, units: Sequence[Unit], source: Source, choice: Choice, language: str, sort: str = "name"
) -> Board:
    """The board of these units: all of a ward that were open then, or a single one."""
    if len(units) > 1:
        units = [unit for unit in units if unit.was_open(choice.period)]
    codes = {unit.code for unit in units}
    rollups = {code: rollup for code, rollup in source.rollups.items() if code in codes}
    phones = [phone for phone in source.phones if phone.unit in codes]
    rows = progress.unit_rows(units, rollups, choice.period, source.people)
    tallies = {
        figure: progress.tally(rollups.values(), choice.period, figure)
        for figure in ("doors", "obstacles", "referrals")
    }
    return Board(
        choice=choice,
        rows=progress.sort_rows(rows, sort),
        headline=progress.headline(rows, rollups, choice.before),
        services=progress.service_rows(read_services(catalog, language), rollups, choice.period),
        targets=progress.target_rows(read_targets(catalog, language), rollups, choice.period.last),
        outcomes=progress.tally_rows(progress.OUTCOMES, tallies["doors"], empty=True),
        obstacles=most_first(progress.tally_rows((), tallies["obstacles"])),
        referrals=most_first(progress.tally_rows((), tallies["referrals"])),
        points=progress.points(rollups, choice.period),
        sync=[_sync_row(unit, phones) for unit in units],
        phones=sorted(phones, key=lambda phone: (phone.at or "", phone.person)),
        volunteers=_volunteers(rollups, source, choice),
        quarantined=source.quarantined,
        unreadable=sum(rollup["unreadable"] for rollup in rollups.values()),
        adults_known=sum(rollup["adults_known"] for rollup in rollups.values()),
        texts=name_keys(catalog, language),
    )


def most_first(rows: Sequence[Tally]) -> list[Tally]:
    return sorted(rows, key=lambda row: (-(row.count or 0), row.key))


def _sync_row(unit: Unit, phones: Sequence[Phone]) -> SyncRow:
    own = [phone for phone in phones if phone.unit == unit.code]
    return SyncRow(
        unit=unit,
        last=max((phone.at for phone in own if phone.at), default=None),
        phones=len(own),
        waiting=sum(phone.waiting for phone in own),
        late=sum(phone.late for phone in own),
    )


def _volunteers(rollups: Rollups, source: Source, choice: Choice) -> list[Volunteer]:
    counts = progress.tally(rollups.values(), choice.period, "volunteers") or Counter[str]()
    acts = source.acts_by
    rows = [
        Volunteer(source.names.get(key, key), visits, None if acts is None else acts.get(key, 0))
        for key, visits in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row.visits, row.name))


def name_keys(catalog: Catalog, language: str) -> dict[str, str]:
    """Names of outcomes, obstacles and referrals by ``kind/key``."""
    return {
        f"{kind}/{row['key']}": pick(row["name"], language)
        for kind in ("outcomes", "obstacles", "referrals")
        for row in catalog.get(kind, ())
    }
