"""Someone erased is named nowhere else either: by the neighbours, by late phones, in what was refused."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from sync import ledger as ledgers
from sync.conflicts import Conflicts
from sync.erasing import Erased, erase, settle
from sync.ledger import Ledger
from sync.store import Store, StoreUnavailable
from sync.traces import GAP
from tests.sync.samples import child, household, register, resident, visit
from tests.sync.town import WARD, Town

LATER = "2026-05-01T03:00:00.000Z"


def person_of(home: str = "") -> tuple[dict[str, Any], str, str]:
    """Someone whom no other test has erased, with name and phone number."""
    letters = "".join(secrets.choice("bcdghklmnpqrstvx") for _ in range(8))
    name, phone = f"Lường {letters.title()} Mơ", f"09{secrets.randbelow(10**8):08}"
    one = resident(home, name=name)
    one["identity"]["value"]["phone"] = phone
    return one, name, phone


def forget(town: Town, id: str) -> Erased:
    return anyio.run(erase, town.store, town.names, WARD, "tdp-07", id)


def said(town: Town) -> str:
    """Everything that the unit's database, the quarantine and the ledger say, in every open revision."""

    async def read() -> str:
        found = []
        for database in (town.database, town.quarantine, town.names.ledger):
            for row in await town.store.all_docs(database):
                if not row["id"].startswith("_"):
                    found += await town.store.open_revisions(database, row["id"])
        return json.dumps(found, ensure_ascii=False)

    return anyio.run(read)


def test_neighbours_visits_and_relatives_labels_have_a_gap_instead_of_the_name(town: Town) -> None:
    door = household()
    person, name, phone = person_of(door["_id"])
    husband = resident(door["_id"], label=register(f"Chồng bà {name}"))
    neighbour = visit(household=f"household:{door['_id'][10:-1]}0", note=f"Hỏi bà {name}, số {phone}")
    for document in (door, person, husband, neighbour):
        assert town.push(document).json == []
    assert forget(town, person["_id"]) == Erased(branches=1, visits=1, refused=0)
    assert "Mơ" not in said(town)
    assert phone not in said(town)
    assert (town.stored(husband["_id"]) or {})["label"]["value"] == f"Chồng bà {GAP}"
    assert (town.stored(neighbour["_id"]) or {})["record"]["value"]["note"] == f"Hỏi bà {GAP}, số {GAP}"
    assert forget(town, person["_id"]) == Erased(), "erasing a second time changed something"


def test_a_late_visit_that_names_someone_without_helping_them_is_stored_without_the_name(town: Town) -> None:
    door = household()
    person, name, phone = person_of(door["_id"])
    for document in (door, person):
        assert town.push(document).json == []
    forget(town, person["_id"])
    own = visit(household=door["_id"], note="Bà Mơ hẹn tối")
    other = visit(note=f"Gặp {name.upper()} ngoài chợ, {phone}")
    plain = visit(household=door["_id"], note="Nhà có chó")
    relative = resident(door["_id"], label=register("Con gái bà Mơ"))
    assert town.push(own, other, plain, relative).json == []
    for word in ("Mơ", "MƠ", phone):
        assert word not in said(town)
    assert "note" not in (town.stored(own["_id"]) or {})["record"]["value"]
    assert (town.stored(other["_id"]) or {})["record"]["value"]["note"] == f"Gặp {GAP} ngoài chợ, {GAP}"
    assert (town.stored(plain["_id"]) or {})["record"]["value"]["note"] == "Nhà có chó"
    assert (town.stored(relative["_id"]) or {})["label"]["value"] == f"Con gái bà {GAP}"


def test_a_late_edit_over_a_label_that_had_the_name_is_taken_and_merged_without_it(town: Town) -> None:
    door = household()
    person, name, _phone = person_of(door["_id"])
    husband = resident(door["_id"], label=register(f"Chồng bà {name}"))
    for document in (door, person, husband):
        assert town.push(document).json == []
    forget(town, person["_id"])
    late = child(husband, age_band=register("16-59", "person:lan", at=LATER))
    assert town.push(late, person="lan").json == []
    anyio.run(Conflicts(town.store, town.names).settle, town.database)
    (leaf,) = anyio.run(town.store.leaves, town.database, husband["_id"])
    assert (leaf["label"]["value"], leaf["age_band"]["value"]) == (f"Chồng bà {GAP}", "16-59")
    assert "Mơ" not in said(town)


def test_what_was_refused_before_and_after_names_nobody(town: Town) -> None:
    person, name, phone = person_of()
    assert town.push(person).json == []
    before = {**visit(note=f"Nhà {name}"), "unit": "tdp-08"}
    after = {**visit(note=f"Nhà {name}, {phone}"), "unit": "tdp-08"}
    assert town.push(before).json[0]["code"] == "wrong-unit"
    assert forget(town, person["_id"]).refused == 1
    assert town.push(after).json[0]["code"] == "wrong-unit"
    assert "Mơ" not in said(town)
    assert phone not in said(town)
    (entry,) = town.quarantined(after["_id"])
    assert entry["document"]["record"]["value"]["note"] == f"Nhà {GAP}, {GAP}"


def test_an_erasure_between_the_check_and_the_write_takes_the_name_out_all_the_same(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, name, _phone = person_of()
    assert town.push(person).json == []
    traces, asked = Ledger.traces, []

    async def be_late(self: Ledger, database: str) -> Any:
        answer = await traces(self, database)
        asked.append(1)
        if len(asked) == 1:
            await erase(town.store, town.names, WARD, "tdp-07", person["_id"])
        return answer

    monkeypatch.setattr(Ledger, "traces", be_late)
    refused = {**visit(note=name), "unit": "tdp-08"}
    rows = town.push(visit(note=f"Nhà {name}"), refused).json
    assert [row["code"] for row in rows] == ["wrong-unit"]
    assert "Mơ" not in said(town)


def test_an_erasure_cut_short_after_the_record_is_gone_still_knows_the_name(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, name, _phone = person_of()
    assert town.push(person).json == []
    with monkeypatch.context() as broken:

        async def fail(*_: Any) -> None:
            raise StoreUnavailable("power cut")

        broken.setattr(Store, "compact", fail)
        with pytest.raises(StoreUnavailable):
            forget(town, person["_id"])
    missed = visit(note=name)
    anyio.run(town.store.graft, town.database, [missed])
    assert anyio.run(settle, town.store, town.names) == 1
    assert "Mơ" not in said(town)


def test_traces_are_dropped_when_their_time_is_over_and_the_erasure_stays(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _name, _phone = person_of()
    assert town.push(person).json == []
    forget(town, person["_id"])
    key = f"trace:w{WARD}-tdp-07:{person['_id']}"
    trace = town.stored(key, town.names.ledger) or {}
    assert trace.keys() == {"_id", "_rev", "type", "ward", "unit", "until", "lengths", "hashes"}
    monkeypatch.setattr(ledgers, "datetime", ahead(ledgers.TRACED_DAYS + 2))
    anyio.run(settle, town.store, town.names)
    assert town.stored(key, town.names.ledger) is None
    (row,) = town.push(child(person)).json
    assert row["code"] == "erased"


def ahead(days: int) -> type[datetime]:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=days)

    return Later
