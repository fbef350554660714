"""Validating, activating, deactivating and changing license keys (usage spec 10.2 to 10.4).

A key is found by its organization and its exact text. What a validation counts is added in one statement that holds the
limit itself, so that any number of them at once never use more than is allowed.
"""

import uuid
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core import license_keys as book
from boreal.core.license_keys import LicenseKeyStatus
from boreal.kit.app import App
from boreal.kit.auth import Actor, Subject, read_visible
from boreal.kit.db import Record, Runs
from boreal.kit.problems import BadRequest, NotPermitted, ResourceNotFound
from boreal.rooms.entitlements.license_keys import queries
from boreal.rooms.entitlements.license_keys.schemas import (
    LicenseKeyActivate,
    LicenseKeyDeactivate,
    LicenseKeyUpdate,
    LicenseKeyValidate,
)
from boreal.rooms.entitlements.license_keys.tables import LicenseKeyActivationRow, LicenseKeyRow

K = LicenseKeyRow.c
A = LicenseKeyActivationRow.c

_INCREMENT: sa.BindParameter[int] = sa.bindparam("increment", type_=sa.BigInteger)
_COUNT = (
    sa.update(LicenseKeyRow)
    .where(
        K.id == sa.bindparam("id_of_key"),
        K.status == LicenseKeyStatus.GRANTED.value,
        sa.or_(_INCREMENT == 0, K.limit_usage.is_(None), K.limit_usage - K.usage >= _INCREMENT),
    )
    .values(validations=K.validations + 1, usage=K.usage + _INCREMENT, last_validated_at=sa.bindparam("now"))
    .returning(K.validations, K.usage, K.last_validated_at)
)
_LOCK = sa.select(K.id).where(K.id == sa.bindparam("id")).with_for_update(key_share=True)
_CHANGEABLE = ("status", "usage", "limit_activations", "limit_usage", "expires_at")
_UPDATE = (
    sa.update(LicenseKeyRow)
    .where(K.id == sa.bindparam("id_of_key"))
    .values({name: sa.bindparam(name, type_=K[name].type) for name in (*_CHANGEABLE, "modified_at")})
)
_ACTIVATE = LicenseKeyActivationRow.insert().returning(LicenseKeyActivationRow)
_DEACTIVATE = (
    sa.update(LicenseKeyActivationRow)
    .where(A.id == sa.bindparam("id_of_activation"), A.license_key_id == sa.bindparam("id_of_key"))
    .where(A.deleted_at.is_(None))
    .values(deleted_at=sa.bindparam("now"))
)


async def validate(app: App, actor: Actor, body: LicenseKeyValidate) -> dict[str, Any]:
    """The key, now counted as validated once more. Raises `ResourceNotFound` or `BadRequest` for the first failure."""
    increment = body.increment_usage or 0
    while True:
        row = await _find(app.database, actor, body.organization_id, body.key)
        activation = await _check(app, row, body)
        if increment and row["limit_usage"] is not None and increment > row["limit_usage"] - row["usage"]:
            raise BadRequest(f"License key only has {row['limit_usage'] - row['usage']} more usages.")
        async with app.transaction(row["organization_id"]) as tx:
            counted = await tx.fetchrow(_COUNT, id_of_key=row["id"], increment=increment, now=tx.now)
        if counted is not None:  # else somebody else was faster, and there is something to say about it now
            shown = queries.render({**row, **counted})
            return {**shown, "activation": activation and queries.render_activation(activation)}


async def _check(app: App, row: Record, body: LicenseKeyValidate) -> Record | None:
    """The activation that was asked about. Raises `ResourceNotFound` for the first thing that is wrong."""
    now = await app.times.now(row["organization_id"])
    refusal = book.refusal(row["status"], row["expires_at"], now=now)
    if refusal is not None:
        raise ResourceNotFound(refusal)
    activation = None
    if body.activation_id is not None:
        activation = await queries.activation(app.database, row["id"], body.activation_id)
        if activation is None:
            raise ResourceNotFound
        if activation["conditions"] and activation["conditions"] != body.conditions:
            raise ResourceNotFound("License key does not match required conditions")
    if body.benefit_id is not None and body.benefit_id != row["benefit_id"]:
        raise ResourceNotFound("License key does not match given benefit.")
    if body.customer_id is not None and body.customer_id != row["customer_id"]:
        raise ResourceNotFound("License key does not match given user.")
    return activation


async def activate(app: App, actor: Actor, body: LicenseKeyActivate) -> dict[str, Any]:
    """A new activation. Raises `ResourceNotFound`, and `NotPermitted` for a key that has no room for it."""
    found = await _find(app.database, actor, body.organization_id, body.key)
    async with app.transaction(found["organization_id"]) as tx:
        await tx.fetchrow(_LOCK, id=found["id"])
        row = await _find(tx, actor, body.organization_id, body.key)
        refusal = book.refusal(row["status"], row["expires_at"], now=tx.now)
        if refusal is not None:
            more = "" if row["status"] == LicenseKeyStatus.GRANTED else " This license key can not be activated."
            raise NotPermitted(refusal + more)
        if row["limit_activations"] is None:
            raise NotPermitted(
                "This license key does not support activations. Use the /validate endpoint instead to check "
                "license validity."
            )
        if len(await queries.activations(tx, row["id"])) >= row["limit_activations"]:
            raise NotPermitted("License key activation limit already reached")
        activation = await tx.fetchrow(
            _ACTIVATE,
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            license_key_id=row["id"],
            organization_id=row["organization_id"],
            label=body.label,
            conditions=body.conditions,
            meta=body.meta,
        )
    assert activation is not None
    return {**queries.render_activation(activation), "license_key": queries.render(row)}


async def deactivate(app: App, actor: Actor, body: LicenseKeyDeactivate) -> None:
    """Ends an activation, also of a key that is over. Raises `ResourceNotFound`."""
    row = await _find(app.database, actor, body.organization_id, body.key)
    async with app.transaction(row["organization_id"]) as tx:
        done = await tx.execute(_DEACTIVATE, id_of_activation=body.activation_id, id_of_key=row["id"], now=tx.now)
    if done != "UPDATE 1":
        raise ResourceNotFound


async def update(app: App, actor: Actor, *, id: UUID, body: LicenseKeyUpdate) -> dict[str, Any]:
    """Changes what was sent; null takes a limit or the expiry away. Raises `ResourceNotFound`."""
    row = await get(app.database, actor, id)
    async with app.transaction(row["organization_id"]) as tx:
        await tx.fetchrow(_LOCK, id=id)
        before = await get(tx, actor, id)
        changes = {name: getattr(body, name) for name in _CHANGEABLE if name in body.model_fields_set}
        if changes.get("status") is None:
            changes.pop("status", None)
        after = {name: before[name] for name in _CHANGEABLE} | changes
        await tx.execute(_UPDATE, id_of_key=id, modified_at=tx.now, **after)
    return queries.render({**before, **after, "modified_at": tx.now})


async def get(runs: Runs, actor: Actor, id: UUID) -> Record:
    """A key that the actor may see, merchant or customer. Raises `ResourceNotFound`."""
    statement = queries.GET_OWN if actor.customer_id is not None else queries.GET
    return await read_visible(runs, statement, actor, id)


async def _find(runs: Runs, actor: Actor, organization_id: UUID, key: str) -> Record:
    """The key of an organization; for merchants only of one of theirs."""
    foreign = actor.kind is not Subject.anonymous and organization_id not in actor.organization_ids
    row: Record | None = None
    if not foreign:
        row = await runs.fetchrow(queries.BY_KEY, organization_id=organization_id, key=key)
    if row is None:
        raise ResourceNotFound
    return row
