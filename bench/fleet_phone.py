"""Simulated phones: the requests of ``pwa/src/data/sync.ts``, without a browser or a disk."""

from __future__ import annotations

import gzip
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from sync.clocks import text_of
from sync.ulids import new_ulid

PAGE = 500
PACKED_FROM = 2000
"""As the app: changes in one page, and characters from which a body is worth compressing."""


@dataclass
class Traffic:
    """Requests, and bytes of bodies as they went over the wire, both ways."""

    requests: int = 0
    sent: int = 0
    received: int = 0


@dataclass
class Phone:
    """One device of one person in one unit, with the visits that it has still to send and those it holds."""

    session: aiohttp.ClientSession
    url: str
    cookie: str
    person: str
    device: str
    unit: str
    waiting: list[dict[str, Any]] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    traffic: Traffic = field(default_factory=Traffic)
    database: str = ""
    mark: str = ""
    since: str = "0"
    seen: str = ""

    def record(self, count: int) -> None:
        """Visits made offline."""
        self.waiting += [make_visit(self.unit, self.person, self.device) for _ in range(count)]

    async def sync(self, **told: Any) -> float:
        """One round of the app; seconds that it took.

        :raises RuntimeError: for any answer that is not the right one.
        """
        begin = time.perf_counter()
        clock = text_of(datetime.now(UTC))
        report = {"clock": clock, "app": "0.1.0", "waiting": len(self.waiting), "accepted": len(self.held)}
        report |= {"refused": 0, "storage_left": 9_000_000_000, "persisted": True, **told}
        session = await self._ask(
            "POST", "/api/hello", {**report, **({"mark": self.mark} if self.mark else {})}
        )
        self.mark, self.database = session["mark"], session.get("database", self.database)
        if self.waiting:
            body = {"docs": self.waiting, "new_edits": False}
            refused = await self._ask("POST", f"/sync/{self.database}/_bulk_docs", body, 201)
            if refused:
                raise RuntimeError(f"refused: {refused[0]}")
            self.held |= {one["_id"] for one in self.waiting}
            self.waiting = []
        if self.seen != session["update_seq"]:
            await self._pull()
            self.seen = session["update_seq"]
        return time.perf_counter() - begin

    async def _pull(self) -> None:
        while True:
            query = f"style=all_docs&limit={PAGE}&since={quote(self.since, safe='')}"
            page = await self._ask("GET", f"/sync/{self.database}/_changes?{query}")
            offered = [row for row in page["results"] if not row["id"].startswith("_")]
            wanted = [{"id": one["id"], "rev": one["changes"][0]["rev"]} for one in offered]
            wanted = [one for one in wanted if one["id"] not in self.held]
            if wanted:
                where = f"/sync/{self.database}/_bulk_get?revs=true&latest=true"
                found = await self._ask("POST", where, {"docs": wanted})
                self.held |= {
                    one["ok"]["_id"] for row in found["results"] for one in row["docs"] if "ok" in one
                }
            self.since = page["last_seq"]
            if not page["results"] or not page.get("pending"):
                return

    async def _ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        headers = {"Cookie": f"gtn-device={self.cookie}", "Accept-Encoding": "gzip"}
        sent = None if body is None else msgspec.json.encode(body)
        if sent is not None:
            headers["Content-Type"] = "application/json"
            if len(sent) >= PACKED_FROM and path.startswith("/sync/"):
                sent, headers["Content-Encoding"] = gzip.compress(sent, 6), "gzip"
        async with self.session.request(method, self.url + path, data=sent, headers=headers) as answer:
            came = await answer.read()
            self.traffic.requests += 1
            self.traffic.sent += len(sent or b"")
            self.traffic.received += len(came)
            plain = gzip.decompress(came) if answer.headers.get("Content-Encoding") == "gzip" else came
            if answer.status != status:
                raise RuntimeError(f"{method} {path.partition('?')[0]}: {answer.status} {plain[:200]!r}")
        return msgspec.json.decode(plain)


def make_visit(unit: str, person: str, device: str) -> dict[str, Any]:
    """The first revision of a common visit: one person, one service, a note."""
    at, hash = text_of(datetime.now(UTC)), secrets.token_hex(16)
    helps = [{"service": "ihanoi", "level": "installed"}]
    record = {"at": at, "outcome": "met", "helps": helps, "note": f"Bà con hỏi về thẻ, hẹn ngày {hash[:2]}."}
    return {
        "_id": f"visit:{new_ulid()}",
        "_rev": f"1-{hash}",
        "_revisions": {"start": 1, "ids": [hash]},
        "type": "visit",
        "schema": 1,
        "unit": unit,
        "created": {"at": at, "by": person, "device": device},
        "household": None,
        "record": {"value": record, "at": at, "by": person},
    }
