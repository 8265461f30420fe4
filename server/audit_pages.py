"""Who saw and did what, for the ward's administrator: searched a page at a time, and as a table to keep.

An entry names its subject by id, never by name, and so do these pages. Taking the table away is itself an
act of the audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.accounts import DESIGN as PEOPLE
from server.errors import Problem
from server.numbers import vietnam_today, write_instant
from server.roles import Permission, Role
from server.tables import send_csv
from server.templates import render
from server.texts import language_of, translate
from sync.audit import CONSOLE, Act, Action
from sync.audited import Place, Search, list_audit, read_audit
from sync.text import name_key

HERE = "/desk/audit"
DAYS = 30
LONGEST = 80
ACTIONS: tuple[str, ...] = get_args(Action)


async def index(request: Request) -> Response:
    """The last `DAYS` days unless the search says otherwise; ``?begin=`` for older entries."""
    site, t = site_of(request), translate(request)
    search, names = _search(request), await names_of_people(request)
    begin = _begin(request)
    entries, further = await list_audit(site.store, site.names.audit, search, begin)
    asked = _asked(search)
    return render(
        request,
        "audit.html",
        search=search,
        rows=[describe_entry(request, entry, names) for entry in entries],
        people=sorted(names.items(), key=lambda item: name_key(item[1])),
        actions=[(action, t(f"audit.{action}")) for action in ACTIONS],
        table=f"{HERE}.csv?{urlencode(asked)}",
        newest=f"{HERE}?{urlencode(asked)}" if begin else None,
        older=f"{HERE}?{urlencode({**asked, 'begin': str(further)})}" if further else None,
    )


async def table(request: Request) -> Response:
    """All that the search finds, as CSV that Excel opens in UTF-8 and in which no cell is a formula."""
    site, who, t = site_of(request), viewer(request), translate(request)
    search, names = _search(request), await names_of_people(request)
    act = Act(by=who.id, role=who.role, action="exported", subject="audit", unit="", ward=who.ward)
    await site.audit.write(act)
    columns = ("at", "who", "role", "action", "subject", "unit")
    rows = [[t(f"audit.column.{column}") for column in columns]]
    async for entry in read_audit(site.store, site.names.audit, search):
        row = describe_entry(request, entry, names)
        rows.append([row[column] for column in columns])
    return send_csv(f"nhat-ky-{search.first:%Y%m%d}-{search.last:%Y%m%d}.csv", rows)


def _search(request: Request) -> Search:
    """:raises Problem: ``bad-request`` for days that are none, or the wrong way round."""
    query, today = request.query_params, vietnam_today()
    try:
        last = date.fromisoformat(query.get("to") or today.isoformat())
        first = date.fromisoformat(query.get("from") or (last - timedelta(DAYS)).isoformat())
        if not date(2000, 1, 1) <= first <= last <= date(2999, 1, 1):
            raise ValueError("no period")
    except (ValueError, OverflowError):
        raise Problem("bad-request") from None
    told = {name: query.get(name, "").strip()[:LONGEST] for name in ("by", "action", "subject")}
    return Search(ward=viewer(request).ward, first=first, last=last, **told)


def _asked(search: Search) -> dict[str, str]:
    asked = {"from": search.first.isoformat(), "to": search.last.isoformat()}
    told = {"by": search.by, "action": search.action, "subject": search.subject}
    return {**asked, **{name: value for name, value in told.items() if value}}


def _begin(request: Request) -> Place | None:
    text = request.query_params.get("begin")
    try:
        return Place.read(text) if text else None
    except ValueError:
        raise Problem("bad-request") from None


async def names_of_people(request: Request) -> dict[str, str]:
    """What the people of the ward are called, by id."""
    site, ward = site_of(request), viewer(request).ward
    keys: dict[str, Any] = {"startkey": [ward], "endkey": [ward, {}]}
    rows = await site.store.view(site.names.accounts, PEOPLE, "by_ward", include_docs=True, **keys)
    return {row["id"]: str(row["doc"]["name"]) for row in rows}


def describe_entry(request: Request, entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """An entry in the reader's words."""
    site, t = site_of(request), translate(request)
    by, action, unit, role = (str(entry.get(name) or "") for name in ("by", "action", "unit", "role"))
    return {
        "at": write_instant(str(entry["at"])),
        "who": t("audit.console") if by == CONSOLE else names.get(by, by) or t("audit.nobody"),
        "role": t(f"people.role.{role}") if role in set(Role) else role,
        "action": t(f"audit.{action}") if action in ACTIONS else action,
        "subject": str(entry.get("subject") or ""),
        "unit": site.catalog.unit_name(unit, language_of(request)) if unit else "",
    }


routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.AUDIT),
    route(f"{HERE}.csv", table, who=Permission.AUDIT, fresh=True),
]
