"""A page of the server's own origin: the phone's code without its screens (``pwa/bench/page.ts``)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright

from bench.phone import Slowed
from e2e.conftest import QUIET, executable

PWA = Path(__file__).parents[1] / "pwa"


@cache
def bundle() -> str:
    """The code as one script, with the whole of PouchDB for those parts that it is measured against.

    :raises subprocess.CalledProcessError: when it cannot be built.
    """
    command: list[str | Path] = [
        PWA / "node_modules" / ".bin" / "esbuild",
        PWA / "bench" / "page.ts",
        "--bundle",
        "--minify",
        "--format=iife",
        "--target=chrome100",
        "--define:import.meta.env={}",
        "--define:global=globalThis",
        "--log-level=error",
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def open_page(
    playwright: Playwright,
    profile: Path,
    url: str,
    *,
    slow: float,
    link: dict[str, Any] | None = None,
    offline: bool = False,
) -> Iterator[Slowed]:
    """A browser started anew on this profile, the processor slowed by `slow`, the link by `link` or cut."""
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=executable(playwright), args=QUIET, locale="vi-VN", bypass_csp=True
    )
    try:
        page = Slowed(context.pages[0])
        page.page.goto(f"{url}/app/manifest.webmanifest")
        page.ask(f"() => {{ {bundle()} }}")
        page.tools.send("Emulation.setCPUThrottlingRate", {"rate": slow})
        context.set_offline(offline)
        if link:
            page.shape(link)
        yield page
    finally:
        context.close()
