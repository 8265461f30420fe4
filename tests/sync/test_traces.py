"""Which words name someone, where they are found, and what is left of a document without them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.traces import GAP, Traces, masked, phrases_of, without_names
from tests.sync.samples import household, register, resident, visit

NAME = "Nguyễn Thị Hòa"
PERSON = resident(name=NAME)
PERSON["identity"]["value"]["phone"] = "0912 345 678"
HOME = PERSON["household"]
TRACES = Traces.of(phrases_of(PERSON))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Con gái bà Nguyễn Thị Hòa", f"Con gái bà {GAP}"),
        ("NGUYỄN THỊ HÒA đi vắng", f"{GAP} đi vắng"),
        ("nguyễn thị hoà, nguyen thi hoa", f"{GAP}, {GAP}"),
        ("Gọi 0912345678 hoặc +84 912.345.678", f"Gọi {GAP} hoặc {GAP}"),
        ("Nhà số 0 0912345678", f"Nhà số 0 {GAP}"),
        ("84 0912 345 678", f"84 {GAP}"),
        ("Nguyễn Thị Hoa là người khác", "Nguyễn Thị Hoa là người khác"),
        ("Bà Hòa, nhà bên", "Bà Hòa, nhà bên"),
        ("Số 0912345679", "Số 0912345679"),
        ("Nguyễn Thị", "Nguyễn Thị"),
        ("", ""),
    ],
)
def test_names_and_numbers_are_found_however_they_are_typed(text: str, left: str) -> None:
    assert masked(text, "household:another", TRACES) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("bà Hòa hẹn tối", f"bà {GAP} hẹn tối"),
        ("BÀ HOÀ", f"BÀ {GAP}"),
        ("hòa đồng, hiếu khách", "hòa đồng, hiếu khách"),
    ],
)
def test_the_given_name_alone_counts_at_home_and_only_as_a_name(text: str, left: str) -> None:
    assert masked(text, HOME, TRACES) == left


def test_a_label_that_names_someone_without_consent_is_known_too_and_a_plain_one_is_not() -> None:
    named = resident(label=register("Bà Mơ, tầng 2"))
    traces = Traces.of(phrases_of(named))
    assert masked("Chồng bà Mơ", named["household"], traces) == f"Chồng bà {GAP}"
    assert phrases_of(resident(label=register("Bà, tầng 2"))) == set()


def test_names_of_the_past_are_known() -> None:
    past = {"field": "identity", **register({"name": "Lê Văn Tám"})}
    changed = {**PERSON, "history": [past]}
    assert masked("ông Lê Văn Tám", "", Traces.of(phrases_of(changed))) == f"ông {GAP}"


def test_the_households_own_visits_lose_their_text_and_those_of_others_get_a_gap() -> None:
    own = visit(household=HOME, note="Bà Hòa đau chân")
    assert without_names(own, TRACES)["record"]["value"] == {
        name: value for name, value in own["record"]["value"].items() if name != "note"
    }
    other = visit(household="household:another", note=f"Nhờ {NAME} dẫn đường")
    assert without_names(other, TRACES)["record"]["value"]["note"] == f"Nhờ {GAP} dẫn đường"


def test_another_persons_name_and_a_street_stay() -> None:
    namesake = resident(name=NAME)
    assert without_names(namesake, TRACES) == namesake
    door = household(address=register({"street": NAME, "unit_text": f"Nhà bà {NAME}"}))
    assert without_names(door, TRACES)["address"]["value"] == {"street": NAME, "unit_text": f"Nhà bà {GAP}"}


@given(
    st.text(max_size=60),
    st.sampled_from([NAME, NAME.upper(), "0912345678", "nguyen thi hoa"]),
    st.text(max_size=60),
)
def test_no_text_around_it_hides_a_name(before: str, name: str, after: str) -> None:
    left = masked(f"{before} {name} {after}", "", TRACES)
    assert name not in left
    assert masked(left, "", TRACES) == left, "a second look changed something"
