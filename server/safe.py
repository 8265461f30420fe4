"""What is closed under a key that lies outside the store, so that a copy of the store alone opens none of it.

The key is a file of the installation (``GTN_KEY_FILE``, mode 0600), made at the first start. It becomes
``1.<mark of the key>.<base64url of nonce and ciphertext>``: AES-256-GCM (NIST SP 800-38D), with the purpose
as associated data, so that what was closed for one person or use opens for no other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.settings import BadSetting

VERSION = "1"
KEY_BYTES, NONCE_BYTES = 32, 12


class Safe:
    """The key, once it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mark = ""
        self._key = b""
        self._cipher: AESGCM | None = None

    def unlock(self) -> None:
        """Read the key, or make it when there is none.

        :raises BadSetting: for a file that cannot be read or made, or that holds no key.
        """
        try:
            key = _decode(self.path.read_text("ascii")) if self.path.exists() else _make(self.path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BadSetting(
                f"the key file {self.path} cannot be used ({reason}); see GTN_KEY_FILE"
            ) from None
        self.mark = hashlib.sha256(b"gtn-key" + key).hexdigest()[:8]
        self._key, self._cipher = key, AESGCM(key)

    def derive(self, *purpose: str) -> bytes:
        """32 bytes for this purpose alone, the same at every call; they tell nothing of the key."""
        self._unlocked()
        return hmac.new(self._key, b"gtn-derive" + _told(purpose), hashlib.sha256).digest()

    def close(self, content: bytes, *purpose: str) -> str:
        """The content, closed for this purpose alone."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._unlocked().encrypt(nonce, content, _told(purpose))
        return f"{VERSION}.{self.mark}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, closed: str, *purpose: str) -> bytes | None:
        """The content, or None for what this key never closed for this purpose."""
        version, _, rest = closed.partition(".")
        mark, _, body = rest.partition(".")
        if version != VERSION or mark != self.mark:
            return None
        try:
            sealed = base64.urlsafe_b64decode(body.encode())
            return self._unlocked().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _told(purpose))
        except (ValueError, InvalidTag):
            return None

    def _unlocked(self) -> AESGCM:
        if self._cipher is None:
            raise RuntimeError("the key was not read yet")
        return self._cipher


def is_closed(text: str) -> bool:
    return text.startswith(f"{VERSION}.")


def _told(purpose: tuple[str, ...]) -> bytes:
    return "".join(f"{len(part)}:{part}" for part in purpose).encode()


def _decode(text: str) -> bytes:
    key = base64.urlsafe_b64decode(text.strip())
    if len(key) != KEY_BYTES:
        raise ValueError("it holds no key")
    return key


def _make(path: Path) -> bytes:
    """A new key, whole on the disk before it has its name; of two that make one, the first one's counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(begun, path)
    finally:
        begun.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return _decode(path.read_text("ascii"))
