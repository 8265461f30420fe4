"""The embedded store as a child process of whoever needs one."""

from __future__ import annotations

import os
import secrets
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from sync.embedded.door import Reach
from sync.embedded.server import READY

START, STOP = 20.0, 10.0
"""Seconds a child may take to answer, and to end."""


class StoreFailed(Exception):
    """The store did not start; the text is its own last line."""


class EmbeddedStore:
    """A store on a free port of 127.0.0.1 with a password of its own.

    ``url`` holds the address with the administrator's name and password. The child ends with this
    process, however it ends.
    """

    def __init__(self, data: Path, password: str | None = None) -> None:
        self._data = data
        self._password = password or secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.RLock()
        self._wanted = False
        self.port = 0
        self._log = data / "store.log"

    @property
    def url(self) -> str:
        return self.reach.url

    @property
    def reach(self) -> Reach:
        return Reach(self.port, self._password)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def fallen(self) -> bool:
        """It ended without having been told to."""
        return self._wanted and not self.alive

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start, or start again on the same port, and return when requests are answered.

        :raises StoreFailed: it ended, or said nothing for START seconds.
        """
        with self._turn:
            self._start()
            self._wanted = True

    def revive(self) -> None:
        """Start it again when it has fallen; one that was stopped meanwhile stays stopped.

        :raises StoreFailed: it ended, or said nothing for START seconds.
        """
        with self._turn:
            if self.fallen:
                self._start()

    def _start(self) -> None:
        if self.alive:
            return
        if self._process is not None:
            self._close_pipes(self._process)
        command = [sys.executable, "-m", "sync.embedded", "--data", str(self._data)]
        command += ["--port", str(self.port), "--attached"]
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A file, not a pipe: nobody reads along, and a full pipe would stop the child.
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                env={**os.environ, "GTN_STORE_PASSWORD": self._password},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.port = self._await_port(self._process)

    def _await_port(self, process: subprocess.Popen[bytes]) -> int:
        assert process.stdout is not None  # noqa: S101
        deadline = time.monotonic() + START
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(deadline - time.monotonic())
        line = process.stdout.readline().decode() if ready else ""
        if line.startswith(READY):
            return int(line.removeprefix(READY))
        process.kill()
        process.wait()
        self._close_pipes(process)
        self._process = None
        lines = self._log.read_text(errors="replace").strip().splitlines()
        raise StoreFailed(lines[-1] if lines else "The embedded store did not start.")

    def stop(self) -> None:
        """End it gracefully, after STOP seconds at once."""
        with self._turn:
            self._wanted = False
            if self._process is not None:
                self._process.terminate()
                self._await_end(self._process)

    def kill(self) -> None:
        """End it as a power failure would."""
        with self._turn:
            self._wanted = False
            if self._process is not None:
                self._process.kill()
                self._await_end(self._process)

    def _await_end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._close_pipes(process)
        self._process = None

    def _close_pipes(self, process: subprocess.Popen[bytes]) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
