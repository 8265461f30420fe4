"""Filling a form of a page with what was typed before: plain HTML in, plain HTML out.

Everything else stays as it was written, so that a page needs to know nothing of this. Passwords are never
filled in. The pages are our own: well-formed, every attribute in quotes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser

Attributes = dict[str, str | None]
TICKED = ("checkbox", "radio")
NEVER = ("password", "submit", "button", "file")
ANCHOR = "kept"


def fill(html: str, action: str, fields: Iterable[tuple[str, str]], said: str, address: str) -> str | None:
    """The page with the first form that posts to `action` filled in, or None when it has none.

    `said` stands above the page's content and leads to the form; links that are relative to the page's own
    `address` keep their meaning wherever the page is shown.
    """
    filling = _Filling(action, fields, said, address.partition("?")[0])
    filling.feed(html)
    filling.close()
    return "".join(filling.out) if filling.found else None


class _Filling(HTMLParser):
    def __init__(self, action: str, fields: Iterable[tuple[str, str]], said: str, path: str) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self.found = self.within = False
        self._action, self._said, self._path = action, said, path
        self._typed: dict[str, list[str]] = defaultdict(list)
        for name, value in fields:
            self._typed[name].append(value)
        self._chosen: list[str] | None = None
        self._silent = False
        self._folded: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        written = self._start(tag, at)
        self.out.append(written or str(self.get_starttag_text()))
        if tag == "main":
            link = f'<a href="#{ANCHOR}">{escape(self._said)}</a>'
            self.out.append(f'<p class="notice notice-wait kept-said" role="status">{link}</p>')
        if tag == "details":
            self._folded.append(len(self.out) - 1)
        if tag == "textarea" and self.within and self._has(at):
            self.out.append("\n" + escape(self._next(str(at["name"])), quote=False))
            self._silent = True

    def _start(self, tag: str, at: Attributes) -> str:
        """The tag written anew, or nothing when it stays as it is."""
        if (
            tag == "form"
            and not self.found
            and at.get("method") == "post"
            and at.get("action") == self._action
        ):
            self.found = self.within = True
            for index in self._folded:
                self.out[index] = self.out[index].replace("<details", "<details open", 1)
            return _write(tag, {**at, "id": ANCHOR})
        if tag == "a" and str(at.get("href", "")).startswith("?"):
            return _write(tag, {**at, "href": f"{self._path}{at['href']}"})
        if not self.within:
            return ""
        if tag == "input" and self._has(at) and at.get("type") not in NEVER:
            return _write(tag, self._fill_input(at))
        if tag == "select":
            self._chosen = self._typed.get(str(at.get("name")))
        if tag == "option" and self._chosen is not None:
            return _write(tag, _mark(at, "selected", at.get("value", "") in self._chosen))
        return ""

    def _fill_input(self, at: Attributes) -> Attributes:
        name = str(at["name"])
        if at.get("type") in TICKED:
            return _mark(at, "checked", at.get("value", "on") in self._typed[name])
        return {**at, "value": self._next(name)}

    def _has(self, at: Attributes) -> bool:
        return at.get("name") in self._typed

    def _next(self, name: str) -> str:
        """What was typed into the next field of this name; the last one stays for those after it."""
        typed = self._typed[name]
        return typed.pop(0) if len(typed) > 1 else typed[0]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._silent = False
        if tag == "select":
            self._chosen = None
        if tag == "form":
            self.within = False
        if tag == "details" and self._folded:
            self._folded.pop()
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.out.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.out.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.out.append(f"<!{decl}>")


def _mark(at: Attributes, name: str, on: bool) -> Attributes:
    rest = {key: value for key, value in at.items() if key != name}
    return {**rest, name: None} if on else rest


def _write(tag: str, at: Attributes) -> str:
    told = (name if value is None else f'{name}="{escape(value)}"' for name, value in at.items())
    return f"<{' '.join((tag, *told))}>"
