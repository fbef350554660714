"""Counts what is really sent to PostgreSQL.

with counted(database) as queries:
    await client.get("/v1/products/")
assert len(queries) == 2, queries
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from boreal.kit.db import Database

_METHODS = frozenset({"fetch", "fetchrow", "fetchval", "execute", "executemany"})


class _Recording:
    """A pool or a connection whose statements are written down."""

    def __init__(self, inner: Any, queries: list[str]) -> None:
        self._inner = inner
        self._queries = queries

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in _METHODS:
            return found

        async def recorded(query: str, *arguments: Any, **options: Any) -> Any:
            self._queries.append(query)
            return await found(query, *arguments, **options)

        return recorded

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["_Recording"]:
        async with self._inner.acquire() as connection:
            yield _Recording(connection, self._queries)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that go through a database while the block runs, as SQL text and in order.

    A statement for many rows counts once; BEGIN and COMMIT are not counted.
    """
    queries: list[str] = []
    pool = database.pool
    database.pool = _Recording(pool, queries)  # type: ignore[assignment]
    try:
        yield queries
    finally:
        database.pool = pool
