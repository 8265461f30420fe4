"""Named records go when their time is over: ``gtn retention`` and, once a day, the server by itself.

Each campaign says how long they are kept (``keep_days`` in server/catalog/campaigns.json); for what belongs
to none, ``GTN_KEEP_DAYS`` does; for requests and incidents, server/catalog/register.json. What goes is said
in `sync.retention`. Of all processes one does it once a day (Vietnam's), and the audit has it before anything
is removed.

Nothing brings back what was removed, so a clock that is wrong must not remove anything: when the last day on
which this was done lies more than `LEAP_DAYS` back, or ahead, the server leaves it to a person.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import structlog

from server.numbers import VIETNAM, vietnam_today
from sync.audit import Act
from sync.background import repeat
from sync.retention import Due, Term, Terms, find_due, find_due_in_register, remove
from sync.store import Document
from sync.ulids import new_ulid

if TYPE_CHECKING:
    from server.site import Site

LEAP_DAYS = 45
LOOK_SECONDS = 600.0
LEASE = timedelta(hours=2)
"""After this long a run that has not said that it is done is taken for dead."""
_MARK = "retention"

log = structlog.get_logger(__name__)


def terms_of(site: Site) -> Terms:
    rows = site.catalog.content.campaigns
    terms = [Term(date.fromisoformat(r.first), date.fromisoformat(r.last), r.keep_days) for r in rows]
    return Terms(terms, site.settings.keep_days)


async def list_due(site: Site, today: date) -> list[Due]:
    """What is past its time on this day, of every unit that has any and of the ward's register.

    :raises StoreError: when a unit cannot be read.
    """
    owners = [site.names.owner(database) for database in sorted(await site.store.databases())]
    units = [unit for ward, unit in filter(None, owners) if ward == site.settings.ward]
    terms = terms_of(site)
    found = [await find_due(site.store, site.names, site.settings.ward, unit, terms, today) for unit in units]
    days = site.catalog.content.register
    kept = {"request": days.requests_days, "incident": days.incidents_days}
    found.append(await find_due_in_register(site.store, site.names, site.settings.ward, kept, today))
    return [due for due in found if due]


async def apply(site: Site, today: date) -> list[Due]:
    """Remove it; what was removed.

    :raises StoreError: when it was cut short; the next time goes on.
    """
    found = await list_due(site, today)
    for due in found:
        act = Act(
            by="gtn",
            role="",
            action="retention-applied",
            subject=f"unit:{due.unit}" if due.unit else "register",
            unit=due.unit,
            ward=due.ward,
        )
        await site.audit.write(act)
        await remove(site.store, site.names, due)
        if due.unit:
            site.hint(site.names.unit(due.ward, due.unit))
    await site.reports.forget(datetime.combine(today, time(), VIETNAM))
    await site.store.update(site.names.accounts, _MARK, lambda _: _mark(today, "gtn", done=True))
    return found


async def apply_daily(site: Site, now: datetime) -> list[Due] | None:
    """`apply`, once for a day and all processes; None when it is not this one's to do."""
    today, token = vietnam_today(now), new_ulid()

    def claim(before: Document | None) -> Document | None:
        return _mark(today, token, now) if _is_ours(before, today, now) else None

    claimed = await site.store.update(site.names.accounts, _MARK, claim)
    if (claimed or {}).get("by") != token:
        return None
    return await apply(site, today)


async def follow(site: Site) -> None:
    """Look now and then whether a day has begun, until cancelled."""
    await repeat(lambda: _look(site), "retention", every=LOOK_SECONDS)


async def _look(site: Site) -> None:
    for due in await apply_daily(site, datetime.now(UTC)) or ():
        counts = {
            "residents": len(due.residents),
            "visits": len(due.visits),
            "photos": len(due.photos),
        }
        counts |= {"requests": due.count("request"), "incidents": due.count("incident")}
        log.warning("removed what was past its time", unit=due.unit, **counts)


def _mark(day: date, by: str, at: datetime | None = None, *, done: bool = False) -> Document:
    begun = (at or datetime.now(UTC)).isoformat()
    return {"type": "retention", "day": day.isoformat(), "by": by, "at": begun, "done": done}


def _is_ours(before: Document | None, today: date, now: datetime) -> bool:
    if before is None:
        return True
    day = date.fromisoformat(before["day"])
    if abs((today - day).days) > LEAP_DAYS:
        log.warning("is the clock right? run gtn retention by hand", last=before["day"], today=str(today))
        return False
    if day != today:
        return day < today
    return not before["done"] and now - datetime.fromisoformat(before["at"]) > LEASE
