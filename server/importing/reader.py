"""A file read in a process of its own, with bounds of memory and time: ``python -m server.importing.reader``.

A parser of whatever an office sends meets files made to break it. The child gets the bytes, gives the rows,
and is killed when it takes too long; where it dies or runs out of memory, the file is refused. It knows none
of our settings, and ends by itself when nobody is left to kill it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import resource
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import anyio.to_thread
import msgspec

from server.importing.header import fitness
from server.importing.sheet import NotASheet, Table, read_table
from server.settings import SETTINGS

SECONDS = 20.0
MEMORY = 640 * 1024 * 1024
"""Bytes of address space of the child."""
MOST = 48 * 1024 * 1024
"""Bytes of its answer."""
AT_ONCE = 2
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
COMMAND = (sys.executable, "-m", "server.importing.reader")

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class Answer(msgspec.Struct, array_like=True):
    """What the child says: a table, or why there is none."""

    table: Table | None = None
    code: str = ""
    values: dict[str, Any] = {}


def turn() -> asyncio.Semaphore:
    """To be entered before a file is taken into memory: `AT_ONCE` are, in this process, the others wait."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))


async def read_apart(data: bytes) -> Table:
    """The best fitting table of a file.

    :raises NotASheet: with what is wrong; ``too-slow`` after `SECONDS`.
    """
    child = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**{name: told for name, told in os.environ.items() if name not in SETTINGS}, **ENVIRONMENT},
    )
    try:
        said, _ = await asyncio.wait_for(child.communicate(data), SECONDS)
    except TimeoutError:
        raise NotASheet("too-slow") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode:
        raise NotASheet("not-a-sheet" if child.returncode > 0 else "unpacks-too-large")
    answer = await anyio.to_thread.run_sync(_decode, said)
    if answer.table is None:
        raise NotASheet(answer.code, **answer.values)
    return answer.table


def _decode(said: bytes) -> Answer:
    return msgspec.msgpack.decode(said, type=Answer)


def bound(memory: int, seconds: int) -> None:
    """Give this process so many bytes and seconds of a processor, after all others."""
    os.nice(5)  # others' requests go first
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # where memory ends, this process goes, and no server or store
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def main() -> None:
    bound(MEMORY, math.ceil(2 * SECONDS))
    data = sys.stdin.buffer.read()
    try:
        answer = Answer(read_table(data, fitness))
    except NotASheet as error:
        answer = Answer(None, error.code, error.values)
    except MemoryError:
        answer = Answer(None, "unpacks-too-large")
    said = msgspec.msgpack.encode(answer)
    if len(said) > MOST:
        said = msgspec.msgpack.encode(Answer(None, "too-much-text"))
    sys.stdout.buffer.write(said)


if __name__ == "__main__":
    main()
