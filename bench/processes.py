"""What other processes of this machine use, as Linux tells (``/proc``)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process: seconds of CPU so far, and its peak of memory in MB since the last `reset`."""

    cpu: float
    peak: float


def look(pids: Sequence[int], reset: bool = False) -> list[Usage]:
    """How much each has used; with `reset`, peaks begin anew at what is in use now."""
    found = []
    for pid in pids:
        if reset:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        ticks = int(fields[11]) + int(fields[12])
        found.append(Usage(ticks / os.sysconf("SC_CLK_TCK"), peak / 1024))
    return found
