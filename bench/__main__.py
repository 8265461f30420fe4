"""``python -m bench [name …]``: every measurement, or the named ones; one figure per line on stdout.

Each ``bench/<name>.py`` with a ``run()`` that yields `bench.figures.Figure` is one; its ``FIGURES`` names
what it yields, and ``docs/performance.md`` explains each. Exit status 1 when a figure misses its goal, 2 for
a name that does not exist.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def find_names() -> list[str]:
    folder = Path(__file__).parent
    return sorted(path.stem for path in folder.glob("*.py") if "\ndef run(" in path.read_text("utf-8"))


def main(wanted: list[str]) -> int:
    names = find_names()
    unknown = [name for name in wanted if name not in names]
    if unknown:
        print(f"There is no bench {unknown[0]!r}; there are: {', '.join(names)}", file=sys.stderr)
        return 2
    missed = 0
    for name in wanted or names:
        module = import_module(f"bench.{name}")
        for figure in module.run():
            if figure.figure not in module.FIGURES:
                raise LookupError(f"bench/{name}.py does not declare {figure.figure!r} in its FIGURES")
            print(figure.line(), flush=True)
            missed += not figure.ok
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
