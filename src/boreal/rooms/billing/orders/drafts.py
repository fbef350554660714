"""Orders that no checkout makes: from the bill of a subscription to a stored order that is paid or to be collected.

The balance of the customer pays first. What is left is charged to the kept method; the attempt is written down with the
order, so that a worker only has to ask the processor. Without a method the subscription is past due from the start.
"""

import uuid
from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.billing_run import MINIMUM_CHARGE, Bill, apply_balance
from boreal.core.customers import Customer
from boreal.core.discounts import Discount
from boreal.core.dunning import next_attempt
from boreal.core.orders import BillingReason, Order, OrderItem, OrderStatus
from boreal.core.payments import PaymentMethod
from boreal.core.subscriptions import Subscription
from boreal.kit.app import App
from boreal.kit.db import Row, Runs
from boreal.kit.tx import Tx
from boreal.rooms.billing.orders.charges import charge_request, open_charge
from boreal.rooms.billing.orders.collection import collect_later
from boreal.rooms.billing.orders.commands import add_items, take_next_invoice_number
from boreal.rooms.billing.orders.settlement import settle_order
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.orders.taxes import Tax
from boreal.rooms.billing.subscriptions.commands import enter_past_due
from boreal.rooms.billing.taxes.records import record_later
from boreal.rooms.finance.public import CUSTOMER_CREDIT

# What orders have set off or added that are still collected: the ledger moves when they are paid.
_RESERVED = sa.select(
    sa.func.coalesce(sa.cast(sa.func.sum(OrderRow.c.applied_balance_amount), sa.BigInteger), 0)
).where(
    OrderRow.c.customer_id == sa.bindparam("customer_id", type_=PgUUID),
    OrderRow.c.currency == sa.bindparam("currency"),
    OrderRow.c.status == OrderStatus.PENDING.value,
    sa.or_(OrderRow.c.first_failed_at.is_(None), OrderRow.c.next_payment_attempt_at.is_not(None)),
)
_AVAILABLE = sa.select(CUSTOMER_CREDIT.scalar_subquery() + _RESERVED.scalar_subquery())


@dataclass(frozen=True, slots=True)
class Draft:
    """An order as it will be, but for what the customer's balance does to it.

    `period_number` is the period that it pays for, None for what is billed within one.
    """

    bill: Bill
    tax: Tax
    discount: Discount | None
    reason: BillingReason
    period_number: int | None

    @property
    def total_amount(self) -> int:
        """What it comes to with its tax."""
        return self.bill.net_amount + self.tax.amount


async def store(
    app: App,
    tx: Tx,
    draft: Draft,
    *,
    subscription: Subscription,
    customer: Customer,
    organization: Row,
    method: PaymentMethod | None,
) -> Order:
    """The order of a draft, with its items: paid if nothing is due, else on its way to be collected.

    The customer must be locked. `subscription` is stored already, as it is after what the order bills.
    """
    number = await take_next_invoice_number(tx, customer=customer, organization=organization)
    applied = apply_balance(draft.total_amount, await available_credit(tx, customer.id, subscription.currency))
    order = replace(_order(tx, draft, subscription, customer, number), applied_balance_amount=applied.amount)
    if order.due_amount <= 0:
        order = await tx.save(None, await settle_order(tx, order, payment=None, subscription=subscription))
    elif order.due_amount >= MINIMUM_CHARGE and method is None:
        order = await _uncollectable(app, tx, order, subscription)
    else:
        order = await tx.save(None, order)
        if method is not None and order.due_amount >= MINIMUM_CHARGE:
            request = charge_request(
                order,
                customer,
                organization,
                method=method,
                follows_trial=subscription.trial_end == order.period_start,
            )
            await open_charge(tx, order, request, is_automatic=True, payment_method_id=method.id)
    if order.status is OrderStatus.PENDING:
        collect_later(tx, order)
    await add_items(tx, order, _items(draft))
    await record_later(tx, order_id=order.id, calculation_id=draft.tax.calculation_id)
    return order


async def available_credit(runs: Runs | Tx, customer_id: UUID, currency: str) -> int:
    """What a customer's balance can still do: the ledger's credit less what orders count on that are collected.

    An order that was given up counts on nothing any more.
    """
    return int(await runs.fetchval(_AVAILABLE, customer_id=customer_id, currency=currency))


async def _uncollectable(app: App, tx: Tx, order: Order, subscription: Subscription) -> Order:
    """The order of somebody who has no method to pay with: its first attempt has failed already (orders spec 12.1)."""
    await tx.flush()  # so that what was done before is told as it was then
    await enter_past_due(tx, subscription.id)
    await tx.flush()
    next_at = next_attempt(tx.now, now=tx.now, schedule=app.settings.dunning_days)
    return await tx.save(None, replace(order, first_failed_at=tx.now, next_payment_attempt_at=next_at))


def _order(tx: Tx, draft: Draft, subscription: Subscription, customer: Customer, number: str) -> Order:
    is_discounted = draft.discount is not None and any(line.discountable for line in draft.bill.lines)
    return Order(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=tx.organization_id,
        customer_id=customer.id,
        product_id=subscription.product_id,
        discount_id=draft.discount.id if draft.discount is not None and is_discounted else None,
        subscription_id=subscription.id,
        checkout_id=None,
        status=OrderStatus.PENDING,
        billing_reason=draft.reason,
        currency=subscription.currency,
        subtotal_amount=draft.bill.subtotal_amount,
        discount_amount=draft.bill.discount_amount,
        tax_amount=draft.tax.amount,
        taxability_reason=draft.tax.reason,
        tax_rate=dict(draft.tax.rate) if draft.tax.rate is not None else None,
        billing_name=customer.billing_name or customer.name,
        billing_address=customer.billing_address,
        tax_id=customer.tax_id,
        invoice_number=number,
        seats=None,
        metadata=subscription.metadata,
        custom_field_data=subscription.custom_field_data,
        period_start=subscription.current_period_start if draft.period_number is not None else None,
        period_number=draft.period_number,
    )


def _items(draft: Draft) -> list[OrderItem]:
    return [
        OrderItem(
            label=line.label, amount=line.amount, product_price_id=line.product_price_id, proration=line.proration
        )
        for line in draft.bill.lines
    ]
