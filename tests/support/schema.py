"""The schema as the tables of the code describe it."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from boreal.kit.db import metadata


def ddl() -> str:
    """CREATE statements for every table and index of the code, in the order of their dependencies."""
    dialect = postgresql.dialect()
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(sa.schema.CreateTable(table).compile(dialect=dialect)))
        statements += [
            str(sa.schema.CreateIndex(index).compile(dialect=dialect))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return ";\n".join(statements)
