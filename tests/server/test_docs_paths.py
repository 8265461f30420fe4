"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOPS = ("bench", "deploy", "design_docs", "docs", "e2e", "pwa", "server", "sync", "tests")
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])


def named(text: str) -> list[str]:
    """Paths of this repository in backticks; a list such as `server/{a,b}.py` is taken apart."""
    found = []
    for path in re.findall(r"`([\w./{},*-]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if path.partition("/")[0] not in TOPS or "/" not in path:
            continue
        choice = re.search(r"\{([^{}]+)\}", path)
        for one in choice[1].split(",") if choice else [""]:
            found.append(path.replace(choice[0], one) if choice else path)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_in_backticks_is_there(page: Path) -> None:
    gone = [path for path in named(page.read_text(encoding="utf-8")) if not list(ROOT.glob(path.rstrip("/")))]
    assert not gone, f"{page.name} names {', '.join(gone)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    links += re.findall(r'(?:src|href)="([^"#]+)"', page.read_text(encoding="utf-8"))
    gone = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not gone, f"{page.name} links to {', '.join(gone)}"
