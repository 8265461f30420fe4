"""``gtn backup``, ``gtn restore``, ``gtn store copy`` and ``gtn doctor``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import anyio
import typer

from server import backups, restoring
from server.doctor import BAD, LOOK, OK, examine
from server.logs import configure_logs
from server.settings import read_settings
from server.site import build_site, open_store
from sync.backups.copying import Copied
from sync.backups.copying import copy as copy_all
from sync.backups.restoring import Contents
from sync.names import Names
from sync.store import Store

MB = 1_000_000


def backup(
    to: Annotated[Path | None, typer.Option(help="A folder, or a file that is not there yet.")] = None,
) -> None:
    """Write all that is recorded into one file, also while a server works."""
    settings = read_settings()
    configure_logs("warning")

    async def run() -> None:
        async with open_store(settings, own=False) as store:
            await store.check()
            made = await backups.back_up(store, settings, to)
        counts = f"{len(made.databases)} databases, {made.revisions} revisions, {made.size / MB:.1f} MB"
        print(f"backed up {counts}: {made.path}")
        if not settings.read_backup_passphrase():
            print("not encrypted: set GTN_BACKUP_PASSPHRASE, or keep the file where nobody else can read it")

    anyio.run(run)


def restore(
    file: Annotated[Path, typer.Argument(help="What gtn backup wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="What the store holds now may go.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only read the file to its end.")] = False,
    ledger: Annotated[bool, typer.Option("--ledger", help="Bring the entries of a copied ledger.")] = False,
) -> None:
    """Put a backup into a store that no server uses."""
    settings = read_settings()
    configure_logs("warning")
    if check:
        describe(anyio.run(restoring.check, settings, file))
    elif ledger:
        print(f"{anyio.run(restoring.add_to_ledger, settings, file)} entries came into the ledger")
    else:
        done = anyio.run(lambda: restoring.restore(settings, file, replace=replace))
        describe(done.contents)
        again = f"consents ended again: {done.withdrawn}, access ended again: {done.barred}"
        print(f"restored; erased again: {done.erased}, photos removed again: {done.photos}, {again}")


def copy(
    to: Annotated[
        str, typer.Option(help="http://admin:password@host:5984, or - to read it from standard input.")
    ],
) -> None:
    """Carry everything into another store, and compare; servers are stopped meanwhile."""
    settings = read_settings()
    configure_logs("warning")
    address = sys.stdin.readline().strip() if to == "-" else to

    async def run() -> None:
        target = Store.connect(address)
        try:
            async with open_store(settings, own=True) as source:
                done = await copy_all(source, target, Names(settings.database_prefix), tell=tell)
        finally:
            target.close()
        print(f"{len(done)} databases are the same in both; set COUCHDB_URL to {target.address} from now on")

    def tell(one: Copied) -> None:
        print(f"{one.name}: {one.revisions} revisions, {one.sent} sent", flush=True)

    anyio.run(run)


def doctor() -> None:
    """Look at the store and around it; exit status 1 when something has to be mended."""
    settings = read_settings()
    configure_logs("warning")

    async def run() -> int:
        counts = {OK: 0, LOOK: 0, BAD: 0}
        async with open_store(settings, own=False) as store:
            async for found in examine(build_site(settings, store)):
                counts[found.state] += 1
                print(f"{found.state:4}  {found.what}: {found.said}", flush=True)
                if found.mend:
                    print(f"      -> {found.mend}")
        print(f"{counts[BAD]} to mend, {counts[LOOK]} to look at, {counts[OK]} well")
        return counts[BAD]

    raise SystemExit(1 if anyio.run(run) else 0)


def describe(contents: Contents) -> None:
    whole, begin = contents.whole, contents.begin
    counts = f"{len(whole.databases)} databases, {whole.revisions} revisions"
    print(f"whole: ward {begin.ward}, {begin.made}, {counts}")
    for name, value in begin.settings.items():
        if value:
            print(f"  {name}: {value}")
