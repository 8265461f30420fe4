"""Merging: whoever saw the same edits, in any order, holds the same document."""

from __future__ import annotations

from itertools import permutations
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.merge import MergeError, amended, merge

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


identities: st.SearchStrategy[Json] = st.one_of(
    st.just({}),
    st.builds(
        lambda name, second: {"name": name, "consent": {**CONSENT, "at": TIMES[second]}},
        st.sampled_from(["Hoa", "Hòa"]),
        st.integers(0, 3),
    ),
)
MARKS: st.SearchStrategy[Json] = st.sampled_from([{}, {"apart": True}])


@st.composite
def revisions(draw: st.DrawFn) -> Json:
    fields: Json = {}
    history: list[Json] = []
    for name, values in (("label", st.sampled_from(["Bà", "Ông"])), ("identity", identities)):
        set_ones = draw(st.lists(st.builds(register, values, st.integers(0, 3)), max_size=3))
        if set_ones:
            *past, fields[name] = set_ones
            history += [{"field": name, **one, **draw(MARKS)} for one in past]
    return resident(**fields, **({"history": history} if history else {}))


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
    assert merged.document["history"] == [{"field": "label", **register("Bà", 1), "apart": True}]
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


def test_a_name_that_was_written_under_a_consent_withdrawn_meanwhile_does_not_come_back() -> None:
    withdrawn = resident(identity=register({}, 2))
    spelled = resident(identity=register({"name": "Nguyễn Thị Hoà", "consent": CONSENT}, 3, "lan"))
    merged = merge([withdrawn, spelled])
    assert merged.document["identity"]["value"] == {}
    assert "Nguyễn" not in str(merged.document)
    assert merged.contested == ()


def test_a_consent_given_after_the_withdrawal_is_a_new_one() -> None:
    again = {"name": "Hoa", "consent": {**CONSENT, "at": TIMES[3]}}
    withdrawn = resident(identity=register({}, 2))
    merged = merge([withdrawn, resident(identity=register(again, 3, "lan"))])
    assert merged.document["identity"]["value"] == again
    assert merged.contested == ("identity",)


def test_an_edit_by_someone_who_has_both_ends_the_contest_for_good() -> None:
    one, two = resident(label=register("Bà", 1)), resident(label=register("Ông", 2, "lan"))
    both = merge([one, two])
    assert both.contested == ("label",)
    settled = amended(both.document, {"label": register("Bà", 3)})
    assert merge([settled]).contested == ()
    for late in (one, two, both.document):
        assert merge([settled, late]).contested == ()
        assert merge([settled, late]).document["label"] == register("Bà", 3)


def test_two_people_who_settle_alike_settle_it() -> None:
    both = merge([resident(label=register("Bà", 0)), resident(label=register("Ông", 1, "lan"))]).document
    settled = [amended(both, {"label": register("Bà", at, by)}) for at, by in ((2, "hoa"), (3, "lan"))]
    assert merge(settled).contested == ()
    assert merge(settled).document["label"] == register("Bà", 3, "lan")


def test_another_field_edited_meanwhile_leaves_the_contest_open() -> None:
    both = merge([resident(label=register("Bà", 1)), resident(label=register("Ông", 2, "lan"))]).document
    aged = amended(both, {"age_band": register("60-plus", 3)})
    assert merge([aged]).contested == ("label",)


class Edit(NamedTuple):
    """What a phone wrote, and which edits of the field it had seen."""

    register: Json
    seen: frozenset[int]


@settings(max_examples=300)
@given(st.data())
def test_a_contest_is_open_exactly_where_two_edits_did_not_see_one_another(data: st.DataObject) -> None:
    start = resident(label=register("0", 0))
    edits = [Edit(start["label"], frozenset())]
    server, phones = start, [start] * 3
    known: list[frozenset[int]] = [frozenset([0])] * 4  # the last is the server's
    for _ in range(data.draw(st.integers(1, 12))):
        who = data.draw(st.integers(0, 2))
        if data.draw(st.booleans()):
            server = phones[who] = merge([server, phones[who]]).document
            known[who] = known[3] = known[who] | known[3]
            continue
        before = phones[who]
        past = [one for one in before.get("history", ()) if one.get("apart")]
        value = data.draw(st.sampled_from([str(len(edits)), *(one["value"] for one in past)]))
        at = f"2026-05-01T02:{data.draw(st.integers(0, 59)):02}:00.000Z"
        at = max(at, before["label"]["at"][:20] + f"{int(before['label']['at'][20:23]) + 1:03}Z")
        edit = {"value": value, "at": at, "by": f"person:{who}"}
        phones[who] = amended(before, {"label": edit})
        edits.append(Edit(edit, known[who]))
        known[who] |= {len(edits) - 1}
    merged = merge([server, *phones])
    wanted = []
    replaced = frozenset[int]().union(*(edit.seen for edit in edits))
    for number, (edit, _) in enumerate(edits):
        later = [one for one, _ in edits if (one["at"], one["by"]) > (edit["at"], edit["by"])]
        if number not in replaced and later and edit["value"] not in [one["value"] for one in later]:
            wanted.append(edit)
    marked = [entry for entry in merged.document.get("history", ()) if entry.get("apart")]
    found = [{name: entry[name] for name in ("value", "at", "by")} for entry in marked]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    assert bool(merged.contested) == bool(wanted)
    kept = [merged.document["label"], *merged.document.get("history", ())]
    assert {(one["at"], one["by"]) for one in kept} == {(one["at"], one["by"]) for one, _ in edits}


def test_revisions_of_different_documents_do_not_merge() -> None:
    with pytest.raises(MergeError):
        merge([resident(), {**resident(), "_id": "resident:01J00000000000000000000001"}])
