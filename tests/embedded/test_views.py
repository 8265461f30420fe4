"""Views: ranges, groups and reduces equal a count by hand, and follow what changes."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
import icu

ROOT = icu.Collator.createInstance(icu.Locale.getRoot())


def put_views(db: httpx.Client, views: dict[str, Any], name: str = "d") -> None:
    db.put(f"_design/{name}", json={"views": views}).raise_for_status()


def put_all(db: httpx.Client, docs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = db.post("_bulk_docs", json={"docs": docs})
    answer.raise_for_status()
    rows: list[dict[str, Any]] = answer.json()
    return rows


def ask(db: httpx.Client, view: str, **params: Any) -> Any:
    sent = {
        name: value if name in ("startkey_docid", "endkey_docid", "update") else json.dumps(value)
        for name, value in params.items()
    }
    answer = db.get(f"_design/d/_view/{view}", params=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


NAMES = [
    "Đức",
    "Đào",
    "Dung",
    "Dũng",
    "Đa",
    "An",
    "Ánh",
    "Ân",
    "ánh",
    "Zung",
    "đường 12",
    "Đường 2",
    "a",
    "A",
]
EMIT_NAME = {"map": "function (doc) { emit(doc.name, doc._id); }"}


def test_ranges_of_names_equal_a_sort_by_icu(db: httpx.Client) -> None:
    put_all(db, [{"_id": f"n{n:02d}", "name": name} for n, name in enumerate(NAMES)])
    put_views(db, {"names": EMIT_NAME})
    ordered = sorted(NAMES, key=ROOT.getSortKey)
    assert [row["key"] for row in ask(db, "names")["rows"]] == ordered
    for start in range(len(ordered)):
        for end in range(start, len(ordered)):
            found = ask(db, "names", startkey=ordered[start], endkey=ordered[end])
            assert [row["key"] for row in found["rows"]] == ordered[start : end + 1]
            assert found["offset"] == start
    backwards = ask(db, "names", startkey="Đức", endkey="Ánh", descending=True, inclusive_end=False)
    first, last = ordered.index("Đức"), ordered.index("Ánh")
    assert [row["key"] for row in backwards["rows"]] == ordered[last + 1 : first + 1][::-1]


def test_every_group_level_sums_what_a_count_by_hand_does(db: httpx.Client) -> None:
    chance = random.Random(7)
    docs: list[dict[str, Any]] = [
        {"_id": f"d{n}", "key": [chance.randrange(3) for _ in range(6)], "n": n} for n in range(200)
    ]
    put_all(db, docs)
    put_views(db, {"sums": {"map": "function (doc) { emit(doc.key, doc.n); }", "reduce": "_sum"}})
    for level in range(1, 8):
        expected: dict[str, int] = {}
        for doc in docs:
            part = json.dumps(doc["key"][:level])
            expected[part] = expected.get(part, 0) + doc["n"]
        rows = ask(db, "sums", group_level=level)["rows"]
        assert {json.dumps(row["key"]): row["value"] for row in rows} == expected
        assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    assert ask(db, "sums")["rows"] == [{"key": None, "value": sum(range(200))}]
    assert ask(db, "sums", group=True, limit=1, skip=1)["rows"] == ask(db, "sums", group=True)["rows"][1:2]


def test_groups_within_a_range_hold_only_what_is_in_it(db: httpx.Client) -> None:
    docs: list[dict[str, Any]] = [{"_id": f"d{n}", "key": [n // 10, n % 10]} for n in range(50)]
    docs += [{"_id": "short", "key": [2]}, {"_id": "word", "key": "x"}, {"_id": "none"}]
    put_all(db, docs)
    put_views(db, {"c": {"map": "function (doc) { emit(doc.key, 1); }", "reduce": "_count"}})
    whole = [(None, 1), ([0], 10), ([1], 10), ([2], 11), ([3], 10), ([4], 10)]

    def groups(**params: Any) -> list[tuple[Any, int]]:
        return [(row["key"], row["value"]) for row in ask(db, "c", group_level=1, **params)["rows"]]

    assert groups() == [whole[0], ("x", 1), *whole[1:]]
    assert groups(descending=True) == [*whole[:0:-1], ("x", 1), whole[0]]
    inner = {"startkey": [1, 5], "endkey": [3, 2]}
    assert groups(**inner) == [([1], 5), ([2], 11), ([3], 3)]
    assert groups(**inner, inclusive_end=False) == [([1], 5), ([2], 11), ([3], 2)]
    turned = {"startkey": [3, 2], "endkey": [1, 5], "descending": True}
    assert groups(**turned) == [([3], 3), ([2], 11), ([1], 5)]
    assert groups(**turned, inclusive_end=False) == [([3], 3), ([2], 11), ([1], 4)]
    assert groups(limit=2, skip=1) == [("x", 1), ([0], 10)]


def test_many_groups_are_counted_like_few(db: httpx.Client) -> None:
    put_all(db, [{"_id": f"d{n:04d}", "n": n} for n in range(1500)])
    put_views(db, {"c": {"map": "function (doc) { emit([doc.n, 1], 1); }", "reduce": "_sum"}})
    rows = ask(db, "c", group_level=1)["rows"]
    assert rows == [{"key": [n], "value": 1} for n in range(1500)]


def test_statistics_of_days_as_numbers_do_not_overflow(db: httpx.Client) -> None:
    put_all(db, [{"_id": f"d{n}", "n": 2**52 + n} for n in range(5000)])
    put_views(db, {"s": {"map": "function (doc) { emit(1, doc.n); }", "reduce": "_stats"}})
    found = ask(db, "s")["rows"][0]["value"]
    assert (found["min"], found["max"], found["count"]) == (2**52, 2**52 + 4999, 5000)
    assert abs(found["sum"] / (5000 * 2**52) - 1) < 1e-9


def test_a_view_follows_updates_deletions_conflicts_and_purges(db: httpx.Client) -> None:
    rows = put_all(db, [{"_id": f"d{n}", "n": n} for n in range(4)])
    put_views(db, {"all": {"map": "function (doc) { emit(doc.n, null); }", "reduce": "_count"}})
    assert [row["key"] for row in ask(db, "all", reduce=False)["rows"]] == [0, 1, 2, 3]
    db.put("d0", json={"_rev": rows[0]["rev"], "n": 10}).raise_for_status()
    db.delete("d1", params={"rev": rows[1]["rev"]}).raise_for_status()
    db.post("_purge", json={"d2": [rows[2]["rev"]]}).raise_for_status()
    branch = {"_id": "d3", "_rev": "1-ffffffffffffffffffffffffffffffff", "n": 33}
    put_all(db, [{"_id": "d4"}])
    db.post("_bulk_docs", json={"new_edits": False, "docs": [branch]}).raise_for_status()
    found = ask(db, "all", reduce=False)
    assert [row["key"] for row in found["rows"]] == [None, 10, 33]
    assert found["total_rows"] == 3


def test_a_map_function_sees_the_conflicts_of_a_document_as_they_come_and_go(db: httpx.Client) -> None:
    put_views(
        db,
        {
            "open": {"map": "function (doc) { if (doc._conflicts) emit(doc.n, doc._conflicts); }"},
            "dead": {"map": "function (doc) { if (doc._deleted_conflicts) emit(doc.n, null); }"},
        },
    )
    left, right, later, last = (digit * 32 for digit in "1234")
    docs = [{"_id": "d", "_rev": f"1-{right}", "n": 1}, {"_id": "e", "_rev": f"1-{left}", "n": 2}]
    db.post("_bulk_docs", json={"new_edits": False, "docs": docs}).raise_for_status()
    assert ask(db, "open")["rows"] == []

    def send(rev: str, parent: str | None = None, **fields: Any) -> None:
        number, _, digest = rev.partition("-")
        path = {"start": int(number), "ids": [digest] if parent is None else [digest, parent]}
        edit = {"_id": "d", "_rev": rev, "_revisions": path, **fields}
        db.post("_bulk_docs", json={"new_edits": False, "docs": [edit]}).raise_for_status()

    send(f"1-{left}", n=3)
    assert [row["value"] for row in ask(db, "open")["rows"]] == [[f"1-{left}"]]
    send(f"2-{later}", right, n=1)
    assert [row["value"] for row in ask(db, "open")["rows"]] == [[f"1-{left}"]]
    send(f"2-{last}", left, _deleted=True)
    assert ask(db, "open")["rows"] == []
    assert [row["id"] for row in ask(db, "dead")["rows"]] == ["d"]


def test_a_query_that_does_not_update_answers_what_was_built(db: httpx.Client) -> None:
    put_all(db, [{"_id": "a"}])
    put_views(db, {"all": {"map": "function (doc) { emit(doc._id, null); }"}})
    assert len(ask(db, "all")["rows"]) == 1
    put_all(db, [{"_id": "b"}])
    assert len(ask(db, "all", update="false")["rows"]) == 1
    assert len(ask(db, "all")["rows"]) == 2


def test_a_map_that_throws_for_one_document_skips_that_document(db: httpx.Client) -> None:
    put_all(db, [{"_id": "bad"}, {"_id": "good", "list": [1]}])
    put_views(db, {"lists": {"map": "function (doc) { emit(1, null); doc.list.forEach(emit); }"}})
    assert {row["id"] for row in ask(db, "lists")["rows"]} == {"good"}


def test_maps_may_use_the_functions_couchdb_gives_them(db: httpx.Client) -> None:
    put_all(db, [{"_id": "a", "list": [1, 2]}])
    source = "function (doc) { log('x'); if (isArray(doc.list)) { emit(toJSON(doc.list), sum(doc.list)); } }"
    put_views(db, {"v": {"map": source}})
    assert ask(db, "v")["rows"] == [{"id": "a", "key": "[1,2]", "value": 3}]


def test_arrays_of_numbers_are_summed_place_by_place(db: httpx.Client) -> None:
    put_all(db, [{"_id": "a", "v": [1, 2]}, {"_id": "b", "v": [10, 20, 30]}])
    put_views(db, {"v": {"map": "function (doc) { emit(null, doc.v); }", "reduce": "_sum"}})
    assert ask(db, "v")["rows"] == [{"key": None, "value": [11, 22, 30]}]


def test_a_text_where_a_sum_needs_a_number_is_reported(db: httpx.Client) -> None:
    put_all(db, [{"_id": "a", "v": 1}, {"_id": "b", "v": "2"}])
    put_views(db, {"v": {"map": "function (doc) { emit(null, doc.v); }", "reduce": "_sum"}})
    assert ask(db, "v")["rows"][0]["value"]["error"] == "builtin_reduce_error"


def test_a_text_where_statistics_need_a_number_fails_the_view(db: httpx.Client) -> None:
    put_all(db, [{"_id": "a", "v": 1}, {"_id": "b", "v": "2"}])
    put_views(db, {"v": {"map": "function (doc) { emit(null, doc.v); }", "reduce": "_stats"}})
    assert db.get("_design/d/_view/v").status_code == 500


def test_an_endless_map_fails_its_own_query_and_hurts_nobody(db: httpx.Client) -> None:
    put_all(db, [{"_id": "a"}])
    put_views(db, {"endless": {"map": "function (doc) { for (;;) {} }"}})
    failed = db.get("_design/d/_view/endless", timeout=60)
    assert failed.status_code == 500
    assert failed.json()["error"] == "os_process_error"
    assert db.get("a").status_code == 200
    db.put("_design/e", json={"views": {"v": {"map": "function (doc) { emit(1, 1); }"}}}).raise_for_status()
    assert len(db.get("_design/e/_view/v").json()["rows"]) == 1


def test_keys_are_answered_in_the_order_asked(db: httpx.Client) -> None:
    put_all(db, [{"_id": f"d{n}", "n": n % 3} for n in range(6)])
    put_views(db, {"n": {"map": "function (doc) { emit(doc.n, 1); }", "reduce": "_sum"}})
    rows = ask(db, "n", keys=[2, 0, 7], reduce=False)["rows"]
    assert [row["id"] for row in rows] == ["d2", "d5", "d0", "d3"]
    grouped = ask(db, "n", keys=[2, 0, 7], group=True)["rows"]
    assert grouped == [{"key": 2, "value": 2}, {"key": 0, "value": 2}]
