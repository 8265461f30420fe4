"""The server's own reads and writes: pycouchdb in worker threads, with its traps turned into errors.

Every failure is one of the errors drawn at the top of `sync.couch`; nothing of pycouchdb or requests
leaves this module.
"""

from __future__ import annotations

import json
import queue
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import anyio
import anyio.to_thread

from sync.couch import (
    BadAnswer,
    Broken,
    Conflict,
    Forbidden,
    NotAcknowledged,
    NotFound,
    PartlySaved,
    Refused,
    StoreError,
    StoreUnavailable,
    StoreUnfit,
    StrictResource,
    TimedOut,
    open_resource,
)

__all__ = [
    "BadAnswer",
    "Broken",
    "Conflict",
    "Document",
    "Forbidden",
    "NotAcknowledged",
    "NotFound",
    "PartlySaved",
    "Refused",
    "Row",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoreUnfit",
    "TimedOut",
]

Document = dict[str, Any]
Row = dict[str, Any]
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
THREADS = 16
RETRIES = 12
OLDEST = (3, 3)


class Store:
    """One CouchDB (or embedded store), as its administrator. Safe to share between tasks and loops."""

    def __init__(self, url: str, *, timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StoreUnfit("COUCHDB_URL is not an address like http://admin:password@127.0.0.1:5984")
        self.url = url
        self._timeout = timeout
        self._idle: queue.LifoQueue[StrictResource] = queue.LifoQueue()
        self._threads = anyio.CapacityLimiter(THREADS)

    @classmethod
    def connect(cls, url: str) -> Store:
        """A store at this address; nothing is sent yet. Name and password are within the address.

        :raises StoreUnfit: when it is no address.
        """
        return cls(url)

    @property
    def address(self) -> str:
        """Scheme, host and port, for messages and the gateway; without name and password."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"

    @property
    def credentials(self) -> tuple[str, str]:
        """The administrator's name and password, decoded."""
        parts = urlsplit(self.url)
        return unquote(parts.username or ""), unquote(parts.password or "")

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().session.close()

    # -- the server -------------------------------------------------------------------------------

    async def check(self) -> str:
        """The version of a store that can be used.

        :raises StoreUnfit: with one sentence on what to do.
        :raises StoreUnavailable: when nothing answers.
        """
        try:
            welcome = await self._ask("GET", [])
            session = await self._ask("GET", ["_session"])
        except Forbidden:
            raise StoreUnfit(
                f"CouchDB at {self.address} refuses the name or password in COUCHDB_URL"
            ) from None
        except (NotFound, Refused, BadAnswer):
            raise StoreUnfit(f"What answers at {self.address} is not a CouchDB; see COUCHDB_URL") from None
        version = str(welcome.get("version", "")) if isinstance(welcome, dict) else ""
        if not isinstance(welcome, dict) or "couchdb" not in welcome:
            raise StoreUnfit(f"What answers at {self.address} is not a CouchDB; see COUCHDB_URL")
        if _numbers(version) < OLDEST:
            raise StoreUnfit(f"CouchDB {version} at {self.address} is too old; 3.3 or newer is needed")
        if "_admin" not in session.get("userCtx", {}).get("roles", []):
            raise StoreUnfit(f"The name in COUCHDB_URL is not an administrator of {self.address}")
        return version

    async def databases(self) -> list[str]:
        names: list[str] = await self._ask("GET", ["_all_dbs"])
        return names

    async def infos(self, databases: Sequence[str]) -> dict[str, Document]:
        """The info of each database that exists; asked in chunks of 100, CouchDB's own limit."""
        found: dict[str, Document] = {}
        for start in range(0, len(databases), 100):
            keys = list(databases[start : start + 100])
            for row in await self._ask("POST", ["_dbs_info"], body={"keys": keys}):
                if row.get("info"):
                    found[row["key"]] = row["info"]
        return found

    async def proxy_secret(self) -> str:
        """The secret under which the gateway signs; proxy authentication is turned on if it was off.

        :raises StoreUnfit: when the store does not let its configuration be read or set.
        """
        from sync.proxy_auth import ensure_secret

        return await ensure_secret(self)

    async def config(self, section: str, key: str) -> str | None:
        """A value of the node's configuration, None when it is not set."""
        try:
            value = await self._ask("GET", ["_node", "_local", "_config", section, key])
        except NotFound:
            return None
        return str(value)

    async def configure(self, section: str, key: str, value: str) -> None:
        await self._ask("PUT", ["_node", "_local", "_config", section, key], body=value)

    # -- databases --------------------------------------------------------------------------------

    async def create(self, database: str) -> bool:
        """Make sure the database exists; True when it was made now, open to administrators only."""
        try:
            await self._ask("PUT", [database], acknowledged=True)
        except Conflict:
            return False
        return True

    async def delete_database(self, database: str) -> None:
        """Remove a database; one that is not there is as good as removed."""
        try:
            await self._ask("DELETE", [database])
        except NotFound:
            return

    async def compact(self, database: str) -> None:
        """Drop the bodies of all revisions that are no leaves; returns once they are gone."""
        await self._ask("POST", [database, "_compact"], body={})
        while (await self.info(database)).get("compact_running"):  # noqa: ASYNC110 (only asking tells)
            await anyio.sleep(0.1)

    async def info(self, database: str) -> Document:
        info: Document = await self._ask("GET", [database])
        return info

    async def security(self, database: str) -> Document:
        """Who is let in, as CouchDB writes it."""
        security: Document = await self._ask("GET", [database, "_security"])
        return security

    async def secure(
        self, database: str, *, members: Collection[str], admins: Collection[str] = ("_admin",)
    ) -> None:
        """Let only people with one of these roles in. The only place that writes `_security`.

        :raises ValueError: for no members at all, which CouchDB takes as "open to anyone".
        """
        if not all(members) or not members or not all(admins) or not admins:
            raise ValueError("a database without members is open to everyone")
        wanted = {
            "admins": {"names": [], "roles": sorted(admins)},
            "members": {"names": [], "roles": sorted(members)},
        }
        if await self.security(database) != wanted:
            await self._ask("PUT", [database, "_security"], body=wanted, acknowledged=True)

    # -- documents --------------------------------------------------------------------------------

    async def get(self, database: str, id: str) -> Document:
        document: Document = await self._ask("GET", [database, *_steps(id)])
        return document

    async def find(self, database: str, id: str) -> Document | None:
        """Like `get`, with None for a document (not a database) that is missing."""
        try:
            return await self.get(database, id)
        except NotFound as error:
            if "Database does not exist" in error.reason:
                raise
            return None

    async def put(self, database: str, document: Document) -> str:
        """The new revision of a document saved with its `_id` (and `_rev`, if it was there before)."""
        answer = await self._ask(
            "PUT", [database, *_steps(document["_id"])], body=document, acknowledged=True
        )
        return _rev(answer)

    async def update(
        self,
        database: str,
        id: str,
        change: Callable[[Document | None], Document | None],
        known: Document | None = None,
    ) -> Document | None:
        """Read, `change`, save; again from the start when someone was quicker.

        `change` gets the stored document or None and gives the one to save, or None to leave all as it is.
        It may be called several times. Returns what is stored afterwards.

        :param known: what the caller read before, which spares reading it; if it has changed, it is read.
        """
        for attempt in range(RETRIES):
            before = known or await self.find(database, id)
            after = change(dict(before) if before is not None else None)
            if after is None and known is None:
                return before
            if after is None:
                known = None  # to leave all as it is, is said of what is stored now
                continue
            rev = {"_rev": before["_rev"]} if before is not None else {}
            try:
                saved = {**after, "_id": id, **rev}
                return {**saved, "_rev": await self.put(database, saved)}
            except Conflict:
                known = None
                await anyio.sleep(0.005 * attempt)
        raise Conflict(f"{id} was changed by others {RETRIES} times in a row")

    async def delete(self, database: str, id: str, rev: str) -> str:
        """The revision of the tombstone. The revision to delete must be known; none is guessed."""
        if not rev:
            raise ValueError("a document is deleted at a revision that was read")
        answer = await self._ask("DELETE", [database, *_steps(id)], params={"rev": rev}, acknowledged=True)
        return _rev(answer)

    async def bulk(self, database: str, documents: Sequence[Document]) -> list[str]:
        """The new revisions, in order, when every document was written.

        :raises PartlySaved: when one was not.
        """
        if not documents:
            return []
        answer = await self._ask(
            "POST", [database, "_bulk_docs"], body={"docs": documents}, acknowledged=True
        )
        if not isinstance(answer, list) or len(answer) != len(documents):
            raise BadAnswer("CouchDB did not answer for every document of a batch")
        failed = {row["id"]: str(row["error"]) for row in answer if "error" in row}
        if failed:
            saved = {row["id"]: _rev(row) for row in answer if "error" not in row}
            raise PartlySaved(saved, failed)
        return [_rev(row) for row in answer]

    async def leaves(self, database: str, id: str) -> list[Document]:
        """Every revision of a document that nothing descends from and that is not deleted, in no order.

        :raises NotFound: when there is no such document.
        """
        return [leaf for leaf in await self.open_revisions(database, id) if not leaf.get("_deleted")]

    async def open_revisions(self, database: str, id: str) -> list[Document]:
        """Like `leaves`, with the tombstones."""
        answer = await self._ask("GET", [database, *_steps(id)], params={"open_revs": "all"})
        if not isinstance(answer, list) or not all("ok" in row for row in answer):
            raise BadAnswer(f"CouchDB did not give every open revision of {id}")
        return [row["ok"] for row in answer]

    async def changes(self, database: str, since: str, limit: int) -> tuple[list[Row], str]:
        """Rows `{id, changes: [{rev}]}` with every leaf, tombstones too, after `since`, and their end."""
        params = {"style": "all_docs", "since": since, "limit": str(limit)}
        answer = await self._ask("GET", [database, "_changes"], params=params)
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise BadAnswer("CouchDB answered a feed without results")
        return answer["results"], str(answer["last_seq"])

    async def revisions(
        self, database: str, wanted: Sequence[tuple[str, str]], *, attachments: bool = False
    ) -> list[Document]:
        """Those of the (id, revision) whose bodies are there, each with its history."""
        body = {"docs": [{"id": id, "rev": rev} for id, rev in wanted]}
        params = {"revs": "true", **({"attachments": "true"} if attachments else {})}
        answer = await self._ask("POST", [database, "_bulk_get"], params=params, body=body)
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise BadAnswer("CouchDB answered without the documents that were asked for")
        return [found["ok"] for result in answer["results"] for found in result["docs"] if "ok" in found]

    async def missing(self, database: str, documents: Sequence[Document]) -> set[tuple[str, str]]:
        """Which (id, revision) of these the database has not, neither as a leaf nor in a history."""
        asked: dict[str, list[str]] = {}
        for document in documents:
            asked.setdefault(document["_id"], []).append(document["_rev"])
        answer = await self._ask("POST", [database, "_revs_diff"], body=asked)
        if not isinstance(answer, dict):
            raise BadAnswer("CouchDB did not say which revisions it lacks")
        return {(id, rev) for id, entry in answer.items() for rev in entry.get("missing", ())}

    async def known_revisions(self, database: str, id: str) -> set[str]:
        """Every revision the store has heard of, also those without a body; none for no document."""
        try:
            answer = await self._ask(
                "GET", [database, *_steps(id)], params={"open_revs": "all", "revs": "true"}
            )
        except NotFound as error:
            if "Database does not exist" in error.reason:
                raise
            return set()
        if not isinstance(answer, list) or not all("ok" in row for row in answer):
            raise BadAnswer(f"CouchDB did not give every open revision of {id}")
        trees = [row["ok"]["_revisions"] for row in answer]
        return {f"{tree['start'] - back}-{name}" for tree in trees for back, name in enumerate(tree["ids"])}

    async def graft(self, database: str, documents: Sequence[Document]) -> None:
        """Add revisions that bring their own names and ancestors (`_rev`, `_revisions`), as replication does.

        None is refused for coming late: where others wrote meanwhile they stand beside it.

        :raises PartlySaved: when a validator refused one.
        """
        body = {"docs": documents, "new_edits": False}
        answer = await self._ask("POST", [database, "_bulk_docs"], body=body, acknowledged=True)
        if not isinstance(answer, list):
            raise BadAnswer("CouchDB did not answer a batch with a list")
        failed = {row["id"]: str(row["error"]) for row in answer if "error" in row}
        if failed:
            raise PartlySaved({}, failed)

    async def all_docs(
        self,
        database: str,
        *,
        startkey: str | None = None,
        endkey: str | None = None,
        keys: Sequence[str] | None = None,
        include_docs: bool = False,
        **params: Any,
    ) -> list[Row]:
        """Rows `{id, key, value: {rev}, doc?}`; with `keys` also `{key, error}` for missing ones."""
        asked = {"startkey": startkey, "endkey": endkey, "include_docs": include_docs or None, **params}
        given = {name: value for name, value in asked.items() if value is not None}
        return await self._rows([database, "_all_docs"], given, keys)

    async def view(self, database: str, ddoc: str, view: str, **params: Any) -> list[Row]:
        """The rows of a view; `params` as CouchDB names them, with plain Python values.

        :raises NotFound: when there is no such view.
        """
        keys = params.pop("keys", None)
        return await self._rows([database, "_design", ddoc, "_view", view], params, keys)

    async def pages(
        self, database: str, *, startkey: str = "", endkey: str = "\ufff0", size: int = 1000
    ) -> AsyncIterator[list[Document]]:
        """All documents between two ids, `size` at a time."""
        after: dict[str, Any] = {}
        while True:
            rows = await self.all_docs(
                database, startkey=startkey, endkey=endkey, include_docs=True, limit=size, **after
            )
            if any("doc" not in row for row in rows):
                raise BadAnswer("CouchDB left out documents that were asked for")
            if rows:
                yield [row["doc"] for row in rows]
            if len(rows) < size:
                return
            startkey, after = rows[-1]["id"], {"skip": 1}

    # -- how ----------------------------------------------------------------------------------------

    async def _rows(
        self, path: list[str], params: Mapping[str, Any], keys: Sequence[Any] | None
    ) -> list[Row]:
        query = {name: _parameter(name, value) for name, value in params.items()}
        body = None if keys is None else {"keys": list(keys)}
        answer = await self._ask("GET" if keys is None else "POST", path, params=query, body=body)
        if not isinstance(answer, dict) or not isinstance(answer.get("rows"), list):
            raise BadAnswer("CouchDB answered a view without rows")
        rows: list[Row] = answer["rows"]
        return rows

    async def _ask(
        self,
        method: str,
        path: Sequence[str],
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        acknowledged: bool = False,
    ) -> Any:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        steps = [quote(step, safe=":,@+$()") for step in path]

        def ask() -> Any:
            with self._resource() as resource:
                response, answer = resource(*steps).request(method, params=params, data=data)
            if acknowledged and response.status_code == 202:
                raise NotAcknowledged("CouchDB took a write without the quorum of its cluster", status=202)
            return answer

        return await anyio.to_thread.run_sync(ask, limiter=self._threads)

    @contextmanager
    def _resource(self) -> Iterator[StrictResource]:
        """One connection, used by one thread at a time; `requests` promises no more."""
        try:
            resource = self._idle.get_nowait()
        except queue.Empty:
            resource = open_resource(self.address, self.credentials, self._timeout)
        try:
            yield resource
        finally:
            self._idle.put(resource)


def _steps(id: str) -> list[str]:
    """The path of a document: `_design/x` and `_local/x` keep their slash, all others are one step."""
    if id.startswith(("_design/", "_local/")):
        return id.split("/", 1)
    return [id]


def _rev(answer: Any) -> str:
    if not isinstance(answer, dict) or not isinstance(answer.get("rev"), str):
        raise BadAnswer("CouchDB acknowledged a write without its revision")
    rev: str = answer["rev"]
    return rev


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, str) and name not in ("key", "startkey", "endkey", "start_key", "end_key"):
        return value
    return json.dumps(value, ensure_ascii=False)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split("-")[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())
