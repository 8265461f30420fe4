"""What residents are told about their data, to read and to print: the notice of the current consent.

The text is the catalog's (``consents.json``), as phones have it; a consent names the version it was given to.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.access import PUBLIC, route, site_of
from server.templates import render
from server.texts import language_of

HERE = "/thong-bao"


async def page(request: Request) -> Response:
    site, language = site_of(request), language_of(request)
    consent = next(one for one in site.catalog.content.consents if one.current)
    return render(
        request,
        "notice.html",
        version=consent.key,
        ward=site.catalog.ward_name(),
        parts=[(part.title.within(language), part.text.within(language)) for part in consent.notice],
    )


routes: list[BaseRoute] = [route(HERE, page, who=PUBLIC)]
