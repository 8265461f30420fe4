from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.access import PUBLIC, mount
from server.assets import asset, collect, compress, name_by_content, serve_phone, sources
from server.errors import Problem, handle
from server.site import Site
from sync.store import StoreUnavailable


def test_a_name_changes_with_the_content_and_with_what_it_refers_to() -> None:
    css = b'@import "base.css"; a { background: url(./icons/door.svg) }'
    first, contents = name_by_content({"desk.css": css, "base.css": b"b{}", "icons/door.svg": b"<svg/>"})
    assert f'"{first["base.css"]}"'.encode() in contents["desk.css"]
    assert f"url(./{first['icons/door.svg']})".encode() in contents["desk.css"]
    second, _ = name_by_content({"desk.css": css, "base.css": b"b{ }", "icons/door.svg": b"<svg/>"})
    assert second["desk.css"] != first["desk.css"]
    assert second["icons/door.svg"] == first["icons/door.svg"]


def test_files_that_refer_to_each_other_are_an_error() -> None:
    with pytest.raises(ValueError, match="refers to itself"):
        name_by_content({"a.js": b'import "./b.js"', "b.js": b'import "./a.js"'})


def test_collecting_again_changes_nothing_and_drops_what_is_gone(tmp_path: Path) -> None:
    source, build = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.css").write_text("a{}" * 200)
    (source / "b.css").write_text("b{}" * 200)
    collect(sources(source, ()), build)
    assert compress(build) == 4
    before = {path.name for path in build.iterdir()}
    collect(sources(source, ()), build)
    assert {path.name for path in build.iterdir()} == before
    (source / "b.css").unlink()
    named = collect(sources(source, ()), build)
    assert {path.name for path in build.iterdir()} == {named["a.css"], "manifest.json"}


def test_hashed_files_are_kept_for_ever(visitor: TestClient) -> None:
    response = visitor.get(asset("desk.css"))
    assert response.status_code == 200
    assert "immutable" in response.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/static/desk.css", "/static/../app.py", "/static/%2e%2e/app.py", "/static/"]
)
def test_nothing_else_is_served(visitor: TestClient, path: str) -> None:
    assert visitor.get(path).status_code == 404


def phone(folder: Path) -> TestClient:
    from starlette.applications import Starlette

    app = Starlette(
        routes=[mount("/app", serve_phone(folder), who=PUBLIC)], exception_handlers={Problem: handle}
    )
    return TestClient(app)


def test_the_phones_shell_is_asked_for_again_and_its_parts_are_not(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "sw.js", "manifest.webmanifest", "assets/engine-BseaSanA.js"):
        (tmp_path / name).write_text("x" * 500)
    compress(tmp_path)
    client = phone(tmp_path)
    for name in ("", "index.html", "sw.js", "manifest.webmanifest"):
        response = client.get(f"/app/{name}", follow_redirects=False)
        assert response.status_code == 200, name
        assert response.headers["cache-control"] == "no-cache", name
    part = client.get("/app/assets/engine-BseaSanA.js")
    assert "immutable" in part.headers["cache-control"]
    assert part.headers["content-encoding"] == "br" or part.headers["content-encoding"] == "gzip"
    assert client.get("/app/nowhere").status_code == 404


def test_a_phone_app_that_is_not_built_says_so(tmp_path: Path) -> None:
    response = phone(tmp_path).get("/app/", headers={"accept": "text/html"})
    assert response.status_code == 503
    assert "make build" in response.text


def test_static_files_and_pages_for_nobody_do_not_touch_the_store(
    visitor: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: object, **named: object) -> None:
        raise StoreUnavailable("not now")

    monkeypatch.setattr(site.store, "_ask", refuse)
    cookie = {"cookie": f"gtn-device={'0' * 26}.{'A' * 43}"}
    for path in (asset("desk.css"), site.catalog.address, "/healthz"):
        assert visitor.get(path, headers=cookie).status_code == 200, path
    ready = visitor.get("/readyz")
    assert ready.status_code == 503
    assert ready.headers["retry-after"]


def test_the_catalog_is_one_file_that_never_changes_under_its_name(
    visitor: TestClient, site: Site, call: Callable[..., object]
) -> None:
    response = visitor.get(site.catalog.address, headers={"accept-encoding": "gzip"})
    catalog = response.json()
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"
    assert {"services", "outcomes", "age_bands", "obstacles", "guides", "campaigns"} <= set(catalog)
    assert catalog["ward"]["name"] == "Phường Yên Nghĩa"
    etag = response.headers["etag"]
    assert visitor.get(site.catalog.address, headers={"if-none-match": etag}).status_code == 304
    assert visitor.get("/catalog/0000.json").json()["error"] == "not-found"
