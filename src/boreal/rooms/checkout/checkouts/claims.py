"""Claims to the one subscription that a buyer may have, so that two sessions cannot both get it (catalog spec 6.11).

An upgrade is claimed in the same way, under the id of the subscription: it happens once.

Between its confirmation and its subscription a session holds a claim. A buyer who is no customer yet has no row that
could be locked, so a claim is held under every name by which the buyer may be known: customer, e-mail address and
external id. One who is about to subscribe and one who subscribes already cannot slip past each other: the claim is
taken first, and then it is looked again whether there is a subscription by now.
"""

import uuid
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.checkouts import Checkout
from boreal.kit.tx import Tx
from boreal.rooms.billing.public import find_upgradable
from boreal.rooms.checkout.checkouts.buyers import Buyer, find_buyer
from boreal.rooms.checkout.checkouts.errors import AlreadyActiveSubscriptionError
from boreal.rooms.checkout.checkouts.tables import SubscriptionClaimRow

R = SubscriptionClaimRow.c

_KEYS = sa.bindparam("keys", type_=ARRAY(PgUUID))
_TAKE = sa.text(
    """
    INSERT INTO subscription_claims (key, created_at, organization_id, checkout_id)
    SELECT key, :now, :organization_id, :checkout_id FROM unnest(:keys) AS key
    ON CONFLICT (key) DO NOTHING
    """
).bindparams(
    _KEYS,
    sa.bindparam("now", type_=R.created_at.type),
    sa.bindparam("organization_id", type_=PgUUID),
    sa.bindparam("checkout_id", type_=PgUUID),
)
_HOLDER = sa.select(R.checkout_id).where(
    R.key == sa.func.any(_KEYS), R.checkout_id != sa.bindparam("checkout_id", type_=PgUUID)
)
_RELEASE = sa.delete(SubscriptionClaimRow).where(R.checkout_id == sa.bindparam("checkout_id", type_=PgUUID))


class ClaimHeld(Exception):
    """Another session of the same buyer holds the claim; None if it has given it up since."""

    def __init__(self, checkout_id: UUID | None) -> None:
        super().__init__(str(checkout_id))
        self.checkout_id = checkout_id


async def take_claim(tx: Tx, checkout: Checkout, buyer: Buyer | None) -> None:
    """Claims the subscription for a locked session that is about to be confirmed by the buyer, if that is known.

    Raises `ClaimHeld`, and `AlreadyActiveSubscriptionError` if the buyer subscribes by now.
    """
    await _take(tx, checkout, _keys(checkout, buyer))
    found = await find_buyer(tx, checkout)
    if found is not None and found.subscribes:
        raise AlreadyActiveSubscriptionError


async def _take(tx: Tx, checkout: Checkout, keys: list[UUID]) -> None:
    done = await tx.execute(
        _TAKE, keys=keys, now=tx.now, organization_id=checkout.organization_id, checkout_id=checkout.id
    )
    if done != f"INSERT 0 {len(keys)}":
        raise ClaimHeld(await tx.fetchval(_HOLDER, keys=keys, checkout_id=checkout.id))


async def take_upgrade(tx: Tx, checkout: Checkout, subscription_id: UUID) -> None:
    """Claims the upgrade of a free subscription; raises as `take_claim`, also if it was upgraded or ended by now."""
    await _take(tx, checkout, [_key(checkout, "subscription", str(subscription_id))])
    found = await find_upgradable(tx, organization_id=checkout.organization_id, id=subscription_id)
    if found is None or not (found.is_active and found.is_free):
        raise AlreadyActiveSubscriptionError


async def release_claim(tx: Tx, checkout_id: UUID) -> None:
    """Gives up what a session holds, if it holds anything."""
    await tx.execute(_RELEASE, checkout_id=checkout_id)


def _keys(checkout: Checkout, buyer: Buyer | None) -> list[UUID]:
    """What is claimed, in an order that is the same for everybody, so that nobody waits for each other."""
    named = {
        "customer": str(buyer.id) if buyer else None,
        "email": (buyer.email if buyer else checkout.customer_email or "").lower(),
        "external": buyer.external_id if buyer else checkout.external_customer_id,
    }
    return sorted(_key(checkout, kind, name) for kind, name in named.items() if name)


def _key(checkout: Checkout, kind: str, name: str) -> UUID:
    return uuid.uuid5(checkout.organization_id, f"{kind}:{name}")
