"""The map functions of design_docs/progress run by QuickJS, reduced as CouchDB reduces."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import quickjs

VIEWS = Path(__file__).parents[2] / "design_docs" / "progress" / "views"


class Views:
    def __init__(self) -> None:
        self.reduces = {path.name: (path / "reduce").read_text().strip() for path in VIEWS.iterdir()}
        self._js = quickjs.Context()
        self._js.eval("var rows; function emit(key, value) { rows.push([key, value]); }")
        for name in self.reduces:
            self._js.eval(f"var map_{name} = ({(VIEWS / name / 'map.js').read_text()});")

    def emitted(self, name: str, document: dict[str, Any]) -> list[Any]:
        text = self._js.eval(f"rows = []; map_{name}({json.dumps(document)}); JSON.stringify(rows)")
        rows: list[Any] = json.loads(text)
        return rows

    def grouped(
        self, name: str, documents: Iterable[dict[str, Any]], level: int | None = None
    ) -> list[dict[str, Any]]:
        groups: dict[str, list[Any]] = defaultdict(list)
        for document in documents:
            for key, value in self.emitted(name, document):
                cut = key[:level] if level else key
                groups[json.dumps(cut)].append(value)
        return [
            {"key": json.loads(key), "value": self._reduce(name, values)}
            for key, values in sorted(groups.items())
        ]

    def _reduce(self, name: str, values: list[Any]) -> Any:
        if self.reduces[name] == "_count":
            return len(values)
        if not all(isinstance(value, int | float) for value in values):
            raise TypeError(f"{name} emitted what {self.reduces[name]} cannot reduce")
        if self.reduces[name] == "_sum":
            return sum(values)
        return {"min": min(values), "max": max(values), "sum": sum(values), "count": len(values)}
