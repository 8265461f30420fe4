"""What uvicorn lets through to us: heads within limits, and a client's address that nobody can forge."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from server.serving import configure
from server.settings import Settings
from tests.sync.town import listening, running

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


async def tell(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.client.host if request.client else ''} {request.url.scheme}")


@contextmanager
def served(settings: Settings) -> Iterator[int]:
    """The port of a small application that is served as ours is."""
    app = Starlette(routes=[Route("/", tell, methods=["GET", "POST"])])
    with listening() as (listener, port), running(uvicorn.Server(configure(app, settings)), listener):
        yield port


def exchange(port: int, *parts: bytes) -> bytes:
    """Everything that comes back; the server may hang up before all was sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # refused while we were still talking
        answer = b""
        try:
            while got := connection.recv(65536):
                answer += got
        except OSError:
            pass
        return answer


@pytest.mark.parametrize(
    "more",
    [
        [b"X-%d: " % n + b"a" * 1000 + b"\r\n" for n in range(2000)],
        [b"X-Endless: " + b"a" * 1000, *[b"a" * 1000] * 2000],
        [b"Cookie: " + b"a=b; " * 200 + b"\r\n"] * 2000,
    ],
    ids=["many headers", "one endless header", "many cookies"],
)
def test_headers_without_end_are_hung_up_on(more: list[bytes]) -> None:
    with served(Settings()) as port:
        answer = exchange(port, HEAD, *more, b"\r\n\r\n")
        assert b" 200 " not in answer
        assert b" 200 " in exchange(port, HEAD + b"\r\n"), "others are still served"


def test_an_address_without_end_is_hung_up_on() -> None:
    with served(Settings()) as port:
        assert b" 200 " not in exchange(port, b"GET /", *[b"a" * 1000] * 2000, b" HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    "more",
    [
        [b"0\r\n", *[b"X: " + b"a" * 1000 + b"\r\n"] * 2000, b"\r\n"],
        [b"1;", *[b"a" * 1000] * 2000, b"\r\nx\r\n0\r\n\r\n"],
    ],
    ids=["headers after the body", "words beside a piece's length"],
)
def test_what_is_no_body_is_hung_up_on_after_the_head_too(more: list[bytes]) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    with served(Settings()) as port:
        assert b" 400 " in exchange(port, head, *more)


def test_a_large_body_is_no_large_head() -> None:
    body = [b"x" * 10_000] * 200
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n"
    with served(Settings()) as port:
        assert b" 200 " in exchange(port, head, *body)


def test_a_body_whose_end_comes_in_one_large_piece_is_no_large_head() -> None:
    with served(Settings()) as port:
        for size in range(70_000, 250_000, 9_000):
            head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
            assert b" 200 " in exchange(port, head, b"x" * size), size


FORGED = (
    b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
    b"X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6;proto=https\r\n"
)


@pytest.mark.parametrize("trusted", ["", "10.9.8.7"])
def test_a_client_cannot_say_that_it_is_another(trusted: str) -> None:
    """Else whoever guesses passwords would have as many addresses as they like."""
    with served(Settings(trusted_proxy=trusted)) as port:
        assert exchange(port, HEAD, FORGED, b"\r\n").endswith(b"127.0.0.1 http")


def test_behind_the_proxy_only_what_it_added_itself_counts() -> None:
    with served(Settings(trusted_proxy="127.0.0.1")) as port:
        said = b"X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
        assert exchange(port, HEAD, said, b"\r\n").endswith(b"203.0.113.9 https")
