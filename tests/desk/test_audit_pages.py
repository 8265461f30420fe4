"""The audit, searched and taken away: by those who may, in sentences, and without formulas."""

from __future__ import annotations

import csv
from io import StringIO
from typing import get_args
from urllib.parse import unquote

import pytest

from server.site import Site
from server.tables import SIGNS
from server.texts import LANGUAGES, texts
from sync.audit import Act, Action
from sync.audited import PAGE
from sync.ulids import new_ulid
from tests.desk.conftest import SignIn

pytestmark = pytest.mark.anyio
AUDIT = "/desk/audit"


async def write(
    site: Site, action: Action, subject: str, by: str = "person:lan", ward: str = "09562"
) -> None:
    await site.audit.write(
        Act(by=by, role="supervisor", action=action, subject=subject, unit="tdp-07", ward=ward)
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("action", get_args(Action))
async def test_every_act_has_its_sentence(action: str, language: str) -> None:
    assert f"audit.{action}" in texts().keys(language)


async def test_a_search_finds_by_subject_person_and_act(sign_in: SignIn, site: Site) -> None:
    subject, other = f"resident:{new_ulid()}", f"resident:{new_ulid()}"
    await write(site, "resident-viewed", subject)
    await write(site, "resident-corrected", subject, by="person:hoa")
    await write(site, "resident-viewed", other)
    await write(site, "resident-viewed", subject, ward="00001")
    admin = await sign_in("admin")
    page = (await admin.get(AUDIT, params={"subject": subject})).text
    assert page.count(f": {subject}<") == 2, "another ward's entry is shown, or one is missing"
    assert other not in page
    assert "đã xem thông tin một người dân" in page
    page = (await admin.get(AUDIT, params={"subject": subject, "by": "person:hoa"})).text
    assert page.count(f": {subject}<") == 1
    page = (await admin.get(AUDIT, params={"by": "person:lan", "action": "resident-viewed"})).text
    assert other in page
    early = {"subject": subject, "from": "2020-01-01", "to": "2020-12-31"}
    assert "Không có việc nào khớp" in (await admin.get(AUDIT, params=early)).text


async def test_older_entries_are_a_page_further(sign_in: SignIn, site: Site) -> None:
    subject = f"unit:{new_ulid()}"
    for _ in range(PAGE + 3):
        await write(site, "unit-renamed", subject)
    admin = await sign_in("admin")
    page = (await admin.get(AUDIT, params={"subject": subject})).text
    assert page.count(f": {subject}<") == PAGE
    older = unquote(page.split("begin=")[1].split('"')[0])
    page = (await admin.get(AUDIT, params={"subject": subject, "begin": older})).text
    assert page.count(f": {subject}<") == 3


@pytest.mark.parametrize("query", ["from=2026-13-01", "from=2026-02-02&to=2026-02-01", "begin=x", "to=heute"])
async def test_a_search_that_means_nothing_is_told_so(sign_in: SignIn, query: str) -> None:
    admin = await sign_in("admin")
    assert (await admin.get(f"{AUDIT}?{query}")).status_code == 400


async def test_a_supervisor_may_not_read_the_audit(sign_in: SignIn) -> None:
    supervisor = await sign_in("supervisor")
    for path in (AUDIT, f"{AUDIT}.csv"):
        assert (await supervisor.get(path)).status_code == 403


async def test_the_table_holds_no_formula_and_its_taking_is_an_entry(sign_in: SignIn, site: Site) -> None:
    await write(site, "settings-changed", "=HYPERLINK(1)", by="+person")
    admin = await sign_in("admin")
    answer = await admin.get(f"{AUDIT}.csv")
    assert answer.status_code == 200, answer.text
    assert answer.text.startswith("\ufeff"), "Excel would garble the Vietnamese"
    rows = list(csv.reader(StringIO(answer.text.removeprefix("\ufeff"))))
    assert not [cell for row in rows for cell in row if cell.startswith(tuple(SIGNS))]
    assert "'=HYPERLINK(1)" in [row[4] for row in rows]
    page = (await admin.get(AUDIT, params={"action": "exported"})).text
    assert "đã tải dữ liệu ra tệp" in page
    assert ": audit<" in page
