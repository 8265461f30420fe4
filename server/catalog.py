"""A ward's catalog: content files and the ward's units, published as one file with a hashed name.

The sections come from ``server/catalog`` and are written to the ward's catalog database when their hash
changes; the units live in that database (``unit:<code>``) once the file has seeded them. Phones get
``/catalog/<hash>.json``, which never changes under its name; the server reads names from here.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import brotli
import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from server.content import Choice, Content, Service, Text, Unit
from server.errors import Problem
from sync.feed import follow
from sync.store import Document, Store, StoreError

NOT_FOR_PHONES = ("wards", "units", "register")
IMMUTABLE = "public, max-age=31536000, immutable"
KEPT = 5

log = structlog.get_logger(__name__)


class Published:
    """One version of the file, in the three encodings."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.plain = msgspec.json.encode(value, order="sorted")
        self.hash = hashlib.sha256(self.plain).hexdigest()[:20]
        self.address = f"/catalog/{self.hash}.json"
        self.encodings = {
            "br": brotli.compress(self.plain, quality=9),
            "gzip": gzip.compress(self.plain, 9, mtime=0),
        }


class Catalog:
    """What a ward may record, and under which names."""

    def __init__(self, content: Content, ward: str) -> None:
        self.content = content
        self.ward = ward
        self.units: dict[str, Unit] = {}
        self.services: dict[str, Service] = {row.key: row for row in content.services}
        self.levels: dict[str, list[str]] = {
            row.key: [level.key for level in row.levels] for row in content.services
        }
        self._wards = {row.code: row.name for row in content.wards.wards}
        self._published: list[Published] = []
        self.publish()

    # -- names ----------------------------------------------------------------------------------------

    def unit(self, code: str) -> Unit:
        """The unit, or a stand-in that is called by its code when the catalog does not know it."""
        return self.units.get(code) or Unit(code=code, kind="team", name=Text(vi=code, en=code))

    @property
    def open_units(self) -> dict[str, Unit]:
        """Those that people can be in."""
        return {code: unit for code, unit in self.units.items() if unit.closed is None and not unit.heir}

    @property
    def heirs(self) -> dict[str, str]:
        """In which unit each merged one goes on, also one whose records are just moving."""
        return {code: unit.heir for code, unit in self.units.items() if unit.heir}

    def unit_name(self, code: str, language: str) -> str:
        return self.unit(code).name.within(language)

    def ward_name(self, code: str | None = None) -> str:
        return self._wards.get(code or self.ward, code or self.ward)

    def service_name(self, key: str, language: str) -> str:
        service = self.services.get(key)
        return service.brief(language) if service else key

    def level_name(self, service: str, level: str, language: str) -> str:
        rows = self.services[service].levels if service in self.services else []
        return self.name(rows, level, language)

    def name(self, rows: Sequence[Choice], key: str, language: str) -> str:
        """The name of a key among `rows`; a key that is not there is its own name."""
        return next((row.name.within(language) for row in rows if row.key == key), key)

    # -- publishing -----------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return self._published[0].address

    def publish(self) -> None:
        """Make the file anew from content and units; the last few versions stay reachable."""
        sections = {name: rows for name, rows in self.content.raw.items() if name not in NOT_FOR_PHONES}
        made = Published(
            {
                **sections,
                "ward": {"code": self.ward, "name": self.ward_name()},
                "kinds": self.content.raw.get("units", {}).get("kinds", []),
                "units": [self.units[code] for code in sorted(self.units)],
            }
        )
        others = [other for other in self._published if other.hash != made.hash]
        self._published = [made, *others][:KEPT]

    def respond(self, request: Request) -> Response:
        """The version asked for, in an encoding the reader takes."""
        wanted = request.path_params["hash"]
        found = next((each for each in self._published if each.hash == wanted), None)
        if found is None:
            raise Problem("not-found")
        headers = {"Cache-Control": IMMUTABLE, "ETag": f'"{found.hash}"', "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        accepted = request.headers.get("accept-encoding", "").replace(" ", "").split(",")
        for encoding, body in found.encodings.items():
            if encoding in accepted:
                return Response(body, 200, {**headers, "Content-Encoding": encoding}, "application/json")
        return Response(found.plain, 200, headers, "application/json")

    # -- the database ---------------------------------------------------------------------------------

    async def seed(self, store: Store, database: str) -> None:
        """Bring the database up to the files: sections whose hash changed, units it does not have."""
        if self.content.units.ward == self.ward:
            for unit in self.content.units.units:
                await add_unit(store, database, unit)
        for name, rows in self.content.raw.items():
            if name not in NOT_FOR_PHONES:
                await store.update(database, f"section:{name}", _section(rows))
        await self.read_units(store, database)

    async def read_units(self, store: Store, database: str) -> None:
        """Take the units as the database has them, and publish."""
        units = {}
        async for page in store.pages(database, startkey="unit:", endkey="unit:\ufff0"):
            for row in page:
                unit = _read_unit(row)
                if unit is not None:
                    units[unit.code] = unit
        self.units = units
        self.publish()

    async def follow(self, store: Store, database: str) -> None:
        """Take units that other processes add or rename, for ever; ends only by cancellation."""
        since = str((await store.info(database))["update_seq"])
        await self.read_units(store, database)
        async for change in follow(store, database, since):
            code = change.id.removeprefix("unit:")
            if code == change.id or is_unit(change.document, self.units.get(code)):
                continue
            try:
                await self.read_units(store, database)
            except StoreError as error:
                log.warning("units not read", code=error.code)


def is_unit(document: Document | None, unit: Unit | None) -> bool:
    """Whether the document says of a unit just what is known."""
    return document is not None and unit is not None and _read_unit(document) == unit


def _read_unit(document: Document) -> Unit | None:
    """The unit in a document; None, and a word in the log, for one that is not as it should be."""
    try:
        return msgspec.convert({**document, "code": document["_id"].removeprefix("unit:")}, Unit)
    except msgspec.ValidationError as error:
        log.warning("not a unit", id=document["_id"], reason=str(error))
        return None


async def add_unit(store: Store, database: str, unit: Unit) -> bool:
    """Write the unit if the ward does not have one of this code; whether it was written."""
    written = False

    def absent(stored: Document | None) -> Document | None:
        nonlocal written
        written = stored is None
        return {"type": "unit", **msgspec.to_builtins(unit)} if stored is None else None

    await store.update(database, f"unit:{unit.code}", absent)
    return written


async def change_unit(
    store: Store, database: str, code: str, change: Callable[[Unit], Unit | None]
) -> Unit | None:
    """Save what `change` makes of the stored unit, None leaves it; gives what is stored then, if anything."""

    def changed(stored: Document | None) -> Document | None:
        unit = _read_unit(stored) if stored is not None else None
        fresh = change(unit) if unit is not None else None
        return {"type": "unit", **msgspec.to_builtins(fresh)} if fresh is not None else None

    stored = await store.update(database, f"unit:{code}", changed)
    return _read_unit(stored) if stored is not None else None


def _section(rows: Any) -> Any:
    digest = hashlib.sha256(msgspec.json.encode(rows, order="sorted")).hexdigest()

    def change(stored: Document | None) -> Document | None:
        if stored is not None and stored.get("hash") == digest:
            return None
        return {"type": "section", "hash": digest, "rows": rows}

    return change
