"""The second step of signing in: a code of six digits that another device makes, or a recovery code.

Codes follow TOTP (RFC 6238): SHA-1, 30 seconds, with one step to either side for clocks that differ. The
person's document holds ``totp`` ``{secret, step, since, recovery}``: the secret closed under a key that lies
outside the store (`server.safe`), the last step that was used, so that a code seen by someone else opens
nothing again (5.2), and SHA-256 of the recovery codes that are left. A recovery code has 10 characters (49
bits) and opens once, also when the key was lost.

It is for people of the ward, who sign in with a password wherever they are. A phone comes in by an
invitation, which is a second thing already, and asks for its own PIN.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyotp
import segno
import structlog

from server.accounts import Accounts
from server.invitations import ALPHABET
from server.safe import is_closed
from sync.clocks import text_of
from sync.store import Document, StoreError

ISSUER = "Gõ Từng Nhà"
STEP = 30
DRIFT = 1
RECOVERY_CODES = 10
RECOVERY_LENGTH = 10
PURPOSE = "totp"
SECRET_LENGTH = 32
"""Characters of base32: 160 bits, as RFC 4226 (4, R6) asks."""

log = structlog.get_logger(__name__)


def new_secret() -> str:
    return pyotp.random_base32(SECRET_LENGTH)


def is_secret(text: str) -> bool:
    return len(text) == SECRET_LENGTH and all(sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for sign in text)


def draw(secret: str, login: str) -> str:
    """The QR code that an authenticator reads, as SVG."""
    address = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)
    return segno.make(address, error="m").svg_inline(border=2, omitsize=True)


def match(secret: str, code: str, after: int, now: float) -> int:
    """The step at which this is the code, if it is later than step `after`; else 0."""
    made, this, found = pyotp.TOTP(secret), int(now // STEP), 0
    for step in range(this - DRIFT, this + DRIFT + 1):
        fits = hmac.compare_digest(made.generate_otp(step), code)
        if fits and step > after:
            found = step
    return found


def bare(typed: str) -> str:
    """A code as it was typed, without spaces and hyphens, in capitals; nothing when it can be none."""
    code = "".join(sign for sign in typed.upper() if sign.isalnum())
    return code if code.isascii() and len(code) <= RECOVERY_LENGTH else ""


def take(totp: Mapping[str, Any], typed: str, now: float) -> dict[str, Any] | None:
    """What is left of ``totp`` when this code was used, or None when it opens nothing.

    Its secret is open here, or empty: then recovery codes alone can open.
    """
    code = bare(typed)
    if totp["secret"] and (step := match(totp["secret"], code, totp["step"], now)):
        return {**totp, "step": step}
    mark = hash_code(code)
    left = [other for other in totp["recovery"] if not hmac.compare_digest(other, mark)]
    return {**totp, "recovery": left} if len(left) < len(totp["recovery"]) else None


def hash_code(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def show_code(code: str) -> str:
    """``ABCDE-FGHJK``"""
    return f"{code[: RECOVERY_LENGTH // 2]}-{code[RECOVERY_LENGTH // 2 :]}"


def new_recovery_codes() -> list[str]:
    return ["".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]


async def use(accounts: Accounts, person: str, typed: str) -> bool:
    """Whether this code is the person's; it is used up then, also when two ask at the same moment."""
    now, used = time.time(), False

    def spend(stored: Document | None) -> Document | None:
        nonlocal used
        used = False
        if not stored or not stored.get("totp"):
            return None
        left = take({**stored["totp"], "secret": _open(accounts, stored)}, typed, now)
        used = left is not None
        return {**stored, "totp": {**left, "secret": stored["totp"]["secret"]}} if left is not None else None

    await accounts.change(person, spend)
    return used


def _open(accounts: Accounts, person: Document) -> str:
    """The secret that this person's codes are made with; empty when it was closed with another key."""
    secret: str = person["totp"]["secret"]
    if not is_closed(secret):
        return secret
    opened = accounts.safe.open(secret, PURPOSE, person["_id"])
    if opened is None:
        log.warning("second factor closed with another key", person=person["_id"], key=accounts.safe.mark)
    return (opened or b"").decode()


def _lies_open(person: Document) -> bool:
    secret = str((person.get("totp") or {}).get("secret", ""))
    return bool(secret) and not is_closed(secret)


async def close_all(accounts: Accounts) -> int:
    """Close the secrets that lie open in the store since earlier versions; how many those were.

    Compaction then removes the revisions that told them.
    """

    def close(stored: Document | None) -> Document | None:
        if not stored or not _lies_open(stored):
            return None
        closed = accounts.safe.close(stored["totp"]["secret"].encode(), PURPOSE, stored["_id"])
        return {**stored, "totp": {**stored["totp"], "secret": closed}}

    found = 0
    async for page in accounts.store.pages(accounts.database, startkey="person:", endkey="person:\ufff0"):
        for person in page:
            if _lies_open(person):
                await accounts.change(person["_id"], close)
                found += 1
    if found:
        try:
            await accounts.store.compact(accounts.database)
        except StoreError as error:  # a store compacts by itself too, later
            log.warning("accounts are not compacted", code=error.code)
    return found


async def set_up(accounts: Accounts, person: str, secret: str, code: str) -> list[str]:
    """The recovery codes, shown this once, when the code shows that the secret arrived; else none.

    Someone who has a second factor keeps it.
    """
    step = match(secret, bare(code), 0, time.time())
    codes = new_recovery_codes()
    fresh = {
        "secret": accounts.safe.close(secret.encode(), PURPOSE, person),
        "step": step,
        "since": text_of(datetime.now(UTC)),
        "recovery": [hash_code(each) for each in codes],
    }

    def save(stored: Document | None) -> Document | None:
        return {**stored, "totp": fresh} if stored and not stored.get("totp") else None

    saved = await accounts.change(person, save) if step else None
    return codes if saved and saved["totp"] == fresh else []


async def replace_recovery_codes(accounts: Accounts, person: str) -> list[str]:
    """New ones; those before open nothing more. None for someone without a second factor."""
    codes = new_recovery_codes()
    marks = [hash_code(each) for each in codes]

    def save(stored: Document | None) -> Document | None:
        if not stored or not stored.get("totp"):
            return None
        return {**stored, "totp": {**stored["totp"], "recovery": marks}}

    saved = await accounts.change(person, save)
    return codes if saved and saved.get("totp") else []


async def remove(accounts: Accounts, person: str) -> bool:
    """Whether there was one."""
    there = False

    def drop(stored: Document | None) -> Document | None:
        nonlocal there
        there = bool(stored and stored.get("totp"))
        return {key: value for key, value in stored.items() if key != "totp"} if stored and there else None

    await accounts.change(person, drop)
    return there
