"""Pages, errors, texts and languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from server.errors import BY_STATUS, TABLE, Problem, respond
from server.roles import Role
from server.sign_in import local
from server.texts import LANGUAGES, texts
from sync import checks, gateway_errors
from tests.server.conftest import PASSWORD

ROOT = Path(__file__).parents[2]


class Outline(HTMLParser):
    """Labels, fields, headings and the language of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.language = ""
        self.labelled: set[str] = set()
        self.fields: set[str] = set()
        self.headings: list[str] = []
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "html":
            self.language = given["lang"]
        elif tag == "label":
            self.labelled.add(given["for"])
        elif tag == "input" and given.get("type") != "hidden":
            self.fields.add(given["id"])
        elif tag == "h1":
            self.headings.append(tag)
        elif tag == "a":
            self.links.add(given["href"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/desk"])
def test_a_page_is_labelled_and_in_the_readers_language(
    visitor: TestClient, path: str, language: str
) -> None:
    headers = {"cookie": f"gtn-lang={language}", "accept": "text/html"}
    page = Outline(visitor.get(path, headers=headers).text)
    assert page.language == language
    assert page.fields <= page.labelled
    assert len(page.headings) == 1
    assert "#main" in page.links
    assert "main" in page.ids


def test_a_supervisor_signs_in_and_out_on_the_desk(
    visitor: TestClient, people: dict[Role, object], site: object
) -> None:
    signed = visitor.post("/sign-in", data={"login": "supervisor", "password": PASSWORD, "next": "/desk?x=1"})
    assert (signed.status_code, signed.headers["location"]) == (303, "/desk?x=1")
    page = visitor.get("/desk")
    assert page.status_code == 200
    assert "Người supervisor" in page.text
    assert visitor.get("/sign-in").headers["location"] == "/desk"
    assert visitor.post("/sign-out").headers["location"] == "/sign-in"
    assert visitor.get("/desk").status_code == 401


def test_a_lead_is_told_that_signing_out_signs_the_phone_out_and_how_to_go_back(
    visitor: TestClient, people: dict[Role, object], site: object
) -> None:
    signed = visitor.post("/sign-in", data={"login": "lead", "password": PASSWORD})
    assert signed.headers["location"] == "/desk", "the page says that it is for team leaders"
    desk = visitor.get("/desk", follow_redirects=True)
    assert 'href="/app/"' in desk.text
    assert 'action="/sign-out"' not in desk.text, "one touch would sign the phone out as well"
    asked = visitor.get("/sign-out")
    assert "đăng xuất cả ứng dụng trên máy này" in asked.text
    assert 'href="/app/"' in asked.text
    assert visitor.get("/desk", follow_redirects=True).status_code == 200, "nothing has happened yet"
    assert visitor.post("/sign-out").headers["location"] == "/sign-in"


def test_what_is_done_each_week_stands_among_the_pages(
    visitor: TestClient, people: dict[Role, object], site: object
) -> None:
    visitor.post("/sign-in", data={"login": "supervisor", "password": PASSWORD})
    found = Outline(visitor.get("/desk").text).links
    assert {"/desk/import", "/desk/duplicates"} <= set(found)
    assert "/app/" not in found, "nobody of the ward has a phone's app"


def test_a_wrong_password_is_told_beside_the_form_and_the_login_is_kept(
    visitor: TestClient, people: dict[Role, object]
) -> None:
    page = visitor.post("/sign-in", data={"login": 'admin"><b>', "password": "wrong"})
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    assert "admin&#34;&gt;&lt;b&gt;" in page.text
    assert "wrong" not in page.text.replace("wrong-sign-in", "")


def test_choosing_a_language_is_remembered(visitor: TestClient) -> None:
    chosen = visitor.post("/language", data={"language": "en", "next": "/sign-in"})
    assert chosen.headers["location"] == "/sign-in"
    assert '<html lang="en">' in visitor.get("/sign-in").text
    assert visitor.post("/language", data={"language": "fr"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("/desk?x=1", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("", False),
        ("/a\r\nb", False),
    ],
)
def test_a_sign_in_never_leads_to_another_site(path: str, stays: bool) -> None:
    assert bool(local(path)) is stays


@pytest.mark.parametrize("path", ["/api/nowhere", "/sync/nowhere", "/catalog/x.json"])
def test_programs_get_errors_as_json(visitor: TestClient, path: str) -> None:
    response = visitor.get(path, headers={"accept": "*/*"})
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error", "reason"}


def test_a_method_that_is_not_allowed_names_those_that_are(visitor: TestClient) -> None:
    response = visitor.get("/api/hello")
    assert (response.status_code, response.json()["error"]) == (405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


def test_every_error_has_its_sentence_in_both_languages() -> None:
    for language in LANGUAGES:
        for code in {*TABLE, *gateway_errors.STATUS}:
            assert f"error.{code}" in texts().keys(language), (language, code)
        for status in {*TABLE.values(), *BY_STATUS}:
            assert f"error.title.{status}" in texts().keys(language), (language, status)
        for code in checks.CODES:
            assert f"refused.{code}" in texts().keys(language), (language, code)


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    assert texts().keys("vi") == texts().keys("en")
    for key in texts().keys("vi"):
        gaps = [set(re.findall(r"{(\w+)", texts().get(language, key))) for language in LANGUAGES]
        assert gaps[0] == gaps[1], key


def test_every_text_that_a_page_asks_for_is_there() -> None:
    for page in (ROOT / "server" / "pages").glob("*.html"):
        for key in re.findall(r"""\bt\(\s*["']([\w.-]+)["']\s*[,)]""", page.read_text(encoding="utf-8")):
            assert key in texts().keys("vi"), (page.name, key)


def test_health_needs_nobody(visitor: TestClient) -> None:
    assert visitor.get("/healthz").text == "ok\n"
    assert visitor.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("method", "referer", "way", "words"),
    [
        ("GET", "", "/desk?period=7d", "Thử lại"),
        (
            "POST",
            "http://testserver/desk/import?unit=tdp-07",
            "/desk/import?unit=tdp-07",
            "Quay lại trang trước",
        ),
        ("POST", "https://evil.example/desk", "/", "Về trang đầu"),
        ("POST", "http://testserver//evil.example", "/", "Về trang đầu"),
        ("POST", "http://[", "/", "Về trang đầu"),
    ],
)
def test_an_error_that_passes_leads_back_to_the_page(method: str, referer: str, way: str, words: str) -> None:
    scope = {
        "type": "http",
        "method": method,
        "path": "/desk",
        "query_string": b"period=7d",
        "headers": [(b"host", b"testserver"), (b"accept", b"text/html"), (b"referer", referer.encode())],
        "server": ("testserver", 80),
        "scheme": "http",
    }
    page = bytes(respond(HTTPConnection(scope), Problem("store-unavailable")).body).decode()
    first = re.search(r'<a class="button primary" href="([^"]*)">([^<]*)</a>', page)
    assert first
    assert (first[1], first[2]) == (way, words)


def test_a_file_sent_after_the_session_ended_leads_back_to_its_page(visitor: TestClient) -> None:
    page = visitor.post(
        "/desk/import",
        data={"unit": "tdp-07"},
        files={"file": ("ho.csv", b"x")},
        headers={"accept": "text/html", "referer": "http://testserver/desk/import?unit=tdp-07"},
    )
    assert page.status_code == 401
    assert 'href="/sign-in?next=/desk/import%3Funit%3Dtdp-07"' in page.text


def test_an_error_page_offers_to_sign_in(
    visitor: TestClient, enrolled: Callable[[Role], dict[str, str]]
) -> None:
    page = visitor.get("/desk", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert "/sign-in?next=/desk" in Outline(page.text).links
