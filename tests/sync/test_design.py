"""Design documents are staged, indexed and swapped in; the guard stands without the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sync.couch import StrictResource
from sync.design import deploy, read_design
from sync.names import Names
from sync.proxy_auth import signed_headers
from sync.store import NotFound, Store, StoreUnavailable, TimedOut
from sync.units import UNIT_DESIGNS, prepare_unit
from tests.sync.samples import child, household, rev, visit

pytestmark = pytest.mark.anyio


def write(folder: Path, value: str) -> Path:
    view = folder / "t" / "views" / "v"
    view.mkdir(parents=True)
    (view / "map.js").write_text(f"function (doc) {{ emit(doc._id, {value}); }}\n")
    (view / "reduce").write_text("_sum\n")
    return folder


@pytest.fixture
async def database(store: Store, names: Names) -> str:
    name = f"{names.prefix}design"
    await store.delete_database(name)
    await store.create(name)
    await store.put(name, {"_id": "a"})
    return name


async def test_a_design_document_is_deployed_once(store: Store, database: str, tmp_path: Path) -> None:
    folder = write(tmp_path, "1")
    assert await deploy(store, database, "t", folder)
    seq = (await store.info(database))["update_seq"]
    assert not await deploy(store, database, "t", folder)
    assert (await store.info(database))["update_seq"] == seq, "an unchanged design document was written"
    assert (await store.view(database, "t", "v"))[0]["value"] == 1
    with pytest.raises(NotFound):
        await store.get(database, "_design/t-staged")


async def test_a_changed_one_is_indexed_before_it_is_used(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(store, database, "t", write(tmp_path / "one", "1"))
    writes: list[str] = []
    request = StrictResource._request_response

    def spy(self: StrictResource, method: str, path: Any = None, *args: Any, **kwargs: Any) -> Any:
        if method != "GET" or "_view" in self.base_url:
            writes.append(f"{method} {self.base_url.split('_design/')[-1].split('?')[0]}")
        return request(self, method, path, *args, **kwargs)

    monkeypatch.setattr(StrictResource, "_request_response", spy)
    await deploy(store, database, "t", write(tmp_path / "two", "2"))
    assert writes == ["PUT t-staged", "GET t-staged/_view/v", "PUT t", "DELETE t-staged"]
    assert (await store.view(database, "t", "v"))[0]["value"] == 2


async def test_a_staged_document_refuses_nothing(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, "1")
    (folder / "t" / "validate_doc_update.js").write_text("function () { throw({forbidden: 'no'}); }")
    monkeypatch.setattr("sync.design._swap", _nothing)
    await deploy(store, database, "t", folder)
    assert "validate_doc_update" not in await store.get(database, "_design/t-staged")


async def _nothing(*_: Any) -> None:
    return


async def test_an_index_that_takes_longer_than_one_answer_is_waited_for(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, late = Store.view, [TimedOut("busy"), TimedOut("busy")]

    async def slow(self: Store, *args: Any, **kwargs: Any) -> Any:
        if late:
            raise late.pop()
        return await view(self, *args, **kwargs)

    monkeypatch.setattr(Store, "view", slow)
    assert await deploy(store, database, "t", write(tmp_path, "1"))
    assert late == []


async def test_a_store_that_goes_away_while_indexing_leaves_what_is_in_use(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(store, database, "t", write(tmp_path / "one", "1"))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "view", _away)
        with pytest.raises(StoreUnavailable):
            await deploy(store, database, "t", write(tmp_path / "two", "2"))
    assert (await store.view(database, "t", "v"))[0]["value"] == 1
    assert await deploy(store, database, "t", tmp_path / "two")
    assert (await store.view(database, "t", "v"))[0]["value"] == 2


async def _away(*_: Any, **__: Any) -> None:
    raise StoreUnavailable("gone")


@pytest.mark.parametrize("name", UNIT_DESIGNS)
def test_the_design_documents_of_a_unit_are_found(name: str) -> None:
    design = read_design(name)
    assert design.get("views") or design.get("validate_doc_update")


async def test_a_unit_prepared_again_is_not_written(store: Store, names: Names) -> None:
    database = await prepare_unit(store, names, "09562", "tdp-09")
    seq = (await store.info(database))["update_seq"]
    assert await prepare_unit(store, names, "09562", "tdp-09") == database
    assert (await store.info(database))["update_seq"] == seq


GUARDED: list[tuple[str, dict[str, Any], str | None]] = [
    ("a visit", visit(), None),
    ("a household", household(), None),
    ("another unit", visit(unit="tdp-08"), "wrong-unit"),
    ("no ulid", {**visit(), "_id": "visit:x"}, "bad-id"),
    ("another type", {**visit(), "type": "household"}, "bad-id"),
    (
        "an unknown type",
        {**visit(), "_id": visit()["_id"].replace("visit", "photo"), "type": "photo"},
        "bad-id",
    ),
    ("a tombstone", {"_id": visit()["_id"], "_rev": rev(1), "_deleted": True}, "deletion"),
    ("no creation", {**visit(), "created": None}, "malformed"),
    ("no schema", {**visit(), "schema": "1"}, "malformed"),
    ("no record", {**visit(), "record": 1}, "malformed"),
]


@pytest.mark.parametrize(("document", "reason"), [g[1:] for g in GUARDED], ids=[g[0] for g in GUARDED])
async def test_the_guard_judges_alone(
    store: Store, names: Names, document: dict[str, Any], reason: str | None
) -> None:
    assert await push(store, names, document) == ([] if reason is None else [reason])


async def test_the_guard_keeps_who_made_a_document(store: Store, names: Names) -> None:
    first = visit()
    await push(store, names, first)
    changed = child(first, created={**first["created"], "by": "person:lan"})
    assert await push(store, names, changed) == ["created-changed"]
    assert await push(store, names, child(first)) == []


async def push(store: Store, names: Names, document: dict[str, Any]) -> list[str]:
    """What CouchDB refuses of a batch that a member pushes without the gateway."""
    database = await prepare_unit(store, names, "09562", "tdp-07")
    headers = signed_headers(await store.proxy_secret(), "person:hoa", "w09562-tdp-07")
    body = {"new_edits": False, "docs": [document]}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{store.address}/{database}/_bulk_docs", json=body) as response,
    ):
        assert response.status == 201, await response.text()
        return [row["reason"] for row in await response.json()]
