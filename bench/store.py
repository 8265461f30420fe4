"""The embedded store: writing with a validator, building and asking views, memory, restart.

One JSON line per figure; medians of several rounds, since other work shares the machine.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from bench.figures import Figure
from sync.embedded.child import EmbeddedStore

FIGURES = (
    "bulk docs of 500 with a validator",
    "three views over 50,000 documents, cold",
    "grouped query of acts, level 1, warm",
    "grouped query of acts, level 3, warm",
    "grouped query of first, level 1, warm",
    "changes with documents, 1,000",
    "one document",
    "resident with 100,000 documents",
    "restart until a database answers",
    "restart after kill -9 until a database answers",
)
DOCUMENTS, BATCH, MANY = 50_000, 500, 100_000
GUARD = """function (newDoc, oldDoc, userCtx, secObj) {
  if (newDoc._deleted) { return; }
  if (typeof newDoc.n !== "number") { throw({forbidden: "n"}); }
  if (oldDoc && oldDoc.by !== newDoc.by) { throw({forbidden: "by"}); }
  if (!Array.isArray(newDoc.helps)) { throw({forbidden: "helps"}); }
}"""
VIEWS = {
    "acts": {
        "map": "function (doc) { doc.helps.forEach(function (h) { emit([doc.day, h.service, h.level, doc.by], 1); }); }",  # noqa: E501
        "reduce": "_sum",
    },
    "doors": {"map": "function (doc) { emit([doc.day, doc.outcome], null); }", "reduce": "_count"},
    "first": {"map": "function (doc) { emit([doc.by, doc.outcome], doc.n); }", "reduce": "_stats"},
}


def make_document(n: int) -> dict[str, Any]:
    """A visit of about 1 KB."""
    helps = [{"service": ("ihanoi", "vneid", "dvc")[n % 3], "level": ("told", "installed")[n % 2]}]
    return {
        "_id": f"visit:{n:08d}",
        "type": "visit",
        "day": f"2026-05-{1 + n % 30:02d}",
        "by": f"person:{n % 40}",
        "outcome": ("met", "absent", "refused")[n % 3],
        "helps": helps,
        "n": n,
        "note": "Bà con hỏi về thẻ căn cước. " * 22,
    }


def batches(start: int, end: int) -> Iterator[bytes]:
    for first in range(start, end, BATCH):
        docs = [make_document(n) for n in range(first, min(first + BATCH, end))]
        yield json.dumps({"docs": docs}, ensure_ascii=False).encode()


def report(figure: str, value: float, unit: str, goal: float, at_least: bool = False) -> Figure:
    return Figure("store", figure, value, unit, goal, "embedded", at_least)


def timed(work: Callable[[], httpx.Response]) -> float:
    begin = time.perf_counter()
    work().raise_for_status()
    return time.perf_counter() - begin


def measure_memory(store: EmbeddedStore) -> float:
    """Megabytes resident."""
    status = Path(f"/proc/{store.pid}/status").read_text()
    kilobytes = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kilobytes.split()[1]) / 1024


def write(client: httpx.Client, start: int, end: int, path: str = "/bench/_bulk_docs") -> list[float]:
    """Documents a second, batch by batch."""
    headers = {"Content-Type": "application/json"}
    rates: list[float] = []
    for body in batches(start, end):
        spent = timed(lambda body=body: client.post(path, content=body, headers=headers))  # type: ignore[misc]
        rates.append(BATCH / spent)
    return rates


def run() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield from measure(Path(folder))


def measure(folder: Path) -> Iterator[Figure]:
    with EmbeddedStore(folder) as store, httpx.Client(base_url=store.url, timeout=120) as client:
        client.put("/bench").raise_for_status()
        client.put("/bench/_design/guard", json={"validate_doc_update": GUARD}).raise_for_status()
        rates = write(client, 0, DOCUMENTS)
        yield report(
            "bulk docs of 500 with a validator", statistics.median(rates), "docs/s", 4000, at_least=True
        )
        ask = "/bench/_design/d/_view/acts?group_level=3"
        builds: list[float] = []
        for _ in range(3):
            client.put("/bench/_design/d", json={"views": VIEWS}).raise_for_status()
            builds.append(timed(lambda: client.get(ask)))
            rev = client.head("/bench/_design/d").headers["etag"].strip('"')
            client.delete(f"/bench/_design/d?rev={rev}").raise_for_status()
            client.post("/bench/_view_cleanup", json={}).raise_for_status()
        yield report("three views over 50,000 documents, cold", statistics.median(builds), "s", 6)
        client.put("/bench/_design/d", json={"views": VIEWS}).raise_for_status()
        client.get(ask).raise_for_status()
        for view, level in (("acts", 1), ("acts", 3), ("first", 1)):
            url = f"/bench/_design/d/_view/{view}?group_level={level}"
            spent = statistics.median([timed(lambda url=url: client.get(url)) for _ in range(11)])  # type: ignore[misc]
            yield report(f"grouped query of {view}, level {level}, warm", spent * 1000, "ms", 50)
        write(client, DOCUMENTS, MANY)
        client.get(ask).raise_for_status()
        spent = timed(lambda: client.get("/bench/_changes?limit=1000&include_docs=true"))
        yield report("changes with documents, 1,000", 1000 / spent, "docs/s", 4000, at_least=True)
        gets = [timed(lambda: client.get("/bench/visit:00000001")) for _ in range(200)]
        yield report("one document", statistics.median(gets) * 1000, "ms", 5)
        yield report("resident with 100,000 documents", measure_memory(store), "MB", 250)
        yield from measure_restarts(store, client)


def measure_restarts(store: EmbeddedStore, client: httpx.Client) -> Iterator[Figure]:
    """Stopped in order, and killed while it was writing; `start` of a killed one reads its log again."""
    for figure, end in (
        ("restart until a database answers", store.stop),
        ("restart after kill -9 until a database answers", store.kill),
    ):
        restarts: list[float] = []
        for turn in range(5):
            write(client, MANY + turn * 10 * BATCH, MANY + (turn + 1) * 10 * BATCH)
            end()
            begin = time.perf_counter()
            store.start()
            client.get("/bench").raise_for_status()
            restarts.append(time.perf_counter() - begin)
        yield report(figure, statistics.median(restarts), "s", 1)
