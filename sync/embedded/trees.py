"""Revision trees: merging what replication brings, and CouchDB's choice of a winner.

A tree is a mapping from a revision (``"2-abc…"``) to a `Node`. Merging is a union of what is known,
so any order and any batching of the same edits gives the same tree. The winner is the leaf that is
not deleted, is longest, and has the greatest hash, in this order, as in CouchDB's
``couch_doc:to_doc_info``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sync.embedded.errors import Damaged


class Node(NamedTuple):
    """One revision: what it was made from, whether it deletes, and where its text is (0: not here)."""

    parent: str | None
    deleted: bool
    body: int


Tree = dict[str, Node]


def generation(rev: str) -> int:
    return int(rev.partition("-")[0])


def rank(rev: str, node: Node) -> tuple[bool, int, str]:
    """The greatest of the leaves by this order wins."""
    number, _, digest = rev.partition("-")
    return (not node.deleted, int(number), digest)


def merge(tree: Mapping[str, Node], path: Sequence[str], deleted: bool, body: int) -> Tree:
    """The tree with one more revision, ``path[0]``, and its ancestors, newest first.

    What is already known stays: text and deletion of a known revision are only filled in.
    """
    merged = dict(tree)
    for index, rev in enumerate(path):
        parent = path[index + 1] if index + 1 < len(path) else None
        known = merged.get(rev)
        if known is None:
            merged[rev] = Node(parent, deleted if index == 0 else False, body if index == 0 else 0)
            continue
        if index == 0 and not known.body:
            known = Node(known.parent, deleted, body)
        if known.parent is None:
            known = known._replace(parent=parent)
        elif known.parent != parent:
            merged[rev] = known
            break
        merged[rev] = known
    return merged


def has_text(tree: Mapping[str, Node], rev: str) -> bool:
    node = tree.get(rev)
    return node is not None and node.body != 0


def leaves(tree: Mapping[str, Node]) -> list[str]:
    """Revisions nothing descends from, the winner first."""
    if len(tree) == 1:
        return list(tree)
    parents = {node.parent for node in tree.values()}
    ends = [rev for rev in tree if rev not in parents]
    return sorted(ends, key=lambda rev: rank(rev, tree[rev]), reverse=True)


def winner(tree: Mapping[str, Node]) -> str:
    return leaves(tree)[0]


def ancestry(tree: Mapping[str, Node], rev: str) -> list[str]:
    """The revision and what it descends from, newest first, as far as known."""
    path: list[str] = []
    step: str | None = rev
    while step is not None and step in tree:
        path.append(step)
        step = tree[step].parent
    return path


def stem(tree: Tree, limit: int) -> Tree:
    """The tree with at most ``limit`` revisions kept on the way to each leaf."""
    if len(tree) <= limit:
        return tree
    kept: set[str] = set()
    for leaf in leaves(tree):
        kept.update(ancestry(tree, leaf)[:limit])
    if len(kept) == len(tree):
        return tree
    return {
        rev: node if node.parent in kept else node._replace(parent=None)
        for rev, node in tree.items()
        if rev in kept
    }


def remove(tree: Mapping[str, Node], revs: Iterable[str]) -> tuple[Tree, list[str]]:
    """The tree without these leaves and what only led to them, and which of them were leaves."""
    rest = dict(tree)
    removed: list[str] = []
    ends = set(leaves(tree))
    for rev in revs:
        if rev in ends and rev in rest:
            removed.append(rev)
            step: str | None = rev
            while step is not None and step in rest and all(n.parent != step for n in rest.values()):
                step = rest.pop(step).parent
    return rest, removed


def missing(tree: Mapping[str, Node], revs: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of ``revs`` those unknown here, and the leaves they may descend from."""
    unknown = [rev for rev in dict.fromkeys(revs) if rev not in tree]
    if not unknown:
        return [], []
    highest = max(generation(rev) for rev in unknown)
    return unknown, [leaf for leaf in leaves(tree) if generation(leaf) < highest] if tree else []


def descendants(tree: Mapping[str, Node], rev: str) -> list[str]:
    """The leaves that descend from a revision, itself if it is one."""
    return [leaf for leaf in leaves(tree) if rev in ancestry(tree, leaf)]


_decoder = msgspec.json.Decoder(list[tuple[str, int, bool, int]])


def encode(tree: Mapping[str, Node]) -> bytes:
    """As it is stored: ``[[rev, index of the parent or -1, deleted, body], …]``."""
    places = {rev: index for index, rev in enumerate(tree)}
    rows = [(rev, places.get(n.parent, -1) if n.parent else -1, n.deleted, n.body) for rev, n in tree.items()]
    return msgspec.json.encode(rows)


def decode(stored: bytes) -> Tree:
    """:raises Damaged: this was never stored."""
    try:
        rows = _decoder.decode(stored)
        return {
            rev: Node(rows[parent][0] if parent >= 0 else None, deleted, body)
            for rev, parent, deleted, body in rows
        }
    except (msgspec.DecodeError, IndexError):
        raise Damaged from None
