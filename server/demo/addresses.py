"""Invented addresses of one residential group, in the order of the walk.

House numbers, lanes within lanes and blocks of flats are as in Hà Nội; the streets' names are made up. There
is no district in an address since 1 July 2025.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

STREETS = (
    "đường Bờ Mương", "đường Cây Gạo", "đường Đầm Sen", "đường Giếng Làng", "đường Xóm Đình", "đường Bãi Dâu",
    "phố Hàng Duối", "phố Cổng Gạch", "phố Ao Đình", "phố Sân Kho", "đường Gốc Đa", "đường Cầu Tre",
)  # fmt: skip
TOWERS = ("CT1", "CT2", "CT3A", "CT3B", "HH1")

Address = dict[str, str]


def addresses(rng: random.Random, count: int) -> list[Address]:
    """`count` different addresses; about one group in four lives in towers."""
    streets = rng.sample(STREETS, 3)
    walk = _flats(rng, streets[0]) if rng.random() < 0.25 else _lanes(rng, streets)
    return list(islice(_different(walk), count))


def _different(walk: Iterator[Address]) -> Iterator[Address]:
    seen: set[tuple[str, ...]] = set()
    for address in walk:
        if (key := tuple(address.values())) not in seen:
            seen.add(key)
            yield address


def _lanes(rng: random.Random, streets: list[str]) -> Iterator[Address]:
    """Lane after lane off three streets; every few doors an alley within the lane."""
    lane = rng.randrange(1, 9)
    while True:
        for street in streets:
            name = f"ngõ {lane}"
            yield from _doors(rng, {"street": street}, lane * 2, rng.randrange(2, 6))
            yield from _doors(rng, {"lane": name, "street": street}, 1, rng.randrange(8, 16))
            if rng.random() < 0.6:
                alley = f"ngách {lane}/{rng.randrange(2, 40)}"
                yield from _doors(rng, {"lane": f"{alley}, {name}", "street": street}, 1, rng.randrange(4, 9))
        lane += rng.randrange(4, 8)


def _doors(rng: random.Random, rest: Address, first: int, count: int) -> Iterator[Address]:
    number = first
    for _ in range(count):
        # a plot that was divided keeps its number and gains a letter or a stroke
        for suffix in rng.choices(([""], ["A", "B"], ["", "/1"]), weights=(85, 9, 6))[0]:
            yield {"house": f"{number}{suffix}", **rest}
        number += rng.choice((1, 2, 2, 2))


def _flats(rng: random.Random, street: str) -> Iterator[Address]:
    for floor in range(2, 1000):
        for tower in TOWERS:
            for flat in range(1, rng.randrange(7, 13)):
                yield {
                    "street": street,
                    "building": f"tòa {tower}",
                    "unit_text": f"căn {floor}{flat:02d}",
                }
