"""The desk's reports: of the ward or of one unit, for a week, a month, a quarter or any days.

A page that is its own paper (A4, Nghị định 30/2020/NĐ-CP) and the same figures as a workbook. People of the
ward see every unit, whoever belongs to a unit sees that one alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server import desk
from server.access import route, site_of, viewer
from server.errors import Problem
from server.figures import read_accounts
from server.numbers import VIETNAM, vietnam_today
from server.periods import REPORTED, USUALLY_REPORTED, Choice, PeriodError, named_period, read_period
from server.progress import Unit
from server.reporting.notes import write_notes
from server.reporting.report import MEASURES, Report, Source, build_report
from server.reporting.workbook import write_report
from server.roles import Permission
from server.site import Site
from server.templates import render
from server.texts import language_of, translate
from server.workbooks import send_workbook
from sync.audit import Act

HERE = "/desk/report"


async def page(request: Request) -> Response:
    """The report as paper; ``?unit=`` for one unit."""
    query = request.query_params
    units, alone = _asked(request)
    context: dict[str, Any] = {
        "chosen_unit": units[0].code if alone else "",
        "heading": _heading(request, units, alone),
        "unit_choices": _choices(request),
        "periods": _offered(request),
    }
    try:
        choice = _choice(request)
    except PeriodError as error:
        problem = translate(request)(error.key, **error.values)
        form = desk.fill_period(query.get("from", "")[:40], query.get("to", "")[:40])
        wrong: dict[str, Any] = {"chosen": "custom", "form": form, "problem": problem, "report": None}
        return render(request, "report.html", status=400, **context, **wrong)
    report = await _report(request, units, choice)
    period = choice.period
    shown: dict[str, Any] = {
        "problem": None,
        "chosen": choice.key,
        "form": desk.fill_period(period.first.isoformat(), period.last.isoformat()),
        "report": report,
        "alone": alone,
        "measures": MEASURES,
        "notes": write_notes(report, translate(request), language_of(request), vietnam_today()),
        "ward": site_of(request).catalog.ward_name(viewer(request).ward),
        "now": datetime.now(VIETNAM),
        "workbook": f"{HERE}.xlsx?{choice.query}{f'&unit={units[0].code}' if alone else ''}",
    }
    return render(request, "report.html", **context, **shown)


async def workbook(request: Request) -> Response:
    """The same figures as .xlsx; that it was taken away is in the audit."""
    who, t, language = viewer(request), translate(request), language_of(request)
    units, alone = _asked(request)
    try:
        choice = _choice(request)
    except PeriodError:
        raise Problem("bad-request") from None
    report = await _report(request, units, choice)
    code = units[0].code if alone else ""
    act = Act(by=who.id, role=who.role, action="exported", subject="report", unit=code, ward=who.ward)
    await site_of(request).audit.write(act)
    notes = write_notes(report, t, language, vietnam_today())
    heading = f"{t('report.about')} – {_heading(request, units, alone)}"
    body = write_report(report, notes, t, language, heading=heading, now=datetime.now(UTC))
    days = f"{choice.period.first:%Y%m%d}-{choice.period.last:%Y%m%d}"
    return send_workbook(f"bao-cao-{code or who.ward}-{days}.xlsx", body)


def _asked(request: Request) -> tuple[Sequence[Unit], bool]:
    """The units of the report, and whether it is that of one unit.

    :raises Problem: ``not-found`` for a unit that is not there or not for this viewer.
    """
    who, code = viewer(request), request.query_params.get("unit", "")
    if not who.may(Permission.WARD_PROGRESS):
        code = code or desk.own_unit(who)
    return ([desk.unit_asked(request, code)], True) if code else (desk.units_of(request), False)


def _choices(request: Request) -> list[tuple[str, str]]:
    """The units to choose from, none for whoever belongs to one."""
    if not viewer(request).may(Permission.WARD_PROGRESS):
        return []
    return [(unit.code, unit.name) for unit in desk.units_of(request)]


def _offered(request: Request) -> list[tuple[str, str]]:
    """Each kind of period with its address; the unit stays."""
    today, campaigns = vietnam_today(), desk.campaigns_of(request)
    unit = {"unit": code} if (code := request.query_params.get("unit")) else {}
    names = [key for key in REPORTED if named_period(key, today, campaigns) is not None]
    return [(key, f"{HERE}?{urlencode({'period': key, **unit})}") for key in names]


def _choice(request: Request) -> Choice:
    query, campaigns = request.query_params, desk.campaigns_of(request)
    return read_period(query, vietnam_today(), campaigns, USUALLY_REPORTED)


async def _report(request: Request, units: Sequence[Unit], choice: Choice) -> Report:
    site, ward = site_of(request), viewer(request).ward
    source = await read_source(site, ward, [unit.code for unit in units], choice)
    name = translate(request)("desk.units.total")
    return build_report(desk.catalog_of(site), units, source, choice, language_of(request), name)


async def read_source(site: Site, ward: str, units: Sequence[str], choice: Choice) -> Source:
    """What a report of these units is made of.

    :raises StoreError: when the store cannot be asked.
    """
    figures = site.figures
    rollups, accounts = await figures.rollups(ward, units), await figures.accounts()
    members = Counter(
        str(person["unit"])
        for person in accounts
        if person.get("type") == "person" and person.get("ward") == ward
        if person.get("active") and person.get("unit")
    )
    return Source(
        rollups=rollups,
        people=await figures.people(ward, rollups, choice.period),
        people_before=await figures.people(ward, rollups, choice.before),
        members=members,
        phones=read_accounts(accounts, ward)[1],
        refused=await figures.refused(ward),
        moved=await figures.moved(ward),
    )


def _heading(request: Request, units: Sequence[Unit], alone: bool) -> str:
    return units[0].name if alone else site_of(request).catalog.ward_name(viewer(request).ward)


routes: list[BaseRoute] = [
    route(HERE, page, who=Permission.UNIT_PROGRESS),
    route(f"{HERE}.xlsx", workbook, who=Permission.UNIT_PROGRESS),
]
