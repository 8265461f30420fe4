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
    ADMINISTER = "administer"
    """people, units and devices"""


_P = Permission
TABLE: dict[Role, frozenset[Permission]] = {
    Role.VOLUNTEER: frozenset({_P.SIGNED_IN, _P.PHONE, _P.SYNC, _P.RECORD_VISITS}),
    Role.LEAD: frozenset(
        {_P.SIGNED_IN, _P.PHONE, _P.SYNC, _P.RECORD_VISITS, _P.AMEND_OTHERS, _P.UNIT_PROGRESS}
    ),
    Role.REPORTER: frozenset({_P.SIGNED_IN, _P.PHONE, _P.SYNC}),
    Role.SUPERVISOR: frozenset({_P.SIGNED_IN, _P.UNIT_PROGRESS, _P.WARD_PROGRESS, _P.REFUSED_RECORDS}),
    Role.ADMIN: frozenset(
        {_P.SIGNED_IN, _P.UNIT_PROGRESS, _P.WARD_PROGRESS, _P.REFUSED_RECORDS, _P.ADMINISTER}
    ),
}

OF_A_UNIT = frozenset({Role.VOLUNTEER, Role.LEAD, Role.REPORTER})
"""Roles whose people belong to a unit; the others belong to the ward."""


def may(role: str, permission: Permission) -> bool:
    """Whether someone of this role has the permission; a role unknown to us has none."""
    return role in TABLE and permission in TABLE[Role(role)]
