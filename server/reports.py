"""What phones say of themselves, kept in `report` of their device: counts, codes, measures, no one's words.

A phone tells in its greeting how many records wait, and sends them afterwards. So that one which is closed
then is not taken for one that holds records back, what it sent is taken off again (`sent`), within seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from server.accounts import Accounts
from sync.background import repeat
from sync.clocks import text_of
from sync.store import Document, StoreError

ERRORS = frozenset(
    {
        *("unreachable", "timeout", "not-the-server", "server-busy", "server-error", "too-many-refused"),
        *("storage-full", "phone-error", "signed-out", "device-revoked", "device-lost", "access-ended"),
        *("too-large", "not-yours"),
    }
)
"""The codes of a round that failed; any other word of a phone is kept as `OTHER`."""
OTHER = "other"
KEPT = timedelta(days=90)
FRESH = timedelta(minutes=10)
PAUSE = 2.0
_PASSING = frozenset({"at", "clock", "storage_left", "offset", "waiting_since"})

log = structlog.get_logger(__name__)


class Reports:
    """The reports of all devices, written by this process and by others."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._sent: dict[str, tuple[int, str]] = {}

    async def keep(self, device: str, report: dict[str, Any]) -> None:
        """Keep a report with its instant `at`; written when it says something new or is ten minutes old."""
        sent, _ = self._sent.pop(device, (0, ""))
        if not sent and not is_news(await self._accounts.report_of(device), report):
            return

        def change(stored: Document | None) -> Document | None:
            return (
                {**stored, "report": _with_age(stored.get("report") or {}, report, sent)} if stored else None
            )

        await self._accounts.change(device, change)

    def sent(self, device: str, count: int) -> None:
        """A phone was told what became of so many documents; they wait no longer."""
        before, _ = self._sent.get(device, (0, ""))
        self._sent[device] = (before + count, text_of(datetime.now(UTC)))

    async def settle(self) -> None:
        """Take off what was sent since the phones' last reports."""
        waiting, self._sent = self._sent, {}
        for device, (count, at) in waiting.items():

            def change(stored: Document | None, count: int = count, at: str = at) -> Document | None:
                report = (stored or {}).get("report") or {}
                if stored is None or not report.get("waiting") or report["at"] > at:
                    return None
                return {**stored, "report": _less(report, count)}

            try:
                await self._accounts.change(device, change)
            except StoreError as error:
                log.warning("a report waits for the next greeting", device=device, code=error.code)

    async def follow(self) -> None:
        """`settle` now and then, until cancelled."""
        await repeat(self.settle, "reports of phones", every=PAUSE)

    async def forget(self, now: datetime) -> int:
        """Drop the reports of devices that have been silent for longer than `KEPT`; how many.

        :raises StoreError: the next time goes on.
        """
        accounts, before = self._accounts, text_of(now - KEPT)
        found = await accounts.store.all_docs(
            accounts.database, startkey="device:", endkey="device:\ufff0", include_docs=True
        )
        old = [row["id"] for row in found if is_old(row["doc"], before)]
        for device in old:
            await accounts.change(device, lambda stored: _forgotten(stored, before))
        return len(old)


def is_news(before: dict[str, Any], report: dict[str, Any]) -> bool:
    """Whether a report says something new: other words, or ten minutes later."""
    if not before:
        return True
    told, tells = ({k: v for k, v in one.items() if k not in _PASSING} for one in (before, report))
    ago = datetime.fromisoformat(report["at"]) - datetime.fromisoformat(before["at"])
    return told != tells or ago >= FRESH


def is_old(device: Document, before: str) -> bool:
    """Whether a device's report is from before this instant."""
    report = device.get("report") or {}
    return "at" in report and str(report["at"]) < before


def _with_age(before: dict[str, Any], report: dict[str, Any], sent: int) -> dict[str, Any]:
    """The report with `waiting_since`: the first one since which something has waited without a break."""
    if not report.get("waiting"):
        return report
    waited = (before.get("waiting") or 0) > sent
    return {**report, "waiting_since": before.get("waiting_since", before["at"]) if waited else report["at"]}


def _less(report: dict[str, Any], count: int) -> dict[str, Any]:
    left = max(0, report["waiting"] - count)
    kept = {name: value for name, value in report.items() if left or name != "waiting_since"}
    return {**kept, "waiting": left}


def _forgotten(stored: Document | None, before: str) -> Document | None:
    if stored is None or not is_old(stored, before):
        return None
    return {name: value for name, value in stored.items() if name != "report"}
