"""A unit merged at the desk: its people, phones, late records and numbers are the other unit's."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.check import check
from server.people import change_person
from server.roles import Role
from server.site import Site
from server.units import Typed, Unfit
from sync import moving, twins, twins_after, unit_merging
from sync.deciding import Decider
from sync.erasing import erase
from sync.rollup import rollup_id
from sync.store import Document, StoreUnavailable
from sync.ulids import new_ulid
from tests.server.conftest import PASSWORD, WARD
from tests.server.test_leaving import admin, kept, push
from tests.sync.pictures import photo
from tests.sync.samples import child, helped, household, register, resident, visit
from tests.sync.test_moving import Breaking

Call = Callable[..., Any]
Phone = tuple[Document, dict[str, str]]
HELLO = {"clock": "2026-05-01T01:00:00.000Z", "waiting": 2, "app": "1"}
LATER = "2026-05-01T03:00:00.000Z"
_numbers = itertools.count(1)


@pytest.fixture
def pair(call: Call, site: Site) -> tuple[str, str]:
    """The codes of two teams."""
    number = next(_numbers)
    for letter in "ab":
        call(site.units.add, Typed(name=f"Tổ {letter} số {number}", code=f"{letter}{number}"))
    return f"a{number}", f"b{number}"


def enrol(call: Call, site: Site, unit: str, role: str = "volunteer") -> Phone:
    login = f"v{new_ulid().lower()}"
    told = {"name": "Người Của Tổ", "role": role, "ward": WARD, "unit": unit, "password": PASSWORD}
    person = call(site.accounts.add_person, login=login, **told)
    _, value = call(site.accounts.enrol, person, "test")
    return person, {"cookie": f"gtn-device={value}"}


def merge(call: Call, site: Site, source: str, target: str) -> None:
    call(site.merging.begin, source, target)
    call(site.merging.go_on, source)


def path(unit: str) -> str:
    return f"/sync/w{WARD}-{unit}"


def acts(call: Call, site: Site, *units: str) -> int:
    """Acts of help as the dashboard counts them."""
    total = 0
    for unit in units:
        call(site.rollup.refresh, site.ward.unit(unit))
        days = call(site.store.get, site.ward.rollup, rollup_id(unit))["days"].values()
        total += sum(sum(day["acts"].values()) for day in days)
    return total


def test_the_desk_says_what_will_move_and_moves_it(
    visitor: TestClient,
    site: Site,
    call: Call,
    pair: tuple[str, str],
    enrolled: Callable[[Role], dict[str, str]],
) -> None:
    source, target = pair
    person, cookie = enrol(call, site, source)
    home = household(person["_id"], source, assigned_to=register(person["_id"], person["_id"]))
    records = [home, visit(person["_id"], source), visit(person["_id"], source)]
    assert push(visitor, cookie, path(source), *records).json() == []
    assert acts(call, site, *pair) == 2
    chief = enrolled(Role.ADMIN)
    here = f"/desk/units/{source}"
    assert f'value="{target}"' in visitor.get(here, headers=chief).text
    preview = visitor.get(f"{here}/merge?into={target}", headers=chief).text
    for count in ("1 hộ", "2 lần gõ cửa", "1 thành viên"):
        assert count in preview
    assert call(site.store.find, site.ward.unit(source), home["_id"]) is not None, "a look moves nothing"
    answer = visitor.post(f"{here}/merge", data={"into": target}, headers=chief)
    assert (answer.status_code, answer.headers["location"]) == (303, here)
    page = visitor.get(here, headers=chief).text
    assert "Đã sáp nhập vào Tổ b" in page
    assert "/reopen" not in page
    assert "đã sáp nhập vào Tổ b" in visitor.get("/desk/units", headers=chief).text
    arrived = call(site.store.get, site.ward.unit(target), home["_id"])
    assert (arrived["unit"], arrived["assigned_to"]["value"]) == (target, person["_id"])
    assert (acts(call, site, target), acts(call, site, source)) == (2, 0)
    before = {"period": "custom", "from": "2026-05-01", "to": "2026-05-01"}
    assert "(đã sáp nhập vào Tổ b" in visitor.get("/desk", params=before, headers=chief).text
    assert visitor.get(f"/desk/unit/{target}", params=before, headers=chief).status_code == 200
    offered = visitor.get("/desk/privacy/requests/new", headers=chief).text
    assert f'value="{target}"' in offered
    assert f'value="{source}"' not in offered, "residents are looked for where they are"
    assert call(check, site) == []
    rows = call(site.store.all_docs, site.names.audit, include_docs=True)
    assert [row["doc"]["by"] for row in rows if row["doc"].get("action") == "units-merged"]


@pytest.mark.parametrize(
    ("into", "said"),
    [
        ("self", "vào chính nó"),
        ("no-such", "Không có tổ"),
        ("closed", "đã đóng"),
        ("tram-y-te", "khác loại"),
    ],
)
def test_what_cannot_be_merged_is_said_and_nothing_is_changed(
    visitor: TestClient,
    site: Site,
    call: Call,
    pair: tuple[str, str],
    enrolled: Callable[[Role], dict[str, str]],
    into: str,
    said: str,
) -> None:
    source, target = pair
    if into == "closed":
        call(site.units.close, site.catalog.units[target], site.accounts)
    code = {"self": source, "closed": target}.get(into, into)
    before = dict(site.catalog.units)
    for method in ("GET", "POST"):
        answer = visitor.request(
            method,
            f"/desk/units/{source}/merge",
            params={"into": code},
            data={"into": code} if method == "POST" else None,
            headers=enrolled(Role.ADMIN),
        )
        assert answer.status_code == 400
        assert said in answer.text
    assert site.catalog.units == before


def test_two_records_that_are_just_being_merged_come_first(
    site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    doors = [household(unit=source) for _ in range(2)]
    call(site.store.graft, site.ward.unit(source), doors)
    lost, kept = (door["_id"] for door in doors)
    wish = {"do": "merge", "lost": lost, "kept": kept, "unit": source, "by": "", "at": LATER}
    call(twins.claim, site.store, site.names, WARD, wish)
    with pytest.raises(Unfit, match="merge-busy"):
        call(site.merging.begin, source, target)
    assert site.catalog.units[source].heir is None
    call(twins_after.settle, site.store, site.names, WARD)
    merge(call, site, source, target)
    assert call(site.store.find, site.ward.unit(target), kept) is not None
    assert call(site.store.find, site.ward.unit(target), lost) is None


def test_a_phone_goes_on_in_the_other_unit_and_its_late_records_arrive_there(
    server: TestClient, site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    person, cookie = enrol(call, site, source)
    home = household(person["_id"], source)
    assert push(server, cookie, path(source), home).json() == []
    edited = child(home, address=register({"house": "9"}, person["_id"], LATER))
    waiting = visit(person["_id"], source, household=home["_id"])
    bad = visit(person["_id"], source, note="CCCD 001162012345")
    strange = visit(person["_id"], "tdp-01")
    merge(call, site, source, target)
    session = server.post("/api/hello", json=HELLO, headers=cookie).json()
    assert (session["unit"]["code"], session["database"]) == (target, f"w{WARD}-{target}")
    assert server.get(path(target), headers=cookie).status_code == 200
    for tail in ("", "/_changes", "/_snapshot?since=0"):
        assert server.get(path(source) + tail, headers=cookie).status_code == 403, "the old one can be read"
    for _ in range(2):  # the answer may be lost on the way
        answer = push(server, cookie, path(source), edited, waiting, bad, strange)
        assert answer.status_code == 201
        assert [(one["id"], one["rev"], one["code"]) for one in answer.json()] == [
            (bad["_id"], bad["_rev"], "id-number"),
            (strange["_id"], strange["_rev"], "wrong-unit"),
        ]
        assert acts(call, site, *pair) == 1, "a late record counts other than once"
    stored = call(site.store.get, site.ward.unit(target), waiting["_id"])
    assert stored["unit"] == target
    call(site.conflicts.settle, site.ward.unit(target))
    assert call(site.store.get, site.ward.unit(target), home["_id"])["address"]["value"] == {"house": "9"}
    [entry] = kept(call, site, bad["_id"])
    assert (entry["unit"], entry["document"]["unit"]) == (target, target)
    assert call(site.store.find, site.ward.unit(source), waiting["_id"]) is None
    assert push(server, cookie, path(target), visit(person["_id"], target)).json() == []
    assert call(check, site) == []


def test_photos_go_on_in_the_other_unit_and_late_ones_arrive_there(
    server: TestClient, site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    person, cookie = enrol(call, site, source)
    there, late = photo(person["_id"], source), photo(person["_id"], source)
    assert push(server, cookie, path(source) + "-photos", there).json() == []
    merge(call, site, source, target)
    for _ in range(2):  # the answer may be lost on the way
        assert push(server, cookie, path(source) + "-photos", there, late).json() == []
    for one in (there, late):
        stored = call(site.store.get, site.ward.photos(target), one["_id"])
        assert (stored["unit"], stored["image"]) == (target, one["image"])
        assert call(site.store.find, site.ward.photos(source), one["_id"]) is None
        assert server.get(f"/api/photos/{one['_id'][6:]}", headers=cookie).status_code == 200
    straight = photo(person["_id"], source)
    call(site.store.put, site.ward.photos(source), {k: v for k, v in straight.items() if k != "_rev"})
    call(site.merging.settle)
    assert call(site.store.find, site.ward.photos(target), straight["_id"]) is not None


def test_a_push_in_the_middle_is_put_off_and_loses_nothing(
    server: TestClient, site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    person, cookie = enrol(call, site, source)
    first, late = visit(person["_id"], source), visit(person["_id"], source)
    assert push(server, cookie, path(source), first).json() == []
    call(site.merging.begin, source, target)
    call(unit_merging.fence, site.store, site.names, WARD, source)
    call(unit_merging.carry, site.store, site.names, WARD, source, target)
    answer = push(server, cookie, path(source), late)
    assert (answer.status_code, answer.json()["error"]) == (503, "store-unavailable")
    assert server.get(f"{path(source)}/_changes", headers=cookie).status_code == 503, "tombstones are pulled"
    call(site.merging.go_on, source)
    assert push(server, cookie, path(source), first, late).json() == []
    assert acts(call, site, *pair) == 2


def test_what_the_server_itself_wrote_into_a_merged_unit_follows(
    site: Site, call: Call, pair: tuple[str, str]
) -> None:
    """As an import that had begun before."""
    source, target = pair
    merge(call, site, source, target)
    stray = visit(unit=source)
    call(site.store.graft, site.ward.unit(source), [stray])
    call(site.merging.settle)
    assert call(site.store.get, site.ward.unit(target), stray["_id"])["unit"] == target
    assert call(site.store.find, site.ward.unit(source), stray["_id"]) is None
    assert acts(call, site, *pair) == 1


def test_one_merge_at_a_time_and_one_cut_short_goes_on(site: Site, call: Call, pair: tuple[str, str]) -> None:
    source, target = pair
    third = f"c{source}"
    call(site.units.add, Typed(name=f"Tổ {third}", code=third))
    call(site.store.graft, site.ward.unit(source), [visit(unit=source)])
    call(site.merging.begin, source, target)
    for one, other in ((target, third), (third, target), (source, third), (third, source)):
        with pytest.raises(Unfit, match="merge-busy"):
            call(site.merging.begin, one, other)
        assert site.catalog.units[third].merging is None
    with pytest.raises(Unfit, match="merge-busy"):
        call(site.units.close, site.catalog.units[target], site.accounts)
    call(site.merging.settle)
    assert site.catalog.units[source].merged_into == target
    with pytest.raises(Unfit, match="merged"):
        call(site.units.reopen, site.catalog.units[source])
    with pytest.raises(Unfit, match="merge-closed"):
        call(site.merging.begin, third, source)
    merge(call, site, target, third)
    assert acts(call, site, third) == 1


def test_late_records_follow_through_two_merges(
    server: TestClient, site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    third = f"d{source}"
    call(site.units.add, Typed(name=f"Tổ {third}", code=third))
    person, cookie = enrol(call, site, source)
    merge(call, site, source, target)
    merge(call, site, target, third)
    early, late = visit(person["_id"], source), visit(person["_id"], target)
    assert push(server, cookie, path(source), early).json() == []
    assert push(server, cookie, path(target), late).json() == []
    assert acts(call, site, third) == 2


def test_who_was_moved_by_hand_has_late_records_reviewed_in_the_unit_that_remains(
    server: TestClient, site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    mover, moved = enrol(call, site, source)
    stranger, strange = enrol(call, site, "mttq")
    call(change_person, site.accounts, admin(), mover, unit="mttq")
    merge(call, site, source, target)
    late = visit(mover["_id"], source)
    [refused] = push(server, moved, path(source), late).json()
    assert refused["code"] == "left-unit"
    [entry] = kept(call, site, late["_id"])
    assert (entry["unit"], entry["document"]["unit"]) == (target, target), "nobody can accept it there"
    decider = Decider("person:admin", "admin", WARD)
    call(site.deciding.accept, decider, entry["_id"].removeprefix("refused:"))
    assert call(site.store.get, site.ward.unit(target), late["_id"])["unit"] == target
    assert push(server, strange, path(source), visit(stranger["_id"], source)).status_code == 403


def test_who_was_erased_stays_erased_in_the_other_unit(
    server: TestClient, site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    person, cookie = enrol(call, site, source)
    name = "Lường Thị Mơ Màng"
    gone, going = (resident(by=person["_id"], unit=source, name=name) for _ in range(2))
    seen = helped(going["_id"], name, person["_id"], unit=source)
    assert push(server, cookie, path(source), gone, going, seen).json() == []
    call(erase, site.store, site.names, WARD, source, gone["_id"])
    call(site.merging.begin, source, target)
    call(unit_merging.fence, site.store, site.names, WARD, source)
    call(erase, site.store, site.names, WARD, source, going["_id"])
    call(site.merging.go_on, source)
    late = [child(one, label=register("Bà", person["_id"], LATER)) for one in (gone, going)]
    note = visit(person["_id"], source, note=f"{name} đi vắng")
    answer = push(server, cookie, path(source), *late, note).json()
    assert {one["id"]: one["code"] for one in answer} == {one["_id"]: "erased" for one in late}
    for unit in pair:
        rows = call(site.store.all_docs, site.ward.unit(unit), include_docs=True)
        assert name not in str(rows), "the name is to be read again"
        assert not {gone["_id"], going["_id"]} & {row["id"] for row in rows}
    assert call(site.store.find, site.ward.unit(target), seen["_id"]) is not None


def test_people_and_their_invitations_lead_to_the_other_unit(
    visitor: TestClient, site: Site, call: Call, pair: tuple[str, str]
) -> None:
    source, target = pair
    person, _ = enrol(call, site, source)
    ended, _ = enrol(call, site, source)
    call(site.accounts.change, ended["_id"], lambda stored: {**stored, "active": False})
    invited = call(site.invitations.make, person, "person:nobody", "Quản trị")
    merge(call, site, source, target)
    for one in (person, ended):
        assert call(site.store.get, site.names.accounts, one["_id"])["unit"] == target
    answer = visitor.post("/api/invitation", json={"code": invited.code})
    assert answer.status_code == 200
    assert answer.json()["unit"] == site.catalog.unit_name(target, "vi")


@pytest.mark.parametrize("cut", range(2, 8))
def test_a_household_on_its_way_elsewhere_when_its_unit_is_merged_is_in_one_unit_in_the_end(
    site: Site, call: Call, pair: tuple[str, str], cut: int
) -> None:
    source, target = pair
    third = f"c{source}"
    call(site.units.add, Typed(name=f"Tổ {third}", code=third))
    home = household(unit=source)
    person = resident(home["_id"], unit=source)
    call(site.store.graft, site.ward.unit(source), [home, person])
    broken: Any = Breaking(site.store, cut)
    with suppress(StoreUnavailable):
        call(moving.move, broken, site.names, WARD, home["_id"], source, third)
    merge(call, site, source, target)
    call(moving.settle, site.store, site.names, WARD)
    places = [
        [unit for unit in (source, target, third) if call(site.store.find, site.ward.unit(unit), one["_id"])]
        for one in (home, person)
    ]
    assert places == [[third], [third]]
