"""Views of random documents after random edits: every range, group and reduce equals a count by hand."""

from __future__ import annotations

import functools
import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.embedded.test_collation import TEXT, compare

Row = tuple[Any, str, Any]
SCALARS = st.none() | st.booleans() | st.integers(-1000, 1000) | TEXT
KEYS = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXT, SCALARS, max_size=1)
BY_KEY = functools.cmp_to_key(compare)
MAP = "function (doc) { if (doc.at === '%s') { doc.keys.forEach(function (key) { emit(key, doc.n); }); } }"
MOST = 24


@pytest.fixture(scope="module")
def room(server: httpx.Client) -> Iterator[str]:
    name = f"/t{secrets.token_hex(6)}"
    server.put(name).raise_for_status()
    yield name
    server.delete(name).raise_for_status()


class Store:
    """What one example wrote, and where."""

    def __init__(self, server: httpx.Client, room: str) -> None:
        self.server, self.room, self.mine = server, room, secrets.token_hex(5)
        self.living: dict[str, dict[str, Any]] = {}
        views = {kind: {"map": MAP % self.mine, "reduce": f"_{kind}"} for kind in ("sum", "count", "stats")}
        server.put(f"{room}/_design/{self.mine}", json={"views": views}).raise_for_status()

    def write(self, id: int, keys: list[Any], n: int, deleted: bool) -> None:
        """A new document, a change, or a deletion, after which a conflict may be what lives on."""
        name = f"{self.mine}-{id}"
        before = self.living.get(name)
        if deleted and before is None:
            return
        body = {"_id": name, "at": self.mine, "keys": keys, "n": n, "_deleted": deleted}
        sent = body | ({"_rev": before["_rev"]} if before else {})
        (row,) = self.server.post(f"{self.room}/_bulk_docs", json={"docs": [sent]}).json()
        assert "rev" in row, row
        self.read(name)

    def write_apart(self, id: int, keys: list[Any], n: int) -> None:
        """A conflict that loses or wins by its revision."""
        name = f"{self.mine}-{id}"
        body = {"_id": name, "_rev": f"1-{secrets.token_hex(16)}", "at": self.mine, "keys": keys, "n": n}
        sent = {"docs": [body], "new_edits": False}
        self.server.post(f"{self.room}/_bulk_docs", json=sent).raise_for_status()
        self.read(name)

    def read(self, name: str) -> None:
        self.living.pop(name, None)
        answer = self.server.get(f"{self.room}/{name}")
        if answer.status_code == 200:
            self.living[name] = answer.json()

    def rows(self) -> list[Row]:
        found = [(key, name, body["n"]) for name, body in self.living.items() for key in body["keys"]]
        return sorted(found, key=lambda row: (BY_KEY(row[0]), row[1]))

    def ask(self, kind: str, **params: Any) -> Any:
        sent = {name: json.dumps(value) for name, value in params.items()}
        answer = self.server.get(f"{self.room}/_design/{self.mine}/_view/{kind}", params=sent)
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]


def within(rows: list[Row], start: Any, end: Any, inclusive: bool) -> list[Row]:
    return [
        row for row in rows if compare(row[0], start) >= 0 and compare(row[0], end) < (1 if inclusive else 0)
    ]


def plain(rows: list[Any]) -> list[Row]:
    return [(row["key"], row["id"], row["value"]) for row in rows]


def reduced(kind: str, values: list[int]) -> Any:
    if kind != "stats":
        return sum(values) if kind == "sum" else len(values)
    squares = sum(value * value for value in values)
    return {
        "sum": sum(values),
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "sumsqr": squares,
    }


def grouped(kind: str, rows: list[Row], level: int) -> list[Any]:
    groups: list[tuple[Any, list[int]]] = []
    for key, _, value in rows:
        part = key[:level] if isinstance(key, list) else key
        if groups and compare(groups[-1][0], part) == 0:
            groups[-1][1].append(value)
        else:
            groups.append((part, [value]))
    return [{"key": key, "value": reduced(kind, values)} for key, values in groups]


def check(store: Store, first: Any, second: Any, skip: int, limit: int) -> None:
    rows = store.rows()
    assert plain(store.ask("sum", reduce=False)) == rows
    start, end = sorted((first, second), key=BY_KEY)
    for inclusive in (True, False):
        inside = within(rows, start, end, inclusive)
        params = {"startkey": start, "endkey": end, "inclusive_end": inclusive}
        assert plain(store.ask("sum", reduce=False, **params)) == inside
        paged = store.ask("sum", reduce=False, skip=skip, limit=limit, **params)
        assert plain(paged) == inside[skip : skip + limit]
        for kind in ("sum", "count", "stats"):
            assert store.ask(kind, group_level=1, **params) == grouped(kind, inside, 1)
            whole = [{"key": None, "value": reduced(kind, [row[2] for row in inside])}] if inside else []
            assert [row["value"] for row in store.ask(kind, **params)] == [row["value"] for row in whole]
    backwards = {"startkey": end, "endkey": start, "descending": True, "reduce": False}
    assert plain(store.ask("count", **backwards)) == within(rows, start, end, True)[::-1]
    named = store.ask("sum", reduce=False, keys=[second, first])
    assert plain(named) == [row for key in (second, first) for row in rows if compare(row[0], key) == 0]


@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_every_range_and_group_equals_a_sort_by_icu_after_any_edits(
    server: httpx.Client, room: str, data: st.DataObject
) -> None:
    store = Store(server, room)
    used: list[Any] = [None]
    for _ in range(data.draw(st.integers(1, 3))):  # the index is brought up to date in between
        for _ in range(data.draw(st.integers(1, MOST // 3))):
            keys = data.draw(st.lists(KEYS | st.sampled_from(used), max_size=3))
            used += keys
            id, n = data.draw(st.integers(0, 7)), data.draw(st.integers(-50, 50))
            how = data.draw(st.sampled_from(["write", "write", "delete", "apart"]))
            if how == "apart":
                store.write_apart(id, keys, n)
            else:
                store.write(id, keys, n, how == "delete")
        first, second = data.draw(st.sampled_from(used)), data.draw(st.sampled_from(used) | KEYS)
        check(store, first, second, data.draw(st.integers(0, 3)), data.draw(st.integers(1, 5)))
