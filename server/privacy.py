"""What the desk's pages of requests, residents and incidents share: the ward's records and their rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request

from server.access import site_of, viewer
from server.errors import Problem
from server.numbers import vietnam_today
from server.sign_in import text_in
from server.site import Site
from server.texts import language_of
from sync import id_numbers, requests
from sync.audit import Act, Action
from sync.store import Document
from sync.text import nfc, sort_key

HERE = "/desk/privacy"
LONGEST = 2000
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
SOON = 3
"""Days before the last one from which on a request counts as urgent."""


def database_of(request: Request) -> str:
    return site_of(request).names.ward(viewer(request).ward).privacy


async def asked(request: Request, kind: str) -> Document:
    """The request or incident (`kind`) of this address.

    :raises Problem: ``not-found`` for one that this viewer's ward does not have.
    """
    found = await requests.find(
        site_of(request).store, database_of(request), kind, request.path_params["ulid"]
    )
    if found is None:
        raise Problem("not-found")
    return found


def address_of(found: Document) -> str:
    """Where its page is."""
    kind, _, ulid = str(found["_id"]).partition(":")
    return f"{HERE}/{kind}s/{ulid}"


async def audit(request: Request, action: Action, subject: str, unit: str) -> None:
    """Returns once it is written; what it is about may be shown, or done, only then."""
    who = viewer(request)
    act = Act(by=who.id, role=who.role, action=action, subject=subject, unit=unit, ward=who.ward)
    await site_of(request).audit.write(act)


def words_in(form: FormData, name: str) -> tuple[str, str]:
    """What was typed, and the key of what is wrong with it: too long, or a card's number in it."""
    text = nfc(text_in(form, name).replace("\r\n", "\n").strip())
    if len(text) > LONGEST:
        return text, "privacy.wrong.long"
    return text, "privacy.wrong.number" if id_numbers.judge(text) == "refuse" else ""


def day_in(form: FormData, name: str) -> date | None:
    """None for what is no day, or one to come."""
    try:
        day = date.fromisoformat(text_in(form, name))
    except ValueError:
        return None
    return day if EARLIEST.date() <= day <= vietnam_today() else None


def units_of(request: Request) -> list[tuple[str, str]]:
    """Code and name of each unit, in the order of names."""
    catalog, language = site_of(request).catalog, language_of(request)
    standing = [code for code, unit in catalog.units.items() if not unit.merged_into]
    units = [(code, catalog.unit_name(code, language)) for code in standing]
    return sorted(units, key=lambda unit: sort_key(unit[1]))


def request_row(request: Request, found: Document) -> dict[str, Any]:
    """A request as lists and its page show it; `days` until it is due, negative when late."""
    unit, due = str(found["unit"]), date.fromisoformat(found["due"])
    name = site_of(request).catalog.unit_name(unit, language_of(request)) if unit else ""
    return {
        "href": address_of(found),
        "kind": found["kind"],
        "received": found["received"],
        "due": found["due"],
        "open": found["state"] == "open",
        "days": (due - vietnam_today()).days,
        "unit": name,
        "closed": found.get("closed"),
    }


def incident_row(found: Document) -> dict[str, Any]:
    """An incident likewise; `hours` until it must be reported."""
    discovered = datetime.fromisoformat(found["discovered"])
    return {
        "href": address_of(found),
        "what": (str(found["what"]).splitlines() or [""])[0][:120],
        "discovered": found["discovered"],
        "reported": found["reported"],
        "needless": found["needless"],
        "running": requests.is_running(found),
        "hours": requests.hours_left(discovered, datetime.now(UTC)),
    }


async def count_urgent(site: Site, ward: str) -> tuple[int, int]:
    """Open requests due within `SOON` days or late, and incidents whose clock runs."""
    database, today = site.names.ward(ward).privacy, vietnam_today()
    asked = await requests.list_all(site.store, database, "request")
    told = await requests.list_all(site.store, database, "incident")
    urgent = [
        one
        for one in asked
        if one["state"] == "open" and (date.fromisoformat(one["due"]) - today).days <= SOON
    ]
    return len(urgent), len([one for one in told if requests.is_running(one)])
