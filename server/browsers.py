"""Which browser on which system someone signed in with, in words that people know.

A browser says so itself (``User-Agent``): a hint for whoever looks over their own sign-ins, never a proof.
The order of the rows matters: nearly all say "Safari", and most "Chrome".
"""

from __future__ import annotations

BROWSERS = {
    "Zalo": "Zalo",
    "coc_coc_browser": "Cốc Cốc",
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Macintosh": "Mac",
    "Linux": "Linux",
}


def describe(agent: str) -> str:
    """``Chrome (Windows)``; what is no browser's name of itself, such as a phone's label, stays as it is."""
    if not agent.startswith("Mozilla/"):
        return agent
    browser = next((name for sign, name in BROWSERS.items() if sign in agent), "")
    system = next((name for sign, name in SYSTEMS.items() if sign in agent), "")
    return f"{browser} ({system})" if browser and system else browser or system
