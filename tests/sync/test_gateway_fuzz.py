"""Whatever a phone or someone with its cookie sends: never a 500, never a broken answer."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.checks import CODES
from sync.gateway_errors import STATUS
from tests.sync.samples import visit
from tests.sync.town import WARD, Town

OWN = f"/sync/w{WARD}-tdp-07"
bounded = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
keys = st.sampled_from(
    [
        *("_id", "_rev", "_revisions", "_deleted", "_attachments", "type", "schema", "created", "unit"),
        *("record", "household", "history", "identity", "value", "at", "by", "helps", "note"),
        *("start", "ids", "docs", "new_edits"),
    ]
) | st.text(max_size=5)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["visit", "1-" + "a" * 32, "a" * 32, "001203004567", "person:hoa", "2026-05-01T02:00:00.000Z"]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)
segments = st.sampled_from(
    [
        *("sync", f"w{WARD}-tdp-07", f"w{WARD}-tdp-08", "_changes", "_bulk_docs", "_local", "_all_docs"),
        *("..", ".", "", "%2e%2e", "%2f", "_design", "a", "%00", "accounts"),
    ]
) | st.text(alphabet="aw0_-%./~$(),;:@", max_size=6)


def check_answer(town: Town, status: int, body: bytes) -> None:
    assert status < 500, body
    if status >= 400:
        answer = json.loads(body)
        assert answer["error"] in STATUS
        assert STATUS[answer["error"]] == status


@bounded
@given(
    change=st.dictionaries(keys, values, max_size=3),
    removed=st.sets(keys, max_size=2),
    register=values,
)
def test_a_document_of_any_shape_is_taken_or_refused_by_a_code(
    town: Town, change: dict[str, Any], removed: set[str], register: Any
) -> None:
    document = {**visit(), "extra": register, **change}
    for name in removed:
        document.pop(name, None)
    answer = town.push(document)
    check_answer(town, answer.status, answer.body)
    if answer.status == 201:
        assert all(row["error"] == "forbidden" and row["code"] in CODES for row in answer.json)
        assert answer.json or town.stored(document["_id"]) is not None


@bounded
@given(
    body=values, operation=st.sampled_from(["_bulk_docs", "_bulk_get", "_revs_diff", "_changes", "_local/x"])
)
def test_a_body_of_any_shape_is_answered(town: Town, body: Any, operation: str) -> None:
    method = "PUT" if operation == "_local/x" else "POST"
    answer = town.ask(method, f"{OWN}/{operation}", json.dumps(body).encode())
    check_answer(town, answer.status, answer.body)


@bounded
@given(body=st.binary(max_size=200))
def test_bytes_of_any_kind_are_answered(town: Town, body: bytes) -> None:
    for encoding in ("identity", "gzip"):
        answer = town.ask("POST", f"{OWN}/_bulk_docs", body, headers={"Content-Encoding": encoding})
        check_answer(town, answer.status, answer.body)


@bounded
@given(path=st.lists(segments, max_size=6), method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
def test_any_path_leads_to_the_own_database_or_nowhere(town: Town, path: list[str], method: str) -> None:
    raw = "/sync/" + "/".join(path)
    answer = town.ask(method, raw, None if method == "GET" else {})
    assert answer.status < 500
    if answer.status < 300:
        assert raw == "/sync/" or raw.startswith(OWN)
        assert ".." not in raw
        assert "%2" not in raw.lower()


@bounded
@given(
    query=st.dictionaries(
        st.sampled_from(["feed", "since", "limit", "style", "timeout", "x"]), st.text(max_size=8)
    )
)
def test_any_query_is_answered(town: Town, query: dict[str, str]) -> None:
    if query.get("feed") == "longpoll":
        query["timeout"] = "1"
    answer = town.ask("GET", f"{OWN}/_changes?{urlencode(query)}")
    check_answer(town, answer.status, answer.body)
