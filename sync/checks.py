"""What a person may write: pure rules over the incoming document and what is stored.

======================  ==========================================================================
code of the refusal     when
======================  ==========================================================================
``bad-id``              the id is no ``<type>:<ulid>``, or begins with ``_``
``unknown-type``        there is no such type of document
``malformed``           a field is missing, of the wrong shape, or unknown at this schema number
``too-long``            more than 64 KB
``too-deep``            nested deeper than 12
``attachment``          something is attached
``deletion``            a phone deletes nothing; a visit is withdrawn, a household marked as gone
``not-allowed``         the person's role records no documents
``wrong-unit``          the document names another unit
``wrong-author``        the document, or a field changed in it, is signed with someone else's name
``not-author``          someone else's visit, which the role may not amend
``created-changed``     who made the document, when and on which device never changes
``past-changed``        a stored field is left out, its history rewritten, or the household another one
``erased``              the resident was erased; asked of the ledger (`sync.gateway_writes`), not here
``gone``                the document was deleted
``unknown-ancestor``    a revision of a stored document that descends from nothing known
``not-nfc``             text that is not in the Unicode form NFC
``id-number``           a number of an identity card
``restricted``          the resident asked that the data be left alone; only the desk sets and lifts the mark
``person-restricted``   a visit newly names a resident who asked for that
``no-consent``          a name or phone number without the resident's (a child's representative's) consent
``photo-unreadable``    a photo that is no whole JPEG, or not of the size it says
``photo-too-large``     one of too many pixels or bytes
``photo-metadata``      one that carries more than a picture: Exif, a place, a comment, a colour profile
``left-unit``           brought for a unit that the writer has left (said by the gateway, not by a check)
``moved``               taken, in the unit that the household moved to (said by the gateway, not by a check)
======================  ==========================================================================

The sentence for each is ``refused.<code>`` in server/texts/{vi,en}/refused.json. An instant ahead of
the server's clock is no reason to refuse: `sync.clocks` sets it right on arrival.

``created.device`` of a new document is not compared with the device that brings it: a person who signs
in afresh gets a new device, and what was recorded before must still arrive.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

from sync import documents, id_numbers, past
from sync.redaction import people_of

CODES = (
    "bad-id",
    "unknown-type",
    "malformed",
    "too-long",
    "too-deep",
    "attachment",
    "deletion",
    "not-allowed",
    "wrong-unit",
    "wrong-author",
    "not-author",
    "created-changed",
    "past-changed",
    "erased",
    "gone",
    "unknown-ancestor",
    "not-nfc",
    "id-number",
    "restricted",
    "person-restricted",
    "no-consent",
    "photo-unreadable",
    "photo-too-large",
    "photo-metadata",
    "left-unit",
    "moved",
)

LONGEST = 64 * 1024
DEEPEST = 12

Document = Mapping[str, Any]

_ID = re.compile(rf"([a-z]+):{documents.ULID}")
_UNKNOWN_FIELD = re.compile(r"unknown field `(.*?)`(?: - at `\$(.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_ENVELOPE = ("_id", "_rev", "_revisions")
_REFERENCE = re.compile(rf"[a-z]+:{documents.ULID}")
"""An id, in which what looks like a number is none."""
SHORTEST_NUMBER = 10**9
"""A number may have lost the zeros that it began with: those of Hà Nội begin with 001."""
_DAYS = frozenset({"on", "taken"})
_FILE_CODES = frozenset({"detail"})
"""Fields where a file's code may stand, which may have 12 digits."""


class Refusal(Exception):
    """The document may not be written; `code` says why, `detail` where (for logs, not for people)."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Writer:
    """Whoever brings a document, and what the role allows: to record at all, to amend others' visits."""

    person: str
    unit: str
    may_record: bool
    may_amend_others: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of the document: nothing, or its winner and what of the history is known.

    `base` is the nearest known ancestor of the incoming revision, when its body is still there; `restricted`
    are those of whom the document speaks and who asked that their data be left alone.
    """

    winner: Document | None = None
    deleted: bool = False
    known: Collection[str] = field(default_factory=tuple)
    base: Document | None = None
    restricted: Collection[str] = ()
    moved_to: str = ""
    """The unit in which the document, or the household of a new resident, goes on."""
    kept: str = ""
    """The record as which the document goes on, when it was merged; `winner` is how that one would look."""


def check(writer: Writer, incoming: Document, stored: Stored) -> None:
    """Pass a document that the person may write now.

    :raises Refusal: with one of `CODES`.
    """
    check_form(incoming)
    check_person(writer, incoming, stored)
    check_text(incoming)
    check_consent(incoming)
    check_restricted(incoming, stored)
    check_helped(incoming, stored)
    check_past(writer, incoming, stored)


def check_accepted(person: str, unit: str, incoming: Document, stored: Stored) -> None:
    """Pass a document that the desk takes in after all, brought by `person` for a unit.

    Everything is as in `check`, but the desk answers for who recorded it and where it branched off.

    :raises Refusal: with one of `CODES`.
    """
    check_form(incoming)
    if incoming["unit"] != unit:
        raise Refusal("wrong-unit")
    if stored.deleted:
        raise Refusal("gone")
    if stored.winner is not None and incoming["created"] != stored.winner.get("created"):
        raise Refusal("created-changed")
    check_text(incoming)
    check_consent(incoming)
    check_restricted(incoming, stored)
    check_past(Writer(person, unit, True, True), incoming, stored)


def check_form(incoming: Document, kinds: documents.Kinds = documents.TYPES, longest: int = LONGEST) -> None:
    """The document alone: its id, type (one of `kinds`), size in bytes, and fields."""
    found = _ID.fullmatch(str(incoming.get("_id")))
    if found is None:
        raise Refusal("bad-id")
    if incoming.get("_deleted"):
        raise Refusal("deletion")
    if "_attachments" in incoming:
        raise Refusal("attachment")
    if any(name.startswith("_") and name not in _ENVELOPE for name in incoming):
        raise Refusal("malformed", "a field of CouchDB's own")  # it would fail the whole batch there
    if _is_deeper({k: v for k, v in incoming.items() if k not in _ENVELOPE}, DEEPEST):
        raise Refusal("too-deep")
    if len(msgspec.json.encode({**incoming, "_revisions": None})) > longest:
        raise Refusal("too-long")
    if not isinstance(incoming.get("type"), str) or incoming["type"] not in kinds:
        raise Refusal("unknown-type")
    if incoming["type"] != found[1]:
        raise Refusal("bad-id", "the type is not the one of the id")
    _check_schema(incoming, kinds[incoming["type"]])
    _check_times(incoming)


def check_person(writer: Writer, incoming: Document, stored: Stored) -> None:
    """The document beside what is stored: whose it is, who signs, what it descends from."""
    if not writer.may_record:
        raise Refusal("not-allowed")
    if incoming["unit"] != writer.unit:
        raise Refusal("wrong-unit")
    if stored.deleted:
        raise Refusal("gone")
    author = incoming["created"]["by"]
    if stored.winner is None:
        if author != writer.person:
            raise Refusal("wrong-author", "created.by")
    else:
        if not stored.known:
            raise Refusal("unknown-ancestor")
        if incoming["created"] != stored.winner.get("created"):
            raise Refusal("created-changed")
        if incoming["type"] == "visit" and author != writer.person and not writer.may_amend_others:
            raise Refusal("not-author")
    _check_signatures(writer, incoming, stored)


def _check_signatures(writer: Writer, incoming: Document, stored: Stored) -> None:
    """A field that differs from what the phone started from is signed by the person who sends it.

    When the start is no longer stored, a field that is older than the stored one may bear any name: it
    was set by someone else before, and it loses.
    """
    winner = stored.winner or {}
    base = stored.base if stored.base is not None else winner
    for name, register in _registers(incoming):
        if register.get("by") == writer.person or register in (base.get(name), winner.get(name)):
            continue
        rival = winner.get(name)
        older = isinstance(rival, dict) and str(register.get("at")) <= str(rival.get("at"))
        if stored.base is None and older:
            continue
        raise Refusal("wrong-author", name)


def check_restricted(incoming: Document, stored: Stored) -> None:
    """The mark is the desk's.

    What a phone changed before it knew of the mark is taken, and merging keeps the mark.
    """
    mark = incoming.get("restricted")
    if mark is None:
        return
    winner = stored.winner or {}
    base = stored.base if stored.base is not None else winner
    if mark not in (base.get("restricted"), winner.get("restricted")):
        raise Refusal("restricted", "set by a phone")
    same = {name: value for name, value in incoming.items() if name not in _ENVELOPE}
    if mark["value"] and same != {name: value for name, value in base.items() if name not in _ENVELOPE}:
        raise Refusal("restricted", "changed")


def check_helped(incoming: Document, stored: Stored) -> None:
    """No visit newly names someone who asked to be left alone; one that named them before may be amended.

    A phone that did not know yet loses nothing: the visit lies in quarantine, where the ward decides.
    """
    before = [people_of(one) for one in (stored.winner, stored.base) if one is not None]
    if not people_of(incoming).difference(*before).isdisjoint(stored.restricted):
        raise Refusal("person-restricted")


def check_past(writer: Writer, incoming: Document, stored: Stored) -> None:
    """Nothing that is stored disappears, and no one puts words into another's past (`sync.past`)."""
    winner = stored.winner or {}
    changed = past.invented(writer.person, incoming, stored.base, winner)
    if changed is None and stored.base is not None:
        changed = past.lost(incoming, stored.base)
    if changed is not None:
        raise Refusal("past-changed", changed)


def check_text(incoming: Document) -> None:
    """All text is in NFC and holds no number of an identity card."""
    for name, value in _texts(incoming):
        if isinstance(value, str) and not unicodedata.is_normalized("NFC", value):
            raise Refusal("not-nfc", name)
        digits = value if isinstance(value, str) else digits_of(value)
        if name not in _FILE_CODES and id_numbers.judge(digits) == "refuse":
            raise Refusal("id-number", name)


def digits_of(number: int | float) -> str:
    """A number as it would stand on a card, when it is large enough to be one."""
    return f"{abs(number):012.0f}" if abs(number) >= SHORTEST_NUMBER else f"{number:.0f}"


def check_consent(incoming: Document) -> None:
    """A name or phone number never stands without the consent to keep it, in the history neither.

    For a child the consent is the representative's.
    """
    if incoming["type"] != "resident":
        return
    earlier = (entry for entry in incoming.get("history", ()) if entry.get("field") == "identity")
    for register in (incoming.get("identity"), *earlier):
        value = register.get("value") if isinstance(register, dict) else None
        if isinstance(value, dict) and (value.get("name") or value.get("phone")) and not value.get("consent"):
            raise Refusal("no-consent")
    identity = incoming.get("identity", {}).get("value", {})
    child = incoming["age_band"]["value"] == "under-16"
    if child and identity.get("consent") and identity["consent"]["method"] != "representative":
        raise Refusal("no-consent", "representative")


def _check_schema(incoming: Document, kind: type[documents.Document]) -> None:
    """Fields as `sync.documents` has them; a newer schema number may bring more, which are kept."""
    known = incoming
    schema = incoming.get("schema")
    newer = isinstance(schema, int) and schema > documents.SCHEMA
    for _ in range(200 if newer else 1):
        try:
            msgspec.convert(known, kind)
            return
        except msgspec.ValidationError as error:
            unknown = _UNKNOWN_FIELD.search(str(error))
            if not newer or unknown is None:
                raise Refusal("malformed", str(error)) from None
            known = _without(known, unknown[2] or "", unknown[1])
    raise Refusal("malformed", "too many unknown fields")


def _without(document: Document, path: str, name: str) -> Document:
    """A copy that lacks one field; `path` as msgspec writes it (``.record.value.helps[0]``)."""
    copy: Document = msgspec.json.decode(msgspec.json.encode(document))
    place: Any = copy
    for key, index in _STEP.findall(path):
        place = place[key] if key else place[int(index)]
    place.pop(name, None)
    return copy


def _check_times(value: Any, name: str = "") -> None:
    """Instants and days that a calendar knows; the patterns alone would pass the 31st of February."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _ENVELOPE:
                _check_times(item, str(key))
    elif isinstance(value, list):
        for item in value:
            _check_times(item, name)
    elif isinstance(value, str) and name in ("at", "clock", *_DAYS):
        try:
            date.fromisoformat(value) if name in _DAYS else datetime.fromisoformat(value)
        except ValueError:
            raise Refusal("malformed", name) from None


def _registers(incoming: Document) -> Iterator[tuple[str, Document]]:
    for name, value in incoming.items():
        if isinstance(value, dict) and {"value", "at", "by"} <= value.keys():
            yield name, value


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str | int | float]]:
    """Every piece of text or number that is no id, with the name of its field."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _ENVELOPE:
                yield "key", key
                yield from _texts(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, str):
        if not _REFERENCE.fullmatch(value):
            yield name, value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    items = value.values() if isinstance(value, dict) else value
    return any(_is_deeper(item, levels - 1) for item in items)
