"""Granting and revoking: makes the grants of a scope what its product says (usage spec 9.3).

The customer's row is locked throughout, so two scopes of one customer never decide at the same time which grant of a
benefit is the last.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.benefits import Benefit, is_material
from boreal.core.customers import Customer
from boreal.core.grants import Grant, GrantStatus
from boreal.core.system_events import benefit as noted
from boreal.kit.app import App
from boreal.kit.db import Record
from boreal.kit.tx import Tx
from boreal.rooms.catalog.public import benefits_of_products, read_benefits
from boreal.rooms.entitlements.grants import effects, scopes
from boreal.rooms.entitlements.grants.effects import ActionRequired
from boreal.rooms.entitlements.grants.scopes import Scope, Standing
from boreal.rooms.entitlements.grants.tables import BenefitGrantRow

G = BenefitGrantRow.c
_FIRST = UUID(int=0)

_IN_SCOPE = (
    sa.select(BenefitGrantRow)
    .where(sa.func.coalesce(G.subscription_id, G.order_id) == sa.bindparam("id", type_=PgUUID))
    .where(G.customer_id == sa.bindparam("customer_id"))
    .order_by(G.created_at, G.id)
    .with_for_update(key_share=True)
)
_OTHERS = sa.select(sa.func.count()).where(
    G.customer_id == sa.bindparam("customer_id"),
    G.benefit_id == sa.bindparam("benefit_id"),
    G.id != sa.bindparam("id"),
    G.status == GrantStatus.GRANTED.value,
)


async def settle(app: App, scope: Scope, *, organization_id: UUID) -> Standing | None:
    """Whoever holds the scope will have exactly what it gives, and nobody else; how it stands is returned.

    One customer is settled at once; many, as with seats, by work of their own. Done twice, the second time changes
    nothing.
    """
    standing = await scopes.read(app.database, scope, now=await app.times.now(organization_id))
    if standing is None:
        return None
    page = await scopes.unsettled(app.database, scope, entitles=standing.entitles, after=_FIRST)
    if len(page) == 1:
        await settle_customer(app, scope, page[0], organization_id=organization_id)
        return standing
    while page:
        async with app.transaction(organization_id) as tx:
            for customer_id in page:
                _ask(tx, "settle_grants", scope.payload, customer_id)
        page = await scopes.unsettled(app.database, scope, entitles=standing.entitles, after=page[-1])
    return standing


def _ask(tx: Tx, kind: str, payload: Mapping[str, str], customer_id: UUID) -> None:
    """Asks for work on one customer of a scope."""
    key = ":".join((*payload.values(), str(customer_id)))
    tx.enqueue(kind, payload={**payload, "customer_id": str(customer_id)}, unique_key=key)


async def settle_customer(app: App, scope: Scope, customer_id: UUID, *, organization_id: UUID) -> None:
    """A customer has what the scope gives them. Done twice, the second time changes nothing."""
    async with app.transaction(organization_id) as tx:
        customer = await tx.lock(Customer, customer_id)
        assert customer is not None
        grants = await _grants(tx, scope, customer_id)
        wanted = await _wanted(tx, scope, customer_id)
        for benefit in wanted.values():
            grant = grants.get(benefit.id)
            if grant is None or grant.status is GrantStatus.REVOKED:
                await _give(tx, grant or _new(tx, scope, customer_id, benefit.id), benefit, is_new=grant is None)
        over = [grant for id, grant in grants.items() if id not in wanted and grant.status is not GrantStatus.REVOKED]
        benefits = await read_benefits(tx, [grant.benefit_id for grant in over]) if over else {}
        for grant in over:
            await _revoke(tx, grant, benefits[grant.benefit_id])
            if customer.deleted_at is None and benefits[grant.benefit_id].deleted_at is None:
                tx.note(noted("revoked", grant, benefits[grant.benefit_id]))


async def renew(app: App, grant_id: UUID, *, organization_id: UUID) -> None:
    """A granted grant follows a material change of its benefit, once for each."""
    async with app.transaction(organization_id) as tx:
        found = await tx.load(Grant, grant_id)
        if found is None:
            return
        await tx.lock(Customer, found.customer_id)
        grant = await tx.lock(Grant, grant_id)
        assert grant is not None
        benefit = (await read_benefits(tx, [grant.benefit_id]))[grant.benefit_id]
        if grant.status is not GrantStatus.GRANTED or not _is_behind(grant, benefit):
            return
        try:
            properties = await effects.renew(tx, grant, benefit)
        except ActionRequired as required:
            after = _failed(tx, grant, required)
        else:
            after = _granted(tx, grant, properties)
        await tx.save(grant, _made_from(after, benefit), also=("benefit_grant.updated",))
        tx.note(noted("updated", after, benefit))


def _is_behind(grant: Grant, benefit: Benefit) -> bool:
    made_from = grant.benefit_properties
    return made_from is None or is_material(benefit.type, made_from, benefit.properties)


def _made_from(grant: Grant, benefit: Benefit) -> Grant:
    return replace(grant, benefit_properties=benefit.properties)


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal that is paid: of which subscription, its order (or what stands for one that had none), and when."""

    subscription_id: UUID
    id: UUID
    at: datetime

    @property
    def payload(self) -> dict[str, str]:
        """For work; `parse` reads it."""
        return {"subscription_id": str(self.subscription_id), "renewal_id": str(self.id), "at": self.at.isoformat()}

    @classmethod
    def parse(cls, payload: Mapping[str, str]) -> "Renewal":
        """What `payload` wrote."""
        at = datetime.fromisoformat(payload["at"])
        return cls(UUID(payload["subscription_id"]), UUID(payload["renewal_id"]), at)


async def cycle(app: App, renewal: Renewal, *, organization_id: UUID) -> None:
    """The grants of a subscription that was renewed and paid are cycled, once for each renewal."""
    page = await scopes.uncycled(app.database, renewal.subscription_id, renewal_id=renewal.id, after=_FIRST)
    if len(page) == 1:
        await cycle_customer(app, renewal, page[0], organization_id=organization_id)
        return
    while page:
        async with app.transaction(organization_id) as tx:
            for customer_id in page:
                _ask(tx, "cycle_grants", renewal.payload, customer_id)
        page = await scopes.uncycled(app.database, renewal.subscription_id, renewal_id=renewal.id, after=page[-1])


async def cycle_customer(app: App, renewal: Renewal, customer_id: UUID, *, organization_id: UUID) -> None:
    """The grants that a customer has through a subscription are cycled, once for each renewal.

    What was granted only since the renewal is new already, so nothing more comes with it.
    """
    async with app.transaction(organization_id) as tx:
        await tx.lock(Customer, customer_id)
        grants = await _grants(tx, Scope(subscription_id=renewal.subscription_id), customer_id)
        held = [grant for grant in grants.values() if grant.status is GrantStatus.GRANTED]
        due = [grant for grant in held if grant.cycled_order_id != renewal.id]
        benefits = await read_benefits(tx, [grant.benefit_id for grant in due]) if due else {}
        for grant in due:
            properties = grant.properties
            if grant.granted_at is None or grant.granted_at < renewal.at:
                properties = await effects.cycle(tx, grant, benefits[grant.benefit_id])
            after = replace(_changed(tx, grant, properties), cycled_order_id=renewal.id)
            await tx.save(grant, after, also=("benefit_grant.cycled",))
            tx.note(noted("cycled", after, benefits[grant.benefit_id]))


async def _grants(tx: Tx, scope: Scope, customer_id: UUID) -> dict[UUID, Grant]:
    rows = await tx.fetch(_IN_SCOPE, id=scope.id, customer_id=customer_id)
    return {row["benefit_id"]: load(row) for row in rows}


async def _wanted(tx: Tx, scope: Scope, customer_id: UUID) -> dict[UUID, Benefit]:
    """The benefits of the product, if the scope entitles this customer to them, in their order."""
    standing = await scopes.read(tx, scope, now=tx.now)
    assert standing is not None
    if not standing.entitles or standing.product_id is None or not await scopes.holds(tx, scope, customer_id):
        return {}
    listed = await benefits_of_products(tx, [standing.product_id])
    return {benefit.id: benefit for benefit in listed.get(standing.product_id, [])}


def load(row: Mapping[str, Any] | Record) -> Grant:
    """The grant that a row holds."""
    values = {name: row[name] for name in Grant.__dataclass_fields__}
    return Grant(**{**values, "status": GrantStatus(values["status"])})


def _new(tx: Tx, scope: Scope, customer_id: UUID, benefit_id: UUID) -> Grant:
    return Grant(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=tx.organization_id,
        customer_id=customer_id,
        member_id=None,
        benefit_id=benefit_id,
        subscription_id=scope.subscription_id,
        order_id=scope.order_id,
        status=GrantStatus.REVOKED,
        granted_at=None,
        revoked_at=None,
        error=None,
        properties={},
        previous_properties=None,
        cycled_order_id=None,
        benefit_properties=None,
    )


async def _give(tx: Tx, grant: Grant, benefit: Benefit, *, is_new: bool) -> None:
    try:
        after = _granted(tx, grant, await effects.give(tx, grant, benefit))
    except ActionRequired as required:
        after = _failed(tx, grant, required)
    after = _made_from(after, benefit)
    await tx.save(None if is_new else grant, replace(after, modified_at=None) if is_new else after)
    if after.status is GrantStatus.GRANTED:
        tx.note(noted("granted", after, benefit))


async def _revoke(tx: Tx, grant: Grant, benefit: Benefit) -> None:
    others = await tx.fetchval(_OTHERS, id=grant.id, customer_id=grant.customer_id, benefit_id=grant.benefit_id)
    properties = await effects.take(tx, grant, benefit, is_last=others == 0)
    changed = _changed(tx, grant, properties)
    await tx.save(grant, replace(changed, status=GrantStatus.REVOKED, granted_at=None, revoked_at=tx.now))


def _changed(tx: Tx, grant: Grant, properties: dict[str, Any]) -> Grant:
    previous = grant.properties if properties != grant.properties else grant.previous_properties
    return replace(grant, modified_at=tx.now, properties=properties, previous_properties=previous)


def _granted(tx: Tx, grant: Grant, properties: dict[str, Any]) -> Grant:
    changed = _changed(tx, grant, properties)
    granted_at = grant.granted_at or tx.now
    return replace(changed, status=GrantStatus.GRANTED, granted_at=granted_at, revoked_at=None, error=None)


def _failed(tx: Tx, grant: Grant, required: ActionRequired) -> Grant:
    error = {"message": str(required), "type": "BenefitActionRequiredError", "timestamp": tx.now.isoformat()}
    return replace(grant, modified_at=tx.now, status=GrantStatus.FAILED, granted_at=None, revoked_at=None, error=error)
