"""Making and changing products (catalog spec 2)."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core.custom_fields import AttachedField
from boreal.core.prices import Price, PriceSource, in_wire_order
from boreal.core.products import Product
from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.db import Record, Runs
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.kit.tx import Tx
from boreal.rooms.catalog.custom_fields.schemas import AttachedCustomFieldCreate
from boreal.rooms.catalog.custom_fields.tables import ProductCustomFieldRow
from boreal.rooms.catalog.products import prices, queries, references
from boreal.rooms.catalog.products.attachments import BENEFITS, MEDIAS
from boreal.rooms.catalog.products.price_schemas import ExistingProductPrice
from boreal.rooms.catalog.products.prices import PriceCreate
from boreal.rooms.catalog.products.queries import ProductDetail
from boreal.rooms.catalog.products.schemas import ProductCreate, ProductCreateRecurring, ProductUpdate
from boreal.rooms.platform.public import organization_of

_ATTACH = ProductCustomFieldRow.insert().values(
    {column.name: sa.bindparam(column.name, type_=column.type) for column in ProductCustomFieldRow.columns}
)
_DETACH_ALL = sa.delete(ProductCustomFieldRow).where(ProductCustomFieldRow.c.product_id == sa.bindparam("key"))

_PRICES = ("body", "prices")
_INTERVAL = ("body", "recurring_interval")


async def create(app: App, actor: Actor, body: ProductCreate) -> ProductDetail:
    """A new product; its prices are in the order of the request. Raises `Invalid` with every fault."""
    organization_id = organization_of(actor, body.organization_id)
    async with app.transaction(organization_id) as tx:
        trial = body if isinstance(body, ProductCreateRecurring) else None
        product = Product(
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            organization_id=organization_id,
            name=body.name,
            description=body.description,
            recurring_interval=body.recurring_interval,
            recurring_interval_count=body.recurring_interval_count,
            trial_interval=trial.trial_interval if trial else None,
            trial_interval_count=trial.trial_interval_count if trial else None,
            is_archived=False,
            metadata=body.metadata,
        )
        faults = await _price_faults(tx, product, body.prices)
        medias, absent = await _wanted_medias(tx, product, body.medias)
        fields, unknown = await _wanted_fields(tx, product, body.attached_custom_fields)
        if faults + absent + unknown:
            raise Invalid(*faults, *absent, *unknown)
        await tx.save(None, product)
        added = await _add(tx, product, body.prices)
        await _attach(tx, product, fields)
        if medias:
            await MEDIAS.set(tx, product.id, [file["id"] for file in medias])
        await references.hold_meters(tx, product, added)
        return ProductDetail(product, added, fields, medias)


async def update(app: App, actor: Actor, *, id: UUID, body: ProductUpdate) -> ProductDetail:
    """Changes what the body names. Raises `ResourceNotFound`, or `Invalid` with every fault (catalog spec 2.5, 2.6)."""
    organization_id = await _organization_of_product(app.database, actor, id)
    async with app.transaction(organization_id) as tx:
        before = await queries.lock_product(tx, id)
        wanted, missing = _wanted(before.prices, body.prices)
        faults = _interval_faults(before.product, body) + _trial_faults(before.product, body) + missing
        if wanted is not None:
            faults += await _price_faults(tx, before.product, wanted)
        medias, absent = await _wanted_medias(tx, before.product, body.medias)
        fields, unknown = await _wanted_fields(tx, before.product, body.attached_custom_fields)
        if faults + absent + unknown:
            raise Invalid(*faults, *absent, *unknown)
        if body.medias is None:
            medias = before.medias
        else:
            await MEDIAS.set(tx, id, [file["id"] for file in medias])
        if body.attached_custom_fields is None:
            fields = before.custom_fields
        elif fields != before.custom_fields:
            await tx.execute(_DETACH_ALL, key=id)
            await _attach(tx, before.product, fields)
        live = before.prices if wanted is None else await _replace(tx, before, wanted)
        product = replace(before.product, modified_at=tx.now, **_changes(body))
        after = ProductDetail(product, live, fields, medias, before.benefits)
        await tx.save(before.product, product, details={"updated_fields": _updated_fields(before, after)})
        if wanted is not None or product.is_archived != before.product.is_archived:
            await references.hold_meters(tx, product, live)
        return after


async def update_benefits(app: App, actor: Actor, *, id: UUID, benefit_ids: Sequence[UUID]) -> ProductDetail:
    """Sets the benefits of a product, in their order. Raises `ResourceNotFound`, and `Invalid` for the first fault."""
    organization_id = await _organization_of_product(app.database, actor, id)
    async with app.transaction(organization_id) as tx:
        before = await queries.lock_product(tx, id)
        known = await references.known_benefits(tx, organization_id, benefit_ids)
        attached = {benefit.id: benefit for benefit in before.benefits}
        for index, benefit_id in enumerate(benefit_ids):
            place = ("body", "benefits", index)
            if benefit_id not in known:
                raise Invalid(Fault(place, "Benefit does not exist.", input=str(benefit_id)))
            if not known[benefit_id].selectable and benefit_id not in attached:
                raise Invalid(Fault(place, "Benefit is not selectable.", input=str(benefit_id)))
        for removed in attached.keys() - set(benefit_ids):
            if not attached[removed].selectable:
                raise Invalid(Fault(("body", "benefits"), "Benefit is not selectable.", input=str(removed)))
        await BENEFITS.set(tx, id, benefit_ids)
        product = replace(before.product, modified_at=tx.now)
        await tx.save(before.product, product, details={"benefits_changed": attached.keys() != set(benefit_ids)})
        return replace(before, product=product, benefits=tuple(known[benefit_id] for benefit_id in benefit_ids))


async def _organization_of_product(runs: Runs, actor: Actor, id: UUID) -> UUID:
    found = await queries.find_products(runs, actor, [id])
    if id not in found:
        raise ResourceNotFound
    return found[id].product.organization_id


async def _add(tx: Tx, product: Product, wanted: Sequence[PriceCreate | Price]) -> tuple[Price, ...]:
    """Stores the new ones among `wanted`; returns those only."""
    meters = await references.known_meters(tx, product.organization_id, prices.meter_ids_of(wanted))
    added = tuple(
        prices.new_price(price, product=product, source=PriceSource.CATALOG, position=index, now=tx.now, meters=meters)
        for index, price in enumerate(wanted)
        if not isinstance(price, Price)
    )
    await prices.insert(tx, added)
    return added


async def _replace(tx: Tx, before: ProductDetail, wanted: Sequence[PriceCreate | Price | None]) -> tuple[Price, ...]:
    """Makes `wanted` the live prices: archives what is not in it, adds what is new (catalog spec 2.5)."""
    present = [price for price in wanted if price is not None]
    kept = {price.id for price in present if isinstance(price, Price)}
    await prices.archive(tx, [price for price in before.prices if price.id not in kept])
    added = await _add(tx, before.product, present)
    return in_wire_order((*(price for price in before.prices if price.id in kept), *added))


def _wanted(
    live: Sequence[Price], asked: Sequence[ExistingProductPrice | PriceCreate] | None
) -> tuple[list[PriceCreate | Price | None] | None, list[Fault]]:
    """The asked prices with those to keep looked up (None: not live on this product); None if none were asked for."""
    if asked is None:
        return None, []
    if not asked:
        return None, [Fault(_PRICES, "At least one price is required.", "too_short", [])]
    by_id = {price.id: price for price in live}
    wanted: list[PriceCreate | Price | None] = []
    faults = []
    for index, price in enumerate(asked):
        if not isinstance(price, ExistingProductPrice):
            wanted.append(price)
            continue
        kept = by_id.get(price.id)
        if kept is None:
            faults.append(Fault((*_PRICES, index), "Price does not exist.", input={"id": price.id}))
        wanted.append(None if kept in wanted else kept)
    return wanted, faults


async def _price_faults(runs: Runs, product: Product, wanted: Sequence[PriceCreate | Price | None]) -> list[Fault]:
    known = await references.known_meters(runs, product.organization_id, prices.meter_ids_of(wanted))
    return prices.price_faults(wanted, recurring=product.is_recurring, loc=_PRICES, known_meter_ids=known)


async def _wanted_medias(
    runs: Runs, product: Product, asked: Sequence[UUID] | None
) -> tuple[tuple[Record, ...], list[Fault]]:
    """The asked pictures in their order, and one fault for each that does not exist (catalog spec 2.7)."""
    ids = asked or ()
    known = await references.known_files(runs, product.organization_id, ids)
    words = "File does not exist or is not yet uploaded."
    faults = [Fault(("body", "medias", index), words, input=str(id)) for index, id in enumerate(ids) if id not in known]
    return tuple(known[id] for id in ids if id in known), faults


async def _wanted_fields(
    runs: Runs, product: Product, asked: Sequence[AttachedCustomFieldCreate] | None
) -> tuple[tuple[AttachedField, ...], list[Fault]]:
    """The asked custom fields in their order, and one fault for each that does not exist (catalog spec 2.7)."""
    asked = asked or ()
    ids = [field.custom_field_id for field in asked]
    known = await references.known_custom_fields(runs, product.organization_id, ids)
    faults = [
        Fault(("body", "attached_custom_fields", index), "Custom field does not exist.", input=id)
        for index, id in enumerate(ids)
        if id not in known
    ]
    fields = [
        AttachedField(known[field.custom_field_id], order=index, required=field.required)
        for index, field in enumerate(asked)
        if field.custom_field_id in known
    ]
    return tuple(fields), faults


async def _attach(tx: Tx, product: Product, fields: Sequence[AttachedField]) -> None:
    """Attaches custom fields to a product that has none."""
    rows = [
        {
            "product_id": product.id,
            "custom_field_id": field.custom_field.id,
            "position": field.order,
            "required": field.required,
        }
        for field in fields
    ]
    if rows:
        await tx.execute_many(_ATTACH, rows)


def _interval_faults(product: Product, body: ProductUpdate) -> list[Fault]:
    """One fault for any real change of the billing cycle; naming it as it is changes nothing (catalog spec 2.5)."""
    named = {name for name in ("recurring_interval", "recurring_interval_count") if name in body.model_fields_set}
    if all(getattr(body, name) == getattr(product, name) for name in named):
        return []
    return [Fault(_INTERVAL, "Recurring interval cannot be changed.", input=body.recurring_interval)]


_TRIAL = ("trial_interval", "trial_interval_count")


def _trial_faults(product: Product, body: ProductUpdate) -> list[Fault]:
    if product.is_recurring or body.trial_interval is None:
        return []
    words = "Trial configuration is only supported on recurring products."
    return [Fault(("body", name), words, input=getattr(body, name)) for name in _TRIAL]


def _changes(body: ProductUpdate) -> dict[str, Any]:
    """The fields of the product that the body sets. Null clears the description and the trial, and leaves others."""
    given = body.model_fields_set
    changes: dict[str, Any] = {
        name: getattr(body, name) for name in ("name", "is_archived") if getattr(body, name) is not None
    }
    changes |= {name: getattr(body, name) for name in ("description", "metadata") if name in given}
    if given.intersection(_TRIAL):
        changes |= {name: getattr(body, name) for name in _TRIAL}
    return changes


def _updated_fields(before: ProductDetail, after: ProductDetail) -> list[str]:
    names = ("name", "description", *_TRIAL, "is_archived", "metadata")
    updated = [name for name in names if getattr(before.product, name) != getattr(after.product, name)]
    if before.prices != after.prices:
        updated.append("prices")
    if [file["id"] for file in before.medias] != [file["id"] for file in after.medias]:
        updated.append("medias")
    if before.custom_fields != after.custom_fields:
        updated.append("attached_custom_fields")
    return updated
