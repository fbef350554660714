"""A database for the tests of one module, which begin with empty tables each."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.postgres import create_database, drop_database


@pytest.fixture(scope="module")
async def kit_dsn(template: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A database with the whole schema; `open_lamps` empties it."""
    name = f"boreal_{Path(str(request.node.path)).stem}_{os.getpid()}"
    yield await create_database(name, template=template)
    await drop_database(name)
