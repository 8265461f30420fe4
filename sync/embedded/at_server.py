"""What is asked of the server itself."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.responses import Response

from sync.embedded.answers import answer
from sync.embedded.at_database import describe
from sync.embedded.documents import parse_json
from sync.embedded.errors import BadRequest, StoreError
from sync.embedded.instance import Instance
from sync.embedded.requests import Call

VERSION = "3.5.2"
"""The version of CouchDB whose recorded answers this store gives."""
FEATURES = ["quickjs", "access-ready", "partitioned", "pluggable-storage-engines", "reshard", "scheduler"]
MAX_UUIDS = 1000


async def welcome(instance: Instance, call: Call) -> Response:
    return answer(
        {
            "couchdb": "Welcome",
            "version": VERSION,
            "git_sha": "embedded",
            "uuid": instance.uuid,
            "features": FEATURES,
            "vendor": {"name": "The Apache Software Foundation"},
        }
    )


async def up(instance: Instance, call: Call) -> Response:
    return answer({"status": "ok", "seeds": {}})


async def session(instance: Instance, call: Call) -> Response:
    handlers = ["proxy"] if instance.authentication.proxy else []
    info: dict[str, Any] = {"authentication_handlers": [*handlers, "cookie", "default"]}
    if call.user.handler:
        info["authenticated"] = call.user.handler
    user = {"name": call.user.name, "roles": call.user.roles}
    return answer({"ok": True, "userCtx": user, "info": info})


async def all_dbs(instance: Instance, call: Call) -> Response:
    call.user.check_server_admin()
    names = instance.names()
    start, end = call.value("startkey", "start_key"), call.value("endkey", "end_key")
    chosen = [
        name
        for name in names
        if (not isinstance(start, str) or name >= start) and (not isinstance(end, str) or name <= end)
    ]
    if call.flag("descending"):
        chosen.reverse()
    skip = call.integer("skip", 0)
    return answer(chosen[skip:][: call.integer("limit", len(chosen))])


async def dbs_info(instance: Instance, call: Call) -> Response:
    call.user.check_server_admin()
    names = instance.names()
    if call.method == "POST":
        names = (await call.fields()).get("keys", names)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BadRequest("`keys` member must be an array of names")
    rows: list[dict[str, Any]] = []
    for name in names:
        try:
            rows.append({"key": name, "info": await describe(instance, name)})
        except StoreError as refusal:
            rows.append({"key": name, "error": refusal.error})
    return answer(rows)


async def uuids(instance: Instance, call: Call) -> Response:
    count = call.integer("count", 1)
    if count > MAX_UUIDS:
        raise BadRequest(f"count parameter too large, at most {MAX_UUIDS}")
    return answer(
        {"uuids": [secrets.token_hex(16) for _ in range(count)]}, headers={"Cache-Control": "no-cache"}
    )


async def get_config(instance: Instance, call: Call) -> Response:
    call.user.check_server_admin()
    return answer(instance.config(call.segments[3], call.segments[4]))


async def put_config(instance: Instance, call: Call) -> Response:
    call.user.check_server_admin()
    value = parse_json(await call.read())
    if not isinstance(value, str):
        raise BadRequest("A configuration value is a JSON string")
    section, key = call.segments[3:]
    return answer(await instance.run(lambda: instance.configure(section, key, value)))
