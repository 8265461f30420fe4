"""One exchange with CouchDB, read strictly; and what can go wrong in it.

Errors, one small hierarchy; nothing of pycouchdb or requests ever leaves this module::

    StoreError                  code               when
    ├── StoreUnavailable        store-unavailable  no connection, timeout, 5xx, a proxy's page
    │   ├── TimedOut            store-timed-out    connected, but no answer within the time given
    │   ├── BadAnswer           store-bad-answer   an answer that is cut, is no JSON or lacks its `rev`
    │   ├── NotAcknowledged     store-not-acknowledged  202: a cluster took a write without its quorum
    │   └── StoreUnfit          store-unfit        wrong password, too old, not CouchDB: people must act
    ├── NotFound                not-found          no such document or database
    ├── Conflict                conflict           another revision came first, or the database exists
    ├── Forbidden               forbidden          a validator or `_security` says no
    ├── PartlySaved             partly-saved       some documents of a `bulk` were not written
    └── Refused                 refused            any other 4xx: the request itself is wrong

TLS is always verified, against the system's authorities or the file named in ``SSL_CERT_FILE``;
settings for proxies and ``.netrc`` are not read, so that the one address given is the one used.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests
from pycouchdb.client import Server
from pycouchdb.resource import Resource
from pycouchdb.utils import urljoin


class StoreError(Exception):
    """Something the store could not or would not do; `reason` is for logs, `code` for programs."""

    code: ClassVar[str] = "store-error"

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class StoreUnavailable(StoreError):
    """Try again later: whether a write was done is not known."""

    code = "store-unavailable"


class Broken(StoreUnavailable):
    """The store answers, but not for this database: 500, as for a damaged file."""


class TimedOut(StoreUnavailable):
    """Connected, but no answer in time; a view may still be indexing."""

    code = "store-timed-out"


class BadAnswer(StoreUnavailable):
    """An answer that cannot have come whole from a CouchDB."""

    code = "store-bad-answer"


class NotAcknowledged(StoreUnavailable):
    """A cluster took a write without its quorum (202), which is no promise."""

    code = "store-not-acknowledged"


class StoreUnfit(StoreUnavailable):
    """The store answers but cannot be used; the reason says in one sentence what a person must do."""

    code = "store-unfit"


class NotFound(StoreError):
    code = "not-found"


class Conflict(StoreError):
    code = "conflict"


class Forbidden(StoreError):
    code = "forbidden"


class Refused(StoreError):
    code = "refused"


class PartlySaved(StoreError):
    """Some documents of a batch were not written.

    `failed` maps each such id to CouchDB's word (``conflict``, ``forbidden`` …), `saved` the others to
    their new revisions.
    """

    code = "partly-saved"

    def __init__(self, saved: dict[str, str], failed: dict[str, str]) -> None:
        super().__init__(f"{len(failed)} of {len(saved) + len(failed)} documents were not written")
        self.saved = saved
        self.failed = failed


class StrictResource(Resource):
    """pycouchdb's resource, whose every answer is read strictly.

    The original takes `verify=False` again on each path step, lets a non-JSON 5xx pass as an empty
    success, follows redirects (a POST would become a GET) and stumbles over a missing content type.
    """

    def __init__(
        self,
        base_url: str,
        *,
        session: requests.Session,
        verify: bool | str | None = True,
        timeout: tuple[float, float],
    ) -> None:
        self.base_url = base_url
        self.session = session
        self.session.verify = verify or True
        self.timeout = timeout  # type: ignore[assignment]

    def __call__(self, *path: str) -> StrictResource:
        url = urljoin(self.base_url, *path)
        return StrictResource(url, session=self.session, verify=self.session.verify, timeout=self.timeout)  # type: ignore[arg-type]

    def _check_result(self, response: requests.Response, result: Any) -> None:
        """Nothing is left to check: `read_answer` has raised; rows of a batch are the caller's to read."""

    def _request_response(
        self,
        method: str,
        path: Any = None,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        stream: bool = False,
        **kwargs: Any,
    ) -> tuple[requests.Response, Any]:
        steps = [path] if isinstance(path, str) else list(path or [])
        kwargs.setdefault("timeout", self.timeout)
        try:
            response = self.session.request(
                method,
                urljoin(self.base_url, *steps),
                params=params,
                data=data,
                headers=headers,
                allow_redirects=False,
                **kwargs,
            )
        except requests.exceptions.SSLError as error:
            raise StoreUnfit(f"The certificate of CouchDB cannot be trusted: {error}") from None
        except requests.exceptions.ConnectTimeout:
            raise StoreUnavailable("CouchDB cannot be reached in time") from None
        except requests.exceptions.Timeout:
            raise TimedOut("CouchDB did not answer in time") from None
        except (requests.exceptions.ConnectionError, OSError) as error:
            raise StoreUnavailable(f"CouchDB cannot be reached ({type(error).__name__})") from None
        except requests.exceptions.RequestException as error:
            raise BadAnswer(f"CouchDB's answer was cut short ({type(error).__name__})") from None
        try:
            return response, read_answer(response.status_code, response.headers, response.content)
        except Broken as error:
            database = urlsplit(response.url).path.split("/")[1]
            raise Broken(f"{database}: {error.reason}", status=error.status) from None


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """The JSON of an answer that CouchDB stands by.

    :raises StoreError: for every other answer, by its status.
    """
    answer: Any = None
    if "json" in headers.get("Content-Type", ""):
        try:
            answer = json.loads(body)
        except ValueError:
            raise BadAnswer(f"CouchDB answered {status} with broken JSON", status=status) from None
    if 200 <= status < 300:
        if answer is None:
            raise BadAnswer(f"CouchDB answered {status} without JSON", status=status)
        return answer
    reason = f"{status}"
    if isinstance(answer, dict):
        reason = f"{status} {answer.get('error', '')}: {answer.get('reason', '')}"
    raise _error_of(status)(reason, status=status)


def _error_of(status: int) -> type[StoreError]:
    if status in (401, 403):
        return Forbidden
    if status == 404:
        return NotFound
    if status in (409, 412):
        return Conflict
    if 400 <= status < 500:
        return Refused
    if status == 500:
        return Broken
    return StoreUnavailable if status > 500 else BadAnswer


def open_resource(address: str, credentials: tuple[str, str], timeout: tuple[float, float]) -> StrictResource:
    """A connection of its own, for one thread at a time; `timeout` is (connect, read) in seconds."""
    session: requests.Session = Server(address, verify=True).resource.session
    session.trust_env = False
    name, password = credentials
    if name:
        session.headers["Authorization"] = encode_basic(name, password)
    authorities = os.environ.get("SSL_CERT_FILE") or True
    return StrictResource(address, session=session, verify=authorities, timeout=timeout)


def encode_basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
