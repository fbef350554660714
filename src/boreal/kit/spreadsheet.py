"""Exports as CSV: streamed in pages, and safe to open in a spreadsheet (orders spec 3.2).

>>> line(["=1+1", "Ada", None, 12]).strip()
"'=1+1,Ada,,12"
>>> amount_text(10000), amount_text(-1005)
('100.0', '-10.05')
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from starlette.responses import StreamingResponse

from boreal.kit.db import Record, Runs

PAGE = 1000
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def line(cells: Sequence[Any]) -> str:
    """One line, ended by CRLF. Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_safe(cell) for cell in cells])
    return text.getvalue()


def amount_text(minor: int) -> str:
    """Hundredths as a plain number with at least one decimal, as exports show amounts in every currency."""
    whole, _, decimals = f"{Decimal(minor) / 100:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


class Number(str):
    """Text that is a number, and so may begin with a minus."""


def _safe(cell: Any) -> Any:
    if isinstance(cell, str) and not isinstance(cell, Number) and cell.startswith(_STARTS_FORMULA):
        return "'" + cell
    return cell


def export(
    runs: Runs,
    statement: sa.sql.base.Executable,
    header: Sequence[str],
    cells: Callable[[Record], Sequence[Any]],
    *,
    name: str,
    **binds: Any,
) -> StreamingResponse:
    """A file of this name with a line per row, read a page at a time, so that neither memory nor a lock is held.

    The statement gives the newest first and goes on after a row: it takes `page_size`, and `after_at` and `after_id`,
    which are the row's `export_at` and `id`, or null for the first page.
    """

    async def lines() -> AsyncIterator[str]:
        yield line(header)
        after_at, after_id = None, None
        while True:
            rows = await runs.fetch(statement, after_at=after_at, after_id=after_id, page_size=PAGE, **binds)
            if rows:
                yield "".join(line(cells(row)) for row in rows)
            if len(rows) < PAGE:
                return
            after_at, after_id = rows[-1]["export_at"], rows[-1]["id"]

    headers = {"content-disposition": f"attachment; filename={name}"}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def pages(select: sa.Select[Any], at: sa.ColumnElement[Any], id: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The select in pages, as `export` wants it: newest first by `at`, then by `id`."""
    after_at = sa.bindparam("after_at", type_=sa.DateTime(timezone=True))
    after_id = sa.bindparam("after_id", type_=id.type)
    return (
        select.add_columns(at.label("export_at"))
        .where(sa.or_(after_at.is_(None), sa.tuple_(at, id) < sa.tuple_(after_at, after_id)))
        .order_by(at.desc(), id.desc())
        .limit(sa.bindparam("page_size", type_=sa.Integer))
    )


def chosen(name: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """A filter that lets everything through when it is not given: null, or the values that the column may have."""
    values = sa.bindparam(name, type_=sa.ARRAY(column.type))
    return sa.or_(values.is_(None), column == sa.any_(values))


def values(given: Any) -> list[Any] | None:
    """What `chosen` takes for a query parameter that may be repeated."""
    return given if given is None or isinstance(given, list) else [given]
