"""Incidents with residents' data: what happened, the 72 hours until the authority is told, and the report.

A phone that is reported lost opens one by itself (`open_for_device`): whoever reports it may be a lead, who
sees none of these pages, and the clock must not wait for someone to remember it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.audit_pages import names_of_people
from server.numbers import VIETNAM
from server.privacy import EARLIEST, HERE, address_of, asked, audit, database_of, incident_row, words_in
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import texts, translate
from sync import requests
from sync.clocks import text_of
from sync.requests import TOLD
from sync.store import Document

LONG = "%Y-%m-%dT%H:%M"


async def open_for_device(request: Request, device: str, unit: str) -> None:
    """The incident of a lost phone, once for each device."""
    site, database = site_of(request), site_of(request).names.ward(viewer(request).ward).privacy
    if any(one["subject"] == device for one in await requests.list_all(site.store, database, "incident")):
        return
    t = texts().within("vi")  # it is the ward's record, whoever reports
    made = await requests.open_incident(
        site.store,
        database,
        discovered=datetime.now(UTC),
        by=viewer(request).id,
        subject=device,
        what=t("incident.lost.what", unit=site.catalog.unit_name(unit, "vi")),
        concerned=t("incident.lost.concerned"),
        consequences=t("incident.lost.consequences"),
        measures=t("incident.lost.measures"),
    )
    await audit(request, "incident-opened", made["_id"], unit)


async def new_incident(request: Request) -> Response:
    return _page(request, None, dict.fromkeys(TOLD, ""))


async def add_incident(request: Request) -> Response:
    form = await read_form(request)
    typed, wrong = _told(form)
    discovered = _moment(text_in(form, "discovered"))
    if discovered is None:
        wrong = "privacy.wrong.day"
    if wrong or discovered is None:
        return _page(request, None, {**typed, "discovered": text_in(form, "discovered")}, wrong)
    made = await requests.open_incident(
        site_of(request).store,
        database_of(request),
        discovered=discovered,
        by=viewer(request).id,
        subject="",
        **typed,
    )
    await audit(request, "incident-opened", made["_id"], "")
    return RedirectResponse(address_of(made), 303)


async def one_incident(request: Request) -> Response:
    found = await asked(request, "incident")
    return _page(request, found, found)


async def change_incident(request: Request) -> Response:
    """Other words; and, once, when the authority was told, or why it need not be."""
    form, found = await read_form(request), await asked(request, "incident")
    fields, wrong = _told(form)
    settled, reason = text_in(form, "settled"), ""
    if settled == "needless" and requests.is_running(found):
        reason, wrong_reason = words_in(form, "reason")
        wrong = wrong or wrong_reason or ("" if reason else "incident.wrong.reason")
    if wrong:
        return _page(request, found, {**found, **fields, "reason": reason, "settled": settled}, wrong)
    if requests.is_running(found):
        fields["needless"] = reason
        fields["reported"] = text_of(datetime.now(UTC)) if settled == "reported" else ""
    await requests.change_incident(
        site_of(request).store, database_of(request), request.path_params["ulid"], **fields
    )
    await audit(request, "incident-changed", found["_id"], "")
    return RedirectResponse(address_of(found), 303)


async def report(request: Request) -> Response:
    """For the authority, on paper."""
    found, people, site = await asked(request, "incident"), await names_of_people(request), site_of(request)
    return render(
        request,
        "privacy_report.html",
        found=found,
        row=incident_row(found),
        told=[(name, found[name]) for name in TOLD if name != "contact"],
        ward=site.catalog.ward_name(viewer(request).ward),
        by=people.get(found["by"], found["by"]),
        today=datetime.now(VIETNAM).date(),
        say=texts().within("vi"),
    )


def _page(
    request: Request, found: Document | None, typed: dict[str, str] | Document, wrong: str = ""
) -> Response:
    now = datetime.now(VIETNAM).strftime(LONG)
    return render(
        request,
        "privacy_incident.html",
        status=400 if wrong else 200,
        row=None if found is None else incident_row(found),
        found=found,
        typed={"discovered": now, "reason": "", "settled": "", **typed},
        told=TOLD,
        now=now,
        wrong=translate(request)(wrong) if wrong else "",
    )


def _told(form: FormData) -> tuple[dict[str, str], str]:
    """The words of an incident, and the key of what is wrong with them."""
    typed, wrongs = {}, []
    for name in TOLD:
        typed[name], wrong = words_in(form, name)
        wrongs.append(wrong)
    if not typed["what"]:
        wrongs.append("incident.wrong.what")
    return typed, next(filter(None, wrongs), "")


def _moment(text: str) -> datetime | None:
    """None for what is no time of Vietnam, or one to come."""
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=VIETNAM)
    except ValueError:
        return None
    return at if EARLIEST <= at <= datetime.now(UTC) else None


_INCIDENT = f"{HERE}/incidents"
routes: list[BaseRoute] = [
    route(f"{_INCIDENT}/new", new_incident, who=Permission.PRIVACY),
    route(_INCIDENT, add_incident, who=Permission.PRIVACY, methods=["POST"]),
    route(_INCIDENT + "/{ulid}", one_incident, who=Permission.PRIVACY),
    route(_INCIDENT + "/{ulid}/change", change_incident, who=Permission.PRIVACY, methods=["POST"]),
    route(_INCIDENT + "/{ulid}/report", report, who=Permission.PRIVACY),
]
