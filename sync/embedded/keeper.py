"""Keeps the embedded store's child alive: one that fell is started again on its port, with growing pauses."""

from __future__ import annotations

import anyio
import anyio.to_thread
import structlog

from sync.embedded.child import EmbeddedStore, StoreFailed

LOOK_SECONDS = 0.2
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""A child that lived this long and falls is started at once; a younger one waits longer each time."""

log = structlog.get_logger(__name__)


async def keep(child: EmbeddedStore) -> None:
    """Follow for ever; ends only by cancellation. What is asked meanwhile fails as any store that is away."""
    pause = 0.0
    started = anyio.current_time()
    while True:
        await anyio.sleep(LOOK_SECONDS)
        if not child.fallen:
            continue
        if anyio.current_time() - started >= STEADY_SECONDS:
            pause = 0.0
        log.error("the embedded store fell and is started again", port=child.port, seconds=pause)
        await anyio.sleep(pause)
        pause = min(2 * pause or 0.5, LONGEST_PAUSE)
        try:
            await anyio.to_thread.run_sync(child.revive)
        except (StoreFailed, OSError) as failure:
            log.error("the embedded store does not start", reason=str(failure))
        else:
            log.warning("the embedded store answers again", port=child.port)
        started = anyio.current_time()
