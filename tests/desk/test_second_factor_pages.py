"""Codes at sign-in: set up by whoever proved who they are, asked before there is a session."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from server import second_factor
from server import sign_in as signing
from server.accounts import Accounts
from server.safe import Safe
from server.site import Site
from tests.desk.conftest import PASSWORD, SignIn
from tests.desk.test_account import HERE as ACCOUNT
from tests.desk.test_account import user
from tests.desk.test_confirming import age, hidden
from tests.desk.test_people import audited
from tests.server.conftest import forget_tries

HERE = f"{ACCOUNT}/second-factor"


@pytest.fixture(autouse=True)
async def _forget_tries(site: Site) -> None:
    await forget_tries(site.store, site.names)


async def set_up(client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """(secret, recovery codes)"""
    page = await client.get(HERE)
    secret = hidden(page.text)["secret"]
    answer = await client.post(HERE, data={"secret": secret, "code": code_of(secret)})
    assert answer.status_code == 200, answer.text
    return secret, re.findall(r"<code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", answer.text)


def code_of(secret: str, steps: int = 0) -> str:
    """The code of this moment, or of so many steps later: each is good once."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


async def used_and_next(site: Site, person: str) -> tuple[str, str]:
    """The code that was used last, and the one after it, whatever the time is meanwhile."""
    totp = (await site.store.get(site.names.accounts, person))["totp"]
    secret = (site.safe.open(totp["secret"], "totp", person) or b"").decode()
    used, next = (pyotp.TOTP(secret).generate_otp(totp["step"] + later) for later in (0, 1))
    return used, next


async def begin(browser: httpx.AsyncClient, login: str, password: str = PASSWORD) -> dict[str, str]:
    """The first step; the hidden fields of the second."""
    form = {"login": login, "password": password, "next": "/desk/people"}
    page = await browser.post("/sign-in", data=form)
    found = re.findall(r'<input type="hidden" name="(begun|next)" value="([^"]*)">', page.text)
    return dict(found)


async def forget_step(site: Site, person: str) -> None:
    """As if no code was used yet."""
    await site.accounts.change(person, lambda doc: {**doc, "totp": {**doc["totp"], "step": 0}})


@pytest.mark.anyio
async def test_a_second_factor_is_set_up_with_a_code_and_gives_ten_recovery_codes_once(
    sign_in: SignIn, site: Site
) -> None:
    client, person = await user(sign_in, site, "haibuoc")
    assert "chưa bật xác nhận hai bước" in (await client.get("/desk")).text
    secret, codes = await set_up(client)
    assert len(set(codes)) == 10
    stored = str(await site.store.get(site.names.accounts, person))
    assert not any(code.replace("-", "") in stored for code in codes)
    page = (await client.get(ACCOUNT)).text
    assert "Còn 10 mã dự phòng" in page
    assert secret not in page
    assert "chưa bật xác nhận hai bước" not in (await client.get("/desk")).text
    assert person in await audited(site, "second-factor-set")
    assert (await client.get(HERE)).status_code == 303
    again = await client.post(HERE, data={"secret": secret, "code": code_of(secret, 1)})
    assert again.status_code == 409, "a second factor is replaced without being removed"


@pytest.mark.anyio
async def test_a_wrong_code_sets_up_nothing_and_keeps_the_secret(sign_in: SignIn, site: Site) -> None:
    client, person = await user(sign_in, site, "masai")
    secret = hidden((await client.get(HERE)).text)["secret"]
    page = await client.post(HERE, data={"secret": secret, "code": "000000"})
    assert page.status_code == 400
    assert hidden(page.text)["secret"] == secret
    assert (await client.post(HERE, data={"secret": "A", "code": "000000"})).status_code == 400
    assert "totp" not in await site.store.get(site.names.accounts, person)


@pytest.mark.anyio
async def test_the_password_alone_opens_nothing(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, person = await user(sign_in, site, "chimatkhau")
    secret, _ = await set_up(client)
    await forget_step(site, person)
    fields = await begin(browser, "chimatkhau")
    assert fields["next"] == "/desk/people"
    assert not browser.cookies, "there is a session before the second step"
    assert (await browser.get("/desk")).status_code == 401
    wrong = await browser.post("/sign-in/code", data={**fields, "code": "000000"})
    assert wrong.status_code == 401
    assert not browser.cookies
    assert person in await audited(site, "sign-in-failed")
    done = await browser.post("/sign-in/code", data={**fields, "code": code_of(secret)})
    assert (done.status_code, done.headers["location"]) == (303, "/desk/people")
    assert (await browser.get("/desk")).status_code == 200
    [device] = [one for one in await audited(site, "signed-in") if one.startswith("device:")][-1:]
    assert (await site.store.get(site.names.accounts, device))["person"] == person


@pytest.mark.anyio
async def test_a_code_that_was_seen_cannot_be_used_again(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, person = await user(sign_in, site, "nhinlen")
    await set_up(client)
    used, unused = await used_and_next(site, person)
    fields = await begin(browser, "nhinlen")
    replay = await browser.post("/sign-in/code", data={**fields, "code": used})
    assert replay.status_code == 401, "the code of the set-up opens the sign-in"
    assert (await browser.post("/sign-in/code", data={**fields, "code": unused})).status_code == 303
    browser.cookies.clear()
    again = await browser.post("/sign-in/code", data={**fields, "code": unused})
    assert again.status_code == 401


@pytest.mark.anyio
async def test_a_recovery_code_opens_once(sign_in: SignIn, site: Site, browser: httpx.AsyncClient) -> None:
    client, _ = await user(sign_in, site, "duphong")
    _, codes = await set_up(client)
    fields = await begin(browser, "duphong")
    assert (await browser.post("/sign-in/code", data={**fields, "code": codes[0]})).status_code == 303
    assert "Còn 9 mã dự phòng" in (await browser.get(ACCOUNT)).text
    browser.cookies.clear()
    assert (await browser.post("/sign-in/code", data={**fields, "code": codes[0]})).status_code == 401
    renewed = await client.post(f"{HERE}/codes")
    assert renewed.status_code == 200
    assert (await browser.post("/sign-in/code", data={**fields, "code": codes[1]})).status_code == 401
    new = re.findall(r"<code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", renewed.text)
    assert (await browser.post("/sign-in/code", data={**fields, "code": new[1]})).status_code == 303


@pytest.mark.anyio
async def test_few_recovery_codes_are_told(sign_in: SignIn, site: Site) -> None:
    client, person = await user(sign_in, site, "saphetma")
    _, codes = await set_up(client)
    for code in codes[:6]:
        assert await second_factor.use(site.accounts, person, code)
    assert "sắp hết" not in (await client.get(ACCOUNT)).text
    assert await second_factor.use(site.accounts, person, codes[6])
    assert "sắp hết" in (await client.get(ACCOUNT)).text


@pytest.mark.anyio
async def test_of_two_who_use_one_code_at_the_same_moment_one_comes_in(sign_in: SignIn, site: Site) -> None:
    client, person = await user(sign_in, site, "cungluc")
    secret, codes = await set_up(client)
    for code in (codes[0], code_of(secret, 1)):
        used = await asyncio.gather(*(second_factor.use(site.accounts, person, code) for _ in range(4)))
        assert used.count(True) == 1, code


@pytest.mark.anyio
async def test_what_the_first_step_gives_is_good_for_five_minutes_and_one_password(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, person = await user(sign_in, site, "nuachung")
    _, codes = await set_up(client)
    fields = await begin(browser, "nuachung")
    _, until, mark, seal = fields["begun"].split("~")
    other, _ = await user(sign_in, site, "nguoikhac")
    await set_up(other)
    forged = [
        "",
        "~~~",
        f"{person}~{until}~{mark}~{'0' * 64}",
        f"{person}~2999{until[4:]}~{mark}~{seal}",
        f"person:nguoikhac~{until}~{mark}~{seal}",
        f"person:nguoikhac~{until}~{mark}~é",
    ]
    for begun in forged:
        answer = await browser.post("/sign-in/code", data={"begun": begun, "code": codes[0]})
        assert answer.status_code == 401
        assert 'name="password"' in answer.text, "it goes on from the first step"
    with monkeypatch.context() as patch:
        patch.setattr(signing, "CODE_LASTS", -signing.CODE_LASTS)
        late = await begin(browser, "nuachung")
    assert (await browser.post("/sign-in/code", data={**late, "code": codes[0]})).status_code == 401
    await site.accounts.set_password(person, "con mèo trèo cây cau")
    assert (await browser.post("/sign-in/code", data={**fields, "code": codes[0]})).status_code == 401
    assert not browser.cookies
    assert (await browser.get("/sign-in/code")).headers["location"] == "/sign-in"


@pytest.mark.anyio
async def test_a_second_factor_set_anew_makes_void_what_was_begun_before(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, person = await user(sign_in, site, "datlai")
    await set_up(client)
    fields = await begin(browser, "datlai")
    assert await second_factor.remove(site.accounts, person)
    _, codes = await set_up(client)
    assert (await browser.post("/sign-in/code", data={**fields, "code": codes[0]})).status_code == 401


@pytest.mark.anyio
async def test_a_cookie_that_somebody_planted_is_not_signed_in(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, _ = await user(sign_in, site, "gaibay")
    _, codes = await set_up(client)
    planted = f"{'0' * 26}.{'A' * 43}"
    browser.cookies.set("gtn-device", planted)
    fields = await begin(browser, "gaibay")
    done = await browser.post("/sign-in/code", data={**fields, "code": codes[0]})
    assert done.status_code == 303
    assert planted not in done.headers["set-cookie"]
    browser.cookies.clear()
    assert (await browser.get("/desk", headers={"cookie": f"gtn-device={planted}"})).status_code == 401


@pytest.mark.anyio
async def test_turning_it_on_ends_what_the_password_alone_had_opened(sign_in: SignIn, site: Site) -> None:
    client, _ = await user(sign_in, site, "cacmay")
    other, _ = await user(sign_in, site, "cacmay")
    await set_up(client)
    assert (await client.get(ACCOUNT)).status_code == 200
    assert (await other.get(ACCOUNT)).status_code == 401


@pytest.mark.anyio
async def test_a_new_password_needs_a_code_too(sign_in: SignIn, site: Site) -> None:
    client, _ = await user(sign_in, site, "doicahai")
    _, codes = await set_up(client)
    form = {"current": PASSWORD, "new": "gà mái đẻ trứng", "again": "gà mái đẻ trứng"}
    without = await client.post(f"{ACCOUNT}/password", data=form)
    assert without.status_code == 400
    assert 'id="code-wrong"' in without.text
    assert await site.accounts.verify("doicahai", PASSWORD) is not None
    wrong = await client.post(f"{ACCOUNT}/password", data={**form, "current": "sai", "code": codes[0]})
    assert wrong.status_code == 400
    done = await client.post(f"{ACCOUNT}/password", data={**form, "code": codes[0]})
    assert done.status_code == 303, "a wrong password used up a code"


@pytest.mark.anyio
async def test_codes_cannot_be_guessed_at_will_nor_by_a_stranger_in_the_persons_name(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, _ = await user(sign_in, site, "doanma")
    secret, _ = await set_up(client)
    for _ in range(6):
        await browser.post("/sign-in", data={"login": " doanma ", "password": "sai"})
        await browser.post("/sign-in", data={"login": "\ndoanma", "password": "sai"})
    await site.tries.succeeded("doanma", "127.0.0.1")
    fields = await begin(browser, "doanma")
    statuses = [
        (await browser.post("/sign-in/code", data={**fields, "code": f"00000{n}"})).status_code
        for n in range(7)
    ]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    assert (
        await browser.post("/sign-in/code", data={**fields, "code": code_of(secret, 1)})
    ).status_code == 429


@pytest.mark.anyio
async def test_a_phone_asks_for_an_invitation_instead(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    login = "totruonghai"
    person = await site.accounts.add_person(
        login=login, name="Tổ Trưởng Hai", role="lead", ward="09562", unit="tdp-07", password=PASSWORD
    )
    await site.accounts.change(person["_id"], lambda doc: {**doc, "totp": {"recovery": []}})
    answer = await browser.post("/api/sign-in", json={"login": login, "password": PASSWORD})
    assert (answer.status_code, answer.json()["error"]) == (403, "code-needed")
    assert not browser.cookies


@pytest.mark.anyio
async def test_an_administrator_resets_the_second_factor_of_whoever_lost_it(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, person = await user(sign_in, site, "matmay")
    await set_up(client)
    address = f"/desk/people/{person.removeprefix('person:')}"
    supervisor, admin = await sign_in("supervisor"), await sign_in("admin")
    assert (await supervisor.post(f"{address}/second-factor/reset")).status_code == 403
    assert "Đặt lại xác nhận hai bước" in (await admin.get(address)).text
    await age(site, admin, 16)
    assert (await admin.post(f"{address}/second-factor/reset")).status_code == 403, "without the password"
    await age(site, admin, 1)
    assert (await admin.post(f"{address}/second-factor/reset")).status_code == 303
    assert person in await audited(site, "second-factor-removed")
    assert (await client.get("/desk")).status_code == 401, "whoever has the lost phone is still signed in"
    assert "Đặt lại xác nhận hai bước" not in (await admin.get(address)).text
    form = {"login": "matmay", "password": PASSWORD}
    assert (await browser.post("/sign-in", data=form)).headers["location"] == "/desk"
    assert (await admin.post("/desk/people/admin/second-factor/reset")).status_code == 403, "one's own"


@pytest.mark.anyio
async def test_people_of_a_unit_have_no_codes(sign_in: SignIn) -> None:
    lead = await sign_in("lead")
    assert (await lead.get(HERE)).status_code == 403
    assert "Xác nhận hai bước" not in (await lead.get(ACCOUNT)).text


# -- asked again ----------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_page_that_has_to_be_confirmed_is_returned_to(sign_in: SignIn, site: Site) -> None:
    client, _ = await user(sign_in, site, "quaylai", role="admin")
    await age(site, client, 16)
    asked = await client.get("/desk/audit.csv?from=2026-05-01&to=2026-05-02")
    assert asked.status_code == 403
    fields = hidden(asked.text)
    assert 'action="/confirm"' in asked.text
    assert fields["confirm-back"] == "/desk/audit.csv?from=2026-05-01&amp;to=2026-05-02"
    fields["confirm-back"] = fields["confirm-back"].replace("&amp;", "&")
    wrong = await client.post("/confirm", data={**fields, "confirm-password": "sai"})
    assert wrong.status_code == 401
    assert "confirm-back" in hidden(wrong.text)
    done = await client.post("/confirm", data={**fields, "confirm-password": PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, fields["confirm-back"])
    assert (await client.get(done.headers["location"])).status_code == 200
    away = {"confirm-back": "https://evil.example", "confirm-password": PASSWORD}
    assert (await client.post("/confirm", data=away)).headers["location"] == "/desk"


@pytest.mark.anyio
async def test_whoever_has_a_second_factor_confirms_with_both(sign_in: SignIn, site: Site) -> None:
    client, person = await user(sign_in, site, "cahai")
    secret, codes = await set_up(client)
    await age(site, client, 16)
    asked = await client.post(f"{HERE}/remove")
    assert asked.status_code == 403
    assert 'name="confirm-code"' in asked.text

    async def answer(**proof: str) -> Any:
        return await client.post(f"{HERE}/remove", data=proof)

    only = await answer(**{"confirm-password": PASSWORD})
    assert only.status_code == 401
    assert "Mã chưa đúng" in only.text
    wrong = await answer(**{"confirm-password": "sai", "confirm-code": codes[0]})
    assert wrong.status_code == 401
    assert "totp" in await site.store.get(site.names.accounts, person)
    done = await answer(**{"confirm-password": PASSWORD, "confirm-code": codes[0]})
    assert done.status_code == 303, "a wrong password used up a code"
    assert "totp" not in await site.store.get(site.names.accounts, person)
    assert person in await audited(site, "second-factor-removed")
    assert secret


@pytest.mark.anyio
async def test_the_store_alone_makes_no_codes(sign_in: SignIn, site: Site) -> None:
    client, person = await user(sign_in, site, "khoangoai")
    secret, _ = await set_up(client)
    assert secret not in str(await site.store.get(site.names.accounts, person))


@pytest.mark.anyio
async def test_secrets_that_lay_open_are_closed_at_the_start_and_go_on_to_open(
    sign_in: SignIn, site: Site
) -> None:
    client, person = await user(sign_in, site, "bimathao")
    secret, _ = await set_up(client)

    def lay_open(doc: dict[str, Any]) -> dict[str, Any]:
        return {**doc, "totp": {**doc["totp"], "secret": secret, "step": 0}}

    await site.accounts.change(person, lay_open)
    assert await second_factor.use(site.accounts, person, code_of(secret)), "before it is closed"
    assert await second_factor.close_all(site.accounts) == 1
    assert await second_factor.close_all(site.accounts) == 0
    assert secret not in str(await site.store.get(site.names.accounts, person))
    await forget_step(site, person)
    assert await second_factor.use(site.accounts, person, code_of(secret))


@pytest.mark.anyio
async def test_when_the_key_is_lost_recovery_codes_still_open(
    sign_in: SignIn, site: Site, tmp_path: Path
) -> None:
    client, person = await user(sign_in, site, "matkhoa")
    secret, codes = await set_up(client)
    await forget_step(site, person)
    elsewhere = Accounts(site.store, site.names, site.settings)
    elsewhere.safe = Safe(tmp_path / "key")
    elsewhere.safe.unlock()
    assert not await second_factor.use(elsewhere, person, code_of(secret))
    assert await second_factor.use(elsewhere, person, codes[0])
    assert await second_factor.use(site.accounts, person, code_of(secret)), "the secret was spoilt"
