"""The prices of products: which sets of them are allowed, how they are made, replaced and read."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.prices import STATIC, AmountType, MeterTier, MeterTierMode, Price, PriceSource, SeatTier
from boreal.core.products import Product
from boreal.kit.db import Record, Runs
from boreal.kit.problems import Fault, Location
from boreal.kit.tx import Tx
from boreal.rooms.catalog.products.price_schemas import (
    ProductPriceCustomCreate,
    ProductPriceFixedCreate,
    ProductPriceFreeCreate,
    ProductPriceMeteredUnitCreate,
    ProductPriceSeatBasedCreate,
)
from boreal.rooms.catalog.products.tables import ProductPriceRow
from boreal.rooms.usage.public import MeterRow

PriceCreate = (
    ProductPriceFixedCreate
    | ProductPriceCustomCreate
    | ProductPriceFreeCreate
    | ProductPriceSeatBasedCreate
    | ProductPriceMeteredUnitCreate
)

R = ProductPriceRow.c

_COLUMNS = tuple(column.name for column in ProductPriceRow.columns)
_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))
_INSERT = ProductPriceRow.insert().values({name: sa.bindparam(name, type_=R[name].type) for name in _COLUMNS})
_ARCHIVE = (
    sa.update(ProductPriceRow)
    .where(R.id == sa.func.any(_IDS))
    .values(is_archived=sa.true(), modified_at=sa.bindparam("now"))
)
PRICES = sa.select(ProductPriceRow, MeterRow.c.name.label("meter_name")).outerjoin(
    MeterRow, MeterRow.c.id == R.meter_id
)
"""Prices with the names of their meters, as `price_of` reads them."""
_BY_ID = PRICES.where(R.id == sa.func.any(_IDS))


def price_faults(
    wanted: Sequence[PriceCreate | Price | None],
    *,
    recurring: bool,
    loc: Location,
    known_meter_ids: Collection[UUID] = (),
) -> list[Fault]:
    """Everything that forbids this set of prices, new or kept, on one product (catalog spec 2.4, rules 2 to 5).

    Places are `loc` and the index in `wanted`; None holds the place of what is already known to be at fault.
    """
    faults = []
    if sum(price.amount_type in STATIC for price in wanted if price is not None) > 1:
        faults.append(Fault(loc, "Only one static price is allowed.", input=[_sent(price) for price in wanted]))
    used = {price.meter_id for price in wanted if isinstance(price, Price)}
    for index, price in enumerate(wanted):
        if not isinstance(price, ProductPriceMeteredUnitCreate):
            continue
        if not recurring:
            words = "Metered pricing is not supported on one-time products."
            faults.append(Fault((*loc, index), words, input=_sent(price)))
        place = (*loc, index, "meter_id")
        if price.meter_id not in known_meter_ids:
            faults.append(Fault(place, "Meter does not exist.", input=price.meter_id))
        elif price.meter_id in used:
            faults.append(Fault(place, "Meter is already used for another price.", input=price.meter_id))
        used.add(price.meter_id)
    return faults


def _sent(price: PriceCreate | Price | None) -> Any:
    """The element of the request, as JSON."""
    if isinstance(price, Price):
        return {"id": price.id}
    return None if price is None else price.model_dump(mode="json")


def meter_ids_of(wanted: Sequence[PriceCreate | Price | None]) -> set[UUID]:
    """The meters that new prices name."""
    return {price.meter_id for price in wanted if isinstance(price, ProductPriceMeteredUnitCreate)}


def new_price(
    create: PriceCreate,
    *,
    product: Product,
    source: PriceSource,
    position: int,
    now: datetime,
    meters: Mapping[UUID, str] = MappingProxyType({}),
) -> Price:
    """A price as it was asked for, not yet stored; ad hoc ones are made for one checkout session (catalog spec 6.4).

    `meters` has the names of the known meters.
    """
    amounts = create.model_dump(exclude={"amount_type", "seat_tiers", "tiers"})
    tiers = create.seat_tiers.tiers if isinstance(create, ProductPriceSeatBasedCreate) else ()
    usage = create.tiers if isinstance(create, ProductPriceMeteredUnitCreate) else None
    return Price(
        id=uuid.uuid4(),
        created_at=now,
        modified_at=None,
        organization_id=product.organization_id,
        product_id=product.id,
        source=source,
        position=position,
        is_archived=False,
        amount_type=AmountType(create.amount_type),
        seat_tiers=tuple(SeatTier(**tier.model_dump()) for tier in tiers),
        meter_tier_mode=usage.mode if usage is not None else None,
        meter_tiers=tuple(MeterTier(**tier.model_dump()) for tier in usage.tiers) if usage is not None else (),
        meter_name=meters[create.meter_id] if isinstance(create, ProductPriceMeteredUnitCreate) else None,
        **amounts,
    )


async def insert(tx: Tx, prices: Sequence[Price]) -> None:
    """Stores new prices."""
    rows = [{name: getattr(price, name) for name in _COLUMNS} for price in prices]
    for row in rows:
        row["seat_tiers"] = [asdict(tier) for tier in row["seat_tiers"]]
        row["meter_tiers"] = [{**asdict(tier), "unit_amount": str(tier.unit_amount)} for tier in row["meter_tiers"]]
    if rows:
        await tx.execute_many(_INSERT, rows)


async def archive(tx: Tx, prices: Sequence[Price]) -> None:
    """Takes prices off their product; who bought under them goes on paying them (catalog spec 2.5)."""
    if prices:
        await tx.execute(_ARCHIVE, ids=[price.id for price in prices], now=tx.now)


_FIELDS = tuple(field.name for field in fields(Price))


def price_of(row: Record) -> Price:
    """The price that a row holds."""
    values = {name: row[name] for name in _FIELDS if name in row}
    values["source"] = PriceSource(row["source"])
    values["amount_type"] = AmountType(row["amount_type"])
    values["seat_tiers"] = tuple(SeatTier(**tier) for tier in row["seat_tiers"])
    values["meter_tier_mode"] = MeterTierMode(row["meter_tier_mode"]) if row["meter_tier_mode"] else None
    values["meter_tiers"] = tuple(
        MeterTier(up_to=tier["up_to"], unit_amount=Decimal(tier["unit_amount"])) for tier in row["meter_tiers"]
    )
    return Price(**values)


async def read_prices(runs: Runs, ids: Sequence[UUID]) -> dict[UUID, Price]:
    """Prices by id, archived and ad hoc ones too, of any organization: the caller knows why it may see them."""
    return {row["id"]: price_of(row) for row in await runs.fetch(_BY_ID, ids=list(ids))}
