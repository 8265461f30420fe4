"""Households from an office's sheet, on the desk: uploaded, looked over, written, taken back.

A lead imports into the own unit, people of the ward into any unit of it. Nothing is written before the
preview was seen; what was uploaded is kept for an hour (`server.importing.kept`).
"""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any
from urllib.parse import urlencode

import anyio.to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import import_preview
from server.access import route, site_of, viewer
from server.content import Unit
from server.errors import Problem
from server.importing.addresses import Address
from server.importing.header import MEANINGS, columns_at, without_private
from server.importing.households import MAX_PART, Choice, judge_table, target_of
from server.importing.kept import Upload
from server.importing.last import Busy, Undone, Written, can_undo, undo, write_plan
from server.importing.plan import Plan, find_last, make_plan
from server.importing.reader import read_apart, turn
from server.importing.report import PARTS, describe_bad, read_as
from server.importing.sample import NAME, sample_xlsx
from server.importing.sheet import MAX_COLUMNS, NotASheet
from server.roles import Permission
from server.sign_in import read_form, text_in
from server.tables import send_csv
from server.templates import render
from server.texts import Translate, language_of, translate
from server.workbooks import MEDIA_TYPE
from sync.audit import Act, Action
from sync.text import clean, sort_key

HERE = "/desk/import"
ONE = f"{HERE}/{{ulid}}"
TOO_LARGE = ("too-large", "too-much-text", "unpacks-too-large", "too-many-rows", "too-many-columns")
UNDO_SHOWN = 100
FIX = re.compile(r"f(\d{1,7})\.(house|lane|street|building|unit_text)")


async def index(request: Request) -> Response:
    """``?unit=`` for people of the ward; ``?added=`` and others after a writing."""
    asked = request.query_params
    told = {name: asked.get(name, "") for name in ("added", "changed", "missed")}
    done = {name: int(count) for name, count in told.items() if count.isdecimal() and len(count) < 7}
    return await _index(request, asked.get("unit", ""), done=done)


async def upload(request: Request) -> Response:
    """Read the file in a process of its own, keep its rows, and lead on to the preview."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem("bad-content-type")
    with site_of(request).uploads.taking(viewer(request).id):
        return await _take_in(request)
    raise Problem("uploads-busy")


async def _take_in(request: Request) -> Response:
    unit, error = "", NotASheet("no-unit", unit="")
    try:
        async with request.form(max_files=1, max_fields=2) as form:
            unit, chosen = text_in(form, "unit"), form.get("file")
            _unit_of(request, unit)
            if not isinstance(chosen, UploadFile) or not (chosen.size or chosen.filename):
                raise NotASheet("no-file-chosen")
            name = clean(chosen.filename or "")
            async with site_of(request).uploads.alone(viewer(request).id), turn():
                table = await read_apart(await chosen.read())
        table = await anyio.to_thread.run_sync(without_private, table)
        mark = await site_of(request).uploads.keep(
            viewer(request).id, _unit_of(request, unit).code, name, table
        )
        return RedirectResponse(f"{HERE}/{mark}", 303)
    except NotASheet as wrong:
        error = wrong
    return await _index(request, unit, error=error, status=413 if error.code in TOO_LARGE else 400)


async def sample(request: Request) -> Response:
    """A sheet as it is read best, to be filled in."""
    headers = {"Content-Disposition": f'attachment; filename="{NAME}.xlsx"', "Cache-Control": "no-store"}
    return Response(await anyio.to_thread.run_sync(sample_xlsx), 200, headers, MEDIA_TYPE)


async def preview(request: Request) -> Response:
    async with _turn(request):
        kept = await _find(request)
        if kept is not None:
            return await _preview(request, kept)
    return await _missing(request)


async def choose(request: Request) -> Response:
    """What somebody sets right: the fonts, or the header's row and what its columns mean."""
    form = await read_form(request)
    async with _turn(request):
        kept = await _find(request)
    if kept is None:
        return await _missing(request)
    choice, as_it_was = kept.choice, kept.as_it_was
    if fonts := text_in(form, "fonts"):
        as_it_was = fonts == "as-it-was"
    else:
        choice = _choice(kept, form)
    await site_of(request).uploads.choose(viewer(request).id, kept.mark, choice, as_it_was)
    return RedirectResponse(f"{HERE}/{kept.mark}", 303)


async def fix(request: Request) -> Response:
    """Addresses that somebody looked at, and set right where they were taken apart wrongly."""
    form = await read_form(request)
    async with _turn(request):
        kept = await _find(request)
    if kept is None:
        return await _missing(request)
    rows = {row.number for row in kept.rows.rows}
    fixes: dict[int, Address] = {}
    for name in form:
        if (found := FIX.fullmatch(name)) and int(found[1]) in rows:
            fixes.setdefault(int(found[1]), {})[found[2]] = clean(text_in(form, name))[: 2 * MAX_PART]
    await site_of(request).uploads.fix(viewer(request).id, kept.mark, fixes)
    return RedirectResponse(f"{HERE}/{kept.mark}#check", 303)


async def write(request: Request) -> Response:
    """Plan again with what the unit has now, and write; bad rows are left out only when that was said."""
    form, site, who = await read_form(request), site_of(request), viewer(request)
    async with _turn(request):
        kept = await _find(request)
        if kept is None:
            return await _missing(request)
        unit = _unit_of(request, kept.unit)
        try:
            plan = await _plan(request, kept)
        except NotASheet:
            return await _preview(request, kept)
        if plan.bad and not text_in(form, "skip_bad"):
            return await _preview(request, kept, unsaid=True)
    told: dict[str, Any] = {"by": who.id, "name": kept.name, "changes": bool(text_in(form, "changes"))}
    try:
        note = partial(_audit, request, "imported", unit.code)
        done = await write_plan(site.store, site.ward, plan, before=note, **told)
    except Busy:
        raise Problem("import-busy") from None
    counts = {"unit": unit.code, "added": done.added, "changed": done.changed, "missed": done.missed}
    if done != Written(0, 0):  # else another sending of the same page is just writing it
        await site.uploads.finish(who.id, kept.mark, counts)
    site.hint(site.ward.unit(unit.code))
    return RedirectResponse(f"{HERE}?{urlencode(counts)}", 303)


async def bad_rows(request: Request) -> Response:
    """Every bad row with its reason, to mend the sheet by."""
    t = translate(request)
    async with _turn(request):
        kept = await _find(request)
        if kept is None:
            raise Problem("not-found")
        try:
            plan = await _plan(request, kept)
        except NotASheet:
            raise Problem("not-found") from None
        return await anyio.to_thread.run_sync(_list_bad, plan, t)


def _list_bad(plan: Plan, t: Translate) -> Response:
    head = [t("import.column.row"), t("import.column.reason"), t("import.column.text")]
    rows = [[str(bad.row), describe_bad(bad, t), bad.text] for bad in plan.bad]
    return send_csv("dong-loi.csv", [head, *rows])


async def take_back(request: Request) -> Response:
    """Undo the last import of a unit: the one of the instant ``at``."""
    form, site = await read_form(request), site_of(request)
    unit = _unit_of(request, text_in(form, "unit"))
    last = await find_last(site.store, site.ward, unit.code)
    if last is not None and last["at"] == text_in(form, "at") and last["state"] == "undone":
        return RedirectResponse(f"{HERE}?{urlencode({'unit': unit.code})}", 303)  # sent twice, or loaded anew
    if last is None or last["at"] != text_in(form, "at") or not can_undo(last):
        raise Problem("conflict")
    await _audit(request, "import-undone", unit.code)
    result = await undo(site.store, site.ward, unit.code, last["at"])
    if result is None:
        raise Problem("conflict")
    site.hint(site.ward.unit(unit.code))
    return await _index(request, unit.code, undone=result)


async def _index(
    request: Request,
    unit: str,
    *,
    error: NotASheet | None = None,
    done: dict[str, int] | None = None,
    undone: Undone | None = None,
    status: int = 200,
) -> Response:
    site, who, language = site_of(request), viewer(request), language_of(request)
    code = who.unit or (unit if unit in _units(request) else "")
    names = [(one, site.catalog.unit_name(one, language)) for one in _units(request)]
    last = await find_last(site.store, site.ward, code) if code else None
    people = {} if last is None else await _name_of(request, last["by"])
    return render(
        request,
        "import.html",
        status=status,
        unit=code,
        unit_name=site.catalog.unit_name(code, language) if code else "",
        units=sorted(names, key=lambda one: sort_key(one[1])),
        error=_describe(request, error),
        code=error.code if error else "",
        done=done or {},
        undone=undone,
        undo_shown=UNDO_SHOWN,
        last=last,
        last_by=people,
        can_undo=last is not None and can_undo(last),
    )


async def _preview(request: Request, kept: Upload, *, unsaid: bool = False) -> Response:
    unit = _unit_of(request, kept.unit)
    name = site_of(request).catalog.unit_name(unit.code, language_of(request))
    plan, error = None, None
    try:
        plan = await _plan(request, kept)
    except NotASheet as wrong:
        error = wrong
    shown = await anyio.to_thread.run_sync(import_preview.show, kept, plan, translate(request))
    status = 400 if error or unsaid else 200
    return render(
        request,
        "import_preview.html",
        status=status,
        upload=kept,
        unit_name=name,
        shown=shown,
        plan=plan,
        unsaid=unsaid,
        meanings=MEANINGS,
        parts=PARTS,
        read_as=read_as,
        error=_describe(request, error),
        code=error.code if error else "",
    )


async def _plan(request: Request, kept: Upload) -> Plan:
    site, unit = site_of(request), _unit_of(request, kept.unit)
    households = await anyio.to_thread.run_sync(
        judge_table, kept.rows, kept.choice, target_of(unit), kept.fixes
    )
    return await make_plan(site.store, site.ward, unit.code, households)


def _choice(kept: Upload, form: FormData) -> Choice:
    rows, typed = kept.rows.rows, text_in(form, "header").strip()
    number = int(typed) if typed.isdecimal() and len(typed) < 7 else 0
    if str(number) != text_in(form, "was"):  # another row: its own words say what the columns mean
        return Choice(number, columns_at(rows, number))
    told = {column: text_in(form, f"c{column}") for column in range(MAX_COLUMNS)}
    return Choice(number, {column: meaning for column, meaning in told.items() if meaning in MEANINGS})


def _units(request: Request) -> dict[str, Unit]:
    """Those that may get households."""
    units = site_of(request).catalog.open_units
    return {code: unit for code, unit in units.items() if not unit.heir}


def _unit_of(request: Request, code: str) -> Unit:
    """The unit to import for: a lead's own, whatever was asked.

    :raises Problem: ``not-found`` for one that may get none.
    """
    who = viewer(request)
    found = _units(request).get(who.unit or code)
    if found is None or (who.unit and code not in ("", who.unit)):
        raise Problem("not-found")
    return found


def _turn(request: Request) -> AbstractAsyncContextManager[None]:
    return site_of(request).uploads.turn(viewer(request).id)


async def _find(request: Request) -> Upload | None:
    return await site_of(request).uploads.find(viewer(request).id, request.path_params["ulid"])


async def _missing(request: Request) -> Response:
    """About an upload that is not there: what came of it when it was written, else that it is gone."""
    told = await site_of(request).uploads.outcome(viewer(request).id, request.path_params["ulid"])
    if told:
        return RedirectResponse(f"{HERE}?{urlencode(told)}", 303)
    return await _index(request, "", error=NotASheet("expired"), status=404)


async def _name_of(request: Request, person: str) -> str:
    found = await site_of(request).accounts.read_person(person) if person.startswith("person:") else None
    return str(found["name"]) if found else translate(request)("audit.console")


def _describe(request: Request, error: NotASheet | None) -> str:
    return translate(request)(f"import.error.{error.code}", **error.values) if error else ""


async def _audit(request: Request, action: Action, unit: str) -> None:
    who = viewer(request)
    act = Act(by=who.id, role=who.role, action=action, subject=unit, unit=unit, ward=who.ward)
    await site_of(request).audit.write(act)


_BY: dict[str, Any] = {"who": Permission.IMPORT}
routes: list[BaseRoute] = [
    route(HERE, index, **_BY),
    route(HERE, upload, methods=["POST"], **_BY),
    route(f"{HERE}/sample.xlsx", sample, **_BY),
    route(f"{HERE}/undo", take_back, methods=["POST"], **_BY),
    route(ONE, preview, **_BY),
    route(ONE, choose, methods=["POST"], **_BY),
    route(f"{ONE}/fix", fix, methods=["POST"], **_BY),
    route(f"{ONE}/write", write, methods=["POST"], **_BY),
    route(f"{ONE}/bad.csv", bad_rows, **_BY),
]
