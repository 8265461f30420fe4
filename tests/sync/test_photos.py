"""Photos through the gateway: what is a picture and nothing else is taken, into its own database alone."""

from __future__ import annotations

import json
import random
import secrets
import unicodedata

import anyio
import pytest

from sync import jpeg as structure
from sync.documents import PHOTO_BYTES
from sync.jpeg import Size, Unfit
from sync.ledger import Ledger
from sync.photos import every_photo, list_photos, remove_photos, repeat_removals
from tests.sync import pictures
from tests.sync.pictures import COMMENT, EOI, GPS, ICC, JFIF, SOI, XMP, jpeg, photo, segment
from tests.sync.samples import child, visit
from tests.sync.town import WARD, Answer, Town

PATH = f"/sync/w{WARD}-tdp-07-photos"
HTML = b"<html><script>alert(document.cookie)</script></html>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JFXX = segment(0xE0, b"JFXX\0\x10" + bytes(40))
THUMBED = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01abc")

UNFIT = {
    "a PNG named jpeg": (PNG, "photo-unreadable"),
    "a web page": (HTML, "photo-unreadable"),
    "nothing": (b"", "photo-unreadable"),
    "its beginning alone": (SOI + JFIF, "photo-unreadable"),
    "cut in the scan": (jpeg()[:-2], "photo-unreadable"),
    "without a frame": (SOI + JFIF + EOI, "photo-unreadable"),
    "two frames": (jpeg(more=pictures.frame(1600, 1200)), "photo-unreadable"),
    "another size than it says": (jpeg(1600, 1199), "photo-unreadable"),
    "no height": (jpeg(1600, 0), "photo-unreadable"),
    "a table with room behind it": (jpeg(more=segment(0xDB, b"\0" + bytes(64) + HTML)), "photo-unreadable"),
    "codes with room behind them": (jpeg(more=segment(0xC4, b"\0" + bytes(16) + HTML)), "photo-unreadable"),
    "arithmetic coding": (jpeg(more=segment(0xCC, b"\0\0")), "photo-unreadable"),
    "a thousand scans": (
        jpeg(scan=(b"\1" + segment(0xDA, b"\x01\x01\0\0\x3f\0")) * 1000),
        "photo-unreadable",
    ),
    "a bomb of pixels": (jpeg(65_000, 65_000), "photo-too-large"),
    "too wide": (jpeg(1641, 1200), "photo-too-large"),
    "Exif with the place": (jpeg(more=GPS), "photo-metadata"),
    "XMP": (jpeg(more=XMP), "photo-metadata"),
    "a colour profile": (jpeg(more=ICC), "photo-metadata"),
    "a comment with a script": (jpeg(more=COMMENT), "photo-metadata"),
    "a header with a small picture": (jpeg(more=THUMBED), "photo-metadata"),
    "an extended header": (jpeg(more=JFXX), "photo-metadata"),
    "a page behind its end": (jpeg() + HTML, "photo-metadata"),
    "an archive behind its end": (jpeg() + b"PK\x03\x04" + bytes(50), "photo-metadata"),
}


def send(town: Town, *documents: dict[str, object], person: str = "hoa", path: str = PATH) -> Answer:
    return town.ask("POST", f"{path}/_bulk_docs", {"docs": [*documents], "new_edits": False}, person=person)


def code_of(answer: Answer) -> str:
    assert answer.status == 201, answer.body
    return str(answer.json[0]["code"]) if answer.json else ""


def stored(town: Town, one: dict[str, object]) -> dict[str, object] | None:
    return town.stored(str(one["_id"]), town.names.ward(WARD).photos("tdp-07"))


def test_a_photo_is_taken_and_is_one_document_of_the_units_photos(town: Town) -> None:
    one = photo()
    answer = send(town, one)
    assert (code_of(answer), "x-gtn-time" in answer.headers) == ("", True)
    kept = stored(town, one)
    assert kept is not None
    assert kept["image"] == one["image"]
    assert town.stored(str(one["_id"])) is None, "not among the records"
    assert code_of(send(town, one)) == "", "the same again is known"
    assert town.written == [], "nothing to count"


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_not_a_picture_alone_is_refused_and_not_kept(town: Town, name: str) -> None:
    picture, code = UNFIT[name]
    one = photo(picture=picture)
    wide = {"width": 1640} if name == "too wide" else {}
    assert code_of(send(town, {**one, **wide})) == code
    assert stored(town, one) is None
    entries = town.quarantined(str(one["_id"]))
    assert len(entries) == 1
    held = json.dumps(entries[0])
    assert "image" not in entries[0]["document"] or name == "another size than it says"
    assert "caption" in entries[0]["document"]
    assert len(held) < 4000


def test_the_same_holds_for_the_small_picture(town: Town) -> None:
    for thumb, code in ((jpeg(320, 240, more=GPS), "photo-metadata"), (jpeg(800, 600), "photo-too-large")):
        assert code_of(send(town, photo(thumb=pictures.text(thumb)))) == code


@pytest.mark.parametrize("text", ["/9j/4A=A", "/9j/ 4AA", "/9j/4AAQ\n", "data:image/jpeg;base64,/9j/", "đ"])
def test_text_that_is_no_strict_base64_is_no_picture(town: Town, text: str) -> None:
    assert code_of(send(town, photo(image=text))) == "photo-unreadable"


def test_too_many_bytes_are_refused_before_they_are_looked_at(town: Town) -> None:
    noise = secrets.token_bytes(PHOTO_BYTES).replace(b"\xff", b"\xfe")
    one = photo(picture=jpeg(scan=noise))
    assert code_of(send(town, one)) in ("photo-too-large", "malformed")
    answer = send(town, photo(image="A" * 3_000_000))
    assert (answer.status, answer.json["error"]) == (413, "too-large")
    answer = town.ask("POST", f"{PATH}/_bulk_docs", b'{"docs":["' + b"A" * (9 * 1024 * 1024))
    assert (answer.status, answer.json["error"]) == (413, "too-large")


def test_the_largest_photo_that_is_allowed_arrives(town: Town) -> None:
    noise = secrets.token_bytes(PHOTO_BYTES - 2000).replace(b"\xff", b"\xfe")
    one = photo(picture=jpeg(scan=noise))
    assert code_of(send(town, one)) == ""
    assert stored(town, one) is not None


WRONG = {
    "malformed": ({"notice": None}, {"household": "household:x"}, {"width": 0}, {"taken": "2026-02-31"}),
    "id-number": ({"caption": "Ông 001203004567"},),
    "not-nfc": ({"caption": unicodedata.normalize("NFD", "Hòa")},),
    "wrong-unit": ({"unit": "tdp-08"},),
    "wrong-author": ({"created": {**photo()["created"], "by": "person:lan"}},),
    "attachment": ({"_attachments": {"x.html": {"content_type": "text/html", "data": "PGI+"}}},),
    "deletion": ({"_deleted": True},),
}


@pytest.mark.parametrize("code", WRONG)
def test_a_photo_is_judged_by_its_words_as_well(town: Town, code: str) -> None:
    for change in WRONG[code]:
        one = {name: value for name, value in {**photo(), **change}.items() if value is not None}
        assert code_of(send(town, one)) == code, change
        assert stored(town, one) is None


def test_without_the_notice_ticked_no_photo_is_taken(town: Town) -> None:
    one = photo()
    del one["notice"]
    assert code_of(send(town, one)) == "malformed"


def test_a_refused_photo_that_is_a_picture_is_kept_whole_in_quarantine(town: Town) -> None:
    one = photo(caption="Ông 001203004567")
    assert code_of(send(town, one)) == "id-number"
    (entry,) = town.quarantined(str(one["_id"]))
    assert entry["document"]["image"] == one["image"]
    assert "001203004567" not in json.dumps(entry)


def test_a_photo_never_changes(town: Town) -> None:
    one = photo()
    assert code_of(send(town, one)) == ""
    assert code_of(send(town, child(one, caption="khác"))) == "past-changed"
    assert code_of(send(town, {**one, "_rev": "1-" + "a" * 32, "caption": "khác"})) == "past-changed"
    kept = stored(town, one)
    assert kept is not None
    assert kept["caption"] == one["caption"]


def test_of_two_photos_with_one_id_in_one_batch_one_is_taken(town: Town) -> None:
    one = photo()
    other = {**one, "_rev": f"1-{'b' * 32}", "caption": "Ảnh khác"}
    [refused] = send(town, one, other).json
    assert (refused["id"], refused["code"]) == (one["_id"], "past-changed")
    photos = town.names.ward(WARD).photos("tdp-07")
    assert len(anyio.run(town.store.open_revisions, photos, one["_id"])) == 1


def test_photos_and_records_each_keep_to_their_database(town: Town) -> None:
    one, door = photo(), visit()
    assert code_of(town.push(one)) in ("unknown-type", "too-long")
    assert code_of(send(town, door)) == "unknown-type"
    assert town.stored(str(one["_id"])) is None
    assert stored(town, door) is None


READING = (
    *(
        ("GET", ""),
        ("GET", "/_changes"),
        ("POST", "/_changes"),
        ("POST", "/_bulk_get"),
        ("POST", "/_revs_diff"),
    ),
    *(("GET", "/_local/abc"), ("PUT", "/_local/abc"), ("GET", "/_snapshot"), ("POST", "/_all_docs")),
)


@pytest.mark.parametrize(("method", "rest"), READING)
def test_no_photo_is_read_by_replication(town: Town, method: str, rest: str) -> None:
    one = photo(caption="chim hoàng yến")
    send(town, one)
    answer = town.ask(method, PATH + rest, None if method == "GET" else {"docs": [{"id": one["_id"]}]})
    assert answer.status in (403, 404, 405)
    assert b"/9j/" not in answer.body
    assert "hoàng" not in answer.body.decode()
    assert town.ask("GET", f"{PATH}/{one['_id']}").status == 404


@pytest.mark.parametrize("path", [f"/sync/w{WARD}-tdp-08-photos", f"/sync/w{WARD}-no-such-photos"])
def test_another_units_photos_are_not_theirs(town: Town, path: str) -> None:
    answer = send(town, photo(unit="tdp-08"), path=path)
    assert (answer.status, answer.json["error"]) == (403, "not-yours")


@pytest.mark.anyio
async def test_a_list_turns_its_pages_and_what_was_removed_stays_away(town: Town) -> None:
    database = town.names.ward(WARD).photos("tdp-07")
    await remove_photos(town.store, database, [row.id async for row in every_photo(town.store, database)])
    days = [f"2026-05-{day:02}" for day in range(1, 8)]
    made = [photo(taken=day) for day in days]
    await town.store.bulk(database, [{k: v for k, v in one.items() if k != "_rev"} for one in made])
    first, further = await list_photos(town.store, database, most=4)
    assert further is not None
    rest, end = await list_photos(town.store, database, further, most=4)
    assert ([row.taken for row in (*first, *rest)], end) == (days[::-1], None)
    gone = made[0]
    assert await remove_photos(town.store, database, [gone["_id"]]) == 1
    assert await remove_photos(town.store, database, [gone["_id"]]) == 0
    assert gone["_id"] not in [row.id async for row in every_photo(town.store, database)]
    again = await anyio.to_thread.run_sync(lambda: send(town, {**gone, "_rev": "1-" + "b" * 32}))
    assert code_of(again) == "gone"


def test_a_photo_that_someone_had_removed_does_not_come_back(town: Town) -> None:
    database = town.names.ward(WARD).photos("tdp-07")
    ledger = Ledger(town.store, town.names)
    restored, lost = photo(), photo()
    assert send(town, restored).status == 201
    for one in (restored, lost):
        anyio.run(ledger.remove_photo, WARD, "tdp-07", one["_id"])
    assert code_of(send(town, lost)) == "gone", "a phone brings what the restored server never had"
    assert stored(town, restored), "nothing is restored, so this proves nothing"
    assert anyio.run(repeat_removals, town.store, town.names) == 1
    assert stored(town, restored) is None
    assert anyio.run(repeat_removals, town.store, town.names) == 0
    assert anyio.run(town.store.find, database, lost["_id"]) is None


def test_bytes_of_any_kind_are_judged_and_never_fail() -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice, whole = random.Random(seed), jpeg()
    for _ in range(3000):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(broken))
            broken[at : at + dice.randint(0, 2)] = dice.randbytes(dice.randint(0, 3))
        try:
            size = structure.measure(bytes(broken))
        except Unfit:
            continue
        assert 0 < size.longest < 65536
    assert structure.measure(whole) == Size(1600, 1200)
