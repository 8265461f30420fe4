"""PouchDB and the store replicate with each other, as the phones will."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
CLIENTS, DOCUMENTS = (int(n) for n in os.environ.get("POUCHDB_CLIENTS", "4x60").split("x"))
"""How many write how many documents each; ``POUCHDB_CLIENTS=10x1000`` for a longer try."""
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


@pytest.mark.timeout(900)
@pytest.mark.skipif(not (shutil.which("node") and INSTALLED), reason="needs node and the phone's packages")
def test_many_that_wrote_apart_hold_the_same_in_the_end(db: httpx.Client, couch_url: str) -> None:
    name = str(db.base_url).rstrip("/").rpartition("/")[2]
    command = ["node", str(HERE / "pouchdb_many.mjs"), f"{couch_url}/{name}", str(CLIENTS), str(DOCUMENTS)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    print(told)
    assert told["documents"] == CLIENTS * DOCUMENTS + 20
    assert (told["leaves"], told["bodies"]) == (1, 1), "two do not hold the same"
    assert told["contested"] > 0
    assert told["idle"] == 0
