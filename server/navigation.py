"""The desk's places: what stands in its navigation, and for whom; the order is that of a day's work."""

from __future__ import annotations

from typing import NamedTuple

from server.roles import Permission


class Place(NamedTuple):
    """A page that can be gone to; `text` is the key of its name."""

    key: str
    href: str
    text: str
    who: Permission


PLACES: tuple[Place, ...] = (
    Place("app", "/app/", "app.phone", Permission.PHONE),
    Place("desk", "/desk", "desk.title", Permission.UNIT_PROGRESS),
    Place("report", "/desk/report", "report.nav", Permission.UNIT_PROGRESS),
    Place("import", "/desk/import", "import.nav", Permission.IMPORT),
    Place("duplicates", "/desk/duplicates", "twins.nav", Permission.MERGE_RECORDS),
    Place("quarantine", "/desk/quarantine", "quarantine.nav", Permission.REFUSED_RECORDS),
    Place("photos", "/desk/photos", "photos.nav", Permission.PHOTOS),
    Place("privacy", "/desk/privacy", "privacy.nav", Permission.PRIVACY),
    Place("people", "/desk/people", "people.nav", Permission.INVITE),
    Place("devices", "/desk/devices", "devices.nav", Permission.DEVICES),
    Place("units", "/desk/units", "units.nav", Permission.UNITS),
    Place("audit", "/desk/audit", "audit.nav", Permission.AUDIT),
    Place("account", "/desk/account", "account.nav", Permission.SIGNED_IN),
)
