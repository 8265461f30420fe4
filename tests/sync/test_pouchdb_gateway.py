"""Stock PouchDB in Node replicates through the gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sync.store import Document
from tests.sync.samples import visit
from tests.sync.town import WARD, Town

HERE = Path(__file__).parent
MODULES = HERE.parent.parent / "pwa" / "node_modules"


def fresh(**changes: str) -> Document:
    document = visit(**changes)
    del document["_rev"]
    return document


@pytest.mark.skipif(not MODULES.is_dir() or not shutil.which("node"), reason="pwa/node_modules is missing")
def test_stock_pouchdb_pushes_pulls_follows_and_is_told_of_refusals(town: Town) -> None:
    good, bad, late = [fresh() for _ in range(3)], [fresh(unit="tdp-08")], fresh()
    task = {
        "modules": str(MODULES),
        "url": f"http://127.0.0.1:{town.port}/sync/w{WARD}-tdp-07",
        "good": good,
        "bad": bad,
        "late": late,
    }
    done = subprocess.run(
        ["node", str(HERE / "pouch.mjs"), json.dumps(task)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["first"]["written"] == len(good)
    assert [denied["id"] for denied in found["first"]["denied"]] == [bad[0]["_id"]]
    assert found["again"] == {"written": 0, "failures": 0, "denied": []}, "checkpoints were not kept"
    assert found["pulled"]["failures"] == 0
    assert {document["_id"] for document in good} <= set(found["ids"])
    assert bad[0]["_id"] not in found["ids"]
    assert len(town.quarantined(bad[0]["_id"])) == 1
    assert found["seen"] == late["_id"]
    assert found["foreign"] == "not-yours"
