"""The manifest of the billing room."""

from boreal.core import disputes as dispute_rules
from boreal.core import orders as order_rules
from boreal.core import payments as payment_rules
from boreal.core import refunds as refund_rules
from boreal.core import seats as seat_rules
from boreal.core import subscriptions as subscription_rules
from boreal.core import system_events
from boreal.core.disputes import Dispute
from boreal.core.orders import Order
from boreal.core.payments import Payment, PaymentMethod
from boreal.core.refunds import Refund
from boreal.core.seats import CustomerSeat
from boreal.core.subscriptions import Subscription
from boreal.core.webhooks import WebhookEventType
from boreal.kit.room import Room
from boreal.kit.tx import Noun
from boreal.kit.work import Kind
from boreal.rooms.billing.changes import portal as change_portal
from boreal.rooms.billing.changes import renewal
from boreal.rooms.billing.changes import routes as change_routes
from boreal.rooms.billing.chargebacks.work import follow_dispute
from boreal.rooms.billing.correspondence.orders import send_order_mail, send_receipt
from boreal.rooms.billing.correspondence.subscriptions import send_subscription_mail
from boreal.rooms.billing.disputes import routes as dispute_routes
from boreal.rooms.billing.disputes.tables import DisputeRow
from boreal.rooms.billing.exports import routes as exports
from boreal.rooms.billing.invariants import INVARIANTS
from boreal.rooms.billing.invoices import routes as invoice_routes
from boreal.rooms.billing.invoices.commands import generate_invoice
from boreal.rooms.billing.methods import portal as method_portal
from boreal.rooms.billing.methods.commands import detach_payment_method
from boreal.rooms.billing.orders import collection, late, portal, rendering, routes, surplus
from boreal.rooms.billing.orders import schemas as order_schemas
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.payments import routes as payment_routes
from boreal.rooms.billing.payments.tables import PaymentMethodRow, PaymentRow
from boreal.rooms.billing.refunds import queries as refund_queries
from boreal.rooms.billing.refunds import routes as refund_routes
from boreal.rooms.billing.refunds import schemas as refund_schemas
from boreal.rooms.billing.refunds.tables import RefundRow
from boreal.rooms.billing.refunds.work import adopt_refund, settle_refund
from boreal.rooms.billing.reporting import work as tax_work
from boreal.rooms.billing.seats import portal as seat_portal
from boreal.rooms.billing.seats import queries as seat_queries
from boreal.rooms.billing.seats import routes as seat_routes
from boreal.rooms.billing.seats import schemas as seat_schemas
from boreal.rooms.billing.seats import work as seat_work
from boreal.rooms.billing.seats.tables import CustomerSeatRow
from boreal.rooms.billing.subscriptions import queries as subscription_queries
from boreal.rooms.billing.subscriptions import schemas as subscription_schemas
from boreal.rooms.billing.subscriptions.tables import SubscriptionRow

ORDER = Noun("order", Order, OrderRow, facts=order_rules.facts, transitions=order_rules.TRANSITIONS)
SUBSCRIPTION = Noun(
    "subscription",
    Subscription,
    SubscriptionRow,
    facts=subscription_rules.facts,
    transitions=subscription_rules.TRANSITIONS,
    notes=system_events.of_subscription,
)
PAYMENT = Noun("payment", Payment, PaymentRow, transitions=payment_rules.TRANSITIONS)
SEAT = Noun("customer_seat", CustomerSeat, CustomerSeatRow, facts=seat_rules.facts, transitions=seat_rules.TRANSITIONS)
PAYMENT_METHOD = Noun("payment_method", PaymentMethod, PaymentMethodRow)
REFUND = Noun("refund", Refund, RefundRow, facts=refund_rules.facts, transitions=refund_rules.TRANSITIONS)
DISPUTE = Noun("dispute", Dispute, DisputeRow, facts=dispute_rules.facts, transitions=dispute_rules.TRANSITIONS)

_SHAPES = {
    "order": order_schemas.Order,
    "refund": refund_schemas.Refund,
    "subscription": subscription_schemas.Subscription,
    "customer_seat": seat_schemas.CustomerSeat,
}

room = Room(
    name="billing",
    nouns=(ORDER, SUBSCRIPTION, PAYMENT, PAYMENT_METHOD, REFUND, DISPUTE, SEAT),
    routes=(
        routes.routes,
        portal.routes,
        refund_routes.routes,
        change_routes.routes,
        change_portal.routes,
        seat_routes.routes,
        seat_portal.routes,
        dispute_routes.routes,
        payment_routes.routes,
        invoice_routes.merchant,
        invoice_routes.portal,
        method_portal.routes,
        exports.orders,
        exports.subscriptions,
    ),
    renderers={
        "order": rendering.payload,
        "refund": refund_queries.payload,
        "subscription": subscription_queries.payload,
        "customer_seat": seat_queries.payload,
    },
    kinds={
        "detach_payment_method": Kind(detach_payment_method, queue="payments", real_time=True),
        "generate_invoice": Kind(generate_invoice, lease_s=60),
        "send_order_mail": Kind(send_order_mail, queue="mail", lease_s=60),
        "send_receipt": Kind(send_receipt, queue="mail"),
        "send_subscription_mail": Kind(send_subscription_mail, queue="mail"),
        "settle_refund": Kind(settle_refund, queue="payments", lease_s=120, real_time=True),
        "adopt_refund": Kind(adopt_refund, queue="payments", lease_s=120, real_time=True),
        "renew_subscription": Kind(renewal.renew, queue="renewals", lease_s=60, max_attempts=100),
        "end_subscriptions": Kind(renewal.end_of_customer),
        "collect_order": Kind(collection.collect, queue="charges", lease_s=60, max_attempts=100),
        "find_payment": Kind(late.find, queue="payments", lease_s=120, real_time=True),
        "return_surplus": Kind(surplus.give_back, queue="payments", lease_s=120, real_time=True),
        "follow_dispute": Kind(follow_dispute, queue="payments", lease_s=120, real_time=True),
        **seat_work.KINDS,
        **tax_work.KINDS,
    },
    reactions={
        "order.created": ("send_order_mail",),
        "customer.deleted": ("end_subscriptions", "end_seats_of_customer"),
        "customer_seat.assigned": ("send_seat_invitation",),
        **tax_work.REACTIONS,
        "subscription.canceled": ("send_subscription_mail",),
        "subscription.uncanceled": ("send_subscription_mail",),
        "subscription.past_due": ("send_subscription_mail", "end_seats_of_subscription"),
        "subscription.revoked": ("send_subscription_mail", "end_seats_of_subscription"),
    },
    invariants=INVARIANTS,
    payload_schemas={
        event.value: _SHAPES[event.partition(".")[0]]
        for event in WebhookEventType
        if event.partition(".")[0] in _SHAPES
    },
)
