"""A volunteer's card: a number that is shown, and a code of six digits that is another one each day.

A person of a unit has ``card`` ``{number, secret}``. The phone keeps both, so that the day's code is made
without a network: HOTP (RFC 4226) with SHA-256, whose counter is the day in Vietnam as text. The same rule is
`pwa/src/data/card.ts`; ``tests/cases/card-codes.json`` binds both. Whoever was shown a code can show it too
until midnight: a card tells a volunteer from someone who has never met one, no more (docs/security.md).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from server.accounts import DESIGN, Accounts
from server.numbers import VIETNAM
from server.roles import OF_A_UNIT
from sync.store import Document

NUMBER_DIGITS = 6
CODE_DIGITS = 6
GRACE = timedelta(minutes=10)
"""How long after midnight the code of the day before still holds: someone is at a door just then."""
TRIES = 20


class Cards:
    """The cards of the whole installation."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._nobody = secrets.token_urlsafe(32)

    async def of(self, person: str) -> dict[str, str]:
        """This person's card, made when they have none yet."""
        known = await self._accounts.read_person(person)
        card = (known or {}).get("card")
        return dict(card) if card else await self._write(person, renew=False)

    async def renew(self, person: str) -> None:
        """Another secret under the same number: what a lost phone shows from now on is wrong."""
        await self._write(person, renew=True)

    async def check(self, number: str, code: str, now: datetime) -> bool:
        """Whether an active person of a unit has this number and today's code.

        One answer, and the same work for it, for a number that nobody has, an ended person and a wrong code.
        """
        rows = await self._with_number(number)
        holders = [row["doc"] for row in rows if is_in_use(row["doc"])] or [
            {"card": {"secret": self._nobody}}
        ]
        days = {day_of(now), day_of(now - GRACE)}
        right = False
        for holder in holders:
            for day in sorted(days):
                fits = hmac.compare_digest(code_of(holder["card"]["secret"], day), code)
                right |= fits and holder.get("type") == "person"
        return right

    async def _write(self, person: str, *, renew: bool) -> dict[str, str]:
        number, secret = await self._free_number(), secrets.token_urlsafe(32)

        def change(stored: Document | None) -> Document | None:
            if stored is None or (stored.get("card") and not renew):
                return None
            kept = (stored.get("card") or {}).get("number", number)
            return {**stored, "card": {"number": kept, "secret": secret}}

        written = await self._accounts.change(person, change)
        if written is None:
            raise LookupError(person)
        return dict(written["card"])

    async def _free_number(self) -> str:
        """Two of one number would only share the answer of a check; it is avoided, not forbidden."""
        number = ""
        for _ in range(TRIES):
            number = f"{secrets.randbelow(10**NUMBER_DIGITS):0{NUMBER_DIGITS}d}"
            if not await self._with_number(number):
                break
        return number

    async def _with_number(self, number: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self._accounts.store.view(
            self._accounts.database, DESIGN, "by_card", key=number, include_docs="true"
        )
        return rows


def day_of(instant: datetime) -> str:
    """The day in Vietnam, yyyy-mm-dd."""
    return instant.astimezone(VIETNAM).date().isoformat()


def is_in_use(person: Document) -> bool:
    return bool(person.get("active")) and bool(person.get("unit")) and person.get("role") in OF_A_UNIT


def code_of(secret: str, day: str) -> str:
    """The card's code of a day (yyyy-mm-dd in Vietnam), six digits."""
    digest = hmac.new(secret.encode(), day.encode(), hashlib.sha256).digest()
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def read_digits(typed: str) -> str:
    """The digits in what somebody typed, with spaces, dots or dashes; no more than are ever needed."""
    return "".join(sign for sign in typed if sign in "0123456789")[:12]
