"""What a product may refer to: meters, files, custom fields and benefits.

Files and benefits cannot exist yet, so their look-ups find nothing and whoever names one is told that it does
not exist. The room or resource that brings one of them replaces its look-up here, and nothing else of the products.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.custom_fields import CustomField
from boreal.core.prices import Price
from boreal.core.products import Product
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.rooms.catalog.custom_fields import queries as custom_fields
from boreal.rooms.usage.public import meter_names, set_holds

BENEFIT_ID: sa.ColumnElement[UUID] = sa.cast(sa.null(), PgUUID)
"""The benefits attached to a product, for the filter `benefit_id` of the list: none."""


async def known_meters(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Those of `ids` that are meters of the organization, with their names (catalog spec 2.4, rule 5)."""
    return await meter_names(runs, organization_id, ids)


async def hold_meters(tx: Tx, product: Product, prices: Sequence[Price]) -> None:
    """Keeps the meters of these live prices from being archived, unless the product itself is (usage spec 4.1)."""
    ids = {price.meter_id for price in prices if price.meter_id is not None and not product.is_archived}
    await set_holds(tx, kind="product", holder_id=product.id, meter_ids=ids)


async def known_files(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of `ids` that are uploaded, enabled product media of the organization (catalog spec 2.7)."""
    return frozenset()


async def known_custom_fields(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> dict[UUID, CustomField]:
    """Those of `ids` that are custom fields of the organization, by id, kept alive until the end of the transaction."""
    return await custom_fields.attachable(runs, organization_id, ids)


async def known_benefits(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of `ids` that are benefits of the organization (catalog spec 2.7)."""
    return frozenset()
