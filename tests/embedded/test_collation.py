"""Keys as bytes sort as CouchDB sorts keys."""

from __future__ import annotations

import functools
from typing import Any

import icu
from hypothesis import given
from hypothesis import strategies as st

from sync.embedded.collation import Collation

COLLATION = Collation()
ROOT = icu.Collator.createInstance(icu.Locale.getRoot())
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=6) | st.sampled_from(
    [
        "Đức",
        "Đào",
        "Dung",
        "dũng",
        "Ánh",
        "ánh",
        "An",
        "a",
        "A",
        "à",
        "-",
        "1",
        "10",
        "2",
        "aa",
        "ab",
        "\ufff0",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXT
KEYS = st.recursive(
    SCALARS, lambda k: st.lists(k, max_size=4) | st.dictionaries(TEXT, k, max_size=3), max_leaves=8
)


def rank(value: Any) -> int:
    if value is None or isinstance(value, bool):
        return 0 if value is None else 1 + value
    return {int: 3, float: 3, str: 4, list: 5, dict: 6}[type(value)]


def compare(left: Any, right: Any) -> int:
    """CouchDB's rule, member by member."""
    if rank(left) != rank(right):
        return -1 if rank(left) < rank(right) else 1
    if isinstance(left, str):
        return int(ROOT.compare(left, right))
    if isinstance(left, (int, float)):
        one, two = float(left), float(right)
        return (one > two) - (one < two)
    if isinstance(left, dict):
        left = [part for item in left.items() for part in item]
        right = [part for item in right.items() for part in item]
    if isinstance(left, list):
        for one, two in zip(left, right, strict=False):
            found = compare(one, two)
            if found:
                return found
        return (len(left) > len(right)) - (len(left) < len(right))
    return 0


@given(KEYS, KEYS)
def test_bytes_compare_as_the_keys_do(left: Any, right: Any) -> None:
    one, two = COLLATION.encode(left), COLLATION.encode(right)
    assert (one > two) - (one < two) == compare(left, right)


@given(st.lists(KEYS, max_size=12))
def test_sorting_bytes_is_sorting_keys(keys: list[Any]) -> None:
    by_rule = sorted(keys, key=functools.cmp_to_key(compare))
    by_bytes = sorted(keys, key=COLLATION.encode)
    for one, two in zip(by_rule, by_bytes, strict=True):
        assert compare(one, two) == 0


@given(st.lists(KEYS, min_size=1, max_size=5))
def test_the_ends_of_elements_cut_the_prefixes_of_an_array(key: list[Any]) -> None:
    encoded, ends = COLLATION.encode_levels(key)
    assert encoded == COLLATION.encode(key)
    for level, end in enumerate(ends, 1):
        assert encoded[:end] + b"\0" == COLLATION.encode(key[:level])


def test_composed_and_decomposed_letters_are_the_same_key() -> None:
    assert COLLATION.encode("Ánh") == COLLATION.encode("A\u0301nh")
