"""Bringing in the file of a phone that cannot send, through the same checks as what phones send."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import route, site_of, viewer
from server.errors import Problem
from server.phone_files import PhoneFile, find_sender, open_file
from server.roles import Permission
from server.templates import render
from server.texts import translate
from sync.audit import Act
from sync.gateway import Caller
from sync.gateway_body import LARGEST
from sync.gateway_errors import GatewayError

HERE = "/desk/phone-files"


@dataclass
class Outcome:
    """What became of the records of a file: new here, in quarantine, and here already."""

    person: str
    at: str
    written: int = 0
    refused: int = 0
    before: int = 0


async def index(request: Request) -> Response:
    return _show(request)


async def bring(request: Request) -> Response:
    """Take the file in; one that was brought before changes nothing."""
    outcome, wrong, status = None, "", 200
    try:
        file = open_file(site_of(request).safe, await _read(request))
        caller, person = await find_sender(site_of(request), viewer(request), file)
        outcome = Outcome(str(person["name"]), file.waiting.at)
        await _audit(request, caller)
        await _take(request, file, caller, outcome)
    except Problem as problem:
        if problem.status >= 500:
            raise
        wrong, status = translate(request)(f"error.{problem.code}"), problem.status
    return _show(request, outcome, wrong, status)


async def _read(request: Request) -> bytes:
    async with request.form(max_files=1, max_fields=1, max_part_size=LARGEST) as form:
        chosen = form.get("file")
        if not isinstance(chosen, UploadFile) or not chosen.size:
            raise Problem("file-missing")
        return await chosen.read()


async def _take(request: Request, file: PhoneFile, caller: Caller, outcome: Outcome) -> None:
    """:raises Problem: when the rest of the file must be brought again later."""
    for database, documents in file.batches():
        try:
            written, refused = await site_of(request).gateway.bring(caller, database, documents)
        except GatewayError as error:
            code = "file-not-yours" if error.code == "not-yours" else error.code
            raise Problem(code) from None
        moved = sum(one.why == "moved" for one in refused)  # taken, in another unit
        outcome.written += written + moved
        outcome.refused += len(refused) - moved
        outcome.before += max(0, len(documents) - written - len(refused))


async def _audit(request: Request, caller: Caller) -> None:
    who = viewer(request)
    unit = caller.unit or "".join(caller.left[:1])
    act = Act(
        by=who.id,
        role=who.role,
        action="phone-file-brought",
        subject=caller.device,
        unit=unit,
        ward=caller.ward,
    )
    await site_of(request).audit.write(act)


def _show(request: Request, outcome: Outcome | None = None, wrong: str = "", status: int = 200) -> Response:
    may_review = viewer(request).may(Permission.REFUSED_RECORDS)
    shown = {"outcome": outcome, "wrong": wrong, "may_review": may_review}
    return render(request, "phone_files.html", status=status, headers=None, **shown)


routes: list[BaseRoute] = [
    route(HERE, index, who=Permission.PHONE_FILES),
    route(HERE, bring, who=Permission.PHONE_FILES, methods=["POST"]),
]
