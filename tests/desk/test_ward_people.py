"""Supervisors and administrators are made at the desk: a link opens once and lets them choose a password."""

from __future__ import annotations

import re

import httpx
import pytest

from server.invitations import may_invite
from server.people import set_active
from server.site import Site
from tests.desk.conftest import PASSWORD, SignIn
from tests.desk.test_account import user
from tests.desk.test_confirming import age, device_of, hidden
from tests.desk.test_people import add, audited, page_of, viewer_of
from tests.desk.test_second_factor_pages import set_up
from tests.server.conftest import forget_tries

HERE = "/desk/ward-people"
NEW = "gà mái đẻ trứng"


@pytest.fixture(autouse=True)
async def _forget_tries(site: Site) -> None:
    await forget_tries(site.store, site.names)


async def link_for(admin: httpx.AsyncClient, address: str) -> str:
    """The path of a new link for the person with this page."""
    page = await admin.post(f"{address}/link")
    assert page.status_code == 200, page.text
    found = re.search(r'value="http://localhost(/join/[2-9A-Z]{26})"', page.text)
    assert found is not None, page.text
    return found[1]


async def form_at(browser: httpx.AsyncClient, link: str, new: str = NEW, again: str = "") -> dict[str, str]:
    return {**hidden((await browser.get(link)).text), "new": new, "again": again or new}


@pytest.mark.anyio
async def test_an_administrator_adds_a_supervisor_who_chooses_the_password(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    admin = await sign_in("admin")
    made = await admin.post(HERE, data={"name": "Đỗ Thanh Hương", "role": "supervisor"})
    address = made.headers["location"]
    assert (made.status_code, address) == (303, "/desk/people/do-thanh-huong")
    assert "person:do-thanh-huong" in await audited(site, "person-added")
    assert "Chưa đặt" in (await admin.get(address)).text
    link = await link_for(admin, address)
    for _ in range(2):  # a messenger looks at it first
        page = await browser.get(link)
        assert page.status_code == 200
        assert 'value="do.thanh.huong"' in page.text
    done = await browser.post(link, data=await form_at(browser, link))
    assert (done.status_code, done.headers["location"]) == (303, "/desk/account/second-factor")
    assert (await browser.get(done.headers["location"])).status_code == 200, "asked for the password at once"
    assert (await browser.get("/desk")).status_code == 200
    assert await site.accounts.verify("do.thanh.huong", NEW) is not None
    assert "person:do-thanh-huong" in await audited(site, "password-changed")
    browser.cookies.clear()
    again = await browser.get(link)
    assert (again.status_code, "đã được dùng" in again.text) == (410, True)
    assert "Người admin" in again.text, "it does not say whom to ask"
    assert NEW not in str(await site.store.get(site.names.accounts, "person:do-thanh-huong"))


@pytest.mark.parametrize(
    ("by", "form", "status"),
    [
        ("supervisor", {"name": "Một Người", "role": "supervisor"}, 403),
        ("lead", {"name": "Một Người", "role": "supervisor"}, 403),
        ("volunteer", {"name": "Một Người", "role": "admin"}, 403),
        ("admin", {"name": "Một Người", "role": "volunteer"}, 403),
        ("admin", {"name": "Một Người", "role": "king"}, 403),
        ("admin", {"name": "  ", "role": "admin"}, 400),
    ],
)
@pytest.mark.anyio
async def test_only_an_administrator_adds_people_of_the_ward(
    by: str, form: dict[str, str], status: int, sign_in: SignIn
) -> None:
    client = await sign_in(by)
    assert (await client.post(HERE, data=form)).status_code == status
    assert ("Thêm cán bộ của phường" in (await client.get("/desk/people")).text) is (by == "admin")


@pytest.mark.anyio
async def test_making_people_of_the_ward_asks_for_the_password_again(sign_in: SignIn, site: Site) -> None:
    _, person = await user(sign_in, site, "canhoilai")
    admin, address = await sign_in("admin"), "/desk/people/canhoilai"
    await age(site, admin, 16)
    form = {"name": "Người Mới Toanh", "role": "admin"}
    asked = await admin.post(HERE, data=form)
    assert asked.status_code == 403
    assert hidden(asked.text) == form
    assert await site.accounts.find_login("nguoi.moi.toanh") is None
    for path in ("link", "role", "second-factor/reset"):
        assert (await admin.post(f"{address}/{path}", data={"role": "admin"})).status_code == 403, path
    assert (await site.store.get(site.names.accounts, person))["role"] == "supervisor"
    assert not await site.invitations.of(person)


@pytest.mark.anyio
async def test_a_password_that_will_not_do_spends_no_link(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    await user(sign_in, site, "datchoduoc")
    link = await link_for(await sign_in("admin"), "/desk/people/datchoduoc")
    for form, says in (
        (await form_at(browser, link, "ngắn"), "ít nhất 10 ký tự"),
        (await form_at(browser, link, "matkhau2026"), "quá quen thuộc"),
        (await form_at(browser, link, "do van khang 77"), "có tên"),
        (await form_at(browser, link, NEW, "khác hẳn"), "chưa giống nhau"),
    ):
        answer = await browser.post(link, data=form)
        assert (answer.status_code, says in answer.text) == (400, True), says
        assert 'aria-invalid="true"' in answer.text
        assert form["new"] not in answer.text, "a password is shown in the page"
    assert (await browser.post(link, data={"new": NEW, "again": NEW})).status_code == 400, (
        "without an attempt"
    )
    assert not browser.cookies
    assert (await browser.post(link, data=await form_at(browser, link))).status_code == 303


@pytest.mark.anyio
async def test_a_forgotten_password_is_replaced_and_ends_what_was_open(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, _ = await user(sign_in, site, "quenmatkhau")
    link = await link_for(await sign_in("admin"), "/desk/people/quenmatkhau")
    assert (await client.get("/desk")).status_code == 200, "the link alone puts someone out"
    form = await form_at(browser, link)
    first = await browser.post(link, data=form)
    second = await browser.post(link, data=form)
    assert (first.status_code, second.status_code) == (303, 303), "pressed twice, it says that it was used"
    assert (await browser.get("/desk")).status_code == 200
    assert (await client.get("/desk")).status_code == 401
    assert await site.accounts.verify("quenmatkhau", PASSWORD) is None
    other = await browser.post(link, data={**form, "attempt": "x" * 32})
    assert other.status_code == 410


@pytest.mark.anyio
async def test_a_link_does_not_stand_in_for_the_second_factor(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    client, _ = await user(sign_in, site, "vancanma")
    _, codes = await set_up(client)
    link = await link_for(await sign_in("admin"), "/desk/people/vancanma")
    page = await browser.post(link, data=await form_at(browser, link))
    assert page.status_code == 200
    assert not browser.cookies, "there is a session before the second step"
    assert (await browser.get("/desk")).status_code == 401
    fields = dict(re.findall(r'<input type="hidden" name="(begun|next)" value="([^"]*)">', page.text))
    done = await browser.post("/sign-in/code", data={**fields, "code": codes[0]})
    assert done.status_code == 303


@pytest.mark.anyio
async def test_a_link_ends_when_it_is_taken_back_or_its_maker_or_person_changes(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    _, person = await user(sign_in, site, "thuhoilai")
    maker, maker_id = await user(sign_in, site, "nguoitaolink", "admin")
    admin, address = await sign_in("admin"), "/desk/people/thuhoilai"
    link = await link_for(admin, address)
    hash = (await site.invitations.of(person))[0]["_id"].removeprefix("invitation:")
    assert (await admin.post(f"{address}/invitations/{hash}/revoke")).status_code == 303
    assert (await browser.get(link)).status_code == 410

    link = await link_for(admin, address)
    assert (await admin.post(f"{address}/role", data={"role": "admin"})).status_code == 303
    assert person in await audited(site, "role-changed")
    assert (await browser.get(link)).status_code == 410

    link = await link_for(maker, address)
    assert (await browser.get(link)).status_code == 200
    await admin.post("/desk/people/nguoitaolink/role", data={"role": "supervisor"})
    assert (await browser.get(link)).status_code == 410, "made by someone who may not any more"
    await admin.post("/desk/people/nguoitaolink/role", data={"role": "admin"})
    assert (await browser.get(link)).status_code == 200
    await set_active(site.accounts, viewer_of("person:admin"), {"_id": maker_id, "role": "supervisor"}, False)
    assert (await browser.get(link)).status_code == 410


@pytest.mark.parametrize(
    ("inviter", "role", "may"),
    [
        ({"active": True, "role": "admin"}, "admin", True),
        ({"active": True, "role": "supervisor"}, "supervisor", False),
        ({"active": False, "role": "admin"}, "admin", False),
        ({"active": True, "role": "lead"}, "volunteer", True),
        ({}, "volunteer", False),
    ],
)
@pytest.mark.anyio
async def test_an_invitation_is_from_someone_who_may_still_make_it(
    inviter: dict[str, object], role: str, may: bool
) -> None:
    assert may_invite(inviter, {"role": role}) is may


@pytest.mark.anyio
async def test_a_link_and_a_phones_invitation_open_their_own_doors_alone(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    await user(sign_in, site, "cuaphuong")
    admin = await sign_in("admin")
    code = (await link_for(admin, "/desk/people/cuaphuong")).removeprefix("/join/")
    asked = await browser.post("/api/invitation", json={"code": code})
    assert asked.json()["error"] == "no-unit"
    spent = {"code": code, "attempt": "x" * 32, "device": {"label": "phone"}}
    assert (await browser.post("/api/enrol", json=spent)).json()["error"] == "no-unit"

    member = await add(site, "Ngô Văn Máy")
    phone = await site.invitations.make(member, "person:admin", "Người admin")
    led = await browser.get(f"/join/{phone.code}")
    assert (led.status_code, led.headers["location"]) == (303, f"/app/#/moi/{phone.code}")
    form = {"attempt": "x" * 32, "new": NEW, "again": NEW}
    assert (await browser.post(f"/join/{phone.code}", data=form)).status_code == 404
    assert (await site.store.get(site.names.accounts, member["_id"]))["password"] is None
    assert (await admin.post(f"{page_of(member)}/link")).status_code == 404
    assert (await admin.post(f"{page_of(member)}/role", data={"role": "admin"})).status_code == 404


@pytest.mark.anyio
async def test_a_wrong_link_says_what_to_do_and_none_is_guessed_at_will(
    sign_in: SignIn, site: Site, browser: httpx.AsyncClient
) -> None:
    unknown = await browser.get("/join/ABCDEFGH")
    assert (unknown.status_code, "xem lại mã" in unknown.text) == (404, True)
    statuses = [(await browser.get(f"/join/ABCDEF{n:02}")).status_code for n in range(10)]
    assert statuses[-1] == 429, "codes may be guessed at will"


@pytest.mark.anyio
async def test_nobody_gives_a_link_or_a_role_to_themselves_and_one_administrator_stays(
    sign_in: SignIn, site: Site
) -> None:
    admin = await sign_in("admin")
    assert (await admin.post("/desk/people/admin/link")).status_code == 403
    assert (await admin.post("/desk/people/admin/role", data={"role": "supervisor"})).status_code == 403
    page = (await admin.get("/desk/people/admin")).text
    assert "/link" not in page
    again = await admin.get("/desk/people/admin/link")
    assert (again.status_code, again.headers["location"]) == (303, "/desk/people/admin")


@pytest.mark.anyio
async def test_people_of_the_ward_without_a_password_go_no_further(sign_in: SignIn, site: Site) -> None:
    client, person = await user(sign_in, site, "khongmatkhau", "admin")
    await site.accounts.change(person, lambda doc: {**doc, "password": None})
    for minutes in (1, 60):
        await age(site, client, minutes)
        refused = await client.post(HERE, data={"name": "Lách Luật", "role": "admin"})
        assert refused.status_code == 403
        assert "đường dẫn đặt mật khẩu" in refused.text
    assert await site.accounts.find_login("lach.luat") is None
    assert device_of(client)
