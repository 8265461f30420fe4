"""A unit's households from an office's sheet: `gtn import FILE --unit CODE [--write] [--skip-bad]`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from server.importing.plan import Plan, plan_import, write_plan
from server.importing.report import describe_error, describe_plan
from server.importing.sheet import MAX_BYTES, NotASheet
from server.texts import Translate
from sync.names import WardNames
from sync.store import Store

__all__ = ["NotASheet", "Plan", "import_file", "plan_import", "write_plan"]

DONE, REFUSED, UNUSABLE = 0, 1, 2


async def import_file(
    store: Store,
    ward: WardNames,
    unit: str,
    path: Path,
    *,
    write: bool = False,
    skip_bad: bool = False,
    t: Translate,
    say: Callable[[str], None] = print,
) -> int:
    """Judge a file, say what is in it, and write it if asked to; the exit status.

    0: done, or nothing wrong; 1: bad rows, so nothing was written; 2: the file cannot be used.
    """
    try:
        plan = await plan_import(store, ward, unit, _read(path))
    except NotASheet as error:
        say(describe_error(error, t))
        return UNUSABLE
    say(describe_plan(plan, t))
    say("")
    if plan.bad and not skip_bad:
        say(t("import.not-written"))
        return REFUSED
    if not plan.new:
        say(t("import.nothing-new"))
    elif write:
        say(t("import.written", count=await write_plan(store, ward, plan)))
    else:
        say(t("import.dry", count=len(plan.new)))
    return DONE


def _read(path: Path) -> bytes:
    """:raises NotASheet: when the file cannot be read; a file that is too large is not read at all."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotASheet("no-file", path=path) from None
    except OSError:
        raise NotASheet("unreadable", path=path) from None
