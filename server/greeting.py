"""What the terminal says when people can come: where to go, and for invented data whom to sign in as.

Whoever reads it may have come by either language, so every line has both.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.demo import SignIn
from server.roles import Permission, may
from server.texts import LANGUAGES, texts


def greet(address: str, sign_ins: Sequence[SignIn] = ()) -> str:
    """The whole greeting; its first line ends with the address."""
    places = [(both("console.app"), f"{address}/app/"), (both("console.desk"), f"{address}/desk")]
    lines = [f"Gõ Từng Nhà: {address}", "", *columns(places)]
    if sign_ins:
        lines += ["", *list_sign_ins(sign_ins)]
    return "\n".join([*lines, "", both("console.stop")])


def list_sign_ins(sign_ins: Sequence[SignIn]) -> list[str]:
    """A table of whom one may sign in as, and on which page."""
    heads = tuple(both(f"console.{name}") for name in ("login", "password", "page", "who"))
    rows = [(who.login, who.password, _page(who), f"{who.name}, {_place(who)}") for who in sign_ins]
    return [both("console.sign-ins"), *columns([heads, *rows])]


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The rows as lines, each column as wide as its longest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def both(key: str) -> str:
    """One text in both languages."""
    return " · ".join(texts().get(language, key) for language in LANGUAGES)


def _page(who: SignIn) -> str:
    return "/app/" if may(who.role, Permission.PHONE) else "/desk"


def _place(who: SignIn) -> str:
    role = both(f"console.role.{who.role}")
    return f"{role}, {who.unit}" if who.unit else role
