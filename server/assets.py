"""Static files: collected once under names that carry their content's hash, and served by WhiteNoise.

``gtn assets`` copies ``server/static`` and the phone's ``tokens.css`` to ``build/static`` as
``desk.<hash>.css`` beside a manifest, rewrites the references between them, and compresses everything,
the built phone app too, as brotli and gzip (`whitenoise.compress`). Hashed files may be kept for ever;
a page, the service worker and whatever has no hash must be asked for again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from a2wsgi import WSGIMiddleware
from starlette._utils import get_route_path
from starlette.types import ASGIApp, Receive, Scope, Send
from whitenoise import WhiteNoise
from whitenoise.compress import Compressor

from server.errors import Problem

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "server" / "static"
SHARED = (ROOT / "pwa" / "src" / "styles" / "tokens.css",)
BUILD = ROOT / "build" / "static"
PHONE = ROOT / "pwa" / "dist"
MANIFEST = "manifest.json"
TEXTS = (".css", ".js", ".svg")
REFERENCE = re.compile(r"""(?<=["'(])(\./)?([\w./-]+\.\w+)(?=["')?#])""")
HASHED = "/assets/"
"""Below this folder of the built phone app every name carries a hash (vite.config.ts)."""
THREADS = 4


def sources(source: Path = SOURCE, shared: Iterable[Path] = SHARED) -> dict[str, Path]:
    """The files to serve, by the name that pages use."""
    own = {path.relative_to(source).as_posix(): path for path in sorted(source.rglob("*")) if path.is_file()}
    return {**{path.name: path for path in shared if path.exists()}, **own}


def collect(files: Mapping[str, Path], build: Path = BUILD) -> dict[str, str]:
    """Copy `files` into `build` under hashed names; the manifest, from name to hashed name.

    References such as ``url(icon.svg)`` or ``import "./chart.js"`` follow, so that a file's hash changes
    with whatever it refers to.

    :raises ValueError: when files refer to each other in a circle.
    """
    named, contents = name_by_content({name: path.read_bytes() for name, path in files.items()})
    if read_manifest(build) == named:
        return named
    shutil.rmtree(build, ignore_errors=True)
    for name, hashed in named.items():
        target = build / hashed
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents[name])
    build.mkdir(parents=True, exist_ok=True)
    (build / MANIFEST).write_text(json.dumps(named, indent=1, sort_keys=True), encoding="utf-8")
    return named


def name_by_content(files: Mapping[str, bytes]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Each file's hashed name, and its content with references replaced."""
    named: dict[str, str] = {}
    contents: dict[str, bytes] = {}

    def place(name: str, above: tuple[str, ...]) -> str:
        if name in above:
            raise ValueError(f"{name} refers to itself")
        if name not in named:
            folder = name.rpartition("/")[0]

            def replace(found: re.Match[str]) -> str:
                other = f"{folder}/{found[2]}" if folder else found[2]
                if other not in files or other == name:
                    return found[0]
                return (found[1] or "") + place(other, (*above, name)).removeprefix(f"{folder}/")

            content = files[name]
            if name.endswith(TEXTS):
                content = REFERENCE.sub(replace, content.decode("utf-8")).encode("utf-8")
            stem, _, ending = name.rpartition(".")
            named[name] = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{ending}"
            contents[name] = content
        return named[name]

    for name in files:
        place(name, ())
    return named, contents


def compress(folder: Path) -> int:
    """Write ``.br`` and ``.gz`` beside each file that gains by it; how many were written."""
    compressor = Compressor(quiet=True)
    count = 0
    for path in list(_plain_files(folder)):
        if compressor.should_compress(path.name):
            count += len(compressor.compress(str(path)))
    return count


def _plain_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in (".br", ".gz") and not path.name.startswith("."):
            yield path


def read_manifest(build: Path = BUILD) -> dict[str, str]:
    try:
        manifest: dict[str, str] = json.loads((build / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest


@cache
def manifest() -> dict[str, str]:
    """The collected files of this installation; collected now if what is there is not of these sources."""
    files = sources()
    try:
        return collect(files)
    except OSError:  # an installation that may not write: what was collected at build is all there is
        return read_manifest()


def asset(name: str) -> str:
    """The address of a static file, with its hash.

    :raises KeyError: when there is no such file.
    """
    return f"/static/{manifest()[name]}"


def serve_static() -> ASGIApp:
    """What answers below ``/static``."""
    manifest()
    return _bridged(BUILD, lambda path, url: True)


def serve_phone(folder: Path = PHONE) -> ASGIApp:
    """What answers below ``/app``: the built phone app, or that it has not been built yet."""
    if not is_built(folder):
        return _not_built
    return _bridged(folder, lambda path, url: url.startswith(HASHED))


def is_built(folder: Path = PHONE) -> bool:
    return (folder / "index.html").exists()


async def _not_built(scope: Scope, receive: Receive, send: Send) -> None:
    raise Problem("not-built")


def _bridged(folder: Path, immutable: Callable[[str, str], bool]) -> ASGIApp:
    def label(headers: Headers, path: str, url: str) -> None:
        if path.endswith((".html", "sw.js", ".webmanifest")):
            headers["Cache-Control"] = "no-cache"
        if path.endswith(".webmanifest"):
            headers["Content-Type"] = "application/manifest+json"

    known = WhiteNoise(
        _missing,
        root=str(folder),
        prefix="/",
        allow_all_origins=False,
        immutable_file_test=immutable,
        add_headers_function=label,
        max_age=0,
    )
    bridge: Any = WSGIMiddleware(known, workers=THREADS)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise Problem("method-not-allowed")
        path = get_route_path(scope)
        path = "/index.html" if path == "/" else path
        if path not in known.files:
            raise Problem("not-found")
        await bridge({**scope, "path": path, "root_path": ""}, receive, send)

    return serve


def _missing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    raise AssertionError("only files that are known are asked for")
