"""A backup of 50,000 documents and its restore, on the embedded store, by a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.figures import Figure
from bench.store import DOCUMENTS, write
from sync.embedded.child import EmbeddedStore

FIGURES = (
    "backup of 50,000 documents",
    "backup of 50,000 documents, encrypted",
    "file of 50,000 documents",
    "memory of a backup",
    "memory of a backup, beyond that of 5,000 documents",
    "restore of 50,000 documents",
)
FEW = 5_000
WORK = """
import asyncio, json, resource, sys, time
from pathlib import Path
from sync.backups.making import make
from sync.backups.restoring import put_back
from sync.names import Names
from sync.store import Store

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def main(url, folder):
    store, told = Store.connect(url), {"ward": "09562", "settings": {}}
    said = {"start": peak()}
    await make(store, Names("few-"), folder / "few", "", **told)
    said["few"] = peak()
    for name, passphrase in (("plain", ""), ("sealed", "one two three four")):
        begin = time.perf_counter()
        made = await make(store, Names("many-"), folder / name, passphrase, **told)
        said[name] = sum(one.size for one in made.databases) / 1e6 / (time.perf_counter() - begin)
        said.setdefault("many", peak())
    said["file"] = (folder / "plain").stat().st_size / 1e6
    begin = time.perf_counter()
    await put_back(store, Names("back-"), folder / "plain", "", ward="09562", replace=False)
    said["restore"] = sum(one.size for one in made.databases) / 1e6 / (time.perf_counter() - begin)
    print(json.dumps(said))

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


def report(figure: str, value: float, unit: str, goal: float | None, at_least: bool = False) -> Figure:
    return Figure("backup", figure, value, unit, goal, "embedded", at_least)


def run() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, EmbeddedStore(Path(folder) / "store") as store:
        for prefix, count in (("few", FEW), ("many", DOCUMENTS)):
            database = f"{store.url}/{prefix}-w09562-tdp-07"
            with httpx.Client(base_url=database, timeout=120) as client:
                client.put("").raise_for_status()
                client.put(f"{store.url}/{prefix}-accounts").raise_for_status()
                write(client, 0, count, "/_bulk_docs")
        done = subprocess.run(
            [sys.executable, "-c", WORK, store.url, folder], capture_output=True, text=True, check=True
        )
        said = json.loads(done.stdout)
        yield report("backup of 50,000 documents", said["plain"], "MB/s", 3, at_least=True)
        yield report("backup of 50,000 documents, encrypted", said["sealed"], "MB/s", 3, at_least=True)
        yield report("file of 50,000 documents", said["file"], "MB", None)
        yield report("memory of a backup", said["many"] - said["start"], "MB", 30)
        yield report(
            "memory of a backup, beyond that of 5,000 documents", said["many"] - said["few"], "MB", 5
        )
        yield report("restore of 50,000 documents", said["restore"], "MB/s", 1, at_least=True)
