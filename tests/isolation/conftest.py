"""One scene for each module: its tests change nothing that another one relies on."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.isolation.scene import Scene, open_scene
from tests.support.postgres import create_database, drop_database


@pytest.fixture(scope="module")
async def scene(template: str, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Two furnished organizations on a database of their own."""
    name = f"boreal_{request.module.__name__.rpartition('.')[2]}_{os.getpid()}"
    async with open_scene(await create_database(name, template=template)) as opened:
        yield opened
    await drop_database(name)
