"""The HTTP face: which method and path is answered by what. Everything else is 501, and says so."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sync.embedded import at_database, at_document, at_server, at_view
from sync.embedded.access import ANONYMOUS
from sync.embedded.answers import answer
from sync.embedded.errors import NotImplementedHere, StoreError, wrap_os
from sync.embedded.instance import Instance
from sync.embedded.requests import Call

log = logging.getLogger(__name__)
Endpoint = Callable[[Instance, Call], Awaitable[Response]]

SERVER: dict[str, dict[str, Endpoint]] = {
    "": {"GET": at_server.welcome},
    "_up": {"GET": at_server.up},
    "_session": {"GET": at_server.session},
    "_all_dbs": {"GET": at_server.all_dbs},
    "_dbs_info": {"GET": at_server.dbs_info, "POST": at_server.dbs_info},
    "_uuids": {"GET": at_server.uuids},
}
CONFIG: dict[str, Endpoint] = {"GET": at_server.get_config, "PUT": at_server.put_config}
DATABASE: dict[str, dict[str, Endpoint]] = {
    "": {
        "GET": at_database.info,
        "PUT": at_database.create,
        "DELETE": at_database.delete,
        "POST": at_document.post,
    },
    "_all_docs": {"GET": at_database.all_docs, "POST": at_database.all_docs},
    "_bulk_docs": {"POST": at_document.bulk_docs},
    "_bulk_get": {"POST": at_document.bulk_get},
    "_changes": {"GET": at_database.changes, "POST": at_database.changes},
    "_compact": {"POST": at_database.compact},
    "_ensure_full_commit": {"POST": at_database.ensure_full_commit},
    "_purge": {"POST": at_database.purge},
    "_revs_diff": {"POST": at_database.revs_diff},
    "_security": {"GET": at_database.get_security, "PUT": at_database.put_security},
    "_view_cleanup": {"POST": at_view.cleanup},
}
LOCAL: dict[str, Endpoint] = {
    "GET": at_document.get_local,
    "PUT": at_document.put_local,
    "DELETE": at_document.delete_local,
}
DOCUMENT: dict[str, Endpoint] = {
    "GET": at_document.get,
    "PUT": at_document.put,
    "DELETE": at_document.delete,
}
ATTACHMENT: dict[str, Endpoint] = {
    "GET": at_document.get_attachment,
    "PUT": at_document.put_attachment,
    "DELETE": at_document.delete_attachment,
}
VIEW: dict[str, Endpoint] = {"GET": at_view.query, "POST": at_view.query}


def route(call: Call) -> dict[str, Endpoint]:
    """The endpoints of a path, by method.

    :raises NotImplementedHere: a path of CouchDB's this store does not have.
    """
    path = call.segments
    if not path or path[0].startswith("_"):
        if path[:3] == ["_node", "_local", "_config"] and len(path) == 5:
            return CONFIG
        if len(path) > 1 or (path and path[0] not in SERVER):
            raise NotImplementedHere(f"The embedded store has no /{path[0]}.")
        return SERVER[path[0] if path else ""]
    if len(path) == 1:
        return DATABASE[""]
    if path[1] in ("_design", "_local") and len(path) > 2:
        call.segments = path = [path[0], f"{path[1]}/{path[2]}", *path[3:]]
    if path[1].startswith("_local/") and len(path) == 2:
        return LOCAL
    if path[1].startswith("_design/") and len(path) > 2 and path[2].startswith("_"):
        if path[2] == "_view" and len(path) == 4:
            return VIEW
        raise NotImplementedHere(f"The embedded store has no design function {path[2]}.")
    if path[1].startswith("_") and not path[1].startswith("_design/"):
        if len(path) > 2 or path[1] not in DATABASE:
            raise NotImplementedHere(f"The embedded store has no /{{db}}/{path[1]}.")
        return DATABASE[path[1]]
    return DOCUMENT if len(path) == 2 else ATTACHMENT


class App:
    """The ASGI application of one `Instance`."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self.respond(request)
        except ClientDisconnect:
            return
        response.headers["X-Couch-Request-ID"] = secrets.token_hex(5)
        if request.method == "HEAD":
            response = Response(None, response.status_code, dict(response.headers))
        try:
            await response(scope, receive, send)
        except StoreError as failure:  # the status is sent: what is cut short says that it is not whole
            log.error("%s %s was cut short: %s", request.method, request.url.path, failure.reason)

    async def respond(self, request: Request) -> Response:
        try:
            user = self.instance.authentication.recognize(request.headers)
            call = Call(request, user if user else ANONYMOUS)
            return await self._dispatch(call)
        except StoreError as refusal:
            return answer(refusal.body(), refusal.status)
        except RecursionError:
            return answer({"error": "bad_request", "reason": "JSON is nested too deep"}, 400)
        except ClientDisconnect:
            raise
        except OSError as failure:
            wrapped = wrap_os(failure)
            return answer(wrapped.body(), wrapped.status)
        except Exception:
            log.exception("%s %s", request.method, request.url.path)
            return answer({"error": "internal_server_error", "reason": "See the store's log."}, 500)

    async def _dispatch(self, call: Call) -> Response:
        endpoints = route(call)
        endpoint = endpoints.get(call.method)
        if endpoint is None:
            allowed = ",".join(endpoints)
            body: dict[str, Any] = {"error": "method_not_allowed", "reason": f"Only {allowed} allowed"}
            return answer(body, 405, {"Allow": allowed})
        if call.segments and not call.segments[0].startswith("_"):
            await self._check_member(call, endpoint)
        return await endpoint(self.instance, call)

    async def _check_member(self, call: Call, endpoint: Endpoint) -> None:
        """A database is for its members; making and deleting one is for the administrator."""
        if endpoint in (at_database.create, at_database.delete):
            call.user.check_server_admin()
            return
        if call.user.is_admin:
            return
        opened = await self.instance.get(call.segments[0])
        security = await self.instance.run(lambda: at_database.read_security(opened))
        call.user.check_member(security)
