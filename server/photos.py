"""Photos of a unit's events: for the unit's own phones as JSON, for the ward as a gallery at the desk.

A list never holds a picture. At the desk, whoever opens a page of small pictures or one whole photo is
written into the audit before it is answered; no cache keeps any of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import Viewer, route, site_of, viewer
from server.errors import Problem
from server.roles import Permission
from server.site import Site
from server.templates import render
from server.texts import language_of, translate
from sync.audit import Act, Action
from sync.ledger import Ledger
from sync.photos import Row, count_in, find_photo, list_photos, picture, remove_photos
from sync.store import Document
from sync.text import sort_key

HERE = "/desk/photos"
PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class Card:
    """A photo in the gallery: addresses of its page and of its small picture."""

    href: str
    thumb: str
    at: str
    caption: str
    who: str


# -- the unit's own phones --------------------------------------------------------------------------


async def own_list(request: Request) -> Response:
    """``{photos: [{id, taken, at, by, who, caption}], next}`` of the viewer's unit, the newest day first."""
    site, database = site_of(request), _own(request)
    rows, further = await _list(site, database, request.query_params.get("begin", ""))
    names = await _names(site, rows)
    told = [
        {
            "id": row.id,
            "taken": row.taken,
            "at": row.at,
            "by": row.by,
            "who": names.get(row.by, ""),
            "caption": row.caption,
        }
        for row in rows
    ]
    return JSONResponse({"photos": told, "next": further}, headers=PRIVATE)


async def own_photo(request: Request) -> Response:
    """One photo of the viewer's unit: ``{id, taken, caption, width, height, image}``, the last in Base64."""
    photo = await _find(request, _own(request))
    names = ("taken", "caption", "width", "height", "image")
    return JSONResponse({"id": photo["_id"], **{name: photo[name] for name in names}}, headers=PRIVATE)


async def withdraw(request: Request) -> Response:
    """Whoever took a photo takes it back."""
    photo = await _find(request, _own(request))
    if photo["created"]["by"] != viewer(request).id:
        raise Problem("not-found")
    await _remove(request, viewer(request).unit or "", photo)
    return Response(status_code=204)


def _own(request: Request) -> str:
    who = viewer(request)
    if not who.unit:
        raise Problem("no-unit")
    return site_of(request).names.ward(who.ward).photos(who.unit)


# -- the desk ---------------------------------------------------------------------------------------


async def gallery(request: Request) -> Response:
    """Photos by unit and day; without ``?unit=`` those of the first unit that has any."""
    site, who, language, t = site_of(request), viewer(request), language_of(request), translate(request)
    names = site.names.ward(who.ward)
    counts = await count_in(site.store, {code: names.photos(code) for code in site.catalog.units})
    units = [(code, site.catalog.unit_name(code, language), n) for code, n in counts.items() if n]
    units.sort(key=lambda unit: sort_key(unit[1]))
    unit = request.query_params.get("unit", "") or (units[0][0] if units else "")
    if unit and unit not in site.catalog.units:
        raise Problem("not-found")
    begin = request.query_params.get("begin", "")
    rows, further = await _list(site, names.photos(unit), begin) if unit else ([], None)
    if rows:
        await _audit(site, who, "photos-listed", f"unit:{unit}", unit)
    people = await _names(site, rows)
    days = [
        (day, [_card(unit, row, people.get(row.by, t("photos.unknown"))) for row in some])
        for day, some in groupby(rows, key=lambda row: row.taken)
    ]
    here = f"{HERE}?unit={unit}"
    return render(
        request,
        "photos.html",
        units=units,
        unit=unit,
        unit_name=site.catalog.unit_name(unit, language) if unit else "",
        days=days,
        removed=request.query_params.get("removed") == "1",
        newest=here if begin else None,
        older=f"{here}&begin={further}" if further else None,
    )


async def page(request: Request) -> Response:
    """One photo with what is said of it, and the way to remove it; the picture itself is `image`."""
    site, unit, photo = site_of(request), _unit(request), await _find(request, _theirs(request))
    names = await _people(site, [photo["created"]["by"]])
    return render(
        request,
        "photo.html",
        place=f"{HERE}/{unit}/{request.path_params['ulid']}",
        unit=unit,
        unit_name=site.catalog.unit_name(unit, language_of(request)),
        photo=photo,
        who=names.get(photo["created"]["by"], translate(request)("photos.unknown")),
    )


async def image(request: Request) -> Response:
    """The whole picture, once the audit has it that this viewer saw it."""
    photo = await _find(request, _theirs(request))
    await _audit(site_of(request), viewer(request), "photo-viewed", photo["_id"], _unit(request))
    return send_picture(photo, "image")


async def thumb(request: Request) -> Response:
    """The small picture of a gallery; that the gallery was opened is in the audit."""
    photo = await _find(request, _theirs(request))
    return send_picture(photo, "thumb")


async def remove(request: Request) -> Response:
    """For good: someone in it, or whoever it concerns, has asked for it."""
    photo, unit = await _find(request, _theirs(request)), _unit(request)
    await _remove(request, unit, photo)
    return RedirectResponse(f"{HERE}?unit={unit}&removed=1", 303)


def _card(unit: str, row: Row, who: str) -> Card:
    href = f"{HERE}/{unit}/{row.ulid}"
    return Card(href, f"{href}/thumb.jpg", row.at, row.caption, who)


def _unit(request: Request) -> str:
    unit = str(request.path_params["code"])
    if unit not in site_of(request).catalog.units:
        raise Problem("not-found")
    return unit


def _theirs(request: Request) -> str:
    return site_of(request).names.ward(viewer(request).ward).photos(_unit(request))


# -- both -------------------------------------------------------------------------------------------


def send_picture(photo: Document, name: str) -> Response:
    """One of a photo's pictures, which no cache keeps and no browser takes for anything else."""
    return Response(picture(photo, name), headers=PRIVATE, media_type="image/jpeg")


async def _list(site: Site, database: str, begin: str) -> tuple[list[Row], str | None]:
    try:
        return await list_photos(site.store, database, begin)
    except ValueError:
        raise Problem("bad-request") from None


async def _find(request: Request, database: str) -> Document:
    photo = await find_photo(site_of(request).store, database, f"photo:{request.path_params['ulid']}")
    if photo is None:
        raise Problem("not-found")
    return photo


async def _remove(request: Request, unit: str, photo: Document) -> None:
    site, who = site_of(request), viewer(request)
    await _audit(site, who, "photo-removed", photo["_id"], unit)
    await Ledger(site.store, site.names).remove_photo(who.ward, unit, photo["_id"])
    await remove_photos(site.store, site.names.ward(who.ward).photos(unit), [photo["_id"]])


async def _audit(site: Site, who: Viewer, action: Action, subject: str, unit: str) -> None:
    await site.audit.write(
        Act(by=who.id, role=who.role, action=action, subject=subject, unit=unit, ward=who.ward)
    )


async def _names(site: Site, rows: list[Row]) -> dict[str, str]:
    return await _people(site, [row.by for row in rows])


async def _people(site: Site, ids: list[str]) -> dict[str, str]:
    """What people are called, of those that have an account."""
    wanted = sorted({*ids})
    found: list[Any] = await site.store.all_docs(site.names.accounts, keys=wanted, include_docs=True)
    return {row["id"]: str(row["doc"].get("name", "")) for row in found if row.get("doc")}


_ONE = HERE + "/{code}/{ulid}"
routes: list[BaseRoute] = [
    route("/api/photos", own_list, who=Permission.PHONE),
    route("/api/photos/{ulid}", own_photo, who=Permission.PHONE),
    route("/api/photos/{ulid}/withdraw", withdraw, who=Permission.PHONE, methods=("POST",)),
    route(HERE, gallery, who=Permission.PHOTOS),
    route(_ONE, page, who=Permission.PHOTOS),
    route(_ONE + "/image.jpg", image, who=Permission.PHOTOS),
    route(_ONE + "/thumb.jpg", thumb, who=Permission.PHOTOS),
    route(_ONE + "/remove", remove, who=Permission.PHOTOS, methods=("POST",), fresh=True),
]
