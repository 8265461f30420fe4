"""The phone's lock: what it keeps is unreadable without the PIN, and nothing is lost by locking it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Playwright, expect

from e2e.forms import add_household, begin_visit, expect_saved, open_remarks, save
from e2e.leveldb import contents
from e2e.phone import PIN, Phone
from e2e.server import Server
from e2e.test_drafts import browser_at, crash, expect_draft

Phones = Callable[..., Phone]
OTHER = "580274"


def lock(phone: Phone) -> None:
    phone.tab("Gửi dữ liệu")
    phone.page.get_by_role("button", name="Khóa ngay").click()
    expect(phone.heading()).to_have_text("Mở khóa")


def test_a_locked_phone_shows_no_name_and_opens_offline_with_everything_in_it(phone: Phones) -> None:
    hoa = phone("hoa")
    hoa.go_offline()
    add_household(hoa, "841")
    lock(hoa)
    for name in ("Hoa", "841"):
        expect(hoa.page.get_by_role("main")).not_to_contain_text(name)
    hoa.leave()
    hoa.open("#/ho")
    hoa.expect_waiting(1)
    hoa.go_online()
    hoa.wait_until_sent()
    assert not hoa.failures


def test_wrong_pins_are_slowed_down_and_a_reload_does_not_help(phone: Phones) -> None:
    hoa = phone("hoa")
    lock(hoa)
    for _ in range(5):
        hoa.unlock("999998")
        expect(hoa.page.get_by_role("button", name="Mở khóa")).to_be_visible()
        expect(hoa.page.get_by_label("Mã PIN", exact=True)).to_have_value("")
        expect(hoa.page.get_by_role("alert")).not_to_be_empty()
    waits = re.compile(r"thử lại sau \d+ giây")
    expect(hoa.page.get_by_role("alert")).to_contain_text(waits)
    hoa.page.reload()
    expect(hoa.page.get_by_role("alert")).to_contain_text(waits)
    expect(hoa.page.get_by_role("button", name="Mở khóa")).to_be_disabled()


def test_who_forgot_the_pin_signs_in_chooses_another_and_keeps_what_was_not_sent(phone: Phones) -> None:
    hoa = phone("hoa")
    hoa.go_offline()
    add_household(hoa, "842")
    lock(hoa)
    hoa.go_online()
    hoa.page.route("**/_bulk_docs", lambda route: route.abort())
    hoa.page.get_by_role("button", name="Quên mã PIN").click()
    hoa.enter("hoa")
    hoa.choose_pin(OTHER)
    hoa.expect_waiting(1)
    hoa.page.unroute("**/_bulk_docs")
    lock(hoa)
    hoa.unlock(PIN)
    expect(hoa.page.get_by_role("alert")).to_contain_text("Mã chưa đúng")
    hoa.unlock(OTHER)
    hoa.wait_until_sent()


def test_the_pin_is_changed_by_whoever_knows_it(phone: Phones) -> None:
    hoa = phone("hoa")
    hoa.tab("Gửi dữ liệu")
    page = hoa.page
    page.get_by_role("button", name="Đổi mã PIN").click()
    page.get_by_label("Mã PIN hoặc cụm mật khẩu đang dùng").fill(PIN)
    page.get_by_role("button", name="Tiếp tục").click()
    hoa.choose_pin("123456")
    hoa.expect_text("Mã này dễ đoán")
    hoa.choose_pin(OTHER)
    hoa.expect_text("Đã đổi mã PIN.")
    lock(hoa)
    hoa.unlock(OTHER)
    hoa.wait_until_sent()


def found_in(holds: dict[str, bytes], text: str) -> list[str]:
    """The files of a profile that hold this text, as UTF-8 or UTF-16, also packed in databases."""
    forms = [re.escape(text.encode()), re.escape(text.encode("utf-16-le"))]
    if text.isdigit():  # not as a part of a longer number
        forms = [rb"(?<![0-9])" + forms[0] + rb"(?![0-9])", rb"(?<![0-9]\x00)" + forms[1] + rb"(?![0-9]\x00)"]
    wanted = re.compile(b"|".join(forms))
    return [file for file, held in holds.items() if wanted.search(held)]


LEFT_CLEAR = """async (text) => {
    const cache = await caches.open("control");
    await cache.put("/app/control", new Response(text));
    const opening = indexedDB.open("control", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("one");
    await new Promise((done) => { opening.onsuccess = done; });
    const writing = opening.result.transaction("one", "readwrite", {durability: "strict"});
    writing.objectStore("one").put({identity: {name: text, times: Array(50).fill(text)}}, 1);
    await new Promise((done) => { writing.oncomplete = done; });
    opening.result.close();
}"""
FILLED = """async (text) => {
    localStorage.setItem("control", text);  // written to the disk when the browser ends in peace
    const opening = indexedDB.open("control");
    await new Promise((done) => { opening.onsuccess = done; });
    for (let key = 2; key < 120; key++) {
        const writing = opening.result.transaction("one", "readwrite");
        writing.objectStore("one").put(crypto.getRandomValues(new Uint8Array(60_000)), key);
        await new Promise((done) => { writing.oncomplete = done; });
    }
    opening.result.close();
}"""
"""Writes more than LevelDB keeps in its log, so that all that came before is packed into a table."""


def test_no_file_of_the_browser_holds_a_name_an_address_a_telephone_number_a_note_or_the_pin(
    playwright: Playwright, server: Server, tmp_path: Path
) -> None:
    name, street, telephone = "Quách Thị Diệu Khanh", "Ngõ Sao Khuê", "0987301946"
    note, control = "Cụ bà nhờ đọc giúp thư màu tím", "Nhật thực kiểm chứng"
    with browser_at(playwright, tmp_path) as context:
        hoa = Phone(context, server)
        hoa.sign_in("hoa")
        save_person(hoa, name, street, telephone)
        hoa.wait_until_sent()
        hoa.search("Diệu Khanh")
        expect(hoa.doors()).to_have_count(1)
        hoa.doors().first.click()
        begin_visit(hoa)
        open_remarks(hoa).fill(note)
        expect_draft(hoa)
        hoa.page.evaluate(LEFT_CLEAR, control)
        hoa.page.wait_for_timeout(2_500)  # the list is kept 1.5 s after it changed
        crash(context)
    with browser_at(playwright, tmp_path) as context:
        hoa = Phone(context, server)
        hoa.open()
        lock(hoa)
        hoa.page.evaluate(FILLED, control)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    holds = {str(file.relative_to(tmp_path)): contents(file) for file in files}
    seen = found_in(holds, control)
    for place in (".ldb", "CacheStorage", "Local Storage"):
        assert any(place in file for file in seen), f"the search does not look into {place}: {seen}"
    for text in (name, "Diệu Khanh", street, "Sao Khuê", telephone, note, "thư màu tím", PIN):
        assert found_in(holds, text) == [], text
    for path in ("/sync/w", "/api/sign-in", "/api/hello"):  # the browser's own cache, whose bodies are packed
        assert [file for file in found_in(holds, path) if "Cache_Data" in file] == []


def save_person(hoa: Phone, name: str, street: str, telephone: str) -> None:
    """Someone of a new household, who has agreed to have name and number kept."""
    page = hoa.page
    add_household(hoa, "843", street=street)
    page.get_by_role("link", name="Thêm người").click()
    page.get_by_label("Hoặc ghi cách gọi khác").fill("bà chủ nhà")
    page.get_by_role("radio", name="Từ 60 tuổi trở lên").check()
    page.get_by_role("checkbox", name="Lưu tên, số điện thoại").check()
    page.get_by_role("radio", name="Đồng ý bằng lời nói").check()
    page.get_by_label("Họ và tên").fill(name)
    page.get_by_label("Số điện thoại", exact=True).fill(telephone)
    save(hoa)
    expect(page.get_by_text(name).first).to_be_visible()


HIDE = """hidden => {
  const get = () => hidden ? "hidden" : "visible";
  Object.defineProperty(document, "visibilityState", { configurable: true, get });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser does when the app goes out of sight; headless, it never does."""


def test_a_phone_out_of_sight_locks_itself_but_never_under_a_form_that_is_being_filled_in(
    phone: Phones,
) -> None:
    hoa = phone("hoa")
    page = hoa.page
    page.clock.install()
    page.reload()
    hoa.unlock()
    hoa.wait_until_sent()

    page.evaluate(HIDE, True)
    page.clock.fast_forward("29:00")
    page.evaluate(HIDE, False)
    expect(hoa.heading()).not_to_have_text("Mở khóa")

    hoa.tab("Các hộ")
    hoa.open_first_door()
    begin_visit(hoa)
    open_remarks(hoa).fill("Chưa ghi xong")
    page.evaluate(HIDE, True)
    page.clock.fast_forward("45:00")
    page.evaluate(HIDE, False)
    expect(page.get_by_label("Ghi chú", exact=True)).to_have_value("Chưa ghi xong")

    save(hoa)
    expect_saved(hoa)
    hoa.wait_until_sent()
    page.evaluate(HIDE, True)
    page.clock.fast_forward("30:00")
    page.evaluate(HIDE, False)
    expect(hoa.heading()).to_have_text("Mở khóa")


def test_two_people_share_a_phone_and_find_their_own_records_by_a_picture(phone: Phones) -> None:
    hoa = phone("hoa")
    page = hoa.page
    hoa.go_offline()
    add_household(hoa, "844", street="Ngõ Sao Khuê")
    lock(hoa)
    hoa.go_online()
    page.get_by_role("button", name="Người khác dùng máy này").click()
    hoa.expect_text("vẫn còn nguyên trên máy")
    hoa.enter("nam")
    expect(page.get_by_role("radio", name="Con cá")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("radio", name="Thuyền").check()
    hoa.choose_pin(OTHER)
    hoa.wait_until_ready()
    hoa.search("844")
    hoa.expect_text("Không thấy hộ nào khớp")
    lock(hoa)
    page.get_by_role("button", name="Người khác dùng máy này").click()
    expect(hoa.heading()).to_have_text("Ai đang dùng máy?")
    for name in ("Hoa", "Nam"):
        expect(page.get_by_role("main")).not_to_contain_text(f"Nguyễn Thị {name}")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Hoa", exact=True).click()
    hoa.unlock(OTHER)
    expect(page.get_by_role("alert")).to_contain_text("Mã chưa đúng")
    hoa.unlock()
    hoa.wait_until_sent()
    hoa.search("844")
    hoa.expect_text("Sao Khuê")
    page.reload()
    expect(hoa.heading()).to_have_text("Ai đang dùng máy?")
    page.get_by_role("button", name="Thuyền").click()
    hoa.unlock(OTHER)
    hoa.wait_until_sent()
    hoa.tab("Gửi dữ liệu")
    hoa.expect_text("Nam")
    assert not hoa.failures
