"""What a product may refer to: meters, files, custom fields and benefits.

Each look-up finds those that are there. Custom fields and benefits are kept alive until the end of the transaction, and
meters by a hold.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from boreal.core.benefits import Benefit
from boreal.core.custom_fields import CustomField
from boreal.core.files import FileServiceTypes
from boreal.core.prices import Price
from boreal.core.products import Product
from boreal.kit.db import Record, Runs
from boreal.kit.tx import Tx
from boreal.rooms.catalog.benefits import queries as benefits
from boreal.rooms.catalog.custom_fields import queries as custom_fields
from boreal.rooms.platform.public import uploaded_files
from boreal.rooms.usage.public import meter_names, set_holds


async def known_meters(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Those of `ids` that are meters of the organization, with their names (catalog spec 2.4, rule 5)."""
    return await meter_names(runs, organization_id, ids)


async def hold_meters(tx: Tx, product: Product, prices: Sequence[Price]) -> None:
    """Keeps the meters of these live prices from being archived, unless the product itself is (usage spec 4.1)."""
    ids = {price.meter_id for price in prices if price.meter_id is not None and not product.is_archived}
    await set_holds(tx, kind="product", holder_id=product.id, meter_ids=ids)


async def known_files(runs: Runs, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Those of `ids` that are uploaded product media of the organization, by id (catalog spec 2.7)."""
    return await uploaded_files(runs, organization_id=organization_id, service=FileServiceTypes.PRODUCT_MEDIA, ids=ids)


async def known_custom_fields(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> dict[UUID, CustomField]:
    """Those of `ids` that are custom fields of the organization, by id, kept alive until the end of the transaction."""
    return await custom_fields.attachable(runs, organization_id, ids)


async def known_benefits(runs: Runs, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Benefit]:
    """Those of `ids` that are benefits of the organization, by id, kept alive until the end of the transaction."""
    return await benefits.attachable(runs, organization_id, ids)
