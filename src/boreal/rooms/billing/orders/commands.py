"""Making orders out of confirmed checkouts."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from boreal.core import orders as book
from boreal.core.customers import Customer, short_id_text
from boreal.core.orders import Amounts, BillingReason, Order, OrderItem, OrderStatus, Purchase
from boreal.core.payments import Payment
from boreal.core.subscriptions import Subscription
from boreal.kit.db import Row
from boreal.kit.tx import Tx
from boreal.rooms.billing.orders.labels import trial_label
from boreal.rooms.billing.orders.settlement import settle_order
from boreal.rooms.billing.orders.tables import InvoiceCounterRow, OrderItemRow, OrderRow
from boreal.rooms.billing.payments.commands import update_payment
from boreal.rooms.billing.subscriptions.commands import start_subscription
from boreal.rooms.customers.public import take_invoice_number

_OF_CHECKOUT = sa.select(OrderRow.c.id).where(OrderRow.c.checkout_id == sa.bindparam("checkout_id"))
_INSERT_ITEM = OrderItemRow.insert()
_TAKE_NUMBER = sa.text(
    """
    INSERT INTO invoice_counters AS counter (organization_id, next_number) VALUES (:organization_id, 2)
    ON CONFLICT (organization_id) DO UPDATE SET next_number = counter.next_number + 1
    RETURNING next_number - 1
    """
).bindparams(sa.bindparam("organization_id", type_=InvoiceCounterRow.c.organization_id.type))


async def settle_purchase(tx: Tx, purchase: Purchase, *, customer: Customer, organization: Row) -> Order:
    """The paid order of a confirmed checkout, after the subscription of a recurring product (catalog spec 6.14).

    A trial is a paid order of nothing. The customer must be locked by this transaction. The same checkout again gives
    the order that it has, and nothing else happens. The facts are those of orders spec 17, rows 1 to 3.
    """
    known = await tx.fetchval(_OF_CHECKOUT, checkout_id=purchase.checkout_id)
    if known is not None:
        order = await tx.load(Order, known)
        assert order is not None
        return order
    recurring = purchase.product.is_recurring
    subscription = await start_subscription(tx, purchase, customer=customer) if recurring else None
    number = await take_next_invoice_number(tx, customer=customer, organization=organization)
    order = _order(tx, purchase, customer=customer, subscription=subscription, invoice_number=number)
    paid_by = await tx.load(Payment, purchase.payment_id) if purchase.payment_id is not None else None
    order = await settle_order(tx, order, payment=paid_by, subscription=subscription)
    await tx.save(None, order)
    await add_items(tx, order, _items(purchase, subscription))
    if paid_by is not None:
        await update_payment(tx, paid_by.id, order_id=order.id)
    return order


def _order(
    tx: Tx, purchase: Purchase, *, customer: Customer, subscription: Subscription | None, invoice_number: str
) -> Order:
    on_trial = purchase.trial_end is not None
    amounts = _amounts(purchase)
    return Order(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=tx.organization_id,
        customer_id=customer.id,
        product_id=purchase.product.id,
        discount_id=None if on_trial else purchase.discount_id,
        subscription_id=subscription.id if subscription else None,
        checkout_id=purchase.checkout_id,
        status=OrderStatus.PENDING,
        billing_reason=_reason(purchase, subscription),
        currency=purchase.currency,
        subtotal_amount=amounts.subtotal_amount,
        discount_amount=amounts.discount_amount,
        tax_amount=amounts.tax_amount,
        taxability_reason=purchase.taxability_reason,
        tax_rate=dict(purchase.tax_rate) if purchase.tax_rate is not None else None,
        billing_name=customer.billing_name or customer.name,
        billing_address=customer.billing_address,
        tax_id=customer.tax_id,
        invoice_number=invoice_number,
        seats=purchase.seats,
        metadata=dict(purchase.metadata),
        custom_field_data=dict(purchase.custom_field_data),
        period_start=subscription.current_period_start if subscription else None,
        period_number=subscription.period_number if subscription else None,
    )


def _reason(purchase: Purchase, subscription: Subscription | None) -> BillingReason:
    if subscription is None:
        return BillingReason.PURCHASE
    is_upgrade = subscription.id == purchase.subscription_id
    return BillingReason.SUBSCRIPTION_UPDATE if is_upgrade else BillingReason.SUBSCRIPTION_CREATE


def _amounts(purchase: Purchase) -> Amounts:
    """Nothing on a trial, whatever the checkout showed as the future price (orders spec 11)."""
    if purchase.trial_end is not None:
        return Amounts(subtotal_amount=0, discount_amount=0, tax_amount=0)
    return Amounts(
        subtotal_amount=purchase.subtotal_amount,
        discount_amount=purchase.discount_amount,
        tax_amount=purchase.tax_amount,
    )


def _items(purchase: Purchase, subscription: Subscription | None) -> list[OrderItem]:
    name = purchase.product.name
    if subscription is not None and subscription.trial_end is not None:
        label = trial_label(name, subscription.current_period_start, subscription.trial_end)
        return [OrderItem(label=label, amount=0)]
    return [
        OrderItem(label=item.label or name, amount=item.amount, product_price_id=item.product_price_id)
        for item in purchase.items
    ]


async def add_items(tx: Tx, order: Order, items: Sequence[OrderItem]) -> None:
    """Stores the items of a new order, in their order."""
    rows = [
        {
            "id": uuid.uuid4(),
            "created_at": tx.now,
            "modified_at": None,
            "organization_id": order.organization_id,
            "order_id": order.id,
            "position": position,
            "label": item.label,
            "amount": item.amount,
            "tax_amount": 0,
            "proration": item.proration,
            "product_price_id": item.product_price_id,
        }
        for position, item in enumerate(items)
    ]
    await tx.execute_many(_INSERT_ITEM, rows)


async def take_next_invoice_number(tx: Tx, *, customer: Customer, organization: Row) -> str:
    """The next number, counted per customer or per organization as the organization chose (orders spec 2.1)."""
    prefix = organization["customer_invoice_prefix"]
    if organization["invoice_numbering"] == "organization":
        return book.invoice_number(prefix, await tx.fetchval(_TAKE_NUMBER, organization_id=tx.organization_id))
    number = await take_invoice_number(tx, customer)
    return book.invoice_number(prefix, number, customer_short_id=short_id_text(customer.short_id))
