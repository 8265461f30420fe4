"""Who left a unit may still bring what was recorded there, for review, and reaches nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.access import Viewer
from server.people import LATE, change_person, set_active, units_left
from server.site import Site
from sync.clocks import text_of
from sync.erasing import erase
from sync.quarantine import Quarantine
from sync.store import Document, StoreUnavailable
from sync.ulids import new_ulid
from tests.server.conftest import PASSWORD, UNIT, WARD
from tests.sync.pictures import photo
from tests.sync.samples import child, register, resident, visit

OTHER = "mttq"
OLD, NEW = f"/sync/w{WARD}-{UNIT}", f"/sync/w{WARD}-{OTHER}"
HELLO = {"clock": "2026-05-01T01:00:00.000Z", "waiting": 2, "app": "1"}
Call = Callable[..., Any]


def admin() -> Viewer:
    told: dict[str, Any] = {"unit": None, "device": "device:1", "language": "vi", "ward": WARD}
    return Viewer(id="person:admin", name="A", login="a", role="admin", **told)


@pytest.fixture
def mover(call: Call, site: Site) -> tuple[Document, dict[str, str]]:
    """A volunteer of the unit and the cookie of their phone."""
    login = f"v{new_ulid().lower()}"
    told = {"name": "Người Chuyển", "role": "volunteer", "ward": WARD, "unit": UNIT, "password": PASSWORD}
    person = call(site.accounts.add_person, login=login, **told)
    _, value = call(site.accounts.enrol, person, "test")
    return person, {"cookie": f"gtn-device={value}"}


def push(server: TestClient, cookie: dict[str, str], database: str, *documents: Document) -> Any:
    return server.post(
        f"{database}/_bulk_docs", json={"docs": list(documents), "new_edits": False}, headers=cookie
    )


def recorded_by(person: Document) -> Document:
    return visit(person["_id"], UNIT)


def kept(call: Call, site: Site, id: str) -> list[Document]:
    rows = call(site.store.all_docs, site.ward.quarantine, include_docs=True)
    return [row["doc"] for row in rows if row["doc"].get("id") == id]


def move(call: Call, site: Site, person: Document, unit: str) -> None:
    call(
        change_person,
        site.accounts,
        admin(),
        call(site.store.get, site.names.accounts, person["_id"]),
        unit=unit,
    )


def leave(call: Call, site: Site, person: Document, ended: bool) -> None:
    """To another unit, or altogether."""
    if ended:
        call(set_active, site.accounts, admin(), person, False)
    else:
        move(call, site, person, OTHER)


def age(call: Call, site: Site, person: Document, days: float) -> None:
    """As if the leaving had been so long ago."""
    then = text_of(datetime.now(UTC) - timedelta(days=days))

    def change(stored: Document) -> Document:
        past = [{**entry, "until": then} for entry in stored.get("past", ())]
        return {**stored, "past": past, **({"ended": then} if "ended" in stored else {})}

    call(site.accounts.change, person["_id"], change)


def test_what_was_recorded_before_a_move_comes_for_review_and_into_neither_unit(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]]
) -> None:
    person, cookie = mover
    early, late = recorded_by(person), recorded_by(person)
    assert push(server, cookie, OLD, early).json() == []
    move(call, site, person, OTHER)
    answer = push(server, cookie, OLD, early, late)
    assert answer.status_code == 201
    [refused] = answer.json()
    assert (refused["id"], refused["rev"], refused["error"], refused["code"]) == (
        *(late["_id"], late["_rev"], "forbidden", "left-unit"),
    )
    [entry] = kept(call, site, late["_id"])
    assert (entry["code"], entry["unit"], entry["by"]) == ("left-unit", UNIT, person["_id"])
    assert kept(call, site, early["_id"]) == [], "a record that the unit has already was put under review"
    for unit in (UNIT, OTHER):
        assert call(site.store.find, site.ward.unit(unit), late["_id"]) is None
    push(server, cookie, OLD, late)
    assert len(kept(call, site, late["_id"])) == 1, "sent again after a lost answer, it was kept twice"


@pytest.mark.parametrize("ended", [False, True])
def test_photos_of_the_unit_that_was_left_come_for_review(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]], ended: bool
) -> None:
    person, cookie = mover
    early, late = photo(person["_id"], UNIT), photo(person["_id"], UNIT)
    assert push(server, cookie, f"{OLD}-photos", early).json() == []
    leave(call, site, person, ended)
    assert [one["code"] for one in push(server, cookie, f"{OLD}-photos", early, late).json()] == ["left-unit"]
    [entry] = kept(call, site, late["_id"])
    assert (entry["database"], entry["document"]["image"]) == (f"w{WARD}-{UNIT}-photos", late["image"])
    assert call(site.store.find, site.ward.photos(UNIT), late["_id"]) is None
    assert server.get(f"{OLD}-photos/_changes", headers=cookie).status_code in (401, 403)
    assert server.get(f"/api/photos/{early['_id'][6:]}", headers=cookie).status_code in (401, 404)


@pytest.mark.parametrize("ended", [False, True])
def test_the_right_is_to_write_alone(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]], ended: bool
) -> None:
    person, cookie = mover
    leave(call, site, person, ended)
    refused = (401, "access-ended") if ended else (403, "not-yours")
    calls = [
        ("GET", ""),
        ("GET", "/_changes"),
        ("GET", "/_snapshot?since=0"),
        ("POST", "/_bulk_get"),
        ("POST", "/_revs_diff"),
        ("GET", "/_local/x"),
        ("PUT", "/_local/x"),
    ]
    for method, path in calls:
        answer = server.request(method, OLD + path, headers=cookie, json={} if method != "GET" else None)
        assert (answer.status_code, answer.json()["error"]) == refused, (method, path)
    if ended:
        for method, path in (("POST", "/api/hello"), ("GET", NEW), ("GET", "/sync/"), ("GET", "/desk")):
            answer = server.request(
                method, path, headers={**cookie, "accept": "application/json"}, json=HELLO
            )
            assert answer.status_code == 401, path
        assert push(server, cookie, NEW, recorded_by(person)).status_code == 401
    assert push(server, cookie, f"/sync/w{WARD}-tdp-07", recorded_by(person)).status_code == refused[0]


def test_whoever_was_ended_can_still_hand_in_what_they_recorded(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]]
) -> None:
    person, cookie = mover
    call(set_active, site.accounts, admin(), person, False)
    late = recorded_by(person)
    [refused] = push(server, cookie, OLD, late).json()
    assert refused["code"] == "left-unit"
    assert len(kept(call, site, late["_id"])) == 1


@pytest.mark.parametrize("taken", ["revoke", "lose", "end_session"])
@pytest.mark.parametrize("ended", [False, True])
def test_a_device_that_was_taken_away_brings_nothing(
    server: TestClient,
    site: Site,
    call: Call,
    mover: tuple[Document, dict[str, str]],
    taken: str,
    ended: bool,
) -> None:
    person, cookie = mover
    move(call, site, person, OTHER)
    if ended:
        call(set_active, site.accounts, admin(), person, False)
    ulid = cookie["cookie"].partition("=")[2].partition(".")[0]
    call(getattr(site.accounts, taken), f"device:{ulid}")
    late = recorded_by(person)
    assert push(server, cookie, OLD, late).status_code == 401
    assert kept(call, site, late["_id"]) == []


@pytest.mark.parametrize("ended", [False, True])
def test_after_thirty_days_nothing_is_taken_any_more(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]], ended: bool
) -> None:
    person, cookie = mover
    leave(call, site, person, ended)
    age(call, site, person, LATE.days - 1)
    assert push(server, cookie, OLD, recorded_by(person)).status_code == 201
    age(call, site, person, LATE.days + 0.1)
    assert push(server, cookie, OLD, recorded_by(person)).status_code == (401 if ended else 403)


def test_whoever_comes_back_writes_into_the_unit_as_before(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]]
) -> None:
    person, cookie = mover
    move(call, site, person, OTHER)
    move(call, site, person, UNIT)
    back = recorded_by(person)
    assert push(server, cookie, OLD, back).json() == []
    assert call(site.store.find, site.ward.unit(UNIT), back["_id"]) is not None
    call(set_active, site.accounts, admin(), person, False)
    call(set_active, site.accounts, admin(), person, True)
    assert push(server, cookie, OLD, recorded_by(person)).json() == []


def test_the_units_left_are_those_of_thirty_days() -> None:
    now = datetime(2026, 5, 31, tzinfo=UTC)
    past = [
        {"unit": "tdp-01", "until": text_of(now - timedelta(days=31))},
        {"unit": "tdp-02", "until": text_of(now - timedelta(days=29))},
        {"role": "lead", "until": text_of(now)},
        {"unit": "tdp-03", "until": text_of(now)},
    ]
    person = {"unit": "tdp-03", "active": True, "past": past}
    assert units_left(person, now) == ("tdp-02",)
    assert units_left({**person, "active": False, "ended": text_of(now)}, now) == ("tdp-02", "tdp-03")
    assert units_left({"unit": "tdp-03", "active": False}, now) == ()


def test_nothing_of_an_erased_resident_is_kept_for_review(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]]
) -> None:
    person, cookie = mover
    named = resident(by=person["_id"], unit=UNIT, name="Đặng Thị Khuyết")
    assert push(server, cookie, OLD, named).json() == []
    move(call, site, person, OTHER)
    call(erase, site.store, site.names, WARD, UNIT, named["_id"])
    edited = child(named, label=register("Bà Khuyết", person["_id"]))
    door = visit(person["_id"], UNIT, note="Gặp Đặng Thị Khuyết")
    codes = {one["id"]: one["code"] for one in push(server, cookie, OLD, edited, door).json()}
    assert codes == {named["_id"]: "erased", door["_id"]: "left-unit"}
    entries = [*kept(call, site, named["_id"]), *kept(call, site, door["_id"])]
    assert entries, "the visit was not kept for review"
    assert "Khuyết" not in str(entries), "the name of someone erased is in the quarantine"


def test_what_cannot_be_kept_for_review_stays_on_the_phone(
    server: TestClient,
    site: Site,
    call: Call,
    mover: tuple[Document, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person, cookie = mover
    move(call, site, person, OTHER)
    late = recorded_by(person)

    async def fail(*_: object) -> None:
        raise StoreUnavailable("no room")

    with monkeypatch.context() as broken:
        broken.setattr(Quarantine, "keep", fail)
        answer = push(server, cookie, OLD, late)
    assert (answer.status_code, answer.json()["error"]) == (503, "store-unavailable")
    assert [one["code"] for one in push(server, cookie, OLD, late).json()] == ["left-unit"]
    assert len(kept(call, site, late["_id"])) == 1


def test_whoever_was_moved_twice_and_then_ended_hands_in_for_each_unit(
    server: TestClient, site: Site, call: Call, mover: tuple[Document, dict[str, str]]
) -> None:
    person, cookie = mover
    move(call, site, person, OTHER)
    move(call, site, person, UNIT)
    move(call, site, person, OTHER)
    call(set_active, site.accounts, admin(), person, False)
    for unit, database in ((UNIT, OLD), (OTHER, NEW)):
        late = visit(person["_id"], unit)
        assert [one["code"] for one in push(server, cookie, database, late).json()] == ["left-unit"], unit
        assert [entry["unit"] for entry in kept(call, site, late["_id"])] == [unit]
