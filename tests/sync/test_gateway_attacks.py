"""Nobody reaches anything but the own unit's database, and there only what replication needs."""

from __future__ import annotations

from itertools import product

import pytest

from tests.sync.samples import visit
from tests.sync.town import DEVICE, WARD, Town

OWN = f"w{WARD}-tdp-07"
OTHER = f"w{WARD}-tdp-08"
OPERATIONS = {
    "": ("GET",),
    "/_changes": ("GET", "POST"),
    "/_revs_diff": ("POST",),
    "/_bulk_get": ("POST",),
    "/_bulk_docs": ("POST",),
    "/_local/abc": ("GET", "PUT"),
}
FOREIGN = (
    OTHER,
    f"w{WARD}-no-such-unit",
    f"w{WARD}-tdp-07-photos",
    f"w{WARD}-catalog",
    f"w{WARD}-rollup",
    f"w{WARD}-quarantine",
    "w00001-tdp-07",
    "accounts",
    "audit",
    f"{OWN}0",
)
UNLISTED = (
    "/_all_docs",
    "/_design/guard",
    "/_design/progress/_view/acts",
    "/_security",
    "/_purge",
    "/_compact",
    "/_local_docs",
    "/_find",
    "/_index",
    "/_explain",
    "/_missing_revs",
    "/_ensure_full_commit",
    "/_revs_limit",
    "/_shards",
    "/_view_cleanup",
    "/_design_docs",
    "/_changes/",
    "/_bulk_docs/x",
    "/_local",
    "/_local/",
    "/_local/a/b",
    "/_local/" + "a" * 200,
    "/visit:01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "/visit:01ARZ3NDEKTSV4RRFFQ69G5FAV/photo.jpg",
)
TRICKS = (
    f"/sync/{OWN}/..",
    f"/sync/{OWN}/../{OTHER}/_changes",
    f"/sync/{OWN}/%2e%2e/{OTHER}/_changes",
    f"/sync/{OWN}/..%2f{OTHER}%2f_changes",
    f"/sync/{OWN}%2f..%2f{OTHER}/_changes",
    f"/sync/{OWN}%2f_all_docs",
    f"/sync/{OWN}%252f_all_docs",
    f"/sync/{OWN}/%5fall_docs",
    f"/sync/{OWN}/%5Fchanges",
    f"/sync/{OWN}/_change%73",
    f"/sync/%77{OWN[1:]}/_changes",
    f"/sync//{OWN}/_changes",
    f"/sync/{OWN}//_changes",
    f"//sync/{OWN}/_changes",
    f"/sync/./{OWN}/_changes",
    f"/sync/{OWN}/./_changes",
    f"/sync/{OWN}/_changes/.",
    f"/sync/{OWN};{OTHER}/_changes",
    f"/sync/{OWN}\\..\\{OTHER}/_changes",
    f"/sync/{OWN}%00/_changes",
    f"/sync/{OWN}%20/_changes",
    f"/sync/{OWN}%0d%0aX:y/_changes",
    f"/sync/{OWN}/_local/..%2f{OTHER}",
    f"/sync/{OWN}/_local/%2e%2e",
    f"/sync/{OWN}/_local/a%2fb",
    f"/sync/{OWN}/_local/{DEVICE}.abc",
    f"/sync/{OWN.upper()}/_changes",
    f"/sync/{OWN}/_CHANGES",
    f"/sync/{OWN},{OTHER}/_changes",
    f"/sync/{OWN}+{OTHER}/_changes",
    "/sync/_all_dbs",
    "/sync/_dbs_info",
    "/sync/_session",
    "/sync/_users",
    "/sync/_users/_all_docs",
    "/sync/_replicate",
    "/sync/_node/_local/_config",
    "/sync/_config",
    "/sync/_utils/",
    "/sync/_up",
    "/sync/_active_tasks",
    "/sync/..",
    "/sync/%2e%2e/",
    "/sync/*",
)


@pytest.mark.parametrize(
    ("database", "rest", "method"),
    [
        (db, rest, method)
        for db, (rest, methods) in product(FOREIGN, OPERATIONS.items())
        for method in methods
        if (db, rest) != (f"{OWN}-photos", "/_bulk_docs")  # the one way in
    ],
)
def test_another_database_is_not_theirs_whether_it_exists_or_not(
    town: Town, database: str, rest: str, method: str
) -> None:
    body = None if method == "GET" else {"docs": [], "new_edits": False}
    answer = town.ask(method, f"/sync/{database}{rest}", body)
    assert (answer.status, answer.json) == (403, {"error": "not-yours", "reason": "error.not-yours"})


@pytest.mark.parametrize("path", [f"/sync/{db}{rest}" for db in (OWN, OTHER) for rest in UNLISTED])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_what_is_not_on_the_list_does_not_exist(town: Town, path: str, method: str) -> None:
    answer = town.ask(method, path, None if method == "GET" else {})
    assert (answer.status, answer.json["error"]) == (404, "not-found")


@pytest.mark.parametrize("path", TRICKS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_tricks_of_encoding_lead_nowhere(town: Town, path: str, method: str) -> None:
    answer = town.ask(method, path, None if method == "GET" else {})
    assert answer.status in (400, 403, 404), answer.body
    assert b"results" not in answer.body
    assert b"rows" not in answer.body


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        (method, rest)
        for rest, methods in OPERATIONS.items()
        for method in (
            "GET",
            "POST",
            "PUT",
            "DELETE",
            "HEAD",
            "OPTIONS",
            "PATCH",
            "COPY",
            "MOVE",
            "TRACE",
            "PROPFIND",
        )
        if method not in methods
    ],
)
def test_methods_that_are_not_on_the_list_are_405(town: Town, method: str, rest: str) -> None:
    answer = town.ask(method, f"/sync/{OWN}{rest}")
    assert answer.status == 405
    assert answer.headers["allow"] == ", ".join(OPERATIONS[rest])
    if method != "HEAD":
        assert answer.json["error"] == "method-not-allowed"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("X-HTTP-Method-Override", 405),
        ("X-HTTP-Method", 405),
        ("X-Method-Override", 405),
        ("X-Auth-CouchDB-UserName", 404),
        ("X-Auth-CouchDB-Roles", 404),
        ("x-auth-couchdb-token", 404),
    ],
)
def test_headers_that_would_change_who_asks_or_what_are_turned_away(
    town: Town, header: str, status: int
) -> None:
    assert town.ask("GET", f"/sync/{OWN}", headers={header: "_admin"}).status == status


def test_a_name_and_password_of_couchdb_are_not_passed_on(town: Town) -> None:
    headers = {"Authorization": "Basic YWRtaW46YWRtaW4=", "Cookie": "AuthSession=abc"}
    assert town.ask("GET", f"/sync/{OWN}", person=None, headers=headers).status == 401
    answer = town.ask("GET", f"/sync/{OWN}", headers=headers)
    assert answer.status == 200
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/sync/", f"/sync/{OWN}", f"/sync/{OTHER}", f"/sync/{OWN}/_changes"])
def test_nobody_is_signed_out(town: Town, path: str) -> None:
    answer = town.ask("GET", path, person=None)
    assert (answer.status, answer.json["error"]) == (401, "signed-out")


@pytest.mark.parametrize(
    "query",
    [
        "feed=continuous",
        "feed=eventsource",
        "feed=normal&feed=continuous",
        "filter=_view&view=progress/acts",
        "filter=guard/x",
        "filter=_selector",
        "filter=_design",
        "filter=_doc_ids",
        "limit=-1",
        "limit=abc",
        "limit=" + "9" * 30,
        "feed=longpoll&timeout=1e9",
        "since=%ff%fe",
    ],
)
def test_feeds_and_filters_beyond_the_list_are_refused(town: Town, query: str) -> None:
    answer = town.ask("GET", f"/sync/{OWN}/_changes?{query}")
    assert (answer.status, answer.json["error"]) == (400, "bad-request")


def test_other_devices_checkpoints_cannot_be_read_in_bulk(town: Town) -> None:
    body = {"docs": [{"id": f"_local/{DEVICE}.abc"}]}
    assert town.ask("POST", f"/sync/{OWN}/_bulk_get", body).status == 400


def test_a_bulk_read_has_a_limit(town: Town) -> None:
    body = {"docs": [{"id": "x"}] * 2001}
    assert town.ask("POST", f"/sync/{OWN}/_bulk_get", body).status == 400


def test_one_units_records_are_not_in_any_answer_to_another(town: Town) -> None:
    secret = visit(note="chỉ tổ 7 biết")
    town.push(secret)
    asks = [
        town.ask("GET", f"/sync/w{WARD}-tdp-08/_changes?include_docs=true", person="eve"),
        town.ask("POST", f"/sync/w{WARD}-tdp-08/_bulk_get", {"docs": [{"id": secret["_id"]}]}, person="eve"),
        town.ask("GET", f"/sync/{OWN}/_changes?include_docs=true", person="eve"),
    ]
    for answer in asks:
        assert "chỉ tổ 7 biết".encode() not in answer.body
        assert secret["_rev"].encode() not in answer.body


def test_the_store_itself_is_a_second_wall(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the gateway to mistake the unit, CouchDB still would not answer."""
    monkeypatch.setattr("sync.gateway.Gateway._path", lambda *_: f"/{town.names.unit(WARD, 'tdp-08')}")
    assert town.ask("GET", f"/sync/{OWN}/_changes").status == 503
    assert town.push(visit()).status == 503


def test_a_swarm_of_empty_objects_is_never_read(town: Town) -> None:
    """A few kilobytes on the way; read, they would take hundreds of megabytes and hold everyone up."""
    answer = town.ask("POST", "/sync/w09562-tdp-07/_bulk_docs", b'{"docs":[' + b"{}," * 600_000 + b"{}]}")
    assert (answer.status, answer.json["error"]) == (400, "too-deep")
