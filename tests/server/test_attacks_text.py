"""Attacks by text: what anyone typed is shown as text, on every page and in every table taken away."""

from __future__ import annotations

import csv
import io
import itertools
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from starlette.testclient import TestClient

from server.access import GuardedRoute
from server.importing.console import plan_import
from server.importing.households import Target
from server.importing.sheet import NotASheet
from server.roles import Role
from server.site import Site
from server.tables import safe_cell
from server.units import Typed
from sync.audit import Act
from sync.ulids import new_ulid
from tests.server.conftest import UNIT, WARD
from tests.server.test_access import ROUTES, walk
from tests.sync.samples import visit

Call = Callable[..., Any]
Enrolled = Callable[[Role], dict[str, str]]

MARK = "gtn-evil"
HOSTILE = (
    f'"><{MARK} onclick="alert(1)">',
    f"'><script>{MARK}()</script>",
    f'</title></textarea></select><img src=x onerror="{MARK}">',
    f"<!--<{MARK}>",
    f"javascript:{MARK}()",
    "{{ 7 * 191 }}{% raw %}${7*191}#{7*191}",
    f"<svg/onload={MARK}()>",
)


class Reader(HTMLParser):
    """What a browser would make of a page: elements that nobody wrote, handlers, addresses, inline code."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in ("script", "style") else ""
        given = dict(attrs)
        if tag == MARK or (tag == "svg" and "onload" in given) or (tag == "img" and given.get("src") == "x"):
            self.wrong.append(f"an element <{tag}> that somebody typed")
        self.wrong += [f"{tag} has {name}" for name in given if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action", "formaction", "xlink:href"):
            if re.match(r"\s*(javascript|vbscript|data:text)", given.get(name) or "", re.IGNORECASE):
                self.wrong.append(f"{tag} {name}={given[name]}")

    def handle_data(self, data: str) -> None:
        if self.inside and data.strip():
            self.wrong.append(f"<{self.inside}> holds {data.strip()[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


@pytest.fixture(scope="module")
def hostile_ward(site: Site, call: Call, people: Any) -> dict[str, str]:
    """A ward in which every text that can be typed is an attack; gives examples for the paths of routes."""
    accounts, marks = site.accounts, list(HOSTILE)
    joined = " ".join(HOSTILE)
    for n, text in enumerate(marks):
        fields = {"role": "volunteer", "ward": WARD, "unit": UNIT, "password": None}
        call(accounts.add_person, login=f"hostile{n}", name=text[:80], **fields)
    for n, text in enumerate(marks[:2]):
        call(site.units.add, Typed(name=text[:120], name_en=text[:120], code=f"hostile{n}"))
        call(site.units.rename, site.catalog.units[f"hostile{n}"], Typed(name=f"{n} {text}"[:120]))
    person = call(accounts.find_login, "hostile0")
    device, _ = call(accounts.enrol, person, joined[:120])
    report = {
        "at": "2026-05-01T01:00:00.000Z",
        "waiting": 1,
        "refused": 1,
        "last_error": joined,
    }
    call(site.reports.keep, device, report)
    invited = call(site.invitations.make, person, "person:admin", joined)
    act = Act(by="person:hostile0", role=joined, action="exported", subject=joined, unit=joined, ward=WARD)
    call(site.audit.write, act)
    database = f"w{WARD}-{UNIT}"
    refused = {
        "type": "refused",
        "database": database,
        "unit": UNIT,
        "id": f"visit:{new_ulid()}",
        "rev": joined,
        "by": "person:hostile0",
        "device": device,
        "at": "2026-05-01T01:00:00.000Z",
        "code": "malformed",
        "detail": joined,
        "document": {**visit(unit=UNIT, note=joined), "type": "visit", joined: {joined: [joined]}},
    }
    call(site.store.put, site.ward.quarantine, {"_id": "refused:" + "0" * 40, **refused})
    recorded = {key: value for key, value in visit(unit=UNIT, by="person:hostile0").items() if key != "_rev"}
    recorded["record"]["value"] |= {"note": joined, "obstacles": ["no-smartphone"]}
    call(site.store.put, site.ward.unit(UNIT), recorded)
    call(site.rollup.refresh, site.ward.unit(UNIT))
    return {
        "code": UNIT,
        "slug": "hostile0",
        "ulid": device.removeprefix("device:"),
        "hash": invited.id.removeprefix("invitation:"),
    }


def pages(examples: dict[str, str]) -> list[str]:
    found = ["/desk/units/hostile0", "/desk/unit/hostile1", "/desk/quarantine/" + "0" * 40]
    for path, route in walk(ROUTES):
        if isinstance(route, GuardedRoute) and "GET" in (route.methods or ()) and "events" not in path:
            address = re.sub(r"{(\w+)(:\w+)?}", lambda name: examples.get(name[1], "x"), path)
            found += [address, f"{address}?{'&'.join(f'{name}={{evil}}' for name in QUERY)}"]
    return found


QUERY = ("q", "unit", "from", "to", "by", "action", "subject", "period", "sort", "next")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPERVISOR, Role.LEAD, Role.VOLUNTEER, None])
def test_whatever_was_typed_is_text_on_every_page(
    role: Role | None, visitor: TestClient, enrolled: Enrolled, hostile_ward: dict[str, str]
) -> None:
    headers = {**(enrolled(role) if role else {}), "accept": "text/html"}
    shown = 0
    for address in pages(hostile_ward):
        for text in HOSTILE[:3] if "{evil}" in address else ("",):
            path, _, query = address.replace("{evil}", "{0}").partition("?")
            names = [pair.partition("=")[0] for pair in query.split("&") if pair]
            answer = visitor.get(path, params=dict.fromkeys(names, text), headers=headers)
            assert answer.headers["x-content-type-options"] == "nosniff"
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            reader = Reader()
            reader.feed(answer.text)
            assert not reader.wrong, (address, reader.wrong)
            assert str(7 * 191) not in answer.text, f"{address} computes what somebody typed"
            shown += answer.text.count(MARK)
    assert shown > 20 or role in (None, Role.VOLUNTEER), "the attack was not even shown"


def test_a_form_that_comes_back_is_text_too(visitor: TestClient, enrolled: Enrolled) -> None:
    admin = enrolled(Role.ADMIN)
    for text in HOSTILE:
        for path, form in (
            ("/sign-in", {"login": text, "password": "x", "next": text}),
            ("/kiem-tra", {"number": text, "code": text}),
            ("/desk/units", {"name": "", "name_en": text, "kind": text, "code": text}),
            ("/desk/units/tram-y-te/name", {"name": "x" * 200 + text, "name_en": text}),
            ("/desk/account", {"old": text, "new": text, "again": text}),
            ("/language", {"language": text, "next": text}),
        ):
            answer = visitor.post(path, data=form, headers={**admin, "accept": "text/html"})
            reader = Reader()
            reader.feed(answer.text)
            assert not reader.wrong, (path, reader.wrong)


# -- tables that are taken away ---------------------------------------------------------------------

FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1)",
    "Hoa;=1+1",
    "Hoa; =1+1",
    "Hoa\t=1+1",
    "Hoa,=1+1",
    'Hoa",=1+1',
    'Hoa";=1+1',
    "Hoa\r\n=1+1",
    "Hoa\n@SUM(1)",
)
STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def cells(table: str, delimiter: str) -> list[str]:
    """As a spreadsheet cuts them apart that takes this sign for the end of a cell, quotes or no quotes."""
    plain = [cell for row in csv.reader(io.StringIO(table, ""), delimiter=delimiter) for cell in row]
    return plain + re.split(rf"[{delimiter}\r\n]", table.replace('"', ""))


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_of_a_csv_is_a_formula_whatever_ends_a_cell(text: str, delimiter: str) -> None:
    target = io.StringIO()
    csv.writer(target).writerow(["", safe_cell(text), ""])
    found = [cell for cell in cells(target.getvalue(), delimiter) if cell.strip().startswith(STARTS)]
    assert not found


def test_what_is_no_formula_stays_as_it_is() -> None:
    for text in ("Nguyễn Thị Hoa", "10:15 01/05/2026", "person:hoa", "Tổ 7, ngõ 5; số 12", "a=b", "x - y"):
        assert safe_cell(text) == text


def test_the_audits_table_holds_no_formula(
    visitor: TestClient, enrolled: Enrolled, site: Site, call: Call, people: Any
) -> None:
    for text in FORMULAS:
        call(site.audit.write, Act(by=text, role=text, action="exported", subject=text, unit=text, ward=WARD))
    table = visitor.get("/desk/audit.csv", headers=enrolled(Role.ADMIN)).text.removeprefix("\ufeff")
    assert "1+1" in table
    assert not [cell for cell in cells(table, ",") if cell.strip().startswith(STARTS)]


def test_no_cell_of_a_workbook_is_a_formula_or_a_link(
    visitor: TestClient, enrolled: Enrolled, site: Site, call: Call, people: Any
) -> None:
    for n, text in enumerate(("=1+1", "http://evil.example")):
        call(site.units.add, Typed(name=text, code=f"formula{n}"))
    period = "period=custom&from=2026-05-01&to=2026-05-01"
    for name, unit in itertools.product(("progress", "report"), ("", "&unit=formula0")):
        answer = visitor.get(f"/desk/{name}.xlsx?{period}{unit}", headers=enrolled(Role.SUPERVISOR))
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            parts = {name: book.read(name) for name in book.namelist()}
        assert any(b"=1+1" in part for part in parts.values()), "the attack is in the workbook"
        for name, part in parts.items():
            assert b"<f>" not in part, name
            assert b"<hyperlink" not in part, name
            assert b"externalLink" not in part, name


# -- files that are brought in ----------------------------------------------------------------------


def workbook(names: tuple[str, ...] = (), *, target: str = "", doctype: str = "", text: str = "12") -> bytes:
    """A list of one household; with further entries, another place of its sheet, or an entity in it."""
    made, packed = io.BytesIO(), io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    sheet = book.add_worksheet()
    for row, words in enumerate((("Số nhà", "Ngõ"), ("HERE", "Ngõ 5"))):
        sheet.write_row(row, 0, words)
    book.close()
    with zipfile.ZipFile(made) as plain, zipfile.ZipFile(packed, "w") as archive:
        for name in plain.namelist():
            part = plain.read(name).decode()
            if name == "xl/_rels/workbook.xml.rels" and target:
                part = part.replace("worksheets/sheet1.xml", target)
            if name == "xl/sharedStrings.xml":
                part = part.replace("?>", f"?>{doctype}", 1).replace("HERE", text)
            archive.writestr(name, part)
        for name in names:
            archive.writestr(name, b"evil")
    return packed.getvalue()


def import_all(site: Site, call: Call, data: bytes) -> list[str]:
    """The texts of what an import would write; nothing when the file is refused."""
    try:
        plan = call(plan_import, site.store, site.ward, Target(UNIT, []), data)
    except NotASheet:
        return []
    return [str(household) for household in plan.new]


@pytest.mark.parametrize(
    "name",
    ["../../evil.txt", "/tmp/gtn-evil.txt", "..\\..\\evil.txt", "xl/../../../evil.txt", "C:\\evil"],
)
def test_a_workbook_writes_nowhere(
    name: str, site: Site, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert import_all(site, call, workbook((name,)))
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", inside]
    assert not Path("/tmp/gtn-evil.txt").exists()


@pytest.mark.parametrize("target", ["../../../../../../etc/passwd", "file:///etc/passwd", "/etc/passwd"])
def test_a_workbook_reads_nothing_outside_itself(target: str, site: Site, call: Call) -> None:
    assert "root:" not in str(import_all(site, call, workbook(target=target)))


def test_a_workbook_includes_no_file_by_an_entity(site: Site, call: Call, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("bí mật")
    doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    assert "bí mật" not in str(import_all(site, call, workbook(doctype=doctype, text="&e;")))


def test_a_workbook_cannot_grow_by_entities(site: Site, call: Call) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE x [<!ENTITY e0 "lol">{levels}]>'
    assert len(str(import_all(site, call, workbook(doctype=doctype, text="&e11;")))) < 10_000
