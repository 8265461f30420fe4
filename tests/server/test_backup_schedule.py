"""A backup each night, by one process, and one line that tells the administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server import backup_schedule
from server.backup_schedule import back_up_nightly, tell
from server.roles import Role
from server.settings import Settings
from server.site import Site
from sync.names import Names
from sync.store import Document

NIGHT = datetime(2026, 11, 26, 20, 30, tzinfo=UTC)  # 03:30 in Vietnam


@pytest.fixture(scope="module")
def settings(couch_url: str, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("backups")
    data = tmp_path_factory.mktemp("data")
    return Settings(
        couchdb_url=couch_url, database_prefix=names.prefix, data=data, backup_dir=folder, backup_at=3
    )


@pytest.fixture(scope="module", autouse=True)
def still() -> Any:
    """Nothing is made but when a test says so."""
    with pytest.MonkeyPatch.context() as patch:

        async def nothing(site: Site) -> None:
            pass

        patch.setattr(backup_schedule, "follow", nothing)
        yield


@pytest.fixture
def folder(site: Site, call: Callable[..., Any]) -> Path:
    """An empty folder, and no memory of earlier nights."""
    assert site.settings.backup_dir is not None
    for path in site.settings.backup_dir.iterdir():
        path.unlink()

    def forget(before: Document | None) -> Document:
        return {"type": "backup"}

    call(site.store.update, site.names.accounts, "backup", forget)
    return site.settings.backup_dir


def nightly(site: Site, call: Callable[..., Any], now: datetime, folder: Path) -> bool:
    made: bool = call(back_up_nightly, site, folder, now)
    return made


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_made_once_a_night_from_the_hour_on(site: Site, call: Callable[..., Any], folder: Path) -> None:
    assert not nightly(site, call, NIGHT - timedelta(hours=1), folder), "it is not three o'clock yet"
    assert nightly(site, call, NIGHT, folder)
    assert len(files(folder)) == 2
    assert "gtn-ledger.backup" in files(folder)
    assert not nightly(site, call, NIGHT + timedelta(hours=5), folder), "a second one on one day"
    assert call(tell, site, datetime.now(UTC)).key == "fine"
    assert call(tell, site, datetime.now(UTC) + timedelta(hours=37)).key == "late"


def test_one_that_is_being_made_is_left_to_who_makes_it_for_an_hour(
    site: Site, call: Callable[..., Any], folder: Path
) -> None:
    def claimed(before: Document | None) -> Document:
        return {"type": "backup", "day": "2026-11-27", "by": "other", "at": NIGHT.isoformat(), "done": False}

    call(site.store.update, site.names.accounts, "backup", claimed)
    assert not nightly(site, call, NIGHT + timedelta(minutes=50), folder)
    assert nightly(site, call, NIGHT + timedelta(minutes=70), folder)


def test_a_failure_is_told_keeps_the_last_one_and_is_tried_again(
    site: Site, call: Callable[..., Any], folder: Path
) -> None:
    assert nightly(site, call, NIGHT, folder)
    gone = folder / "none"
    later = NIGHT + timedelta(days=1)
    assert not nightly(site, call, later, gone)
    line = call(tell, site, datetime.now(UTC))
    assert (line.key, line.state, line.reason) == ("failed", "bad", "bad-place")
    assert line.last
    assert not nightly(site, call, later + timedelta(minutes=5), folder), "it is not tried all the time"
    assert nightly(site, call, later + timedelta(hours=2), folder)
    assert call(tell, site, datetime.now(UTC)).key == "fine"


@pytest.mark.usefixtures("people")
def test_administrators_see_the_line_and_nobody_else(
    site: Site,
    call: Callable[..., Any],
    folder: Path,
    visitor: TestClient,
    enrolled: Callable[[Role], dict[str, str]],
) -> None:
    def page(role: Role, language: str = "vi") -> str:
        cookie = f"{enrolled(role)['cookie']}; gtn-lang={language}"
        return str(visitor.get("/desk", headers={"cookie": cookie}).text)

    assert "Chưa có bản sao lưu nào" in page(Role.ADMIN)
    assert nightly(site, call, NIGHT, folder)
    assert "Bản sao lưu gần nhất: " in page(Role.ADMIN)
    assert "Last backup: " in page(Role.ADMIN, "en")
    assert not nightly(site, call, NIGHT + timedelta(days=1), folder / "none")
    assert "không dùng được thư mục sao lưu" in page(Role.ADMIN)
    assert "sao lưu" not in page(Role.SUPERVISOR)
