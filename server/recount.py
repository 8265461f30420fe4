"""Every figure counted again from the documents themselves, without views.

The rules are those of the map functions in `design_docs/progress`, written a second time in another
language on purpose: `server.check` compares the two, and a slip in either shows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sync.rollup import Levels, empty_day, reached_by

Document = dict[str, Any]
KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
ID = re.compile(r"[0-9A-Za-z:_-]{1,80}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
VIETNAM = timedelta(hours=7)


@dataclass(frozen=True)
class Counted:
    """A visit that counts: its Vietnamese day, and those of its helps that can be read."""

    day: str
    by: str
    household: str | None
    outcome: str
    helps: list[Document]
    obstacles: list[str]


def is_key(value: object) -> bool:
    return isinstance(value, str) and KEY.fullmatch(value) is not None


def is_id(value: object) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def vietnam_day(at: object) -> str | None:
    """The day in Vietnam (UTC+7) of an instant with milliseconds, None when it is no such instant."""
    if not isinstance(at, str) or not INSTANT.fullmatch(at):
        return None
    try:
        day = (datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ") + VIETNAM).date().isoformat()
    except (ValueError, OverflowError):
        return None
    return day if "2000-01-01" <= day < "2100-01-01" else None


def how_many(help: Document) -> int:
    """How many people a help was for; 0 when that cannot be read."""
    count = help.get("count", 1)
    if isinstance(count, str) and re.fullmatch(r"[0-9]{1,3}", count):
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int | float):
        return 0
    return int(count) if 1 <= count <= 500 and count == int(count) else 0


def read_visit(document: Document) -> Counted | None:
    """The visit as it counts, or None when it is withdrawn or cannot be read."""
    record = _value(document.get("record"))
    created = document.get("created")
    by = created.get("by") if isinstance(created, dict) else None
    household = document.get("household")
    if not isinstance(record, dict) or record.get("withdrawn") is True:
        return None
    day = vietnam_day(record.get("at"))
    outcome = record.get("outcome")
    if day is None or not is_id(by) or not is_key(outcome) or not (household is None or is_id(household)):
        return None
    helps = [help for help in _list(record.get("helps")) if _readable(help)]
    obstacles = [key for key in _list(record.get("obstacles")) if is_key(key)]
    return Counted(day, str(by), household, str(outcome), helps, obstacles)


def recount(documents: Iterable[Document], levels: Levels) -> Document:
    """The figures of a rollup, from all documents of one unit (winning revisions)."""
    visits: list[Counted] = []
    totals: Document = dict.fromkeys(("households", "residents", "adults", "adults_known", "unreadable"), 0)
    for document in documents:
        if document.get("type") == "visit":
            visit = read_visit(document)
            totals["unreadable"] += _unread(document, visit)
            if visit is not None:
                visits.append(visit)
        else:
            _count_census(totals, document)
    visits.sort(key=lambda visit: visit.day)
    days: dict[str, Document] = defaultdict(empty_day)
    seen: set[tuple[str, ...]] = set()
    for visit in visits:
        _count_visit(days[visit.day], visit, seen, levels)
    return {**totals, "days": dict(days)}


def recount_people(documents: Iterable[Document], first: str, last: str) -> dict[str, bool]:
    """Who was helped from `first` to `last`, days included, and whether they are of 60 and over."""
    people: dict[str, bool] = {}
    for document in documents:
        visit = read_visit(document) if document.get("type") == "visit" else None
        if visit is None or not first <= visit.day <= last:
            continue
        for help in visit.helps:
            if help.get("person") is not None:
                people[help["person"]] = people.get(help["person"], False) | (
                    help.get("age_band") == "60-plus"
                )
    return people


def _count_visit(day: Document, visit: Counted, seen: set[tuple[str, ...]], levels: Levels) -> None:
    def first_time(*what: str) -> bool:
        new = what not in seen
        seen.add(what)
        return new

    _add(day["volunteers"], visit.by)
    if visit.household is not None:
        _add(day["doors"], visit.outcome)
        day["new_doors"] += first_time("door", visit.household)
    for obstacle in visit.obstacles:
        _add(day["obstacles"], obstacle)
    for help in visit.helps:
        count, act = how_many(help), f"{help['service']}/{help['level']}"
        person = help.get("person")
        _add(day["acts"], act, count)
        if help.get("age_band") == "60-plus":
            _add(day["senior"], act, count)
        for field, figure in (("obstacle", "obstacles"), ("referral", "referrals")):
            if is_key(help.get(field)):
                _add(day[figure], help[field], count)
        if person is not None:
            day["new_people"] += first_time("person", person)
            if first_time("new", person, act):
                _add(day["new"], act)
        for level in reached_by(help["level"], levels.get(help["service"], ())):
            reached = f"{help['service']}/{level}"
            if (
                person is not None
                and help.get("age_band") != "under-16"
                and first_time("adult", person, reached)
            ):
                _add(day["adults_at"], reached)
            if visit.household is not None and first_time("home", visit.household, reached):
                _add(day["homes_at"], reached)


def _count_census(totals: Document, document: Document) -> None:
    kind = {"household": "households", "resident": "residents"}.get(str(document.get("type")))
    if kind is None or _value(document.get("gone")) is True:
        return
    totals[kind] += 1
    adults = _value(document.get("adults"))
    if kind != "households" or isinstance(adults, bool) or not isinstance(adults, int | float):
        return
    if 0 <= adults <= 99 and adults == int(adults):
        totals["adults"] += int(adults)
        totals["adults_known"] += 1


def _unread(document: Document, visit: Counted | None) -> int:
    record = _value(document.get("record"))
    if visit is None:
        return 0 if isinstance(record, dict) and record.get("withdrawn") is True else 1
    if "helps" not in record:
        return 0
    return len(record["helps"]) - len(visit.helps) if isinstance(record["helps"], list) else 1


def _readable(help: object) -> bool:
    if not isinstance(help, dict) or not is_key(help.get("service")) or not is_key(help.get("level")):
        return False
    return how_many(help) > 0 and (help.get("person") is None or is_id(help["person"]))


def _add(figures: dict[str, int], key: str, count: int = 1) -> None:
    figures[key] = figures.get(key, 0) + count


def _value(register: object) -> Any:
    return register.get("value") if isinstance(register, dict) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
