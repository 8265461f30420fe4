"""Refused documents for the tests of the pages that show them."""

from __future__ import annotations

from typing import Any

from server.site import Site
from sync.quarantine import Bringer, Quarantine, Refused, describe

WARD = "09562"
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
AT = "2026-05-01T02:03:04.000Z"


def register(value: Any) -> dict[str, Any]:
    return {"value": value, "at": AT, "by": "person:volunteer"}


def document(kind: str, number: int, /, **fields: Any) -> dict[str, Any]:
    created = {"at": AT, "by": "person:volunteer", "device": f"device:{number:026}"}
    identity = {"_id": f"{kind}:{number:026}", "_rev": f"1-{number:032x}", "type": kind}
    return {**identity, "schema": 1, "unit": "tdp-07", "created": created, **fields}


def visit(number: int, **record: Any) -> dict[str, Any]:
    return document("visit", number, household=None, record=register({"at": AT, "outcome": "met", **record}))


def bringer(device: str, unit: str = "tdp-07", at: str = AT, by: str = "person:volunteer") -> Bringer:
    return Bringer(by, device, unit, f"w{WARD}-{unit}", at)


async def refuse(
    site: Site, sent: dict[str, Any], code: str, who: Bringer, ward: str = WARD, detail: str = ""
) -> str:
    """Put the document into quarantine; gives the path of its page."""
    refused = Refused(sent, code, detail)
    await Quarantine(site.store).keep(site.names.ward(ward).quarantine, who, [refused])
    return "/desk/quarantine/" + str(describe(who, refused)["_id"]).removeprefix("refused:")
