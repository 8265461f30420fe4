"""What a phone could not send comes in as a file, through the same checks and by those whose it may be."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.testclient import TestClient

from server.people import change_person, set_active
from server.phone_file_pages import HERE
from server.phone_files import UNPACKED
from server.roles import Role
from server.site import Site
from sync.store import Document
from sync.ulids import new_ulid
from tests.server.conftest import PASSWORD, UNIT, WARD
from tests.server.test_leaving import admin, kept, push, recorded_by
from tests.sync.samples import household

Call = Callable[..., Any]
Enrolled = Callable[[Role], dict[str, str]]
OWN, OTHER = f"w{WARD}-{UNIT}", "mttq"
HELLO = {"clock": "2026-05-01T01:00:00.000Z"}


@pytest.fixture
def sender(call: Call, site: Site) -> tuple[Document, str, dict[str, str]]:
    """A volunteer, their phone's id, and its cookie."""
    told = {"name": "Phạm Văn Xa", "role": "volunteer", "ward": WARD, "unit": UNIT, "password": PASSWORD}
    person = call(site.accounts.add_person, login=f"v{new_ulid().lower()}", **told)
    device, value = call(site.accounts.enrol, person, "test")
    return person, device, {"cookie": f"gtn-device={value}"}


def seal(key: str, device: str, plain: bytes, *, packing: str = "gzip") -> str:
    head = f"GTN1 {device} {packing}"
    nonce = os.urandom(12)
    packed = gzip.compress(plain) if packing == "gzip" else plain
    sealed = AESGCM(base64.b64decode(key)).encrypt(nonce, packed, head.encode())
    return f"Tệp của máy\n{head}\n{base64.b64encode(nonce + sealed).decode()}\n"


def key_of(server: TestClient, cookie: dict[str, str]) -> str:
    return str(server.post("/api/hello", json=HELLO, headers=cookie).json()["file_key"])


def save(
    server: TestClient, sender: tuple[Document, str, dict[str, str]], *documents: Document, at: str = OWN
) -> str:
    """The file of this phone, in which these documents wait."""
    _, device, cookie = sender
    waiting = {"at": "2026-05-01T01:00:00.000Z", "parts": [{"database": at, "docs": list(documents)}]}
    return seal(key_of(server, cookie), device, json.dumps(waiting).encode())


def bring(server: TestClient, cookie: dict[str, str], text: str | bytes) -> Any:
    return server.post(HERE, files={"file": ("go-tung-nha.txt", text, "text/plain")}, headers=cookie)


def stored(call: Call, site: Site, id: str) -> Document | None:
    found: Document | None = call(site.store.find, site.ward.unit(UNIT), id)
    return found


@pytest.mark.parametrize("role", [Role.LEAD, Role.SUPERVISOR, Role.ADMIN])
def test_what_waits_comes_in_once_and_is_told_apart(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any, role: Role
) -> None:
    person, device, cookie = sender
    good, known = recorded_by(person), recorded_by(person)
    bad = {**recorded_by(person), "unit": OTHER}
    assert push(server, cookie, f"/sync/{OWN}", known).json() == []
    text = save(server, sender, good, known, bad)
    page = bring(server, enrolled(role), text)
    assert page.status_code == 200
    assert "Phạm Văn Xa" in page.text
    assert "1 bản ghi đã nhận" in page.text
    assert "1 bản ghi phường đã có từ trước" in page.text
    assert "1 bản ghi cần xem lại" in page.text
    assert ("/desk/quarantine" in page.text.split("<main")[1]) == (role is not Role.LEAD)
    assert (stored(call, site, good["_id"]) or {})["_rev"] == good["_rev"]
    [entry] = kept(call, site, bad["_id"])
    assert (entry["by"], entry["device"]) == (person["_id"], device)
    again = bring(server, enrolled(role), text)
    assert "0 bản ghi đã nhận" in again.text
    assert "2 bản ghi phường đã có từ trước" in again.text
    assert push(server, cookie, f"/sync/{OWN}", good).json() == [], (
        "the phone itself is not taken at its word"
    )


def test_each_file_brought_in_is_in_the_audit(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any
) -> None:
    bring(server, enrolled(Role.SUPERVISOR), save(server, sender, recorded_by(sender[0])))
    rows = call(site.store.all_docs, site.names.audit, include_docs=True)
    acts = [row["doc"] for row in rows if row["doc"].get("action") == "phone-file-brought"]
    assert acts[-1]["subject"] == sender[1]
    assert acts[-1]["unit"] == UNIT


def test_a_rule_that_holds_for_phones_holds_for_files(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any
) -> None:
    """Another author's visit is not amended by a file that says so."""
    _person, _, _ = sender
    other = call(
        site.accounts.add_person,
        login=f"v{new_ulid().lower()}",
        name="B",
        role="volunteer",
        ward=WARD,
        unit=UNIT,
        password=None,
    )
    forged = recorded_by(other)
    page = bring(server, enrolled(Role.LEAD), save(server, sender, forged))
    assert "1 bản ghi cần xem lại" in page.text
    assert stored(call, site, forged["_id"]) is None


def test_a_lead_brings_in_files_of_the_own_unit_alone(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled
) -> None:
    told = {"name": "Xa", "role": "volunteer", "ward": WARD, "unit": OTHER, "password": None}
    person = call(site.accounts.add_person, login=f"v{new_ulid().lower()}", **told)
    device, value = call(site.accounts.enrol, person, "test")
    sender = (person, device, {"cookie": f"gtn-device={value}"})
    visit = {**recorded_by(person), "unit": OTHER}
    text = save(server, sender, visit, at=f"w{WARD}-{OTHER}")
    page = bring(server, enrolled(Role.LEAD), text)
    assert page.status_code == 403
    assert "của một tổ, đơn vị khác" in page.text
    assert call(site.store.find, site.ward.unit(OTHER), visit["_id"]) is None
    assert "1 bản ghi đã nhận" in bring(server, enrolled(Role.SUPERVISOR), text).text


def test_a_file_cannot_write_where_its_sender_may_not(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any
) -> None:
    visit = {**recorded_by(sender[0]), "unit": OTHER}
    page = bring(server, enrolled(Role.SUPERVISOR), save(server, sender, visit, at=f"w{WARD}-{OTHER}"))
    assert page.status_code == 403
    assert call(site.store.find, site.ward.unit(OTHER), visit["_id"]) is None


@pytest.mark.parametrize("ended", [False, True])
def test_whoever_has_left_is_heard_for_review(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any, ended: bool
) -> None:
    person, _, _ = sender
    late = recorded_by(person)
    text = save(server, sender, late)
    if ended:
        call(set_active, site.accounts, admin(), person, False)
    else:
        fresh = call(site.store.get, site.names.accounts, person["_id"])
        call(change_person, site.accounts, admin(), fresh, unit=OTHER)
    page = bring(server, enrolled(Role.SUPERVISOR), text)
    assert "1 bản ghi cần xem lại" in page.text
    assert kept(call, site, late["_id"])[0]["code"] == "left-unit"


def test_a_phone_that_is_only_signed_out_is_heard(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any
) -> None:
    text = save(server, sender, recorded_by(sender[0]))
    call(site.accounts.end_session, sender[1])
    assert "1 bản ghi đã nhận" in bring(server, enrolled(Role.LEAD), text).text


@pytest.mark.parametrize("taken", ["revoke", "lose"])
def test_a_phone_that_was_taken_away_is_not(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any, taken: str
) -> None:
    visit = recorded_by(sender[0])
    text = save(server, sender, visit)
    call(getattr(site.accounts, taken), sender[1])
    page = bring(server, enrolled(Role.SUPERVISOR), text)
    assert page.status_code == 401
    assert stored(call, site, visit["_id"]) is None


def deep(plain: dict[str, Any]) -> bytes:
    nested = "[" * 100 + "]" * 100
    part = f'{{"database": "{OWN}", "docs": [{{"_id": "visit:1", "x": {nested}}}]}}'
    return json.dumps({**plain, "parts": [0]}).replace("[0]", f"[{part}]").encode()


def swarm(plain: dict[str, Any]) -> bytes:
    """A million empty documents, which are small until they are read."""
    told = json.dumps({**plain, "parts": [{"database": OWN, "docs": ["@"]}]})
    return told.replace('"@"', ",".join(["{}"] * 1_000_000)).encode()


def spoil(text: str, how: str, device: str, key: str) -> str | bytes:
    start = text.rindex("\n", 0, -1) + 1
    plain = {"at": "2026-05-01T01:00:00.000Z", "parts": []}
    spoilt: dict[str, str | bytes] = {
        "changed": text[: start + 40] + ("A" if text[start + 40] != "A" else "B") + text[start + 41 :],
        "cut short": text[:-9],
        "of another device": text.replace(device, f"device:{new_ulid()}"),
        "other packing": text.replace(" gzip\n", " plain\n"),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
        "empty head": f"GTN1 {device} gzip\n",
        "no JSON": seal(key, device, b"{"),
        "other JSON": seal(key, device, json.dumps({**plain, "parts": 1}).encode()),
        "a bomb": seal(key, device, bytes(UNPACKED + 1)),
        "a bomb of objects": seal(key, device, swarm(plain)),
        "deep": seal(key, device, b"[" * 100_000),
        "deep documents": seal(key, device, deep(plain)),
        "of a device that is none": seal(key, f"device:{new_ulid()}", json.dumps(plain).encode()),
    }
    return spoilt[how]


@pytest.mark.parametrize(
    "how",
    [
        *("changed", "cut short", "of another device", "other packing", "a picture", "empty head"),
        *(
            "no JSON",
            "other JSON",
            "a bomb",
            "a bomb of objects",
            "deep",
            "deep documents",
            "of a device that is none",
        ),
    ],
)
def test_what_no_phone_has_made_so_changes_nothing(
    server: TestClient, site: Site, call: Call, enrolled: Enrolled, sender: Any, how: str
) -> None:
    visit = recorded_by(sender[0])
    text = save(server, sender, visit)
    page = bring(server, enrolled(Role.ADMIN), spoil(text, how, sender[1], key_of(server, sender[2])))
    assert page.status_code == 400
    assert "Không mở được tệp này" in page.text
    assert stored(call, site, visit["_id"]) is None


def test_a_form_without_a_file_says_so(server: TestClient, enrolled: Enrolled) -> None:
    for page in (
        server.post(HERE, data={"file": "text"}, headers=enrolled(Role.LEAD)),
        server.post(HERE, files={"file": ("", b"", "text/plain")}, headers=enrolled(Role.LEAD)),
    ):
        assert page.status_code == 400
        assert "chưa chọn tệp" in page.text


def test_a_file_through_line_breaks_of_another_kind_opens(
    server: TestClient, enrolled: Enrolled, sender: Any
) -> None:
    text = save(server, sender, household(sender[0]["_id"], UNIT))
    head, device, body = text.strip().split("\n")
    wrapped = "\r\n".join([head, device, *(body[n : n + 76] for n in range(0, len(body), 76))])
    assert "1 bản ghi đã nhận" in bring(server, enrolled(Role.LEAD), "\ufeff" + wrapped).text


def test_the_key_is_of_one_phone_alone(server: TestClient, call: Call, site: Site, sender: Any) -> None:
    _, value = call(site.accounts.enrol, sender[0], "another")
    keys = [key_of(server, cookie) for cookie in (sender[2], {"cookie": f"gtn-device={value}"})]
    assert len(set(keys)) == 2
    assert keys[0] == key_of(server, sender[2])
    assert all(len(base64.b64decode(key)) == 32 for key in keys)
