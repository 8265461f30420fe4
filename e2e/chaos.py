"""``python -m e2e.chaos [COUNT] [SEED]``: two phones' sync code in Node, a server, and a link that breaks.

Each of COUNT cases breaks one request (``pwa/chaos/``). Prints the seed of every case that failed and ends
with ``N passed, N failed``; then every figure is recounted from documents. The exit status is 1 when anything
was wrong.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from e2e.server import GTN, Server

PWA = Path(__file__).parents[1] / "pwa"
CASES = 10_000
PEOPLE = ("hoa", "nam")


def bundle(folder: Path) -> Path:
    """The program for Node, in this folder."""
    program = folder / "chaos.cjs"
    options = ["--bundle", "--platform=node", "--define:import.meta.env={}", "--log-level=error"]
    esbuild = PWA / "node_modules" / ".bin" / "esbuild"
    source = PWA / "chaos" / "run.ts"
    subprocess.run([str(esbuild), str(source), *options, f"--outfile={program}"], check=True)
    return program


def run(server: Server, folder: Path, cases: int, seed: int) -> bool:
    """Whether all went well; what did not is printed."""
    known = server.sign_ins()
    people = json.dumps({login: known[login]["password"] for login in PEOPLE})
    command: list[str | Path] = ["node", bundle(folder), server.url, str(cases), str(seed), people]
    done = subprocess.run(command, timeout=60 + cases)
    check = subprocess.run(
        [GTN, "check"], env=server.environment, capture_output=True, text=True, timeout=120
    )
    if check.returncode:
        print(
            "the dashboard counts other than the documents:\n" + check.stdout[-2000:] + check.stderr[-2000:]
        )
    return done.returncode == 0 and check.returncode == 0


def main(cases: int, seed: int) -> int:
    print(f"{cases} cases from seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        server = Server(Path(name))
        server.start()
        try:
            return 0 if run(server, Path(name), cases, seed) else 1
        finally:
            server.stop()
            server.drop_databases()


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*(given + [CASES, secrets.randbelow(10**6)][len(given) :])))
