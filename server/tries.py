"""Slowing down whoever guesses passwords: a wait that doubles with each wrong try, for all processes alike.

Counts are documents of the database ``tries``, ``try:<seal>`` ``{type, count, at}``: neither a login nor an
address can be read from them. A try from a device that is not known counts three times:

* for its login at its address: after `FREE` wrong ones the wait is 1 s, 2 s, 4 s … up to `LONGEST`;
* for its login at all addresses: after `FREE_LOGIN` wrong ones a wait of at most `LONGEST_LOGIN`, for whoever
  has many addresses;
* for its address: after `FREE_ADDRESS`, as above.

A device at which this person signed in before has a cookie that says so (after Pornin's "device cookies",
OWASP) and counts alone, so that no stranger can shut its owner out, nor use up what others have. An hour
without a try ends a wait: the slips of a whole office behind one address do not add up for ever.

A try counts as wrong from its beginning until it is known to be right, so that many at the same moment do
not slip by together. What cannot be counted is not listened to: when the store fails, so does signing in.
"""

from __future__ import annotations

import ipaddress
import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import anyio
import structlog

from server.seals import Seals
from sync.background import repeat
from sync.names import Names
from sync.store import Document, PartlySaved, Store, StoreError

FREE = 5
FREE_LOGIN = 30
FREE_ADDRESS = 50
LONGEST = 900.0
LONGEST_LOGIN = 60.0
FORGOTTEN = 3600.0
CLEAN_SECONDS = 600.0
LOCKS = 64

log = structlog.get_logger(__name__)


class Count(NamedTuple):
    """One of the counts of a try: its document's id, how many tries are free, the longest wait after them."""

    id: str
    free: int
    longest: float


class Tries:
    """The counts of the whole installation. `login` may be empty: codes are guessed without one."""

    def __init__(
        self, store: Store, names: Names, seals: Seals, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._database = names.tries
        self._seals = seals
        self._clock = clock
        self._locks = [anyio.Lock() for _ in range(LOCKS)]

    async def begin(self, login: str, address: str, known: str = "") -> int:
        """Count a try; or the seconds until one is listened to again, then it was not counted.

        `known` is what the device says to be known by.

        :raises StoreError: when it could not be counted: then it may not be listened to.
        """
        counted: list[Count] = []
        for count in self._counts(login, address, known):
            wait = await self._add(count)
            if wait:
                await self._take_back(counted)
                return wait
            counted.append(count)
        return 0

    async def succeeded(self, login: str, address: str, known: str = "") -> None:
        first, *others = self._counts(login, address, known)
        await self._change(first, lambda count: 0)
        await self._take_back(others)

    async def undecided(self, login: str, address: str, known: str = "") -> None:
        """Whether the password was right could not be told."""
        with suppress(StoreError):
            await self._take_back(self._counts(login, address, known))

    def make_known(self, login: str) -> str:
        """What a device may say from now on to be known to this login's person."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._seals.seal('known', login, nonce)}"

    def is_known(self, login: str, known: str) -> bool:
        """Whether `make_known` gave this for that login."""
        nonce, _, sealed = known.partition(".")
        return bool(nonce) and self._seals.fits(sealed, "known", login, nonce)

    async def clean(self) -> int:
        """Remove what is forgotten anyway; how many counts that were."""
        removed = 0
        before = self._clock() - FORGOTTEN
        async for page in self._store.pages(self._database, startkey="try:", endkey="try:\ufff0"):
            old = [
                {"_id": doc["_id"], "_rev": doc["_rev"], "_deleted": True}
                for doc in page
                if doc["at"] < before
            ]
            with suppress(PartlySaved):  # someone tries again at this moment, or another process cleans
                await self._store.bulk(self._database, old)
            removed += len(old)
        if removed:
            await self._store.compact(self._database)
        return removed

    async def follow(self) -> None:
        """`clean` now and then, until cancelled."""
        await repeat(self.clean, "old tries", every=CLEAN_SECONDS)

    def _counts(self, login: str, address: str, known: str) -> list[Count]:
        place = network_of(address)
        if self.is_known(login, known):
            return [Count(self._id("known", login, known.partition(".")[0]), FREE, LONGEST)]
        counts = [Count(self._id("both", login, place), FREE, LONGEST)]
        if login:
            counts.append(Count(self._id("login", login), FREE_LOGIN, LONGEST_LOGIN))
        return [*counts, Count(self._id("address", place), FREE_ADDRESS, LONGEST)]

    def _id(self, *parts: str) -> str:
        return f"try:{self._seals.seal('tries', *parts)}"

    async def _add(self, count: Count) -> int:
        """Count one more, or the seconds to wait."""
        now, wait = self._clock(), 0

        def add(stored: Document | None) -> Document | None:
            nonlocal wait
            tries, last = read(stored, now)
            wait = wait_after(tries - count.free, last, count.longest, now)
            return None if wait else {"type": "tries", "count": tries + 1, "at": now}

        await self._update(count.id, add)
        return wait

    async def _take_back(self, counts: list[Count]) -> None:
        for count in counts:
            await self._change(count, lambda tries: max(0, tries - 1))

    async def _change(self, count: Count, change: Callable[[int], int]) -> None:
        def set_count(stored: Document | None) -> Document | None:
            return {**stored, "count": change(int(stored["count"]))} if stored else None

        await self._update(count.id, set_count)

    async def _update(self, id: str, change: Callable[[Document | None], Document | None]) -> None:
        """Save in turn within this process: many at once would not make each other fail."""
        async with self._locks[int(id[-4:], 16) % LOCKS]:
            await self._store.update(self._database, id, change)


def read(stored: Document | None, now: float) -> tuple[int, float]:
    """(tries, instant of the last), none when that is forgotten; no instant is later than now."""
    if stored is None or now - stored["at"] >= FORGOTTEN:
        return 0, 0.0
    return int(stored["count"]), min(float(stored["at"]), now)


def wait_after(excess: int, last: float, longest: float, now: float) -> int:
    """Seconds to wait still, for this many wrong tries more than are free."""
    if excess < 0:
        return 0
    return max(0, math.ceil(last + min(longest, 2.0 ** min(excess, 20)) - now))


def network_of(address: str) -> str:
    """The address, of IPv6 only its first 64 bits: one customer has all the rest."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
