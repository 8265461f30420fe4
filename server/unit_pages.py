"""The desk's pages of units: which there are, what they were called; adding, renaming, merging and closing.

A form that cannot be used comes back as it was filled in, with the reason beside it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import units
from server.access import route, site_of, viewer
from server.content import Unit
from server.errors import Problem
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import language_of
from server.units import Typed, Unfit
from sync.audit import Act, Action

HERE = "/desk/units"


async def index(request: Request) -> Response:
    """The ward's units; ``?q=`` finds one by its present or a former name."""
    return await _list(request, Typed())


async def add(request: Request) -> Response:
    """A new unit with its databases."""
    form = await _read_form(request)
    try:
        unit = await site_of(request).units.add(form)
    except Unfit as unfit:
        return await _list(request, form, unfit.key)
    await _audit(request, "unit-added", unit.code)
    return RedirectResponse(f"{HERE}/{unit.code}", 303)


async def unit(request: Request) -> Response:
    found = _asked(request)
    return await _page(request, found, _names_of(found))


async def rename(request: Request) -> Response:
    """Another name from now on; the one before stays in the history."""
    found, form = _asked(request), await _read_form(request)
    try:
        renamed = await site_of(request).units.rename(found, form)
    except Unfit as unfit:
        return await _page(request, found, form, unfit.key)
    if renamed:
        await _audit(request, "unit-renamed", found.code)
    return RedirectResponse(f"{HERE}/{found.code}", 303)


async def close(request: Request) -> Response:
    """Nobody can be put in this unit any more; what it recorded stays."""
    site, found = site_of(request), _asked(request)
    try:
        closed = await site.units.close(found, site.accounts)
    except Unfit as unfit:
        return await _page(request, found, _names_of(found), unfit.key)
    if closed:
        await _audit(request, "unit-closed", found.code)
    return RedirectResponse(f"{HERE}/{found.code}", 303)


async def reopen(request: Request) -> Response:
    found = _asked(request)
    try:
        reopened = await site_of(request).units.reopen(found)
    except Unfit as unfit:
        return await _page(request, found, _names_of(found), unfit.key)
    if reopened:
        await _audit(request, "unit-reopened", found.code)
    return RedirectResponse(f"{HERE}/{found.code}", 303)


async def look_at_merge(request: Request) -> Response:
    """What would move if this unit went on in the one of ``?into=``."""
    found, into = _asked(request), request.query_params.get("into", "")
    try:
        preview = await site_of(request).merging.look(found.code, into)
    except Unfit as unfit:
        return await _page(request, found, _names_of(found), unfit.key)
    target = _row(request, site_of(request).catalog.units[into], 0)
    return render(
        request,
        "unit_merge.html",
        unit=_row(request, found, preview.people),
        target=target,
        preview={**asdict(preview)},
        address=f"{HERE}/{found.code}",
    )


async def merge(request: Request) -> Response:
    """The unit goes on in another one; the answer comes when it is done, and it is done all the same."""
    site, found = site_of(request), _asked(request)
    into = text_in(await read_form(request), "into")
    if found.merging is None or found.merging != into:
        try:
            await site.merging.begin(found.code, into)
        except Unfit as unfit:
            return await _page(request, found, _names_of(found), unfit.key)
        await _audit(request, "units-merged", found.code)
    await site.merging.go_on(found.code)
    site.hint(site.ward.unit(into))
    site.live.announce(viewer(request).ward)
    return RedirectResponse(f"{HERE}/{found.code}", 303)


async def _list(request: Request, form: Typed, wrong: str = "") -> Response:
    site, language = site_of(request), language_of(request)
    query = request.query_params.get("q", "")[: units.LONGEST_NAME]
    members = await units.count_members(site.accounts, viewer(request).ward)
    found = units.find_units(site.catalog.units.values(), query, language)
    rows = [_row(request, one, members[one.code]) for one in found]
    return render(
        request,
        "units.html",
        status=400 if wrong else 200,
        rows=[row for row in rows if not row["closed"]],
        ended=[row for row in rows if row["closed"]],
        query=query,
        kinds=[(kind.key, kind.name.within(language)) for kind in site.catalog.content.units.kinds],
        form=form,
        wrong=wrong,
        longest=units.LONGEST_NAME,
    )


async def _page(request: Request, found: Unit, form: Typed, wrong: str = "") -> Response:
    site, language = site_of(request), language_of(request)
    members = await units.count_members(site.accounts, viewer(request).ward)
    past = [(former.name.within(language), former.until) for former in reversed(found.past)]
    return render(
        request,
        "unit_manage.html",
        status=400 if wrong else 200,
        unit=_row(request, found, members[found.code]),
        past=past,
        form=form,
        wrong=wrong,
        address=f"{HERE}/{found.code}",
        longest=units.LONGEST_NAME,
        targets=_targets(request, found),
    )


def _targets(request: Request, found: Unit) -> list[tuple[str, str]]:
    """The units in which this one may go on: (code, name)."""
    if found.closed or found.heir:
        return []
    site, language = site_of(request), language_of(request)
    fit = [one for one in site.catalog.open_units.values() if one.kind == found.kind and one != found]
    return [(one.code, one.name.within(language)) for one in units.find_units(fit, "", language)]


def _row(request: Request, found: Unit, members: int) -> dict[str, Any]:
    site, language = site_of(request), language_of(request)
    kinds = {kind.key: kind.name.within(language) for kind in site.catalog.content.units.kinds}
    return {
        "code": found.code,
        "name": found.name.within(language),
        "kind": kinds.get(found.kind, found.kind),
        "members": members,
        "closed": found.closed,
        "merging": found.merging,
        "into": site.catalog.unit_name(found.heir, language) if found.heir else "",
        "into_address": f"{HERE}/{found.heir}",
        "former": found.past[-1].name.within(language) if found.past else "",
        "address": f"{HERE}/{found.code}",
    }


def _names_of(found: Unit) -> Typed:
    """The form as it stands; without an English name where there is none of its own."""
    name = found.name
    return Typed(name=name.vi, name_en=name.en if name.en != name.vi else "")


async def _read_form(request: Request) -> Typed:
    form = await read_form(request)
    return Typed(**{name: text_in(form, name) for name in ("name", "name_en", "kind", "code")})


def _asked(request: Request) -> Unit:
    """:raises Problem: ``not-found`` for a unit that the ward does not have."""
    found = site_of(request).catalog.units.get(request.path_params["code"])
    if found is None:
        raise Problem("not-found")
    return found


async def _audit(request: Request, action: Action, code: str) -> None:
    who = viewer(request)
    act = Act(by=who.id, role=who.role, action=action, subject=f"unit:{code}", unit=code, ward=who.ward)
    await site_of(request).audit.write(act)


_ONE = HERE + "/{code}"
routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.UNITS),
    route(HERE, add, who=Permission.UNITS, methods=("POST",), fresh=True),
    route(_ONE, unit, who=Permission.UNITS),
    route(f"{_ONE}/name", rename, who=Permission.UNITS, methods=("POST",), fresh=True),
    route(f"{_ONE}/close", close, who=Permission.UNITS, methods=("POST",), fresh=True),
    route(f"{_ONE}/merge", look_at_merge, who=Permission.UNITS),
    route(f"{_ONE}/merge", merge, who=Permission.UNITS, methods=("POST",), fresh=True),
    route(f"{_ONE}/reopen", reopen, who=Permission.UNITS, methods=("POST",), fresh=True),
]
