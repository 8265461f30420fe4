"""A real server for the stories: ``gtn serve`` as its own process, on its own data folder."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

GTN = Path(sys.executable).with_name("gtn")

ERASE = """
import sys, anyio
from server.settings import read_settings
from server.site import open_site
from sync.erasing import erase

async def main() -> None:
    settings = read_settings()
    async with open_site(settings, workers=False) as site:
        await erase(site.store, site.names, settings.ward, sys.argv[1], sys.argv[2])

anyio.run(main)
"""


def free_port() -> int:
    """A TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``gtn serve --demo`` that can be stopped, killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GTN_")},
            "GTN_DATA": str(folder / "data"),
            "GTN_PORT": str(self.port),
            "GTN_LOG_LEVEL": "warning",
        }
        if os.environ.get("COUCHDB_URL"):
            self.environment["GTN_DATABASE_PREFIX"] = f"e2e{secrets.token_hex(4)}-"

    def start(self, *, demo: bool = True) -> None:
        """Start and wait until it says its address; raises RuntimeError with its output when it does not."""
        before = self._log().count(self.url)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(GTN), "serve", *(["--demo"] if demo else [])],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._log().count(self.url) > before:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.kill()
        raise RuntimeError("the server did not start:\n" + self._log()[-4000:])

    def _log(self) -> str:
        file = self.folder / "server.log"
        return file.read_text() if file.exists() else ""

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it politely."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None

    def command(self, *words: str, typed: str = "") -> str:
        """Run ``gtn …`` beside the server on the same settings, with a line typed; its standard output."""
        done = subprocess.run(
            [str(GTN), *words],
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def erase(self, unit: str, resident: str) -> None:
        """Erase one resident as the desk does, from a process of its own."""
        words = [sys.executable, "-c", ERASE, unit, resident]
        subprocess.run(words, env=self.environment, timeout=60, check=True)

    def sign_ins(self) -> dict[str, dict[str, Any]]:
        """The demo people by login."""
        people = json.loads((self.folder / "data" / "demo-sign-ins.json").read_text())
        return {person["login"]: person for person in people}

    def drop_databases(self) -> None:
        """On a shared CouchDB, remove what this run made."""
        prefix = self.environment.get("GTN_DATABASE_PREFIX")
        if prefix is None:
            return
        base = os.environ["COUCHDB_URL"].rstrip("/")
        for name in requests.get(f"{base}/_all_dbs", timeout=30).json():
            if name.startswith(prefix):
                requests.delete(f"{base}/{name}", timeout=30).raise_for_status()
