"""``gtn doctor``: what is wrong with the store and around it, and how to mend it. Nothing is changed."""

from __future__ import annotations

import shutil
import stat
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from server import backup_schedule
from server.accounts import DESIGN as PEOPLE
from server.settings import Settings
from server.site import KEPT_AWAY, Site
from sync.audit import DESIGN as AUDIT
from sync.backups.making import members_of
from sync.backups.marks import CLOSED, find_mark
from sync.design import read_design
from sync.names import Names
from sync.probing import is_loopback, probe, public_addresses
from sync.refused import DESIGN as REFUSED
from sync.store import Broken, Document, NotFound, Store, StoreError
from sync.units import PHOTO_DESIGNS, UNIT_DESIGNS

OK, LOOK, BAD = "ok", "look", "bad"
SMALLEST = 500_000_000
"""Bytes that have to be free."""
APART, FAR_APART = 5.0, 60.0
"""Seconds between two clocks."""
RESTART = "start the server once: it puts right what is its own"


class Finding(Struct, frozen=True):
    """`state`: ``ok``, ``look`` for what only people can judge, ``bad``."""

    what: str
    state: str
    said: str
    mend: str = ""


class Wanted(Struct, frozen=True):
    """What a database must be like; one of several `members` for a unit that is just being merged."""

    members: list[list[str]]
    designs: tuple[str, ...] = ()


async def examine(site: Site) -> AsyncIterator[Finding]:
    """Everything that can be seen from here, one after another.

    :raises StoreError: when the store cannot be used at all; nothing else matters then.
    """
    store, settings = site.store, site.settings
    yield Finding("store", OK, f"version {await store.check()} at {store.address}")
    if mark := await find_mark(store, site.names):
        yield Finding("store", BAD, KEPT_AWAY[mark["_id"]].format(**mark), "see Backups in docs/operators.md")
    async for found in _proxy(store):
        yield found
    yield await _port(store)
    for found in (*_disks(settings), _key(settings.key_path)):
        yield found
    async for found in _databases(site):
        yield found
    yield await _backups(site)


async def _proxy(store: Store) -> AsyncIterator[Finding]:
    try:
        secret = await store.config("chttpd_auth", "secret") or ""
        handlers = await store.config("chttpd", "authentication_handlers") or ""
    except StoreError as error:
        yield Finding(
            "configuration", BAD, f"it may not be read ({error.code})", "use an administrator's name"
        )
        return
    seen = await probe(store, secret)
    if seen.lets_strangers_in:
        yield Finding("strangers", BAD, "whoever reaches the port reads everything", "set an administrator")
    else:
        yield Finding("strangers", OK, "are refused")
    if seen.believes_forgers:
        mend = "set [chttpd_auth] proxy_use_secret = true, as in deploy/couchdb/local.ini"
        yield Finding("proxy authentication", BAD, "a forged signature is believed", mend)
    elif not seen.believes_us:
        mend = "set it as in deploy/couchdb/local.ini, with the same [chttpd_auth] secret on every node"
        if "proxy_authentication_handler" in handlers:
            yield Finding("proxy authentication", BAD, "is on, but the right signature is refused", mend)
        else:
            yield Finding("proxy authentication", LOOK, "is off; the server turns it on for the first phone")
    else:
        yield Finding("proxy authentication", OK, "is on, and forged signatures are refused")
    apart, said = abs(seen.ahead), f"the store's is {seen.ahead:+.0f} s from this one"
    state = OK if apart <= APART else LOOK if apart <= FAR_APART else BAD
    yield Finding("clocks", state, said, "" if state == OK else "let both follow a time server (NTP)")


async def _port(store: Store) -> Finding:
    host = urlsplit(store.url).hostname or ""
    if public := public_addresses(store):
        mend = "close it by a firewall: the roles in its proxy authentication are not signed"
        return Finding("port", BAD, f"{', '.join(public)} is an address of the whole internet", mend)
    bound = await store.config("chttpd", "bind_address") or "127.0.0.1"
    if is_loopback(host) and is_loopback(bound):
        return Finding("port", OK, "only this machine reaches it")
    mend = f"from another machine, curl http://<this one>:{urlsplit(store.url).port or 80}/ must not answer"
    return Finding("port", LOOK, f"it listens on {bound}; from here it cannot be seen who reaches it", mend)


def _disks(settings: Settings) -> Iterable[Finding]:
    places = {"GTN_DATA": settings.data, "GTN_BACKUP_DIR": settings.backup_dir}
    for name, place in places.items():
        if place is None:
            continue
        if not place.is_dir():
            yield Finding("disk", BAD, f"{name}={place} is no folder", "make it, or plug the disk in")
            continue
        disk = shutil.disk_usage(place)
        share = disk.free / disk.total
        state = BAD if disk.free < SMALLEST or share < 0.03 else LOOK if share < 0.1 else OK
        said = f"{disk.free / 1e9:.1f} GB ({share:.0%}) free for {name}"
        yield Finding("disk", state, said, "" if state == OK else "make room, or take a larger disk")
    if settings.couchdb_url:
        yield Finding("disk", LOOK, "CouchDB's own cannot be seen from here", "df -h on its machine")


def _key(path: Path) -> Finding:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mend = f"{RESTART}; if people use second steps, put their key back there first"
        return Finding("key", LOOK, f"there is none at {path} yet", mend)
    if mode & 0o077:
        return Finding("key", BAD, f"{path} can be read by others", f"chmod 600 {path}")
    return Finding("key", OK, f"{path} is its owner's alone")


async def _databases(site: Site) -> AsyncIterator[Finding]:
    store, names = site.store, site.names
    try:
        wanted = await _wanted(store, names, site.settings.ward)
    except NotFound:
        yield Finding("databases", LOOK, "there are none yet", RESTART)
        return
    there = {one for one in await store.databases() if names.is_kept(one) or one in wanted}
    problems = [found for one in sorted(wanted) async for found in _database(store, one, wanted[one], there)]
    for found in problems:
        yield found
    if not problems:
        said = "are there, closed to all but their own, with design documents of this version"
        yield Finding("databases", OK, f"{len(wanted)} {said}")
    for database in sorted(there - wanted.keys()):
        other = not names.public(database).startswith(f"w{site.settings.ward}-")
        said = f"{database} belongs to {'another ward' if other else 'no unit of the catalog'}"
        mend = (
            ""
            if other
            else "gtn unit add brings the unit back with it; back up before you remove one by hand"
        )
        yield Finding("databases", LOOK, said, mend)


async def _database(store: Store, database: str, wanted: Wanted, there: set[str]) -> AsyncIterator[Finding]:
    if database not in there:
        yield Finding("databases", BAD, f"{database} is missing", f"{RESTART}; or restore a backup")
        return
    try:
        security = await store.security(database)
        designs = {one: await store.find(database, f"_design/{one}") or {} for one in wanted.designs}
    except Broken as error:
        mend = "restore the last backup (gtn restore); phones send again what came since"
        yield Finding("databases", BAD, f"cannot be read: {error.reason}", mend)
        return
    if not security.get("members", {}).get("roles"):
        yield Finding("databases", BAD, f"{database} is open to whoever has an account", RESTART)
    elif members_of(security) not in wanted.members:
        yield Finding("databases", BAD, f"{database} is open to others than its own", RESTART)
    for design, stored in designs.items():
        if stored.get("hash") != read_design(design)["hash"]:
            yield Finding("databases", BAD, f"{database} has not the present design {design}", RESTART)


async def _wanted(store: Store, names: Names, ward: str) -> dict[str, Wanted]:
    """Every database that has to be there.

    :raises NotFound: when the ward was never begun.
    """
    of_ward, closed = names.ward(ward), Wanted([CLOSED])
    wanted = dict.fromkeys((names.ledger, names.tries, names.imports, *of_ward.own), closed)
    wanted[names.accounts] = Wanted([CLOSED], (PEOPLE,))
    wanted[names.audit] = Wanted([CLOSED], (AUDIT,))
    wanted[of_ward.quarantine] = Wanted([CLOSED], (REFUSED,))
    async for page in store.pages(of_ward.catalog, startkey="unit:", endkey="unit:\ufff0"):
        for row in page:
            members = _members(row, of_ward.role(code := row["_id"].removeprefix("unit:")))
            wanted[of_ward.unit(code)] = Wanted(members, UNIT_DESIGNS)
            wanted[of_ward.photos(code)] = Wanted(members, PHOTO_DESIGNS)
    return wanted


def _members(unit: Document, role: str) -> list[list[str]]:
    return [CLOSED, [role]] if unit.get("merging") or unit.get("merged_into") else [[role]]


async def _backups(site: Site) -> Finding:
    try:
        line = await backup_schedule.tell(site, datetime.now(UTC))
    except NotFound:
        return Finding("backups", LOOK, "there is nothing to back up yet")
    if line.key == "off":
        return Finding("backups", LOOK, "none is made by the server", "set GTN_BACKUP_DIR")
    state = {"ok": OK, "wait": LOOK, "bad": BAD}[line.state]
    said = f"the last one was made at {line.last}" if line.last else "none was made yet"
    if line.failed:
        said = f"failed at {line.failed}: {line.reason}; {said}"
    return Finding("backups", state, said, "" if state == OK else "the log says why; gtn backup makes one")
