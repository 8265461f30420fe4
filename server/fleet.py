"""The phones of the units as they last spoke of themselves, and which of them need someone's help.

Everything here is what a phone said at its last greeting (`server.reports`); what it did not say is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from server.browsers import describe
from server.roles import OF_A_UNIT
from sync.clocks import AHEAD, text_of
from sync.store import Document
from sync.text import fold, name_key

NEEDS = (
    *("waiting", "ended", "failing", "refused", "clock", "storage", "silent"),
    *("unpersisted", "version"),
)
"""What may be amiss with a phone, the worst first."""
HELP = frozenset(NEEDS[:-2])
"""What somebody should see to; the others can wait until one meets."""
WAITED = timedelta(days=3)
SILENT = timedelta(days=7)
FULL = 50_000_000
"""Bytes left, below which a phone warns its user, too (``pwa/src/data/storage.ts``)."""
SERIOUS = frozenset({"too-many-refused", "storage-full", "phone-error", "too-large", "other"})
"""Failures that pass with no better network."""
VERSION = version("go-tung-nha")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One device of one person; instants are ISO in UTC, `offset` is seconds that its clock lags behind."""

    person: str
    name: str
    unit: str
    label: str
    at: str
    waiting: int | None
    waiting_since: str | None
    refused: int | None
    app: str | None
    offset: float | None
    storage_left: float | None
    persisted: bool | None
    error: str | None
    needs: tuple[str, ...]

    @property
    def help(self) -> bool:
        return not HELP.isdisjoint(self.needs)


def read_fleet(
    accounts: Iterable[Document], ward: str, now: datetime, unit: str | None = None
) -> list[Phone]:
    """The phones of a ward or of one unit, those that need help first, then those not heard of for longest.

    Left out are lost ones, and those whose access has ended while they hold nothing.

    :param accounts: all people and devices.
    """
    rows = list(accounts)
    people = {
        row["_id"]: row
        for row in rows
        if row.get("type") == "person" and row.get("ward") == ward and row.get("role") in OF_A_UNIT
    }
    devices = [row for row in rows if row.get("type") == "device" and row.get("person") in people]
    devices = [row for row in devices if row.get("report") and not row.get("lost")]
    latest: dict[str, str] = {}
    for row in devices:
        latest[row["person"]] = max(latest.get(row["person"], ""), row["report"]["at"])
    phones = []
    for row in devices:
        person = people[row["person"]]
        ended = bool(row.get("revoked")) or not person.get("active") or row["expires"] <= text_of(now)
        if unit in (None, person.get("unit")) and not (ended and not row["report"].get("waiting")):
            newest = row["report"]["at"] == latest[row["person"]]
            phones.append(read_phone(row, person, now, ended=ended, newest=newest))
    return sorted(phones, key=_order)


def read_phone(
    device: Mapping[str, Any], person: Mapping[str, Any], now: datetime, *, ended: bool, newest: bool
) -> Phone:
    report = device["report"]
    return Phone(
        person=str(person["_id"]),
        name=str(person["name"]),
        unit=str(person.get("unit") or ""),
        label=describe(str(device.get("label", ""))),
        at=report["at"],
        waiting=report.get("waiting"),
        waiting_since=report.get("waiting_since"),
        refused=report.get("refused"),
        app=report.get("app") or None,
        offset=report.get("offset"),
        storage_left=report.get("storage_left"),
        persisted=report.get("persisted"),
        error=report.get("last_error"),
        needs=tuple(find_needs(report, now, ended=ended, newest=newest)),
    )


def find_needs(report: Mapping[str, Any], now: datetime, *, ended: bool, newest: bool) -> list[str]:
    """Rows of `NEEDS`; only the `newest` phone of a person is missed when it is silent."""
    left = report.get("storage_left")
    amiss = {
        "waiting": waits_long(report, now),
        "ended": ended,
        "failing": report.get("last_error") in SERIOUS,
        "refused": bool(report.get("refused")),
        "clock": abs(report.get("offset") or 0) > AHEAD.total_seconds(),
        "storage": left is not None and left < FULL,
        "silent": newest and report["at"] < text_of(now - SILENT),
        "unpersisted": report.get("persisted") is False,
        "version": bool(report.get("app")) and report["app"] != VERSION,
    }
    return [need for need in NEEDS if amiss[need]]


def waits_long(report: Mapping[str, Any], now: datetime) -> bool:
    """Whether records have waited on this phone for longer than `WAITED`."""
    since = report.get("waiting_since") or report.get("at") or ""
    return bool(report.get("waiting")) and since < text_of(now - WAITED)


def choose(phones: Iterable[Phone], need: str, query: str) -> list[Phone]:
    """Those with this need, ``help`` for any of `HELP`, and with each of these words in the name."""
    wanted = fold(query).split()
    fitting = [one for one in phones if not need or (one.help if need == "help" else need in one.needs)]
    return [one for one in fitting if all(word in fold(one.name) for word in wanted)]


def _order(phone: Phone) -> tuple[int, str, list[Any]]:
    worst = min((NEEDS.index(need) for need in phone.needs), default=len(NEEDS))
    return worst, phone.at, [name_key(phone.name)]
