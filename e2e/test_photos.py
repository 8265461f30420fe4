"""Photos of events: told first, taken offline, sent after the records, seen at the desk, without a place."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, Page, Route, expect

from e2e.desk import Desk
from e2e.forms import record_offline
from e2e.phone import LONG, Phone
from e2e.server import Server
from sync.jpeg import Unfit, measure
from tests.sync.pictures import GPS, XMP

DRAWN = """async ([width, height]) => {
    const canvas = Object.assign(document.createElement("canvas"), {width, height});
    const pen = canvas.getContext("2d");
    for (let y = 0; y < height; y += 40)
        for (let x = 0; x < width; x += 40) {
            pen.fillStyle = `hsl(${(x * 7 + y * 3) % 360} 60% ${40 + (x + y) % 40}%)`;
            pen.fillRect(x, y, 40, 40);
        }
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
    let text = "";
    for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
    return btoa(text);
}"""
TICK = "Tôi đã báo cho những người trong ảnh"
PHOTOS = re.compile(r"/sync/.*-photos/_bulk_docs")


def camera_picture(page: Page, width: int = 3000, height: int = 2000) -> bytes:
    """As a camera makes it: large, with the place where it was taken."""
    drawn = base64.b64decode(page.evaluate(DRAWN, [width, height]))
    return drawn[:2] + GPS + XMP + drawn[2:]


def take_photo(phone: Phone, caption: str, picture: bytes) -> None:
    """From the screen of photos: tell those in it, choose it, save it."""
    page = phone.page
    page.get_by_role("checkbox", name=TICK).check()
    file = FilePayload(name="DSC_0001.JPG", mimeType="image/jpeg", buffer=picture)
    page.get_by_label("Chụp hoặc chọn ảnh").set_input_files(file)
    expect(page.get_by_role("img", name="Ảnh sắp lưu")).to_be_visible(timeout=LONG)
    page.get_by_label("Chú thích").fill(caption)
    page.get_by_role("button", name="Lưu ảnh").click()
    expect(page.get_by_text("Đã lưu ảnh trên máy.")).to_be_visible(timeout=LONG)


def photo_row(phone: Phone, caption: str, state: str) -> None:
    row = phone.page.get_by_test_id("photo").filter(has_text=caption)
    expect(row).to_have_attribute("data-state", state, timeout=LONG)


def test_a_photo_taken_offline_arrives_after_the_records_without_its_place(
    own_server: Server, phone: Callable[..., Phone], desk: Callable[..., Desk]
) -> None:
    hoa = phone("hoa", at=own_server)
    picture = camera_picture(hoa.page)
    record_offline(hoa, "841")
    hoa.tab("Hôm nay")
    hoa.page.get_by_role("link", name="Ảnh hoạt động").click()
    chooser = hoa.page.get_by_label("Chụp hoặc chọn ảnh")
    expect(chooser).to_be_disabled()
    take_photo(hoa, "Ra quân ở nhà văn hóa", picture)
    expect(chooser).to_be_disabled()
    photo_row(hoa, "Ra quân", "waiting")
    expect(hoa.page.get_by_text("1 ảnh chờ gửi")).to_be_visible()
    assert Axe().run(hoa.page).response["violations"] == []
    hoa.tab("Gửi dữ liệu")
    hoa.expect_text("1 ảnh chờ gửi.")
    hoa.page.get_by_role("link", name="Xem ảnh hoạt động").click()

    sent: list[str] = []
    cuts = 1

    def watch(route: Route) -> None:
        nonlocal cuts
        sent.append("photo" if PHOTOS.search(route.request.url) else "records")
        if sent[-1] == "photo" and cuts:
            cuts -= 1
            route.abort("connectionreset")
        else:
            route.continue_()

    hoa.page.route(re.compile(r"/_bulk_docs"), watch)
    hoa.go_online()
    photo_row(hoa, "Ra quân", "accepted")
    hoa.wait_until_sent()
    assert sent[0] == "records", "the photo went before the record"
    assert sent.count("photo") == 2, "a cut link costs one photo"
    expect(hoa.page.get_by_text("Đã gửi lúc")).to_be_visible()

    ward = desk(at=own_server)
    ward.page.get_by_role("link", name="Ảnh hoạt động").click()
    expect(ward.page.get_by_text("Ra quân ở nhà văn hóa")).to_be_visible()
    assert Axe().run(ward.page).response["violations"] == []
    ward.page.get_by_role("link", name="Ảnh: Ra quân ở nhà văn hóa").click()
    shown = ward.page.get_by_role("img", name="Ảnh: Ra quân ở nhà văn hóa")
    expect(shown).to_be_visible()
    drawn = "(one) => one.decode().then(() => [one.naturalWidth, one.naturalHeight])"
    assert shown.evaluate(drawn) == [1600, 1067]
    bytes_seen = ward.page.request.get(f"{own_server.url}{shown.get_attribute('src')}").body()
    assert measure(bytes_seen).longest == 1600
    assert not [word for word in (b"Exif", b"21.03", b"xmp") if word in bytes_seen]
    assert Axe().run(ward.page).response["violations"] == []

    ward.page.get_by_role("button", name="Xóa ảnh").click()
    expect(ward.page.get_by_text("Đã xóa ảnh.")).to_be_visible()
    expect(ward.page.get_by_text("Chưa có ảnh nào")).to_be_visible()


def test_the_camera_picture_of_these_stories_would_be_refused(phone: Callable[..., Phone]) -> None:
    hoa = phone("hoa")
    with pytest.raises(Unfit, match="metadata"):
        measure(camera_picture(hoa.page, 400, 300))


def test_a_refused_photo_shows_its_reason_and_the_team_sees_what_was_sent(
    own_server: Server, phone: Callable[..., Phone]
) -> None:
    hoa = phone("hoa", at=own_server)
    hoa.open("#/anh")
    spoil = f'"image":"{base64.b64encode(b"<html>hello").decode()}"'

    def spoiled(route: Route) -> None:
        """Something on the way has put another file in the photo's place."""
        headers = {k: v for k, v in route.request.headers.items() if k != "content-encoding"}
        body = route.request.post_data_buffer or b""
        plain = gzip.decompress(body).decode() if body[:2] == b"\x1f\x8b" else body.decode()
        route.continue_(headers=headers, post_data=re.sub(r'"image":"[^"]*"', spoil, plain))

    hoa.page.route(PHOTOS, spoiled)
    take_photo(hoa, "Tập huấn", camera_picture(hoa.page, 800, 600))
    photo_row(hoa, "Tập huấn", "refused")
    hoa.expect_text("Tệp này không phải ảnh JPEG nguyên vẹn.")
    assert hoa.state()["refused"] == 1
    hoa.page.unroute(PHOTOS)
    take_photo(hoa, "Họp tổ", camera_picture(hoa.page, 800, 600))
    photo_row(hoa, "Họp tổ", "accepted")
    hoa.page.get_by_role("button", name="Xem ảnh của cả tổ").click()
    row = hoa.page.get_by_test_id("team-photo").filter(has_text="Họp tổ")
    row.get_by_role("button", name="Xem").click()
    expect(row.get_by_role("img")).to_be_visible(timeout=LONG)
    assert Axe().run(hoa.page).response["violations"] == []
