"""The rules on writing, by the cases that the phone passes too."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from server.texts import Texts
from sync import checks, id_numbers
from sync.quarantine import masked
from tests.sync.town import writer

CASES = Path(__file__).parent.parent / "cases"
DOCUMENTS: list[dict[str, Any]] = json.loads((CASES / "documents.json").read_text("utf-8"))
NUMBERS: list[dict[str, str]] = json.loads((CASES / "id-numbers.json").read_text("utf-8"))


def verdict(case: dict[str, Any]) -> str:
    stored = case.get("stored", {})
    try:
        checks.check(
            writer(**case["person"]),
            case["document"],
            checks.Stored(
                stored.get("winner"),
                stored.get("deleted", False),
                stored.get("known", ()),
                stored.get("base"),
            ),
        )
    except checks.Refusal as refusal:
        return refusal.code
    return "ok"


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case["name"])
def test_a_document_is_judged_as_the_case_says(case: dict[str, Any]) -> None:
    before = copy.deepcopy(case["document"])
    assert verdict(case) == case["verdict"]
    assert case["document"] == before, "a check changed the document"


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: case["text"])
def test_a_number_is_judged_as_the_case_says(case: dict[str, str]) -> None:
    assert id_numbers.judge(case["text"]) == case["verdict"]


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: case["text"])
def test_masking_leaves_no_number_and_no_other_text_changed(case: dict[str, str]) -> None:
    hidden = id_numbers.mask(case["text"])
    assert id_numbers.judge(hidden) != "refuse"
    if case["verdict"] != "refuse":
        assert hidden == case["text"]


def test_masking_reaches_every_corner_of_a_document() -> None:
    document = {"a": [{"001203004567": ["x 001203004567"]}], "n": 101203004567, "_rev": "1-" + "1" * 12}
    text = json.dumps(masked(document), ensure_ascii=False)
    assert "1203004567" not in text
    assert masked(document)["_rev"] == document["_rev"]


def test_every_code_has_a_case() -> None:
    # the ledger, other documents, the gateway and what is asked of photos (test_photos.py) say so
    not_in_the_document = {"erased", "person-restricted", "left-unit", "moved"}
    not_in_the_document |= {code for code in checks.CODES if code.startswith("photo-")}
    assert {case["verdict"] for case in DOCUMENTS} == {"ok", *checks.CODES} - not_in_the_document


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_code_has_a_sentence(language: str) -> None:
    keys = Texts.load().keys(language)
    assert {f"refused.{code}" for code in checks.CODES} <= keys
