"""The table of docs/law.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (L\d+) \|(.*)$", (ROOT / "docs" / "law.md").read_text(encoding="utf-8"), re.M)
SERVER = (ROOT / "tests" / "law" / "test_law.py").read_text(encoding="utf-8")
PHONE = (ROOT / "pwa" / "tests" / "law.test.ts").read_text(encoding="utf-8")


def test_every_requirement_has_a_row() -> None:
    wanted = ["L1", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "L11", "L12", "L13", "L15"]
    assert [number for number, _ in ROWS] == wanted


@pytest.mark.parametrize(("number", "row"), ROWS, ids=[number for number, _ in ROWS])
def test_the_tests_of_a_row_exist(number: str, row: str) -> None:
    files = re.findall(r"`((?:tests|pwa)/[\w/.]+)`", row)
    assert all((ROOT / file).is_file() for file in files), files
    if f"`test_{number}_…`" in row:
        assert f"def test_{number}_" in SERVER
    if f"`{number} …`" in row:
        assert f'test("{number} ' in PHONE
    assert files or f"`test_{number}_…`" in row, "nothing holds this requirement"
