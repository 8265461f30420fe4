"""What phones say of themselves: kept truthfully, bounded, without words, and for 90 days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from server import retention
from server.numbers import vietnam_today
from server.reports import ERRORS, KEPT, OTHER, is_news
from server.roles import Role
from server.site import Site
from sync.clocks import text_of
from tests.server.conftest import UNIT, WARD
from tests.sync.samples import visit

Call = Callable[..., Any]
Enrolled = Callable[[Role], dict[str, str]]
CLOCK = {"clock": "2026-05-01T01:00:00.000Z"}
BULK = f"/sync/w{WARD}-{UNIT}/_bulk_docs"


def device_of(cookie: dict[str, str]) -> str:
    return "device:" + cookie["cookie"].removeprefix("gtn-device=").partition(".")[0]


def report_of(call: Call, site: Site, cookie: dict[str, str]) -> dict[str, Any]:
    found = call(site.store.get, site.accounts.database, device_of(cookie))
    return dict(found.get("report") or {})


def greet(visitor: TestClient, cookie: dict[str, str], **told: Any) -> Any:
    return visitor.post("/api/hello", json={**CLOCK, **told}, headers=cookie)


def push(visitor: TestClient, cookie: dict[str, str], count: int) -> None:
    docs = [visit(unit=UNIT, by="person:volunteer") for _ in range(count)]
    answer = visitor.post(BULK, json={"docs": docs, "new_edits": False}, headers=cookie)
    assert (answer.status_code, answer.json()) == (201, [])


def test_an_old_report_is_written_again() -> None:
    before = {"at": "2026-05-01T01:00:00.000Z", "waiting": 1, "waiting_since": "2026-05-01T01:00:00.000Z"}
    assert not is_news(before, {"at": "2026-05-01T01:09:59.000Z", "waiting": 1})
    assert is_news(before, {"at": "2026-05-01T01:10:00.000Z", "waiting": 1})


def test_what_a_phone_does_not_say_is_unknown_and_not_nothing(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert greet(visitor, cookie).status_code == 200
    report = report_of(call, site, cookie)
    unknown = ("waiting", "accepted", "refused", "last_error", "storage_left", "persisted")
    assert [report[name] for name in unknown] == [None] * len(unknown)


@pytest.mark.parametrize(
    "told",
    [
        {"waiting": -1},
        {"waiting": 10**8},
        {"waiting": "3"},
        {"refused": 1.5},
        {"accepted": True},
        {"storage_left": -1},
        {"storage_left": 1e300},
        {"persisted": "yes"},
        {"app": "Bà Nguyễn Thị Hoa, 0912 345 678"},
        {"app": "1" * 33},
        {"last_error": 7},
        {"clock": "yesterday"},
    ],
)
def test_a_forged_report_is_refused(
    told: dict[str, Any], visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert greet(visitor, cookie, **told).status_code == 400
    assert report_of(call, site, cookie) == {}


def test_an_idle_greeting_with_all_that_a_phone_reports_is_answered_in_300_bytes(
    visitor: TestClient, enrolled: Enrolled
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    told = {"app": "0.1.0", "waiting": 0, "accepted": 9_999_999, "refused": 9_999, "storage_left": 64e9}
    mark = greet(visitor, cookie, **told, persisted=False).json()["mark"]
    push(visitor, cookie, 40)
    answer = greet(visitor, cookie, **told, persisted=False, last_error="too-many-refused", mark=mark)
    assert len(answer.content) <= 300


def test_an_error_is_a_code_that_we_know_or_no_word_of_it_is_kept(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    assert greet(visitor, cookie, last_error="Bà Hoa ở 12 Hàng Bạc", unknown="Bà Hoa").status_code == 200
    report = report_of(call, site, cookie)
    assert report["last_error"] == OTHER
    assert "Hoa" not in str(report)
    for code in sorted(ERRORS):
        greet(visitor, cookie, last_error=code)
        assert report_of(call, site, cookie)["last_error"] == code


def test_every_error_has_its_words(site: Site) -> None:
    for language in ("vi", "en"):
        assert {f"devices.error.{code}" for code in {*ERRORS, OTHER}} <= site.texts.keys(language)


def test_what_a_phone_sent_after_its_greeting_waits_no_longer(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    greet(visitor, cookie, waiting=3)
    assert report_of(call, site, cookie)["waiting_since"]
    push(visitor, cookie, 2)
    call(site.reports.settle)
    left = report_of(call, site, cookie)
    assert left["waiting"] == 1
    assert left["waiting_since"]
    push(visitor, cookie, 2)
    call(site.reports.settle)
    done = report_of(call, site, cookie)
    assert done["waiting"] == 0
    assert "waiting_since" not in done


def test_the_age_of_what_waits_is_that_of_the_first_report_of_it(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    cookie = enrolled(Role.VOLUNTEER)
    greet(visitor, cookie, waiting=1)
    first = report_of(call, site, cookie)["waiting_since"]
    greet(visitor, cookie, waiting=2)
    assert report_of(call, site, cookie)["waiting_since"] == first
    push(visitor, cookie, 2)
    greet(visitor, cookie, waiting=2)  # others, recorded meanwhile
    assert report_of(call, site, cookie)["waiting_since"] > first
    call(site.reports.settle)
    assert report_of(call, site, cookie)["waiting"] == 2, "counted off what was reported later"


def test_a_report_is_forgotten_after_90_days_of_silence(
    visitor: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    silent, lately = enrolled(Role.VOLUNTEER), enrolled(Role.LEAD)
    now = datetime.now(UTC)
    for cookie, days in ((silent, KEPT.days + 2), (lately, KEPT.days - 2)):
        greet(visitor, cookie, waiting=1)
        call(
            site.accounts.change,
            device_of(cookie),
            lambda stored, days=days: {
                **stored,
                "report": {**stored["report"], "at": text_of(now - timedelta(days))},
            },
        )
    call(retention.apply, site, vietnam_today())
    assert report_of(call, site, silent) == {}
    assert report_of(call, site, lately)["waiting"] == 1
    device = call(site.store.get, site.accounts.database, device_of(silent))
    assert device["person"] == "person:volunteer", "more than the report is gone"
