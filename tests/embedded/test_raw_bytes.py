"""Whatever bytes come to the store's port: refused or answered, and the store lives on, in bounds.

``FUZZ_SEED=n FUZZ_CASES=n`` try others than those of each run.
"""

from __future__ import annotations

import base64
import gzip
import os
import random
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sync.embedded.child import EmbeddedStore

SEED = int(os.environ.get("FUZZ_SEED", "20261127"))
CASES = int(os.environ.get("FUZZ_CASES", "400"))
MEMORY = 600
"""Megabytes that the store may take for any one request."""
SILENCE = 0.3
"""Seconds after which a store that says nothing is taken to wait for more."""

JSON, CLOSE, GZIP = (
    b"Content-Type: application/json\r\n",
    b"Connection: close\r\n",
    b"Content-Encoding: gzip\r\n",
)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BULK = b"/raw/_bulk_docs"


class Wire:
    """The port of a store with a database ``raw``, spoken to byte by byte."""

    def __init__(self, store: EmbeddedStore, log: Path) -> None:
        self.store, self.log = store, log
        self.login = b"Authorization: Basic " + base64.b64encode(b"admin:" + store.reach.password.encode())

    def request(
        self, method: bytes, path: bytes, body: bytes = b"", more: bytes = JSON, length: bytes | None = None
    ) -> bytes:
        if body or length is not None:
            more += b"Content-Length: " + (b"%d" % len(body) if length is None else length) + b"\r\n"
        head = b"%b %b HTTP/1.1\r\nHost: x\r\n%b\r\n%b" % (method, path, self.login, more)
        return head + b"\r\n" + body

    def tell(self, sent: bytes, patience: float = 30.0) -> bytes:
        """What comes back until the store hangs up or is silent; it may hang up on us while we send."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.store.port), timeout=patience) as connection:
            try:
                connection.sendall(sent)
                while got := connection.recv(1 << 20):
                    answer += got
            except OSError:
                pass
        return answer

    def measure(self, name: str) -> float:
        """Megabytes."""
        status = Path(f"/proc/{self.store.pid}/status").read_text()
        return int(re.findall(rf"{name}:\s+(\d+)", status)[0]) / 1024

    def check(self, answer: bytes, what: object) -> None:
        assert self.store.alive, f"{what} ended the store"
        for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer):
            assert int(status) < 500 or status == b"501", f"{what}: {answer[-300:]!r}"
        log = self.log.read_text()
        assert "Traceback" not in log, f"{what}\n{log[-3000:]}"
        healthy = self.tell(self.request(b"GET", b"/raw/well", more=CLOSE))
        assert b" 200 OK" in healthy, f"after {what}: {healthy!r}"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("store")
    with EmbeddedStore(folder) as store:
        with httpx.Client(base_url=store.url, timeout=30) as client:
            client.put("/raw").raise_for_status()
            client.put("/raw/well", json={"n": 1}).raise_for_status()
            view = {"map": "function (doc) { emit(doc.n, 1); }", "reduce": "_sum"}
            client.put("/raw/_design/v", json={"views": {"v": view}}).raise_for_status()
            types = {"a": "x/ế", "b": "x\r\nX-More: y", "c": ""}
            kept = {name: {"data": "", "content_type": kind} for name, kind in types.items()}
            client.put("/raw/types", json={"_attachments": kept}).raise_for_status()
        yield Wire(store, folder / "store.log")


HEADS = {
    "no http": b"\x00\xff\x16\x03\x01 hello\r\n\r\n",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n",
    "bytes in the path": "GET /raw/ế HTTP/1.1\r\n\r\n".encode(),
    "another password": b"GET / HTTP/1.1\r\nAuthorization: Basic \xff\xfe\r\nConnection: close\r\n\r\n",
    "a name that is no text": b"GET / HTTP/1.1\r\nAuthorization: Basic //4=\r\nConnection: close\r\n\r\n",
    "one endless header": b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000_000,
    "headers without end": b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 2_000_000,
    "an endless address": b"GET /" + b"a" * 20_000_000 + b" HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_none_is_refused(wire: Wire, name: str) -> None:
    before = wire.measure("VmRSS")
    wire.check(wire.tell(HEADS[name]), name)
    assert wire.measure("VmRSS") < before + 30


def test_half_requests_keep_nobody_waiting(wire: Wire) -> None:
    whole = wire.request(b"PUT", b"/raw/half", b'{"half": 1}')
    for length in range(0, len(whole), 7):
        wire.tell(whole[:length], patience=0.001)
    wire.check(b"", "half requests")


BODIES = {
    "less than nothing": (b"Content-Length: -5\r\n", b"{}"),
    "two lengths": (b"Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"),
    "a length beyond all": (b"Content-Length: 999999999999999999999999\r\n", b"{}"),
    "a length and pieces": (b"Content-Length: 2\r\n" + CHUNKED, b"2\r\n{}\r\n0\r\n\r\n"),
    "a piece that is no number": (CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"),
    "a piece of less than nothing": (CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"),
    "a piece beyond all": (CHUNKED, b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "an encoding nobody knows": (b"Transfer-Encoding: gzip, identity\r\n", b"{}"),
    "headers after the body": (CHUNKED, b"2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 200_000 + b"\r\n"),
    "words beside a piece": (CHUNKED, b"2;" + b"a" * 2_000_000 + b"\r\n{}\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_no_honest_length_is_refused(wire: Wire, name: str) -> None:
    more, body = BODIES[name]
    answer = wire.tell(wire.request(b"PUT", b"/raw/length", more=JSON + CLOSE + more) + body)
    assert b" 400 " in answer or not answer  # hung up on while we were still sending
    wire.check(answer, name)


PARTS = {
    "bare": b"NaN", "sign": b"-", "endless": b"1e999", "below": b"-1e999", "none": b"5e-400",
    "digits": b"9" * 5000, "places": b"1." + b"9" * 5000, "zero": b"-0.0", "octal": b"01",
    "large": b"18446744073709551616", "half": b'"\\ud800"', "halves": b'"\\udfff\\ud800"',
    "raw half": b'"\xed\xa0\x80"', "no utf-8": b'"\xff"', "nul": b'"a\\u0000b"', "control": b'"\x01"',
    "overlong": b'"\xc0\x80"', "deep": b"[" * 100_000, "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000, "rather deep": b"[" * 500 + b"]" * 500,
    "twice": b'{"a": 1, "a": 2}', "twice the id": b'{"_id": "twice", "_id": "again"}',
    "long id": b'{"_id": "' + b"x" * 100_000 + b'"}', "nul id": b'{"_id": "\\u0000"}',
    "revisions": b'{"_rev": "1-\xe1\xba\xbf", "_id": "r"}', "arabic": '{"_rev": "1٣-a", "_id": "r"}'.encode(),
    "history": b'{"_id": "h", "_revisions": {"start": 1e3, "ids": ["a"]}}',
    "attached": b'{"_attachments": {"a": {"data": "", "content_type": "\\r\\nX: y", "digest": 1}}}',
}  # fmt: skip
PLACES = (
    (b"PUT", b"/raw/part", b"%b"),
    (b"PUT", b"/raw/part", b'{"a": %b}'),
    (b"PUT", b"/raw/_local/part", b'{"a": %b}'),
    (b"POST", BULK, b'{"docs": [%b]}'),
    (b"POST", BULK, b'{"new_edits": false, "docs": [%b, {"_id": "p", "_rev": "1-a", "a": %b}]}'),
    (b"POST", b"/raw/_all_docs", b'{"keys": [%b], "startkey": %b}'),
    (b"POST", b"/raw/_bulk_get", b'{"docs": [%b, {"id": %b}, {"id": "a", "rev": %b}]}'),
    (b"POST", b"/raw/_revs_diff", b'{"a": [%b]}'),
    (b"POST", b"/raw/_changes?filter=_doc_ids", b'{"doc_ids": [%b]}'),
    (b"POST", b"/raw/_design/v/_view/v?reduce=false", b'{"keys": [%b], "startkey": %b}'),
    (b"POST", b"/raw/_purge", b'{"a": [%b]}'),
    (b"PUT", b"/raw/_security", b'{"admins": {"names": [%b]}}'),
)


@pytest.mark.parametrize("name", PARTS)
def test_no_json_is_too_odd(wire: Wire, name: str) -> None:
    for method, path, shape in PLACES:
        body = shape.replace(b"%b", PARTS[name])
        answer = wire.tell(wire.request(method, path, body, JSON + CLOSE))
        assert re.match(rb"HTTP/1.1 [245]", answer), f"{path!r} {body[:80]!r}"
        wire.check(answer, f"{path!r} {body[:80]!r}")
    for path in (b"/raw/part", b"/raw/p", b"/raw/_all_docs?include_docs=true", b"/raw/_design/v/_view/v"):
        wire.check(wire.tell(wire.request(b"GET", path, more=CLOSE)), f"{path!r} after {name}")


ADDRESSES = [
    b"/raw/%", b"/raw/%ZZ", b"/raw/%ff", b"/raw/%ed%a0%80", b"/raw/%c0%80", b"/raw/%00", b"/%2e%2e/%2e%2e",
    b"//raw//", b"/raw/../raw", b"/raw%2Fwell", b"/raw/" + b"x" * 9000, b"/raw/_local/" + b"x" * 9000,
    b"/raw/_design/%2F", b"/raw/_design//_view/", b"/raw/types/a", b"/raw/types/b", b"/raw/types/c",
    b"/raw/rev?rev=1%D9%A3-a", b"/raw/rev?rev=1-%e1%ba%bf", b"/raw/rev?open_revs=[%22%5Cud800%22]",
    b"/raw/_all_docs?startkey=%22%5Cud800%22", b"/raw/_all_docs?startkey=%22%ED%A0%80%22",
    b"/raw/_all_docs?key=1e999", b"/raw/_all_docs?limit=%C2%B2", b"/raw/_changes?since=%C2%B2",
    b"/raw/_changes?since=" + b"9" * 5000, b"/raw/_changes?since=" + b"9" * 5000 + b"-x",
    b"/raw/_changes?heartbeat=0&feed=longpoll&timeout=1&since=now",
    b"/raw/_design/v/_view/v?group_level=" + b"9" * 18, b"/raw/_design/v/_view/v?key=" + b"9" * 4000,
    b"/raw/_design/v/_view/v?reduce=false&skip=" + b"9" * 18 + b"&limit=" + b"9" * 18,
    b"/raw/_changes?feed=longpoll&heartbeat=x", b"/raw/_changes?feed=longpoll&timeout=x&since=now",
    b"/raw?" + b"&" * 20_000, b"/_uuids?count=-1", b"/_node/_local/_config/%00/%ff",
]  # fmt: skip


@pytest.mark.parametrize("path", ADDRESSES, ids=lambda path: path[:40].decode())
def test_no_address_is_too_odd(wire: Wire, path: bytes) -> None:
    for method in (b"GET", b"HEAD", b"PUT", b"DELETE", b"PROPFIND"):
        if method == b"DELETE" and not path.startswith(b"/raw/"):
            continue  # the database itself is still needed
        body = b"{}" if method == b"PUT" else b""
        wire.check(wire.tell(wire.request(method, path, body, JSON + CLOSE)), f"{method!r} {path[:60]!r}")


def bomb(start: bytes, part: bytes, count: int, end: bytes) -> bytes:
    return gzip.compress(start + part * count + end, 1)


BOMBS: dict[str, Callable[[], bytes]] = {
    "spaces": lambda: bomb(b"", b" ", 70_000_000, b"{}"),
    "a long text": lambda: bomb(b'{"a": "', b"x", 60_000_000, b'"}'),
    "empty lists": lambda: bomb(b'{"docs": [', b"[],", 20_000_000, b"[]]}"),
    "empty documents": lambda: bomb(b'{"docs": [', b"{},", 20_000_000, b"{}]}"),
    "too many documents": lambda: bomb(b'{"docs": [', b"{},", 300_000, b"{}]}"),
    "brackets": lambda: bomb(b"", b"[", 60_000_000, b""),
    "no gzip": lambda: b"{}",
    "half of it": lambda: gzip.compress(b"{}")[:-4],
    "one after another": lambda: gzip.compress(b"{}") * 2,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_fills_the_memory(wire: Wire, name: str) -> None:
    Path(f"/proc/{wire.store.pid}/clear_refs").write_text("5")  # the peak counts from here
    answer = wire.tell(wire.request(b"POST", BULK, BOMBS[name](), JSON + CLOSE + GZIP), patience=60)
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413"), answer
    wire.check(answer, name)
    assert wire.measure("VmHWM") < MEMORY


def test_one_document_asked_for_a_thousand_times_is_sent_piece_by_piece(wire: Wire) -> None:
    body = b'{"text": "' + b"x" * 1_000_000 + b'"}'
    assert b" 201 " in wire.tell(wire.request(b"PUT", b"/raw/large", body, JSON + CLOSE))
    Path(f"/proc/{wire.store.pid}/clear_refs").write_text("5")
    for path, wanted in ((b"/raw/_bulk_get", b'{"docs": [%b]}'), (b"/raw/_all_docs", b'{"keys": [%b]}')):
        one = b'{"id": "large"}' if b"docs" in wanted else b'"large"'
        asked = wanted % b",".join([one] * 2000)
        with socket.create_connection(("127.0.0.1", wire.store.port), timeout=60) as connection:
            query = path + b"?include_docs=true"
            connection.sendall(wire.request(b"POST", query, asked, JSON + CLOSE))
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        wire.check(b"", path)
    assert wire.measure("VmHWM") < 2 * MEMORY


@pytest.mark.parametrize("kind", ["multipart/related; boundary=x", "multipart/form-data", "\udcff;;=", ""])
def test_bodies_of_many_parts_are_not_read(wire: Wire, kind: str) -> None:
    header = b"Content-Type: " + kind.encode("utf-8", "surrogateescape") + b"\r\n"
    for body in (b"--x\r\n\r\n{}\r\n--x--", b"--x\r\n--x--", b"--x", b"--y\r\n" * 10):
        for method, path in ((b"PUT", b"/raw/parts"), (b"POST", b"/raw"), (b"POST", BULK)):
            answer = wire.tell(wire.request(method, path, body, header + CLOSE))
            assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 415")
            wire.check(answer, f"{kind} {body!r}")


def test_requests_sent_at_once_are_answered_in_order(wire: Wire) -> None:
    many = b"".join(wire.request(b"GET", b"/raw/well?rev=%d-x" % n) for n in range(1, 300))
    answer = wire.tell(many + wire.request(b"GET", b"/_up", more=CLOSE))
    assert answer.count(b"HTTP/1.1 404") == 299
    assert answer.endswith(b'"seeds":{}}\n')


@pytest.mark.parametrize("end", [b"\x00\r\n\r\n", b"", b"GET /"])
def test_who_hangs_up_in_the_middle_of_many_requests_hurts_nobody(wire: Wire, end: bytes) -> None:
    waiting = wire.request(b"GET", b"/raw/_changes?feed=longpoll&since=now&timeout=200")
    for first in (waiting, wire.request(b"GET", b"/raw/_all_docs")):
        many = first + wire.request(b"GET", b"/raw") * 20 + end
        for patience in (0.001, SILENCE):
            wire.tell(many, patience)
    wire.check(b"", end)


STEPS = (
    b"",
    b"\r\n",
    b"\x00",
    b"%00",
    b"\xff",
    b'"',
    b"{",
    b"[",
    b"1e999",
    b"\\ud800",
    b"-1",
    b"?",
    b"/",
    b":",
)


def mutate(chance: random.Random, request: bytes) -> bytes:
    """The request with some of its bytes cut out, doubled, moved or replaced."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(request) + 1)
        end = min(start + chance.choice((0, 1, 1, 3, 20)), len(request))
        piece = chance.choice((*STEPS, request[start:end] * 2, chance.randbytes(3)))
        request = request[:start] + piece + request[end:]
    return request


def test_requests_changed_at_random_hurt_nobody(wire: Wire) -> None:
    chance = random.Random(SEED)
    whole = [wire.request(method, path, shape.replace(b"%b", b'"a"')) for method, path, shape in PLACES]
    whole += [wire.request(b"GET", path) for path in ADDRESSES if len(path) < 100]
    sent = [mutate(chance, chance.choice(whole)) for _ in range(CASES)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda one: wire.tell(one + b"\r\n\r\n", SILENCE), sent))
    for number, (one, answer) in enumerate(zip(sent, answers, strict=True)):
        assert not re.search(rb"HTTP/1\.1 50[02-9]", answer), f"seed {SEED}, case {number}: {one!r}"
    wire.check(b"", f"seed {SEED}")
