"""The page on which a resident checks a volunteer's card: a number and a code, and the answer is yes or no.

Nobody signs in, and nothing is told of anyone: an unknown number, someone who has left and a wrong code get
the same answer. Wrong tries are counted like wrong passwords (`server.tries`), each number for itself.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import PUBLIC, route, site_of
from server.cards import CODE_DIGITS, NUMBER_DIGITS, read_digits
from server.errors import Problem
from server.sign_in import read_form, text_in
from server.templates import render
from server.texts import translate
from sync.store import StoreError

HERE = "/kiem-tra"


async def page(request: Request) -> Response:
    return render(request, "card_check.html", number="", answer=None, error="")


async def check(request: Request) -> Response:
    form = await read_form(request)
    number, code = read_digits(text_in(form, "number")), read_digits(text_in(form, "code"))
    if len(number) != NUMBER_DIGITS or len(code) != CODE_DIGITS:
        error = translate(request)("card-check.incomplete")
        return render(request, "card_check.html", status=400, number=number, answer=None, error=error)
    try:
        right = await _check(request, number, code)
    except Problem as problem:
        if problem.status != 429:
            raise
        error = translate(request)(f"error.{problem.code}", **problem.values)
        headers = {"Retry-After": str(problem.retry_after)}
        return render(
            request,
            "card_check.html",
            status=problem.status,
            headers=headers,
            number=number,
            answer=None,
            error=error,
        )
    return render(request, "card_check.html", number=number, answer=right, error="")


async def _check(request: Request, number: str, code: str) -> bool:
    """:raises Problem: ``too-many-tries`` with the seconds to wait."""
    site, address = site_of(request), request.client.host if request.client else ""
    guessed = f"card {number}"
    wait = await site.tries.begin(guessed, address)
    if wait:
        raise Problem("too-many-tries", retry_after=wait, seconds=wait)
    try:
        right = await site.cards.check(number, code, datetime.now(UTC))
    except StoreError:
        await site.tries.undecided(guessed, address)
        raise
    if right:
        await site.tries.succeeded(guessed, address)
    return right


routes: list[BaseRoute] = [
    route(HERE, page, who=PUBLIC),
    route(HERE, check, who=PUBLIC, methods=("POST",)),
]
