"""Signing in and out: one way to check a password, the desk's pages, and the language."""

from __future__ import annotations

from datetime import timedelta

from starlette.datastructures import FormData
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server.access import PUBLIC, find_viewer, route, site_of, viewer
from server.accounts import LIFETIME
from server.cookies import device_cookie, known_cookie, language_cookie, read_known_cookie
from server.errors import Problem
from server.roles import Permission, may
from server.templates import render
from server.texts import LANGUAGES, translate
from sync.store import Document, StoreError

PASSWORD_LENGTH = 256


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
        person = await site.accounts.verify(login, password[:PASSWORD_LENGTH])
    except StoreError:
        await site.tries.undecided(login, address, known)
        raise
    if person is None:
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
    return render(request, "sign_in.html", login="", error="", next=request.query_params.get("next", ""))


async def sign_in(request: Request) -> Response:
    form = await read_form(request)
    login, then = text_in(form, "login"), text_in(form, "next")
    try:
        person = await check_password(request, login, text_in(form, "password"))
    except Problem as problem:
        if problem.status not in (401, 429):
            raise
        reason = translate(request)(f"error.{problem.code}", **problem.values)
        headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else None
        return render(
            request,
            "sign_in.html",
            status=problem.status,
            headers=headers,
            login=login,
            error=reason,
            next=then,
        )
    site = site_of(request)
    label = request.headers.get("user-agent", "")
    _, value = await site.accounts.enrol(person, label)
    response = RedirectResponse(next_of(then, person["role"]), 303)
    set_cookies(request, response, person["login"], value)
    return response


def set_cookies(connection: HTTPConnection, response: Response, login: str, value: str) -> None:
    """Sign this device in, and let it be known the next time."""
    site = site_of(connection)
    response.headers.append("set-cookie", device_cookie(value, LIFETIME, site.settings))
    response.headers.append("set-cookie", known_cookie(site.tries.make_known(login), site.settings))


async def sign_out(request: Request) -> Response:
    site = site_of(request)
    await site.accounts.end_session(viewer(request).device)
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
    return local(path or "") or home_of(role)


def local(path: str) -> str:
    """`path` when it surely stays on this site, else nothing."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else ""


routes: list[BaseRoute] = [
    route("/", welcome, who=PUBLIC),
    route("/sign-in", sign_in_page, who=PUBLIC),
    route("/sign-in", sign_in, who=PUBLIC, methods=("POST",)),
    route("/sign-out", sign_out, who=Permission.SIGNED_IN, methods=("POST",)),
    route("/language", choose_language, who=PUBLIC, methods=("POST",)),
]
