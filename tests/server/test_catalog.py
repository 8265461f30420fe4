from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from server.catalog import Catalog, add_unit
from server.content import FOLDER, BadContent, Text, Unit, load_content
from server.site import Site
from sync.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "catalog"))


def change(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    path = folder / f"{name}.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    edit(rows)
    path.write_text(json.dumps(rows), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("services", lambda rows: rows[0].pop("levels")),
        ("services", lambda rows: rows[0]["name"].pop("en")),
        ("outcomes", lambda rows: rows[0].update(key="vanished")),
        ("targets", lambda rows: rows[0].update(share=2)),
        ("targets", lambda rows: next(row for row in rows if "level" in row).update(level="none-such")),
        ("consents", lambda rows: rows[0].update(current=False)),
    ],
)
def test_content_that_cannot_be_used_is_named(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    change(folder, name, edit)
    with pytest.raises(BadContent):
        load_content(folder)


def test_names_come_in_the_readers_language_and_an_unknown_key_is_its_own_name() -> None:
    catalog = Catalog(load_content(), "09562")
    assert catalog.service_name("ihanoi", "vi") == "iHanoi"
    assert catalog.level_name("ihanoi", "installed", "vi") == "Đã cài đặt"
    assert catalog.level_name("ihanoi", "installed", "en") == "Installed"
    assert catalog.service_name("gone", "vi") == "gone"
    assert catalog.unit_name("tdp-99", "vi") == "tdp-99"
    assert catalog.levels["ihanoi"][0] == "introduced"


def test_earlier_files_stay_for_phones_that_ask_late() -> None:
    catalog = Catalog(load_content(), "09562")
    before = catalog.address
    catalog.units["tdp-07"] = Unit(code="tdp-07", kind="team", name=Text(vi="Tổ 7", en="Team 7"))
    catalog.publish()
    assert catalog.address != before
    assert [each.address for each in catalog._published] == [catalog.address, before]


def test_the_ward_keeps_its_units_and_takes_new_sections(
    server: TestClient, site: Site, call: Callable[..., Any], folder: Path
) -> None:
    database = site.ward.catalog
    renamed = {"type": "unit", "code": "mttq", "kind": "front", "name": {"vi": "Mặt trận", "en": "Front"}}
    call(site.store.update, database, "unit:mttq", lambda stored: renamed)
    before = call(site.store.get, database, "section:policies")["_rev"]
    other = call(site.store.get, database, "section:services")["_rev"]
    change(folder, "policies", lambda rows: rows.pop())
    catalog = Catalog(load_content(folder), "09562")
    call(catalog.seed, site.store, database)
    assert catalog.unit_name("mttq", "vi") == "Mặt trận"
    assert call(site.store.get, database, "section:policies")["_rev"] != before
    assert call(site.store.get, database, "section:services")["_rev"] == other


def test_a_unit_that_another_process_adds_is_shown_soon(server: TestClient, site: Site, store: Store) -> None:
    unit = Unit(code="tdp-21", kind="team", name=Text(vi="Tổ dân phố 21", en="Group 21"))
    before = site.catalog.address
    assert anyio.run(add_unit, store, site.ward.catalog, unit)
    until = time.monotonic() + 5
    while site.catalog.unit_name("tdp-21", "vi") != "Tổ dân phố 21" or site.catalog.address == before:
        assert time.monotonic() < until, "a new unit is not known after five seconds"
        time.sleep(0.02)
    assert not anyio.run(add_unit, store, site.ward.catalog, unit)
