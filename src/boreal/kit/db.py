"""PostgreSQL, spoken in SQLAlchemy Core and run on asyncpg.

Statements are written with SQLAlchemy Core (tables, `bindparam`), compiled once each and executed by the driver
itself: no ORM, no session, one style. A connection is held only while something runs on it.

    GET = sa.select(ProductRow).where(ProductRow.c.id == sa.bindparam("id"))
    row = await database.fetchrow(GET, id=product_id)
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises when a statement or a connection fails."""

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # its disk is full, or it has too many connections
    asyncpg.InternalClientError,  # the server has just taken its leave of the connection, which has not ended yet
    ConnectionError,
    FileNotFoundError,  # its socket
)


def is_away(error: BaseException | None) -> bool:
    """Whether the error, or what it came from, is that the server is gone, not there yet, or out of room.

    Trying again later may help.
    """
    if error is None:
        return False
    closed = isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)  # the driver has no type of its own
    return closed or isinstance(error, _AWAY) or is_away(error.__cause__ or error.__context__)


Id: type[UUID] = asyncpg.pgproto.pgproto.UUID
"""The driver's own kind of `uuid.UUID`, of 16 bytes or a text: the same, but quick to compare and to look up."""

Record = asyncpg.Record
Row = asyncpg.Record | Mapping[str, Any]
"""A row as it was read, or anything with the same members."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_dialect = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as the driver wants it: `$1`-style text, the names of its binds in order, and their defaults."""

    text: str
    names: tuple[str, ...]
    defaults: dict[str, Any]

    def arguments(self, binds: dict[str, Any]) -> list[Any]:
        """The positional arguments; `KeyError` names a bind that is missing."""
        defaults = self.defaults
        return [binds[name] if name in binds else defaults[name] for name in self.names]


_compiled: WeakKeyDictionary[sa.sql.base.Executable, Compiled] = WeakKeyDictionary()


def compile_statement(statement: sa.sql.base.Executable) -> Compiled:
    """Compiles a statement once and remembers it for as long as the statement lives."""
    known = _compiled.get(statement)
    if known is None:
        sql = statement.compile(dialect=_dialect)  # type: ignore[attr-defined]
        names = tuple(sql.positiontup or ())
        defaults = {name: bind.value for name, bind in sql.binds.items() if not bind.required}
        known = _compiled[statement] = Compiled(str(sql), names, defaults)
    return known


class Runs(Protocol):
    """What both a `Database` and a `Connection` can do with one statement."""

    async def fetch(self, statement: sa.sql.base.Executable, **binds: Any) -> list[Record]: ...
    async def fetchrow(self, statement: sa.sql.base.Executable, **binds: Any) -> Record | None: ...
    async def fetchval(self, statement: sa.sql.base.Executable, **binds: Any) -> Any: ...
    async def execute(self, statement: sa.sql.base.Executable, **binds: Any) -> str: ...


class Connection:
    """One connection inside one transaction. `concerns` is what waits for its commit (`boreal.kit.work.Wakeups`)."""

    def __init__(self, raw: asyncpg.Connection) -> None:
        self.raw = raw
        self.concerns: set[str] = set()

    async def fetch(self, statement: sa.sql.base.Executable, **binds: Any) -> list[Record]:
        """All rows."""
        sql = compile_statement(statement)
        return await self.raw.fetch(sql.text, *sql.arguments(binds))

    async def fetchrow(self, statement: sa.sql.base.Executable, **binds: Any) -> Record | None:
        """The first row, or None."""
        sql = compile_statement(statement)
        return await self.raw.fetchrow(sql.text, *sql.arguments(binds))

    async def fetchval(self, statement: sa.sql.base.Executable, **binds: Any) -> Any:
        """The first column of the first row, or None."""
        sql = compile_statement(statement)
        return await self.raw.fetchval(sql.text, *sql.arguments(binds))

    async def execute(self, statement: sa.sql.base.Executable, **binds: Any) -> str:
        """The command tag, such as `UPDATE 1`."""
        sql = compile_statement(statement)
        return await self.raw.execute(sql.text, *sql.arguments(binds))

    async def execute_many(self, statement: sa.sql.base.Executable, rows: Sequence[dict[str, Any]]) -> None:
        """The same statement once per row, in one round trip."""
        sql = compile_statement(statement)
        await self.raw.executemany(sql.text, [sql.arguments(row) for row in rows])


class _PlainConnection(asyncpg.Connection):
    """A connection that is not reset when it goes back to the pool: nothing here changes the state of a session.

    The reset would be one more round trip for every statement.
    """

    def get_reset_query(self) -> str:
        return ""


async def _prepare(raw: asyncpg.Connection) -> None:
    """JSON goes in and out as Python values. UUIDs stay the driver's own kind of `uuid.UUID`, made in C."""
    await raw.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value, default=str),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )


class Database:
    """A pool of connections. Each single statement takes one for exactly as long as it runs."""

    def __init__(self, pool: asyncpg.Pool, dsn: str) -> None:
        self.pool = pool
        self.dsn = dsn

    @classmethod
    async def connect(cls, dsn: str, *, pool_size: int = 10) -> "Database":
        """Opens the pool (lazily: one connection now). Raises what the driver raises when nobody answers."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=pool_size,
            init=_prepare,
            connection_class=_PlainConnection,
            command_timeout=60,
            statement_cache_size=512,
            server_settings={"timezone": "UTC", "jit": "off", "application_name": "boreal"},
        )
        return cls(pool, dsn)

    async def ping(self) -> None:
        """Returns when the server answers; raises `OSError` when it does not."""
        try:
            await self.pool.execute("SELECT")
        except asyncpg.PostgresConnectionError as lost:
            raise ConnectionError(str(lost)) from lost

    async def close(self) -> None:
        """Closes the pool; statements still running are given their time."""
        await self.pool.close()

    async def fetch(self, statement: sa.sql.base.Executable, **binds: Any) -> list[Record]:
        """All rows, in a transaction of its own."""
        sql = compile_statement(statement)
        return await self.pool.fetch(sql.text, *sql.arguments(binds))

    async def fetchrow(self, statement: sa.sql.base.Executable, **binds: Any) -> Record | None:
        """The first row, or None."""
        sql = compile_statement(statement)
        return await self.pool.fetchrow(sql.text, *sql.arguments(binds))

    async def fetchval(self, statement: sa.sql.base.Executable, **binds: Any) -> Any:
        """The first column of the first row, or None."""
        sql = compile_statement(statement)
        return await self.pool.fetchval(sql.text, *sql.arguments(binds))

    async def execute(self, statement: sa.sql.base.Executable, **binds: Any) -> str:
        """The command tag."""
        sql = compile_statement(statement)
        return await self.pool.execute(sql.text, *sql.arguments(binds))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with an open transaction: committed at the end, rolled back by any exception."""
        async with self.pool.acquire() as raw, raw.transaction():
            yield Connection(raw)  # type: ignore[arg-type]

    @asynccontextmanager
    async def listening(
        self, channel: str, heard: Callable[[str], Awaitable[None] | None]
    ) -> AsyncIterator[asyncpg.Connection]:
        """A connection of its own (outside the pool) that calls `heard(payload)` for every NOTIFY on the channel."""
        raw = await asyncpg.connect(self.dsn, server_settings={"application_name": "boreal-listen"})
        try:
            await raw.add_listener(channel, lambda _c, _pid, _channel, payload: heard(payload))
            yield raw
        finally:
            raw.terminate()  # closing it politely would wait for the other side, which may be gone


def one_of(column: str, values: type[StrEnum]) -> sa.CheckConstraint:
    """A CHECK that holds the value set of a column."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)
