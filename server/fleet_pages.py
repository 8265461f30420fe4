"""The desk's page of the units' phones; a lead sees those of the own unit alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.errors import Problem
from server.fleet import HELP, NEEDS, VERSION, Phone, choose, read_fleet
from server.people import LONGEST_NAME, may_manage
from server.people_pages import list_units
from server.roles import Permission
from server.templates import render
from server.texts import Translate, language_of, translate

HERE = "/desk/devices"
PAGE = 50


async def index(request: Request) -> Response:
    """``?unit=``, ``?need=`` (``help`` or one of `NEEDS`), ``?q=`` for a name, ``?page=`` from 1.

    :raises Problem: ``not-found`` for a unit that is not there or not the viewer's, ``bad-request``.
    """
    who, site, query = viewer(request), site_of(request), request.query_params
    unit = query.get("unit") or who.unit
    if unit is not None and (unit not in site.catalog.units or who.unit not in (None, unit)):
        raise Problem("not-found")
    need, words = query.get("need", ""), query.get("q", "")[:LONGEST_NAME]
    if need not in ("", "help", *NEEDS):
        raise Problem("bad-request")
    accounts = await site.figures.accounts()
    phones = read_fleet(accounts, who.ward, datetime.now(UTC), unit)
    chosen = choose(phones, need, words)
    page, pages = _page(query.get("page", "1"), len(chosen))
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    managed = {one["_id"] for one in accounts if may_manage(who, one)}
    asked = {"unit": unit if who.unit is None else None, "need": need, "q": words}
    address = f"{HERE}?{urlencode({name: value for name, value in asked.items() if value})}"
    return render(
        request,
        "devices.html",
        rows=[_row(request, one, managed) for one in shown],
        found=len(chosen),
        total=len(phones),
        helped=sum(one.help for one in phones),
        needs=[(one, sum(one in phone.needs for phone in phones)) for one in NEEDS],
        need=need,
        query=words,
        unit=unit,
        units=[] if who.unit else list_units(request, who),
        version=VERSION,
        newer=f"{address}&page={page - 1}" if page > 1 else None,
        older=f"{address}&page={page + 1}" if page < pages else None,
        page=page,
        pages=pages,
    )


def _page(text: str, found: int) -> tuple[int, int]:
    """(page, pages), both at least 1."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise Problem("bad-request")
    pages = max(1, -(-found // PAGE))
    return min(max(1, int(text)), pages), pages


def _row(request: Request, phone: Phone, managed: set[str]) -> dict[str, Any]:
    t, language = translate(request), language_of(request)
    needs = [(need, need in HELP, _say_need(t, phone, need)) for need in phone.needs]
    return {
        "phone": phone,
        "address": f"/desk/people/{phone.person.partition(':')[2]}" if phone.person in managed else None,
        "unit": site_of(request).catalog.unit_name(phone.unit, language) if phone.unit else "",
        "needs": needs,
        "clock": say_clock(t, phone.offset),
        "storage": say_bytes(phone.storage_left, language),
        "error": t(f"devices.error.{phone.error}") if phone.error else None,
    }


def _say_need(t: Translate, phone: Phone, need: str) -> str:
    if need == "failing":
        return t(f"devices.advice.{phone.error}")
    return t(f"devices.advice.{need}")


def say_clock(t: Translate, offset: float | None) -> str | None:
    """How far the phone's clock is off, in whole minutes, hours or days; None when it did not say."""
    if offset is None:
        return None
    seconds = abs(offset)
    if seconds < 60:
        return t("devices.clock.right")
    unit, size = next(one for one in (("days", 86400), ("hours", 3600), ("minutes", 60)) if seconds >= one[1])
    return t(f"devices.clock.{unit}.{'behind' if offset > 0 else 'ahead'}", n=int(seconds / size))


def say_bytes(left: float | None, language: str) -> str | None:
    """ "1,2 GB", "45 MB": rounded down, so that a phone never seems to have more."""
    if left is None:
        return None
    if left < 1e9:
        return f"{int(left / 1e6)} MB"
    text = f"{int(left / 1e8) / 10:.1f}".removesuffix(".0") if left < 1e10 else str(int(left / 1e9))
    return f"{text if language == 'en' else text.replace('.', ',')} GB"


routes: list[BaseRoute] = [route(HERE, index, who=Permission.DEVICES)]
