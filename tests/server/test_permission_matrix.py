"""Who reaches what, as one table: every role × every database × every endpoint and method of CouchDB, and
every role × every route of the server.

What the table does not name is refused, without a word of what is behind it and without a trace in the store.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import anyio
import pytest
from starlette.testclient import TestClient

from server.access import PUBLIC, GuardedMount, GuardedRoute
from server.roles import Role
from server.site import Site
from sync.audit import Act
from sync.ulids import new_ulid
from tests.server.conftest import UNIT, WARD
from tests.server.test_access import ROUTES, calls, walk
from tests.server.test_leaving import leave
from tests.sync.pictures import photo
from tests.sync.samples import household, visit
from tests.sync.test_gateway_attacks import TRICKS

Enrolled = Callable[[Role], dict[str, str]]
Call = Callable[..., Any]
NOBODY = None
CALLERS: tuple[Role | None, ...] = (*Role, NOBODY)
OF_A_UNIT = {Role.VOLUNTEER, Role.LEAD, Role.REPORTER}
DESK = {Role.LEAD, Role.SUPERVISOR, Role.ADMIN}
WARD_DESK = {Role.SUPERVISOR, Role.ADMIN}

# -- replication ------------------------------------------------------------------------------------

OTHER, FORMER = "mttq", "cong-an"
OWN = f"w{WARD}-{UNIT}"
DATABASES = {
    "of the own unit": OWN,
    "photos of the own unit": f"{OWN}-photos",
    "of another unit": f"w{WARD}-{OTHER}",
    "photos of another unit": f"w{WARD}-{OTHER}-photos",
    "of no unit": f"w{WARD}-no-such",
    "of another ward": f"w00001-{UNIT}",
    "the catalog": f"w{WARD}-catalog",
    "rollups": f"w{WARD}-rollup",
    "the quarantine": f"w{WARD}-quarantine",
    "requests and incidents": f"w{WARD}-privacy",
    "accounts": "accounts",
    "the audit": "audit",
    "the ledger": "ledger",
    "tries": "tries",
    "sheets and imports": "imports",
    "CouchDB's users": "_users",
    "CouchDB's replicator": "_replicator",
    "CouchDB's changes": "_global_changes",
}
ID = f"visit:{new_ulid()}"
ENDPOINTS: dict[str, Any] = {
    "": {},
    "/": {},
    "/_all_docs": {"keys": [ID]},
    "/_all_docs/queries": {"queries": [{}]},
    "/_bulk_docs": {"docs": [], "new_edits": False},
    "/_bulk_get": {"docs": [{"id": ID}]},
    "/_changes": {},
    "/_compact": {},
    "/_compact/progress": {},
    "/_design_docs": {},
    "/_design/guard": {},
    "/_design/guard/validate.txt": {},
    "/_design/progress/_info": {},
    "/_design/progress/_list/x/acts": {},
    "/_design/progress/_rewrite/x": {},
    "/_design/progress/_search/x": {},
    "/_design/progress/_show/x": {},
    "/_design/progress/_update/x": {},
    "/_design/progress/_view/acts": {},
    "/_design/progress/_view/acts/queries": {"queries": [{}]},
    "/_ensure_full_commit": {},
    "/_explain": {"selector": {}},
    "/_find": {"selector": {}},
    "/_index": {"index": {"fields": ["type"]}},
    "/_local/abc": {"since": 1},
    "/_local_docs": {},
    "/_missing_revs": {ID: ["1-a"]},
    "/_partition/x/_all_docs": {},
    "/_purge": {ID: ["1-a"]},
    "/_purged_infos_limit": 1,
    "/_revs_diff": {ID: ["1-a"]},
    "/_revs_limit": 1,
    "/_security": {},
    "/_shards": {},
    "/_sync_shards": {},
    "/_view_cleanup": {},
    f"/{ID}": {"_id": ID},
    f"/{ID}/photo.jpg": {},
}
"""Paths below a database, each with a body as CouchDB takes it."""
SERVER = (
    *("_active_tasks", "_all_dbs", "_cluster_setup", "_config", "_db_updates", "_dbs_info", "_membership"),
    *("_node/_local/_config", "_node/_local/_restart", "_reshard", "_replicate", "_scheduler/jobs"),
    *("_session", "_up", "_utils/", "_uuids", "favicon.ico"),
)
METHODS = ("PUT", "GET", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "COPY", "MOVE")
REPLICATION = {
    ("", "GET"),
    ("/", "GET"),
    ("/_changes", "GET"),
    ("/_changes", "POST"),
    ("/_revs_diff", "POST"),
    ("/_bulk_get", "POST"),
    ("/_bulk_docs", "POST"),
    ("/_local/abc", "GET"),
    ("/_local/abc", "PUT"),
}
"""THE TABLE of replication: what people of a unit may ask of its own database. Nothing else, nobody else."""
UPLOAD = ("/_bulk_docs", "POST")
"""Of its photos' database: nothing of it is read by replication."""
CANARY = "chim hoàng yến trong lồng"


def may_replicate(caller: Role | None, database: str, endpoint: str, method: str) -> bool:
    if caller in OF_A_UNIT and database == f"{OWN}-photos":
        return (endpoint, method) == UPLOAD
    return caller in OF_A_UNIT and database == OWN and (endpoint, method) in REPLICATION


async def ask(
    app: Any, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
) -> tuple[int, bytes]:
    """(status, body) of a request whose path is sent exactly as given."""
    sent = b"" if body is None else json.dumps(body).encode()
    plain, _, query = path.partition("?")
    given = {"host": "testserver", "content-type": "application/json", "content-length": str(len(sent))}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(plain),
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in {**given, **(headers or {})}.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    answer: list[Any] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            return {"type": "http.disconnect"}
        asked = True
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Any) -> None:
        answer.append(message)

    await app(scope, receive, send)
    status: int = answer[0]["status"]
    return status, b"".join(part.get("body", b"") for part in answer[1:])


@pytest.fixture(scope="module", autouse=True)
def canaries(call: Call, site: Site) -> None:
    """Something in every database that nobody may read there."""
    call(settle, site)
    for database in (*site.ward.own, site.names.ledger):
        call(site.store.put, database, {"_id": f"canary:{new_ulid()}", "note": CANARY})
    act = Act(by="person:x", role="admin", action="exported", subject=CANARY, unit=OTHER, ward=WARD)
    call(site.audit.write, act)
    fields = {"role": "volunteer", "ward": WARD, "unit": OTHER, "password": None}
    call(site.accounts.add_person, login="nguoi.khac", name=CANARY, **fields)
    foreign = {key: value for key, value in household(unit=OTHER, note=CANARY).items() if key != "_rev"}
    call(site.store.put, site.ward.unit(OTHER), foreign)
    for unit in (UNIT, OTHER):
        picture = {key: value for key, value in photo(unit=unit, caption=CANARY).items() if key != "_rev"}
        call(site.store.put, site.ward.photos(unit), picture)


async def settle(site: Site) -> None:
    """Returns once what the server does by itself after its start has been done and written down."""
    while not ((await site.store.find(site.names.accounts, "retention")) or {}).get("done"):  # noqa: ASYNC110
        await anyio.sleep(0.02)


async def sequences(site: Site) -> dict[str, str]:
    """Where each database stands that nothing here may move; the server itself writes rollups and tries."""
    moving = (site.ward.unit(UNIT), site.ward.rollup, site.names.tries, site.names.imports)
    ours = [name for name in await site.store.databases() if name.startswith(site.names.prefix)]
    infos = await site.store.infos([name for name in ours if name not in moving])
    return {name: str(info["update_seq"]) for name, info in infos.items()}


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_database_is_reached_as_the_table_says_and_in_no_other_way(
    caller: Role | None, kind: str, server: TestClient, site: Site, enrolled: Enrolled, call: Call
) -> None:
    database = DATABASES[kind]
    headers = enrolled(caller) if caller else {}
    every = METHODS if database.startswith(OWN) else METHODS[:4]

    async def attack() -> list[str]:
        before, wrong = await sequences(site), []
        for (endpoint, body), method in itertools.product(ENDPOINTS.items(), every):
            asked = f"{method} /sync/{database}{endpoint}"
            sent = body if method in ("POST", "PUT") else None
            status, said = await ask(server.app, method, f"/sync/{database}{endpoint}", headers, sent)
            if may_replicate(caller, database, endpoint, method):
                wrong += [f"{asked}: {status} {said[:80]!r}"] if status not in (200, 201) else []
            elif status not in refusals(caller, database):
                wrong.append(f"{asked}: {status}")
            wrong += [f"{asked}: tells what it should not"] if CANARY.encode() in said else []
        return wrong + ["something was written"] * (await sequences(site) != before)

    assert call(attack) == []


def refusals(caller: Role | None, database: str) -> set[int]:
    """How it may be refused: to nobody and to people of the ward always in the same way."""
    if caller is NOBODY:
        return {401}
    if caller not in OF_A_UNIT:
        return {403}
    return {404, 405} if database == OWN else {403, 404, 405}


@pytest.mark.parametrize("caller", CALLERS)
def test_nobody_reaches_what_is_beside_the_databases(
    caller: Role | None, server: TestClient, enrolled: Enrolled, call: Call
) -> None:
    headers = enrolled(caller) if caller else {}
    prefixed = ["/_replicate", "/_all_dbs", "/accounts/_all_docs", f"/{OWN}/_all_docs", "/_utils/"]
    paths = [*(f"/sync/{path}" for path in SERVER), *TRICKS, *prefixed]

    async def attack() -> list[str]:
        wrong = []
        body = {"source": OWN, "target": "http://evil.example/x"}
        for path, method in itertools.product(paths, ("GET", "POST", "PUT", "DELETE")):
            status, said = await ask(server.app, method, path, headers, body)
            if status not in (400, 401, 403, 404, 405) or CANARY.encode() in said:
                wrong.append(f"{method} {path}: {status}")
        return wrong

    assert call(attack) == []


LEFT = {("/_bulk_docs", "POST")}
"""THE TABLE of the former unit: what someone who left it, or has ended altogether, may ask for 30 days."""


@pytest.mark.parametrize("kind", [*DATABASES, "of the former unit"])
@pytest.mark.parametrize("ended", [False, True])
def test_a_former_unit_is_reached_as_the_table_says_and_in_no_other_way(
    kind: str, ended: bool, server: TestClient, site: Site, call: Call
) -> None:
    fields = {"role": "volunteer", "ward": WARD, "unit": FORMER, "password": None}
    login = f"left{new_ulid().lower()}"
    person = call(site.accounts.add_person, login=login, name="Người Đã Rời", **fields)
    _, value = call(site.accounts.enrol, person, "test")
    headers = {"cookie": f"gtn-device={value}"}
    leave(call, site, person, ended)
    database = DATABASES.get(kind, f"w{WARD}-{FORMER}")
    own = () if ended else (f"w{WARD}-{OTHER}", f"w{WARD}-{OTHER}-photos")

    async def attack() -> list[str]:
        wrong = []
        for (endpoint, body), method in itertools.product(ENDPOINTS.items(), METHODS[:4]):
            sent = body if method in ("POST", "PUT") else None
            status, said = await ask(server.app, method, f"/sync/{database}{endpoint}", headers, sent)
            asked = f"{method} /sync/{database}{endpoint}: {status}"
            if kind == "of the former unit" and (endpoint, method) in LEFT:
                wrong += [asked] if status != 201 else []
            elif status not in ((401, 404, 405) if ended else (403, 404, 405)):
                wrong.append(asked)
            wrong += [f"{asked}, tells what it should not"] if CANARY.encode() in said else []
        return wrong

    if database not in own:  # of the present unit they are a volunteer, which the first table says
        assert call(attack) == []


OTHERS_PHOTOS = ("/api/photos/{ulid}", "/api/photos/{ulid}/withdraw")
"""Of another unit, by an id that someone has learnt."""


@pytest.mark.parametrize("path", OTHERS_PHOTOS)
def test_no_phone_gets_a_photo_of_another_unit_by_its_id(
    path: str, server: TestClient, site: Site, enrolled: Enrolled, call: Call
) -> None:
    rows = call(site.store.all_docs, site.ward.photos(OTHER), startkey="photo:", endkey="photo;")
    asked = path.format(ulid=rows[0]["id"].removeprefix("photo:"))
    method = "POST" if asked.endswith("withdraw") else "GET"
    for role in OF_A_UNIT:
        status, said = call(ask, server.app, method, asked, enrolled(role))
        assert status == 404
        assert CANARY.encode() not in said
    own = call(site.store.all_docs, site.ward.photos(UNIT), startkey="photo:", endkey="photo;")
    mine = f"/api/photos/{own[0]['id'].removeprefix('photo:')}"
    assert call(ask, server.app, "GET", mine, enrolled(Role.VOLUNTEER))[0] == 200
    assert call(ask, server.app, "POST", f"{mine}/withdraw", enrolled(Role.LEAD))[0] == 404, "another's photo"


WRITES = {Role.VOLUNTEER: None, Role.LEAD: None, Role.REPORTER: "not-allowed"}
"""THE TABLE of writing: what becomes of a good visit, or a photo, in the own unit's database for it."""


@pytest.mark.parametrize("caller", WRITES)
def test_a_visit_is_taken_from_whom_the_table_says(
    caller: Role, server: TestClient, enrolled: Enrolled, call: Call
) -> None:
    body = {"docs": [visit(unit=UNIT, by=f"person:{caller}")], "new_edits": False}
    status, said = call(ask, server.app, "POST", f"/sync/{OWN}/_bulk_docs", enrolled(caller), body)
    assert status == 201
    refused = [row["code"] for row in json.loads(said)]
    assert refused == [WRITES[caller]] * (WRITES[caller] is not None)
    body = {"docs": [photo(unit=UNIT, by=f"person:{caller}")], "new_edits": False}
    status, said = call(ask, server.app, "POST", f"/sync/{OWN}-photos/_bulk_docs", enrolled(caller), body)
    assert [row["code"] for row in json.loads(said)] == refused


HOSTILE: dict[str, dict[str, Any]] = {
    "another unit's document": {"unit": OTHER},
    "a document of someone else": {"by": "person:lead"},
    "a checkpoint in a batch": {"_id": "_local/abc"},
    "another device's checkpoint in a batch": {"_id": f"_local/device:{new_ulid()}.abc"},
    "a design document": {"_id": "_design/guard"},
    "an attachment": {"_attachments": {"x.html": {"content_type": "text/html", "data": "PGI+"}}},
    "a deletion": {"_deleted": True},
    "an account": {"_id": "person:admin", "type": "person"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_and_leaves_nothing(
    name: str, server: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    change = HOSTILE[name]
    by, unit = str(change.get("by", "person:volunteer")), str(change.get("unit", UNIT))
    document = {**visit(unit=unit, by=by), **{k: v for k, v in change.items() if k not in ("by", "unit")}}
    body = {"docs": [document], "new_edits": False}
    headers = enrolled(Role.VOLUNTEER)
    status, said = call(ask, server.app, "POST", f"/sync/{OWN}/_bulk_docs", headers, body)
    assert status in (201, 400)
    if status == 201:
        assert [row["error"] for row in json.loads(said)] == ["forbidden"]
    if document["_id"] != "_design/guard":
        assert call(site.store.find, site.ward.unit(UNIT), document["_id"]) is None
    else:
        stored = call(site.store.get, site.ward.unit(UNIT), "_design/guard")
        assert stored.get("type") != "visit"


def test_ids_of_another_unit_find_nothing_in_the_own_one(
    server: TestClient, enrolled: Enrolled, call: Call, site: Site
) -> None:
    rows = call(site.store.all_docs, site.ward.unit(OTHER), startkey="household:", endkey="household;")
    foreign, rev = rows[0]["id"], rows[0]["value"]["rev"]
    headers = enrolled(Role.VOLUNTEER)
    for endpoint, body in (
        ("_bulk_get?revs=true&latest=true", {"docs": [{"id": foreign, "rev": rev}, {"id": foreign}]}),
        ("_revs_diff", {foreign: [rev]}),
        ("_changes?filter=_doc_ids&include_docs=true", {"doc_ids": [foreign]}),
    ):
        status, said = call(ask, server.app, "POST", f"/sync/{OWN}/{endpoint}", headers, body)
        assert status == 200, endpoint
        assert CANARY.encode() not in said
        assert b'"ok"' not in said, endpoint
        assert b'"changes"' not in said, endpoint


def test_a_checkpoint_is_seen_by_its_own_device_alone(
    server: TestClient, enrolled: Enrolled, call: Call
) -> None:
    mine, theirs = enrolled(Role.VOLUNTEER), enrolled(Role.LEAD)
    path = f"/sync/{OWN}/_local/mine"
    assert call(ask, server.app, "PUT", path, mine, {"since": 1})[0] == 201
    assert call(ask, server.app, "GET", path, mine)[0] == 200
    assert call(ask, server.app, "GET", path, theirs)[0] == 404
    device = mine["cookie"].partition("=")[2].partition(".")[0]
    for name in (f"device:{device}.mine", f"device%3A{device}.mine", f"..%2f_local%2fdevice:{device}.mine"):
        assert call(ask, server.app, "GET", f"/sync/{OWN}/_local/{name}", theirs)[0] == 404, name


FORGED = {
    "x-auth-couchdb-username": "_admin",
    "x-auth-couchdb-roles": "_admin",
    "x-auth-couchdb-token": "0" * 64,
    "x-forwarded-user": "person:admin",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/desk",
    "forwarded": "for=127.0.0.1;host=evil.example;proto=https",
    "x-real-ip": "127.0.0.1",
    "x-original-url": "/desk/audit",
    "x-rewrite-url": "/desk/audit",
    "x-http-method-override": "DELETE",
    "authorization": "Basic YWRtaW46YWRtaW4=",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_header_opens_nothing(name: str, server: TestClient, enrolled: Enrolled, call: Call) -> None:
    forged = {name: FORGED[name]}
    for path in ("/desk/audit", "/desk/people", f"/sync/w{WARD}-{OTHER}/_changes", "/sync/accounts"):
        assert call(ask, server.app, "GET", path, forged)[0] == 401, path
        status, said = call(ask, server.app, "GET", path, {**enrolled(Role.VOLUNTEER), **forged})
        assert status in (403, 404, 405), path
        assert b"evil.example" not in said


# -- pages and the phone's API ----------------------------------------------------------------------

PAGES: dict[str, set[Role]] = {
    "/sign-out": set(Role),
    "/api/": OF_A_UNIT,
    "/sync/": OF_A_UNIT,
    "/confirm": set(Role),
    "/desk": DESK,
    "/desk/account": set(Role),
    "/desk/account/second-factor": WARD_DESK,
    "/desk/people": DESK,
    "POST /desk/people/{slug}": WARD_DESK,
    "/desk/people/nobody/role": {Role.ADMIN},
    "/desk/people/nobody/link": {Role.ADMIN},
    "/desk/people/nobody/second-factor/reset": {Role.ADMIN},
    "/desk/ward-people": {Role.ADMIN},
    "/desk/devices": DESK,
    "/desk/quarantine": WARD_DESK,
    "/desk/photos": WARD_DESK,
    "/desk/import": DESK,
    "/desk/move": WARD_DESK,
    "/desk/duplicates": DESK,
    "/desk/privacy": WARD_DESK,
    "/desk/units": {Role.ADMIN},
    "/desk/audit": {Role.ADMIN},
}
"""THE TABLE of routes that are not public: the longest beginning decides; one with a method is exact."""
OPEN = (
    *("/", "/sign-in", "/language", "/join/{code}", "/kiem-tra", "/thong-bao"),
    *("/healthz", "/readyz"),
    *("/api/sign-in", "/api/invitation", "/api/enrol", "/catalog/{hash}.json", "/static", "/app"),
)
"""THE TABLE of what anyone may ask; nothing there tells of anybody."""


def who_may(method: str, path: str) -> set[Role]:
    exact = f"{method} {path}".replace("nobody", "{slug}")
    if exact in PAGES:
        return PAGES[exact]
    fitting = [row for row in PAGES if path.startswith(row)]
    assert fitting, f"{path}: say in the table who may call it"
    return PAGES[max(fitting, key=len)]


def test_only_what_the_table_names_is_public() -> None:
    public = {
        path
        for path, route in walk(ROUTES)
        if isinstance(route, GuardedRoute | GuardedMount) and route.who is PUBLIC
    }
    strange = {path for path in public if path not in OPEN and not path.startswith("/sign-in/")}
    assert not strange, f"say in the table that anyone may call {strange}"


@pytest.mark.parametrize("caller", CALLERS)
def test_a_route_is_reached_by_whom_the_table_names_and_by_nobody_else(
    caller: Role | None, server: TestClient, enrolled: Enrolled, call: Call
) -> None:
    wrong = []
    for method, path, _ in calls():
        if "events" in path and caller in DESK:
            continue  # a stream without end
        headers = enrolled(caller) if caller else {}
        status, _ = call(ask, server.app, method, path, headers)
        if caller is NOBODY:
            right = status == 401
        elif caller in who_may(method, path):
            right = status not in (401, 403)
        else:
            right = status == 403
        wrong += [] if right else [f"{method} {path}: {status}"]
    assert wrong == []


ANOTHERS = (
    ("GET", "/desk/unit/mttq"),
    ("GET", "/desk/progress.xlsx?unit=mttq"),
    ("GET", "/desk/report?unit=mttq"),
    ("GET", "/desk/report.xlsx?unit=mttq"),
    ("GET", "/desk/people?unit=mttq"),
    ("GET", "/desk/devices?unit=mttq"),
    ("GET", "/desk/people/nguoi-khac"),
    ("POST", "/desk/people/nguoi-khac/name"),
    ("POST", "/desk/people/nguoi-khac/end"),
    ("POST", "/desk/people/nguoi-khac/restore"),
    ("POST", "/desk/people/nguoi-khac/invitations"),
    ("POST", "/desk/people/nguoi-khac/devices/00000000000000000000000000/lost"),
)
"""What a lead may do in the own unit and not in another one."""


@pytest.mark.parametrize(("method", "path"), ANOTHERS)
def test_a_leads_rights_end_with_the_own_unit(
    method: str, path: str, visitor: TestClient, enrolled: Enrolled
) -> None:
    answer = visitor.request(method, path, data={"name": "X"}, headers=enrolled(Role.LEAD))
    own = path == "/desk/people?unit=mttq"
    assert answer.status_code == (200 if own else 404)
    assert CANARY not in answer.text
