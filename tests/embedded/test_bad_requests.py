"""Whatever is sent, the answer is an error in JSON and never a failure of the store itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sync.embedded.child import EmbeddedStore

VALUES: list[Any] = [
    None, 0, -1, 1.5, "", "x", "1-a", "0-1", "_design/x", [], [None], [[]], {}, {"": {}}, True,
    "😀", {"keys": 1},
    {"docs": None}, {"docs": [None]}, {"docs": [{"id": 1}]}, {"docs": [{"id": "a", "rev": 1}]},
    {"docs": [{"_id": "a", "_rev": "9-x", "_revisions": {"start": -1, "ids": ["x"]}}], "new_edits": False},
    {"docs": [{"_id": "a", "_rev": "1-x", "_revisions": {"start": 1, "ids": {}}}], "new_edits": False},
    {"docs": [{"_id": "a", "_deleted": 1, "_attachments": {"a": 1}}]}, {"docs": [], "new_edits": "no"},
    {"a": "1-x"}, {"a": ["x"]}, {"a": [None]}, {"admins": []}, {"members": {"names": 1}}, {"doc_ids": 1},
    {"views": 1}, {"views": {"a": 1}}, {"views": {"a": {"map": 1}}}, {"views": {"a": {"map": "1"}}},
    {"validate_doc_update": 1}, {"language": 1}, {"limit": "x"}, {"startkey": {"a": [1]}, "limit": -1},
    {"keys": [None, {}, [1]]}, {"_attachments": {"a": {"data": 1}}},
    {"_attachments": {"a": {"follows": True}}},
]  # fmt: skip
PATHS = [
    ("POST", "_bulk_docs"), ("POST", "_bulk_get"), ("POST", "_revs_diff"), ("POST", "_all_docs"),
    ("POST", ""),
    ("POST", "_changes"), ("POST", "_changes?filter=_doc_ids"), ("POST", "_purge"), ("PUT", "_security"),
    ("PUT", "a"), ("PUT", "_local/a"), ("PUT", "_design/d"), ("POST", "_design/v/_view/v"), ("PUT", "a/b"),
]  # fmt: skip
QUERIES = [
    "a?rev=x", "a?rev=1-x", "a?open_revs=x", "a?open_revs=[1]", "a?open_revs={}", "a?revs=maybe", "%FF",
    "%00",
    "_all_docs?limit=x", "_all_docs?startkey=x", "_all_docs?keys=1", "_all_docs?key={}", "_all_docs?skip=-1",
    "_all_docs?limit=999999999999999999999", "_changes?since=x", "_changes?since=-1", "_changes?limit=x",
    "_changes?since=99999999999999999999", "_changes?feed=x", "_changes?filter=a/b", "_changes?heartbeat=x",
    "_changes?feed=longpoll&timeout=0", "_changes?feed=longpoll&timeout=1&since=now&heartbeat=1",
    "_design/v/_view/v?group_level=x", "_design/v/_view/v?key=x", "_design/v/_view/v?group_level=99",
    "_design/v/_view/v?startkey=[[[[]]]]&endkey=null", "_design/v/_view/v?limit=0", "_design/v/_view/%FF",
    "_design/v/_view/v?startkey=" + "[" * 3000, "_all_docs?startkey=" + "[" * 3000, "_local/", "_design/",
]  # fmt: skip


@pytest.fixture(scope="module")
def couch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded store in any case: CouchDB itself answers some of these with 500."""
    with EmbeddedStore(tmp_path_factory.mktemp("store")) as store:
        yield store.url


@pytest.fixture
def ready(db: httpx.Client) -> httpx.Client:
    db.put("a", json={"n": 1}).raise_for_status()
    view = {"map": "function (doc) { emit(doc.n, 1); }", "reduce": "_sum"}
    db.put("_design/v", json={"views": {"v": view}}).raise_for_status()
    return db


def check(answer: httpx.Response, what: str) -> None:
    assert answer.status_code < 500 or answer.status_code == 501, f"{what}: {answer.text}"
    assert answer.headers["content-type"].startswith("application/json"), what
    if answer.status_code >= 400:
        assert {"error", "reason"} <= set(answer.json()), what


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_no_body_makes_the_store_fail(ready: httpx.Client, method: str, path: str) -> None:
    for value in VALUES:
        answer = ready.request(method, path, json=value, headers={"Accept": "application/json"})
        check(answer, f"{method} {path} {value!r}")
    ready.put("still", json={}).raise_for_status()


@pytest.mark.parametrize("path", QUERIES)
def test_no_parameter_makes_the_store_fail(ready: httpx.Client, path: str) -> None:
    answer = ready.get(path, headers={"Accept": "application/json"})
    check(answer, path)
