"""The guides for users speak of buttons by the words that stand on them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "huong-dan").glob("*.md"))
OTHERS = {"Chrome", "Safari", "Thêm vào màn hình chính", "Văn bản (Text)"}
"""Words on the screens of other programs."""


def words_on_screens() -> str:
    files = [
        *(ROOT / "pwa" / "src" / "texts").glob("vi*.ts"),
        *(ROOT / "server" / "texts" / "vi").glob("*.json"),
        *(ROOT / "server" / "catalog").glob("*.json"),
    ]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_name_in_bold_stands_on_a_screen(guide: Path) -> None:
    screens = words_on_screens()
    names = {
        name
        for name in re.findall(r"\*\*(.+?)\*\*", guide.read_text(encoding="utf-8"))
        if name[0].isupper() and not name.endswith((".", "?"))
    }
    assert names
    assert {name for name in names - OTHERS if name not in screens} == set()
