"""Slowing down whoever guesses passwords: a wait that doubles with each wrong try.

Kept in memory, per login with address and per address: enough for one process; several processes count
apart, and a restart forgets. After `FREE` wrong tries the wait is 1 s, 2 s, 4 s … up to `LONGEST`. An hour
without a wrong try ends it: the slips of a whole office behind one address do not add up for ever.

A try counts as wrong from its beginning (`begin`) until it is known to be right, so that many at the same
moment do not slip by together.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

FREE = 5
FREE_ADDRESS = 50
LONGEST = 900.0
FORGOTTEN = 3600.0
KEPT = 10_000


class Tries:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait(self, login: str, address: str) -> int:
        """Seconds until the next try is listened to, 0 when it is now."""
        return max(self._wait((login, address), FREE), self._wait(("", address), FREE_ADDRESS))

    def begin(self, login: str, address: str) -> None:
        for key in ((login, address), ("", address)):
            count = self._count(key)
            self._wrong.pop(key, None)
            self._wrong[key] = (count + 1, self._clock())
        while len(self._wrong) > KEPT:
            self._wrong.popitem(last=False)

    def succeeded(self, login: str, address: str) -> None:
        self._wrong.pop((login, address), None)
        self._take_back(("", address))

    def undecided(self, login: str, address: str) -> None:
        """Whether the password was right could not be told."""
        self._take_back((login, address))
        self._take_back(("", address))

    def _take_back(self, key: tuple[str, str]) -> None:
        count, last = self._wrong.get(key, (0, 0.0))
        if count:
            self._wrong[key] = (count - 1, last)

    def _count(self, key: tuple[str, str]) -> int:
        count, last = self._wrong.get(key, (0, 0.0))
        return count if self._clock() - last < FORGOTTEN else 0

    def _wait(self, key: tuple[str, str], free: int) -> int:
        count = self._count(key)
        if count < free:
            return 0
        until = self._wrong[key][1] + min(LONGEST, 2.0 ** min(count - free, 20))
        return max(0, math.ceil(until - self._clock()))
