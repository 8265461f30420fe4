"""Signing in and out: one way to check a password, the desk's pages, and the language."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

from starlette.datastructures import FormData
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import second_factor
from server.access import PUBLIC, find_viewer, route, site_of, viewer
from server.accounts import LIFETIME
from server.browsers import describe
from server.cookies import device_cookie, known_cookie, language_cookie, read_known_cookie, slot_of
from server.errors import Problem
from server.roles import Permission, may
from server.templates import render
from server.texts import LANGUAGES, translate
from sync.audit import Act
from sync.clocks import text_of
from sync.store import Document, StoreError

PASSWORD_LENGTH = 256
CODE_LASTS = timedelta(minutes=5)


async def check_password(connection: HTTPConnection, login: str, password: str) -> Document:
    """The person who may sign in.

    :raises Problem: ``wrong-sign-in``, whatever it was; ``too-many-tries`` with the seconds to wait.
    """
    site = site_of(connection)
    login = login.strip().casefold()[:PASSWORD_LENGTH]
    address = connection.client.host if connection.client else ""
    known = read_known_cookie(connection, site.settings)
    if wait := await site.tries.begin(login, address, known):
        raise Problem("too-many-tries", retry_after=wait, seconds=wait)
    try:
        person = await site.accounts.find_login(login)
        opened = await site.accounts.opens(person, password[:PASSWORD_LENGTH])
    except StoreError:
        await site.tries.undecided(login, address, known)
        raise
    if person is None or not opened:
        await audit_failure(connection, person)
        raise Problem("wrong-sign-in")
    await site.tries.succeeded(login, address, known)
    return person


def home_of(role: str) -> str:
    """Where someone of this role begins."""
    return "/desk" if may(role, Permission.WARD_PROGRESS) else "/app/"


async def welcome(request: Request) -> Response:
    found = await find_viewer(request)
    return RedirectResponse(home_of(found.role) if found else "/sign-in", 303)


async def sign_in_page(request: Request) -> Response:
    found = await find_viewer(request)
    if found is not None:
        return RedirectResponse(next_of(request.query_params.get("next"), found.role), 303)
    return render(
        request, "sign_in.html", login="", error="", next=request.query_params.get("next", ""), kept=""
    )


async def sign_in(request: Request) -> Response:
    """The first step: the password; someone with a second factor is asked for a code before anything else."""
    form = await read_form(request)
    login, then, kept = text_in(form, "login"), text_in(form, "next"), text_in(form, "kept")
    try:
        person = await check_password(request, login, text_in(form, "password"))
    except Problem as problem:
        return _again(request, problem, "sign_in.html", login=login, next=then, kept=kept)
    if person.get("totp"):
        begun = begin(request, person)
        return render(request, "sign_in_code.html", begun=begun, next=then, kept=kept, error="")
    return await enter(request, person, then, kept)


async def back_to_sign_in(request: Request) -> Response:
    """Where the second step was, loaded again: it goes on from the first."""
    return RedirectResponse("/sign-in", 303)


async def sign_in_code(request: Request) -> Response:
    """The second step: a code, within five minutes of the password."""
    form = await read_form(request)
    begun, then, kept = text_in(form, "begun"), text_in(form, "next"), text_in(form, "kept")
    person = await read_begun(request, begun)
    if person is None:
        late = translate(request)("error.sign-in-late")
        return render(request, "sign_in.html", status=401, login="", error=late, next=then, kept=kept)
    try:
        await check_code(request, person, text_in(form, "code"))
    except Problem as problem:
        return _again(request, problem, "sign_in_code.html", begun=begun, next=then, kept=kept)
    return await enter(request, person, then, kept)


def _again(request: Request, problem: Problem, page: str, **context: str) -> Response:
    """The same step once more, with what was wrong.

    :raises Problem: what cannot be mended there.
    """
    if problem.status not in (401, 429):
        raise problem
    reason = translate(request)(f"error.{problem.code}", **problem.values)
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else None
    return render(request, page, status=problem.status, headers=headers, error=reason, **context)


async def enter(request: Request, person: Document, then: str, kept: str = "") -> Response:
    """In, on a device of its own: whatever cookie came with the request is not the one that is signed in.

    A form that was kept for this person meanwhile is shown again instead of another page.
    """
    from server.kept_forms import open_kept, show_again

    label = describe(request.headers.get("user-agent", ""))
    device, value = await site_of(request).accounts.enrol(person, label)
    await audit_entry(request, person, device)
    form = open_kept(request, kept, person)
    response: Response = RedirectResponse(next_of(then, person["role"]), 303)
    if form is not None:
        response = await show_again(request, form, value)
    set_cookies(request, response, person["login"], value)
    return response


def begin(connection: HTTPConnection, person: Document) -> str:
    """What the form of the second step carries: that this person gave the password, until when.

    It is no session and opens nothing but that form; another password or second factor makes it void.
    """
    until = text_of(datetime.now(UTC) + CODE_LASTS)
    told = (person["_id"], until, _mark(connection, person))
    return "~".join((*told, site_of(connection).seals.seal("sign-in", *told)))


async def read_begun(connection: HTTPConnection, begun: str) -> Document | None:
    """The person whose sign-in was begun, None when it is too late or nothing that `begin` gave.

    Nothing is looked up for what was not sealed here, so that nobody learns who there is.
    """
    site, told = site_of(connection), begun.split("~")
    if len(told) != 4 or not site.seals.fits(told[3], "sign-in", *told[:3]):
        return None
    id, until, mark, _ = told
    if until <= text_of(datetime.now(UTC)):
        return None
    person = await site.store.find(site.names.accounts, id)
    if person is None or not person.get("active") or not person.get("totp"):
        return None
    return person if hmac.compare_digest(mark, _mark(connection, person)) else None


def _mark(connection: HTTPConnection, person: Document) -> str:
    """Another one for each password and each second factor of this person."""
    return site_of(connection).seals.seal("begun", str(person["password"]), str(person["totp"]["since"]))


async def check_code(connection: HTTPConnection, person: Document, code: str) -> None:
    """Pass a code of this person's second factor, which is used up by that.

    :raises Problem: ``wrong-code``; ``too-many-tries`` with the seconds to wait.
    """
    site = site_of(connection)
    login = f" {person['login']}"  # no login that somebody types begins with a space: counted apart
    address = connection.client.host if connection.client else ""
    if wait := await site.tries.begin(login, address):
        raise Problem("too-many-tries", retry_after=wait, seconds=wait)
    try:
        used = await second_factor.use(site.accounts, person["_id"], code[:PASSWORD_LENGTH])
    except StoreError:
        await site.tries.undecided(login, address)
        raise
    if not used:
        await audit_failure(connection, person)
        raise Problem("wrong-code")
    await site.tries.succeeded(login, address)


async def audit_entry(connection: HTTPConnection, person: Document, device: str) -> None:
    """Write down who came in, before they are told so."""
    act = Act(
        by=person["_id"],
        role=person["role"],
        action="signed-in",
        subject=device,
        unit=person.get("unit") or "",
        ward=person["ward"],
    )
    await site_of(connection).audit.write(act)


async def audit_exit(connection: HTTPConnection) -> None:
    who = viewer(connection)
    act = Act(
        by=who.id, role=who.role, action="signed-out", subject=who.device, unit=who.unit or "", ward=who.ward
    )
    await site_of(connection).audit.write(act)


async def audit_failure(connection: HTTPConnection, person: Document | None) -> None:
    """Write down that someone failed; also for a login of nobody, so that it takes as long as a known one."""
    act = Act(
        by="",
        role="",
        action="sign-in-failed",
        subject=(person or {}).get("_id", ""),
        unit=(person or {}).get("unit") or "",
        ward=site_of(connection).settings.ward,
    )
    await site_of(connection).audit.write(act)


def set_cookies(connection: HTTPConnection, response: Response, login: str, value: str) -> None:
    """Sign this device in, and let it be known the next time."""
    site = site_of(connection)
    kept = device_cookie(value, LIFETIME, site.settings, slot_of(connection))
    response.headers.append("set-cookie", kept)
    response.headers.append("set-cookie", known_cookie(site.tries.make_known(login), site.settings))


async def sign_out_page(request: Request) -> Response:
    """Asked first of people whose phone may be the same browser: the app there is signed out as well."""
    return render(request, "sign_out.html")


async def sign_out(request: Request) -> Response:
    site = site_of(request)
    await site.accounts.end_session(viewer(request).device)
    await audit_exit(request)
    response = RedirectResponse("/sign-in", 303)
    response.headers.append("set-cookie", device_cookie("", timedelta(0), site.settings))
    return response


async def choose_language(request: Request) -> Response:
    form = await read_form(request)
    language = text_in(form, "language")
    if language not in LANGUAGES:
        raise Problem("bad-field")
    response = RedirectResponse(local(text_in(form, "next")) or "/", 303)
    response.headers.append("set-cookie", language_cookie(language, site_of(request).settings))
    return response


async def read_form(request: Request) -> FormData:
    """:raises Problem: ``bad-content-type`` for anything but a plain form."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise Problem("bad-content-type")
    return await request.form()


def text_in(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def next_of(path: str | None, role: str) -> str:
    """Where the form of sign-in leads: it is the desk's, for whoever may see figures there."""
    return local(path or "") or ("/desk" if may(role, Permission.UNIT_PROGRESS) else home_of(role))


def local(path: str) -> str:
    """`path` when it surely stays on this site, else nothing."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else ""


routes: list[BaseRoute] = [
    route("/", welcome, who=PUBLIC),
    route("/sign-in", sign_in_page, who=PUBLIC),
    route("/sign-in", sign_in, who=PUBLIC, methods=("POST",)),
    route("/sign-in/code", back_to_sign_in, who=PUBLIC),
    route("/sign-in/code", sign_in_code, who=PUBLIC, methods=("POST",)),
    route("/sign-out", sign_out_page, who=Permission.SIGNED_IN),
    route("/sign-out", sign_out, who=Permission.SIGNED_IN, methods=("POST",)),
    route("/language", choose_language, who=PUBLIC, methods=("POST",)),
]
