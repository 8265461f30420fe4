"""Vietnamese text: folding, cleaning and order."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from sync.text import clean, fold, name_key, nfc, sort_key

CASES: list[dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "cases" / "folding.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["folded"])
def test_folding_gives_the_shared_answer(case: dict[str, str]) -> None:
    assert fold(case["text"]) == case["folded"]


def test_shared_cases_hold_decomposed_and_precomposed_forms() -> None:
    assert {nfc(case["text"]) == case["text"] for case in CASES} == {True, False}


def test_cleaning_makes_one_line_of_nfc() -> None:
    ugly = "\ufeff  Số\u00a012\n" + unicodedata.normalize("NFD", "ngõ\tNghĩa") + "\u200b\x00\u2067 \u2069"
    assert clean(ugly) == "Số 12 ngõ Nghĩa"


def test_groups_sort_by_number_and_not_by_digit() -> None:
    assert sorted(["TDP 10", "TDP 2", "TDP 1"], key=sort_key) == ["TDP 1", "TDP 2", "TDP 10"]


def test_people_sort_by_given_name_then_family_name() -> None:
    people = ["Nguyễn Văn Đức", "Trần Thị An", "Lê Văn Dũng", "Nguyễn Thị An"]
    assert sorted(people, key=name_key) == ["Nguyễn Thị An", "Trần Thị An", "Lê Văn Dũng", "Nguyễn Văn Đức"]


def test_the_letter_d_with_a_bar_comes_after_d() -> None:
    assert sorted(["Đa", "Dy", "E"], key=sort_key) == ["Dy", "Đa", "E"]
