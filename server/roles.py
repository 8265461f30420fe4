"""Who may do what: the one table that routes, the gateway and pages read.

A volunteer, lead or reporter belongs to a unit and never sees another one's records; a supervisor or
admin belongs to the ward and has no unit's database on a phone. A role in this table says what may be
done at all; *whose* records it reaches is the viewer's unit.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    VOLUNTEER = "volunteer"
    LEAD = "lead"
    REPORTER = "reporter"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class Permission(StrEnum):
    SIGNED_IN = "signed-in"
    """to sign out, and other things of one's own"""
    SECOND_FACTOR = "second-factor"
    """setting up codes for signing in; phones are opened by invitation and PIN instead"""
    PHONE = "phone"
    """the phone's API: only for people of a unit"""
    SYNC = "sync"
    """replication with the database of one's own unit"""
    RECORD_VISITS = "record-visits"
    """writing households, residents and visits"""
    AMEND_OTHERS = "amend-others"
    """amending or withdrawing a visit that someone else of the unit recorded"""
    UNIT_PROGRESS = "unit-progress"
    """the figures of one's own unit, or of all for those of the ward"""
    WARD_PROGRESS = "ward-progress"
    """the figures of every unit"""
    REFUSED_RECORDS = "refused-records"
    """reading refused records of every unit, by name; each opening is in the audit"""
    PHOTOS = "photos"
    """seeing and removing the photos of every unit; each opening is in the audit"""
    INVITE = "invite"
    """inviting people, their devices and invitations: of one's own unit, or of all for those of the ward"""
    PHONE_FILES = "phone-files"
    """bringing in what a phone could not send: of one's own unit, or of all for those of the ward"""
    IMPORT = "import"
    """bringing in households from a sheet: of one's own unit, or of any for those of the ward"""
    DEVICES = "devices"
    """what phones say of themselves: those of one's own unit, or of all for those of the ward"""
    GIVE_ROLES = "give-roles"
    """changing what people may do, and where (see `GIVES`)"""
    UNITS = "units"
    """adding, renaming and merging units"""
    MOVE_HOUSEHOLDS = "move-households"
    """giving a household to another unit"""
    MERGE_RECORDS = "merge-records"
    """merging records of one door or person: of one's own unit, or of all for those of the ward"""
    PRIVACY = "privacy"
    """residents' requests, erasing, incidents"""
    AUDIT = "audit"
    """searching who saw and did what"""
    ADMINISTER = "administer"
    """the ward's own: its settings, its supervisors and administrators"""


_P = Permission
_PHONE = frozenset({_P.SIGNED_IN, _P.PHONE, _P.SYNC})
_DESK = frozenset(
    {
        _P.SIGNED_IN,
        _P.SECOND_FACTOR,
        _P.UNIT_PROGRESS,
        _P.WARD_PROGRESS,
        _P.REFUSED_RECORDS,
        _P.PHOTOS,
        _P.INVITE,
        _P.PHONE_FILES,
        _P.IMPORT,
        _P.DEVICES,
        _P.GIVE_ROLES,
        _P.MOVE_HOUSEHOLDS,
        _P.MERGE_RECORDS,
        _P.PRIVACY,
    }
)
TABLE: dict[Role, frozenset[Permission]] = {
    Role.VOLUNTEER: _PHONE | {_P.RECORD_VISITS},
    Role.LEAD: _PHONE
    | {
        _P.RECORD_VISITS,
        _P.AMEND_OTHERS,
        _P.UNIT_PROGRESS,
        _P.INVITE,
        _P.PHONE_FILES,
        _P.IMPORT,
        _P.DEVICES,
        _P.MERGE_RECORDS,
    },
    Role.REPORTER: _PHONE,
    Role.SUPERVISOR: _DESK,
    Role.ADMIN: _DESK | {_P.UNITS, _P.AUDIT, _P.ADMINISTER},
}

GIVES: dict[Role, frozenset[Role]] = {
    Role.LEAD: frozenset({Role.VOLUNTEER, Role.REPORTER}),
    Role.SUPERVISOR: frozenset({Role.VOLUNTEER, Role.LEAD, Role.REPORTER}),
    Role.ADMIN: frozenset(Role),
}
"""Which roles someone may give, take away, and invite new phones for."""

OF_A_UNIT = frozenset({Role.VOLUNTEER, Role.LEAD, Role.REPORTER})
"""Roles whose people belong to a unit; the others belong to the ward."""


def may(role: str, permission: Permission) -> bool:
    """Whether someone of this role has the permission; a role unknown to us has none."""
    return role in TABLE and permission in TABLE[Role(role)]


def may_give(giver: str, role: str) -> bool:
    """Whether someone of the role `giver` may make, change or invite someone of `role`."""
    return giver in GIVES and role in GIVES[Role(giver)]
