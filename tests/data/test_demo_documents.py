"""The invented documents: valid, repeatable, and like a real unit's."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from server.demo.addresses import addresses
from server.demo.names import person_name, phone_number
from server.demo.unit import LEVELS, SERVICES, VIETNAM, documents
from sync import checks
from sync.documents import AnyDocument, Household, Resident, Visit
from tests.sync.town import writer

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def unit() -> list[dict[str, Any]]:
    return documents("tdp-07", 1, 300, 1500, TODAY)


@pytest.fixture(scope="module")
def typed(unit: list[dict[str, Any]]) -> list[AnyDocument]:
    return [msgspec.convert(document, AnyDocument) for document in unit]


def records(typed: list[AnyDocument]) -> list[Any]:
    return [document.record.value for document in typed if isinstance(document, Visit)]


def test_every_document_is_one_that_a_phone_could_have_sent(typed: list[AnyDocument]) -> None:
    counts = Counter(type(document) for document in typed)
    assert counts[Household] == 300
    assert counts[Visit] == 1500
    assert 150 < counts[Resident] < 350
    assert len({document.id for document in typed}) == len(typed)


def test_every_document_passes_the_rules_on_writing(unit: list[dict[str, Any]]) -> None:
    for document in unit:
        author = writer(document["created"]["by"], "volunteer", "tdp-07")
        checks.check(author, document, checks.Stored())


def test_the_same_seed_gives_the_same_documents_and_another_seed_gives_others() -> None:
    once, twice, other = (json.dumps(documents("tdp-07", seed, 20, 50, TODAY)) for seed in (1, 1, 2))
    assert once == twice
    assert once != other


def test_all_text_is_nfc(unit: list[dict[str, Any]]) -> None:
    text = json.dumps(unit, ensure_ascii=False)
    assert unicodedata.is_normalized("NFC", text)


def test_helps_name_people_of_the_same_household(typed: list[AnyDocument]) -> None:
    homes = {d.id: d.household for d in typed if isinstance(d, Resident)}
    for document in typed:
        if isinstance(document, Visit):
            named = [help.person for help in document.record.value.helps if help.person]
            assert all(homes[person] == document.household for person in named)


def test_help_speaks_of_what_the_catalog_knows(typed: list[AnyDocument]) -> None:
    known = {service["key"]: service for service in SERVICES}
    obstacles = {"old-phone", "forgot-password", "no-network", "no-smartphone", "scan-failed", "face-failed"}
    seen = set()
    for help in (help for record in records(typed) for help in record.helps):
        service = known[help.service]
        assert help.level in [level["key"] for level in service["levels"]]
        if help.detail:
            assert help.detail in [row["key"] for row in service["details"]]
        if help.referral:
            assert help.referral in [row["key"] for row in service["referrals"]]
        seen.add(help.obstacle)
    assert obstacles <= seen


def test_levels_only_climb(typed: list[AnyDocument]) -> None:
    reached: dict[tuple[str, str], int] = {}
    for help in (help for record in records(typed) for help in record.helps if help.person):
        level = LEVELS[help.service].index(help.level)
        assert level >= reached.get((help.person, help.service), 0)
        reached[help.person, help.service] = level
    assert max(reached.values()) == 3


def test_visits_are_of_the_last_thirty_days_at_hours_when_people_knock(typed: list[AnyDocument]) -> None:
    times = [datetime.fromisoformat(record.at).astimezone(VIETNAM) for record in records(typed)]
    assert times == sorted(times)
    assert TODAY - timedelta(days=30) <= times[0].date()
    assert times[-1].date() == TODAY - timedelta(days=1)
    assert {at.hour for at in times} <= {8, 9, 10, 14, 15, 16, 17, 18, 19, 20}


def test_with_the_time_of_day_visits_reach_up_to_now_and_not_beyond() -> None:
    now = datetime(2026, 11, 23, 15, 0, tzinfo=VIETNAM)
    made = documents("tdp-07", 1, 100, 1500, TODAY, now=now)
    times = [datetime.fromisoformat(d["record"]["at"]) for d in made if d["type"] == "visit"]
    assert max(times) <= now
    assert max(times).astimezone(VIETNAM).date() == TODAY


def test_somebody_is_expected_today(typed: list[AnyDocument]) -> None:
    due = [record.follow_up.on for record in records(typed) if record.follow_up]
    assert TODAY.isoformat() in due
    assert any(day > TODAY.isoformat() for day in due)


def test_every_outcome_occurs_and_only_a_meeting_has_helps(typed: list[AnyDocument]) -> None:
    counts = Counter(record.outcome for record in records(typed))
    assert set(counts) == {"met", "absent", "later", "refused", "moved"}
    assert counts["met"] > counts["absent"] > counts["refused"]
    assert all(record.outcome == "met" for record in records(typed) if record.helps)


def test_a_unit_without_households_counts_help_at_its_desk() -> None:
    made = documents("tram-y-te", 1, 0, 10, TODAY)
    assert len(made) == 10
    assert all(visit["household"] is None for visit in made)


def test_names_never_stand_without_consent(typed: list[AnyDocument]) -> None:
    named = [d.identity.value for d in typed if isinstance(d, Resident) and d.identity]
    assert named
    assert all(identity.consent for identity in named)


def test_family_names_are_spread_as_in_the_country() -> None:
    rng = Random(1)
    families = Counter(person_name(rng, "man", older=False).split()[0] for _ in range(5000))
    assert 0.36 < families["Nguyễn"] / 5000 < 0.44
    assert 0.09 < families["Trần"] / 5000 < 0.13
    assert 0.07 < families["Lê"] / 5000 < 0.11


def test_older_people_are_van_and_thi_and_some_are_namesakes() -> None:
    rng = Random(1)
    women = [person_name(rng, "woman", older=True) for _ in range(2000)]
    assert sum(" Thị " in name for name in women) > 1400
    assert women.count("Nguyễn Thị Hoa") > 80
    assert any("Hoà" in name for name in women)


def test_phone_numbers_belong_to_no_network() -> None:
    rng = Random(1)
    assert all(phone_number(rng).startswith("0300 ") for _ in range(100))


def test_addresses_are_all_different_and_include_flats() -> None:
    groups = [addresses(Random(seed), 400) for seed in range(20)]
    for group in groups:
        assert len({tuple(sorted(address.items())) for address in group}) == 400
    assert 0 < sum("building" in group[0] for group in groups) < 20
