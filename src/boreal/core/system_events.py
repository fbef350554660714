"""System events: what Boreal itself tells of among an organization's events (usage spec 2.5).

A change of a customer, a subscription or a checkout session is put into the words of that table here, as it was at the
moment of the change: name, whom it is about, and what else there is to know. Ids and times are texts, and what does not
apply is left out.

>>> from uuid import UUID
>>> checkout_created(UUID(int=1), "open", UUID(int=2)).metadata["checkout_status"]
'open'
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from boreal.core.benefits import Benefit
from boreal.core.checkouts import Checkout
from boreal.core.customers import Customer
from boreal.core.customers import facts as customer_facts
from boreal.core.disputes import Dispute
from boreal.core.grants import Grant
from boreal.core.orders import Order
from boreal.core.refunds import Refund, left_of
from boreal.core.subscriptions import Subscription
from boreal.core.subscriptions import facts as subscription_facts


class Note(NamedTuple):
    """One system event; `customer_id` None if it is about nobody."""

    name: str
    customer_id: UUID | None
    metadata: Mapping[str, Any]


def of_customer(before: Customer | None, after: Customer) -> tuple[Note, ...]:
    """One for each fact; a changed customer tells what changed, which may be nothing that is shown here."""
    return tuple(
        Note(fact, after.id, _customer(before, after, is_change=fact == "customer.updated"))
        for fact in customer_facts(before, after)
    )


def _customer(before: Customer | None, after: Customer, *, is_change: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "customer_id": str(after.id),
        "customer_email": after.email,
        "customer_name": after.name,
        "customer_external_id": after.external_id,
    }
    if is_change and before is not None:
        was, now = _shown(before), _shown(after)
        told["updated_fields"] = {name: value for name, value in now.items() if was[name] != value}
    return told


def _shown(customer: Customer) -> dict[str, Any]:
    address = customer.billing_address
    return {
        "name": customer.name,
        "email": customer.email,
        "billing_address": _known(address) if address is not None else None,
        "tax_id": customer.tax_id[0] if customer.tax_id else None,
        "metadata": dict(customer.metadata),
    }


def of_checkout(before: Checkout | None, after: Checkout) -> tuple[Note, ...]:
    """Only that it was opened; about nobody, because it is not known who will buy."""
    return () if before is not None else (checkout_created(after.id, after.status.value, after.product_id),)


def checkout_created(id: UUID, status: str, product_id: UUID | None) -> Note:
    """A session as it was opened."""
    return Note(
        "checkout.created", None, _known({"checkout_id": id, "checkout_status": status, "product_id": product_id})
    )


_TERMS = ("product_id", "amount", "currency", "recurring_interval", "recurring_interval_count")


def of_subscription(before: Subscription | None, after: Subscription) -> tuple[Note, ...]:
    """What a change means: birth, another plan, another end of the period, the next period, and the ways to the end.

    Changes of seats are told with how they are billed: see `seats_updated`.
    """
    told = subscription_facts(before, after)
    if before is None:
        return (_subscription("created", after, _TERMS, started_at=after.started_at),)
    notes = []
    if before.product_id != after.product_id:
        changed = {"old_product_id": before.product_id, "new_product_id": after.product_id}
        notes.append(_subscription("product_updated", after, (), **changed))
    elif _ends_elsewhere(before, after):
        ends = {"old_period_end": before.current_period_end, "new_period_end": after.current_period_end}
        notes.append(_subscription("billing_period_updated", after, (), **ends))
    if _is_next_period(before, after):
        notes.append(_subscription("cycled", after, _TERMS))
    if "subscription.uncanceled" in told:
        notes.append(_subscription("uncanceled", after, _TERMS))
    if "subscription.canceled" in told:
        why = ("customer_cancellation_reason", "customer_cancellation_comment")
        when = ("canceled_at", "ends_at", "cancel_at_period_end")
        notes.append(_subscription("canceled", after, (*_TERMS, *why, *when)))
    if "subscription.revoked" in told:
        notes.append(_subscription("revoked", after, _TERMS))
    return tuple(notes)


def _is_next_period(before: Subscription, after: Subscription) -> bool:
    follows = after.current_period_start == before.current_period_end
    return follows and after.period_number == before.period_number + 1


def _ends_elsewhere(before: Subscription, after: Subscription) -> bool:
    moved = before.current_period_end != after.current_period_end
    return moved and before.period_number == after.period_number


def seats_updated(before: Subscription | None, after: Subscription, *, behavior: str) -> tuple[Note, ...]:
    """Another number of seats, if there is one, and when the difference is billed: `invoice`, `prorate`, `next_period`.

    Nothing for a subscription that had no seats, or has none any more.
    """
    if before is None or before.seats is None or after.seats is None or before.seats == after.seats:
        return ()
    changed = {"old_seats": before.seats, "new_seats": after.seats, "proration_behavior": behavior}
    return (_subscription("seats_updated", after, (), **changed),)


def _subscription(what: str, subscription: Subscription, fields: tuple[str, ...], **more: Any) -> Note:
    known = {name: getattr(subscription, name) for name in fields}
    metadata = _known({"subscription_id": subscription.id, **known, **more})
    return Note(f"subscription.{what}", subscription.customer_id, metadata)


def order_paid(order: Order, subscription: Subscription | None) -> Note:
    """A settled order, whoever paid for it; the subscription is the one that it belongs to."""
    product_id = order.product_id
    billing_type = None if product_id is None else "one_time" if order.subscription_id is None else "recurring"
    metadata = {
        "order_id": order.id,
        "product_id": product_id,
        "billing_type": billing_type,
        "amount": order.total_amount,
        "currency": order.currency,
        "net_amount": order.net_amount,
        "tax_amount": order.tax_amount,
        "applied_balance_amount": order.applied_balance_amount,
        "discount_amount": order.discount_amount,
        "discount_id": order.discount_id,
        "platform_fee": order.platform_fee_amount,
        "subscription_id": order.subscription_id,
        "recurring_interval": subscription.recurring_interval if subscription else None,
        "recurring_interval_count": subscription.recurring_interval_count if subscription else None,
    }
    return Note("order.paid", order.customer_id, _known(metadata))


def order_refunded(order: Order) -> Note:
    """An order of which something was given back; how much in all, without tax."""
    metadata = {"order_id": order.id, "refunded_amount": order.refunded_amount, "currency": order.currency}
    return Note("order.refunded", order.customer_id, _known(metadata))


def balance_order(order: Order, *, transaction_id: UUID, collected: int) -> Note:
    """A payment of an order in the ledger: what it brought without the tax of the order, and the platform's fee."""
    amount = collected - order.tax_amount
    metadata = {"transaction_id": transaction_id, **_of_order(order), **_money(order, amount, order.tax_amount)}
    return Note("balance.order", order.customer_id, _known({**metadata, "fee": order.platform_fee_amount}))


def balance_credit_order(order: Order) -> Note:
    """An order that was settled by the customer's credit alone (platform spec 11.5)."""
    amounts = {"amount": order.net_amount, "currency": order.currency, "tax_amount": order.tax_amount, "fee": 0}
    return Note("balance.credit_order", order.customer_id, _known({**_of_order(order), **_taxed(order), **amounts}))


def balance_refund(refund: Refund, order: Order, *, transaction_id: UUID, is_reversal: bool) -> Note:
    """A refund in the ledger, below zero; or one that was taken back, above. `order` is the order after it."""
    sign = 1 if is_reversal else -1
    metadata = {
        "transaction_id": transaction_id,
        "refund_id": refund.id,
        **_of_order(order),
        "order_created_at": order.created_at,
        **_money(order, sign * refund.amount, sign * refund.tax_amount),
        "refundable_amount": left_of(order).amount,
        "fee": 0,
    }
    return Note("balance.refund_reversal" if is_reversal else "balance.refund", order.customer_id, _known(metadata))


def balance_dispute(dispute: Dispute, order: Order, *, transaction_id: UUID, is_reversal: bool) -> Note:
    """A decided dispute in the ledger, below zero and with its fee; or one that was won, above and without."""
    sign = 1 if is_reversal else -1
    metadata = {
        "transaction_id": transaction_id,
        "dispute_id": dispute.id,
        **_of_order(order),
        "order_created_at": order.created_at,
        **_money(order, sign * dispute.amount, sign * dispute.tax_amount),
        "fee": 0 if is_reversal else dispute.fee,
    }
    return Note("balance.dispute_reversal" if is_reversal else "balance.dispute", order.customer_id, _known(metadata))


def _of_order(order: Order) -> dict[str, Any]:
    return {"order_id": order.id, "product_id": order.product_id, "subscription_id": order.subscription_id}


def _money(order: Order, amount: int, tax_amount: int) -> dict[str, Any]:
    """Amounts without tax; buyers pay in the currency in which is settled."""
    return {
        "amount": amount,
        "currency": order.currency,
        "presentment_amount": amount,
        "presentment_currency": order.currency,
        "tax_amount": tax_amount,
        **_taxed(order),
    }


def _taxed(order: Order) -> dict[str, Any]:
    """Where the buyer is taxed; states count in the United States and Canada only (platform spec 11.2)."""
    address = order.billing_address or {}
    country = address.get("country")
    state = address.get("state") if country in ("US", "CA") else None
    return {"tax_country": country, "tax_state": state}


def benefit(what: str, grant: Grant, benefit: Benefit) -> Note:
    """A benefit that a customer was `granted`, or that was `cycled`, `updated` or `revoked`."""
    metadata = {
        "benefit_id": benefit.id,
        "benefit_grant_id": grant.id,
        "benefit_type": benefit.type,
        "member_id": grant.member_id,
    }
    return Note(f"benefit.{what}", grant.customer_id, _known(metadata))


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not known, and as JSON has it."""
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
