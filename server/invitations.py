"""Invitations: how a phone comes to be somebody's without a password, and people of the ward to their first.

A document ``invitation:<hash>`` in ``accounts`` ``{type, person, role, unit, by, by_name, created, expires,
revoked, used?, attempt?, device?}``. A phone's code has 8 characters of an alphabet without those that are
mistaken for others (40 bits), so that it can be read aloud; it lives 72 hours and opens one phone. A link on
which a password is set is never typed: its code has 26 (130 bits). The id is scrypt (RFC 7914) of the code:
to find a phone's from a copy of the database takes longer than it lives. The phone names its attempt: an
answer that was lost on the way may be asked for again, by it alone.

An invitation is for a person as they were when it was made, from someone who may use the desk: it ends when
the role or unit changes, and while the one who made it is out or may not invite such a person any more.
Whoever saw the code gains nothing by either.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio.to_thread

from server.accounts import DESIGN, Accounts
from server.errors import Problem
from server.roles import OF_A_UNIT, may_give
from sync.clocks import text_of
from sync.store import Document

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 8
LINK_LENGTH = 26
LIFETIME = timedelta(hours=72)
REPEATABLE = timedelta(hours=1)
"""How long the phone that used an invitation may ask again for the answer."""


@dataclass(frozen=True)
class Invited:
    """An invitation as it was made: the only moment at which its code is known."""

    id: str
    code: str
    expires: str


class Invitations:
    """The invitations of the whole installation."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def make(self, person: Document, by: str, by_name: str) -> Invited:
        """An invitation for this person, from the one who asks."""
        length = LENGTH if person["role"] in OF_A_UNIT else LINK_LENGTH
        code = "".join(secrets.choice(ALPHABET) for _ in range(length))
        now = datetime.now(UTC)
        document = {
            "_id": await id_of(code),
            "type": "invitation",
            "person": person["_id"],
            "role": person["role"],
            "unit": person.get("unit"),
            "by": by,
            "by_name": by_name,
            "created": text_of(now),
            "expires": text_of(now + LIFETIME),
            "revoked": False,
        }
        await self._accounts.store.put(self._accounts.database, document)
        return Invited(document["_id"], code, document["expires"])

    async def look_up(self, code: str, attempt: str = "") -> tuple[Document, Document]:
        """(invitation, person) that the code still opens, or opened for this attempt a short while ago.

        :raises Problem: ``invitation-unknown``, ``-revoked``, ``-used``, ``-expired``; all but the first
            name whom to ask.
        """
        invitation, person = await self._find(code)
        now = datetime.now(UTC)
        if not attempt or not is_repeat(invitation, _hash(attempt), now):
            refuse(invitation, now)
        return invitation, person

    async def spend(self, code: str, attempt: str, label: str, known: str = "") -> tuple[Document, str, str]:
        """(person, device, cookie value): the phone of this attempt is the person's from now on.

        :raises Problem: as `look_up`; ``no-unit`` for someone who has no phone's work.
        """
        invitation, person = await self._find(code)
        if person["role"] not in OF_A_UNIT or not person.get("unit"):
            raise Problem("no-unit")
        taken = await self._take(invitation, attempt)
        device, value = await self._let_in(taken, person, label, known)
        return person, device, value

    async def redeem(self, code: str, attempt: str) -> Document:
        """The person of the ward who may choose a password now, in this attempt.

        :raises Problem: as `look_up`; ``invitation-unknown`` for a phone's.
        """
        invitation, person = await self._find(code)
        if person["role"] in OF_A_UNIT:
            raise Problem("invitation-unknown")
        await self._take(invitation, attempt)
        return person

    async def _take(self, invitation: Document, attempt: str) -> Document:
        """The invitation, used by this attempt and no other."""
        now, mark = datetime.now(UTC), _hash(attempt)

        def take(stored: Document | None) -> Document | None:
            if stored is None or stored.get("used") or stored.get("revoked"):
                return None
            if stored["expires"] <= text_of(now):
                return None
            return {**stored, "used": text_of(now), "attempt": mark}

        taken = await self._accounts.store.update(self._accounts.database, invitation["_id"], take)
        if taken is None or not is_repeat(taken, mark, now):
            refuse(taken or invitation, now)
            raise Problem("invitation-used", by=invitation["by_name"])
        return taken

    async def _let_in(
        self, invitation: Document, person: Document, label: str, known: str
    ) -> tuple[str, str]:
        """(device, cookie value), the same device for each request of one attempt.

        :raises Problem: ``invitation-used`` when that device was put out since.
        """
        store, database = self._accounts.store, self._accounts.database
        first = str(invitation.get("device") or "")
        if first and (await store.get(database, first)).get("revoked"):
            raise Problem("invitation-used", by=invitation["by_name"])
        device, value = await self._accounts.enrol(person, label, first or known)

        def note(stored: Document | None) -> Document | None:
            return {**stored, "device": device} if stored and not stored.get("device") else None

        noted = await store.update(database, invitation["_id"], note)
        first = str((noted or {}).get("device", device))
        if device != first:  # another request of this attempt was quicker
            await self._accounts.end_session(device)
            device, value = await self._accounts.enrol(person, label, first)
        if device != first:  # and its device was put out at this very moment
            await self._accounts.end_session(device)
            raise Problem("invitation-used", by=invitation["by_name"])
        return device, value

    async def revoke(self, id: str) -> None:
        """An invitation that was not used opens nothing any more."""

        def end(stored: Document | None) -> Document | None:
            return {**stored, "revoked": True} if stored and not stored.get("used") else None

        await self._accounts.store.update(self._accounts.database, id, end)

    async def of(self, person: str) -> list[Document]:
        """Those made for a person, newest first."""
        rows = await self._accounts.store.view(
            self._accounts.database, DESIGN, "invitations", key=person, include_docs="true"
        )
        return sorted((row["doc"] for row in rows), key=lambda one: str(one["created"]), reverse=True)

    async def _find(self, code: str) -> tuple[Document, Document]:
        store, database = self._accounts.store, self._accounts.database
        invitation = await store.find(database, await id_of(read_code(code)))
        person = await store.find(database, invitation["person"]) if invitation else None
        if invitation is None or person is None or not person.get("active"):
            raise Problem("invitation-unknown")
        inviter = await store.find(database, invitation["by"])
        if not fits(invitation, person) or (inviter is not None and not may_invite(inviter, person)):
            raise Problem("invitation-revoked", by=invitation["by_name"])
        return invitation, person


def fits(invitation: Mapping[str, Any], person: Mapping[str, Any]) -> bool:
    """Whether the person still has the role and unit that they were invited for."""
    return all(invitation.get(key) == person.get(key) for key in ("role", "unit"))


def may_invite(inviter: Mapping[str, Any], person: Mapping[str, Any]) -> bool:
    """Whether whoever made an invitation is still someone who may."""
    return bool(inviter.get("active")) and may_give(str(inviter.get("role")), str(person.get("role")))


def refuse(invitation: Mapping[str, Any], now: datetime) -> None:
    """Pass an invitation that can still be used.

    :raises Problem: that says why it cannot, and whom to ask.
    """
    for code, ended in (
        ("invitation-revoked", bool(invitation.get("revoked"))),
        ("invitation-used", bool(invitation.get("used"))),
        ("invitation-expired", str(invitation["expires"]) <= text_of(now)),
    ):
        if ended:
            raise Problem(code, by=invitation["by_name"])


def is_repeat(invitation: Mapping[str, Any], mark: str, now: datetime) -> bool:
    """Whether this attempt is the one that used the invitation, a short while ago."""
    fresh = str(invitation.get("used", "")) > text_of(now - REPEATABLE)
    same = hmac.compare_digest(str(invitation.get("attempt", "")), mark)
    return fresh and same and not invitation.get("revoked")


def read_code(typed: str) -> str:
    """The code in what somebody typed: any case, with dashes or spaces; "O" and "I" are read as typed."""
    return "".join(sign for sign in typed.upper() if sign.isalnum())[: LINK_LENGTH * 2]


def show_code(code: str) -> str:
    """``ABCD-EFGH``, as it is read aloud."""
    return f"{code[:4]}-{code[4:]}"


async def id_of(code: str) -> str:
    """The document's id; slow on purpose, 16 MB and some 50 ms in a worker thread."""

    def derive() -> bytes:
        return hashlib.scrypt(code.encode(), salt=b"invitation", n=2**14, r=8, p=1, dklen=32)

    return f"invitation:{(await anyio.to_thread.run_sync(derive)).hex()}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
