"""Keyed hashes under one secret of the installation: what carries one was written here, and tells nothing.

The secret is the document ``secret`` of the database ``accounts``, made at the first start and read at every
other, so that all processes have the same. HMAC-SHA256 (RFC 2104), each purpose with a name of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sync.names import Names
from sync.store import Document, Store


class Seals:
    """The secret, once it was read."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._database = names.accounts
        self._key = b""

    async def open(self) -> None:
        """:raises StoreError: when the secret cannot be read."""

        def make(stored: Document | None) -> Document | None:
            return {"type": "secret", "value": secrets.token_hex(32)} if stored is None else None

        document = await self._store.update(self._database, "secret", make)
        self._key = bytes.fromhex(str((document or {})["value"]))

    def seal(self, purpose: str, *parts: str) -> str:
        """64 hex digits; the parts are kept apart, so that ("ab", "c") is not ("a", "bc")."""
        if not self._key:
            raise RuntimeError("the secret was not read yet")
        text = "".join(f"{len(part)}:{part}" for part in (purpose, *parts))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def fits(self, sealed: str, purpose: str, *parts: str) -> bool:
        """Whether `seal` gave this; compared in constant time."""
        return hmac.compare_digest(sealed.encode(), self.seal(purpose, *parts).encode())
