"""Documents as they come in and go out.

A body is stored as the bytes of its JSON object without the members that begin with an underscore;
`_attachments` stays in it as stubs. Going out, those members are put in front of the bytes, so that
reading parses nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from sync.embedded.errors import BadRequest, StoreError, TooLarge

MAX_DOCUMENT = 8_000_000
"""Bytes of one document's JSON, as CouchDB's default ``max_document_size``."""

MAX_DEPTH = 128
"""Levels of nesting; more would outgrow the stacks of those who read the document."""

MOST_VALUES = 1_000_000
"""Values in a request's JSON: empty objects take 30 times their bytes in memory."""

MOST_DOCUMENTS = 100_000
"""Documents in one batch."""

IGNORED = {"_conflicts", "_deleted_conflicts", "_revs_info", "_local_seq"}
KNOWN = {"_id", "_rev", "_deleted", "_revisions", "_attachments"} | IGNORED
REV = re.compile(r"[1-9][0-9]{0,8}-[!#-\[\]-~]{1,128}")
"""A revision stands in headers too: ASCII, without quotation marks."""
LOCAL_REV = re.compile(r"0-([0-9]{1,18})")

encode = msgspec.json.encode


class Edit(NamedTuple):
    """One document as a client wants it written; ``path`` is its history, newest first."""

    id: str
    path: list[str]
    deleted: bool
    fields: dict[str, Any]
    attachments: dict[str, Any]

    @property
    def rev(self) -> str | None:
        return self.path[0] if self.path else None


class Blob(NamedTuple):
    digest: str
    data: bytes


def parse_json(raw: bytes) -> Any:
    """The value of a request's JSON.

    :raises BadRequest: not JSON, not UTF-8, or nested too deep.
    :raises TooLarge: more than MOST_VALUES.
    """
    if len(raw) > MOST_VALUES and raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_VALUES:
        raise TooLarge("the request holds too many values")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError):
        raise BadRequest("invalid UTF-8 JSON") from None
    except RecursionError:
        raise BadRequest("JSON is nested too deep") from None


def check_id(doc_id: Any) -> str:
    if not isinstance(doc_id, str):
        raise BadRequest("Document id must be a string", "illegal_docid")
    if not doc_id:
        raise BadRequest("Document id must not be empty", "illegal_docid")
    if doc_id.startswith("_") and not doc_id.startswith(("_design/", "_local/")):
        raise BadRequest("Only reserved document ids may start with underscore.", "illegal_docid")
    if doc_id in ("_design/", "_local/"):
        raise BadRequest("Illegal document id `" + doc_id + "`", "illegal_docid")
    if len(doc_id) > 8192:
        raise BadRequest("Document id is too long", "illegal_docid")
    return doc_id


def check_rev(rev: Any) -> str:
    if not isinstance(rev, str) or not REV.fullmatch(rev):
        raise BadRequest("Invalid rev format")
    return rev


def parse_edit(value: Any, doc_id: str | None = None) -> Edit:
    """A document as sent, its special members taken apart.

    :raises BadRequest: not an object, a bad id or revision, an unknown member with an underscore.
    """
    if not isinstance(value, dict):
        raise BadRequest("Document must be a JSON object")
    for name in value:
        if name.startswith("_") and name not in KNOWN:
            raise BadRequest(f"Bad special document member: {name}", "doc_validation")
    if "_id" in value:
        check_id(value["_id"])
    fields = {name: item for name, item in value.items() if not name.startswith("_")}
    attachments = value.get("_attachments") or {}
    if not isinstance(attachments, dict) or not all(isinstance(a, dict) for a in attachments.values()):
        raise BadRequest("Attachments property must be a JSON object", "doc_validation")
    return Edit(
        check_id(doc_id if doc_id is not None else value.get("_id")),
        parse_path(value),
        value.get("_deleted") is True,
        fields,
        attachments,
    )


def parse_path(value: Mapping[str, Any]) -> list[str]:
    revisions, rev = value.get("_revisions"), value.get("_rev")
    if rev is not None and not (isinstance(rev, str) and LOCAL_REV.fullmatch(rev)):
        check_rev(rev)
    if revisions is None:
        return [] if rev is None else [rev]
    try:
        start, ids = revisions["start"], revisions["ids"]
        path = [check_rev(f"{start - index}-{item}") for index, item in enumerate(ids)]
    except (TypeError, KeyError):
        raise BadRequest("Malformed _revisions", "doc_validation") from None
    if not path or (rev is not None and path[0] != rev):
        raise BadRequest("_rev and _revisions do not agree", "doc_validation")
    return path


def encode_body(edit: Edit, stubs: Mapping[str, Any]) -> bytes:
    """The bytes to store.

    :raises TooLarge: more than MAX_DOCUMENT.
    :raises BadRequest: nested deeper than MAX_DEPTH, or a number no one could read back.
    """
    try:
        body = encode({**edit.fields, "_attachments": stubs} if stubs else edit.fields)
    except (OverflowError, ValueError):
        raise BadRequest("A number is out of range") from None
    # Only what has as many brackets can be as deep.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and measure_depth(edit.fields) > MAX_DEPTH:
        raise BadRequest("JSON is nested too deep")
    if len(body) > MAX_DOCUMENT:
        raise TooLarge(edit.id, "document_too_large")
    return body


def measure_depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [item for items in inner for item in items if isinstance(item, (dict, list))]
    return depth


def compute_rev(parent: str | None, deleted: bool, body: bytes) -> str:
    """The same edit of the same revision has the same name wherever it is made."""
    digest = hashlib.md5(usedforsecurity=False)
    digest.update(b"1" if deleted else b"0")
    digest.update((parent or "").encode() + b"\0")
    digest.update(body)
    number = int(parent.partition("-")[0]) + 1 if parent else 1
    return f"{number}-{digest.hexdigest()}"


def store_attachments(
    edit: Edit, previous: Mapping[str, Any], position: int
) -> tuple[dict[str, Any], list[Blob]]:
    """The stubs to keep in the body, and the bytes that are new.

    :raises StoreError: 412 for a stub of something the previous revision does not have.
    """
    stubs: dict[str, Any] = {}
    blobs: list[Blob] = []
    for name, item in edit.attachments.items():
        if item.get("stub") or item.get("follows"):
            known = previous.get(name)
            if known is None or item.get("follows"):
                reason = f"Invalid attachment stub in {edit.id} for {name}"
                raise StoreError(reason, "missing_stub", 412)
            stubs[name] = known
            continue
        try:
            data = base64.b64decode(item["data"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise BadRequest(f"Attachment {name} is not valid base64") from None
        blob = make_blob(data)
        blobs.append(blob)
        revpos = item.get("revpos")
        kind = item.get("content_type")
        stubs[name] = make_stub(blob, kind, revpos if isinstance(revpos, int) else position)
    return stubs, blobs


def make_blob(data: bytes) -> Blob:
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return Blob("md5-" + base64.b64encode(digest).decode(), data)


def make_stub(blob: Blob, content_type: Any, revpos: int) -> dict[str, Any]:
    return {
        "content_type": content_type if isinstance(content_type, str) else "application/octet-stream",
        "revpos": revpos,
        "digest": blob.digest,
        "length": len(blob.data),
        "stub": True,
    }


def compose(
    doc_id: str, rev: str, deleted: bool, body: bytes, extra: Mapping[str, Any] | None = None
) -> bytes:
    """The JSON of a stored revision, as the outside sees it."""
    head = b'{"_id":' + encode(doc_id) + b',"_rev":' + encode(rev)
    if deleted:
        head += b',"_deleted":true'
    if extra:
        head += b"," + encode(extra)[1:-1]
    return head + (b"}" if body == b"{}" else b"," + body[1:])


def as_revisions(path: list[str]) -> dict[str, Any]:
    return {"start": int(path[0].partition("-")[0]), "ids": [rev.partition("-")[2] for rev in path]}


def quote_name(name: str) -> str:
    return quote(name, safe="")
