"""The ward's gallery of photos: who looked is written down first, and what is removed is gone."""

from __future__ import annotations

from typing import Any

import pytest

from server.site import Site
from sync.quarantine import Bringer
from sync.store import StoreUnavailable
from tests.desk.conftest import SignIn
from tests.desk.quarantine_records import AT, HOSTILE, WARD, refuse
from tests.desk.test_quarantine import audited, words
from tests.sync.pictures import jpeg, photo, text

pytestmark = pytest.mark.anyio
HERE = "/desk/photos"


async def hold(site: Site, *, unit: str = "tdp-07", **changes: Any) -> str:
    """A photo in the unit's database; gives the address of its page."""
    one = photo(by="person:volunteer", unit=unit, **changes)
    await site.store.put(site.ward.photos(unit), {k: v for k, v in one.items() if k != "_rev"})
    return f"{HERE}/{unit}/{one['_id'].removeprefix('photo:')}"


@pytest.fixture(autouse=True)
async def emptied(site: Site) -> None:
    for unit in ("tdp-07", "tdp-08"):
        database = site.ward.photos(unit)
        for row in await site.store.all_docs(database, startkey="photo:", endkey="photo;"):
            await site.store.delete(database, row["id"], row["value"]["rev"])


async def test_an_empty_gallery_says_so(sign_in: SignIn) -> None:
    page = await (await sign_in("supervisor")).get(HERE)
    assert page.status_code == 200
    assert "Chưa có ảnh nào" in words(page.text)


async def test_the_gallery_shows_days_units_captions_and_names_and_no_picture_of_another_unit(
    site: Site, sign_in: SignIn
) -> None:
    await sign_in("volunteer")
    first = await hold(site, taken="2026-05-01", caption=HOSTILE)
    second = await hold(site, taken="2026-05-02")
    other = await hold(site, unit="tdp-08")
    desk = await sign_in("supervisor")
    page = (await desk.get(f"{HERE}?unit=tdp-07")).text
    assert page.index("02/05/2026") < page.index("01/05/2026")
    assert f'{first}/thumb.jpg"' in page
    assert f'href="{second}"' in page
    assert other not in page
    assert "<script>alert" not in page
    assert "Người volunteer" in words(page)
    assert "Tổ dân phố 8 (1)" in words(page)
    assert (await desk.get(f"{HERE}?unit=no-such")).status_code == 404
    assert (await desk.get(f"{HERE}?unit=tdp-07&begin=x")).status_code == 400


async def test_each_look_is_in_the_log_before_it_is_answered(
    site: Site, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, desk = await hold(site), await sign_in("supervisor")
    before = len(await audited(site))
    assert (await desk.get(f"{HERE}?unit=tdp-07")).status_code == 200
    picture = await desk.get(f"{page}/image.jpg")
    assert picture.content == jpeg()
    assert [entry["action"] for entry in (await audited(site))[before:]] == ["photos-listed", "photo-viewed"]

    async def fail(*_: Any) -> None:
        raise StoreUnavailable("no room")

    monkeypatch.setattr(site.audit, "write", fail)
    for path in (f"{page}/image.jpg", f"{HERE}?unit=tdp-07"):
        answer = await desk.get(path)
        assert (answer.status_code, b"\xff\xd8" in answer.content) == (503, False)


async def test_a_picture_is_served_as_nothing_but_a_picture(site: Site, sign_in: SignIn) -> None:
    page, desk = await hold(site), await sign_in("supervisor")
    for name in ("image.jpg", "thumb.jpg"):
        headers = (await desk.get(f"{page}/{name}")).headers
        assert headers["content-type"] == "image/jpeg"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "private, no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_a_removed_photo_is_gone_and_the_log_says_by_whom(site: Site, sign_in: SignIn) -> None:
    page, desk = await hold(site), await sign_in("supervisor")
    answer = await desk.post(f"{page}/remove")
    assert answer.headers["location"] == f"{HERE}?unit=tdp-07&removed=1"
    assert "Đã xóa ảnh" in words((await desk.get(answer.headers["location"])).text)
    assert (await desk.get(f"{page}/image.jpg")).status_code == 404
    assert (await audited(site))[-1]["action"] in ("photo-removed", "photos-listed")


async def test_a_phone_lists_its_units_photos_gets_one_and_takes_back_its_own(
    site: Site, sign_in: SignIn
) -> None:
    phone = await sign_in("volunteer")
    mine = (await hold(site)).rpartition("/")[2]
    await hold(site, unit="tdp-08")
    listed = (await phone.get("/api/photos")).json()
    assert [one["id"] for one in listed["photos"]] == [f"photo:{mine}"]
    assert (listed["photos"][0]["who"], listed["next"]) == ("Người volunteer", None)
    assert "image" not in listed["photos"][0]
    assert (await phone.get(f"/api/photos/{mine}")).json()["image"] == text(jpeg())
    assert (await phone.post(f"/api/photos/{mine}/withdraw")).status_code == 204
    assert (await phone.get(f"/api/photos/{mine}")).status_code == 404


async def test_a_refused_photo_is_seen_and_accepted_into_the_units_photos(
    site: Site, sign_in: SignIn
) -> None:
    desk, one = await sign_in("supervisor"), photo(by="person:volunteer")
    who = Bringer("person:volunteer", "device:x", "tdp-07", site.ward.photos_address("tdp-07"), AT)
    record = await refuse(site, one, "left-unit", who)
    page = await desk.get(record)
    assert "Ra quân ở nhà văn hóa" in page.text
    assert one["image"] not in page.text
    assert (await desk.get(f"{record}/image.jpg")).content == jpeg()
    assert (await desk.post(f"{record}/accept", data={"as": "it is"})).status_code == 303
    kept = await site.store.find(site.ward.photos("tdp-07"), one["_id"])
    assert kept is not None
    assert kept["image"] == one["image"]
    assert await site.store.find(site.ward.unit("tdp-07"), one["_id"]) is None


async def test_a_refused_file_that_is_no_photo_can_only_be_returned_or_set_aside(
    site: Site, sign_in: SignIn
) -> None:
    desk, one = await sign_in("supervisor"), photo(by="person:volunteer", picture=b"<html>")
    who = Bringer("person:volunteer", "device:x", "tdp-07", f"w{WARD}-tdp-07-photos", AT)
    record = await refuse(site, one, "photo-unreadable", who)
    page = await desk.get(record)
    assert page.status_code == 200
    assert f"{record}/accept" not in page.text
    assert (await desk.get(f"{record}/image.jpg")).status_code == 404
    answer = await desk.post(f"{record}/accept", data={"as": "it is"})
    assert "Tệp này không phải ảnh JPEG" in words(answer.text)
