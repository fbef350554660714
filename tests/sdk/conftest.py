"""A running server and the official client, which is used as it is."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator

import pytest
from polar_sdk import Polar

from boreal.main import broken_invariants
from tests.support.live import Live, Merchant, open_live
from tests.support.postgres import create_database, drop_database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """A server for all tests of the SDK. In the end it stopped when asked, met no error, and every invariant holds."""
    name = f"boreal_live_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    async with open_live(await create_database(name), tmp_path_factory.mktemp("live")) as server:
        yield server
        assert await broken_invariants(server.boreal.app.database) == {}
        assert "[error" not in server.log
    await drop_database(name)


@pytest.fixture
async def merchant(live: Live) -> Merchant:
    """An organization of this test's own."""
    return await live.found(f"merchant-{next(_numbers)}")


@pytest.fixture
def polar(live: Live, merchant: Merchant) -> Iterator[Polar]:
    """The official client with the merchant's token."""
    with Polar(access_token=merchant.token, server_url=live.base_url) as client:
        yield client
