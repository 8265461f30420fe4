"""The catalog's rows as the files in ``server/catalog`` hold them; see the README there.

What the server reads is typed and checked; fields that only phones use are carried along as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sync.documents import AgeBand, Day, Instant, Key, Outcome

FOLDER = Path(__file__).parent / "catalog"
Days = Annotated[int, Meta(ge=1, le=36500)]
Filled = Annotated[str, Meta(min_length=1)]


class BadContent(Exception):
    """A file of the catalog that cannot be used; its text names the file and the place."""


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """One text in every language."""

    vi: Filled
    en: Filled

    def within(self, language: str) -> str:
        return self.en if language == "en" else self.vi


class Choice(Struct, frozen=True, kw_only=True):
    """Something to choose; `short` fits a button."""

    key: Key
    name: Text
    short: Text | None = None
    icon: str = ""
    note: Text | None = None

    def brief(self, language: str) -> str:
        return (self.short or self.name).within(language)


class OutcomeChoice(Choice, frozen=True, kw_only=True):
    key: Outcome


class AgeChoice(Choice, frozen=True, kw_only=True):
    key: AgeBand


class Service(Choice, frozen=True, kw_only=True):
    """A service with its levels, low to high."""

    levels: Annotated[list[Choice], Meta(min_length=1)]
    details: list[Choice] = []
    referrals: list[Choice] = []


class Step(Struct, frozen=True):
    title: Text
    text: Text


class Consent(Struct, frozen=True, kw_only=True):
    """`text` is read out at the door; `notice` is all that residents are told, under the same version."""

    key: Key
    title: Text
    text: Text
    notice: Annotated[list[Step], Meta(min_length=1)]
    methods: list[Choice]
    current: bool = False


class Campaign(Struct, frozen=True, kw_only=True):
    key: Key
    name: Text
    day: Day
    first: Day = msgspec.field(name="from")
    last: Day = msgspec.field(name="to")
    deadline: Instant
    themes: list[Text]
    slogans: list[Text]
    keep_days: Days


class Register(Struct, frozen=True, kw_only=True):
    """How long the ward keeps residents' requests after the answer, and incidents after they are settled."""

    requests_days: Days
    incidents_days: Days


class Target(Struct, frozen=True, kw_only=True):
    """`share` of the households or adults to be visited, or brought to this level of this service."""

    key: Key
    name: Text
    share: Annotated[float, Meta(gt=0, le=1)]
    of: Literal["households", "adults"]
    measure: Literal["visited", "level"]
    status: Literal["official", "suggested"]
    service: Key | None = None
    level: Key | None = None
    source: Text | None = None


class Policy(Struct, frozen=True, kw_only=True):
    key: Key
    number: Filled
    name: Text
    level: Literal["central", "city", "ward"]


class Guide(Struct, frozen=True, kw_only=True):
    key: Key
    service: Key
    order: int
    title: Text
    intro: Text | None = None
    steps: Annotated[list[Step], Meta(min_length=1)]
    warnings: list[Step] = []
    contacts: list[dict[str, Any]] = []


class FormerName(Struct, frozen=True):
    """What a unit was called until then."""

    name: Text
    until: Instant


class Unit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whoever reports. `kind` is a key of the kinds in ``units.json``; `past` has the oldest name first.

    A `closed` one takes nobody in any more, and stays in the figures of periods that began before. One that
    was `merged_into` another is closed, and its records are that one's; `merging` names it while they move.
    """

    code: Key
    kind: Key
    name: Text
    past: list[FormerName] = []
    closed: Instant | None = None
    merging: Key | None = None
    merged_into: Key | None = None

    @property
    def heir(self) -> str | None:
        """The unit in which this one goes on."""
        return self.merging or self.merged_into


class UnitFile(Struct, frozen=True):
    ward: str
    kinds: list[Choice]
    units: list[Unit]


class Ward(Struct, frozen=True):
    code: str
    name: str


class WardFile(Struct, frozen=True):
    wards: list[Ward]


class Content(Struct, frozen=True, kw_only=True):
    """All files, checked. `raw` is what the files say, by section, as phones get it."""

    services: list[Service]
    outcomes: list[OutcomeChoice]
    age_bands: list[AgeChoice]
    obstacles: list[Choice]
    referrals: list[Choice]
    consents: list[Consent]
    campaigns: list[Campaign]
    targets: list[Target]
    policies: list[Policy]
    register: Register
    guides: list[Guide]
    units: UnitFile
    wards: WardFile
    raw: dict[str, Any] = {}


def load_content(folder: Path = FOLDER) -> Content:
    """:raises BadContent: naming the file and what is wrong in it."""
    values: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    for field in msgspec.structs.fields(Content):
        if field.name == "raw":
            continue
        path = folder / f"{field.name}.json"
        raw[field.name] = (
            sorted((_read(each) for each in (folder / "guides").glob("*.json")), key=lambda row: row["order"])
            if field.name == "guides"
            else _read(path)
        )
        try:
            values[field.name] = msgspec.convert(raw[field.name], field.type)
        except msgspec.ValidationError as error:
            raise BadContent(f"{path}: {error}") from None
    content = Content(**values, raw=raw)
    _check_references(content)
    return content


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadContent(f"{path}: {error}") from None


def _check_references(content: Content) -> None:
    levels = {service.key: {level.key for level in service.levels} for service in content.services}
    for guide in content.guides:
        if guide.service not in levels:
            raise BadContent(f"guide {guide.key} is for {guide.service}, which is no service")
    for target in content.targets:
        if target.measure == "level" and target.level not in levels.get(target.service or "", ()):
            raise BadContent(f"target {target.key} names a level that does not exist")
    if sum(consent.current for consent in content.consents) != 1:
        raise BadContent("exactly one wording of the consent must be current")
