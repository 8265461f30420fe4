"""The store as a whole: its data folder, its databases and its configuration."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import unquote

import msgspec

from sync.embedded.access import Authentication
from sync.embedded.database import Database, make_file, remove_files, sync_folder
from sync.embedded.design import Guard
from sync.embedded.documents import quote_name
from sync.embedded.errors import BadRequest, Damaged, NotFound, StoreError
from sync.embedded.views import Indexer

T = TypeVar("T")
log = logging.getLogger(__name__)

NAME = re.compile(r"^[a-z][a-z0-9_$()+/-]*$")
SUFFIX, VIEWS = ".couch.sqlite", ".views.sqlite"
READERS = 8
CONFIGURABLE = {
    ("chttpd_auth", "secret"),
    ("chttpd_auth", "proxy_use_secret"),
    ("chttpd", "authentication_handlers"),
}
PROXY_HANDLER = "proxy_authentication_handler"


class FolderInUse(Exception):
    """Another process serves this data folder."""


class Open:
    """A database in use: the file, its indexes and validators, and who waits for its next change."""

    def __init__(self, database: Database, indexer: Indexer, loop: asyncio.AbstractEventLoop) -> None:
        self.database = database
        self.indexer = indexer
        self.guard = Guard(database.name)
        self.changed = asyncio.Event()
        self._loop = loop
        database.on_commit = self._tell

    def wake(self) -> None:
        """Wake everyone who waits; the next ones wait for the next change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def _tell(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.wake)


class Instance:
    """One data folder, served by one process."""

    def __init__(self, folder: Path, password: str) -> None:
        """:raises FolderInUse: another process has it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = _lock(folder)
        self._folder = folder
        self._opening = threading.Lock()
        self._open: dict[str, Open] = {}
        self._changing: set[str] = set()
        self._damaged: set[str] = set()
        self._names = {unquote(path.name[: -len(SUFFIX)]) for path in folder.glob(f"*{SUFFIX}")}
        self._sweep()
        self.pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._config_path = folder / "config.json"
        self._config = self._read_config()
        self.uuid = self._config.get("uuid", "")
        self.authentication = Authentication(password, "", False)
        self._apply_config()

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    def names(self) -> list[str]:
        return sorted(self._names)

    def has(self, name: str) -> bool:
        return name in self._names

    async def get(self, name: str) -> Open:
        """:raises NotFound: no such database."""
        if name not in self._names or name in self._changing:
            raise NotFound("Database does not exist.")
        found = self._open.get(name)
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        return await self.run(lambda: self._open_database(name, loop))

    async def create(self, name: str) -> None:
        """:raises StoreError: 400 for an illegal name, 412 when it is there."""
        if not NAME.match(name) or len(quote_name(name)) > 200:
            reason = (
                f"Name: '{name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters "
                "_, $, (, ), +, -, and / are allowed. Must begin with a letter."
            )
            raise BadRequest(reason, "illegal_database_name")
        if name in self._names or name in self._changing:
            reason = "The database could not be created, the file already exists."
            raise StoreError(reason, "file_exists", 412)
        self._changing.add(name)
        try:
            await self.run(lambda: make_file(self._path(name, SUFFIX), int(time.time())))
            self._names.add(name)
        finally:
            self._changing.discard(name)

    async def delete(self, name: str) -> None:
        """Its name is free again once its files are gone. :raises NotFound: no such database."""
        if name not in self._names or name in self._changing:
            raise NotFound("Database does not exist.")
        self._changing.add(name)
        try:
            await self.run(lambda: self._remove(name))
            self._names.discard(name)
        finally:
            self._changing.discard(name)
            if opened := self._open.pop(name, None):
                opened.wake()

    def close(self) -> None:
        """Finish what is being written and let go of the folder."""
        self.pool.shutdown(wait=True)
        for opened in self._open.values():
            opened.indexer.close()
            opened.database.close()
        self._open.clear()
        self._lock_file.close()

    def config(self, section: str, key: str) -> str:
        """:raises NotFound: not set."""
        value = self._config.get(f"{section}/{key}")
        if value is None:
            raise NotFound("unknown_config_value")
        return value

    def configure(self, section: str, key: str, value: str) -> str:
        """Set and keep a value; the one before. :raises BadRequest: not a setting of this store."""
        if (section, key) not in CONFIGURABLE:
            raise BadRequest(f"The embedded store has no setting {section}/{key}.")
        before = self._config.get(f"{section}/{key}", "")
        changed = {**self._config, f"{section}/{key}": value}
        self._write_config(changed)
        self._config = changed
        self._apply_config()
        return before

    def _open_database(self, name: str, loop: asyncio.AbstractEventLoop) -> Open:
        with self._opening:
            found = self._open.get(name)
            if found is not None:
                return found
            if name not in self._names or name in self._changing:
                raise NotFound("Database does not exist.")
            if name in self._damaged:
                raise Damaged
            try:
                database = Database(name, self._path(name, SUFFIX))
            except Damaged:
                log.error("the file of database %s is damaged; it is not served", name)
                self._damaged.add(name)
                raise
            indexer = Indexer(database, self._path(name, VIEWS))
            self._open[name] = Open(database, indexer, loop)
            return self._open[name]

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / (quote_name(name) + suffix)

    def _sweep(self) -> None:
        """Remove what a deletion or a creation left that was cut short: nobody may find it any more."""
        for path in self._folder.glob("*.sqlite*"):
            if unquote(path.name.partition(".")[0]) not in self._names:
                path.unlink(missing_ok=True)

    def _remove(self, name: str) -> None:
        with self._opening:  # whoever was opening it has done so; nobody does any more
            opened = self._open.get(name)
        if opened is not None:
            opened.indexer.close()
            opened.database.close()
        for suffix in (SUFFIX, VIEWS):
            remove_files(self._path(name, suffix))
        self._damaged.discard(name)
        sync_folder(self._folder)

    def _read_config(self) -> dict[str, str]:
        if self._config_path.exists():
            return msgspec.json.decode(self._config_path.read_bytes(), type=dict[str, str])
        config = {"uuid": secrets.token_hex(16), "chttpd_auth/secret": secrets.token_hex(32)}
        self._write_config(config)
        return config

    def _write_config(self, config: dict[str, str]) -> None:
        draft = self._config_path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(config))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._config_path)
        sync_folder(self._folder)

    def _apply_config(self) -> None:
        handlers = self._config.get("chttpd/authentication_handlers", "")
        # CouchDB without proxy_use_secret believes any name; here such a header then means nothing.
        signed = self._config.get("chttpd_auth/proxy_use_secret") == "true"
        self.authentication.secret = self._config.get("chttpd_auth/secret", "")
        self.authentication.proxy = PROXY_HANDLER in handlers and signed and bool(self.authentication.secret)


def _lock(folder: Path) -> IO[str]:
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise FolderInUse(f"{folder} is in use by another store.") from None
    return file
