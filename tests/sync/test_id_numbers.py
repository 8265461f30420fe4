"""What is passed without looking at its digits would pass by the rules, too."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime

from sync.clocks import text_of
from sync.id_numbers import judge, judge_chains

TEXTS = 20_000


def test_short_texts_and_instants_are_judged_as_the_rules_would() -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(TEXTS):
        text = "".join(chance.choices("0123456789" * 3 + " .-:TZa", k=chance.randrange(28)))
        assert judge(text) == judge_chains(text), text
        digits = "".join(chance.choices("0123456789", k=17))
        day, clock = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}", ":".join((digits[8:10], digits[10:12], ""))
        instant = f"{day}T{clock}{digits[12:14]}.{digits[14:]}Z"
        assert judge(instant) == judge_chains(instant) == "ok", instant


def test_a_number_next_to_an_instant_is_still_found() -> None:

    at = text_of(datetime.now(UTC))
    assert judge(f"{at} 001203004567") == "refuse"
    assert judge(f"001203004567 {at}") == "refuse"
