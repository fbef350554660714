"""Rows of whole databases as values: taken out, put into an older schema, made up where there are none, compared.

Nothing here knows a table by name. What a column can hold, and what a row has to satisfy, comes from the catalog of the
database at hand, so that tables which do not exist yet are no more work.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from random import Random
from typing import Any

import asyncpg

Rows = dict[str, list[dict[str, Any]]]
"""Rows by table, as `to_jsonb` writes them."""

_TABLES = """
    SELECT relname FROM pg_class
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
        AND relname <> 'alembic_version' ORDER BY relname
"""
_COLUMNS = """
    SELECT attrelid::regclass::text AS table, attname AS name, format_type(atttypid, NULL) AS type,
        NOT attnotnull AS nullable, attgenerated <> '' AS computed, attidentity <> '' AS numbered
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    ORDER BY attrelid, attnum
"""
_REFERENCES = """
    SELECT conrelid::regclass::text AS table, a.attname AS column, confrelid::regclass::text AS other,
        b.attname AS key
    FROM pg_constraint JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
    JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = confkey[1]
    WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""
_CHECKS = """
    SELECT conrelid::regclass::text AS table, attname AS column, pg_get_constraintdef(pg_constraint.oid) AS says
    FROM pg_constraint CROSS JOIN unnest(conkey) AS number
    JOIN pg_attribute ON attrelid = conrelid AND attnum = number
    WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""
_QUOTED = re.compile(r"'([^']*)'::text")

_SAMPLES: Mapping[str, Sequence[Any]] = {
    "text": ("x",),
    "bigint": (1, 0, 2),
    "integer": (1, 0, 2),
    "smallint": (1, 0, 2),
    "numeric": ("1.5", 0),
    "double precision": (1.5, 0),
    "boolean": (False, True),
    "jsonb": ({}, []),
    "bytea": ("\\x00ff",),
    "date": ("2026-01-15",),
    "timestamp with time zone": ("2026-01-15T12:00:00+00:00", "2026-02-15T12:00:00+00:00"),
    "interval": ("1 day",),
}


@dataclass(frozen=True)
class Column:
    """A column, and the values to try for it."""

    name: str
    numbered: bool
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Catalog:
    """The tables of a database, those first that others refer to, with their columns."""

    columns: dict[str, list[Column]]
    references: dict[tuple[str, str], tuple[str, str]]

    def shared(self, table: str, other: "Catalog") -> list[str]:
        """The columns of a table that both have."""
        theirs = {column.name for column in other.columns[table]}
        return [column.name for column in self.columns[table] if column.name in theirs]


async def read_catalog(connection: asyncpg.Connection) -> Catalog:
    """What the database says about its tables."""
    tables = [row["relname"] for row in await connection.fetch(_TABLES)]
    found = await connection.fetch(_REFERENCES)
    references = {(row["table"], row["column"]): (row["other"], row["key"]) for row in found}
    graph = {
        table: {other for (one, _), (other, _) in references.items() if one == table} - {table} for table in tables
    }
    words: dict[tuple[str, str], list[str]] = {}
    for row in await connection.fetch(_CHECKS):
        words.setdefault((row["table"], row["column"]), []).extend(_QUOTED.findall(row["says"]))
    columns: dict[str, list[Column]] = {table: [] for table in TopologicalSorter(graph).static_order()}
    for row in await connection.fetch(_COLUMNS):
        table, name = row["table"], row["name"]
        if table in columns and not row["computed"]:
            samples = _samples(row["type"], words.get((table, name), ()))
            nothing = (None,) if row["nullable"] else ()
            columns[table].append(Column(name, row["numbered"], (*samples, *nothing)))
    return Catalog(columns, references)


def _samples(type: str, words: Sequence[str]) -> tuple[Any, ...]:
    if type.endswith("[]"):
        return ([],)
    if type == "uuid":
        return tuple(str(uuid.uuid4()) for _ in range(3))
    if type == "text" and words:
        return tuple(dict.fromkeys(words))
    return tuple(_SAMPLES[type])


async def take(connection: asyncpg.Connection, catalog: Catalog) -> Rows:
    """Every row of every table."""
    return {
        table: [json.loads(row[0]) for row in await connection.fetch(f'SELECT to_jsonb(t) FROM "{table}" AS t')]
        for table in catalog.columns
    }


async def put(connection: asyncpg.Connection, catalog: Catalog, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows; members that are no columns here are left out, and what is not given is the default."""
    if not rows:
        return
    names = [column.name for column in catalog.columns[table] if column.name in rows[0]]
    listed = ", ".join(f'"{name}"' for name in names)
    await connection.execute(
        f'INSERT INTO "{table}" ({listed}) OVERRIDING SYSTEM VALUE '
        f'SELECT {listed} FROM jsonb_populate_recordset(NULL::"{table}", $1)',
        json.dumps([dict(row) for row in rows]),
    )


async def make_up(connection: asyncpg.Connection, catalog: Catalog, table: str, rows: Rows) -> dict[str, Any]:
    """Inserts a row that the table takes, refers to `rows` where it has to refer, and returns it.

    Values are drawn from what the catalog allows until all constraints are content.
    """
    random = Random(table)
    refusal = ""
    for _ in range(2000):
        row = {column.name: random.choice(column.values) for column in catalog.columns[table] if not column.numbered}
        for name in row:
            if (found := catalog.references.get((table, name))) and row[name] is not None:
                other, key = found
                row[name] = random.choice(rows[other])[key] if rows[other] else None
        try:
            async with connection.transaction():
                await put(connection, catalog, table, [row])
        except asyncpg.IntegrityConstraintViolationError as refused:
            refusal = str(refused)
            continue
        (made,) = (await take(connection, Catalog({table: catalog.columns[table]}, {})))[table]
        return made
    raise AssertionError(f"no row for {table} could be made up: {refusal}")
