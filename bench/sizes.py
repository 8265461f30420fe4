"""What a phone downloads: the built app's JavaScript and CSS, in the bytes that the server sends.

The server sends the ``.br`` file beside each script, so those are weighed; nothing is compressed anew. A
screen needs the entry script, the script and the words named after it, and whatever these import at once;
an import that waits for a tap (``import(…)``) does not count. English is fetched, and kept, by those who
choose it; everything else is kept from the first visit on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.figures import Figure

DIST = Path(__file__).parents[1] / "pwa" / "dist"
SCREENS: dict[str, tuple[str, ...]] = {
    "sign-in": ("SignIn", "vi.sign-in"),
    "the lock": ("Unlock", "vi.lock"),
    "the household list": ("Households", "vi.list"),
    "today's page": ("Today", "vi.today"),
}
"""The screens that the app may open on, and what each waits for beside the entry script."""
AT_ONCE = re.compile(r"""\b(?:from|import)\s*["']\./([\w.-]+\.js)["']""")
ENTRY = re.compile(r"""<script[^>]+src="/app/assets/([\w.-]+\.js)\"""")

FIGURES = (
    "all JavaScript",
    "English, where chosen",
    "JavaScript before sign-in paints",
    "JavaScript before the lock paints",
    "JavaScript before the household list paints",
    "JavaScript before today's page paints",
    "all CSS",
)


def run() -> Iterator[Figure]:
    """Kilobytes of 1,000 bytes.

    :raises FileNotFoundError: when the app has not been built.
    """
    assets = DIST / "assets"
    english = assets / find(assets, "en")
    scripts = [*(path for path in sorted(assets.glob("*.js")) if path != english), DIST / "sw.js"]
    entry = ENTRY.findall((DIST / "index.html").read_text("utf-8"))
    yield weigh("all JavaScript", scripts, 110)
    yield weigh("English, where chosen", [english], None)
    for screen, more in SCREENS.items():
        needed = reach(assets, [*entry, *(find(assets, stem) for stem in more)])
        yield weigh(f"JavaScript before {screen} paints", (assets / name for name in sorted(needed)), 25)
    yield weigh("all CSS", assets.glob("*.css"), None)


def weigh(figure: str, files: Iterable[Path], goal: float | None) -> Figure:
    files = list(files)
    brotli, gzip = (sum(sent(path, ending) for path in files) / 1000 for ending in (".br", ".gz"))
    return Figure("sizes", figure, brotli, "kB", goal, f"brotli, {len(files)} files; gzip {gzip:.1f} kB")


def sent(path: Path, ending: str) -> int:
    """Bytes of the compressed file, or of the file itself where it is too small to gain by it."""
    packed = path.with_name(path.name + ending)
    return (packed if packed.exists() else path).stat().st_size


def find(assets: Path, stem: str) -> str:
    """The one script that was built from the module of this name."""
    names = [path.name for path in assets.glob(f"{stem}-????????.js")]
    if len(names) != 1:
        raise FileNotFoundError(f"{len(names)} scripts are built from {stem}")
    return names[0]


def reach(assets: Path, names: Iterable[str]) -> set[str]:
    """These scripts and all that they import at once."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += AT_ONCE.findall((assets / name).read_text("utf-8"))
    return found
