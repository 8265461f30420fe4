"""Passwords that are easy to type on a phone: three Vietnamese syllables without marks, and digits."""

from __future__ import annotations

import secrets

from server.passwords import judge

ONSETS = (
    "b",
    "c",
    "ch",
    "d",
    "g",
    "h",
    "kh",
    "l",
    "m",
    "n",
    "ng",
    "nh",
    "ph",
    "s",
    "t",
    "th",
    "tr",
    "v",
    "x",
)
RHYMES = ("a", "an", "ang", "anh", "ao", "au", "am", "ong", "oi", "ung", "ui", "ai")
"""Chosen so that no syllable is a rude word."""


def new_password() -> str:
    """About 36 bits; tries are limited, and the demo holds nothing real."""
    while True:
        syllables = (secrets.choice(ONSETS) + secrets.choice(RHYMES) for _ in range(3))
        password = f"{''.join(syllables)}{secrets.randbelow(9000) + 1000}"
        if not judge(password):
            return password
