from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from sync.names import Names
from sync.store import Store
from tests.sync.town import Town, open_town, prepare


@pytest.fixture(scope="module")
def town(store: Store, names: Names) -> Iterator[Town]:
    anyio.run(prepare, store, names)
    with open_town(store, names) as town:
        yield town
