"""How other programs of the same user reach the store that a server runs for itself.

The server holds a lock on the file ``serving`` in the data folder for as long as it lives, and writes port
and password into it once its store answers. The lock falls with the process, however it ends, so a file
that nobody holds is a leftover, and one that is held but empty belongs to a server that is just starting.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import msgspec

PATIENCE = 30.0
"""Seconds to wait for a server that is starting its store."""
ASKERS_SECONDS = 1.0
"""Seconds to try for the lock, which those who ask hold for a moment too."""
NAME = "serving"


class Taken(Exception):
    """Another server serves this data folder."""


class Reach(msgspec.Struct):
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"http://admin:{self.password}@127.0.0.1:{self.port}"


class Door:
    """The server's side of the file."""

    def __init__(self, folder: Path) -> None:
        """Claim the folder.

        :raises Taken: another server has.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / NAME
        deadline = time.monotonic() + ASKERS_SECONDS
        while (file := _claim(self._path)) is None:
            if time.monotonic() > deadline:
                raise Taken(f"{folder} is in use by another server.")
            time.sleep(0.05)
        self._file = file

    def open(self, reach: Reach) -> None:
        """Let others in."""
        os.pwrite(self._file, msgspec.json.encode(reach), 0)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def _claim(path: Path) -> int | None:
    """The file, empty, locked and still the one of that name; None when it is not to be had just now."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_ino == path.stat().st_ino:
            os.fchmod(file, 0o600)
            os.ftruncate(file, 0)
            return file
    except OSError:
        pass
    os.close(file)
    return None


def find_reach(folder: Path) -> Reach | None:
    """How to reach the store of the server that lives on this folder; None when there is no such server.

    Waits while that server is starting, at most PATIENCE seconds.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            file = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            if not _held(file):
                return None
            written = os.pread(file, 4096, 0)
        finally:
            os.close(file)
        try:
            return msgspec.json.decode(written, type=Reach)
        except msgspec.DecodeError:
            time.sleep(0.1)
    return None


def _held(file: int) -> bool:
    """Asked with a shared lock, so that two who ask do not take each other for a server."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
