"""What a CouchDB does for strangers, for names that the gateway signs, and for forgers; and its clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from socket import gaierror, getaddrinfo
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import requests
from msgspec import Struct

from sync.proxy_auth import signed_headers
from sync.store import Store, StoreUnavailable

SECONDS = 10.0
_SOMEONE = "gtn-doctor"


class Probe(Struct, frozen=True):
    lets_strangers_in: bool
    believes_us: bool
    """Whether a name signed by the gateway's secret is taken."""
    believes_forgers: bool
    ahead: float
    """Seconds by which its clock is before ours; 0 when it does not tell."""


async def probe(store: Store, secret: str) -> Probe:
    """
    :raises StoreUnavailable: when it does not answer.
    """
    signed = signed_headers(secret, _SOMEONE, _SOMEONE)
    forged = signed_headers(secret + "x", _SOMEONE, _SOMEONE)

    def ask() -> Probe:
        with requests.Session() as session:
            session.trust_env = False
            stranger = _ask(session, f"{store.address}/_all_dbs")
            who = [_name_in(_ask(session, f"{store.address}/_session", one)) for one in (signed, forged)]
            return Probe(
                lets_strangers_in=stranger.status_code == 200,
                believes_us=who[0] == _SOMEONE,
                believes_forgers=who[1] == _SOMEONE,
                ahead=_ahead(stranger.headers.get("Date", "")),
            )

    return await anyio.to_thread.run_sync(ask)


def public_addresses(store: Store) -> list[str]:
    """Those of the store's addresses that the whole internet could reach."""
    host = urlsplit(store.url).hostname or ""
    try:
        found = {str(info[4][0]) for info in getaddrinfo(host, None)}
    except (gaierror, UnicodeError):
        return []
    return sorted(one for one in found if ip_address(one.partition("%")[0]).is_global)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"


def _ask(session: requests.Session, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
    try:
        return session.get(url, headers=dict(headers or {}), timeout=SECONDS, allow_redirects=False)
    except requests.exceptions.RequestException as error:
        raise StoreUnavailable(f"CouchDB cannot be reached ({type(error).__name__})") from None


def _name_in(response: requests.Response) -> Any:
    try:
        return response.json()["userCtx"]["name"]
    except (ValueError, KeyError, TypeError):
        return None


def _ahead(told: str) -> float:
    try:
        return (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
