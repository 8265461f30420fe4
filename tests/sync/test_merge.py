"""Merging: whoever saw the same edits, in any order, holds the same document."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.merge import MergeError, merge

Json = dict[str, Any]
TIMES = [f"2026-05-01T01:00:0{second}.000Z" for second in range(4)]
CONSENT = {"version": "v1", "at": TIMES[0], "method": "spoken", "by": "person:hoa"}


def register(value: Any, second: int, by: str = "hoa") -> Json:
    return {"value": value, "at": TIMES[second], "by": f"person:{by}"}


def resident(**fields: Any) -> Json:
    return {
        "_id": "resident:01J00000000000000000000000",
        "type": "resident",
        "schema": 1,
        "created": {"at": TIMES[0], "by": "person:hoa", "device": "device:01J00000000000000000000000"},
        "unit": "tdp-07",
        "household": "household:01J00000000000000000000000",
        **fields,
    }


stamps = st.tuples(st.integers(0, 3), st.sampled_from(["hoa", "lan"]))
identities: st.SearchStrategy[Json] = st.one_of(
    st.just({}), st.sampled_from(["Hoa", "Hòa"]).map(lambda name: {"name": name, "consent": CONSENT})
)


@st.composite
def revisions(draw: st.DrawFn) -> Json:
    fields: Json = {}
    for name, values in (("label", st.sampled_from(["Bà", "Ông"])), ("identity", identities)):
        if draw(st.booleans()):
            fields[name] = register(draw(values), *draw(stamps))
    return resident(**fields)


@given(st.lists(revisions(), min_size=1, max_size=4))
def test_any_order_and_grouping_of_the_same_edits_gives_the_same_document(seen: list[Json]) -> None:
    whole = merge(seen).document
    for order in permutations(seen):
        folded = merge([order[0]]).document
        for other in order[1:]:
            folded = merge([folded, other]).document
        assert folded == whole
    assert merge([whole, *seen]).document == whole


@given(st.lists(revisions(), min_size=1, max_size=4))
def test_no_label_anyone_ever_wrote_is_lost(seen: list[Json]) -> None:
    merged = merge(seen).document
    kept = [merged["label"]] if "label" in merged else []
    kept += [
        {name: entry[name] for name in ("value", "at", "by")}
        for entry in merged.get("history", [])
        if entry["field"] == "label"
    ]
    for revision in seen:
        if "label" in revision:
            assert revision["label"] in kept


def test_the_later_edit_wins_and_the_earlier_stays_in_history() -> None:
    merged = merge([resident(label=register("Bà", 1)), resident(label=register("Bà, tầng 2", 2, "lan"))])
    assert merged.document["label"]["value"] == "Bà, tầng 2"
    assert merged.document["history"] == [{"field": "label", **register("Bà", 1)}]
    assert merged.contested == ("label",)


def test_edits_of_different_fields_are_both_kept_and_contest_nothing() -> None:
    merged = merge([resident(label=register("Bà", 1)), resident(age_band=register("60-plus", 1))])
    assert merged.document["label"]["value"] == "Bà"
    assert merged.document["age_band"]["value"] == "60-plus"
    assert merged.contested == ()


def test_a_value_that_the_other_phone_had_already_replaced_is_no_conflict() -> None:
    before = register("Bà", 1)
    renamed = resident(label=register("Bà Hai", 2), history=[{"field": "label", **before}])
    aged = resident(label=before, age_band=register("60-plus", 2))
    merged = merge([renamed, aged])
    assert merged.document["label"]["value"] == "Bà Hai"
    assert merged.contested == ()


def test_a_withdrawn_consent_takes_the_older_name_out_of_history_too() -> None:
    named = resident(identity=register({"name": "Nguyễn Thị Hoa", "consent": CONSENT}, 1))
    withdrawn = resident(identity=register({}, 2))
    merged = merge([named, withdrawn]).document
    assert merged["identity"]["value"] == {}
    assert "Hoa" not in str(merged)


def test_revisions_of_different_documents_do_not_merge() -> None:
    with pytest.raises(MergeError):
        merge([resident(), {**resident(), "_id": "resident:01J00000000000000000000001"}])
