"""Attacks on who one is: stolen and planted cookies, other sites, ways out to other sites, guessing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.testclient import TestClient

from server.access import GuardedMount, GuardedRoute
from server.app import create_app
from server.roles import Role
from server.settings import Settings
from server.site import Site
from sync.store import Store
from tests.server.conftest import PASSWORD, UNIT, WARD, forget_tries
from tests.server.test_access import EXAMPLES, ROUTES, walk

Call = Callable[..., Any]
Enrolled = Callable[[Role], dict[str, str]]
People = dict[Role, dict[str, Any]]


# -- stolen cookies ---------------------------------------------------------------------------------


async def sign_out(site: Site, person: str, device: str) -> None:
    await site.accounts.end_session(device)


async def revoke(site: Site, person: str, device: str) -> None:
    await site.accounts.revoke(device)


async def lose(site: Site, person: str, device: str) -> None:
    await site.accounts.lose(device)


async def change_password(site: Site, person: str, device: str) -> None:
    await site.accounts.set_password(person, PASSWORD)


async def sign_out_everywhere(site: Site, person: str, device: str) -> None:
    await site.accounts.end_sessions(person)


async def expire(site: Site, person: str, device: str) -> None:
    old = "2020-01-01T00:00:00.000Z"
    await site.accounts.change(device, lambda stored: {**stored, "expires": old})


async def sign_in_again(site: Site, person: str, device: str) -> None:
    """The same phone gets another secret; the one before is worth nothing."""
    found = await site.store.get(site.names.accounts, person)
    await site.accounts.enrol(found, "phone", device)


@pytest.mark.parametrize(
    "end", [sign_out, revoke, lose, change_password, sign_out_everywhere, expire, sign_in_again]
)
def test_a_stolen_cookie_is_worth_nothing_once_its_owner_acted(
    end: Callable[..., Any], visitor: TestClient, people: People, site: Site, call: Call
) -> None:
    person = people[Role.LEAD]["_id"]
    device, value = call(site.accounts.enrol, people[Role.LEAD], "phone")
    stolen = {"cookie": f"gtn-device={value}"}
    asks = (("GET", "/desk/people"), ("GET", f"/sync/w{WARD}-{UNIT}"), ("POST", "/api/sign-out"))
    assert visitor.get("/desk/people", headers=stolen).status_code == 200
    call(end, site, person, device)
    for method, path in asks:
        assert visitor.request(method, path, headers=stolen).status_code == 401, path


def test_what_a_stolen_cookie_opens_ends_with_the_persons_access(
    visitor: TestClient, people: People, site: Site, call: Call, enrolled: Enrolled
) -> None:
    stolen = enrolled(Role.REPORTER)

    def active(yes: bool) -> Callable[[Any], Any]:
        return lambda stored: {**stored, "active": yes}

    call(site.accounts.change, people[Role.REPORTER]["_id"], active(False))
    try:
        assert visitor.get(f"/sync/w{WARD}-{UNIT}", headers=stolen).status_code == 401
    finally:
        call(site.accounts.change, people[Role.REPORTER]["_id"], active(True))


# -- planted cookies --------------------------------------------------------------------------------


def test_signing_in_never_takes_over_a_cookie_that_someone_planted(
    visitor: TestClient, people: People, enrolled: Enrolled, call: Call, site: Site
) -> None:
    planted = enrolled(Role.VOLUNTEER)
    form = {"login": "supervisor", "password": PASSWORD}
    answer = visitor.post("/sign-in", data=form, headers=planted)
    assert answer.status_code == 303
    given = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("gtn-device="))
    assert planted["cookie"].partition("=")[2] not in given
    assert visitor.get("/desk/quarantine", headers=planted).status_code == 403, "still the volunteer's"


def test_a_made_up_cookie_is_not_adopted(visitor: TestClient, people: People) -> None:
    made_up = "01ARZ3NDEKTSV4RRFFQ69G5FAV." + "a" * 43
    body = {"login": "volunteer", "password": PASSWORD, "device": {"id": "device:01ARZ3NDEKTSV4RRFFQ69G5FAV"}}
    answer = visitor.post("/api/sign-in", json=body, headers={"cookie": f"gtn-device={made_up}"})
    assert answer.json()["device"] != "device:01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert made_up not in str(answer.headers)


@pytest.fixture(scope="module")
def https(settings: Settings, server: TestClient) -> Any:
    """The same store behind https://go.example.vn."""
    import msgspec

    secure = msgspec.structs.replace(settings, public_url="https://go.example.vn")
    with TestClient(create_app(secure), base_url="https://go.example.vn", follow_redirects=False) as client:
        yield client


def test_on_https_only_the_cookie_that_no_neighbour_can_plant_counts(
    https: TestClient, people: People, enrolled: Enrolled, site: Site, call: Call
) -> None:
    call(forget_tries, site.store, site.names)
    form = {"login": "supervisor", "password": PASSWORD}
    answer = https.post("/sign-in", data=form)
    cookies = answer.headers.get_list("set-cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-"), cookie
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; ")), cookie
        assert "domain" not in cookie.lower()
    https.cookies.clear()
    plain = enrolled(Role.SUPERVISOR)
    assert https.get("/desk", headers=plain).status_code == 401
    assert https.get("/desk", headers={"cookie": "__Host-" + plain["cookie"]}).status_code == 200
    assert https.get("/sign-in").headers["strict-transport-security"].startswith("max-age=")
    language = https.post("/language", data={"language": "en"}).headers["set-cookie"]
    assert "Secure" in language


# -- another site -----------------------------------------------------------------------------------


def unsafe_routes() -> list[tuple[str, str]]:
    found = []
    for path, route in walk(ROUTES):
        methods = getattr(route, "methods", None) or ()
        if isinstance(route, GuardedMount):
            path, methods = path + "/x", ("POST", "PUT")
        for name, example in EXAMPLES.items():
            path = path.replace(f"{{{name}}}", example)
        if isinstance(route, GuardedRoute | GuardedMount):
            found += [(method, path) for method in methods if method not in ("GET", "HEAD")]
    return found


FOREIGN = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "origin": "https://other.example.vn"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://testserver.evil.example"},
    {"origin": "http://evil.example/?testserver"},
)


@pytest.mark.parametrize(("method", "path"), unsafe_routes())
def test_another_site_can_make_nobodys_browser_act(
    method: str, path: str, visitor: TestClient, enrolled: Enrolled
) -> None:
    cookie = enrolled(Role.ADMIN)
    for foreign in FOREIGN:
        for kind in ("application/x-www-form-urlencoded", "text/plain"):
            headers = {**cookie, **foreign, "content-type": kind, "accept": "application/json"}
            answer = visitor.request(method, path, headers=headers, content=b"a=b")
            assert (answer.status_code, answer.json()["error"]) == (403, "cross-origin"), foreign


def test_nothing_answers_to_a_question_from_another_origin(visitor: TestClient, enrolled: Enrolled) -> None:
    for path in ("/desk", "/api/hello", f"/sync/w{WARD}-{UNIT}", "/catalog/x.json", "/app/", "/nowhere"):
        for method in ("GET", "OPTIONS"):
            headers = {**enrolled(Role.LEAD), "origin": "https://evil.example"}
            headers["access-control-request-method"] = "POST"
            answer = visitor.request(method, path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control-")], path


# -- a way out to another site ----------------------------------------------------------------------

OUTSIDE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/%0d%0aset-cookie:x=y",
    "/x\r\nset-cookie: x=y",
    "/@evil.example",
    "/.//evil.example",
    "@evil.example",
    "/／evil.example",
)
PARAMETERS = ("next", "then", "return", "return_to", "redirect", "url", "back", "to")


def stays(location: str) -> bool:
    """As a browser reads it: backslashes are slashes, tabs and line ends are nothing."""
    read = "".join(sign for sign in location if sign not in "\t\r\n").strip().replace("\\", "/")
    found = urlsplit(urljoin("http://testserver/sign-in", read))
    return (found.scheme, found.netloc) == ("http", "testserver")


@pytest.mark.parametrize("outside", OUTSIDE)
def test_no_parameter_leads_to_another_site(
    outside: str, visitor: TestClient, people: People, enrolled: Enrolled, call: Call, site: Site
) -> None:
    call(forget_tries, site.store, site.names)
    everywhere = dict.fromkeys(PARAMETERS, outside)
    lead = enrolled(Role.ADMIN)
    answers = [visitor.get("/sign-in", params=everywhere, headers=lead)]
    answers.append(visitor.post("/language", data={**everywhere, "language": "vi"}, headers=lead))
    form = {**everywhere, "login": "supervisor", "password": PASSWORD}
    answers.append(visitor.post("/sign-in", data=form))
    answers += [visitor.get(path, params=everywhere, headers=lead) for path in ("/", "/desk", "/desk/people")]
    for path in ("/", "/desk", "/desk/people/invitations"):
        answers.append(visitor.get(path, params=everywhere, headers=enrolled(Role.LEAD)))
    for answer in answers:
        location = answer.headers.get("location")
        assert location is None or stays(location), (answer.request.url, location)
        assert "set-cookie" not in answer.headers or "x=y" not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "path", [f"//evil.example{end}" for end in ("", "/", "/%2e%2e", "/app", "/desk/")] + ["/\\evil.example/"]
)
def test_no_address_of_ours_leads_to_another_site(path: str, visitor: TestClient) -> None:
    """A server that mends a missing or doubled slash by a redirect sends people anywhere."""
    answer = visitor.get(f"http://testserver{path}")
    location = answer.headers.get("location", "/")
    assert stays(location), location


# -- guessing ---------------------------------------------------------------------------------------


def test_a_sign_in_does_the_same_work_for_known_and_unknown_people(
    visitor: TestClient, people: People, site: Site, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared is the work, not the time: questions to the store and passwords hashed."""
    invited = "chi.duoc.moi"
    fields = {"role": "volunteer", "ward": WARD, "unit": UNIT, "password": None}
    call(site.accounts.add_person, login=invited, name="Chỉ Được Mời", **fields)
    work: list[str] = []
    ask, fits = Store._ask, site.accounts._fits

    async def asking(self: Store, method: str, path: Any, **more: Any) -> Any:
        if path[0] in (site.names.accounts, site.names.tries):  # others are asked by the workers
            work.append(f"{method} {path[0]}")
        return await ask(self, method, path, **more)

    def fitting(stored: str, password: str) -> bool:
        work.append("argon2 " + stored.split("$")[3])
        return fits(stored, password)

    def work_for(login: str) -> list[str]:
        call(forget_tries, site.store, site.names)
        work.clear()
        body = {"login": login, "password": "không phải mật khẩu này"}
        assert visitor.post("/api/sign-in", json=body).status_code == 401
        return sorted(work)

    monkeypatch.setattr(Store, "_ask", asking)
    monkeypatch.setattr(site.accounts, "_fits", fitting)
    known = work_for("supervisor")
    assert sum("argon2" in one for one in known) == 1
    for other in ("volunteer", "khong.co.ai", invited, "a" * 100, "_admin"):
        assert work_for(other) == known, other


@pytest.mark.parametrize("path", ["/api/sign-in", "/sign-in"])
def test_an_answer_does_not_say_whether_someone_is_known(
    path: str, visitor: TestClient, people: People, site: Site, call: Call
) -> None:
    said = []
    for login in ("supervisor", "khong.co.ai"):
        call(forget_tries, site.store, site.names)
        body = {"login": login, "password": "không phải mật khẩu này"}
        answer = visitor.post(path, **({"json": body} if "api" in path else {"data": body}))
        said.append((answer.status_code, answer.text.replace(login, ""), sorted(answer.headers)))
    assert said[0] == said[1]
