"""The store answers as CouchDB 3.5.2 did.

``couchdb-3.5.2.json`` holds requests in order, each with the recorded answer. Values like ``<seq>`` differ
from run to run; revisions the engine computes need only be well-formed and stay the same. Rows of
``_changes`` compare as sets, ``_revs_diff`` is in no order. Three steps are beyond the embedded store,
which may answer 501. The same test runs against ``COUCHDB_URL``.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

STEPS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "couchdb-3.5.2.json").read_text())["steps"]
NAMES = [step["name"] for step in STEPS]
OPTIONAL = {"changes selector", "create index", "find"}
COMPUTED = re.compile(r"^\d+-(?!(.)\1{31})[0-9a-f]{32}$")
SERVICES, DAYS = ("ihanoi", "vneid"), 3
PEOPLE = ("Đức", "Đào", "Dung", "Dũng", "Đa", "An", "Ánh", "Ân", "ánh", "Zung")


def unrecorded_documents() -> list[dict[str, Any]]:
    """What was put in before the design document, without being recorded."""
    visits = [
        {"_id": f"v{n}", "type": "v", "day": f"2026-05-0{1 + n % DAYS}", "service": SERVICES[n % 2], "n": n}
        for n in range(12)
    ]
    return visits + [{"_id": f"n{n}", "name": name} for n, name in enumerate(PEOPLE)]


def rename(value: Any, database: str) -> Any:
    """The recording names its database ``contract``; here each run has its own."""
    if isinstance(value, dict):
        return {key: rename(item, database) for key, item in value.items()}
    if isinstance(value, list):
        return [rename(item, database) for item in value]
    if isinstance(value, str) and value in ("contract", "contract-missing"):
        return value.replace("contract", database)
    return value


def send(client: httpx.Client, step: dict[str, Any], database: str) -> httpx.Response:
    content: bytes | None = None
    headers = {"Accept": "application/json", **step.get("request_headers", {})}
    if "request_base64" in step:
        content = base64.b64decode(step["request_base64"])
    elif "request" in step:
        content = json.dumps(rename(step["request"], database)).encode()
        headers["Content-Type"] = "application/json"
    path = re.sub(r"^/contract(?=/|-|$)", f"/{database}", step["path"])
    return client.request(step["method"], path, params=step.get("params"), content=content, headers=headers)


@pytest.fixture(scope="module")
def answers(couch_url: str) -> Iterator[dict[str, httpx.Response]]:
    """Every step, in order, by name."""
    database = f"contract{secrets.token_hex(4)}"
    bare = re.sub(r"//[^@/]*@", "//", couch_url)
    with httpx.Client(base_url=couch_url) as admin, httpx.Client(base_url=bare) as anonymous:
        found: dict[str, httpx.Response] = {}
        try:
            for step in STEPS:
                if step["name"] == "put design document":
                    admin.post(f"/{database}/_bulk_docs", json={"docs": unrecorded_documents()})
                client = anonymous if step.get("anonymous") else admin
                found[step["name"]] = send(client, step, database)
            found["name"] = httpx.Response(200, text=database)
            yield found
        finally:
            admin.delete(f"/{database}")


def settle(step: str, value: Any) -> Any:
    """The answer with what is in no order put in one."""
    if isinstance(value, dict) and step.startswith("changes") and "results" in value:
        rows = [
            {**row, "changes": sorted(row["changes"], key=lambda c: str(c["rev"]))}
            for row in value["results"]
        ]
        return {**value, "results": sorted(rows, key=lambda row: str(row["id"]))}
    if step == "revs_diff":
        return {doc: {key: sorted(revs) for key, revs in row.items()} for doc, row in value.items()}
    if step == "session":
        # A server set up for the gateway lists the proxy handler too.
        info = value["info"]
        handlers = [name for name in info["authentication_handlers"] if name != "proxy"]
        return {**value, "info": {**info, "authentication_handlers": handlers}}
    return value


def compare(expected: Any, actual: Any, where: str = "$") -> None:
    """Fail where the shapes or the values differ."""
    if isinstance(expected, str) and re.fullmatch(r"<[a-z]+>", expected):
        return
    if isinstance(expected, str) and COMPUTED.match(expected):
        assert isinstance(actual, str), where
        assert re.fullmatch(r"\d+-[0-9a-f]{32}", actual), f"{where}: {actual} is no revision"
        return
    assert type(expected) is type(actual), f"{where}: {expected!r} became {actual!r}"
    if isinstance(expected, dict):
        assert set(expected) == set(actual), where
        for key, item in expected.items():
            compare(item, actual[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(expected) == len(actual), f"{where}: {len(actual)} items, {len(expected)} expected"
        for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
            compare(left, right, f"{where}[{index}]")
    else:
        assert expected == actual, where


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_answers_as_recorded(step: dict[str, Any], answers: dict[str, httpx.Response]) -> None:
    name, answer, database = step["name"], answers[step["name"]], answers["name"].text
    if name in OPTIONAL and answer.status_code == 501:
        assert answer.json()["error"] == "not_implemented"
        return
    assert answer.status_code == step["status"], answer.text
    if "content_type" in step:
        assert answer.headers["content-type"].partition(";")[0] == step["content_type"]
    if "response_base64" in step:
        assert answer.content == base64.b64decode(step["response_base64"])
        return
    expected = rename(step["response"], database)
    if name == "dbs_info" and answers["create index"].status_code == 501:
        expected[0]["info"]["doc_count"] -= 1  # the index's own design document is not there
    compare(settle(name, expected), settle(name, answer.json()))


def test_a_computed_revision_stays_the_same(answers: dict[str, httpx.Response]) -> None:
    made = answers["create document"].json()["rev"]
    rows = answers["changes all"].json()["results"]
    assert [row["changes"] for row in rows if row["id"] == "one"] == [[{"rev": made}]]
    assert answers["all_docs keys"].json()["rows"][0]["value"] == {"rev": made}
