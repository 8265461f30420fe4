"""The catalog's files: complete in both languages, consistent, and careful in their wording."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sync.documents import AgeBand, Key, Outcome
from sync.names import WardNames

FOLDER = Path(__file__).parents[2] / "server" / "catalog"
FILES = sorted(FOLDER.rglob("*.json"))
LISTS = ("services", "outcomes", "age_bands", "obstacles", "referrals", "consents", "campaigns", "targets")


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def guides() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("guides/*.json"))]


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a file with its place, parents first."""
    yield path, value
    if isinstance(value, dict):
        for key, child in value.items():
            yield from walk(child, f"{path}.{key}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from walk(child, f"{path}[{number}]")


def is_text(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= {"vi", "en"}


def is_key(text: str) -> bool:
    try:
        msgspec.convert(text, Key)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_text_is_written_in_both_languages(path: Path) -> None:
    for place, value in walk(json.loads(path.read_text(encoding="utf-8"))):
        if is_text(value):
            assert set(value) == {"vi", "en"}, place
            assert all(text.strip() == text and text for text in value.values()), place


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_nfc(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert unicodedata.normalize("NFC", text) == text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_keys_are_valid_and_unique_within_their_list(path: Path) -> None:
    for place, value in walk(json.loads(path.read_text(encoding="utf-8"))):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for field in ("key", "code"):
                keys = [row[field] for row in value if field in row]
                assert all(is_key(key) for key in keys), place
                assert len(set(keys)) == len(keys), place


@pytest.mark.parametrize("name", LISTS)
def test_every_row_has_a_key(name: str) -> None:
    assert all(row.get("key") for row in read(name))


def test_outcomes_and_age_bands_are_those_of_the_documents() -> None:
    assert [row["key"] for row in read("outcomes")] == list(Outcome.__args__)  # type: ignore[attr-defined]
    assert [row["key"] for row in read("age_bands")] == list(AgeBand.__args__)  # type: ignore[attr-defined]


def test_every_service_can_be_recorded() -> None:
    referrals = {row["key"]: row["name"] for row in read("referrals")}
    for service in read("services"):
        assert service["levels"], service["key"]
        assert {"name", "short", "icon", "details", "referrals"} <= set(service), service["key"]
        for row in service["referrals"]:
            assert referrals[row["key"]] == row["name"], service["key"]


def test_chips_stay_short_enough_for_a_small_screen() -> None:
    for service in read("services"):
        assert len(service["short"]["vi"]) <= 16, service["key"]
        assert all(len(level["short"]["vi"]) <= 12 for level in service["levels"]), service["key"]


def test_every_service_has_a_guide_and_every_guide_a_service() -> None:
    assert {guide["service"] for guide in guides()} == {service["key"] for service in read("services")}


def test_guides_are_short_enough_to_read_at_arms_length() -> None:
    for guide in guides():
        assert guide["steps"], guide["key"]
        for step in guide["steps"]:
            assert len(step["title"]["vi"]) <= 40, step
            assert len(step["text"]["vi"]) <= 130, step
    assert len({guide["order"] for guide in guides()}) == len(guides())


def test_targets_point_at_services_and_levels_that_exist() -> None:
    levels = {(s["key"], level["key"]) for s in read("services") for level in s["levels"]}
    for target in read("targets"):
        assert 0 < target["share"] <= 1
        assert target["of"] in ("households", "adults")
        assert target["measure"] == "visited" or (target["service"], target["level"]) in levels
        assert target["status"] in ("official", "suggested")
        assert target["source"]["vi"]


def test_campaigns_have_an_order_of_days_and_the_deadline_ends_the_last_one() -> None:
    for campaign in read("campaigns"):
        first, day, last = (date.fromisoformat(campaign[name]) for name in ("from", "day", "to"))
        assert first <= day <= last
        # 23:59:59 in Vietnam is 16:59:59 in UTC
        assert campaign["deadline"] == f"{campaign['to']}T16:59:59.999Z"


def test_exactly_one_consent_text_is_current() -> None:
    assert [row["current"] for row in read("consents")].count(True) == 1


def test_units_may_be_named_as_databases() -> None:
    units = read("units")
    kinds = {kind["key"] for kind in units["kinds"]}
    names = WardNames("", units["ward"])
    for unit in units["units"]:
        assert unit["kind"] in kinds
        assert names.unit(unit["code"])


def test_the_list_of_wards_is_whole() -> None:
    wards = {ward["code"]: ward["name"] for ward in read("wards")["wards"]}
    assert len(wards) == 126
    assert wards["09562"] == "Phường Yên Nghĩa"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_suggests_that_a_team_activates_accounts_or_takes_money(path: Path) -> None:
    text = path.read_text(encoding="utf-8").lower()
    for forbidden in ("kích hoạt hộ", "đã kích hoạt", "activated", "làm hộ", "đăng ký hộ", "quận hà đông"):
        assert forbidden not in text
    for denied in ("kích hoạt", "activate"):
        start = text.find(denied)
        assert start < 0 or any(word in text[max(0, start - 20) : start] for word in ("không", "not")), denied


def test_the_plans_typing_errors_are_not_copied() -> None:
    everything = "".join(path.read_text(encoding="utf-8") for path in FILES)
    for wrong in ("cộng động", "lồng nghép", "UBMMTQ", "UBMTQ"):
        assert wrong not in everything
