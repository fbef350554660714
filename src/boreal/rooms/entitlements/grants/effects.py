"""What a grant does beyond itself, by the type of its benefit: a license key, files, credits (usage spec 9.3).

Each effect returns the properties of the grant after it. All of it happens in the transaction of the grant, under the
customer's lock.
"""

import uuid
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import license_keys
from boreal.core.benefits import Benefit, BenefitType, active_files
from boreal.core.files import FileServiceTypes
from boreal.core.grants import Grant
from boreal.core.license_keys import LicenseKeyStatus
from boreal.kit.tx import Tx
from boreal.rooms.entitlements.license_keys.tables import LicenseKeyRow
from boreal.rooms.platform.public import uploaded_files
from boreal.rooms.usage.public import balances, credit, reset

Properties = dict[str, Any]

K = LicenseKeyRow.c

_NEW_KEY = LicenseKeyRow.insert()
_TERMS = {name: sa.bindparam(name, type_=K[name].type) for name in ("limit_activations", "limit_usage", "expires_at")}
_RENEW_KEY = (
    sa.update(LicenseKeyRow)
    .where(K.id == sa.bindparam("key"))
    .values(status=LicenseKeyStatus.GRANTED.value, modified_at=sa.bindparam("now"), **_TERMS)
)
_REVOKE_KEY = (
    sa.update(LicenseKeyRow)
    .where(K.id == sa.bindparam("key"))
    .values(status=LicenseKeyStatus.REVOKED.value, modified_at=sa.bindparam("now"))
)
_GIVE_FILES = sa.text(
    """
    INSERT INTO downloadables (
        id, created_at, organization_id, customer_id, benefit_id, file_id, status, downloaded)
    SELECT gen_random_uuid(), :now, :organization_id, :customer_id, :benefit_id, file_id, 'granted', 0
    FROM unnest(:file_ids) WITH ORDINALITY AS given (file_id, place) ORDER BY place
    ON CONFLICT (customer_id, benefit_id, file_id) DO UPDATE SET status = 'granted', modified_at = :now
    """
).bindparams(
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("file_ids", type_=ARRAY(PgUUID)),
    *(sa.bindparam(name, type_=PgUUID) for name in ("organization_id", "customer_id", "benefit_id")),
)
_TAKE_FILES = sa.text(
    """
    UPDATE downloadables SET status = 'revoked', modified_at = :now
    WHERE customer_id = :customer_id AND benefit_id = :benefit_id AND status = 'granted'
    """
).bindparams(
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    *(sa.bindparam(name, type_=PgUUID) for name in ("customer_id", "benefit_id")),
)


class ActionRequired(Exception):
    """The customer has to do something first; the message says what."""


_ACCOUNTS = {
    BenefitType.GITHUB_REPOSITORY: "The customer needs to connect their GitHub account",
    BenefitType.DISCORD: "The customer needs to connect their Discord account",
}


async def give(tx: Tx, grant: Grant, benefit: Benefit) -> Properties:
    """What the customer gets when the benefit is granted, or granted again. Raises `ActionRequired`."""
    if benefit.type in _ACCOUNTS:
        raise ActionRequired(_ACCOUNTS[benefit.type])
    if benefit.type is BenefitType.LICENSE_KEYS:
        return await _new_key(tx, grant, benefit)
    if benefit.type is BenefitType.DOWNLOADABLES:
        return await _give_files(tx, grant, benefit)
    if benefit.type is BenefitType.METER_CREDIT:
        return await _credit(tx, grant, benefit)
    return grant.properties


async def cycle(tx: Tx, grant: Grant, benefit: Benefit) -> Properties:
    """What the customer gets with each renewal that is paid: credits, and with them a new window of the meter.

    The window has begun already where a metered price of the subscription began it (usage spec 5.5).
    """
    if benefit.type is not BenefitType.METER_CREDIT:
        return grant.properties
    meter_id, rolls = UUID(benefit.properties["meter_id"]), benefit.properties["rollover"]
    last = grant.properties.get("last_credited_at")
    (before,) = await balances(tx, grant.customer_id, [meter_id]) or (None,)
    if (
        before is None
        or before.reset_at is None
        or (last is not None and before.reset_at <= datetime.fromisoformat(last))
    ):
        await reset(tx, customer_id=grant.customer_id, meter_ids=[meter_id], rolls_over={meter_id: rolls})
    return await _credit(tx, grant, benefit)


async def renew(tx: Tx, grant: Grant, benefit: Benefit) -> Properties:
    """What the customer gets when the benefit itself has changed. Raises `ActionRequired`."""
    if benefit.type is BenefitType.LICENSE_KEYS and "license_key_id" in grant.properties:
        terms = license_keys.terms(benefit.properties, now=tx.now)
        await tx.execute(
            _RENEW_KEY,
            key=UUID(grant.properties["license_key_id"]),
            now=tx.now,
            limit_activations=terms.limit_activations,
            limit_usage=terms.limit_usage,
            expires_at=terms.expires_at,
        )
        return grant.properties
    if benefit.type is BenefitType.METER_CREDIT:
        return grant.properties  # new values apply from the next period on
    return await give(tx, grant, benefit)


async def take(tx: Tx, grant: Grant, benefit: Benefit, *, is_last: bool) -> Properties:
    """What remains when the grant is revoked. Keys go with each grant, the rest only with the customer's last one."""
    if benefit.type is BenefitType.LICENSE_KEYS and "license_key_id" in grant.properties:
        await tx.execute(_REVOKE_KEY, key=UUID(grant.properties["license_key_id"]), now=tx.now)
    elif benefit.type is BenefitType.DOWNLOADABLES and is_last:
        await tx.execute(_TAKE_FILES, now=tx.now, customer_id=grant.customer_id, benefit_id=grant.benefit_id)
        return {}
    elif benefit.type is BenefitType.METER_CREDIT and is_last and "last_credited_units" in grant.properties:
        await credit(
            tx,
            customer_id=grant.customer_id,
            meter_id=UUID(grant.properties["last_credited_meter_id"]),
            units=-grant.properties["last_credited_units"],
            rollover=grant.properties["last_credited_rollover"],
        )
        return {}
    return grant.properties


async def _credit(tx: Tx, grant: Grant, benefit: Benefit) -> Properties:
    """The units that the benefit says now; what was credited is kept, so that it can be taken back."""
    meter_id, units, rolls = (benefit.properties[name] for name in ("meter_id", "units", "rollover"))
    await credit(tx, customer_id=grant.customer_id, meter_id=UUID(meter_id), units=units, rollover=rolls)
    return {
        "last_credited_meter_id": meter_id,
        "last_credited_units": units,
        "last_credited_rollover": rolls,
        "last_credited_at": tx.now.isoformat(),
    }


async def _new_key(tx: Tx, grant: Grant, benefit: Benefit) -> Properties:
    """A new key each time: one that was revoked never comes back."""
    id, key = uuid.uuid4(), license_keys.new_key(benefit.properties["prefix"], uuid.uuid4())
    terms = license_keys.terms(benefit.properties, now=tx.now)
    await tx.execute(
        _NEW_KEY,
        id=id,
        created_at=tx.now,
        modified_at=None,
        organization_id=grant.organization_id,
        customer_id=grant.customer_id,
        benefit_id=grant.benefit_id,
        key=key,
        status=LicenseKeyStatus.GRANTED.value,
        limit_activations=terms.limit_activations,
        usage=0,
        limit_usage=terms.limit_usage,
        validations=0,
        last_validated_at=None,
        expires_at=terms.expires_at,
    )
    return {"license_key_id": str(id), "display_key": license_keys.display_key(key)}


async def _give_files(tx: Tx, grant: Grant, benefit: Benefit) -> Properties:
    """Every active file that is there; those given before stay given, also archived ones."""
    wanted = [UUID(file) for file in active_files(benefit.properties)]
    found = await uploaded_files(
        tx, organization_id=grant.organization_id, service=FileServiceTypes.DOWNLOADABLE, ids=wanted
    )
    ids = [id for id in wanted if id in found]
    if ids:
        await tx.execute(
            _GIVE_FILES,
            now=tx.now,
            organization_id=grant.organization_id,
            customer_id=grant.customer_id,
            benefit_id=grant.benefit_id,
            file_ids=ids,
        )
    return {"files": [str(id) for id in ids]}
