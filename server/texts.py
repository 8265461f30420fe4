"""What people read, in their language: all ``server/texts/{vi,en}/*.json``, merged.

A key is dotted (``error.not-found``); a file may nest objects or write the dotted key. Values stand in
braces, ``{count}``. Vietnamese is the first language: English falls back to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import HTTPConnection

LANGUAGES = ("vi", "en")
COOKIE = "gtn-lang"
FOLDER = Path(__file__).parent / "texts"


class Translate(Protocol):
    def __call__(self, key: str, /, **values: object) -> str: ...


class Texts:
    """The catalogues of all languages."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self._texts = texts

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Texts:
        """:raises ValueError: when two files of a language define the same key."""
        texts: dict[str, dict[str, str]] = {}
        for language in LANGUAGES:
            merged = texts[language] = {}
            for path in sorted((folder / language).glob("*.json")):
                for key, text in _flatten(json.loads(path.read_text(encoding="utf-8"))):
                    if key in merged:
                        raise ValueError(f"{path}: {key} is defined twice")
                    merged[key] = text
        return cls(texts)

    def keys(self, language: str) -> frozenset[str]:
        return frozenset(self._texts[language])

    def get(self, language: str, key: str, /, **values: object) -> str:
        """:raises KeyError: when no language has this key, or a value is missing."""
        text = self._texts[language].get(key)
        if text is None:
            text = self._texts["vi"][key]
        return text.format(**values) if values else text

    def within(self, language: str) -> Translate:
        """``t(key, **values)`` for one language."""

        def t(key: str, /, **values: object) -> str:
            return self.get(language, key, **values)

        return t


@cache
def texts() -> Texts:
    """The catalogues of this installation, read once."""
    return Texts.load()


def language_of(connection: HTTPConnection) -> str:
    """The reader's language: what they chose, else Vietnamese."""
    chosen = connection.cookies.get(f"__Host-{COOKIE}") or connection.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else "vi"


def translate(connection: HTTPConnection) -> Translate:
    """``t(key, **values)`` in the reader's language."""
    return texts().within(language_of(connection))


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, child in value.items():
        if isinstance(child, Mapping):
            yield from _flatten(child, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(child)
