"""The command-line program ``gtn``; docs/operators.md explains each command.

Whatever an operator has to act on is one line on stderr and exit status 2.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import anyio
import msgspec
import typer

from server import assets, backup_commands, second_factor
from server.accounts import DESIGN as PEOPLE
from server.catalog import add_unit
from server.content import BadContent, Unit
from server.errors import Problem
from server.logs import configure_logs
from server.passwords import SHORTEST, judge
from server.roles import OF_A_UNIT, Permission, Role, may
from server.settings import BadSetting, read_settings
from server.site import Site, StartFailed, open_site
from server.texts import texts
from sync.audit import CONSOLE, Act, Action
from sync.backups.errors import BackupError
from sync.store import Document, StoreError
from sync.units import prepare_unit

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
store_app = typer.Typer(no_args_is_help=True, help="The embedded store.")
person_app = typer.Typer(no_args_is_help=True, help="People who may sign in.")
admin_app = typer.Typer(no_args_is_help=True, help="The first administrator.")
unit_app = typer.Typer(no_args_is_help=True, help="Units that report.")
app.add_typer(store_app, name="store")
app.add_typer(person_app, name="person")
app.add_typer(admin_app, name="admin")
app.add_typer(unit_app, name="unit")
app.command("backup")(backup_commands.backup)
app.command("restore")(backup_commands.restore)
app.command("doctor")(backup_commands.doctor)
store_app.command("copy")(backup_commands.copy)


def main() -> None:
    try:
        app()
    except (BadSetting, BadContent, StartFailed, StoreError, BackupError) as error:
        fail(f"{error.code}: {error.reason}" if isinstance(error, StoreError) else str(error))


def fail(line: str) -> NoReturn:
    """End with one line and exit status 2."""
    print(f"gtn: {' '.join(line.split())}", file=sys.stderr)
    raise SystemExit(2)


def on_site(work: Callable[[Site], Awaitable[T]]) -> T:
    """What `work` gives on a site that is open for it alone."""

    async def run() -> T:
        async with open_site(read_settings(), workers=False) as site:
            return await work(site)

    configure_logs("warning")
    return anyio.run(run)


async def note(site: Site, action: Action, person: Document) -> None:
    """Write into the audit what was done to someone from here."""
    unit = person.get("unit") or ""
    await site.audit.write(
        Act(by=CONSOLE, role="", action=action, subject=person["_id"], unit=unit, ward=person["ward"])
    )


@app.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Fill an empty store with invented data.")] = False,
) -> None:
    """Run the server."""
    from server.serving import serve as run

    settings = read_settings()
    configure_logs(settings.log_level)
    if not assets.is_built():
        print("The phone app is not built yet: run `make build`, then start again.", file=sys.stderr)
    run(settings, demo=demo)


@store_app.command("serve")
def store_serve(
    data: Annotated[Path, typer.Option(help="Folder of the databases.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5984,
) -> None:
    """Run the embedded store alone; its administrator's password is in GTN_STORE_PASSWORD."""
    settings = read_settings()
    if not settings.store_password:
        fail("GTN_STORE_PASSWORD is empty: set the password of the store's administrator")
    from sync.embedded.server import serve as run

    run("127.0.0.1", port, data, settings.store_password)


@app.command()
def demo(
    full: Annotated[bool, typer.Option("--full", help="40 units, 12,000 households, 20,000 visits.")] = False,
) -> None:
    """Fill the store with invented data; prints the sign-ins."""
    from server.greeting import list_sign_ins
    from server.serving import fill_with_demo

    async def fill(site: Site) -> None:
        if sign_ins := await fill_with_demo(site, full=full):
            print("\n".join(list_sign_ins(sign_ins)))

    on_site(fill)


@app.command()
def check() -> None:
    """Recount every open figure from documents; exit status 1 when one differs."""
    from server.check import check as recount

    differences = on_site(recount)
    for difference in differences:
        print(difference)
    print("1 difference" if len(differences) == 1 else f"{len(differences)} differences")
    raise SystemExit(1 if differences else 0)


@app.command("retention")
def apply_retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove what names anyone and is past its time; what is counted stays."""
    from server.numbers import vietnam_today
    from server.retention import apply, list_due

    found = on_site(lambda site: (list_due if dry_run else apply)(site, vietnam_today()))
    for due in found:
        if not due.unit:
            print(f"register: {due.count('request')} requests, {due.count('incident')} incidents")
            continue
        counts = f"{len(due.residents)} residents, text of {len(due.visits)} visits"
        print(f"{due.unit}: {counts}, {len(due.refused)} refused records, {len(due.photos)} photos")
    print("would be removed" if found and dry_run else "removed" if found else "nothing is past its time")


@app.command("import")
def import_households(
    file: Annotated[Path, typer.Argument(help="XLSX, XLS, ODS or CSV.")],
    unit: Annotated[str, typer.Option(help="Code of the unit, such as tdp-07.")],
    write: Annotated[bool, typer.Option("--write", help="Write; without it, only report.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Write the good rows of a bad file.")] = False,
    changes: Annotated[bool, typer.Option("--changes", help="Also change what is told otherwise.")] = False,
) -> None:
    """Bring a unit's households from a sheet; every bad row is listed before anything is written."""
    from server.importing.console import import_file
    from server.importing.households import target_of

    async def run(site: Site) -> int:
        _known_unit(site, unit)
        target, ward = target_of(site.catalog.units[unit]), site.settings.ward
        act = Act(by=CONSOLE, role="", action="imported", subject=unit, unit=unit, ward=ward)
        return await import_file(
            site.store,
            site.ward,
            target,
            file,
            write=write,
            skip_bad=skip_bad,
            changes=changes,
            t=texts().within(language()),
            before=lambda: site.audit.write(act),
        )

    raise SystemExit(on_site(run))


@person_app.command("add")
def person_add(
    login: str,
    name: Annotated[str, typer.Option(help="As it is shown.")],
    role: Annotated[Role, typer.Option()],
    unit: Annotated[str | None, typer.Option(help="Code of the unit; none for people of the ward.")] = None,
) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    if (role in OF_A_UNIT) != (unit is not None):
        fail(f"a {role} {'needs' if role in OF_A_UNIT else 'has no'} --unit")

    async def run(site: Site) -> None:
        if unit is not None:
            _known_unit(site, unit)
        try:
            person = await site.accounts.add_person(
                login=login, name=name, role=role, ward=site.settings.ward, unit=unit, password=password
            )
        except Problem as problem:
            fail(describe_person_problem(problem, login))
        await note(site, "person-added", person)

    password = ask_password(login, name)
    on_site(run)


@person_app.command("password")
def person_password(login: str) -> None:
    """Give a new password; the person has to sign in again everywhere."""

    async def run(site: Site) -> None:
        person = await site.accounts.find_login(login)
        if person is None:
            fail(describe_person_problem(Problem("not-found"), login))
        check_password(password, person["login"], person["name"])
        await site.accounts.set_password(person["_id"], password)
        await note(site, "password-changed", person)

    password = ask_password(login)
    on_site(run)


@person_app.command("reset-second-factor")
def person_reset_second_factor(login: str) -> None:
    """Let someone in by the password alone who lost both phone and recovery codes."""

    async def run(site: Site) -> None:
        person = await site.accounts.find_login(login)
        if person is None:
            fail(describe_person_problem(Problem("not-found"), login))
        if not await second_factor.remove(site.accounts, person["_id"]):
            fail(f"{login} has no second factor")
        await site.accounts.end_sessions(person["_id"])
        await note(site, "second-factor-removed", person)

    on_site(run)


@admin_app.command("create")
def admin_create(login: str, name: Annotated[str, typer.Option(help="As it is shown.")]) -> None:
    """Add the ward's first administrator; refused when there is one, who adds everyone else."""

    async def run(site: Site) -> None:
        ward = site.settings.ward
        rows = await site.store.view(
            site.names.accounts, PEOPLE, "by_ward", key=[ward, None], include_docs="true"
        )
        if any(may(row["doc"]["role"], Permission.ADMINISTER) and row["doc"].get("active") for row in rows):
            fail(f"ward {ward} has an administrator; for one more: gtn person add {login} --role admin")
        try:
            person = await site.accounts.add_person(
                login=login, name=name, role=Role.ADMIN, ward=ward, unit=None, password=password
            )
        except Problem as problem:
            fail(describe_person_problem(problem, login))
        await note(site, "person-added", person)
        print(f"{login} may sign in at {site.settings.public_url}/sign-in")

    password = ask_password(login, name)
    on_site(run)


@unit_app.command("add")
def unit_add(
    code: str,
    name: Annotated[str, typer.Option(help="In Vietnamese.")],
    kind: Annotated[str, typer.Option(help="A key of the kinds in server/catalog/units.json.")] = "team",
    name_en: Annotated[str, typer.Option(help="In English; the Vietnamese name if empty.")] = "",
) -> None:
    """Add a unit and its database."""

    async def run(site: Site) -> None:
        kinds = [row.key for row in site.catalog.content.units.kinds]
        if kind not in kinds:
            fail(f"{kind} is no kind of unit; choose one of {', '.join(kinds)}")
        try:
            unit = msgspec.convert({"code": code, "kind": kind, "name": texts_of(name, name_en)}, Unit)
            database = await prepare_unit(site.store, site.names, site.settings.ward, unit.code)
        except (msgspec.ValidationError, ValueError):
            fail(f"{code!r} is no code of a unit: lower case letters, digits and hyphens, as in tdp-07")
        if not await add_unit(site.store, site.ward.catalog, unit):
            fail(f"there is a unit {code} already")
        print(database)

    on_site(run)


@unit_app.command("merge")
def unit_merge(
    source: Annotated[str, typer.Argument(help="Code of the unit that ends.")],
    target: Annotated[str, typer.Argument(help="Code of the unit in which it goes on.")],
    write: Annotated[bool, typer.Option("--write", help="Merge; without it, only look.")] = False,
) -> None:
    """Merge a unit into another, or go on with a merge that was cut short."""
    from server.units import Unfit

    async def run(site: Site) -> None:
        begun = site.catalog.unit(source).merging == target
        try:
            if not begun:
                found = await site.merging.look(source, target)
                counts = f"{found.households} households, {found.residents} residents, {found.visits} visits"
                print(f"{source} into {target}: {counts}, {found.people} people")
            if write and not begun:
                await site.merging.begin(source, target)
        except Unfit as unfit:
            fail(f"{unfit.key}: {texts().get(language(), f'units.wrong.{unfit.key}')}")
        if not write:
            print("nothing was changed; add --write to merge")
            return
        act = Act(
            by=CONSOLE,
            role="",
            action="units-merged",
            subject=f"unit:{source}",
            unit=target,
            ward=site.catalog.ward,
        )
        await site.audit.write(act)
        await site.merging.go_on(source)
        print("merged")

    on_site(run)


@app.command("assets")
def collect_assets() -> None:
    """Collect and compress static files, and compress the built phone app."""
    named = assets.collect(assets.sources())
    count = assets.compress(assets.BUILD)
    if assets.is_built():
        count += assets.compress(assets.PHONE)
    print(f"{len(named)} files, {count} compressed variants")


@app.command()
def schema() -> None:
    """Print the documents' JSON Schema."""
    from sync.documents import AnyDocument

    print(json.dumps(msgspec.json.schema(AnyDocument), indent=1, ensure_ascii=False))


def language() -> str:
    """The operator's language, by the locale; Vietnamese unless it is another."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if locale.startswith("en") else "vi"


def ask_password(login: str, name: str = "") -> str:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    check_password(password, login, name)
    return password


def check_password(password: str, login: str, name: str) -> None:
    """Go on with a password that may be this person's, or end with what is wrong with it."""
    if reason := judge(password, login, name):
        fail(texts().get(language(), f"account.password.{reason}", shortest=SHORTEST))


def texts_of(vi: str, en: str) -> dict[str, str]:
    return {"vi": vi, "en": en or vi}


def describe_person_problem(problem: Problem, login: str) -> str:
    return {
        "conflict": f"there is a person {login} already",
        "bad-field": f"{login!r} is no login: lower case letters, digits, dots and hyphens",
        "not-found": f"there is no person {login}",
    }.get(problem.code, problem.code)


def _known_unit(site: Site, unit: str) -> None:
    if unit not in site.catalog.open_units:
        fail(f"there is no open unit {unit}; add it with: gtn unit add {unit} --name …")
