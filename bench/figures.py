"""A measured figure beside its goal, as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`against` says what was measured: which store, which browser; `at_least` turns the goal round.

    A figure without a goal is there to be watched and never misses.
    """

    bench: str
    figure: str
    value: float
    unit: str
    goal: float | None
    against: str
    at_least: bool = False

    @property
    def ok(self) -> bool:
        if self.goal is None:
            return True
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def line(self) -> str:
        return json.dumps(
            {
                "bench": self.bench,
                "figure": self.figure,
                "value": round(self.value, 2),
                "unit": self.unit,
                "goal": self.goal,
                "ok": self.ok,
                "against": self.against,
            },
            ensure_ascii=False,
        )
