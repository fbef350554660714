"""The customer meters that a customer sees of its own (usage spec 16). Which those are says a room above."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.auth import Actor, owned_by, read_visible
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListQuery, ListSpec, any_of, search
from boreal.kit.schemas import UUID4
from boreal.rooms.usage.customer_meters.balances import SELECT, balance_of, column
from boreal.rooms.usage.customer_meters.queries import IS_LIVE, MEASURES, render_balance

CUSTOMER_ID = column("customer_meters.customer_id", PgUUID)
METER_ID = column("customer_meters.meter_id", PgUUID)


class OwnMeters:
    """The customer meters of the authenticated customer that are not archived and that `entitled` admits.

    `entitled` is a condition over `CUSTOMER_ID` and `METER_ID`.
    """

    def __init__(self, entitled: sa.ColumnElement[bool]) -> None:
        select = SELECT.where(IS_LIVE, entitled)
        self.listing = ListSpec(
            select=select,
            visible=owned_by(CUSTOMER_ID),
            key=column("customer_meters.id", PgUUID),
            sorts=MEASURES,
            default="-modified_at",
            filters=(any_of("meter_id", METER_ID, UUID4), search("query", column("meters.name", sa.Text))),
            sort_name="CustomerCustomerMeterSortProperty",
        )
        self._get = select.where(
            column("customer_meters.id", PgUUID) == sa.bindparam("id", type_=PgUUID), owned_by(CUSTOMER_ID)
        )

    async def listed(self, runs: Runs, actor: Actor, query: ListQuery) -> dict[str, Any]:
        """The list that was asked for."""
        page = await self.listing.fetch(runs, actor, query)
        return page.envelope([await _render(runs, row) for row in page.rows])

    async def get(self, runs: Runs, actor: Actor, id: UUID) -> dict[str, Any]:
        """One of them; raises `ResourceNotFound`."""
        row = await read_visible(runs, self._get, actor, id)
        return await _render(runs, row)


async def _render(runs: Runs, row: Record) -> dict[str, Any]:
    meter = {"id": row["meter_id"], **{name: row[f"meter_{name}"] for name in ("created_at", "modified_at", "name")}}
    return {**render_balance(await balance_of(runs, row)), "customer_id": row["customer_id"], "meter": meter}
