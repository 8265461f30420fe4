"""A sign-in is told by its browser and system, in words that people know."""

from __future__ import annotations

import pytest

from server.browsers import describe

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
ANDROID = "Mozilla/5.0 (Linux; Android 13; SM-A135F)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X)"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (f"{WINDOWS} {WEBKIT} Chrome/120.0.0.0 Safari/537.36", "Chrome (Windows)"),
        (f"{WINDOWS} {WEBKIT} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91", "Edge (Windows)"),
        (f"{WINDOWS} {WEBKIT} coc_coc_browser/117.0 Chrome/111.0 Safari/537.36", "Cốc Cốc (Windows)"),
        (f"{WINDOWS} Gecko/20100101 Firefox/121.0", "Firefox (Windows)"),
        (f"{ANDROID} {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36", "Chrome (Android)"),
        (f"{ANDROID} {WEBKIT} SamsungBrowser/23.0 Chrome/115.0 Safari/537.36", "Samsung Internet (Android)"),
        (f"{ANDROID} {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36 Zalo/1.0", "Zalo (Android)"),
        (f"{IPHONE} AppleWebKit/605.1.15 Version/17.2 Mobile/15E148 Safari/604.1", "Safari (iPhone)"),
        (f"{IPHONE} AppleWebKit/605.1.15 CriOS/120.0 Mobile/15E148 Safari/604.1", "Chrome (iPhone)"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.2 Safari/605.1.15", "Safari (Mac)"),
        ("Mozilla/5.0 (PlayStation 5)", ""),
        ("Android 13", "Android 13"),
        ("", ""),
    ],
)
def test_a_browser_is_told_in_a_word_or_two(agent: str, told: str) -> None:
    assert describe(agent) == told
