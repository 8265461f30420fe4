"""What every answer tells browsers: nothing from elsewhere, nothing inline, in no frame, kept by no cache."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from server.access import GuardedMount, GuardedRoute
from server.app import create_app
from server.roles import Role
from server.security import HEADERS
from server.settings import Settings
from tests.server.conftest import UNIT, WARD
from tests.server.test_access import EXAMPLES, ROUTES, walk

Enrolled = Callable[[Role], dict[str, str]]
MOUNTED = {
    "/sync": ("/sync/", f"/sync/w{WARD}-{UNIT}", f"/sync/w{WARD}-{UNIT}/_changes", "/sync/x"),
    "/static": ("/static/x.css",),
    "/app": ("/app/", "/app/index.html", "/app/sw.js", "/app/manifest.webmanifest", "/app/x.html"),
}
DIRECTIVES = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "manifest-src": ["'self'"],
    "worker-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}


def addresses() -> Iterator[tuple[str, str]]:
    """(method, path) of everything that can be asked, found or not."""
    for path, route in walk(ROUTES):
        if isinstance(route, GuardedMount):
            yield from (("GET", one) for one in MOUNTED[path])
        elif isinstance(route, GuardedRoute) and "events" not in path:
            address = re.sub(r"{(\w+)(:\w+)?}", lambda name: EXAMPLES[name[1]], path)
            yield from ((method, address) for method in sorted(route.methods or ()))
    yield from (("GET", "/nowhere"), ("DELETE", "/desk"), ("POST", "/api/nowhere"), ("GET", "/robots.txt"))


def every_answer(client: TestClient, enrolled: Enrolled, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for role in (Role.ADMIN, Role.LEAD, None):
        cookie = {"cookie": prefix + enrolled(role)["cookie"]} if role else {}
        for method, path in addresses():
            if path in ("/sign-out", "/api/sign-out"):
                continue
            yield f"{role} {method} {path}", client.request(method, path, headers=cookie)


def test_every_answer_of_every_route_carries_the_policy(visitor: TestClient, enrolled: Enrolled) -> None:
    for asked, answer in every_answer(visitor, enrolled):
        headers = answer.headers
        policy = {one.split()[0]: one.split()[1:] for one in headers["content-security-policy"].split(";")}
        assert policy == DIRECTIVES, asked
        assert headers["x-content-type-options"] == "nosniff", asked
        assert headers["referrer-policy"] == "same-origin", asked
        assert headers["cross-origin-opener-policy"] == "same-origin", asked
        assert headers["cross-origin-resource-policy"] == "same-origin", asked
        assert headers["permissions-policy"] == HEADERS["Permissions-Policy"], asked
        assert "server" not in headers, asked
        assert "x-powered-by" not in headers, asked


def test_what_is_someones_own_is_kept_by_no_cache(visitor: TestClient, enrolled: Enrolled) -> None:
    for asked, answer in every_answer(visitor, enrolled):
        path = asked.split()[2]
        if not path.startswith(("/static/", "/app/", "/catalog/")):
            assert "no-store" in answer.headers["cache-control"], asked


def test_only_our_own_pages_are_html(visitor: TestClient, enrolled: Enrolled) -> None:
    """Nothing that somebody sent or stored comes back as a page of ours."""
    for asked, answer in every_answer(visitor, enrolled):
        path, kind = asked.split()[2], answer.headers.get("content-type", "")
        if path.startswith(("/sync/", "/api/", "/catalog/")):
            assert not answer.content or kind.startswith(("application/json", "multipart/mixed")), asked
        if answer.content and kind.startswith("text/html") and not path.startswith("/app/"):
            assert answer.text.lstrip().startswith("<!doctype html>"), asked


def test_nobodys_device_is_asked_for_a_camera_a_place_or_a_microphone() -> None:
    policy = HEADERS["Permissions-Policy"]
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "bluetooth", "display-capture"):
        assert f"{feature}=()" in policy
    assert "*" not in policy
    assert "self" not in policy


@pytest.fixture(scope="module")
def https(settings: Settings, server: TestClient) -> Iterator[TestClient]:
    """The same store behind https://go.example.vn."""
    secure = msgspec.structs.replace(settings, public_url="https://go.example.vn")
    with TestClient(create_app(secure), base_url="https://go.example.vn", follow_redirects=False) as client:
        yield client


def test_on_https_every_answer_keeps_browsers_there_and_every_cookie_is_bound_to_the_host(
    https: TestClient, enrolled: Enrolled
) -> None:
    for asked, answer in every_answer(https, enrolled, "__Host-"):
        assert int(answer.headers["strict-transport-security"].partition("=")[2].split(";")[0]) >= 31536000
        for cookie in answer.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-"), (asked, cookie)
            assert "Secure" in cookie, (asked, cookie)
            assert "Domain" not in cookie, (asked, cookie)
        https.cookies.clear()


def test_a_language_chosen_on_https_is_remembered_in_a_cookie_of_this_host(https: TestClient) -> None:
    cookie = https.post("/language", data={"language": "en"}).headers["set-cookie"].partition(";")[0]
    https.cookies.clear()
    assert cookie == "__Host-gtn-lang=en"
    assert 'lang="en"' in https.get("/sign-in", headers={"cookie": cookie}).text
