"""A shop with a past that never happened: written into its tables, so the invariants of the rooms need not hold."""

from collections.abc import AsyncIterator

import pytest

from tests.rooms.insights.history import History
from tests.support.shop import Shop, open_shop


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Shop]:
    async with open_shop(dsn) as opened:
        yield opened


@pytest.fixture
def history(shop: Shop) -> History:
    return History(shop)
