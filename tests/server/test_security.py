from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from server.access import PUBLIC, route
from server.cookies import cookie_name, device_cookie
from server.errors import Failures, Problem, handle
from server.roles import Role
from server.security import BodyLimit, KnownHost, SameOrigin, SecurityHeaders, is_same_origin
from server.settings import Settings

HTTPS = Settings(public_url="https://go.example.vn")
HOST = {"host": "go.example.vn"}


@pytest.mark.parametrize(
    ("method", "headers", "public_url", "passes"),
    [
        ("GET", {"sec-fetch-site": "cross-site"}, "", True),
        ("HEAD", {"origin": "https://evil.example"}, "", True),
        ("POST", {"sec-fetch-site": "same-origin"}, "", True),
        ("POST", {"sec-fetch-site": "none"}, "", True),
        ("POST", {"sec-fetch-site": "same-site"}, "", False),
        ("POST", {"sec-fetch-site": "cross-site"}, "", False),
        ("PUT", {"sec-fetch-site": "cross-site"}, "", False),
        ("DELETE", {"sec-fetch-site": "cross-site"}, "", False),
        ("POST", {"sec-fetch-site": ""}, "", False),
        ("POST", {"sec-fetch-site": "cross-site", "origin": "https://go.example.vn"}, "", False),
        ("POST", {"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, "", True),
        ("POST", {"origin": "https://go.example.vn"}, "", True),
        ("POST", {"origin": "http://go.example.vn:8009"}, "", False),
        ("POST", {"origin": "https://evil.example"}, "", False),
        ("POST", {"origin": "null"}, "", False),
        ("POST", {"origin": "http://["}, "", False),
        ("POST", {"origin": "https://GO.example.vn"}, "https://go.example.vn", True),
        ("POST", {"origin": "http://go.example.vn"}, "https://go.example.vn", False),
        ("POST", {}, "", True),
    ],
)
def test_what_another_site_makes_a_browser_send_is_refused(
    method: str, headers: dict[str, str], public_url: str, passes: bool
) -> None:
    assert is_same_origin(method, {**HOST, **headers}, public_url) is passes


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-out", "/language", "/api/hello", "/sync/w09562-x/_bulk_docs"]
)
def test_every_unsafe_route_is_protected(
    visitor: TestClient, enrolled: Callable[[Role], dict[str, str]], path: str
) -> None:
    headers = {**enrolled(Role.VOLUNTEER), "sec-fetch-site": "cross-site", "accept": "application/json"}
    response = visitor.post(path, headers=headers)
    assert (response.status_code, response.json()["error"]) == (403, "cross-origin")


async def read(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def fail(request: Request) -> Response:
    raise RuntimeError("the password is geheim")


def small_app(settings: Settings) -> TestClient:
    app = Starlette(
        routes=[
            route("/api/read", read, who=PUBLIC, methods=("GET", "POST")),
            route("/api/fail", fail, who=PUBLIC),
            route("/fail", fail, who=PUBLIC),
        ],
        middleware=[
            Middleware(SecurityHeaders, settings=settings),
            Middleware(Failures),
            Middleware(KnownHost, settings=settings),
            Middleware(SameOrigin, settings=settings),
            Middleware(BodyLimit),
        ],
        exception_handlers={Problem: handle},
    )
    return TestClient(app, base_url="https://go.example.vn", raise_server_exceptions=False)


def test_only_the_public_host_is_answered() -> None:
    client = small_app(HTTPS)
    assert client.get("/api/read").status_code == 200
    response = client.get("/api/read", headers={"host": "evil.example"})
    assert (response.status_code, response.json()["error"]) == (400, "bad-host")


def test_browsers_are_kept_on_https_when_it_is_there() -> None:
    assert "max-age" in small_app(HTTPS).get("/api/read").headers["strict-transport-security"]
    assert "strict-transport-security" not in small_app(Settings()).get("/api/read").headers


def test_a_body_that_says_too_little_of_its_length_is_stopped_all_the_same() -> None:
    def chunks() -> object:
        for _ in range(100):
            yield b"x" * 1000

    response = small_app(HTTPS).post("/api/read", content=chunks())
    assert (response.status_code, response.json()["error"]) == (413, "too-large")


@pytest.mark.parametrize("path", ["/api/fail", "/fail"])
def test_nothing_inside_is_told_when_something_breaks(path: str) -> None:
    response = small_app(HTTPS).get(path)
    assert response.status_code == 500
    assert "geheim" not in response.text
    assert "Traceback" not in response.text
    assert "internal" in response.text
    assert "content-security-policy" in response.headers


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/app/", "/api/nowhere", "/healthz", "/sync/x"])
def test_every_answer_carries_the_policy(visitor: TestClient, path: str) -> None:
    headers = visitor.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "geolocation=()" in headers["permissions-policy"]


def test_on_https_the_cookie_is_secure_and_bound_to_this_host() -> None:
    assert cookie_name(HTTPS) == "__Host-gtn-device"
    cookie = device_cookie("x", timedelta(days=1), HTTPS)
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "Secure" not in device_cookie("x", timedelta(days=1), Settings())


def test_no_page_holds_anything_inline() -> None:
    for page in (Path(__file__).parents[2] / "server" / "pages").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert " style=" not in text, page.name
        assert " onclick=" not in text, page.name
        assert "<style" not in text, page.name
