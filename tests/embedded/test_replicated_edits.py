"""Edits that come from many devices: whatever their order and grouping, the store ends in the same place."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Edit = dict[str, Any]


@st.composite
def edits_of_three(draw: st.DrawFn) -> list[Edit]:
    """Edits of three documents; each extends one made before, or starts anew; some delete."""
    made: list[Edit] = []
    for number in range(draw(st.integers(1, 14))):
        name = draw(st.sampled_from("abc"))
        parent = draw(st.sampled_from([None, *(one for one in made if one["_id"] == name)]))
        history = parent["_revisions"]["ids"] if parent else []
        ids = [f"{draw(st.integers(0, 255)):02x}{number:030x}", *history]
        document = {"_id": name, "_revisions": {"start": len(ids), "ids": ids}, "text": f"bản {number}"}
        made.append({**document, "_rev": f"{len(ids)}-{ids[0]}", "_deleted": draw(st.booleans())})
    return made


@contextmanager
def made(server: httpx.Client) -> Iterator[str]:
    name = f"t{secrets.token_hex(6)}"
    server.put(f"/{name}").raise_for_status()
    yield f"/{name}"
    server.delete(f"/{name}").raise_for_status()


@pytest.fixture(scope="module")
def twins(server: httpx.Client) -> Iterator[tuple[str, str]]:
    """Two databases that get the same edits in other ways; each example has ids of its own."""
    with made(server) as one, made(server) as other:
        yield one, other


def push(server: httpx.Client, database: str, batch: Sequence[Edit]) -> None:
    answer = server.post(f"{database}/_bulk_docs", json={"docs": batch, "new_edits": False})
    assert (answer.status_code, answer.json()) == (201, []), answer.text


def look(server: httpx.Client, database: str, ids: Sequence[str], since: str) -> Any:
    """All that can be seen of these documents."""
    params = {"style": "all_docs", "since": since}
    rows = server.get(f"{database}/_changes", params=params).json()["results"]
    changes = {row["id"]: row for row in rows if row["id"] in ids}
    seen = []
    for id in ids:
        if id not in changes:
            continue
        row = changes[id]
        leaves = server.get(f"{database}/{id}", params={"open_revs": "all", "revs": "true"}, headers=JSON)
        bodies = sorted((one["ok"] for one in leaves.json()), key=lambda one: str(one["_rev"]))
        winner = server.get(f"{database}/{id}", params={"conflicts": "true", "deleted_conflicts": "true"})
        told = winner.json() if winner.status_code == 200 else winner.json()["reason"]
        revs = [change["rev"] for change in row["changes"]]
        seen.append((id, row.get("deleted", False), revs[0], sorted(revs), bodies, told))
    return seen


JSON = {"Accept": "application/json"}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits_of_three(), st.randoms(use_true_random=False))
def test_any_order_and_any_batching_gives_the_same_trees_winners_and_changes(
    server: httpx.Client, twins: tuple[str, str], edits: list[Edit], random: Any
) -> None:
    mine = secrets.token_hex(6)
    edits = [{**edit, "_id": edit["_id"] + mine} for edit in edits]
    ids = [letter + mine for letter in "abc"]
    marks = [server.get(database).json()["update_seq"] for database in twins]
    push(server, twins[0], edits)
    left = random.sample(edits + edits[:3], len(edits) + len(edits[:3]))
    while left:
        size = random.randint(1, 4)
        push(server, twins[1], left[:size])
        left = left[size:]
    first, second = (look(server, name, ids, since) for name, since in zip(twins, marks, strict=True))
    assert first == second
    counts = [server.get(name).json() for name in twins]
    assert counts[0]["doc_count"] == counts[1]["doc_count"]
    assert counts[0]["doc_del_count"] == counts[1]["doc_del_count"]


WRITERS, ROUNDS = 4, 25


def write(url: str, database: str, writer: int) -> None:
    """New documents, and every round a change of an earlier one."""
    with httpx.Client(base_url=url, timeout=60) as client:
        kept: dict[str, str] = {}
        for turn in range(ROUNDS):
            docs: list[Edit] = [{"_id": f"w{writer}-{turn}-{n}", "turn": turn} for n in range(4)]
            for id in list(kept)[turn % 3 :: 7]:
                docs.append({"_id": id, "_rev": kept[id], "turn": turn, "_deleted": turn % 5 == 0})
            rows = client.post(f"{database}/_bulk_docs", json={"docs": docs}).json()
            for row, document in zip(rows, docs, strict=True):
                if document.get("_deleted"):
                    kept.pop(row["id"])
                else:
                    kept[row["id"]] = row["rev"]


def follow(
    url: str, database: str, limit: int, done: threading.Event, told: list[tuple[str, dict[str, str]]]
) -> None:
    """Pages of a feed from its beginning; after each, the sequence and all that is known by then."""
    known: dict[str, str] = {}
    since = "0"
    with httpx.Client(base_url=url, timeout=60) as client:
        while True:
            last = done.is_set()
            params: dict[str, Any] = {"feed": "longpoll", "timeout": 200, "since": since, "limit": limit}
            page = client.get(f"{database}/_changes", params=params).json()
            known |= {row["id"]: row["changes"][0]["rev"] for row in page["results"]}
            since = page["last_seq"]
            told.append((since, dict(known)))
            if last and not page["results"]:
                return


def test_a_feed_followed_from_any_sequence_misses_nothing_while_many_write(
    server: httpx.Client, couch_url: str
) -> None:
    with made(server) as database:
        done = threading.Event()
        feeds: list[list[tuple[str, dict[str, str]]]] = [[], []]
        followers = [
            threading.Thread(target=follow, args=(couch_url, database, limit, done, feed))
            for limit, feed in zip((7, 1000), feeds, strict=True)
        ]
        writers = [threading.Thread(target=write, args=(couch_url, database, n)) for n in range(WRITERS)]
        for thread in (*followers, *writers):
            thread.start()
        for thread in writers:
            thread.join(60)
        done.set()
        for thread in followers:
            thread.join(60)
        rows = server.get(f"{database}/_changes").json()["results"]
        final = {row["id"]: row["changes"][0]["rev"] for row in rows}
        assert len(final) == WRITERS * ROUNDS * 4
        for feed in feeds:
            assert feed[-1][1] == final
            for since, known in feed[:: max(1, len(feed) // 15)]:
                rest = server.get(f"{database}/_changes", params={"since": since}).json()["results"]
                assert known | {row["id"]: row["changes"][0]["rev"] for row in rest} == final, since
