"""What a new password must be: ten characters, and not what someone who knows the place would try first.

Two judges: `zxcvbn` (Wheeler, USENIX Security 2016) knows how often English words, names, keyboard rows,
dates and repetitions occur; the list ``server/catalog/common-passwords.txt`` knows what Vietnamese offices
choose. Words are compared folded, so that "Mật Khẩu 2026" is "matkhau". Old passwords are not judged again.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

from sync.text import fold

SHORTEST = 10
LONGEST = 256
LIST = Path(__file__).parent / "catalog" / "common-passwords.txt"
FEWEST_GUESSES = 10_000_000
OWN = 4
"""Letters that must be left when all that is listed, or known of the person, is taken away."""
DIGITS = 14
"""A password without letters has more digits than a telephone's number, a day or a citizen's card."""
_JUDGED = 72
"""Characters that `zxcvbn` reads; its time grows faster than the length."""
_LONG_LOGIN = 4


def typed(password: str) -> str:
    """One form for what different keyboards write: "ế" is one character or three."""
    return unicodedata.normalize("NFC", password)


def judge(password: str, login: str = "", name: str = "") -> str:
    """Why this cannot be the new password of the person with this login and name; nothing when it can.

    One of ``short``, ``long``, ``personal``, ``common``: keys of ``account.password.<reason>``.
    """
    password = typed(password)
    if len(password) < SHORTEST:
        return "short"
    if len(password) > LONGEST:
        return "long"
    own = {letters(login), letters(name), *(letters(word) for word in name.split())} - {""}
    bare = letters(password)
    whole = [word for word in (letters(login), letters(name)) if len(word) >= _LONG_LOGIN]
    if any(word in bare for word in whole):
        return "personal"
    if bare and len(without(bare, own)) < OWN <= len(bare):
        return "personal"
    if bare and len(without(bare, own | common())) < OWN <= len(without_digits(password)):
        return "common"
    if not without_digits(password) and sum(sign.isdigit() for sign in password) < DIGITS:
        return "common"
    return "common" if guesses(password, sorted(own)) < FEWEST_GUESSES else ""


def letters(text: str) -> str:
    """Only the letters, folded."""
    return re.sub(r"[^a-z]", "", fold(text))


def without_digits(text: str) -> str:
    return re.sub(r"[\d\W_]", "", text)


def without(text: str, words: set[str] | frozenset[str]) -> str:
    """The text when every one of these words is taken out of it, the longest first."""
    for word in sorted(words, key=lambda word: (-len(word), word)):
        if len(word) > 1:
            text = text.replace(word, "")
    return text


def guesses(password: str, own: list[str]) -> float:
    """How many tries a good guesser needs."""
    from zxcvbn import zxcvbn  # loads its lists for 60 ms: only whoever chooses a password waits for it

    return float(zxcvbn(password[:_JUDGED], user_inputs=own)["guesses"])


@cache
def common() -> frozenset[str]:
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
