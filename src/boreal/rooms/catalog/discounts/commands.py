"""Making, changing and deleting discounts (catalog spec 4.2).

Two requests may claim one code at the same moment, so the unique index decides.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from asyncpg import UniqueViolationError

from boreal.core.discounts import Discount, code_key
from boreal.core.products import Product
from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.db import Runs
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.kit.tx import Tx
from boreal.rooms.catalog.discounts import queries
from boreal.rooms.catalog.discounts.requests import (
    DiscountFixedOnceForeverDurationCreate,
    DiscountFixedRepeatDurationCreate,
    DiscountPercentageOnceForeverDurationCreate,
    DiscountPercentageRepeatDurationCreate,
    DiscountUpdate,
)
from boreal.rooms.catalog.discounts.tables import UNIQUE_CODE
from boreal.rooms.platform.public import organization_of

Body = (
    DiscountFixedOnceForeverDurationCreate
    | DiscountFixedRepeatDurationCreate
    | DiscountPercentageOnceForeverDurationCreate
    | DiscountPercentageRepeatDurationCreate
)

_AMOUNTS = ("amount", "currency", "basis_points")
_CLEARED_BY_NULL = ("code", "starts_at", "ends_at", "max_redemptions")
_KEPT_WHEN_NULL = ("name", "duration_in_months", *_AMOUNTS)


async def create(app: App, actor: Actor, body: Body) -> tuple[Discount, Mapping[UUID, Product]]:
    """A new discount, and the products that it is limited to. Raises `Invalid` with every fault."""
    organization_id = organization_of(actor, body.organization_id)
    async with app.transaction(organization_id) as tx:
        discount = Discount(
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            organization_id=organization_id,
            name=body.name,
            type=body.type,
            duration=body.duration,
            duration_in_months=getattr(body, "duration_in_months", None),
            **{name: getattr(body, name, None) for name in _AMOUNTS},
            code=body.code,
            code_key=_key(body.code),
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            max_redemptions=body.max_redemptions,
            redemptions_count=0,
            product_ids=body.products or [],
            metadata=body.metadata,
        )
        faults = await _code_faults(tx, discount)
        products, unknown = await _products(tx, discount)
        if faults or unknown:
            raise Invalid(*faults, *unknown)
        await _save(tx, None, discount)
        return discount, products


async def update(app: App, actor: Actor, *, id: UUID, body: DiscountUpdate) -> tuple[Discount, Mapping[UUID, Product]]:
    """Changes what the body names. Raises `ResourceNotFound`, and `Invalid` for the first fault (catalog spec 4.2)."""
    seen = await queries.get(app.database, actor, id=id)
    async with app.transaction(seen.organization_id) as tx:
        before = await _lock(tx, id)
        for name in ("duration", "type"):
            wanted = getattr(body, name)
            if wanted is not None and wanted != getattr(before, name):
                raise Invalid(Fault(("body", name), f"{name.title()} cannot be changed.", input=wanted))
        after = replace(before, modified_at=tx.now, **_changes(before, body))
        if after.code_key != before.code_key and (faults := await _code_faults(tx, after)):
            raise Invalid(*faults)
        _refuse_amounts(before, after)
        products, unknown = await _products(tx, after)
        if unknown:
            raise Invalid(unknown[0])
        await _save(tx, before, after)
        return after, products


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """Deletes a discount, which frees its code; who holds it keeps it. Raises `ResourceNotFound`."""
    seen = await queries.get(app.database, actor, id=id)
    async with app.transaction(seen.organization_id) as tx:
        before = await _lock(tx, id)
        await tx.save(before, replace(before, deleted_at=tx.now, modified_at=tx.now))


async def _lock(tx: Tx, id: UUID) -> Discount:
    discount = await tx.lock(Discount, id)
    if discount is None or discount.deleted_at is not None:
        raise ResourceNotFound
    return discount


async def _save(tx: Tx, before: Discount | None, after: Discount) -> None:
    try:
        await tx.save(before, after)
    except UniqueViolationError as clash:
        if clash.constraint_name != UNIQUE_CODE:
            raise
        raise Invalid(_code_fault(after)) from clash


def _key(code: str | None) -> str | None:
    return None if code is None else code_key(code)


def _code_fault(discount: Discount) -> Fault:
    return Fault(("body", "code"), "Discount with this code already exists.", input=discount.code)


async def _code_faults(runs: Runs, discount: Discount) -> list[Fault]:
    """A fault if a live discount has the code already."""
    if discount.code is None:
        return []
    other = await queries.find_discount(runs, organization_id=discount.organization_id, code=discount.code)
    return [] if other is None or other.id == discount.id else [_code_fault(discount)]


def _refuse_amounts(before: Discount, after: Discount) -> None:
    """What was redeemed stays worth what it was; naming an amount as it is changes nothing."""
    for name in _AMOUNTS:
        current = getattr(before, name)
        if before.redemptions_count > 0 and getattr(after, name) != current:
            words = "This field cannot be changed because the discount has already been redeemed."
            raise Invalid(Fault(("body", name), words, input=current))


async def _products(runs: Runs, discount: Discount) -> tuple[dict[UUID, Product], list[Fault]]:
    """The products that a discount is limited to, and a fault for each that its organization has not."""
    found = await queries.read_restrictions(runs, [discount])
    own = {id: product for id, product in found.items() if product.organization_id == discount.organization_id}
    faults = [
        Fault(("body", "products", index), "Product not found.", input=str(id))
        for index, id in enumerate(discount.product_ids)
        if id not in own
    ]
    return own, faults


def _changes(discount: Discount, body: DiscountUpdate) -> dict[str, Any]:
    """The fields of this kind of discount that the body sets. Null clears code, dates and limit, and leaves others."""
    given = body.model_fields_set
    changes: dict[str, Any] = {name: getattr(body, name) for name in _CLEARED_BY_NULL if name in given}
    if "code" in changes:
        changes["code_key"] = _key(body.code)
    if "metadata" in given:
        changes["metadata"] = body.metadata
    if body.products is not None:
        changes["product_ids"] = body.products
    changes |= {
        name: getattr(body, name)
        for name in _KEPT_WHEN_NULL
        if getattr(body, name) is not None and getattr(discount, name) is not None
    }
    return changes
