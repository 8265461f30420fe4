"""Photos of a unit's events: what makes one acceptable, and how they are listed, read and removed.

They lie in a database of their own (``…-photos``) into which phones only write. The list comes from a view
that holds nothing of the pictures, so that none is read before someone asks for it. A photo never changes:
whatever comes for an id that is there, or was there, is refused.
"""

from __future__ import annotations

import binascii
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sync import checks, jpeg
from sync.background import apart
from sync.checks import Document, Refusal, Stored, Writer
from sync.documents import PHOTO_BYTES, PHOTO_EDGE, PHOTOS, THUMB_BYTES, THUMB_EDGE, ULID
from sync.ledger import Ledger
from sync.names import Names
from sync.store import Conflict, NotFound, Store

DESIGN = "photos"
PICTURES = ("image", "thumb")
LONGEST = (PHOTO_BYTES + THUMB_BYTES) * 4 // 3 + 16 * 1024
PAGE = 60
_ID = re.compile(rf"photo:{ULID}")
_BEGIN = re.compile(rf"(\d{{4}}-\d\d-\d\d)_(photo:{ULID})")


def check(writer: Writer, incoming: Document, stored: Stored) -> None:
    """Pass a photo that the person may send now.

    :raises Refusal: with one of `checks.CODES`.
    """
    _check_form(incoming)
    if not writer.may_record:
        raise Refusal("not-allowed")
    if incoming["unit"] != writer.unit:
        raise Refusal("wrong-unit")
    if incoming["created"]["by"] != writer.person:
        raise Refusal("wrong-author", "created.by")
    _check_new(stored)
    _check_said(incoming)


def check_accepted(unit: str, incoming: Document, stored: Stored) -> None:
    """Pass a photo that the desk takes in for a unit after all; it answers for who took it.

    :raises Refusal: with one of `checks.CODES`.
    """
    _check_form(incoming)
    if incoming["unit"] != unit:
        raise Refusal("wrong-unit")
    _check_new(stored)
    _check_said(incoming)


def _check_form(incoming: Document) -> None:
    checks.check_form(incoming, PHOTOS, LONGEST)


def _check_new(stored: Stored) -> None:
    if stored.deleted:
        raise Refusal("gone")
    if stored.winner is not None:
        raise Refusal("past-changed", "a photo never changes")


def _check_said(incoming: Document) -> None:
    checks.check_text(without_pictures(incoming))
    size = read_picture(incoming["image"], PHOTO_EDGE, PHOTO_BYTES)
    if (size.width, size.height) != (incoming["width"], incoming["height"]):
        raise Refusal("photo-unreadable", "of another size than it says")
    read_picture(incoming["thumb"], THUMB_EDGE, THUMB_BYTES)


def read_picture(text: Any, edge: int, most: int) -> jpeg.Size:
    """The size of a picture in Base64, of at most so many pixels and bytes.

    :raises Refusal: ``photo-unreadable``, ``photo-too-large``, ``photo-metadata``.
    """
    if not isinstance(text, str):
        raise Refusal("photo-unreadable", "no text")
    if len(text) > most * 4 // 3 + 4:
        raise Refusal("photo-too-large", "bytes")
    try:
        size = jpeg.measure(binascii.a2b_base64(text, strict_mode=True))
    except (binascii.Error, ValueError):
        raise Refusal("photo-unreadable", "no Base64") from None
    except jpeg.Unfit as unfit:
        raise Refusal(f"photo-{unfit.code}", unfit.detail) from None
    if size.longest > edge:
        raise Refusal("photo-too-large", f"{size.width} × {size.height} pixels")
    return size


def without_pictures(document: Document) -> dict[str, Any]:
    """What a photo says in words."""
    return {name: value for name, value in document.items() if name not in PICTURES}


def pictures_of(document: Any) -> dict[str, Any]:
    """The pictures of a photo that are nothing but pictures; none of any other document."""
    if not isinstance(document, Mapping) or document.get("type") != "photo":
        return {}
    kept = {}
    for name, edge, most in (("image", PHOTO_EDGE, PHOTO_BYTES), ("thumb", THUMB_EDGE, THUMB_BYTES)):
        try:
            read_picture(document.get(name), edge, most)
        except Refusal:
            continue
        kept[name] = document[name]
    return kept


@dataclass(frozen=True, slots=True)
class Row:
    """A photo in a list, without its pictures; `by` is a person's id, `at` when the phone saved it."""

    id: str
    taken: str
    at: str
    by: str
    caption: str

    @property
    def ulid(self) -> str:
        return self.id.removeprefix("photo:")


async def list_photos(
    store: Store, database: str, begin: str = "", most: int = PAGE
) -> tuple[list[Row], str | None]:
    """At most `most` photos, the newest day first, from the place `begin` on; and where the next page begins.

    :raises ValueError: for a place that is none.
    """
    asked: dict[str, Any] = {}
    if begin:
        found = _BEGIN.fullmatch(begin)
        if found is None:
            raise ValueError(f"no place in a list of photos: {begin[:80]!r}")
        asked = {"startkey": [found[1], found[2]]}
    try:
        rows = await store.view(
            database, DESIGN, "listed", descending=True, reduce=False, limit=most + 1, **asked
        )
    except NotFound:  # not made yet
        return [], None
    photos = [Row(row["id"], row["key"][0], **row["value"]) for row in rows]
    further = photos[most:]
    return photos[:most], f"{further[0].taken}_{further[0].id}" if further else None


async def every_photo(store: Store, database: str) -> AsyncIterator[Row]:
    """All of them, the newest day first."""
    begin: str | None = ""
    while begin is not None:
        rows, begin = await list_photos(store, database, begin)
        for row in rows:
            yield row


async def count_in(store: Store, databases: Mapping[str, str]) -> dict[str, int]:
    """How many photos each of these (database by key) holds, from one question for all."""
    infos = await store.infos(list(databases.values()))
    return {
        key: max(int(infos.get(database, {}).get("doc_count", 0)) - 1, 0)  # but for the design document
        for key, database in databases.items()
    }


async def find_photo(store: Store, database: str, id: str) -> dict[str, Any] | None:
    """The photo whole; None for one that is not, or no longer, there."""
    if not _ID.fullmatch(id):
        return None
    try:
        return await store.find(database, id)
    except NotFound:
        return None


def picture(photo: Document, name: str) -> bytes:
    """The bytes of one of its `PICTURES`."""
    return binascii.a2b_base64(photo[name])


async def remove_photos(store: Store, database: str, ids: Sequence[str]) -> int:
    """Returns once none of these photos, nor any revision of one, can be read any more; how many there were.

    :raises StoreError: when it was cut short; it may be called again.
    """
    removed: set[str] = set()
    while rows := await _alive(store, database, ids):
        removed |= rows.keys()
        for id, rev in rows.items():
            with suppress(Conflict):  # someone was quicker: look again
                await store.delete(database, id, rev)
    if ids:
        await store.compact(database)
    return len(removed)


async def repeat_removals(store: Store, names: Names) -> int:
    """Remove again what the ledger has as removed and a restored backup brought back; how many photos."""
    existing, count = set(await store.databases()), 0
    with apart() as each:
        async for page in Ledger(store, names).all_removed_photos():
            units: dict[str, list[str]] = defaultdict(list)
            for one in page:
                units[names.ward(one.ward).photos(one.unit)].append(one.id)
            for database, ids in units.items():
                with each():
                    if database in existing and (back := await _alive(store, database, ids)):
                        count += await remove_photos(store, database, list(back))
    return count


async def _alive(store: Store, database: str, ids: Sequence[str]) -> dict[str, str]:
    """The winning revisions of those that are there; behind a deleted one another may come to light."""
    rows = await store.all_docs(database, keys=ids) if ids else []
    found = ((row["key"], row["value"]) for row in rows if row.get("value"))
    return {id: value["rev"] for id, value in found if not value.get("deleted")}
