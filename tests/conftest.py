"""Fixtures for everything that needs a running Boreal."""

import itertools
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from tests.support.lending import Lender, Lent
from tests.support.postgres import create_database, drop_database
from tests.support.schema import ddl
from tests.support.shop import Shop, found_shop, open_shop

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_WORKER = f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"


@pytest.fixture(scope="session")
async def template() -> AsyncIterator[str]:
    """A migrated, empty database that others are copied from."""
    name = f"boreal_template_{_WORKER}"
    dsn = await create_database(name)
    connection = await asyncpg.connect(dsn)
    await connection.execute(ddl())
    await connection.close()
    yield name
    await drop_database(name)


@pytest.fixture(scope="session")
async def lender(template: str) -> AsyncIterator[Lender]:
    """Who lends each test a database, one after the other."""
    lender = Lender(template, (f"boreal_test_{_WORKER}_{number}" for number in itertools.count(1)))
    yield lender
    await lender.close()


@pytest.fixture
async def lent(lender: Lender) -> AsyncIterator[Lent]:
    """A migrated, empty database of this test's own, with a pool that is already open."""
    yield await lender.lend()
    await lender.take_back()


@pytest.fixture
def dsn(lent: Lent) -> str:
    """Where the database of this test is."""
    return lent.dsn


@pytest.fixture
async def shop(lent: Lent) -> AsyncIterator[Shop]:
    """A shop on a database of its own; when the test is over every invariant must hold."""
    async with open_shop(lent.dsn, database=lent.shared) as opened:
        yield opened
        await opened.check()


@pytest.fixture
async def other_shop(shop: Shop) -> Shop:
    """Another organization in the same Boreal."""
    return await found_shop(shop.boreal, shop.clock, slug="rival")
