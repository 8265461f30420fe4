"""``python -m e2e.chaos [COUNT] [SEED] [MODE]``: phones' sync code in Node, a server, and what goes wrong.

In the mode "links" each of COUNT cases breaks one request of two phones, in "contests" three phones edit the
same apart (``pwa/chaos/``). Prints the seed of every case that failed and ends with ``N passed, N failed``;
then every figure is recounted from documents. The exit status is 1 when anything was wrong.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests

from e2e.server import GTN, Server

PWA = Path(__file__).parents[1] / "pwa"
CASES = 10_000
READY = "/readyz"
PEOPLE = ("hoa", "nam")
TEAM = (*PEOPLE, "lan")


def bundle(folder: Path, name: str) -> Path:
    """The program for Node, in this folder."""
    program = folder / f"{name}.cjs"
    options = ["--bundle", "--platform=node", "--define:import.meta.env={}", "--log-level=error"]
    esbuild = PWA / "node_modules" / ".bin" / "esbuild"
    source = PWA / "chaos" / f"{name}.ts"
    subprocess.run([str(esbuild), str(source), *options, f"--outfile={program}"], check=True)
    return program


def store_of(server: Server) -> int | None:
    """The process of the embedded store; None on a CouchDB, which is not ours to kill."""
    assert server.process is not None
    for children in Path(f"/proc/{server.process.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            if b"sync.embedded" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


def kill(server: Server, what: str) -> None:
    """Kill the server or its store with no word of warning; returns when both answer again."""
    store = store_of(server) if what == "kill-store" else None
    if store is None:
        server.kill()
        server.start()
    else:
        os.kill(store, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while requests.get(server.url + READY, timeout=30).status_code != 200:
        assert time.monotonic() < deadline, "the store does not answer again"
        time.sleep(0.05)


def run(server: Server, folder: Path, cases: int, seed: int, mode: str = "links") -> bool:
    """Whether all went well; what did not is printed. In the mode "kills" the server falls, not the link."""
    known = server.sign_ins()
    team, name = (TEAM, "contests") if mode == "contests" else (PEOPLE, "run")
    people = json.dumps({login: known[login]["password"] for login in team})
    command: list[str | Path] = [
        "node",
        bundle(folder, name),
        server.url,
        str(cases),
        str(seed),
        people,
        mode,
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as done:
        assert done.stdin is not None
        assert done.stdout is not None
        stuck = threading.Timer(60 + 10 * cases, done.kill)
        stuck.start()
        for line in done.stdout:
            print(line, end="", flush=True)
            if line.startswith("kill-"):
                kill(server, line.strip())
                print("again", file=done.stdin, flush=True)
        stuck.cancel()
    check = subprocess.run(
        [GTN, "check"], env=server.environment, capture_output=True, text=True, timeout=120
    )
    if check.returncode:
        print(
            "the dashboard counts other than the documents:\n" + check.stdout[-2000:] + check.stderr[-2000:]
        )
    return done.returncode == 0 and check.returncode == 0


def main(cases: int, seed: int, mode: str) -> int:
    print(f"{cases} cases from seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        server = Server(Path(name))
        server.start()
        try:
            return 0 if run(server, Path(name), cases, seed, mode) else 1
        finally:
            server.stop()
            server.drop_databases()


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:] if one.isdigit()]
    count, first = given + [CASES, secrets.randbelow(10**6)][len(given) :]
    sys.exit(main(count, first, "contests" if "contests" in sys.argv[1:] else "links"))
