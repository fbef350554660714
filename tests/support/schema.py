"""The schema as the tables of the code describe it, and as a database has it."""

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from boreal.kit.db import metadata
from boreal.kit.migrations import heads


def ddl() -> str:
    """CREATE statements for every table, index and trigger of the code, in the order of their dependencies."""
    dialect = postgresql.dialect()
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(sa.schema.CreateTable(table).compile(dialect=dialect)))
        statements += [
            str(sa.schema.CreateIndex(index).compile(dialect=dialect))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
        statements += table.info.get("ddl", ())
    return ";\n".join(statements)


async def mark_as_migrated(connection: asyncpg.Connection) -> None:
    """Processes that use a database made of `ddl` find it up to date."""
    await connection.execute("CREATE TABLE alembic_version (version_num text PRIMARY KEY)")
    await connection.execute("INSERT INTO alembic_version VALUES ($1)", *heads())


_WITHOUT = "!~ '^(alembic_version|events_[0-9_]+)$'"
"""Months of events are made by a worker as time goes on, and are no part of a schema."""
_COLUMNS = f"""
    SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, identity_generation
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name {_WITHOUT}
    ORDER BY table_name, column_name
"""  # made of constants
_INDEXES = f"""
    SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename {_WITHOUT} ORDER BY indexname
"""  # made of constants
_CONSTRAINTS = f"""
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text {_WITHOUT}
    AND conname !~ '^without_[0-9_]+$' ORDER BY 1, 2
"""  # made of constants
_TRIGGERS = """
    SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), pg_get_functiondef(tgfoid) FROM pg_trigger
    WHERE NOT tgisinternal ORDER BY 1, 2
"""


async def schema_of(dsn: str) -> list[list[tuple[object, ...]]]:
    """Columns, indexes, constraints and triggers of every table, so that two databases can be compared."""
    connection = await asyncpg.connect(dsn)
    try:
        queries = (_COLUMNS, _INDEXES, _CONSTRAINTS, _TRIGGERS)
        return [[tuple(row.values()) for row in await connection.fetch(query)] for query in queries]
    finally:
        await connection.close()
