"""Where someone is signed in: seen and ended by themselves, and by whoever manages them."""

from __future__ import annotations

import pytest

from server.site import Site
from tests.desk.conftest import SignIn
from tests.desk.test_account import HERE as ACCOUNT
from tests.desk.test_account import user
from tests.desk.test_confirming import device_of
from tests.desk.test_people import add, audited, page_of

HERE = f"{ACCOUNT}/sessions"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"


def ulid_of(device: str) -> str:
    return device.removeprefix("device:")


@pytest.mark.anyio
async def test_one_sees_where_one_is_signed_in_and_by_which_browser(sign_in: SignIn, site: Site) -> None:
    client, person = await user(sign_in, site, "nhieumay")
    stored = await site.store.get(site.names.accounts, person)
    other, _ = await site.accounts.enrol(stored, AGENT)
    await site.accounts.revoke((await site.accounts.enrol(stored, "máy đã ngừng"))[0])
    page = (await client.get(ACCOUNT)).text
    assert "Chrome (Windows)" in page
    assert "Mozilla" not in page
    assert "máy đã ngừng" not in page
    assert page.count("<strong>máy này</strong>") == 1
    assert f"{HERE}/{ulid_of(other)}/end" in page
    assert f"{HERE}/{ulid_of(device_of(client))}/end" not in page


@pytest.mark.anyio
async def test_one_of_ones_own_is_ended_at_once(sign_in: SignIn, site: Site) -> None:
    client, _ = await user(sign_in, site, "botmotmay")
    stray, _ = await user(sign_in, site, "botmotmay")
    third, _ = await user(sign_in, site, "botmotmay")
    done = await client.post(f"{HERE}/{ulid_of(device_of(stray))}/end")
    assert (done.status_code, done.headers["location"]) == (303, f"{ACCOUNT}?done=session-ended")
    assert "Đã đăng xuất máy ấy" in (await client.get(done.headers["location"])).text
    assert (await stray.get("/desk")).status_code == 401
    assert (await third.get("/desk")).status_code == 200
    assert device_of(stray) in await audited(site, "signed-out")


@pytest.mark.anyio
async def test_all_others_are_ended_at_once_and_this_one_stays(sign_in: SignIn, site: Site) -> None:
    client, _ = await user(sign_in, site, "chimaynay")
    others = [(await user(sign_in, site, "chimaynay"))[0] for _ in range(2)]
    assert "Đăng xuất mọi máy khác" in (await client.get(ACCOUNT)).text
    assert (await client.post(f"{HERE}/end")).status_code == 303
    assert [(await one.get("/desk")).status_code for one in others] == [401, 401]
    page = await client.get(ACCOUNT)
    assert page.status_code == 200
    assert "Đăng xuất máy ấy" not in page.text


@pytest.mark.anyio
async def test_nobody_ends_the_session_of_someone_else_nor_the_own_by_mistake(
    sign_in: SignIn, site: Site
) -> None:
    client, _ = await user(sign_in, site, "khongphaitoi")
    admin = await sign_in("admin")
    assert (await client.post(f"{HERE}/{ulid_of(device_of(admin))}/end")).status_code == 404
    assert (await client.post(f"{HERE}/{ulid_of(device_of(client))}/end")).status_code == 400
    assert (await admin.get("/desk")).status_code == 200
    assert (await client.get("/desk")).status_code == 200


@pytest.mark.anyio
async def test_a_phone_ended_by_its_owner_shows_a_wrong_card_and_may_come_back(
    sign_in: SignIn, site: Site
) -> None:
    member = await add(site, "Phạm Thị Hai Máy")
    client = await sign_in("volunteer")
    _, value = await site.accounts.enrol(member, "Android 13")
    client.headers["cookie"] = f"gtn-device={value}"
    old, _ = await site.accounts.enrol(member, "Android 8")
    escrow, card = await site.accounts.escrow(old), await site.cards.of(member["_id"])
    assert "ứng dụng đi từng nhà" in (await client.get(ACCOUNT)).text
    assert (await client.post(f"{HERE}/{ulid_of(old)}/end")).status_code == 303
    assert (await site.cards.of(member["_id"]))["secret"] != card["secret"]
    again, _ = await site.accounts.enrol(member, "Android 8", old)
    assert again == old
    assert await site.accounts.escrow(again) == escrow, "what the phone holds cannot be opened any more"


@pytest.mark.anyio
async def test_an_administrator_ends_the_sessions_of_a_supervisor_who_signs_in_again(
    sign_in: SignIn, site: Site
) -> None:
    client, person = await user(sign_in, site, "bicatmay")
    other, _ = await user(sign_in, site, "bicatmay")
    admin, address = await sign_in("admin"), f"/desk/people/{person.removeprefix('person:')}"
    page = (await admin.get(address)).text
    assert "Báo mất" not in page, "a browser at the desk has nothing to remove"
    assert (await admin.post(f"{address}/devices/{ulid_of(device_of(client))}/revoke")).status_code == 303
    assert (await client.get("/desk")).status_code == 401
    assert (await other.get("/desk")).status_code == 200
    assert device_of(client) in await audited(site, "device-revoked")
    again, _ = await user(sign_in, site, "bicatmay")
    assert (await admin.post(f"{address}/devices/end")).status_code == 303
    assert [(await one.get("/desk")).status_code for one in (other, again)] == [401, 401]
    assert person in await audited(site, "signed-out")
    supervisor = await sign_in("supervisor")
    assert (await supervisor.post(f"{address}/devices/end")).status_code == 404


@pytest.mark.anyio
async def test_a_lead_ends_every_phone_of_someone_of_the_own_unit_alone(sign_in: SignIn, site: Site) -> None:
    own, other = await add(site, "Phạm Văn Máy"), await add(site, "Phạm Văn Tổ Tám", unit="tdp-08")
    lead = await sign_in("lead")
    device, _ = await site.accounts.enrol(own, "Android 13")
    await site.accounts.enrol(own, "Android 10")
    assert "Đăng xuất mọi máy của người này" in (await lead.get(page_of(own))).text
    assert (await lead.post(f"{page_of(own)}/devices/end")).status_code == 303
    assert (await site.store.get(site.names.accounts, device))["revoked"]
    assert (await lead.post(f"{page_of(other)}/devices/end")).status_code == 404
