"""The gateway alone, as a process of its own: ``python -m bench.gateway_server PORT PREFIX``.

The store's address comes from ``COUCHDB_URL``.
"""

from __future__ import annotations

import os
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from sync.gateway import Caller, Gateway
from sync.names import Names
from sync.store import Store

WARD, UNIT = "09562", "tdp-07"
DEVICE = "device:01ARZ3NDEKTSV4RRFFQ69G5FAV"
CALLER = Caller("person:hoa", UNIT, WARD, DEVICE, may_record=True, may_amend_others=False)


async def identify(_: Request) -> Caller | None:
    return CALLER


def main(port: int, prefix: str) -> None:
    store = Store.connect(os.environ["COUCHDB_URL"])
    gateway = Gateway(store, Names(prefix), identify=identify, sentence=lambda _, key: key)
    app = Starlette(routes=[Mount("/sync", gateway)], lifespan=lambda _: gateway.running())
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning", ws="none")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
