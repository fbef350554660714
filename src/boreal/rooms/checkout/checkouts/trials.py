"""Trials that were taken, so that nobody takes a second one where the organization allows one only (catalog spec 6.9).

Who took a trial is told by their e-mail address without its alias, and by the fingerprint of their card. The address is
kept as a keyed hash: nobody can be read out of this table, and it outlives the customer.
"""

import hashlib
import hmac

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.dialects.postgresql import insert

from boreal.core.checkouts import Checkout, unaliased
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.providers.ports import Payment, Setup
from boreal.rooms.checkout.checkouts.tables import TrialRedemptionRow

R = TrialRedemptionRow.c

_TAKEN = sa.select(
    sa.exists().where(
        R.organization_id == sa.bindparam("organization_id", type_=PgUUID),
        R.checkout_id != sa.bindparam("checkout_id", type_=PgUUID),
        sa.or_(
            R.email_hash == sa.bindparam("email_hash", type_=sa.Text),
            R.fingerprint == sa.bindparam("fingerprint", type_=sa.Text),
        ),
    )
)
_INSERT = insert(TrialRedemptionRow).on_conflict_do_nothing()


async def is_taken(app: App, checkout: Checkout, result: Payment | Setup) -> bool:
    """Whether the buyer of a session, or their card, has had a trial of the organization before."""
    return bool(
        await app.database.fetchval(
            _TAKEN,
            organization_id=checkout.organization_id,
            checkout_id=checkout.id,
            email_hash=_email_hash(app, checkout),
            fingerprint=_fingerprint(result),
        )
    )


async def record(app: App, tx: Tx, checkout: Checkout, result: Payment | Setup | None) -> None:
    """Remembers the trial of a fulfilled session, whether or not the organization looks; once per session."""
    await tx.execute(
        _INSERT,
        checkout_id=checkout.id,
        created_at=tx.now,
        organization_id=checkout.organization_id,
        customer_id=checkout.customer_id,
        product_id=checkout.product_id,
        email_hash=_email_hash(app, checkout),
        fingerprint=_fingerprint(result) if result else None,
    )


def _email_hash(app: App, checkout: Checkout) -> str:
    assert checkout.customer_email is not None
    key = app.keyring.derive("e-mail addresses of trials")
    return hmac.new(key, unaliased(checkout.customer_email).encode(), hashlib.sha256).hexdigest()


def _fingerprint(result: Payment | Setup) -> str | None:
    return result.method.card.fingerprint if result.method.card else None
