"""Pages from ``server/pages``: Jinja2, everything escaped, an unknown name an error.

A page finds ``t`` (texts), ``asset`` (hashed addresses), ``viewer`` (or None), ``language``, ``languages``,
``path`` and the filters ``count share change day instant`` of `server.numbers` without asking.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

from server import numbers
from server.access import known_viewer
from server.assets import asset
from server.navigation import PLACES
from server.texts import LANGUAGES, language_of, texts

PAGES = Path(__file__).parent / "pages"
BY_LANGUAGE = {"count": numbers.write_count, "share": numbers.write_share, "change": numbers.write_change}


@cache
def environment() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    pages.lstrip_blocks = True
    pages.globals.update(asset=asset, languages=LANGUAGES, places=PLACES)
    pages.filters.update({name: _in_language(write) for name, write in BY_LANGUAGE.items()})
    pages.filters.update(day=numbers.write_day, instant=numbers.write_instant)
    return pages


def _in_language(write: Callable[[Any, str], str]) -> Callable[[Context, Any], str]:
    @pass_context
    def written(context: Context, value: Any) -> str:
        return write(value, context["language"])

    return written


def render(
    connection: HTTPConnection,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """The page, never stored by caches since it is one person's. `status` is also known to the page."""
    language = language_of(connection)
    known = {
        "t": texts().within(language),
        "language": language,
        "viewer": known_viewer(connection),
        "path": connection.url.path,
        "status": status,
    }
    html = environment().get_template(template).render({**known, **context})
    return HTMLResponse(html, status, {"Cache-Control": "no-store", **(headers or {})})
