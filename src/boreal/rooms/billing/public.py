"""The door of the billing room: settling purchases, recording payments, and wire shapes for the rooms above."""

from boreal.core.orders import Purchase, PurchaseItem
from boreal.rooms.billing.chargebacks.work import hear_dispute
from boreal.rooms.billing.disputes.tables import DisputeRow
from boreal.rooms.billing.invoices.commands import document as invoice_document
from boreal.rooms.billing.invoices.commands import signer as invoice_signer
from boreal.rooms.billing.orders.commands import settle_purchase
from boreal.rooms.billing.orders.late import hear as hear_order_payment
from boreal.rooms.billing.orders.portal import orders_page as list_customer_orders
from boreal.rooms.billing.orders.queries import OrderDetail
from boreal.rooms.billing.orders.queries import read as read_order
from boreal.rooms.billing.orders.rendering import render_customer_order, render_order
from boreal.rooms.billing.orders.schemas import Order
from boreal.rooms.billing.orders.settlement import settle_order
from boreal.rooms.billing.orders.tables import OrderItemRow, OrderRow
from boreal.rooms.billing.payments.asking import (
    KEYS_LAST,
    after_silence,
    customer_details,
    ensure_customer,
    keep_method,
    next_look,
)
from boreal.rooms.billing.payments.commands import record_attempt, record_payment, save_payment_method, update_payment
from boreal.rooms.billing.payments.tables import PaymentMethodRow, PaymentRow
from boreal.rooms.billing.refunds.tables import RefundRow
from boreal.rooms.billing.refunds.work import hear_refund
from boreal.rooms.billing.roles import require_billing_role
from boreal.rooms.billing.seats.commands import claim as claim_seat
from boreal.rooms.billing.seats.commands import claim_info as seat_invitation
from boreal.rooms.billing.seats.tables import CustomerSeatRow
from boreal.rooms.billing.subscriptions.queries import active_subscriptions
from boreal.rooms.billing.subscriptions.schemas import Subscription, SubscriptionMeterBase
from boreal.rooms.billing.subscriptions.tables import SubscriptionPriceRow, SubscriptionRow
from boreal.rooms.billing.subscriptions.upgrades import Upgradable, find_upgradable
from boreal.rooms.billing.taxes.records import record_later as record_tax_later

__all__ = [
    "KEYS_LAST",
    "CustomerSeatRow",
    "DisputeRow",
    "Order",
    "OrderDetail",
    "OrderItemRow",
    "OrderRow",
    "PaymentMethodRow",
    "PaymentRow",
    "Purchase",
    "PurchaseItem",
    "RefundRow",
    "Subscription",
    "SubscriptionMeterBase",
    "SubscriptionPriceRow",
    "SubscriptionRow",
    "Upgradable",
    "active_subscriptions",
    "after_silence",
    "claim_seat",
    "customer_details",
    "ensure_customer",
    "find_upgradable",
    "hear_dispute",
    "hear_order_payment",
    "hear_refund",
    "invoice_document",
    "invoice_signer",
    "keep_method",
    "list_customer_orders",
    "next_look",
    "read_order",
    "record_attempt",
    "record_payment",
    "record_tax_later",
    "render_customer_order",
    "render_order",
    "require_billing_role",
    "save_payment_method",
    "seat_invitation",
    "settle_order",
    "settle_purchase",
    "update_payment",
]
