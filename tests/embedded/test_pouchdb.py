"""PouchDB and the store replicate with each other, as the phones will."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
INSTALLED = (HERE.parents[1] / "pwa" / "node_modules" / "pouchdb-adapter-memory").exists()


@pytest.mark.skipif(not (shutil.which("node") and INSTALLED), reason="needs node and the phone's packages")
def test_pouchdb_pushes_pulls_and_agrees_on_the_winner(db: httpx.Client, couch_url: str) -> None:
    name = str(db.base_url).rstrip("/").rpartition("/")[2]
    command = ["node", str(HERE / "pouchdb.mjs"), f"{couch_url}/{name}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (told["pushed"], told["pulled"]) == (251, 251)
    assert told["counts"] == [249, 249, 249]
    assert told["photo"] == "pixels"
    assert (told["late"], told["idle"]) == ("late", 0)
    assert len(set(told["winners"])) == 1
    assert told["conflicts"][0] == told["conflicts"][1] == told["conflicts"][2]
