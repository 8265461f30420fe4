"""The file in which a phone hands over what it cannot send itself.

It is text, so that it passes through any way of sending: a sentence for whoever opens it, a line
``GTN1 <device> <gzip|plain>``, and Base64 of a nonce and of what is sealed (AES-256-GCM, NIST SP 800-38D,
with that line as associated data). Inside is JSON ``{at, parts: [{database, docs}]}``, documents with their
histories as in ``_bulk_docs``. The key is of the device alone and derived from the installation's key
file, so nobody but the phone and the server reads it, and what opens is from that device and unchanged.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

from server.access import Viewer
from server.accounts import Accounts, was_ended
from server.errors import Problem
from server.safe import NONCE_BYTES, Safe
from server.site import Site, make_caller
from sync.documents import Instant, Short
from sync.gateway import Caller
from sync.gateway_body import LARGEST, is_deep
from sync.store import Document

PURPOSE = "phone-file"
UNPACKED = 4 * LARGEST
BATCH = 250
MOST_VALUES = 1_000_000
"""Objects and lists in a file, three times what the largest file of records has: each costs far more memory
than the three bytes that an empty one takes."""
_HEAD = re.compile(r"GTN1 (device:[0-9A-HJKMNP-TV-Z]{26}) (gzip|plain)\s+([A-Za-z0-9+/=\s]+)")


class Part(Struct):
    """What waits for one database, named as phones name it."""

    database: Short
    docs: list[dict[str, Any]]


class Waiting(Struct):
    """When the file was made, by the phone's clock, and what it holds."""

    at: Instant
    parts: Annotated[list[Part], Meta(max_length=20)]


@dataclass(frozen=True, slots=True)
class PhoneFile:
    """A file that was opened: whose phone it is from, and what waited there."""

    device: str
    waiting: Waiting

    def batches(self) -> Iterator[tuple[str, list[Document]]]:
        for part in self.waiting.parts:
            for start in range(0, len(part.docs), BATCH):
                yield part.database, part.docs[start : start + BATCH]


def open_file(safe: Safe, content: bytes) -> PhoneFile:
    """:raises Problem: ``file-unreadable`` for anything that no phone of this installation has made so."""
    head = _HEAD.search(content.decode("ascii", "replace"))
    if head is None:
        raise Problem("file-unreadable")
    device, packing, text = head.groups()
    try:
        sealed = base64.b64decode("".join(text.split()), validate=True)
        cipher = AESGCM(safe.derive(PURPOSE, device))
        told = f"GTN1 {device} {packing}".encode()
        packed = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], told)
        plain = _unpack(packed) if packing == "gzip" else packed
        if plain.count(b"{") + plain.count(b"[") > MOST_VALUES or is_deep(plain):
            raise ValueError("too deep, or too many")
        return PhoneFile(device, msgspec.json.decode(plain, type=Waiting))
    except (ValueError, InvalidTag, zlib.error, msgspec.MsgspecError, RecursionError):
        raise Problem("file-unreadable") from None


def _unpack(packed: bytes) -> bytes:
    gunzip = zlib.decompressobj(wbits=31)
    plain = gunzip.decompress(packed, UNPACKED)
    if not gunzip.eof:
        raise ValueError("too much, or cut short")
    return plain


async def find_sender(site: Site, who: Viewer, file: PhoneFile) -> tuple[Caller, Document]:
    """Whose phone it is, with the rights that they have now; people of a unit bring their own unit's files.

    :raises Problem: ``device-lost`` or ``device-revoked``; ``file-not-yours`` for one of elsewhere.
    """
    device, person = await _read(site.accounts, file.device)
    caller = make_caller(site, person, file.device, datetime.now(UTC))
    own = site.names.ward(who.ward).role(who.unit) if who.unit else None
    databases = {part.database for part in file.waiting.parts}
    if caller.ward != who.ward or (own and databases != {own} and caller.unit != who.unit):
        raise Problem("file-not-yours")
    if was_ended(device):
        raise Problem("device-lost" if device.get("lost") else "device-revoked")
    return caller, person


async def _read(accounts: Accounts, id: str) -> tuple[Document, Document]:
    device = await accounts.store.find(accounts.database, id)
    person = await accounts.store.find(accounts.database, str((device or {}).get("person")))
    if device is None or person is None:
        raise Problem("file-not-yours")
    return device, person
