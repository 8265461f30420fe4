"""Refused records decided: stored once as the successor of what came, whoever else decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from sync.audit import Audit
from sync.checks import Refusal
from sync.conflicts import Conflicts
from sync.deciding import Decider, Deciding
from sync.erasing import erase
from sync.names import Names
from sync.quarantine import Bringer, Quarantine, QuarantineFull, Refused, describe
from sync.refused import count_outcomes, count_refused, list_outcomes
from sync.store import Document, Store, StoreUnavailable
from sync.twins import join
from tests.sync.samples import AT, HOA, child, created, helped, household, register, resident, visit
from tests.sync.town import DEVICE, WARD, Town

pytestmark = pytest.mark.anyio
LAN = Decider("person:lan", "supervisor", WARD)
MAI = Decider("person:mai", "supervisor", WARD)
NUMBER = "001099012345"


@dataclass
class Ward:
    town: Town
    deciding: Deciding

    @property
    def store(self) -> Store:
        return self.town.store

    async def refuse(self, sent: Document, code: str = "left-unit", device: str = DEVICE) -> str:
        """Puts it into quarantine, as the gateway does; gives the hash of its entry."""
        who = Bringer(HOA, device, "tdp-07", f"w{WARD}-tdp-07", AT)
        await Quarantine(self.store).keep(self.town.quarantine, who, [Refused(sent, code)])
        return str(describe(who, Refused(sent, code))["_id"]).removeprefix("refused:")

    async def entry(self, hash: str) -> Document:
        return await self.store.get(self.town.quarantine, f"refused:{hash}")

    async def stored(self, id: str) -> Document | None:
        return await self.store.find(self.town.database, id)

    async def acts(self, hash: str) -> list[Document]:
        rows = await self.store.all_docs(
            self.town.names.audit, startkey="audit:", endkey="audit:\ufff0", include_docs=True
        )
        return [row["doc"] for row in rows if row["doc"]["subject"] == f"refused:{hash}"]

    async def push(self, *documents: Document) -> Any:
        answer = await anyio.to_thread.run_sync(lambda: self.town.push(*documents))
        assert answer.status == 201, answer.body
        return answer.json


@pytest.fixture
async def ward(town: Town) -> Ward:
    return Ward(town, Deciding(town.store, town.names, Audit(town.store, town.names)))


async def test_what_is_accepted_is_stored_as_it_came_and_the_old_revision_counts_as_known(ward: Ward) -> None:
    sent = visit(note="Chờ con về")
    hash = await ward.refuse(sent)
    entry = await ward.deciding.accept(LAN, hash)
    assert entry["decision"]["outcome"] == "accepted"
    stored = await ward.stored(sent["_id"])
    assert stored is not None
    assert {**stored, "_rev": ""} == {**sent, "_rev": ""}
    assert stored["_rev"] == entry["decision"]["rev"]
    assert await ward.push(sent) == [], "the phone that brings it again is told that it is there"
    assert await ward.stored(sent["_id"]) == stored
    assert len(await ward.store.leaves(ward.town.database, sent["_id"])) == 1


async def test_a_correction_is_signed_by_the_desk_and_the_old_text_does_not_come_back(ward: Ward) -> None:
    sent = visit(note=f"Số {NUMBER}")
    (told,) = await ward.push(sent)
    assert told["code"] == "id-number"
    (entry,) = await anyio.to_thread.run_sync(ward.town.quarantined, sent["_id"])
    hash = entry["_id"].removeprefix("refused:")
    with pytest.raises(Refusal, match="masked"):
        await ward.deciding.accept(LAN, hash)
    with pytest.raises(Refusal, match="id-number"):
        await ward.deciding.accept(LAN, hash, {"record": {**sent["record"]["value"], "note": NUMBER}})
    assert "decision" not in await ward.entry(hash), "what may not be stored stays open"
    await ward.deciding.accept(LAN, hash, {"record": {**sent["record"]["value"], "note": "Số đã bỏ"}})
    assert await ward.push(sent) == []
    stored = await ward.stored(sent["_id"])
    assert stored is not None
    assert stored["record"]["value"]["note"] == "Số đã bỏ"
    assert stored["record"]["by"] == LAN.person
    assert stored["created"] == sent["created"], "the visit stays its author's"
    amended = child(stored, record=register({**stored["record"]["value"], "note": "Sửa sau"}, at=_later()))
    assert await ward.push(amended) == [], "who wrote it goes on from the correction"


def _later() -> str:
    return "2099-01-01T00:00:00.000Z"  # set to its arrival, which is after the decision


async def test_two_supervisors_at_once_make_one_decision(ward: Ward) -> None:
    sent = visit(note=f"Số {NUMBER}")
    hash = await ward.refuse(sent, "id-number")

    async def correct(by: Decider, note: str) -> None:
        await ward.deciding.accept(by, hash, {"record": {**sent["record"]["value"], "note": note}})

    async with anyio.create_task_group() as both:
        both.start_soon(correct, LAN, "của Lan")
        both.start_soon(correct, MAI, "của Mai")
        both.start_soon(ward.deciding.answer, MAI, hash, "returned", "Sửa lại giúp.")
    decision = (await ward.entry(hash))["decision"]
    (act,) = await ward.acts(hash)
    assert act["by"] == decision["by"]
    stored = await ward.stored(sent["_id"])
    if decision["outcome"] == "returned":
        assert stored is None
    else:
        assert stored is not None
        assert (stored["record"]["value"]["note"] == "của Lan") == (decision["by"] == LAN.person)
        assert len(await ward.store.leaves(ward.town.database, sent["_id"])) == 1
    again = await ward.deciding.accept(LAN, hash)
    assert again["decision"] == decision, "a second click changes nothing"


@pytest.mark.parametrize("cut", ["audit", "graft", "after", "end"])
async def test_a_decision_cut_short_is_carried_out_once(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    sent = visit()
    hash = await ward.refuse(sent)
    _cut(ward, monkeypatch, cut)
    with pytest.raises(StoreUnavailable):
        await ward.deciding.accept(LAN, hash)
    monkeypatch.undo()
    assert not (await ward.entry(hash))["decision"]["done"]
    assert await ward.deciding.settle(WARD) == 1
    assert await ward.deciding.settle(WARD) == 0
    assert (await ward.entry(hash))["decision"]["done"]
    assert len(await ward.acts(hash)) == 1
    assert len(await ward.store.leaves(ward.town.database, sent["_id"])) == 1


def _cut(ward: Ward, monkeypatch: pytest.MonkeyPatch, cut: str) -> None:
    """The store fails at this step, or has done it and the answer is lost."""
    real, updates = ward.store.graft, 0
    update = ward.store.update

    async def fail(*args: Any) -> None:
        if cut == "after":
            await real(*args)
        raise StoreUnavailable("down")

    async def second(*args: Any) -> Document | None:
        nonlocal updates
        updates += 1
        if updates == 2:
            raise StoreUnavailable("down")
        return await update(*args)

    if cut == "audit":
        monkeypatch.setattr(Audit, "write", fail)
    elif cut == "end":
        monkeypatch.setattr(ward.store, "update", second)
    else:
        monkeypatch.setattr(ward.store, "graft", fail)


async def test_a_document_that_the_unit_has_becomes_a_leaf_and_is_merged(ward: Ward) -> None:
    first = visit(note="lần đầu")
    await ward.push(first)
    stranger = {
        **first,
        "_rev": f"1-{'a' * 32}",
        "record": register({**first["record"]["value"], "note": "bản sau"}, at="2026-05-02T02:00:00.000Z"),
    }
    (told,) = await ward.push(stranger)
    assert told["code"] == "unknown-ancestor"
    (entry,) = await anyio.to_thread.run_sync(ward.town.quarantined, first["_id"])
    await ward.deciding.accept(LAN, entry["_id"].removeprefix("refused:"))
    assert len(await ward.store.leaves(ward.town.database, first["_id"])) == 2
    await Conflicts(ward.store, ward.town.names).settle(ward.town.database)
    (merged,) = await ward.store.leaves(ward.town.database, first["_id"])
    assert merged["record"]["value"]["note"] == "bản sau"
    assert merged["history"][0]["value"]["note"] == "lần đầu"


async def test_what_its_author_has_put_right_already_is_not_written_again(ward: Ward) -> None:
    sent = visit(note=f"Số {NUMBER}")
    await ward.push(sent)
    (entry,) = await anyio.to_thread.run_sync(ward.town.quarantined, sent["_id"])
    right = child(sent, record=register({**sent["record"]["value"], "note": "không số"}))
    assert await ward.push(right) == []
    decided = await ward.deciding.accept(
        LAN, entry["_id"].removeprefix("refused:"), {"record": {**sent["record"]["value"], "note": "của Lan"}}
    )
    assert decided["decision"]["outcome"] == "superseded"
    stored = await ward.stored(sent["_id"])
    assert stored is not None
    assert stored["record"]["value"]["note"] == "không số"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"unit": "tdp-08"}, "wrong-unit"),
        ({"_deleted": True}, "deletion"),
        ({"record": {"value": 7}}, "malformed"),
        ({"_revisions": {"start": 5, "ids": []}}, "malformed"),
        ({"extra": 1}, "malformed"),
        ({"history": [{"field": "record", "value": 1, "at": AT, "by": "person:eve"}]}, "past-changed"),
    ],
)
async def test_accepting_goes_through_the_checks_of_any_write(
    ward: Ward, changes: dict[str, Any], code: str
) -> None:
    sent = {**visit(), **changes}
    hash = await ward.refuse(sent, code)
    with pytest.raises(Refusal) as refusal:
        await ward.deciding.accept(LAN, hash)
    assert refusal.value.code == code
    assert await ward.stored(sent["_id"]) is None


async def test_a_name_without_consent_is_accepted_only_without_the_name(ward: Ward) -> None:
    sent = resident(identity=register({"name": "Nguyễn Thị Mai"}))
    hash = await ward.refuse(sent, "no-consent")
    with pytest.raises(Refusal, match="no-consent"):
        await ward.deciding.accept(LAN, hash)
    await ward.deciding.accept(LAN, hash, {"identity": {}})
    stored = await ward.stored(sent["_id"])
    assert stored is not None
    assert "Mai" not in str(stored)


async def test_an_answer_reaches_its_sender_and_no_one_else(ward: Ward) -> None:
    before = await count_outcomes(ward.store, ward.town.quarantine, HOA)
    open_before = (await count_refused(ward.store, ward.town.quarantine)).get("tdp-07", 0)
    sent = visit()
    hash = await ward.refuse(sent)
    assert (await count_refused(ward.store, ward.town.quarantine))["tdp-07"] == open_before + 1
    await ward.deciding.answer(LAN, hash, "returned", "Ghi rõ ai đã được giúp.")
    assert (await count_refused(ward.store, ward.town.quarantine)).get("tdp-07", 0) == open_before
    assert await count_outcomes(ward.store, ward.town.quarantine, HOA) == before + 1
    told = (await list_outcomes(ward.store, ward.town.quarantine, HOA))[0]
    assert (told["id"], told["rev"], told["outcome"]) == (sent["_id"], sent["_rev"], "returned")
    assert told["message"] == "Ghi rõ ai đã được giúp."
    assert await list_outcomes(ward.store, ward.town.quarantine, "person:lan") == []
    (act,) = await ward.acts(hash)
    assert "giúp" not in str(act)


async def test_erasing_reaches_what_was_corrected_and_said_in_a_decision(ward: Ward) -> None:
    person = resident(name="Trần Thị Lụa")
    await ward.push(person)
    late = helped(person["_id"], "Bà Trần Thị Lụa hẹn lại")
    hash = await ward.refuse(late)
    await ward.deciding.answer(LAN, hash, "returned", "Hỏi lại bà Trần Thị Lụa.")
    await erase(ward.store, ward.town.names, WARD, "tdp-07", person["_id"])
    entry = await ward.entry(hash)
    assert "Lụa" not in str(entry)
    assert entry["decision"]["outcome"] == "returned"


async def test_a_decision_cut_short_by_an_erasure_brings_no_word_back(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = resident(name="Phạm Thị Nhài")
    await ward.push(person)
    late = helped(person["_id"], "Bà Phạm Thị Nhài hẹn lại")
    edited = child(person, label=register("Bà Nhài", at="2026-05-03T02:00:00.000Z"))
    hashes = [await ward.refuse(late), await ward.refuse(edited)]
    _cut(ward, monkeypatch, "graft")
    for hash in hashes:
        with pytest.raises(StoreUnavailable):
            await ward.deciding.accept(LAN, hash)
    monkeypatch.undo()
    await erase(ward.store, ward.town.names, WARD, "tdp-07", person["_id"])
    assert await ward.deciding.settle(WARD) == 2
    stored = await ward.stored(late["_id"])
    assert stored is not None, "that someone was helped stays counted"
    assert "Nhài" not in str(stored)
    assert await ward.stored(person["_id"]) is None
    assert [(await ward.entry(hash))["decision"]["outcome"] for hash in hashes] == ["accepted", "set-aside"]
    assert "Nhài" not in str([await ward.entry(hash) for hash in hashes])


async def test_a_device_has_room_for_so_much_until_some_of_it_is_decided(ward: Ward, names: Names) -> None:
    device = "device:01ARZ3NDEKTSV4RRFFQ69G5FZZ"
    who = Bringer(HOA, device, "tdp-07", f"w{WARD}-tdp-07", AT)
    one, two, three = (visit(created=created()) for _ in range(3))
    hash = await ward.refuse(one, "left-unit", device)
    await ward.refuse(two, "left-unit", device)
    for limits in ({"most": 2}, {"largest": 300}):
        full = Quarantine(ward.store, **limits)  # another process: nothing is kept in memory
        with pytest.raises(QuarantineFull):
            await full.keep(ward.town.quarantine, who, [Refused(three, "left-unit")])
    await full.keep(ward.town.quarantine, who, [Refused(one, "left-unit")])  # there already: no room needed
    await ward.deciding.accept(LAN, hash)
    await Quarantine(ward.store, most=2).keep(ward.town.quarantine, who, [Refused(three, "left-unit")])


async def test_one_of_a_record_that_was_merged_since_becomes_an_edit_of_the_kept_one(ward: Ward) -> None:
    kept, lost = household(), household(adults=register(2))
    assert await ward.push(kept, lost) == []
    edit = child(lost, adults=register(3, at="2026-05-01T03:00:00.000Z"))
    edit["history"] = [{"field": "adults", **lost["adults"]}]
    hash = await ward.refuse(edit)
    await join(ward.store, ward.town.names, WARD, "tdp-07", lost["_id"], kept["_id"], "person:lan")
    entry = await ward.deciding.accept(LAN, hash)
    assert entry["decision"]["outcome"] == "accepted"
    assert await ward.stored(lost["_id"]) is None
    assert ((await ward.stored(kept["_id"])) or {})["adults"]["value"] == 3
