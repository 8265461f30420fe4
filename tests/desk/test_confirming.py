"""Proving again who one is: asked in place of the answer, and nothing typed is lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from server.site import Site
from sync.clocks import text_of
from tests.desk.conftest import PASSWORD, SignIn
from tests.desk.test_people import add, page_of
from tests.server.conftest import forget_tries

FORM = {"name": 'Lê "Thị" Đổi', "role": "lead", "unit": "tdp-08"}


def device_of(client: httpx.AsyncClient) -> str:
    return "device:" + client.headers["cookie"].partition("=")[2].partition(".")[0]


async def age(site: Site, client: httpx.AsyncClient, minutes: float) -> None:
    """Let the last proof on this client's device be so old."""
    at = text_of(datetime.now(UTC) - timedelta(minutes=minutes))
    await site.accounts.change(device_of(client), lambda stored: {**stored, "confirmed": at})


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {name: value.replace("&#34;", '"') for name, value in found if name != "next"}


async def stored(site: Site, person: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await site.store.get(site.names.accounts, person["_id"])
    return found


@pytest.fixture(autouse=True)
async def _forget_tries(site: Site) -> None:
    await forget_tries(site.store, site.names)


@pytest.mark.anyio
async def test_within_fifteen_minutes_nobody_is_asked(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Không Hỏi Lại")
    supervisor = await sign_in("supervisor")
    await age(site, supervisor, 14.5)
    assert (await supervisor.post(page_of(person), data=FORM)).status_code == 303


@pytest.mark.anyio
async def test_after_that_the_password_is_asked_and_what_was_typed_is_done_then(
    sign_in: SignIn, site: Site
) -> None:
    person = await add(site, "Phải Hỏi Lại")
    supervisor = await sign_in("supervisor")
    await age(site, supervisor, 15.5)
    asked = await supervisor.post(page_of(person), data=FORM)
    assert asked.status_code == 403
    assert (await stored(site, person))["role"] == "volunteer", "nothing is half done"
    assert hidden(asked.text) == FORM

    wrong = await supervisor.post(page_of(person), data={**hidden(asked.text), "confirm-password": "sai"})
    assert wrong.status_code == 401
    assert hidden(wrong.text) == FORM
    assert (await stored(site, person))["role"] == "volunteer"

    done = await supervisor.post(page_of(person), data={**hidden(wrong.text), "confirm-password": PASSWORD})
    assert done.status_code == 303
    assert (await stored(site, person))["name"] == FORM["name"]
    assert PASSWORD not in str(await stored(site, person))
    assert (await supervisor.post(page_of(person), data=FORM)).status_code == 303, "asked again at once"


@pytest.mark.anyio
async def test_the_password_cannot_be_guessed_there_at_will(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Bị Đoán")
    supervisor = await sign_in("supervisor")
    await age(site, supervisor, 60)
    guess = {**FORM, "confirm-password": "sai"}
    statuses = [(await supervisor.post(page_of(person), data=guess)).status_code for _ in range(7)]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    assert (await stored(site, person))["role"] == "volunteer"


@pytest.mark.anyio
async def test_another_device_of_the_same_person_proves_nothing(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Hai Máy")
    old, _new = await sign_in("supervisor"), await sign_in("supervisor")
    await age(site, old, 60)
    assert (await old.post(page_of(person), data=FORM)).status_code == 403


@pytest.mark.anyio
async def test_whoever_has_no_password_is_not_asked_for_one(sign_in: SignIn, site: Site) -> None:
    lead = await add(site, "Tổ Trưởng Mời", role="lead")
    person = await add(site, "Tổ Viên Nghỉ")
    client = await sign_in("lead")
    _, value = await site.accounts.enrol(lead, "phone")
    client.headers["cookie"] = f"gtn-device={value}"
    await age(site, client, 60)
    assert (await client.post(page_of(person) + "/end")).status_code == 303


@pytest.mark.anyio
async def test_an_odd_body_is_refused_plainly(sign_in: SignIn, site: Site) -> None:
    person = await add(site, "Thân Lạ")
    supervisor = await sign_in("supervisor")
    await age(site, supervisor, 60)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    address = page_of(person)
    assert (await supervisor.post(address, json=FORM)).status_code == 415
    assert (await supervisor.post(address, content=b"a=%ff%fe", headers=kind)).status_code == 400
    many = urlencode([("a", "1")] * 500)
    assert (await supervisor.post(address, content=many.encode(), headers=kind)).status_code == 400
