"""Work that goes on beside the requests: again and again, and in spite of what goes wrong.

What fails is told in the log by its kind and place, never by its message, which may hold what a record says.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePath

import structlog

from sync.store import Broken, StoreError, StoreUnavailable

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""Work that went on for this long and fails is begun again at once; else each pause is twice the last."""

failures: Counter[str] = Counter()
"""How often each work of this process failed in a way that nobody foresaw."""
log = structlog.get_logger(__name__)


async def repeat(work: Callable[[], Awaitable[object]], name: str, *, every: float) -> None:
    """Do it every so many seconds, sooner after a failure, until cancelled."""
    while True:
        pause = every
        try:
            await work()
        except Exception as error:
            tell(name, error)
            pause = min(every, LONGEST_PAUSE)
        await asyncio.sleep(pause)


async def keep(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Begin again what should have no end, after growing pauses, until cancelled or it ends by itself."""
    pause, clock = 0.0, asyncio.get_running_loop().time
    while True:
        began = clock()
        try:
            return await work()
        except Exception as error:
            tell(name, error)
        if clock() - began >= STEADY_SECONDS:
            pause = 0.0
        await asyncio.sleep(pause)
        pause = min(2 * pause or FIRST_PAUSE, LONGEST_PAUSE)


def tell(name: str, error: Exception) -> None:
    """Say in the log that a work failed; that the store is away is no fault of ours."""
    if isinstance(error, StoreError):
        log.warning("work waits for the store", work=name, code=error.code)
        return
    failures[name] += 1
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{PurePath(last.filename).name}:{last.lineno}"
    log.error("work failed", work=name, error=type(error).__name__, place=place)


@contextmanager
def apart() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Give each its turn, whatever became of the others: ``with apart() as each: for …: with each(): …``.

    :raises: the first failure once all had their turn, other failures before `Broken`; at once when the store
        does not answer at all.
    """
    failed: list[Exception] = []

    @contextmanager
    def each() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if type(error) is StoreUnavailable and error.status is None:
                raise
            failed.append(error)

    yield each
    for error in sorted(failed, key=lambda error: isinstance(error, Broken)):
        raise error
