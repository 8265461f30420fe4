"""The desk: how far the ward is, or one unit, over a chosen period; as pages, as a sheet, and live.

People of the ward see every unit; whoever belongs to a unit sees that one alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from server import backup_schedule
from server.access import Viewer, route, site_of, viewer
from server.board import Board, build_board, read_units
from server.drawing import draw_board, offered_periods
from server.errors import Problem
from server.numbers import VIETNAM, vietnam_today
from server.periods import Choice, PeriodError, is_day, read_period
from server.privacy import count_urgent
from server.progress import SORTS, Unit
from server.roles import Permission
from server.sheets import write_sheets
from server.site import Site
from server.templates import render
from server.texts import language_of, translate
from server.workbooks import send_workbook
from sync.text import sort_key


async def desk(request: Request) -> Response:
    """The ward's dashboard; whoever belongs to a unit is sent to theirs."""
    who = viewer(request)
    if not who.may(Permission.WARD_PROGRESS):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/desk/unit/{own_unit(who)}{query}", 303)
    return await _page(request, units_of(request))


async def unit(request: Request) -> Response:
    return await _page(request, [unit_asked(request, request.path_params["code"])], alone=True)


async def sheet(request: Request) -> Response:
    """The same tables as .xlsx; ``?unit=`` for one unit."""
    who = viewer(request)
    code = request.query_params.get("unit")
    if code is None and not who.may(Permission.WARD_PROGRESS):
        code = own_unit(who)
    units = units_of(request) if code is None else [unit_asked(request, code)]
    try:
        choice = _choice(request)
    except PeriodError:
        raise Problem("bad-request") from None
    board = await _board(request, units, choice)
    heading = _heading(request, units, alone=code is not None)
    body = write_sheets(
        board, translate(request), language_of(request), heading=heading, now=datetime.now(UTC)
    )
    name = f"tien-do-{code or who.ward}-{choice.period.first:%Y%m%d}-{choice.period.last:%Y%m%d}.xlsx"
    return send_workbook(name, body)


async def events(request: Request) -> Response:
    """An event for each change of the ward's figures."""
    stream = site_of(request).live.events(viewer(request).ward)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, 200, headers, "text/event-stream")


async def _page(request: Request, units: Sequence[Unit], *, alone: bool = False) -> Response:
    t, query = translate(request), request.query_params
    urgent, running = await _waiting(request)
    context: dict[str, Any] = {
        "backup_line": None if alone else await _backup(request),
        "backup_hour": site_of(request).settings.backup_at,
        "urgent": urgent,
        "running": running,
        "heading": _heading(request, units, alone=alone),
        "unit": units[0].code if alone else None,
        "live": "/desk/events",
        "now": datetime.now(VIETNAM).strftime("%H:%M:%S"),
        "periods": offered_periods(vietnam_today(), campaigns_of(request)),
        "sort": query.get("sort") if query.get("sort") in SORTS else "name",
        "sorting": f"&sort={query['sort']}" if query.get("sort") in SORTS else "",
    }
    try:
        choice = _choice(request)
    except PeriodError as error:
        form = fill_period(query.get("from", "")[:40], query.get("to", "")[:40])
        problem = t(error.key, **error.values)
        wrong: dict[str, Any] = {"chosen": "custom", "form": form, "problem": problem}
        return render(request, "desk.html", status=400, board=None, query="", **context, **wrong)
    board = await _board(request, units, choice)
    sheet_unit = f"&unit={units[0].code}" if alone else ""
    shown: dict[str, Any] = {
        "chosen": choice.key,
        "form": fill_period(choice.period.first.isoformat(), choice.period.last.isoformat()),
        "problem": None,
        "query": choice.query,
        "sheet": f"/desk/progress.xlsx?{choice.query}{sheet_unit}",
        **draw_board(board, t, language_of(request), today=vietnam_today(), campaigns=campaigns_of(request)),
    }
    return render(request, "desk.html", **context, **shown)


async def _waiting(request: Request) -> tuple[int, int]:
    """Requests of residents that are due, and incidents to be reported; for those who answer them."""
    if not viewer(request).may(Permission.PRIVACY):
        return 0, 0
    return await count_urgent(site_of(request), viewer(request).ward)


async def _backup(request: Request) -> backup_schedule.Line | None:
    """When the last backup was made; for administrators."""
    if not viewer(request).may(Permission.ADMINISTER):
        return None
    return await backup_schedule.tell(site_of(request), datetime.now(UTC))


def fill_period(first: str, last: str) -> dict[str, Any]:
    """What stands in the form; a field for dates would drop what is none, so that one is for text."""
    kinds = ["date" if not value or is_day(value) else "text" for value in (first, last)]
    return {"from": first, "to": last, "kinds": kinds}


async def _board(request: Request, units: Sequence[Unit], choice: Choice) -> Board:
    who, site = viewer(request), site_of(request)
    source = await site.figures.read(who.ward, [unit.code for unit in units], choice.period)
    sort = request.query_params.get("sort", "name")
    return build_board(catalog_of(site), units, source, choice, language_of(request), sort)


def _choice(request: Request) -> Choice:
    return read_period(request.query_params, vietnam_today(), campaigns_of(request))


def campaigns_of(request: Request) -> Sequence[Mapping[str, Any]]:
    """The catalog's campaigns with their first and last days."""
    rows: Sequence[Mapping[str, Any]] = site_of(request).catalog.content.raw["campaigns"]
    return rows


def catalog_of(site: Site) -> dict[str, Any]:
    """The catalog's files with the units as they are now."""
    units = msgspec.to_builtins(list(site.catalog.units.values()))
    return {**site.catalog.content.raw, "units": units}


def units_of(request: Request) -> list[Unit]:
    """The ward's units, in Vietnamese order, teams first."""
    language = language_of(request)
    units = read_units(catalog_of(site_of(request)), language)
    return sorted(units, key=lambda unit: (unit.kind != "team", sort_key(unit.name)))


def unit_asked(request: Request, code: str) -> Unit:
    """:raises Problem: ``not-found`` for a unit that is not there or not for this viewer."""
    who = viewer(request)
    if not who.may(Permission.WARD_PROGRESS) and code != who.unit:
        raise Problem("not-found")
    for found in read_units(catalog_of(site_of(request)), language_of(request)):
        if found.code == code:
            return found
    raise Problem("not-found")


def own_unit(who: Viewer) -> str:
    """:raises Problem: ``no-unit`` for whoever belongs to none."""
    if who.unit is None:
        raise Problem("no-unit")
    return who.unit


def _heading(request: Request, units: Sequence[Unit], *, alone: bool) -> str:
    if alone:
        return units[0].name
    ward = site_of(request).catalog.ward_name(viewer(request).ward)
    return translate(request)("desk.ward.heading", ward=ward)


routes: list[BaseRoute] = [
    route("/desk", desk, who=Permission.UNIT_PROGRESS),
    route("/desk/unit/{code}", unit, who=Permission.UNIT_PROGRESS),
    route("/desk/progress.xlsx", sheet, who=Permission.UNIT_PROGRESS),
    route("/desk/events", events, who=Permission.UNIT_PROGRESS),
]
