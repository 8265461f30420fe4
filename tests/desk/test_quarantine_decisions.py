"""Refused records decided at the desk: corrected by form, accepted, returned, set aside, many at once."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest

from server.site import Site
from tests.desk.conftest import PASSWORD, SignIn
from tests.desk.quarantine_records import AT, bringer, document, refuse, register, visit
from tests.desk.test_quarantine import audited

pytestmark = pytest.mark.anyio
DEVICE = f"device:{5:026}"
NUMBER = "001099012345"


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def form_of(page: str) -> dict[str, str]:
    """What the form of the correction would post, untouched."""
    form = re.search(r'<form[^>]*/accept".*?</form>', page, re.DOTALL)
    assert form is not None, "there is no form to correct it"
    found = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', form[0]))
    found |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', form[0], re.DOTALL))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)">(.*?)</select>', form[0], re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return {name: unescape(text) for name, text in found.items()}


async def stored(site: Site, id: str) -> dict[str, Any] | None:
    return await site.store.find(site.ward.unit("tdp-07"), id)


async def counted(site: Site) -> int:
    """How many visits of this volunteer the dashboard counts on the day of the samples."""
    await site.rollup.refresh(site.ward.unit("tdp-07"))
    rollup = await site.store.find(site.ward.rollup, "rollup:tdp-07") or {"days": {}}
    return int(rollup["days"].get(AT[:10], {}).get("volunteers", {}).get("person:volunteer", 0))


async def test_a_visit_with_hidden_digits_is_accepted_once_they_are_gone(site: Site, sign_in: SignIn) -> None:
    helps = [{"service": "ihanoi", "level": "installed"}, {"service": "ihanoi", "level": "introduced"}]
    sent = visit(201, note=f"Hẹn chiều. Số {NUMBER}", helps=helps)
    path = await refuse(site, sent, "id-number", bringer(DEVICE))
    client, before = await sign_in("supervisor"), await counted(site)
    page = (await client.get(path)).text
    typed = form_of(page)
    assert "•••" in typed["note"]
    assert "Có số đã bị che" in page
    answer = await client.post(f"{path}/accept", data=typed)
    assert answer.status_code == 400
    assert "Vẫn còn số bị che" in answer.text
    assert 'href="#accept"' in answer.text
    assert await stored(site, sent["_id"]) is None
    typed |= {"note": "Hẹn chiều.", "help-1": "", "outcome": "later"}
    answer = await client.post(f"{path}/accept", data=typed)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    kept = await stored(site, sent["_id"])
    assert kept is not None
    record = kept["record"]["value"]
    assert (record["note"], record["outcome"], record["helps"]) == ("Hẹn chiều.", "later", helps[:1])
    page = words((await client.get(path)).text)
    assert "Đã nhận Người supervisor xử lý lúc" in page
    shown = page.partition("Bản ở phường hiện nay")[2].partition("Ai gửi")[0]
    assert "Hẹn chiều." in shown, "what was stored is not shown beside what was sent"
    again = await client.post(f"{path}/accept", data=typed | {"note": "lần hai"})
    assert again.status_code == 303
    assert await stored(site, sent["_id"]) == kept, "a second click changes nothing"
    assert await counted(site) == before + 1, "the visit is counted, and once"
    acts = [act for act in await audited(site) if act["action"] == "quarantine-decided"]
    acts = [act for act in acts if act["subject"] == path.replace("/desk/quarantine/", "refused:")]
    assert [act["by"] for act in acts] == ["person:supervisor"]
    assert "Hẹn" not in str(acts)


async def test_an_untouched_form_accepts_the_record_as_it_was_sent(site: Site, sign_in: SignIn) -> None:
    client = await sign_in("supervisor")
    follow_up = {"on": "2026-05-09", "why": "mang thẻ"}
    consent = {"version": "v1", "at": AT, "method": "spoken", "by": "person:volunteer"}
    identity = register({"name": "Trần Văn Tư", "phone": "0987654321", "consent": consent})
    for sent in (
        visit(211, note="hai\ndòng", helps=[{"service": "no-such", "level": "x"}], follow_up=follow_up),
        visit(212),
        document("household", 213, address=register({"house": "12/4/3"}), kind=register("home")),
        document(
            "resident",
            214,
            household=f"household:{213:026}",
            label=register("Ông"),
            age_band=register("60-plus"),
            identity=identity,
        ),
    ):
        path = await refuse(site, sent, "left-unit", bringer(DEVICE))
        typed = form_of((await client.get(path)).text)
        assert (await client.post(f"{path}/accept", data=typed)).status_code == 303
        kept = await stored(site, sent["_id"])
        assert kept is not None
        assert {**kept, "_rev": ""} == {**sent, "_rev": ""}


async def test_obstacles_promises_and_adults_are_corrected_too(site: Site, sign_in: SignIn) -> None:
    client = await sign_in("supervisor")
    promise = {"on": "2026-05-09", "why": f"mang thẻ {NUMBER}"}
    sent = visit(217, follow_up=promise, obstacles=["no-smartphone", "no-network", "of-a-newer-catalog"])
    path = await refuse(site, sent, "id-number", bringer(DEVICE))
    typed = form_of((await client.get(path)).text)
    assert (typed["on"], typed["obstacle-2"]) == ("2026-05-09", "of-a-newer-catalog")
    typed |= {"on": "2026-05-12", "why": "mang thẻ", "obstacle-0": "", "obstacle-1": "forgot-password"}
    assert (await client.post(f"{path}/accept", data=typed)).status_code == 303
    record = ((await stored(site, sent["_id"])) or {})["record"]["value"]
    assert record["follow_up"] == {"on": "2026-05-12", "why": "mang thẻ"}
    assert record["obstacles"] == ["forgot-password", "of-a-newer-catalog"]

    sent = visit(218, follow_up=promise, obstacles=["no-network"])
    path = await refuse(site, sent, "id-number", bringer(DEVICE))
    typed = form_of((await client.get(path)).text) | {"on": "", "obstacle-0": ""}
    assert (await client.post(f"{path}/accept", data=typed)).status_code == 303
    record = ((await stored(site, sent["_id"])) or {})["record"]["value"]
    assert "follow_up" not in record
    assert record["obstacles"] == []

    sent = document(
        "household", 219, address=register({"house": "1"}), kind=register("home"), adults=register(3)
    )
    path = await refuse(site, sent, "left-unit", bringer(DEVICE))
    typed = form_of((await client.get(path)).text)
    assert typed["adults"] == "3"
    wrong = await client.post(f"{path}/accept", data=typed | {"adults": "nhiều"})
    assert wrong.status_code == 400
    assert 'value="nhiều"' in wrong.text
    assert (await client.post(f"{path}/accept", data=typed | {"adults": "4"})).status_code == 303
    assert ((await stored(site, sent["_id"])) or {})["adults"]["value"] == 4


async def test_what_came_late_tells_of_its_sender_and_is_not_returned_to_a_phone_that_has_it_no_more(
    site: Site, sign_in: SignIn
) -> None:
    client = await sign_in("supervisor")
    path = await refuse(site, visit(216), "left-unit", bringer(DEVICE))
    page = (await client.get(path)).text
    assert "Người gửi không còn ở tổ này nữa" in page
    assert "Anh/chị không còn" not in page
    assert f'action="{path}/accept"' in page
    assert f'action="{path}/set-aside"' in page
    assert f'action="{path}/return"' not in page
    forged = await client.post(f"{path}/return", data={"message": "Gửi lại giúp"})
    assert forged.status_code == 400
    await client.post(f"{path}/accept", data=form_of(page))
    decided = (await client.get(path)).text
    assert decided.index('id="decided"') < decided.index('id="why"'), "the refusal is told first"
    assert 'id="do"' not in decided, "nothing is left to do"


async def test_a_name_needs_a_consent_or_goes(site: Site, sign_in: SignIn) -> None:
    client = await sign_in("supervisor")
    fields = {"household": f"household:{1:026}", "label": register("Bà"), "age_band": register("60-plus")}
    sent = document("resident", 221, **fields, identity=register({"name": "Nguyễn Thị Mai"}))
    path = await refuse(site, sent, "no-consent", bringer(DEVICE))
    typed = form_of((await client.get(path)).text)
    wrong = await client.post(f"{path}/accept", data=typed)
    assert wrong.status_code == 400
    assert 'value="Nguyễn Thị Mai"' in wrong.text, "what was typed is still there"
    assert (await client.post(f"{path}/accept", data=typed | {"consent": "signed"})).status_code == 303
    kept = await stored(site, sent["_id"])
    assert kept is not None
    assert kept["identity"]["value"]["consent"]["by"] == "person:supervisor"


@pytest.mark.parametrize(("what", "said"), [("return", "trả lại người gửi"), ("set-aside", "để riêng")])
async def test_an_answer_needs_a_message_without_a_number(
    site: Site, sign_in: SignIn, what: str, said: str
) -> None:
    client = await sign_in("supervisor")
    path = await refuse(site, visit(231 if what == "return" else 232), "malformed", bringer(DEVICE))
    for message in ("", f"Số {NUMBER} là sao?", "x" * 2001):
        answer = await client.post(f"{path}/{what}", data={"message": message})
        assert answer.status_code == 400
        assert message[:50] in answer.text
    assert (await client.post(f"{path}/{what}", data={"message": "Ghi rõ giúp ai."})).status_code == 303
    page = words((await client.get(path)).text)
    assert f"Đã {said}" in page
    assert "Ghi rõ giúp ai." in page
    assert "Nhận bản ghi" not in page
    assert path not in (await client.get("/desk/quarantine")).text
    assert path in (await client.get("/desk/quarantine?state=decided&unit=tdp-07&reason=malformed")).text


async def test_all_of_a_unit_that_came_late_are_accepted_together(site: Site, sign_in: SignIn) -> None:
    late = [visit(240 + number) for number in range(3)]
    for sent in late:
        await refuse(site, sent, "left-unit", bringer(DEVICE))
    odd = await refuse(site, visit(249, outcome="danced"), "left-unit", bringer(DEVICE))
    client = await sign_in("supervisor")
    page = await client.get("/desk/quarantine?unit=tdp-07&reason=left-unit")
    assert "Nhận tất cả (4)" in page.text
    asked = {"unit": "tdp-07", "reason": "left-unit"}
    answer = await client.post("/desk/quarantine/accept", data=asked)
    if answer.status_code == 403:  # the password, when it was not asked for lately
        answer = await client.post("/desk/quarantine/accept", data=asked | {"confirm-password": PASSWORD})
    assert answer.status_code == 303
    told = words((await client.get(answer.headers["location"])).text)
    assert "Đã nhận 3 bản ghi." in told
    assert "Còn 1 bản chưa nhận được" in told
    assert [await stored(site, sent["_id"]) is not None for sent in late] == [True] * 3
    assert odd in (await client.get("/desk/quarantine?unit=tdp-07&reason=left-unit")).text


async def test_no_one_of_a_unit_and_no_other_ward_decides(site: Site, sign_in: SignIn) -> None:
    sent = visit(251)
    path = await refuse(site, sent, "left-unit", bringer(DEVICE))

    async def tries(client: httpx.AsyncClient, status: int) -> None:
        for what in ("accept", "return", "set-aside"):
            answer = await client.post(f"{path}/{what}", data={"message": "x", "outcome": "met"})
            assert answer.status_code == status, what

    for role in ("lead", "volunteer"):
        await tries(await sign_in(role), 403)
    if await site.accounts.find_login("elsewhere") is None:
        await site.accounts.add_person(
            login="elsewhere",
            name="Người khác",
            role="supervisor",
            ward="00004",
            unit=None,
            password=PASSWORD,
        )
    await tries(await sign_in("elsewhere"), 404)
    assert await stored(site, sent["_id"]) is None


async def test_the_desk_sees_which_device_has_no_room(
    site: Site, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refuse(site, visit(261), "malformed", bringer(DEVICE))
    client = await sign_in("supervisor")
    assert "quá nhiều bản ghi" not in (await client.get("/desk/quarantine")).text
    monkeypatch.setattr("sync.quarantine.MOST", 1)
    assert "quá nhiều bản ghi" in (await client.get("/desk/quarantine")).text
