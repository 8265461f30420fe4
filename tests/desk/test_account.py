"""One's own account at the desk."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from server.cookies import VALUE
from server.site import Site
from tests.desk.conftest import PASSWORD, SignIn
from tests.desk.test_people import add, audited

HERE = "/desk/account"
NEW = "gà mái đẻ trứng"
FORM = {"current": PASSWORD, "new": NEW, "again": NEW}


async def user(
    sign_in: SignIn, site: Site, login: str, role: str = "supervisor"
) -> tuple[httpx.AsyncClient, str]:
    """(client, person) of someone whom no other test knows."""
    if await site.accounts.find_login(login) is None:
        await site.accounts.add_person(
            login=login, name="Đỗ Văn Khang", role=role, ward="09562", unit=None, password=PASSWORD
        )
    return await sign_in(login), f"person:{login}"


def take_cookie(client: httpx.AsyncClient, answer: httpx.Response) -> None:
    found = re.search(rf"gtn-device=({VALUE.pattern})", answer.headers["set-cookie"])
    assert found is not None
    client.headers["cookie"] = f"gtn-device={found[1]}"


@pytest.mark.anyio
async def test_everyone_who_is_signed_in_has_the_page(sign_in: SignIn) -> None:
    for role in ("volunteer", "lead", "supervisor", "admin"):
        page = await (await sign_in(role)).get(HERE)
        assert page.status_code == 200, role
        assert f"tên đăng nhập: {role}" in page.text


@pytest.mark.anyio
async def test_a_new_password_ends_every_other_device_and_gives_this_one_a_new_cookie(
    sign_in: SignIn, site: Site
) -> None:
    client, person = await user(sign_in, site, "doimatkhau")
    other, _ = await user(sign_in, site, "doimatkhau")
    stolen = client.headers["cookie"]
    done = await client.post(f"{HERE}/password", data=FORM)
    assert done.status_code == 303, done.text
    assert (await client.get(HERE)).status_code == 401, "a copy of the old cookie still opens the desk"
    take_cookie(client, done)
    assert client.headers["cookie"].partition(".")[0] == stolen.partition(".")[0]
    assert "Đã đổi mật khẩu" in (await client.get(done.headers["location"])).text
    assert (await other.get(HERE)).status_code == 401
    assert await site.accounts.verify("doimatkhau", PASSWORD) is None
    assert await site.accounts.verify("doimatkhau", NEW) is not None
    assert person in await audited(site, "password-changed")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"current": "không phải"}, "Mật khẩu chưa đúng"),
        ({"new": "ngắn", "again": "ngắn"}, "ít nhất 10 ký tự"),
        ({"new": "matkhau2026", "again": "matkhau2026"}, "quá quen thuộc"),
        ({"new": "do van khang 77", "again": "do van khang 77"}, "có tên"),
        ({"again": "gà mái đẻ trứnG"}, "chưa giống nhau"),
        ({"new": PASSWORD, "again": PASSWORD}, "giống mật khẩu đang dùng"),
        ({"new": "", "again": ""}, "ít nhất 10 ký tự"),
    ],
)
async def test_a_password_that_will_not_do_changes_nothing(
    sign_in: SignIn, site: Site, change: dict[str, Any], says: str
) -> None:
    client, _ = await user(sign_in, site, "khongdoi")
    answer = await client.post(f"{HERE}/password", data={**FORM, **change})
    assert answer.status_code == 400
    assert says in answer.text
    assert 'aria-invalid="true"' in answer.text
    typed = [value for value in {**FORM, **change}.values() if value]
    assert not any(f'value="{value}"' in answer.text for value in typed), "a password is shown in the page"
    assert (await client.get(HERE)).status_code == 200
    assert await site.accounts.verify("khongdoi", PASSWORD) is not None


@pytest.mark.anyio
async def test_whoever_came_by_invitation_is_told_so(sign_in: SignIn, site: Site) -> None:
    lead = await add(site, "Tổ Trưởng Không Mật Khẩu", role="lead")
    client = await sign_in("lead")
    _, value = await site.accounts.enrol(lead, "phone")
    client.headers["cookie"] = f"gtn-device={value}"
    page = (await client.get(HERE)).text
    assert "vào bằng lời mời" in page
    assert 'name="current"' not in page
    assert (await client.post(f"{HERE}/password", data=FORM)).status_code == 400
