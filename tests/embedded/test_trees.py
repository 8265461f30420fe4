"""Revision trees: any order and any batching of the same edits gives the same tree and winner."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from sync.embedded import trees
from sync.embedded.trees import Node, Tree


class Edit(NamedTuple):
    path: list[str]
    deleted: bool


@st.composite
def histories(draw: st.DrawFn) -> list[Edit]:
    """Edits of one document made on many devices: each extends something made before, or starts anew."""
    made: list[Edit] = []
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.sampled_from([None, *made]))
        history = parent.path if parent else []
        rev = f"{len(history) + 1}-{number:02d}{draw(st.integers(0, 9))}"
        made.append(Edit([rev, *history], draw(st.booleans())))
    return made


def replay(edits: list[Edit]) -> Tree:
    tree: Tree = {}
    for edit in edits:
        tree = trees.merge(tree, edit.path, edit.deleted, 1)
    return tree


@given(histories(), st.randoms())
def test_the_order_of_arrival_does_not_matter(edits: list[Edit], random: object) -> None:
    shuffled = edits[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert replay(shuffled) == replay(edits)
    assert trees.winner(replay(shuffled)) == trees.winner(replay(edits))


@given(histories())
def test_an_edit_that_arrives_again_changes_nothing(edits: list[Edit]) -> None:
    assert replay(edits + edits) == replay(edits)


@given(histories())
def test_a_stored_tree_is_read_as_it_was(edits: list[Edit]) -> None:
    assert trees.decode(trees.encode(replay(edits))) == replay(edits)


@given(histories())
def test_a_leaf_that_lives_wins_over_every_tombstone(edits: list[Edit]) -> None:
    tree = replay(edits)
    leaves = trees.leaves(tree)
    assert tree[leaves[0]].deleted == all(tree[leaf].deleted for leaf in leaves)


@given(histories(), st.integers(1, 5))
def test_stemming_keeps_the_winner_and_each_leaf(edits: list[Edit], limit: int) -> None:
    tree = replay(edits)
    short = trees.stem(tree, limit)
    assert trees.leaves(short) == trees.leaves(tree)
    for leaf in trees.leaves(tree):
        assert trees.ancestry(short, leaf)[:limit] == trees.ancestry(tree, leaf)[:limit]
        if len(trees.leaves(tree)) == 1:
            assert len(trees.ancestry(short, leaf)) <= limit


@given(histories())
def test_purging_every_leaf_leaves_nothing_and_one_leaf_leaves_the_others(edits: list[Edit]) -> None:
    tree = replay(edits)
    leaves = trees.leaves(tree)
    assert trees.remove(tree, leaves) == ({}, leaves)
    rest, removed = trees.remove(tree, leaves[:1])
    assert removed == leaves[:1]
    assert set(leaves[1:]) <= set(rest)


def test_the_longest_branch_wins_and_then_the_greatest_hash() -> None:
    tree = replay([Edit(["1-z"], False), Edit(["2-a", "1-a"], False), Edit(["2-b", "1-a"], False)])
    assert trees.leaves(tree) == ["2-b", "2-a", "1-z"]


def test_ten_counts_more_than_nine() -> None:
    path = [f"{n}-a" for n in range(10, 0, -1)]
    assert trees.winner(replay([Edit(path, False), Edit(["9-b", *path[2:]], False)])) == "10-a"


def test_an_older_revision_that_arrives_late_gives_its_text_to_a_known_ancestor() -> None:
    tree = trees.merge({}, ["2-b", "1-a"], False, 7)
    assert tree["1-a"] == Node(None, False, 0)
    assert trees.merge(tree, ["1-a"], False, 8)["1-a"] == Node(None, False, 8)


def test_possible_ancestors_are_leaves_older_than_what_is_missing() -> None:
    tree = replay([Edit(["1-a"], False), Edit(["2-b", "1-a"], False), Edit(["4-d", "3-c"], False)])
    assert trees.missing(tree, ["1-a", "3-x"]) == (["3-x"], ["2-b"])
