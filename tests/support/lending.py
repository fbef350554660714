"""A database for each test of a worker, emptied afterwards instead of dropped, which takes a tenth of the time.

It is dropped all the same, and the next test gets a new copy of the template, where emptying would not make it as good
as new: the schema was changed, statistics were gathered, many rows were written, somebody is still connected, or many
tests have had it. Only a superuser can empty it, since what is final may be deleted by nobody else; with another role
every test gets a new one.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

from boreal.kit.db import Database
from tests.support.postgres import create_database, drop_database

BORROWERS = 40
"""So many tests have the same database: what they delete stays in its files."""
ROWS = 3000
"""Who leaves more than that has filled the files enough."""

_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
"""
_CATALOGUES = ("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_proc", "pg_statistic")
_SCHEMA = " UNION ALL ".join(f"SELECT count(*), sum(xmin::text::bigint) FROM {name}" for name in _CATALOGUES)
"""Differs after any change of the schema, and after statistics were gathered."""
_REWIND = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
"""


class Lender:
    """Lends one database at a time, by the names that it was given."""

    def __init__(self, template: str, names: Iterator[str]) -> None:
        self._template = template
        self._names = names
        self._lent: Lent | None = None

    async def lend(self) -> "Lent":
        """A database with the whole schema, empty tables, and sequences at their beginning."""
        if self._lent is None:
            name = next(self._names)
            dsn = await create_database(name, template=self._template)
            shared = await Database.connect(dsn, pool_size=8)
            own = await asyncpg.connect(dsn)
            tables = [row["relname"] for row in await own.fetch(_TABLES)]
            self._lent = Lent(name, dsn, shared, own, await own.fetch(_SCHEMA), tables)
        return self._lent

    async def take_back(self) -> None:
        """What was lent is as good as new, or gone."""
        if self._lent is not None and not await self._lent.renew():
            await self.close()

    async def close(self) -> None:
        """Nothing is left."""
        if self._lent is not None:
            lent, self._lent = self._lent, None
            lent.shared.pool.terminate()
            lent.own.terminate()
            await drop_database(lent.name)


@dataclass
class Lent:
    """A database. `shared` is a pool that whoever has the database may use and must not close."""

    name: str
    dsn: str
    shared: Database
    own: asyncpg.Connection
    schema: list[asyncpg.Record]
    tables: list[str]
    borrowers: int = 0

    async def renew(self) -> bool:
        """Whether it is as good as new."""
        self.borrowers += 1
        if self.borrowers >= BORROWERS or self.own.is_closed() or self.own.get_settings().is_superuser != "on":
            return False
        if not await self._is_left() or await self.own.fetch(_SCHEMA) != self.schema:
            return False
        filled = {row["name"]: row["rows"] for row in await self.own.fetch(_filled(self.tables))}
        if sum(filled.values()) > ROWS:
            return False
        deletions = "; ".join(f"DELETE FROM {name}" for name in filled)
        await self.own.execute(f"SET session_replication_role = replica; {deletions}")  # no trigger hinders it
        await self.own.execute(_REWIND)
        return True

    async def _is_left(self) -> bool:
        """Whether nobody uses it any more. A connection that was closed takes a moment to end."""
        for _ in range(20):
            pool = self.shared.pool
            if pool.is_closing() or pool.get_idle_size() != pool.get_size():
                return False
            if await self.own.fetchval(_CONNECTIONS) <= 1 + pool.get_size():
                return True
            await asyncio.sleep(0.01)
        return False


def _filled(tables: list[str]) -> str:
    counts = (f"SELECT '{name}' AS name, count(*) AS rows FROM {name} HAVING count(*) > 0" for name in tables)
    return " UNION ALL ".join(counts)
