"""Out of another app's browser, and onto the home screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from e2e.desk import Desk
from e2e.phone import LONG, Phone
from e2e.server import Server
from e2e.test_accessibility import check
from e2e.test_joining import add_person, invite, start

WEBKIT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
SAFARI = f"{WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1"
INSTALLED = f"{WEBKIT} Mobile/15E148"
ZALO = {
    "iPhone": f"{INSTALLED} Zalo iOS/598 ZaloTheme/light ZaloLanguage/vn",
    "Android": "Mozilla/5.0 (Linux; Android 12; SM-A035F) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/120.0 Mobile Safari/537.36 Zalo android/12110635 ZaloTheme/light ZaloLanguage/vi",
}

OFFER = """(outcome) => {
    window.asked = 0;
    const offer = new Event("beforeinstallprompt", {cancelable: true});
    offer.prompt = async () => { window.asked += 1; };
    offer.userChoice = Promise.resolve({outcome});
    window.dispatchEvent(offer);
    return offer.defaultPrevented;
}"""
"""Chrome's offer to install, which a browser without a window never makes."""

REMINDER = re.compile("^Cài ứng dụng")
"""The beginning: what is promised at a door may speak of installing, too."""

Agents = Callable[[str], BrowserContext]


@pytest.fixture
def agents(browser: Browser) -> Iterator[Agents]:
    """Makes phones whose browser calls itself as told."""
    made: list[BrowserContext] = []

    def make(agent: str) -> BrowserContext:
        size = {"width": 360, "height": 640}
        context = browser.new_context(viewport=size, user_agent=agent, locale="vi-VN", has_touch=True)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.mark.parametrize("kind", ZALO)
def test_zalo_takes_no_data_and_passes_the_invitation_on(agents: Agents, server: Server, kind: str) -> None:
    context = agents(ZALO[kind])
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    phone = Phone(context, server)
    asked: list[str] = []
    phone.page.on("request", lambda request: asked.append(request.url))
    link = f"{server.url}/app/#/moi/ABCD2345"
    phone.page.goto(link)
    expect(phone.heading()).to_have_text("Mở bằng trình duyệt của máy")
    phone.expect_text("Safari" if kind == "iPhone" else "Chrome")
    wrong = check(phone.page, f"inside Zalo, {kind}")
    phone.page.get_by_role("button", name="Chép địa chỉ").click()
    phone.expect_text("Đã chép")
    assert phone.page.evaluate("() => navigator.clipboard.readText()") == link
    assert not [url for url in asked if "/api/" in url]
    assert not wrong, "\n".join(wrong)


def test_an_iphone_is_told_to_install_first_and_the_code_is_used_in_the_installed_app(
    agents: Agents, desk: Callable[..., Desk], server: Server
) -> None:
    ward = desk()
    add_person(ward, "Hồ Thị Táo")
    link, code = invite(ward)
    safari = Phone(agents(SAFARI), server)
    asked: list[str] = []
    safari.page.on("request", lambda request: asked.append(request.url))
    safari.page.goto(link)
    expect(safari.heading()).to_have_text("Cài ứng dụng trước đã")
    safari.expect_text(code)
    wrong = check(safari.page, "install first")
    assert not [url for url in asked if "/api/" in url], "the code is spent where it is of no use"
    safari.context.grant_permissions(["clipboard-read", "clipboard-write"])
    safari.page.get_by_role("button", name="Chép mã").click()
    safari.expect_text("Đã chép. Trong ứng dụng")
    assert safari.page.evaluate("() => navigator.clipboard.readText()") == code
    safari.open()
    safari.page.reload()
    safari.expect_text("Trên iPhone, xin thêm ứng dụng vào màn hình chính trước")

    context = agents(INSTALLED)
    context.add_init_script("Object.defineProperty(navigator, 'standalone', {value: true})")
    app = Phone(context, server)
    app.open()
    app.page.get_by_role("link", name="Tôi có mã mời").click()
    app.page.get_by_label("Mã mời").fill(link)
    app.page.get_by_role("button", name="Tiếp tục").click()
    expect(app.heading()).to_have_text("Chào Hồ Thị Táo", timeout=LONG)
    start(app)
    expect(app.page.get_by_role("link", name=REMINDER)).to_have_count(0)
    assert not wrong, "\n".join(wrong)
    assert not safari.failures + app.failures


def test_the_app_reminds_to_install_it_until_it_is_told_not_to(phone: Callable[..., Phone]) -> None:
    one = phone("hoa")
    reminder = one.page.get_by_role("link", name=re.compile("Cài ứng dụng.*Đưa ra màn hình chính"))
    expect(reminder).to_have_count(0)
    assert one.page.evaluate(OFFER, "dismissed"), "the browser shows its own bar as well"
    reminder.click()
    expect(one.heading()).to_have_text("Cài ứng dụng")
    wrong = check(one.page, "install")
    one.page.get_by_role("button", name="Cài vào máy này").click()
    one.expect_text("Chưa cài.")
    assert one.page.evaluate("() => window.asked") == 1
    expect(one.page.get_by_role("list", name="Các bước cài")).to_be_visible()
    wrong += check(one.page, "install by hand")

    one.page.evaluate(OFFER, "accepted")
    one.page.get_by_role("button", name="Không nhắc nữa").click()
    one.tab("Hôm nay")
    expect(reminder).to_have_count(0)
    one.reload()
    one.page.evaluate(OFFER, "accepted")
    expect(reminder).to_have_count(0)

    one.tab("Gửi dữ liệu")
    one.page.get_by_role("link", name=REMINDER).click()
    one.page.get_by_role("button", name="Cài vào máy này").click()
    one.page.evaluate("() => window.dispatchEvent(new Event('appinstalled'))")
    one.expect_text("Ứng dụng đã nằm ngoài màn hình chính của máy")
    one.tab("Gửi dữ liệu")
    expect(one.page.get_by_role("link", name=REMINDER)).to_have_count(0)
    assert not wrong, "\n".join(wrong)
    assert not one.failures


@pytest.mark.parametrize(
    ("granted", "told"), [(True, "Trình duyệt đã đồng ý"), (False, "Trình duyệt chưa đồng ý")]
)
def test_the_phone_says_whether_the_browser_promises_to_keep_the_data(
    phone: Callable[..., Phone], granted: bool, told: str
) -> None:
    one = phone("hoa")
    answer = """(granted) => {
        let kept = false;
        navigator.storage.persisted = async () => kept;
        navigator.storage.persist = async () => (kept = granted);
    }"""
    one.page.evaluate(answer, granted)
    one.tab("Gửi dữ liệu")
    one.expect_text("Chưa. Xin thêm ứng dụng vào màn hình chính")
    one.page.get_by_role("button", name="Xin trình duyệt giữ dữ liệu").click()
    one.expect_text(told)
    assert not one.failures
