"""People and their devices, and who a request comes from.

The database ``accounts`` holds ``person:<slug>`` ``{type, name, login, ward, unit, role, password, active,
created, totp?}`` (argon2id; none for whoever was only ever invited, `server.invitations`; ``totp`` where
codes are asked too, `server.second_factor`) and ``device:<ulid>`` ``{type, person, secret_hash, label,
created, seen, confirmed, expires, revoked, lost?, report?}`` (SHA-256 of a random secret). The cookie is
``<ulid>.<secret>``.

No request reads the store to know its caller: what was read is kept in the process, and evicted by
following the database's changes (`follow`). While that feed is broken every request reads the store, so
that access taken away, here or by another process, ends at once or within a second. (Only a connection
that dies without a word, as when a cable is pulled between server and store, is noticed later: after 40 s.)
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
import argon2
import structlog
from starlette.requests import HTTPConnection

from server.access import Viewer, make_viewer
from server.cookies import device_cookie, read_device_cookie, read_slots, slot_of
from server.errors import Problem
from server.passwords import typed
from server.safe import Safe
from server.settings import Settings
from sync import id_numbers
from sync.clocks import text_of
from sync.feed import follow
from sync.ledger import Ledger
from sync.names import Names
from sync.store import Conflict, Document, Store, StoreError
from sync.ulids import new_ulid

LIFETIME = timedelta(days=90)
RENEWAL = timedelta(days=1)
DESIGN = "people"
HASHES = 4
"""Passwords compared at one time: each takes 64 MB, which strangers may not multiply at will."""
LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,47}")

log = structlog.get_logger(__name__)


def hash_secret(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Accounts:
    """The database of accounts, as far as one process needs it."""

    def __init__(self, store: Store, names: Names, settings: Settings) -> None:
        self.store = store
        self.database = names.accounts
        self.ledger = Ledger(store, names)
        self.settings = settings
        self.safe = Safe(settings.key_path)
        self.followed = False
        self._known: dict[str, Document] = {}
        self._members: dict[tuple[str, str], dict[str, str]] = {}
        self._evictions = 0
        self._hasher = argon2.PasswordHasher()
        self._hashing = anyio.CapacityLimiter(HASHES)
        self._nobody = self._hasher.hash(secrets.token_hex())

    # -- who asks -----------------------------------------------------------------------------------

    async def identify(self, connection: HTTPConnection) -> Viewer | None:
        """The viewer whose device sends this request, None without a valid cookie.

        :raises StoreError: when it has to be read and cannot.
        """
        ulid, secret = read_device_cookie(connection, self.settings)
        if not ulid:
            return None
        device = await self._read(f"device:{ulid}")
        if device is None or not is_valid(device, secret, datetime.now(UTC)):
            return None
        person = await self._read(device["person"])
        if person is None or not person.get("active"):
            return None
        return make_viewer(connection, person, device["_id"])

    async def is_shared(self, connection: HTTPConnection, person: str) -> bool:
        """Whether others are signed in on this person's phone, who could have sent this as well."""
        for ulid, secret in read_slots(connection, self.settings):
            device = await self._read(f"device:{ulid}")
            if device and device["person"] != person and is_valid(device, secret, datetime.now(UTC)):
                return True
        return False

    async def identify_leaver(self, connection: HTTPConnection) -> tuple[Document, str] | None:
        """(person, device) of one whose access was ended at the desk, by a device that was not taken away."""
        ulid, secret = read_device_cookie(connection, self.settings)
        device = await self._read(f"device:{ulid}") if ulid else None
        if device is None or not is_valid(device, secret, datetime.now(UTC)):
            return None
        person = await self._read(device["person"])
        return (person, device["_id"]) if person is not None and not person.get("active") else None

    async def renewed_cookie(self, connection: HTTPConnection) -> str | None:
        """The header that prolongs this device's cookie, when a day has passed since it last was."""
        ulid, secret = read_device_cookie(connection, self.settings)
        device = await self._read(f"device:{ulid}")
        now = datetime.now(UTC)
        if device is None or device["expires"] > text_of(now + LIFETIME - RENEWAL):
            return None

        def renew(stored: Document | None) -> Document | None:
            if stored is None or not is_valid(stored, secret, now):
                return None
            return {**stored, "expires": text_of(now + LIFETIME), "seen": text_of(now)}

        try:
            if await self.change(f"device:{ulid}", renew) is None:
                return None
        except StoreError as error:
            log.warning("cookie not renewed", device=ulid, code=error.code)
            return None
        return device_cookie(f"{ulid}.{secret}", LIFETIME, self.settings, slot_of(connection))

    async def _read(self, id: str) -> Document | None:
        if self.followed and id in self._known:
            return self._known[id]
        evictions = self._evictions
        document = await self.store.find(self.database, id)
        if document is not None and evictions == self._evictions:
            self._known[id] = document
        return document

    async def change(self, id: str, change: Any) -> Document | None:
        """Save through `Store.update`; this process sees the change at once."""
        try:
            return await self.store.update(self.database, id, change, self._known.get(id))
        finally:
            self.evict(id)

    def evict(self, id: str) -> None:
        """Forget a document that changed."""
        self._evictions += 1
        self._known.pop(id, None)
        if id.startswith("person:"):
            self._members.clear()

    def set_followed(self, followed: bool) -> None:
        """Say whether changes are being followed; from now on what was read may be trusted, or not."""
        self._evictions += 1
        self._known.clear()
        self._members.clear()
        self.followed = followed

    async def follow(self) -> None:
        """Evict what changes, for ever; ends only by cancellation."""
        since = await self._newest()
        self.set_followed(True)
        try:
            async for change in follow(self.store, self.database, since, heard=self._heard):
                self.evict(change.id)
        finally:
            self.set_followed(False)

    async def _newest(self) -> str:
        while True:
            try:
                return str((await self.store.info(self.database))["update_seq"])
            except StoreError as error:
                log.warning("accounts are not followed yet", code=error.code)
                await anyio.sleep(1)

    def _heard(self, heard: bool) -> None:
        if heard != self.followed:
            self.set_followed(heard)

    # -- signing in and out ---------------------------------------------------------------------------

    async def verify(self, login: str, password: str) -> Document | None:
        """The active person with this login and password."""
        person = await self.find_login(login)
        return person if await self.opens(person, password) else None

    async def opens(self, person: Document | None, password: str) -> bool:
        """Whether this is the password of an active person.

        Nobody costs the same argon2 as somebody, so that the time says nothing.
        """
        stored = (person or {}).get("password") if (person or {}).get("active") else None
        fits = await anyio.to_thread.run_sync(
            self._fits, stored or self._nobody, password, limiter=self._hashing
        )
        return fits and bool(stored)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, typed(password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    async def find_login(self, login: str) -> Document | None:
        rows = await self.store.view(
            self.database, DESIGN, "by_login", key=login.strip().casefold(), include_docs="true"
        )
        return rows[0]["doc"] if rows else None

    async def enrol(self, person: Document, label: str, known: str = "") -> tuple[str, str]:
        """(device id, cookie value) of a device signed in now.

        A device `known` to be theirs keeps its id, unless it was ended at the desk or reported lost.
        """
        now = datetime.now(UTC)
        secret = secrets.token_urlsafe(32)
        fresh = {
            "type": "device",
            "person": person["_id"],
            "secret_hash": hash_secret(secret),
            "label": label[:120],
            "seen": text_of(now),
            "confirmed": text_of(now),
            "expires": text_of(now + LIFETIME),
            "revoked": False,
        }

        def reuse(stored: Document | None) -> Document | None:
            if stored is None or stored.get("person") != person["_id"] or was_ended(stored):
                return None
            return {**stored, **fresh}

        if known.startswith("device:"):
            kept = await self.change(known, reuse)
            if kept is not None and kept["secret_hash"] == fresh["secret_hash"]:
                return known, f"{known.removeprefix('device:')}.{secret}"
        ulid = new_ulid()
        await self.store.put(self.database, {"_id": f"device:{ulid}", **fresh, "created": text_of(now)})
        return f"device:{ulid}", f"{ulid}.{secret}"

    async def why_refused(self, connection: HTTPConnection) -> str:
        """The error code for whoever `identify` does not know: told only to the device that knows its secret.

        :raises StoreError: when it has to be read and cannot.
        """
        ulid, secret = read_device_cookie(connection, self.settings)
        device = await self._read(f"device:{ulid}") if ulid else None
        if device is None or not hmac.compare_digest(str(device.get("secret_hash")), hash_secret(secret)):
            return "signed-out"
        if device.get("lost"):
            return "device-lost"
        if device.get("revoked"):
            return "device-revoked"
        person = await self._read(device["person"])
        return "access-ended" if person is not None and not person.get("active") else "signed-out"

    async def ended_person(self, connection: HTTPConnection) -> str:
        """Whose session was on the device that sends this, if it ended by itself; nothing when unknown."""
        ulid, secret = read_device_cookie(connection, self.settings)
        device = await self._read(f"device:{ulid}") if ulid else None
        if device is None or not hmac.compare_digest(str(device.get("secret_hash")), hash_secret(secret)):
            return ""
        return "" if device.get("revoked") else str(device["person"])

    async def revoke(self, device: str) -> None:
        """End a device's access, from the next request on."""
        await self.ledger.bar(device, "revoked")
        await self.change(
            device, lambda stored: {**without_escrow(stored), "revoked": True} if stored else None
        )

    async def lose(self, device: str) -> None:
        """End the access of a lost device, which is told at its next contact to remove what it holds."""
        await self.ledger.bar(device, "lost")
        await self.change(
            device,
            lambda stored: {**without_escrow(stored), "revoked": True, "lost": True} if stored else None,
        )

    async def confirm(self, device: str) -> None:
        """Whoever uses this device has just proved who they are."""
        now = text_of(datetime.now(UTC))
        await self.change(device, lambda stored: {**stored, "confirmed": now} if stored else None)

    async def confirmed_at(self, device: str) -> str:
        """The instant of the last proof on this device, nothing when there was none."""
        return str(((await self._read(device)) or {}).get("confirmed", ""))

    async def read_person(self, person: str) -> Document | None:
        """The person as far as this process knows them; never to be changed in place."""
        return await self._read(person)

    async def has_password(self, person: str) -> bool:
        return bool(((await self._read(person)) or {}).get("password"))

    async def escrow(self, device: str) -> str:
        """The key that opens this phone's records for whoever forgot the PIN: 32 random bytes, base64url.

        Told only in the answer to a sign-in or an invitation; ended with the device's access.
        """

        def keep(stored: Document | None) -> Document | None:
            if stored is None or stored.get("revoked") or stored.get("escrow"):
                return None
            return {**stored, "escrow": secrets.token_urlsafe(32)}

        await self.change(device, keep)
        return str((await self.store.get(self.database, device)).get("escrow", ""))

    async def end_session(self, device: str) -> None:
        """Sign a device out: it may come back with a password or an invitation."""
        await self.change(
            device, lambda stored: {**stored, "revoked": True, "secret_hash": ""} if stored else None
        )

    async def report_of(self, device: str) -> dict[str, Any]:
        """What this phone last said of itself (`server.reports`)."""
        return ((await self._read(device)) or {}).get("report") or {}

    # -- people ---------------------------------------------------------------------------------------

    async def members(self, ward: str, unit: str) -> dict[str, str]:
        """The names of everyone who is or was of a unit, by id: its own people may know who recorded what."""
        if self.followed and (ward, unit) in self._members:
            return self._members[ward, unit]
        evictions = self._evictions
        rows = await self.store.view(self.database, DESIGN, "members", key=[ward, unit])
        names = {row["id"]: row["value"] for row in rows}
        if evictions == self._evictions:
            self._members[ward, unit] = names
        return names

    async def add_person(
        self, *, login: str, name: str, role: str, ward: str, unit: str | None, password: str | None
    ) -> Document:
        """:raises Problem: ``conflict`` when the login is taken, ``bad-field`` when it cannot be one."""
        login = login.strip().casefold()
        if not LOGIN.fullmatch(login) or id_numbers.judge(login) == "refuse":
            raise Problem("bad-field")
        person = self.make_person(login=login, name=name, role=role, ward=ward, unit=unit, password=password)
        if await self.find_login(login) is not None:
            raise Problem("conflict")
        try:
            await self.store.put(self.database, person)
        except Conflict:
            raise Problem("conflict") from None
        return person

    def make_person(
        self, *, login: str, name: str, role: str, ward: str, unit: str | None, password: str | None
    ) -> Document:
        """The document of a person, not saved yet."""
        return {
            "_id": f"person:{login.replace('.', '-')}",
            "type": "person",
            "name": name,
            "login": login,
            "ward": ward,
            "unit": unit,
            "role": role,
            "password": None if password is None else self._hasher.hash(typed(password)),
            "active": True,
            "created": text_of(datetime.now(UTC)),
        }

    async def set_password(self, person: str, password: str, keep: str = "") -> None:
        """A new password; every device of this person but the one to `keep` has to sign in again."""
        hashed = await anyio.to_thread.run_sync(self._hasher.hash, typed(password), limiter=self._hashing)
        await self.change(person, lambda stored: {**stored, "password": hashed} if stored else None)
        await self.end_sessions(person, keep)

    async def end_sessions(self, person: str, keep: str = "") -> None:
        """Sign out every device of this person but the one to `keep`."""
        for row in await self.store.view(self.database, DESIGN, "devices", key=person):
            if row["id"] != keep:
                await self.end_session(row["id"])


def was_ended(device: Document) -> bool:
    """Whether others took this device away; one that signed out itself has no secret any more."""
    return bool(device.get("lost") or (device.get("revoked") and device.get("secret_hash")))


def without_escrow(device: Document) -> Document:
    return {name: value for name, value in device.items() if name != "escrow"}


def is_valid(device: Document, secret: str, now: datetime) -> bool:
    """Whether this secret opens this device now; compared in constant time."""
    fits = hmac.compare_digest(str(device.get("secret_hash")), hash_secret(secret))
    return fits and not device.get("revoked") and str(device.get("expires")) > text_of(now)
