"""What was typed when the sign-in had ended: shown again to the same person after the next one, not done."""

from __future__ import annotations

import html
import re
import secrets
import zlib

import httpx
import pytest

from server.filling import fill
from server.site import Site
from tests.desk.conftest import PASSWORD, SignIn
from tests.desk.test_account import user
from tests.desk.test_confirming import FORM, device_of, stored
from tests.desk.test_people import add, page_of
from tests.desk.test_second_factor_pages import code_of, set_up
from tests.server.conftest import forget_tries

WHEN = "2026-01-01T00:00:00.000Z"


@pytest.fixture(autouse=True)
async def _forget_tries(site: Site) -> None:
    await forget_tries(site.store, site.names)


async def expire(site: Site, client: httpx.AsyncClient) -> None:
    await site.accounts.change(device_of(client), lambda device: {**device, "expires": WHEN})


def kept_in(page: str) -> str:
    found = re.search(r'name="kept" value="([^"]*)"', page)
    return html.unescape(found[1]) if found else ""


def values_in(page: str, action: str) -> dict[str, str]:
    form = page.partition(f'action="{action}"')[2].partition("</form>")[0]
    texts = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form))
    chosen = re.findall(r'<select[^>]* name="(\w+)".*?<option[^>]* value="([^"]*)" selected', form, re.DOTALL)
    return {name: html.unescape(value) for name, value in {**texts, **dict(chosen)}.items()}


def sign_in_form(login: str, kept: str) -> dict[str, str]:
    return {"login": login, "password": PASSWORD, "next": "", "kept": kept}


@pytest.mark.anyio
async def test_an_expired_session_costs_nothing_that_was_typed(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    person = await add(site, "Mất Phiên")
    supervisor = await sign_in("supervisor")
    await expire(site, supervisor)
    asked = await supervisor.post(
        page_of(person), data=FORM, headers={"referer": f"http://localhost{page_of(person)}"}
    )
    assert asked.status_code == 401
    assert "vẫn được giữ" in asked.text
    assert FORM["name"] not in html.unescape(asked.text), "read by whoever sits there now"
    again = await browser.post(
        "/sign-in", data={**sign_in_form("supervisor", kept_in(asked.text)), "password": "sai"}
    )
    assert again.status_code == 401
    back = await browser.post("/sign-in", data=sign_in_form("supervisor", kept_in(again.text)))
    assert back.status_code == 200
    assert "gtn-device" in back.headers["set-cookie"]
    assert "Chưa gửi đi" in back.text
    shown = values_in(back.text, page_of(person))
    assert {name: shown[name] for name in FORM} == FORM
    assert (await stored(site, person))["name"] == "Mất Phiên", "done without being asked"
    assert (await browser.post(page_of(person), data=shown)).status_code == 303
    assert (await stored(site, person))["name"] == FORM["name"]


@pytest.mark.anyio
async def test_it_goes_through_the_second_step_too(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    person = await add(site, "Hai Bước Giữ")
    client, _ = await user(sign_in, site, "haibuocgiu")
    secret, _ = await set_up(client)
    await expire(site, client)
    asked = await client.post(page_of(person), data=FORM)
    step = await browser.post("/sign-in", data=sign_in_form("haibuocgiu", kept_in(asked.text)))
    begun = re.search(r'name="begun" value="([^"]*)"', step.text)
    assert begun
    form = {"begun": begun[1], "next": "", "kept": kept_in(step.text)}
    wrong = await browser.post("/sign-in/code", data={**form, "code": "12"})
    assert kept_in(wrong.text) == form["kept"]
    back = await browser.post("/sign-in/code", data={**form, "code": code_of(secret, 1)})
    assert values_in(back.text, page_of(person))["name"] == FORM["name"]


@pytest.mark.anyio
async def test_nobody_else_gets_it(sign_in: SignIn, site: Site, browser: httpx.AsyncClient) -> None:
    person = await add(site, "Của Người Khác")
    supervisor = await sign_in("supervisor")
    await sign_in("admin")
    await expire(site, supervisor)
    kept = kept_in((await supervisor.post(page_of(person), data=FORM)).text)
    other = await browser.post("/sign-in", data=sign_in_form("admin", kept))
    assert (other.status_code, other.headers["location"]) == (303, "/desk")
    changed = await browser.post("/sign-in", data=sign_in_form("supervisor", kept[:-6] + "AAAAAA"))
    assert changed.status_code == 303, "not what we closed"


@pytest.mark.anyio
async def test_a_browser_that_dropped_the_old_cookie_is_known_by_the_other_one(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    person = await add(site, "Cookie Hết Hạn")
    await sign_in("supervisor")
    await browser.post("/sign-in", data=sign_in_form("supervisor", ""))
    browser.cookies.delete("gtn-device")
    asked = await browser.post(page_of(person), data=FORM)
    back = await browser.post("/sign-in", data=sign_in_form("supervisor", kept_in(asked.text)))
    assert values_in(back.text, page_of(person))["name"] == FORM["name"]


@pytest.mark.anyio
async def test_nothing_is_kept_of_strangers_passwords_or_devices_that_were_taken_away(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    person = await add(site, "Không Giữ")
    assert not kept_in((await browser.post(page_of(person), data=FORM)).text)
    supervisor = await sign_in("supervisor")
    await expire(site, supervisor)
    secret = {"current": PASSWORD, "new": "một mật khẩu khác", "again": "một mật khẩu khác", "code": ""}
    assert not kept_in((await supervisor.post("/desk/account/password", data=secret)).text)
    proof = {**FORM, "confirm-password": PASSWORD, "confirm-code": "123456"}
    kept = site.safe.open(kept_in((await supervisor.post(page_of(person), data=proof)).text), "kept-form")
    assert kept
    assert PASSWORD not in zlib.decompress(kept).decode()
    assert "123456" not in zlib.decompress(kept).decode()
    await site.accounts.revoke(device_of(supervisor))
    assert not kept_in((await supervisor.post(page_of(person), data=FORM)).text)


@pytest.mark.anyio
async def test_what_cannot_be_filled_in_any_more_is_shown_as_it_was_typed(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    await sign_in("supervisor")
    supervisor = await sign_in("supervisor")
    await expire(site, supervisor)
    for referer in ("http://localhost/desk/events", "http://localhost/desk/people/nobody", "http://[", ""):
        asked = await supervisor.post("/desk/people/nobody", data=FORM, headers={"referer": referer})
        back = await browser.post("/sign-in", data=sign_in_form("supervisor", kept_in(asked.text)))
        assert FORM["name"] in html.unescape(back.text)
        browser.cookies.clear()


@pytest.mark.anyio
async def test_a_huge_form_is_not_carried_along(sign_in: SignIn, site: Site) -> None:
    supervisor = await sign_in("supervisor")
    await expire(site, supervisor)
    answer = await supervisor.post("/desk/people", data={"name": secrets.token_hex(30_000)})
    assert answer.status_code == 401
    assert not kept_in(answer.text)


@pytest.mark.anyio
async def test_a_page_that_was_only_read_comes_back_after_the_sign_in(sign_in: SignIn, site: Site) -> None:
    supervisor = await sign_in("supervisor")
    await expire(site, supervisor)
    page = (await supervisor.get("/desk/people?unit=tdp-07&q=a")).text
    assert "/sign-in?next=/desk/people%3Funit%3Dtdp-07%26q%3Da" in html.unescape(page)


PAGE = """<main id="main"><details class="x"><summary>S</summary>
<form method="post" action="/a"><input type="hidden" name="rev" value="2"><input name="text" value="old">
<input type="password" name="secret"><textarea name="note" rows="2">old &amp; &lt;b&gt;</textarea>
<select name="one"><option value="1" selected>1</option><option value="2">2</option></select>
<input type="checkbox" name="many" value="x" checked><input type="checkbox" name="many" value="y">
</form></details><form method="post" action="/a"><input name="text" value="other"></form>&nbsp;
<a href="?q=1">q</a></main>"""


@pytest.mark.anyio
async def test_every_kind_of_field_is_filled_in_and_the_rest_is_left_alone() -> None:
    fields = [
        ("rev", "1"),
        ("text", '"<&'),
        ("secret", "pw"),
        ("note", "a\n</textarea><b>"),
        ("one", "2"),
        ("many", "y"),
    ]
    page = fill(PAGE, "/a", fields, "said & done", "/p?x=1")
    assert page is not None
    assert '<details open class="x">' in page
    assert 'name="rev" value="1"' in page
    assert 'name="text" value="&quot;&lt;&amp;"' in page
    assert '<input type="password" name="secret">' in page
    assert ">\na\n&lt;/textarea&gt;&lt;b&gt;</textarea>" in page
    assert '<option value="1">1</option><option value="2" selected>' in page
    assert 'value="x"><input type="checkbox" name="many" value="y" checked>' in page
    assert '<input name="text" value="other"></form>&nbsp;\n<a href="/p?q=1">' in page
    assert "said &amp; done" in page
    assert fill(PAGE, "/b", fields, "", "/p") is None
