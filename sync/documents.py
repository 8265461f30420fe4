"""The documents that phones and server exchange, and what makes one acceptable.

One `msgspec` struct per document type is the single source of truth: the gateway decodes with it,
``gtn schema`` exports it as JSON Schema, and the phone's TypeScript types are generated from that.
``_id`` is ``<type>:<ulid>`` and carries no personal data. A mutable field is a `Register`
``{"value", "at", "by"}``; times are ISO 8601 in UTC with milliseconds, days are ``yyyy-mm-dd`` in
Vietnam's time (UTC+7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

SCHEMA = 1
"""The newest schema number written by this version; older ones are accepted for ever."""

PHOTO_EDGE, PHOTO_BYTES = 1640, 1_500_000
"""Of a photo: pixels of the longer edge (phones aim at 1600) and bytes of the JPEG."""
THUMB_EDGE, THUMB_BYTES = 360, 40_000
"""Of its small copy for lists (phones aim at 320 pixels)."""

ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"

Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
Key = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
PersonId = Annotated[str, Meta(pattern=r"^person:[0-9A-Za-z_-]{1,48}$")]
DeviceId = Annotated[str, Meta(pattern=rf"^device:{ULID}$")]
HouseholdId = Annotated[str, Meta(pattern=rf"^household:{ULID}$")]
ResidentId = Annotated[str, Meta(pattern=rf"^resident:{ULID}$")]
VisitId = Annotated[str, Meta(pattern=rf"^visit:{ULID}$")]
Short = Annotated[str, Meta(max_length=120)]
Line = Annotated[str, Meta(max_length=300)]
Note = Annotated[str, Meta(max_length=2000)]

Outcome = Literal["met", "absent", "refused", "later", "moved"]
AgeBand = Literal["under-16", "16-59", "60-plus", "business"]

T = TypeVar("T")


class Register(Struct, Generic[T], forbid_unknown_fields=True):
    """One editable value with the time it was set and who set it."""

    value: T
    at: Instant
    by: PersonId


class Created(Struct, forbid_unknown_fields=True):
    """When, by whom and on which device a document was made; ``clock`` is the phone's raw clock."""

    at: Instant
    by: PersonId
    device: DeviceId
    clock: Instant | UnsetType = UNSET


class Address(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Where a household lives; all text, since "12/4/3" is no date."""

    house: Short = ""
    lane: Short = ""
    street: Short = ""
    building: Short = ""
    unit_text: Short = ""


class Consent(Struct, forbid_unknown_fields=True):
    """The resident's agreement to have a name or phone number kept."""

    version: Key
    at: Instant
    method: Literal["spoken", "signed", "representative"]
    by: PersonId


class Identity(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Name and phone stand in one register with the consent, so that neither outlives it."""

    name: Short | UnsetType = UNSET
    phone: Short | UnsetType = UNSET
    consent: Consent | UnsetType = UNSET


class Help(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One act of help: a service brought to a level for one person (or ``count`` unnamed ones)."""

    service: Key
    level: Key
    person: ResidentId | None = None
    age_band: AgeBand | UnsetType = UNSET
    count: Annotated[int, Meta(ge=1, le=500)] = 1
    detail: Key | UnsetType = UNSET
    obstacle: Key | UnsetType = UNSET
    referral: Key | UnsetType = UNSET


class FollowUp(Struct, forbid_unknown_fields=True):
    """A promise to come back."""

    on: Day
    why: Line


class VisitRecord(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What happened at one door, as one register: it arrives whole or not at all."""

    at: Instant
    outcome: Outcome
    helps: Annotated[list[Help], Meta(max_length=60)] = []
    follow_up: FollowUp | UnsetType = UNSET
    note: Note = ""
    obstacles: Annotated[list[Key], Meta(max_length=20)] = []
    withdrawn: bool = False


class Document(Struct, kw_only=True, omit_defaults=True):
    """What every document carries; `unit` is the code of the unit whose database holds it."""

    id: str = msgspec.field(name="_id")
    rev: str | UnsetType = msgspec.field(name="_rev", default=UNSET)
    revisions: Any = msgspec.field(name="_revisions", default=UNSET)
    schema: Annotated[int, Meta(ge=1)]
    created: Created
    unit: Key


class History(Struct, forbid_unknown_fields=True):
    """An earlier value of a field, kept when a later one replaced it.

    ``apart`` marks what merging alone replaced: nobody who knew both has decided yet (`sync.merge`).
    """

    field: Key
    value: Any
    at: Instant
    by: PersonId
    apart: Literal[True] | UnsetType = UNSET


class Visit(
    Document, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="visit"
):
    """One knock on one door; ``household`` is null for a tally at the ward's desk."""

    household: HouseholdId | None
    record: Register[VisitRecord]
    history: list[History] = []


class Household(
    Document, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="household"
):
    """A door: where it is, how many adults live there, who looks after it, its place in the walk."""

    address: Register[Address]
    kind: Register[Literal["home", "business"]]
    adults: Register[Annotated[int, Meta(ge=0, le=99)] | None] | UnsetType = UNSET
    tags: Register[list[Key]] | UnsetType = UNSET
    assigned_to: Register[PersonId | None] | UnsetType = UNSET
    order: Register[float | None] | UnsetType = UNSET
    gone: Register[bool] | UnsetType = UNSET
    history: list[History] = []


class Resident(
    Document, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="resident"
):
    """A person within a household, by a label ("Bà, tầng 2") or, with consent, by name.

    ``restricted`` is set and lifted at the desk alone: phones show whoever asked for it to nobody.
    """

    household: HouseholdId
    label: Register[Short]
    age_band: Register[AgeBand]
    identity: Register[Identity] | UnsetType = UNSET
    gone: Register[bool] | UnsetType = UNSET
    restricted: Register[bool] | UnsetType = UNSET
    history: list[History] = []


class Notice(Struct, forbid_unknown_fields=True):
    """Those in the picture were told of it and of what it is for: which text, and when that was ticked."""

    version: Key
    at: Instant


class Photo(
    Document, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="photo"
):
    """A picture of an event of the unit: no household's, no resident's, no paper. It never changes.

    ``image`` and ``thumb`` are JPEG in Base64, without metadata; `sync.photos` says how large.
    """

    taken: Day
    caption: Line
    notice: Notice
    width: Annotated[int, Meta(ge=1, le=PHOTO_EDGE)]
    height: Annotated[int, Meta(ge=1, le=PHOTO_EDGE)]
    image: Annotated[str, Meta(max_length=PHOTO_BYTES * 4 // 3 + 4)]
    thumb: Annotated[str, Meta(max_length=THUMB_BYTES * 4 // 3 + 4)]


AnyDocument = Visit | Household | Resident | Photo
Kinds = Mapping[str, type[Document]]
TYPES: Kinds = {"visit": Visit, "household": Household, "resident": Resident}
"""What a unit's database holds."""
PHOTOS: Kinds = {"photo": Photo}
"""What its photos' database holds."""
