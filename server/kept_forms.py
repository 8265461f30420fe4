"""What was typed into a form whose sign-in had ended meanwhile, kept until the same person signed in again.

The form is answered with the sign-in, which carries what was typed closed under the server's key
(`server.safe`): nobody reads or changes it on the way. After the sign-in the page on which the form was is
shown with it filled in, to be looked over and sent: nothing is done by itself. Whose it is, is known by the
ended session's own secret or else by the cookie ``gtn-known`` of that person in this browser; to anyone else
it is not shown. What is typed on the page of the account (passwords, codes) is never kept, nor is what comes
from a device that others took away.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope

from server import confirming
from server.access import site_of
from server.cookies import cookie_name, read_known_cookie
from server.errors import Problem, wants_json
from server.filling import fill
from server.sign_in import local
from server.templates import render
from server.texts import translate
from sync.clocks import text_of
from sync.store import Document

LASTS = timedelta(hours=12)
LONGEST = 24 * 1024
"""Signs of a kept form, so that it comes back within a body of 64 KB."""
KEPT = "kept"
DESK, ACCOUNT = "/desk", "/desk/account"
PURPOSE = "kept-form"


class KeptForm(Struct, frozen=True, kw_only=True):
    """`owner` is a person, or empty: then whoever `known` is of. `page` is where the form was."""

    owner: str
    known: str
    until: str
    action: str
    page: str
    fields: list[tuple[str, str]]


async def keep(scope: Scope, receive: Receive) -> Response | None:
    """The sign-in that carries what was posted, or None when there is nothing to keep."""
    request = Request(scope, receive)
    path = request.url.path
    if request.method != "POST" or wants_json(request) or not path.startswith((f"{DESK}/", confirming.HERE)):
        return None
    if path.startswith(ACCOUNT):
        return None
    owner, known = await _whose(request)
    if not owner and not known:
        return None
    try:
        posted = await confirming.read_fields(request)
    except Problem:
        return None
    then = dict(posted).get(confirming.BACK, "") if path == confirming.HERE else ""
    fields = [(name, value) for name, value in posted if name not in confirming.OURS]
    closed = "" if then else _close(request, owner, known, fields)
    if not then and not closed:
        return None
    why = translate(request)("sign-in.ended.kept" if closed else "error.signed-out")
    return render(request, "sign_in.html", status=401, login="", error=why, next=then, kept=closed)


async def _whose(request: Request) -> tuple[str, str]:
    """(the person of the ended session, what this browser is known by); nothing for a stranger's."""
    person = await site_of(request).accounts.ended_person(request)
    return person, "" if person else read_known_cookie(request, site_of(request).settings)


def _close(request: Request, owner: str, known: str, fields: list[tuple[str, str]]) -> str:
    if not any(value for _, value in fields):
        return ""
    kept = KeptForm(
        owner=owner,
        known=known,
        until=text_of(datetime.now(UTC) + LASTS),
        action=request.url.path,
        page=_page_of(request),
        fields=fields,
    )
    packed = zlib.compress(msgspec.json.encode(kept), 9)
    closed = site_of(request).safe.close(packed, PURPOSE)
    return closed if len(closed) <= LONGEST else ""


def _page_of(request: Request) -> str:
    """Where the form was, by what the browser says; else its own address."""
    try:
        from_ = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return request.url.path
    path = local(from_.path + (f"?{from_.query}" if from_.query else ""))
    own = from_.netloc.lower() == request.headers.get("host", "").lower()
    return path if own and (path == DESK or path.startswith(f"{DESK}/")) else request.url.path


def open_kept(connection: HTTPConnection, closed: str, person: Document) -> KeptForm | None:
    """What was kept, for the person whose it is and for nobody else."""
    site = site_of(connection)
    packed = site.safe.open(closed, PURPOSE) if closed else None
    if packed is None:
        return None
    kept = msgspec.json.decode(zlib.decompress(packed), type=KeptForm)
    if kept.until <= text_of(datetime.now(UTC)):
        return None
    if kept.owner:
        return kept if kept.owner == person["_id"] else None
    return kept if site.tries.is_known(person["login"], kept.known) else None


async def show_again(request: Request, kept: KeptForm, cookie: str) -> Response:
    """The page with the form filled in, as the new `cookie` sees it; else what was typed alone."""
    for address in dict.fromkeys((kept.page, kept.action)):
        html = await _fetch(request, address, cookie)
        said = translate(request)("kept.said")
        filled = fill(html, kept.action, kept.fields, said, address) if html else None
        if filled:
            return HTMLResponse(filled, 200, {"Cache-Control": "no-store"})
    return render(request, "kept.html", page=kept.page, typed=[value for _, value in kept.fields if value])


async def _fetch(request: Request, address: str, cookie: str) -> str:
    """The page at an address of ours, as a browser with this cookie gets it; nothing when there is none."""
    path, _, query = address.partition("?")
    told = f"{cookie_name(site_of(request).settings)}={cookie}"
    kept = [f"{name}={value}" for name, value in request.cookies.items() if "gtn-device" not in name]
    headers = [
        (name, value)
        for name, value in request.scope["headers"]
        if name in (b"host", b"user-agent", b"accept-language")
    ]
    own = {"type", "asgi", "http_version", "scheme", "server", "client", "root_path", "app", "state"}
    scope: Scope = {
        **{key: value for key, value in request.scope.items() if key in own},
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [*headers, (b"cookie", "; ".join((*kept, told)).encode()), (b"accept", b"text/html")],
    }
    parts: list[bytes] = []
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]
    is_page = False

    async def receive() -> Message:
        """The request and then that we hung up, so that a stream ends at once."""
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal is_page
        if message["type"] == "http.response.start":
            kind = dict(message["headers"]).get(b"content-type", b"")
            is_page = message["status"] == 200 and kind.startswith(b"text/html")
        elif is_page:
            parts.append(message.get("body", b""))

    try:
        await request.app.router(scope, receive, send)
    except (Problem, HTTPException):
        return ""
    return b"".join(parts).decode()
