"""ULIDs from a seeded generator, so that the same seed gives the same documents."""

from __future__ import annotations

import random
from datetime import datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(rng: random.Random, at: datetime) -> str:
    """48 bits of milliseconds and 80 random bits, in 26 letters of Crockford's base 32."""
    value = (round(at.timestamp() * 1000) << 80) | rng.getrandbits(80)
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
