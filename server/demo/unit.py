"""The documents of one invented unit: a month of knocking on doors, told in the order in which it happened.

Levels climb as they do in life: a resident is told about iHanoi, installs it on the next visit, signs in on
the one after. The same arguments give the same documents, byte for byte.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

from server.demo.addresses import addresses
from server.demo.names import Sex, label, person_name, phone_number
from server.demo.ulids import ulid
from sync.documents import SCHEMA

VIETNAM = timezone(timedelta(hours=7))
DAYS = 30

CATALOG = Path(__file__).parents[1] / "catalog"
SERVICES = json.loads((CATALOG / "services.json").read_text(encoding="utf-8"))
LEVELS = {service["key"]: tuple(level["key"] for level in service["levels"]) for service in SERVICES}
CONSENT = next(
    row["key"]
    for row in json.loads((CATALOG / "consents.json").read_text(encoding="utf-8"))
    if row["current"]
)
WANTED = {"ihanoi": 34, "vneid": 20, "anti-scam": 16, "public-services": 12, "health-record": 5,
          "cashless": 5, "digital-literacy": 5, "e-signature": 3}  # fmt: skip
OBSTACLES = {"ihanoi": ("old-phone", "forgot-password", "no-network", "no-smartphone"),
             "vneid": ("scan-failed", "face-failed", "pending-check", "sim-not-own", "card-expired"),
             "public-services": ("forgot-password", "otp-old-phone", "no-network")}  # fmt: skip
DETAILS = {
    "ihanoi": ("field-report", "field-report", "news-alerts", "suggestions"),
    "public-services": ("birth", "temporary-residence", "identity-card", "driving-licence", "lodging"),
}
OUTCOMES = {"met": 62, "absent": 23, "later": 8, "refused": 5, "moved": 2}
HOURS = {8: 6, 9: 10, 10: 9, 14: 5, 15: 8, 16: 8, 17: 6, 18: 7, 19: 12, 20: 5}
REASONS = (
    "Hẹn hướng dẫn lại trên máy của ông/bà",
    "Chờ con về cùng cài ứng dụng",
    "Xem đã có tài khoản mức 2 chưa",
    "Hỏi kết quả hồ sơ đã nộp",
    "Buổi tối cả nhà mới có mặt",
)
NOTES = (
    "Bấm chuông bên trái.",
    "Nên đến sau 19 giờ.",
    "Ông/bà nghe hơi kém, cần nói chậm.",
    "Muốn tổ đến lại lần nữa.",
)

Document = dict[str, Any]


@dataclass
class Home:
    """A household as the story goes on."""

    document: Document
    business: bool
    residents: list[Document] = field(default_factory=list)
    levels: dict[tuple[str, str], int] = field(default_factory=dict)
    gone: bool = False


def documents(
    unit: str,
    seed: int,
    households: int,
    visits: int,
    today: date,
    *,
    people: Sequence[str] = (),
    now: datetime | None = None,
) -> list[Document]:
    """Households, residents and `visits` visits of the 30 days before `today` (Vietnam's), as JSON documents.

    `people` are the ids of those who knock; invented ones by default. With `now`, visits reach up to that
    instant; without, the last one is of yesterday. About 0.8 residents come with each household; a unit
    without households (a health station) has counted help at its desk.
    """
    return Unit(unit, seed, today, people or [f"person:{unit}-{n}" for n in (1, 2, 3)], now).story(
        households, visits
    )


class Unit:
    def __init__(
        self, code: str, seed: int, today: date, people: Sequence[str], now: datetime | None = None
    ) -> None:
        self.code = code
        self.today = today
        self.now = now or datetime.combine(today, time(0), VIETNAM)
        self.rng = random.Random(f"{seed}/{code}")  # noqa: S311 - invented data, nothing secret
        self.start = datetime.combine(today - timedelta(days=DAYS + 30), time(8), VIETNAM)
        self.devices = {person: f"device:{ulid(self.rng, self.start)}" for person in people}
        self.people = list(people)

    def story(self, households: int, visits: int) -> list[Document]:
        homes = [self._home(n, address) for n, address in enumerate(addresses(self.rng, households))]
        told = [self._visit(homes, at) for at in self._moments(visits)]
        self._leave_promises(told)
        doors = [home.document for home in homes]
        return [*doors, *(resident for home in homes for resident in home.residents), *told]

    # -- who and where ----------------------------------------------------------------------------

    def _home(self, number: int, address: dict[str, str]) -> Home:
        rng = self.rng
        at, by = self.start + timedelta(minutes=number), self.people[0]
        business = rng.random() < 0.08
        document = self._document("household", at, by)
        document["address"] = register(address, at, by)
        document["kind"] = register("business" if business else "home", at, by)
        if rng.random() < 0.8:
            document["adults"] = register(rng.choices((1, 2, 3, 4, 5, 6), (10, 34, 22, 20, 9, 5))[0], at, by)
        document["order"] = register(float(number + 1), at, by)
        home = Home(document, business)
        for _ in range(rng.choices((0, 1, 2, 3), (42, 38, 16, 4))[0]):
            home.residents.append(self._resident(home, at + timedelta(seconds=20), by))
        return home

    def _resident(self, home: Home, at: datetime, by: str) -> Document:
        rng = self.rng
        sex: Sex = rng.choice(("woman", "man"))
        bands = ("16-59", "60-plus", "under-16")
        age = "business" if home.business else rng.choices(bands, (56, 42, 2))[0]
        document = self._document("resident", at, by)
        document["household"] = home.document["_id"]
        document["label"] = register(label(rng, sex, age), at, by)
        document["age_band"] = register(age, at, by)
        if age != "under-16" and rng.random() < 0.35:
            identity: Document = {"name": person_name(rng, sex, older=age == "60-plus")}
            if rng.random() < 0.6:
                identity["phone"] = phone_number(rng)
            method = rng.choice(("spoken", "spoken", "signed"))
            identity["consent"] = {"version": CONSENT, "at": instant(at), "method": method, "by": by}
            document["identity"] = register(identity, at, by)
        return document

    # -- what happened ----------------------------------------------------------------------------

    def _moments(self, count: int) -> list[datetime]:
        """When the visits are, oldest first: more in the evening and at week-ends, none in the future."""
        rng = self.rng
        days = [self.today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
        weights = [2.0 if day.weekday() >= 5 else 1.0 for day in days]
        moments = []
        for day in rng.choices(days, weights, k=count):
            hour = rng.choices(list(HOURS), list(HOURS.values()))[0]
            clock = time(hour, rng.randrange(60), rng.randrange(60), rng.randrange(1000) * 1000)
            at = datetime.combine(day, clock, VIETNAM)
            while at > self.now:
                at -= timedelta(days=1)
            moments.append(at)
        return sorted(moments)

    def _visit(self, homes: list[Home], at: datetime) -> Document:
        rng = self.rng
        by = rng.choice(self.people)
        document = self._document("visit", at, by)
        if not homes or rng.random() < 0.05:
            document["household"] = None
            record: Document = {"at": instant(at), "outcome": "met", "helps": self._tally()}
        else:
            home = rng.choice(homes)
            if home.gone:  # nobody knocks again where all have moved away, unless by mistake
                home = rng.choice(homes)
            document["household"] = home.document["_id"]
            record = self._at_the_door(home, at)
        if rng.random() < 0.008:
            record["withdrawn"] = True
        document["record"] = register(record, at, by)
        return document

    def _at_the_door(self, home: Home, at: datetime) -> Document:
        rng = self.rng
        outcome = "moved" if home.gone else rng.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
        record: Document = {"at": instant(at), "outcome": outcome}
        if outcome == "met":
            record["helps"] = self._helps(home)
        if outcome == "moved":
            home.gone = True
        if outcome == "refused":
            record["obstacles"] = [rng.choice(("fear-of-scam", "fear-of-scam", "no-need"))]
        if outcome == "later" or (outcome == "met" and rng.random() < 0.12):
            day = at.astimezone(VIETNAM).date() + timedelta(days=rng.randrange(1, 8))
            record["follow_up"] = {"on": day.isoformat(), "why": rng.choice(REASONS)}
        if rng.random() < 0.1:
            record["note"] = rng.choice(NOTES)
        return record

    def _helps(self, home: Home) -> list[Document]:
        rng = self.rng
        if not home.residents:
            band = "business" if home.business else rng.choices(("60-plus", "16-59"), (45, 55))[0]
            return [
                {"service": service, "level": LEVELS[service][0], "age_band": band}
                for service in self._services(home, 2)
            ]
        helps = []
        for resident in rng.sample(home.residents, min(len(home.residents), rng.choice((1, 1, 1, 2)))):
            for service in self._services(home, 3):
                helps.append(self._help(home, resident, service))
        return helps

    def _services(self, home: Home, most: int) -> list[str]:
        wanted = {**WANTED, "intellectual-property": 8, "cashless": 20} if home.business else WANTED
        picked = self.rng.choices(list(wanted), list(wanted.values()), k=self.rng.randrange(1, most + 1))
        return list(dict.fromkeys(picked))

    def _help(self, home: Home, resident: Document, service: str) -> Document:
        rng = self.rng
        levels = LEVELS[service]
        before = rng.choices((-1, 0, 1), (70, 20, 10))[0]
        reached = home.levels.get((resident["_id"], service), before)
        stuck = service in OBSTACLES and rng.random() < 0.14
        climbed = max(0, reached) if stuck else reached + rng.choices((1, 2), (75, 25))[0]
        level = min(climbed, len(levels) - 1)
        home.levels[resident["_id"], service] = level
        help: Document = {"service": service, "level": levels[level], "person": resident["_id"],
                          "age_band": resident["age_band"]["value"]}  # fmt: skip
        if stuck:
            help["obstacle"] = rng.choice(OBSTACLES[service])
        if service == "vneid" and levels[level] in ("guided", "level-1") and rng.random() < 0.4:
            help["referral"] = "police"
        if service in DETAILS and level >= 2:
            help["detail"] = rng.choice(DETAILS[service])
        return help

    def _tally(self) -> list[Document]:
        """Help given at the ward's desk, without a household: people counted, not named."""
        rng = self.rng
        return [
            {
                "service": service,
                "level": LEVELS[service][0],
                "age_band": rng.choice(("16-59", "60-plus")),
                "count": rng.randrange(1, 9),
            }
            for service in rng.sample(
                ("ihanoi", "vneid", "public-services", "anti-scam"), rng.randrange(1, 3)
            )
        ]

    def _leave_promises(self, told: list[Document]) -> None:
        """Make sure that somebody is expected today, and in the next days."""
        recent = [
            visit["record"]["value"]
            for visit in told[-40:]
            if visit["household"] and visit["record"]["value"]["outcome"] in ("met", "later")
        ]
        for ahead, record in zip((0, 0, 1, 2, 4), reversed(recent), strict=False):
            day = self.today + timedelta(days=ahead)
            record["follow_up"] = {"on": day.isoformat(), "why": self.rng.choice(REASONS)}

    def _document(self, type: str, at: datetime, by: str) -> Document:
        return {
            "_id": f"{type}:{ulid(self.rng, at)}",
            "type": type,
            "schema": SCHEMA,
            "created": {"at": instant(at), "by": by, "device": self.devices[by]},
            "unit": self.code,
        }


def register(value: Any, at: datetime, by: str) -> Document:
    return {"value": value, "at": instant(at), "by": by}


def instant(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def batches(documents: Sequence[Document], size: int = 1000) -> Iterator[list[Document]]:
    for start in range(0, len(documents), size):
        yield list(documents[start : start + size])
