"""Design documents: read from ``design_docs/``, deployed by content hash, staged before they are used.

One folder is one design document, one file one function: ``views/<view>/map.js``, ``views/<view>/reduce``
(a built-in's name) or ``reduce.js``, ``validate_doc_update.js``. A changed document first goes to
``_design/<name>-staged`` with its views only; when they are indexed it takes the place of
``_design/<name>``, which finds the finished index, since CouchDB names indexes by their functions.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import anyio

from sync.store import Conflict, Document, NotFound, Store, TimedOut

FOLDER = Path(__file__).resolve().parent.parent / "design_docs"
INDEX_SECONDS = 3600.0


@cache
def read_design(name: str, folder: Path = FOLDER) -> Document:
    """The design document of a folder, with its content hash in ``hash``; without ``_id``.

    :raises FileNotFoundError: when there is no such folder.
    """
    place = folder / name
    if not place.is_dir():
        raise FileNotFoundError(f"design document {name!r} is not in {folder}")
    design: Document = {"language": "javascript"}
    for path in sorted(place.glob("views/*/*")):
        view = design.setdefault("views", {}).setdefault(path.parent.name, {})
        view[path.stem] = path.read_text("utf-8").strip()
    validator = place / "validate_doc_update.js"
    if validator.exists():
        design["validate_doc_update"] = validator.read_text("utf-8").strip()
    text = json.dumps(design, sort_keys=True, ensure_ascii=False)
    return {**design, "hash": hashlib.sha256(text.encode()).hexdigest()}


async def deploy(store: Store, database: str, name: str, folder: Path = FOLDER) -> bool:
    """Bring ``_design/<name>`` to what the folder says; False when it already was.

    :raises StoreUnavailable: when the store fails meanwhile; what is in use then stays in use.
    """
    design = read_design(name, folder)
    current = await store.find(database, f"_design/{name}")
    if current is not None and current.get("hash") == design["hash"]:
        return False
    if design.get("views") and design["views"] != (current or {}).get("views"):
        await _stage(store, database, name, design)
        await _index(store, database, f"{name}-staged", next(iter(design["views"])))
    await _swap(store, database, name, design)
    return True


async def _stage(store: Store, database: str, name: str, design: Document) -> None:
    """Views only: a staged validator would already refuse."""
    staged = {"language": design["language"], "views": design["views"], "hash": design["hash"]}
    await store.update(database, f"_design/{name}-staged", lambda _: staged)


async def _index(store: Store, database: str, staged: str, view: str) -> None:
    """Ask one view until it answers; all views of a design document are indexed together."""
    with anyio.fail_after(INDEX_SECONDS):
        while True:
            try:
                await store.view(database, staged, view, limit=1, reduce=False)
                return
            except TimedOut:
                continue


async def _swap(store: Store, database: str, name: str, design: Document) -> None:
    await store.update(database, f"_design/{name}", lambda _: design)
    staged: Any = await store.find(database, f"_design/{name}-staged")
    if staged is not None:
        with suppress(Conflict, NotFound):  # another process deploys the same
            await store.delete(database, staged["_id"], staged["_rev"])
