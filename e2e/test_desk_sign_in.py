"""Signing in at the desk with a second step, as a supervisor lives it over some weeks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.desk import Desk
from e2e.server import Server
from e2e.test_accessibility import check
from sync.embedded.door import find_reach
from sync.names import Names
from sync.store import Document, Store
from sync.text import fold

PASSWORD = "gà mái đẻ trứng"
STEP = 30
BEFORE = "2026-01-01T00:00:00.000Z"


class Authenticator:
    """The app on the supervisor's phone; a code is good once, so that each is of a later step."""

    def __init__(self, secret: str) -> None:
        self._made = pyotp.TOTP(secret)
        self._step = 0

    def code(self) -> str:
        """The code of now, or of half a minute later when that was used."""
        self._step = max(self._step + 1, int(time.time()) // STEP)
        return self._made.generate_otp(self._step)


@pytest.fixture
def page(contexts: Callable[..., BrowserContext]) -> Page:
    return contexts(1280, 800).new_page()


def add_supervisor(server: Server, login: str, name: str) -> None:
    server.command("person", "add", login, "--name", name, "--role", "supervisor", typed=PASSWORD)


def give_password(page: Page, server: Server, login: str, path: str = "/sign-in") -> None:
    page.goto(f"{server.url}{path}")
    page.get_by_label("Tên đăng nhập").fill(login)
    page.get_by_label("Mật khẩu", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()


def give_code(page: Page, code: str) -> None:
    page.get_by_label("Mã xác nhận").fill(code)
    page.get_by_role("button", name="Tiếp tục").click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_url("**/sign-in")


def set_up(page: Page) -> tuple[Authenticator, list[str]]:
    """Turn the second step on from the dashboard's reminder; the app and the recovery codes."""
    page.get_by_role("link", name="Bật xác nhận hai bước").click()
    page.wait_for_url("**/desk/account")
    page.get_by_role("link", name="Bật xác nhận hai bước").click()
    page.wait_for_url("**/second-factor")
    secret = read_secret(page)
    app = Authenticator(secret)
    wrong = check(page, "second factor", targets=False)
    page.get_by_label("6 chữ số trên điện thoại").fill("000000")
    page.get_by_role("button", name="Bật xác nhận hai bước").click()
    expect(page.get_by_role("alert")).to_contain_text("Mã chưa đúng")
    assert read_secret(page) == secret, "scanned in vain"
    wrong += check(page, "second factor, wrong code", targets=False)
    page.get_by_label("6 chữ số trên điện thoại").fill(app.code())
    page.get_by_role("button", name="Bật xác nhận hai bước").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mã dự phòng")
    wrong += check(page, "recovery codes", targets=False)
    codes = page.locator(".recovery-codes code").all_inner_texts()
    page.get_by_role("link", name="Tôi đã cất các mã này").click()
    expect(page.get_by_text("Còn 10 mã dự phòng")).to_be_visible()
    wrong += check(page, "account", targets=False)
    assert not wrong, "\n".join(wrong)
    return app, codes


def read_secret(page: Page) -> str:
    return "".join(page.locator(".second-factor-secret").inner_text().split())


def grow_old(server: Server, person: str) -> None:
    """Let the last proof on this person's devices be months old."""
    change_devices(server, person, confirmed=BEFORE)


def change_devices(server: Server, person: str, **fields: str) -> None:
    """Let this person's devices be as if time had passed."""
    url = os.environ.get("COUCHDB_URL", "")
    reach = None if url else find_reach(Path(server.environment["GTN_DATA"]) / "store")
    database = Names(server.environment.get("GTN_DATABASE_PREFIX", "")).accounts

    def age(device: Document | None) -> Document | None:
        return {**device, **fields} if device else None

    async def run() -> None:
        store = Store.connect(reach.url if reach else url)
        for row in await store.view(database, "people", "devices", key=person):
            await store.update(database, row["id"], age)
        store.close()

    with ThreadPoolExecutor(1) as thread:  # this one is Playwright's
        thread.submit(anyio.run, run).result()


@pytest.mark.parametrize("width", [1280, 360])
def test_a_supervisor_turns_on_the_second_step_and_signs_in_by_it(
    contexts: Callable[..., BrowserContext], server: Server, width: int
) -> None:
    page, login = contexts(width, 800).new_page(), f"thanhhuong{width}"
    add_supervisor(server, login, "Đỗ Thanh Hương")
    give_password(page, server, login)
    page.wait_for_url("**/desk")
    app, codes = set_up(page)
    assert len(codes) == 10
    page.goto(f"{server.url}/desk")
    expect(page.get_by_text("chưa bật xác nhận hai bước")).to_have_count(0)
    sign_out(page)

    give_password(page, server, login, "/sign-in?next=/desk/people")
    expect(page.get_by_role("heading", level=1)).to_have_text("Xác nhận hai bước")
    give_code(page, "123456")
    expect(page.get_by_role("alert")).to_contain_text("Mã chưa đúng")
    wrong = check(page, "wrong code", targets=False)
    assert not wrong, "\n".join(wrong)
    give_code(page, app.code())
    page.wait_for_url("**/desk/people")
    sign_out(page)

    give_password(page, server, login)
    give_code(page, codes[0].lower())
    page.wait_for_url("**/desk")
    sign_out(page)
    give_password(page, server, login)
    give_code(page, codes[0])
    expect(page.get_by_role("alert")).to_contain_text("đã dùng")
    give_code(page, codes[1])
    page.wait_for_url("**/desk")
    page.goto(f"{server.url}/desk/account")
    expect(page.get_by_text("Còn 8 mã dự phòng")).to_be_visible()


def test_nothing_typed_is_lost_when_the_password_is_asked_again(page: Page, server: Server) -> None:
    add_supervisor(server, "minhchau", "Lý Minh Châu")
    server.command(
        "person",
        "add",
        "dedoiten",
        "--name",
        "Trần Nam",
        "--role",
        "volunteer",
        "--unit",
        "tdp-07",
        typed=PASSWORD,
    )
    give_password(page, server, "minhchau")
    page.wait_for_url("**/desk")
    _, codes = set_up(page)
    page.goto(f"{server.url}/desk/people/dedoiten")
    page.get_by_label("Họ và tên đầy đủ").fill('Trần "Nam" <b>Bé</b> & Con')
    page.get_by_label("Tổ, đơn vị").select_option("mttq")
    grow_old(server, "person:minhchau")
    page.get_by_role("button", name="Lưu thay đổi").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Xác nhận là ông/bà")
    wrong = check(page, "confirm", targets=False)
    page.get_by_label("Mật khẩu", exact=True).fill("sai rồi")
    page.get_by_label("Mã xác nhận").fill(codes[0])
    page.get_by_role("button", name="Xác nhận và làm tiếp").click()
    expect(page.get_by_role("alert")).to_contain_text("Mật khẩu chưa đúng")
    wrong += check(page, "confirm, wrong password", targets=False)
    page.get_by_label("Mật khẩu", exact=True).fill(PASSWORD)
    page.get_by_label("Mã xác nhận").fill(codes[0])
    page.get_by_role("button", name="Xác nhận và làm tiếp").click()
    expect(page.get_by_role("heading", level=1)).to_have_text('Trần "Nam" <b>Bé</b> & Con')
    expect(page.get_by_label("Tổ, đơn vị")).to_have_value("mttq")
    assert not wrong, "\n".join(wrong)


def test_nothing_typed_is_lost_when_the_sign_in_ended(page: Page, server: Server) -> None:
    add_supervisor(server, "camtu", "Phan Cẩm Tú")
    place = ("--name", "Vũ Lan", "--role", "volunteer", "--unit", "tdp-07")
    server.command("person", "add", "dangnhap", *place, typed=PASSWORD)
    give_password(page, server, "camtu")
    page.wait_for_url("**/desk")
    _, codes = set_up(page)
    page.goto(f"{server.url}/desk/people/dangnhap")
    page.get_by_label("Họ và tên đầy đủ").fill('Vũ "Lan" <b>Bé</b> & Con')
    page.get_by_label("Tổ, đơn vị").select_option("mttq")
    change_devices(server, "person:camtu", expires=BEFORE)
    page.get_by_role("button", name="Lưu thay đổi").click()
    expect(page.get_by_role("alert")).to_contain_text("vẫn được giữ, chưa gửi đi")
    wrong = check(page, "sign-in with a kept form", targets=False)
    page.get_by_label("Tên đăng nhập").fill("camtu")
    page.get_by_label("Mật khẩu", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    give_code(page, codes[0])
    expect(page.get_by_role("status")).to_contain_text("Chưa gửi đi")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vũ Lan")
    expect(page.get_by_label("Họ và tên đầy đủ")).to_have_value('Vũ "Lan" <b>Bé</b> & Con')
    expect(page.get_by_label("Tổ, đơn vị")).to_have_value("mttq")
    wrong += check(page, "the kept form", targets=False)
    page.get_by_role("button", name="Lưu thay đổi").click()
    page.wait_for_url("**/desk/people/dangnhap")
    expect(page.get_by_role("heading", level=1)).to_have_text('Vũ "Lan" <b>Bé</b> & Con')
    assert not wrong, "\n".join(wrong)


def test_a_session_that_was_ended_elsewhere_has_to_sign_in_again(
    contexts: Callable[..., BrowserContext], server: Server
) -> None:
    add_supervisor(server, "baongoc", "Trịnh Bảo Ngọc")
    office, home, phone = (contexts(width, 800).new_page() for width in (1280, 1280, 360))
    for page in (office, home, phone):
        give_password(page, server, "baongoc")
        page.wait_for_url("**/desk")
    phone.goto(f"{server.url}/desk/account")
    expect(phone.get_by_text("máy này", exact=True)).to_have_count(1)
    wrong = check(phone, "sessions", targets=False)
    phone.get_by_role("button", name="Đăng xuất mọi máy khác").click()
    expect(phone.get_by_text("Đã đăng xuất mọi máy khác")).to_be_visible()
    office.reload()
    expect(office.get_by_role("main")).to_contain_text("đăng nhập lại")
    wrong += check(office, "ended", targets=False)
    give_password(home, server, "baongoc")
    home.wait_for_url("**/desk")
    phone.goto(f"{server.url}/desk/account")
    phone.get_by_role("button", name="Đăng xuất máy ấy").click()
    expect(phone.get_by_text("Đã đăng xuất máy ấy")).to_be_visible()
    home.reload()
    expect(home.get_by_role("main")).to_contain_text("đăng nhập lại")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("width", "middle"), [(1280, "Thị Mỹ"), (360, "Thị Kiều")])
def test_an_administrator_adds_a_supervisor_who_comes_in_by_a_link(
    contexts: Callable[..., BrowserContext], server: Server, width: int, middle: str
) -> None:
    desk = Desk(contexts(width, 800), server)
    desk.sign_in("quantri")
    admin, name, login = desk.page, f"Hoàng {middle} Linh", fold(f"hoang {middle} linh").replace(" ", ".")
    admin.goto(f"{server.url}/desk/people")
    wrong = check(admin, "people, for an administrator", targets=False)
    form = admin.get_by_role("region", name="Thêm cán bộ của phường")
    form.get_by_label("Họ và tên đầy đủ").fill(name)
    form.get_by_label("Vai trò").select_option("supervisor")
    form.get_by_role("button", name="Thêm").click()
    expect(admin.get_by_role("heading", level=1)).to_have_text(name)
    wrong += check(admin, "person of the ward", targets=False)
    admin.get_by_role("button", name="Tạo đường dẫn đặt mật khẩu").click()
    link = admin.get_by_label("Đường dẫn đặt mật khẩu").input_value()
    wrong += check(admin, "link", targets=False)

    page = contexts(360, 640).new_page()
    page.goto(link)
    expect(page.get_by_label("Tên đăng nhập")).to_have_value(login)
    page.get_by_label("Mật khẩu mới", exact=True).fill("matkhau2026")
    page.get_by_label("Nhập lại mật khẩu mới").fill("matkhau2026")
    page.get_by_role("button", name="Đặt mật khẩu và vào").click()
    expect(page.get_by_role("alert")).to_contain_text("quá quen thuộc")
    wrong += check(page, "password that will not do", targets=False)
    page.get_by_label("Mật khẩu mới", exact=True).fill(PASSWORD)
    page.get_by_label("Nhập lại mật khẩu mới").fill(PASSWORD)
    page.get_by_role("button", name="Đặt mật khẩu và vào").click()
    page.wait_for_url("**/desk/account/second-factor")
    expect(page.get_by_role("img", name="Mã QR")).to_be_visible()
    page.goto(f"{server.url}/desk")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Tiến độ")

    stranger = contexts(360, 640).new_page()
    stranger.goto(link)
    expect(stranger.get_by_role("main")).to_contain_text("Đặng Quốc Khánh")
    wrong += check(stranger, "used link", targets=False)
    give_password(stranger, server, login)
    stranger.wait_for_url("**/desk")
    assert not wrong, "\n".join(wrong)
