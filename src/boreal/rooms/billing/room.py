"""The manifest of the billing room."""

from boreal.core import orders as order_rules
from boreal.core import payments as payment_rules
from boreal.core import subscriptions as subscription_rules
from boreal.core.orders import Order
from boreal.core.payments import Payment, PaymentMethod
from boreal.core.subscriptions import Subscription
from boreal.core.webhooks import WebhookEventType
from boreal.kit.room import Room
from boreal.kit.tx import Noun
from boreal.kit.work import Kind
from boreal.rooms.billing.invariants import INVARIANTS
from boreal.rooms.billing.orders import portal, rendering, routes
from boreal.rooms.billing.orders import schemas as order_schemas
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.orders.work import send_order_mail
from boreal.rooms.billing.payments.tables import PaymentMethodRow, PaymentRow
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
)
PAYMENT = Noun("payment", Payment, PaymentRow, transitions=payment_rules.TRANSITIONS)
PAYMENT_METHOD = Noun("payment_method", PaymentMethod, PaymentMethodRow)

_SHAPES = {"order": order_schemas.Order, "subscription": subscription_schemas.Subscription}

room = Room(
    name="billing",
    nouns=(ORDER, SUBSCRIPTION, PAYMENT, PAYMENT_METHOD),
    routes=(routes.routes, portal.routes),
    renderers={"order": rendering.payload, "subscription": subscription_queries.payload},
    kinds={"send_order_mail": Kind(send_order_mail, queue="mail")},
    reactions={"order.created": ("send_order_mail",)},
    invariants=INVARIANTS,
    payload_schemas={
        event.value: _SHAPES[event.partition(".")[0]]
        for event in WebhookEventType
        if event.partition(".")[0] in _SHAPES
    },
)
