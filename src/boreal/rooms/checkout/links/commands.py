"""Making, changing and deleting checkout links, and taking archived products off them (catalog spec 5.2, 2.8)."""

import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.db import Record, Runs
from boreal.kit.problems import Fault, Invalid, Location, ResourceNotFound
from boreal.kit.secrets import new_token
from boreal.kit.work import Work
from boreal.rooms.catalog.public import ProductDetail, find_discount, read_products
from boreal.rooms.checkout.checkouts.creation import available_products, product_of_price
from boreal.rooms.checkout.links import queries
from boreal.rooms.checkout.links.schemas import (
    CheckoutLinkCreateProduct,
    CheckoutLinkCreateProductPrice,
    CheckoutLinkCreateProducts,
    CheckoutLinkUpdate,
)
from boreal.rooms.checkout.links.tables import CheckoutLinkRow

SECRET_PREFIX = "polar_cl_"

Body = CheckoutLinkCreateProductPrice | CheckoutLinkCreateProduct | CheckoutLinkCreateProducts

_CLEARED_BY_NULL = ("label", "discount_id", "success_url", "trial_interval", "trial_interval_count")
_KEPT_WHEN_NULL = ("allow_discount_codes", "require_billing_address")

L = CheckoutLinkRow.c

_INSERT = CheckoutLinkRow.insert().returning(CheckoutLinkRow)
_LOCK = sa.select(CheckoutLinkRow).where(queries.LIVE, L.id == sa.bindparam("id_")).with_for_update()
_SETTABLE = (*_CLEARED_BY_NULL, *_KEPT_WHEN_NULL, "metadata", "product_ids")
_UPDATE = (
    sa.update(CheckoutLinkRow)
    .where(L.id == sa.bindparam("id_"))
    .values({name: sa.bindparam(f"new_{name}", type_=L[name].type) for name in (*_SETTABLE, "modified_at")})
    .returning(CheckoutLinkRow)
)
_DELETE = (
    sa.update(CheckoutLinkRow)
    .where(queries.LIVE, L.id == sa.bindparam("id_"))
    .values(deleted_at=sa.bindparam("now"), modified_at=sa.bindparam("now"))
)
_HAVING = L.product_ids.contains(sa.bindparam("product_ids", type_=ARRAY(PgUUID)))
_TAKE_OFF = (
    sa.update(CheckoutLinkRow)
    .where(queries.LIVE, L.organization_id == sa.bindparam("organization_id"), _HAVING)
    .values(
        product_ids=sa.func.array_remove(L.product_ids, sa.bindparam("product_id", type_=PgUUID)),
        modified_at=sa.bindparam("now"),
        deleted_at=sa.case((sa.func.cardinality(L.product_ids) == 1, sa.bindparam("now"))),
    )
)


async def create(app: App, actor: Actor, body: Body) -> Record:
    """A new link. Raises `Invalid`: all faults of the products together, else that of the discount."""
    details = await _products(app, actor, body)
    organization_id = details[0].product.organization_id
    async with app.transaction(organization_id) as tx:
        await _refuse_discount(tx, organization_id, body.discount_id, details)
        return await _insert(
            tx,
            created_at=tx.now,
            organization_id=organization_id,
            product_ids=[detail.product.id for detail in details],
            metadata=body.metadata,
            **{name: getattr(body, name) for name in (*_CLEARED_BY_NULL, *_KEPT_WHEN_NULL)},
        )


async def update(app: App, actor: Actor, *, id: UUID, body: CheckoutLinkUpdate) -> Record:
    """Changes what the body names. Raises `ResourceNotFound` and `Invalid`, as `create`."""
    seen = await queries.get(app.database, actor, id=id)
    details = await _replacements(app, actor, seen["organization_id"], body.products)
    async with app.transaction(seen["organization_id"]) as tx:
        row = await tx.fetchrow(_LOCK, id_=id)
        if row is None:
            raise ResourceNotFound
        if body.discount_id is not None:
            kept = await read_products(tx, row["product_ids"]) if not details else {}
            await _refuse_discount(tx, row["organization_id"], body.discount_id, details or list(kept.values()))
        wanted = {name: row[name] for name in _SETTABLE} | _changes(body)
        return await _written(tx, id=id, wanted=wanted | {"modified_at": tx.now})


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """Deletes a link; sessions that it opened stay. Raises `ResourceNotFound`."""
    seen = await queries.get(app.database, actor, id=id)
    async with app.transaction(seen["organization_id"]) as tx:
        await tx.execute(_DELETE, id_=id, now=tx.now)


async def make(
    app: App,
    *,
    organization_id: UUID,
    product_ids: Sequence[UUID],
    label: str | None = None,
    success_url: str | None = None,
) -> str:
    """A new link to products of the organization, for who need not ask; returns its client secret."""
    blank = dict.fromkeys(_CLEARED_BY_NULL)
    async with app.transaction(organization_id) as tx:
        row = await _insert(
            tx,
            **blank | {"label": label, "success_url": success_url},
            created_at=tx.now,
            organization_id=organization_id,
            product_ids=list(product_ids),
            allow_discount_codes=True,
            require_billing_address=False,
            metadata={},
        )
    return str(row["client_secret"])


async def take_archived_off(app: App, work: Work) -> None:
    """Takes a product that is archived off every link; a link that has no other is deleted (catalog spec 2.8).

    Follows `product.updated`; done twice, the second time finds nothing.
    """
    product_id = UUID(work.payload["subject_id"])
    detail = (await read_products(app.database, [product_id]))[product_id]
    if not detail.product.is_archived:
        return
    organization_id = detail.product.organization_id
    async with app.transaction(organization_id) as tx:
        await tx.execute(
            _TAKE_OFF,
            organization_id=organization_id,
            product_id=product_id,
            product_ids=[product_id],
            now=tx.now,
        )


async def _insert(runs: Runs, **values: Any) -> Record:
    row = await runs.fetchrow(
        _INSERT, **values, id=uuid.uuid4(), modified_at=None, deleted_at=None, client_secret=new_token(SECRET_PREFIX)
    )
    assert row is not None
    return row


async def _written(runs: Runs, *, id: UUID, wanted: dict[str, Any]) -> Record:
    row = await runs.fetchrow(_UPDATE, id_=id, **{f"new_{name}": value for name, value in wanted.items()})
    assert row is not None
    return row


async def _products(app: App, actor: Actor, body: Body) -> Sequence[ProductDetail]:
    """The products of a new link. Of a price only its product is kept (catalog spec 5.2)."""
    if isinstance(body, CheckoutLinkCreateProductPrice):
        return (await product_of_price(app, actor, body.product_price_id)).details
    ids = body.products if isinstance(body, CheckoutLinkCreateProducts) else [body.product_id]
    return await available_products(app, actor, ids, _places(len(ids)))


async def _replacements(
    app: App, actor: Actor, organization_id: UUID, ids: Sequence[UUID] | None
) -> Sequence[ProductDetail]:
    """The products that a link is to have from now on; none if they stay. Raises `Invalid`."""
    details = await available_products(app, actor, ids, _places(len(ids))) if ids else ()
    if any(detail.product.organization_id != organization_id for detail in details):
        words = "Products don't belong to the checkout link's organization."
        raise Invalid(Fault(("body", "products"), words, input=[str(id) for id in ids or ()]))
    return details


def _places(count: int) -> list[Location]:
    return [("body", "products", index) for index in range(count)]


async def _refuse_discount(
    runs: Runs, organization_id: UUID, discount_id: UUID | None, details: Sequence[ProductDetail]
) -> None:
    """Raises `Invalid` unless the discount exists and covers every product; when it counts is told at each visit."""
    if discount_id is None:
        return
    discount = await find_discount(runs, organization_id=organization_id, id=discount_id)
    ids = {detail.product.id for detail in details}
    if discount is None or (discount.product_ids and not ids <= set(discount.product_ids)):
        words = "Discount does not exist or is not applicable to this product."
        raise Invalid(Fault(("body", "discount_id"), words, input=str(discount_id)))


def _changes(body: CheckoutLinkUpdate) -> dict[str, Any]:
    """What the body sets. Null clears label, discount, address and trial, and leaves the rest."""
    given = body.model_fields_set
    changes: dict[str, Any] = {name: getattr(body, name) for name in _CLEARED_BY_NULL if name in given}
    changes |= {name: getattr(body, name) for name in _KEPT_WHEN_NULL if getattr(body, name) is not None}
    if "metadata" in given:
        changes["metadata"] = body.metadata
    if body.products is not None:
        changes["product_ids"] = body.products
    return changes
