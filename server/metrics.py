"""What Prometheus may read of this process, on a port of its own (``GTN_METRICS``): counts and times.

Labels are of closed lists (patterns of routes, codes, statuses), so that neither people nor units can be read
there, and nobody outside can make more of them.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.process_collector import ProcessCollector
from starlette.types import Scope

from server.settings import BadSetting, Settings
from sync.background import failures, repeat
from sync.refused import count_refused
from sync.store import StoreError

if TYPE_CHECKING:
    from server.site import Site

LOOK_SECONDS = 15.0
ASK_SECONDS = 10.0
"""Whoever has not asked by then is let go: each connection holds a thread."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
OPERATIONS = frozenset({"_bulk_docs", "_bulk_get", "_changes", "_local", "_revs_diff", "_snapshot"})
STREAMED = frozenset({"/desk/events"})
disable_created_metrics()  # type: ignore[no-untyped-call]
ROUTE = "gtn.route"
"""Where in a request's scope `server.access` notes the pattern of the route that was found."""
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

REQUESTS = Counter(
    "gtn_http_requests",
    "Requests answered, by pattern of route",
    ("method", "route", "status"),
    registry=REGISTRY,
)
SECONDS = Histogram(
    "gtn_http_request_seconds",
    "Time until the whole answer was handed over",
    ("route",),
    buckets=(0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=REGISTRY,
)
RUNNING = Gauge("gtn_http_requests_in_progress", "Requests that are being answered", registry=REGISTRY)
WRITTEN = Counter("gtn_records_written", "Records of phones taken into a unit's database", registry=REGISTRY)
REFUSED = Counter("gtn_records_refused", "Records set aside, by reason", ("code",), registry=REGISTRY)
STORE = Gauge("gtn_store_up", "1 while the store answers", registry=REGISTRY)
QUARANTINE = Gauge("gtn_quarantine_records", "Refused records that nobody has decided yet", registry=REGISTRY)
WAITING = Gauge("gtn_phones_waiting_records", "Records that wait on phones, as told last", registry=REGISTRY)
PHONES = Gauge("gtn_phones", "Phones that told of themselves in the last 90 days", registry=REGISTRY)
STREAMS = Gauge("gtn_event_streams", "Dashboards that listen for news", registry=REGISTRY)
FAILURES = Gauge(
    "gtn_work_failures", "Times that work beside the requests failed unforeseen", ("work",), registry=REGISTRY
)
DIRTY = Gauge("gtn_units_to_count", "Units with records newer than their figures", registry=REGISTRY)
BACKUP = Gauge(
    "gtn_backup_last_success_timestamp_seconds", "When the last nightly backup was whole", registry=REGISTRY
)
log = structlog.get_logger(__name__)


@dataclass
class Measure:
    """One request, while it is answered and afterwards."""

    began: float
    status: int = 0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began


def route_of(scope: Scope) -> str:
    """The pattern of a request's route; the operation for the gateway, ``other`` where there is none."""
    if ROUTE in scope:
        return str(scope[ROUTE])
    first, _, rest = str(scope["path"])[1:].partition("/")
    if first == "sync":
        operation = rest.partition("/")[2].partition("/")[0]
        return f"/sync/{operation}" if operation in OPERATIONS else "/sync"
    return f"/{first}" if first in ("static", "app") else "other"


def count_records(written: int, refused: Sequence[str]) -> None:
    """Records of one batch: how many were written, and why the others were not."""
    WRITTEN.inc(written)
    for code in refused:
        REFUSED.labels(code).inc()


@contextmanager
def measured(scope: Scope) -> Iterator[Measure]:
    """Counts a request and how long it takes; status 0 is one whose client went away."""
    measure = Measure(time.perf_counter())
    with RUNNING.track_inprogress():
        try:
            yield measure
        finally:
            method, route = str(scope["method"]), route_of(scope)
            REQUESTS.labels(method if method in METHODS else "other", route, str(measure.status)).inc()
            if route not in STREAMED:
                SECONDS.labels(route).observe(measure.seconds)


async def look(site: Site) -> None:
    """Bring up to date what is no count of this process."""
    for work, count in failures.items():
        FAILURES.labels(work).set(count)
    STREAMS.set(site.live.listening)
    DIRTY.set(site.rollup.to_count)
    try:
        accounts = await site.figures.accounts()
        refused = await count_refused(site.store, site.ward.quarantine)
        backup = await site.store.find(site.names.accounts, "backup")
    except StoreError:
        STORE.set(0)
        return
    STORE.set(1)
    reports = [row["report"] for row in accounts if row.get("report") and not row.get("lost")]
    PHONES.set(len(reports))
    WAITING.set(sum(report.get("waiting") or 0 for report in reports))
    QUARANTINE.set(sum(refused.values()))
    if backup and backup.get("last"):
        BACKUP.set(datetime.fromisoformat(backup["last"]).timestamp())


async def follow(site: Site) -> None:
    """`look` until cancelled, where anyone may read it."""
    if site.settings.metrics is not None:
        await repeat(lambda: look(site), "metrics", every=LOOK_SECONDS)


@contextmanager
def exposed(settings: Settings) -> Iterator[None]:
    """Meanwhile Prometheus may ask at the address of ``GTN_METRICS``, where there is one.

    :raises BadSetting: when the address cannot be listened on.
    """
    if settings.metrics is None:
        yield
        return
    host, port = settings.metrics
    try:
        server, thread = start_http_server(port, host, REGISTRY)
    except OSError as error:
        raise BadSetting(f"GTN_METRICS={host}:{port} cannot be listened on ({error.strerror})") from None
    server.RequestHandlerClass = _patient(server.RequestHandlerClass)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _patient(answer: Callable[..., Any]) -> Callable[..., Any]:
    def answer_in_time(connection: socket.socket, client: Any, server: Any) -> Any:
        connection.settimeout(ASK_SECONDS)
        with suppress(TimeoutError):
            return answer(connection, client, server)

    return answer_in_time
