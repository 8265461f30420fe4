"""``python -m sync.embedded --data DIR``: the store as a process; its password is in GTN_STORE_PASSWORD."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from sync.embedded.server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sync.embedded")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5984)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--attached", action="store_true", help="end when standard input closes")
    given = parser.parse_args()
    password = os.environ.pop("GTN_STORE_PASSWORD", "")
    serve(given.host, given.port, given.data, password, given.attached)


if __name__ == "__main__":
    main()
