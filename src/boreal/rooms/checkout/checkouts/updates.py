"""Updating an open session, by its merchant or its buyer (catalog spec 6.10).

The change and its tax are worked out on the session as it was read; the transaction then locks it and starts over if
somebody else was faster.
"""

from dataclasses import replace
from uuid import UUID

from boreal.core.checkouts import Checkout, CheckoutStatus
from boreal.core.discounts import Discount
from boreal.kit.app import App
from boreal.kit.tx import Locked, Tx
from boreal.rooms.billing.public import find_upgradable
from boreal.rooms.catalog.public import find_discount
from boreal.rooms.checkout.checkouts import queries
from boreal.rooms.checkout.checkouts.buyers import find_buyer
from boreal.rooms.checkout.checkouts.changes import Change, Sent, change, discount_field
from boreal.rooms.checkout.checkouts.errors import (
    AlreadyActiveSubscriptionError,
    CheckoutLocked,
    ExpiredCheckoutError,
    NotOpenCheckout,
    refuse_blocked,
)
from boreal.rooms.checkout.checkouts.shelf import Seen, Shelf, read_shelf
from boreal.rooms.checkout.checkouts.taxes import with_tax

ATTEMPTS = 5
"""How often a change is worked out anew because the session changed meanwhile, before the caller is told to wait."""


async def update(app: App, seen: Seen, sent: Sent) -> tuple[Checkout, Shelf]:
    """The updated session.

    Raises `CheckoutLocked`, `NotOpenCheckout`, `NotPermitted`, `AlreadyActiveSubscriptionError` and `Invalid`; nothing
    is kept then. A session whose hour is over is changed too, and expires with that (catalog spec 6.1).
    """
    for _ in range(ATTEMPTS):
        checkout = seen.checkout
        refuse_unless_open(checkout)
        refuse_blocked(seen.organization)
        shelf = await read_shelf(app.database, seen)
        changed = await work_out(app, checkout, shelf, sent, confirming=False)
        async with app.transaction(checkout.organization_id) as tx:
            before = await lock(tx, checkout.id)
            if before == checkout:
                after = replace(changed.checkout, modified_at=tx.now)
                if tx.now >= before.expires_at:
                    after = replace(after, status=CheckoutStatus.EXPIRED)
                await tx.save(before, after)
                return after, replace(shelf, discount=changed.discount)
            seen = replace(seen, checkout=before)
    raise CheckoutLocked


async def work_out(app: App, checkout: Checkout, shelf: Shelf, sent: Sent, *, confirming: bool) -> Change:
    """What a request makes of a session, with its buyer, taxed anew.

    Raises `Invalid`, and `AlreadyActiveSubscriptionError` where the organization allows one per customer.
    """
    named = await _named(app, checkout, sent)
    now = await app.times.now(checkout.organization_id)
    changed = change(checkout, shelf, sent, named=named, confirming=confirming, now=now)
    changed = await _limited(app, shelf, changed)
    pays = confirming and not changed.selection.is_free
    buyer = await find_buyer(app.database, changed.checkout) if changed.is_only_one or pays else None
    if changed.is_only_one and buyer is not None and buyer.subscribes:
        raise AlreadyActiveSubscriptionError
    taxed, refusal = await with_tax(app, changed.checkout, changed.selection, changed.discount)
    return replace(changed, checkout=taxed, buyer=buyer, tax_refusal=refusal)


async def _limited(app: App, shelf: Shelf, changed: Change) -> Change:
    """The change with what it upgrades, or else whether the organization allows one of it per customer (6.11).

    Raises `AlreadyActiveSubscriptionError` if the subscription to upgrade costs something by now. One that has ended
    cannot be upgraded any more: what is bought then is a new one.
    """
    checkout = changed.checkout
    if not changed.selection.product.is_recurring:
        return changed
    if checkout.subscription_id is not None:
        organization_id, id = checkout.organization_id, checkout.subscription_id
        found = await find_upgradable(app.database, organization_id=organization_id, id=id)
        if found is not None and found.is_active:
            if not found.is_free:
                raise AlreadyActiveSubscriptionError
            return replace(changed, upgrades=id)
    only_one = not shelf.organization["subscription_settings"]["allow_multiple_subscriptions"]
    return replace(changed, is_only_one=only_one)


async def _named(app: App, checkout: Checkout, sent: Sent) -> Discount | None:
    """The discount that a request names, if there is one."""
    field = discount_field(checkout, sent)
    if field is None or sent[field] is None:
        return None
    named = {"id" if field == "discount_id" else "code": sent[field]}
    return await find_discount(app.database, organization_id=checkout.organization_id, **named)


async def lock(tx: Tx, id: UUID) -> Checkout:
    """The session, locked. Raises `CheckoutLocked` when it is busy, also with a confirmation in progress."""
    try:
        checkout = await tx.lock(Checkout, id, wait=False)
    except Locked:
        raise CheckoutLocked from None
    assert checkout is not None
    if checkout.attempt_id is not None:
        raise CheckoutLocked
    return checkout


def refuse_unless_open(checkout: Checkout) -> None:
    """Raises `NotOpenCheckout` for a session that is over, `CheckoutLocked` for one that is being confirmed."""
    if checkout.status is not CheckoutStatus.OPEN:
        raise NotOpenCheckout(checkout.id, checkout.status)
    if checkout.attempt_id is not None:
        raise CheckoutLocked


async def open_for_buyer(app: App, client_secret: str) -> Seen:
    """The session of a client secret. Raises `ResourceNotFound`, and `ExpiredCheckoutError` once its hour is over."""
    seen = await queries.by_secret(app.database, client_secret)
    if await app.times.now(seen.checkout.organization_id) >= seen.checkout.expires_at:
        raise ExpiredCheckoutError
    return seen
