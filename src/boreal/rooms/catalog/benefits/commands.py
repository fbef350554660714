"""Making, changing and deleting benefits (usage spec 8)."""

import uuid
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core import benefits as book
from boreal.core.benefits import Benefit, BenefitType
from boreal.kit.app import App
from boreal.kit.auth import Actor, Subject
from boreal.kit.problems import Fault, Invalid, NotPermitted, ResourceNotFound
from boreal.kit.tx import Tx
from boreal.rooms.catalog.benefits import queries
from boreal.rooms.catalog.benefits.requests import BenefitCreate, BenefitUpdate
from boreal.rooms.catalog.benefits.tables import ProductBenefitRow
from boreal.rooms.platform.public import organization_of
from boreal.rooms.usage.public import meter_names, set_holds

_DETACH = sa.delete(ProductBenefitRow).where(ProductBenefitRow.c.benefit_id == sa.bindparam("benefit_id"))
_PROPERTIES = ("body", "properties")


class BenefitPropertiesInvalid(Invalid):
    """Properties that only the business knows to be wrong (usage spec 8.2)."""

    error = "BenefitPropertiesValidationError"


async def create(app: App, actor: Actor, body: BenefitCreate) -> Benefit:
    """A new benefit. Raises `Invalid` and `BenefitPropertiesInvalid`."""
    organization_id = organization_of(actor, body.organization_id)
    async with app.transaction(organization_id) as tx:
        benefit = Benefit(
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            organization_id=organization_id,
            type=BenefitType(body.type),
            description=body.description,
            selectable=True,
            deletable=True,
            properties=_plain(body.properties),
            metadata=body.metadata,
        )
        await _check(tx, actor, benefit)
        await tx.save(None, benefit)
        return await _holding(tx, benefit)


async def update(app: App, actor: Actor, *, id: UUID, body: BenefitUpdate) -> Benefit:
    """Changes what the body names, nulls excepted; properties are replaced as a whole.

    The fact tells whether what customers have changes with it. Raises `ResourceNotFound`, `Invalid` for another type,
    and `BenefitPropertiesInvalid`.
    """
    async with app.transaction(await _organization_of_benefit(app, actor, id)) as tx:
        before = await _lock(tx, id)
        if body.type != before.type:
            raise Invalid(Fault(("body", "type"), "Benefit type cannot be changed.", input=body.type))
        after = replace(before, modified_at=tx.now, **_changes(body))
        if body.properties is not None:
            await _check(tx, actor, after)
        material = book.is_material(before.type, before.properties, after.properties)
        await tx.save(before, after, details={"is_material": material})
        return await _holding(tx, after)


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """Takes the benefit off every product; what customers have of it ends soon after.

    Raises `ResourceNotFound`, and `NotPermitted` for one that stays.
    """
    async with app.transaction(await _organization_of_benefit(app, actor, id)) as tx:
        before = await _lock(tx, id)
        if not before.deletable:
            raise NotPermitted
        after = replace(before, deleted_at=tx.now)
        await tx.save(before, after, details={"is_deleted": True})
        await tx.execute(_DETACH, benefit_id=id)
        await _holding(tx, after)


async def _organization_of_benefit(app: App, actor: Actor, id: UUID) -> UUID:
    found = await queries.find(app.database, actor, id)
    if found is None:
        raise ResourceNotFound
    return found.organization_id


async def _lock(tx: Tx, id: UUID) -> Benefit:
    before = await tx.lock(Benefit, id)
    if before is None or before.deleted_at is not None:
        raise ResourceNotFound
    return before


def _plain(properties: Any) -> dict[str, Any]:
    """Properties as they are stored, with ids as text."""
    plain: dict[str, Any] = properties.model_dump(mode="json")
    return plain


def _changes(body: BenefitUpdate) -> dict[str, Any]:
    changes: dict[str, Any] = {} if body.description is None else {"description": body.description}
    if "metadata" in body.model_fields_set:
        changes["metadata"] = body.metadata
    if body.properties is not None:
        changes["properties"] = _plain(body.properties)
    return changes


async def _check(tx: Tx, actor: Actor, benefit: Benefit) -> None:
    """Raises `BenefitPropertiesInvalid` for what the properties name and is not there."""
    if benefit.type is BenefitType.METER_CREDIT:
        meter_id = UUID(benefit.properties["meter_id"])
        if meter_id not in await meter_names(tx, benefit.organization_id, [meter_id]):
            fault = Fault((*_PROPERTIES, "meter_id"), "This meter does not exist.", input=str(meter_id))
            raise BenefitPropertiesInvalid(fault)
    if benefit.type is BenefitType.GITHUB_REPOSITORY:
        owner = benefit.properties["repository_owner"]
        words, kind = _NO_TOKEN if actor.kind is Subject.organization else _NO_APP
        raise BenefitPropertiesInvalid(Fault((*_PROPERTIES, "repository_owner"), words, kind, owner))


_NO_TOKEN = ("We do not yet support creating this benefit with an organization token.", "invalid_auth_subject")
_NO_APP = ("You have not connected your GitHub account.", "invalid_user_auth")


async def _holding(tx: Tx, benefit: Benefit) -> Benefit:
    """Keeps the meter of the benefit from being archived as long as the benefit is there (usage spec 4.1)."""
    if benefit.type is BenefitType.METER_CREDIT:
        meter_ids = [UUID(benefit.properties["meter_id"])] if benefit.deleted_at is None else []
        await set_holds(tx, kind="benefit", holder_id=benefit.id, meter_ids=meter_ids)
    return benefit
