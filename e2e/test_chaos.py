"""Whatever breaks, and whoever edits apart: in the end every record is on the server, once, as on phones."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from e2e import chaos
from e2e.server import Server

BROKEN = 300
KILLED = 8
APART = 10


@pytest.mark.timeout(600)
def test_three_hundred_broken_requests_lose_no_record_and_leave_no_phone_stuck(
    own_server: Server, tmp_path: Path
) -> None:
    seed = secrets.randbelow(10**6)
    print(f"from seed {seed}: python -m e2e.chaos {BROKEN} {seed}")
    assert chaos.run(own_server, tmp_path, BROKEN, seed)


@pytest.mark.timeout(300)
def test_server_and_store_killed_in_the_middle_of_requests_lose_no_record(
    own_server: Server, tmp_path: Path
) -> None:
    seed = secrets.randbelow(10**6)
    print(f"from seed {seed}")
    assert chaos.run(own_server, tmp_path, KILLED, seed, "kills")


@pytest.mark.timeout(300)
def test_three_phones_that_edit_apart_agree_in_the_end_lose_no_value_and_show_every_contest(
    own_server: Server, tmp_path: Path
) -> None:
    seed = secrets.randbelow(10**6)
    print(f"from seed {seed}: python -m e2e.chaos {APART} {seed} contests")
    assert chaos.run(own_server, tmp_path, APART, seed, "contests")
