"""The rows of a database as text, and which ids and tokens in them belong to an organization."""

import re
from collections.abc import Mapping

import sqlalchemy as sa

from boreal.kit.db import metadata
from tests.support.shop import Shop

_SECRET = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|polar_[a-z]+_[0-9A-Za-z]{43}|(?:cus|pi|seti)_[0-9a-f]{24}"
)
_EVERYBODY = "00000000-0000-0000-0000-000000000000"
"""Stands for all subjects where usage is added up, in the rows of every organization."""
_ROWS = sa.text(
    " UNION ALL ".join(f"SELECT '{name} ' || {name}::text AS row FROM {name}" for name in sorted(metadata.tables))
    + " ORDER BY row"
)

STATE = sa.text(
    " UNION ALL ".join(
        f"SELECT '{name}' AS name, count(*) AS rows, sum(xmin::text::bigint) AS written FROM {name}"
        for name in sorted(metadata.tables)
    )
)
"""Differs after whatever was written: a deletion leaves fewer rows, and all else leaves one of a later transaction."""


async def rows_of(shop: Shop) -> list[str]:
    """Every row of the database, as text that begins with the name of its table."""
    return [row["row"] for row in await shop.app.database.fetch(_ROWS)]


def naming(secrets: frozenset[str], rows: list[str]) -> list[str]:
    """The rows that hold one of the secrets."""
    return [row for row in rows if not secrets.isdisjoint(_SECRET.findall(row))]


def secrets_of(own: Mapping[str, str], rows: list[str]) -> frozenset[str]:
    """Every id and token in the rows that name an organization, in the rows that name one of those, and so on."""
    found = frozenset({own["organization_id"]})
    while True:
        grown = found.union(*(_SECRET.findall(row) for row in naming(found, rows))) - {_EVERYBODY}
        if grown == found:
            return found
        found = grown
