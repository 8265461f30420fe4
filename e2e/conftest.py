"""The stories' stage: a browser, a server with demo data, phones and desks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from e2e.desk import Desk
from e2e.phone import Phone
from e2e.server import Server

QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
    "--disable-dev-shm-usage",
]


def executable(playwright: Playwright) -> str | None:
    """Playwright's own Chromium where it is there, else the system's."""
    if Path(playwright.chromium.executable_path).exists():
        return None
    return shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=executable(playwright), args=QUIET)
    yield launched
    launched.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server that the stories share; each story keeps to its own records."""
    with _running(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the story's own, to be killed and restarted."""
    with _running(tmp_path) as running:
        yield running


@contextmanager
def _running(folder: Path) -> Iterator[Server]:
    one = Server(folder)
    one.start()
    try:
        yield one
    finally:
        one.stop()
        one.drop_databases()


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts that are closed after the test."""
    made: list[BrowserContext] = []

    def make(width: int = 360, height: int = 640, language: str = "vi-VN") -> BrowserContext:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            timezone_id="Asia/Ho_Chi_Minh",
            has_touch=width < 800,
            is_mobile=width < 800,
        )
        context.set_default_timeout(15_000)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def phone(contexts: Callable[..., BrowserContext], server: Server) -> Callable[..., Phone]:
    """A phone of 360 × 640, signed in: ``phone("hoa")``."""

    def make(login: str, at: Server = server) -> Phone:
        one = Phone(contexts(), at)
        one.sign_in(login)
        return one

    return make


@pytest.fixture
def desk(contexts: Callable[..., BrowserContext], server: Server) -> Callable[..., Desk]:
    """A desk of 1280 × 800, signed in as the ward's supervisor unless told otherwise."""

    def make(login: str = "giamsat", at: Server = server) -> Desk:
        one = Desk(contexts(1280, 800), at)
        one.sign_in(login)
        return one

    return make
