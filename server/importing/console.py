"""The command `gtn import FILE --unit CODE`, with `--write` and others; the page is `server.import_pages`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio.to_thread

from server.importing.households import Target, judge_table
from server.importing.last import Busy, write_plan
from server.importing.plan import Plan, make_plan
from server.importing.reader import read_apart
from server.importing.report import describe_error, describe_plan
from server.importing.sheet import MAX_BYTES, NotASheet
from server.texts import Translate
from sync.audit import CONSOLE
from sync.names import WardNames
from sync.store import Store

DONE, REFUSED, UNUSABLE = 0, 1, 2


async def import_file(
    store: Store,
    ward: WardNames,
    target: Target,
    path: Path,
    *,
    write: bool = False,
    skip_bad: bool = False,
    changes: bool = False,
    t: Translate,
    say: Callable[[str], None] = print,
    before: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Judge a file, say what is in it, and write it if asked to; the exit status.

    0: done, or nothing wrong; 1: bad rows, so nothing was written; 2: the file cannot be used.

    :param changes: also change households that the sheet tells otherwise.
    :param before: awaited before anything is written.
    """
    try:
        plan = await plan_import(store, ward, target, _read(path))
    except NotASheet as error:
        say(describe_error(error, t))
        return UNUSABLE
    say(describe_plan(plan, t))
    say("")
    if plan.bad and not skip_bad:
        say(t("import.not-written"))
        return REFUSED
    to_change = len(plan.changed) if changes else 0
    if not plan.to_write and not to_change:
        say(t("import.nothing-new"))
    elif write:
        told: dict[str, Any] = {"by": CONSOLE, "name": path.name, "changes": changes}
        try:
            done = await write_plan(store, ward, plan, before=before, **told)
        except Busy:
            say(t("error.import-busy"))
            return UNUSABLE
        say(t("import.written", count=done.added))
        if to_change:
            say(t("import.written-changes", count=done.changed))
    else:
        say(t("import.dry", count=plan.to_write))
    return DONE


async def plan_import(store: Store, ward: WardNames, target: Target, data: bytes) -> Plan:
    """Judge every row of a file against the unit's households; reads only.

    :raises NotASheet: when the file, or the unit's code, cannot be used.
    """
    table = await read_apart(data)
    households = await anyio.to_thread.run_sync(judge_table, table, None, target)
    return await make_plan(store, ward, target.code, households)


def _read(path: Path) -> bytes:
    """:raises NotASheet: when the file cannot be read; a file that is too large is not read at all."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotASheet("no-file", path=path) from None
    except OSError:
        raise NotASheet("unreadable", path=path) from None
