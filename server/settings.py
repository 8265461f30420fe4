"""Every setting, read once from the environment: ``COUCHDB_URL`` and ``GTN_…``.

One row of `SETTINGS` per variable; docs/operators.md explains each, and a test fails when one is missing
there. A value that cannot be meant is an error at start, never a surprise later.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

LEVELS = ("debug", "info", "warning", "error")


class BadSetting(Exception):
    """A setting that cannot be used; its text is one line that says what to do."""


class Settings(Struct, frozen=True, kw_only=True):
    """How this server runs. An empty `couchdb_url` means the embedded store under `data`."""

    couchdb_url: str = ""
    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 8009
    ward: str = "09562"
    public_url: str = ""
    database_prefix: str = ""
    trusted_proxy: str = ""
    log_level: str = "info"
    store_password: str = ""
    keep_days: int = 365
    key_file: Path | None = None
    metrics: tuple[str, int] | None = None
    backup_dir: Path | None = None
    backup_at: int = 2
    backup_keep: int = 30
    backup_passphrase: str = ""
    backup_passphrase_file: Path | None = None

    @property
    def secure(self) -> bool:
        """Whether people reach this server by HTTPS."""
        return self.public_url.startswith("https://")

    @property
    def key_path(self) -> Path:
        """Where the key lies that closes what the store may not tell (`server.safe`)."""
        return self.key_file or self.data / "key"

    def read_backup_passphrase(self) -> str:
        """What backups are encrypted under; nothing when they are not.

        :raises BadSetting: for a file that cannot be read or says nothing.
        """
        file = self.backup_passphrase_file
        if file is None:
            return self.backup_passphrase
        try:
            said = file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise BadSetting(f"GTN_BACKUP_PASSPHRASE_FILE={file} cannot be read ({reason})") from None
        if not said:
            raise BadSetting(f"GTN_BACKUP_PASSPHRASE_FILE={file} is empty")
        return said

    @property
    def public_host(self) -> str:
        """The only ``Host`` to answer to, or nothing for any."""
        return urlsplit(self.public_url).netloc

    def __repr__(self) -> str:
        return f"<Settings of ward {self.ward}>"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in these variables, by default those of the process.

    :raises BadSetting: for an unknown ``GTN_`` name or a value that cannot be meant.
    """
    given = os.environ if environ is None else environ
    for name in sorted(given):
        if name.startswith("GTN_") and name not in SETTINGS:
            raise BadSetting(f"{name} is not a setting; see docs/operators.md, or unset it")
    values = {}
    for name, (field, read) in SETTINGS.items():
        text = given.get(name, "").strip()
        if text:
            try:
                values[field] = read(text)
            except ValueError as error:
                raise BadSetting(f"{name} {error}; see docs/operators.md") from None
    return Settings(**values)  # type: ignore[arg-type]


def _text(text: str) -> str:
    return text


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address like http://admin:password@127.0.0.1:5984")
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= 65535:
        raise ValueError(f"must be a port from 0 to 65535, not {text!r}")
    return int(text)


def _listener(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or _port(port) == 0:
        raise ValueError(f"must be an address and a port like 127.0.0.1:9109, not {text!r}")
    return host.strip("[]"), int(port)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 36500:
        raise ValueError(f"must be a number of days from 1 to 36500, not {text!r}")
    return int(text)


def _hour(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= 23:
        raise ValueError(f"must be an hour from 0 to 23, not {text!r}")
    return int(text)


def _ward(text: str) -> str:
    if not re.fullmatch(r"[0-9]{5}", text):
        raise ValueError(f"must be the ward's code of five digits, not {text!r}")
    return text


def _origin(text: str) -> str:
    parts = urlsplit(text.rstrip("/"))
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an origin like https://go.example.vn, without a path")
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise ValueError("must begin with https://: phones accept no app without it")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", text):
        raise ValueError(f"must be lower case and begin with a letter, not {text!r}")
    return text


def _proxies(text: str) -> str:
    for part in text.split(","):
        try:
            ipaddress.ip_network(part.strip())
        except ValueError:
            raise ValueError(f"must be addresses or networks, comma between, not {text!r}") from None
    return text


def _level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}, not {text!r}")
    return text.lower()


SETTINGS: dict[str, tuple[str, Callable[[str], object]]] = {
    "COUCHDB_URL": ("couchdb_url", _address),
    "GTN_DATA": ("data", Path),
    "GTN_HOST": ("host", _text),
    "GTN_PORT": ("port", _port),
    "GTN_WARD": ("ward", _ward),
    "GTN_PUBLIC_URL": ("public_url", _origin),
    "GTN_DATABASE_PREFIX": ("database_prefix", _prefix),
    "GTN_TRUSTED_PROXY": ("trusted_proxy", _proxies),
    "GTN_LOG_LEVEL": ("log_level", _level),
    "GTN_STORE_PASSWORD": ("store_password", _text),
    "GTN_KEEP_DAYS": ("keep_days", _days),
    "GTN_KEY_FILE": ("key_file", Path),
    "GTN_METRICS": ("metrics", _listener),
    "GTN_BACKUP_DIR": ("backup_dir", Path),
    "GTN_BACKUP_AT": ("backup_at", _hour),
    "GTN_BACKUP_KEEP": ("backup_keep", _days),
    "GTN_BACKUP_PASSPHRASE": ("backup_passphrase", _text),
    "GTN_BACKUP_PASSPHRASE_FILE": ("backup_passphrase_file", Path),
}
