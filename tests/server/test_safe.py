"""What lies closed in the store opens with the key file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.safe import Safe, is_closed
from server.settings import BadSetting


def opened(path: Path) -> Safe:
    safe = Safe(path)
    safe.unlock()
    return safe


def test_a_key_is_made_once_for_its_owner_alone_and_shared_by_all_processes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    first, second = opened(path), opened(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["key"]
    closed = first.close("Bí mật".encode(), "totp", "person:hoa")
    assert is_closed(closed)
    assert second.open(closed, "totp", "person:hoa") == "Bí mật".encode()


def test_it_opens_for_nothing_else_and_with_no_other_key(tmp_path: Path) -> None:
    safe = opened(tmp_path / "key")
    closed = safe.close(b"secret", "totp", "person:hoa")
    assert safe.close(b"secret", "totp", "person:hoa") != closed, "equal secrets are seen to be equal"
    for purpose in (("totp", "person:lan"), ("totpperson:hoa",), ()):
        assert safe.open(closed, *purpose) is None
    assert opened(tmp_path / "other").open(closed, "totp", "person:hoa") is None
    for broken in (
        "",
        "1",
        "1..",
        closed[:-4],
        f"2{closed[1:]}",
        f"{closed[:12]}é",
        closed[:12] + "A" + closed[13:],
    ):
        assert safe.open(broken, "totp", "person:hoa") is None, broken


def test_a_file_that_is_no_key_stops_the_start_with_one_line(tmp_path: Path) -> None:
    for content in ("", "short", "é" * 40):
        (tmp_path / "key").write_text(content, "utf-8")
        with pytest.raises(BadSetting, match="GTN_KEY_FILE"):
            opened(tmp_path / "key")
    with pytest.raises(BadSetting, match="GTN_KEY_FILE"):
        opened(tmp_path)
