"""Adding and deleting payment methods as a customer (orders spec 4.5).

Keeping a method moves no money, so a process that dies in between leaves at most one more at the processor.
"""

import uuid
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from boreal.core.customers import Customer
from boreal.core.payments import PaymentMethod
from boreal.core.subscriptions import Subscription
from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.problems import Fault, Invalid, ResourceNotFound, ServiceUnavailable
from boreal.kit.tx import Tx
from boreal.kit.work import Later, Work
from boreal.providers.ports import (
    Declined,
    NewMethod,
    PaymentProcessor,
    ProcessorRefused,
    ProcessorUnavailable,
    RequiresAction,
    Setup,
    SetupRequest,
    Succeeded,
)
from boreal.rooms.billing.methods import queries
from boreal.rooms.billing.methods.errors import CustomerNotReady, PaymentMethodInUseByActiveSubscription
from boreal.rooms.billing.payments.asking import customer_details, ensure_customer, keep_method
from boreal.rooms.customers.public import find as find_customer
from boreal.rooms.customers.public import set_default_payment_method, set_processor_customer

_UNAVAILABLE = "The payment processor does not answer. Please try again."


async def add(app: App, actor: Actor, *, token: str, set_default: bool, return_url: str) -> dict[str, Any]:
    """Keeps what the payment form's token stands for, or says that the bank has a question.

    Raises `Invalid` for a token that is not good, and for a method that the bank refuses; `ServiceUnavailable`.
    """
    customer = await _customer(app, actor)
    key = str(uuid.uuid4())
    try:
        details = customer_details(
            customer.organization_id,
            email=customer.email,
            name=customer.billing_name or customer.name,
            address=customer.billing_address,
            tax_id=customer.tax_id,
        )
        known = await ensure_customer(
            app, details, known_id=customer.processor_customer_id, idempotency_key=f"{key}-customer"
        )
        request = SetupRequest(customer=known, source=NewMethod(token), return_url=return_url)
        setup = await app.get(PaymentProcessor).create_setup(request, idempotency_key=key)
    except ProcessorRefused as refused:
        raise _invalid("confirmation_token_id", refused.message, token) from refused
    except ProcessorUnavailable as silence:
        raise ServiceUnavailable(_UNAVAILABLE) from silence
    if isinstance(setup.outcome, Declined):
        raise _invalid("confirmation_token_id", setup.outcome.message, token)
    return await _keep(app, customer, setup, set_default=set_default)


async def confirm(app: App, actor: Actor, *, setup_id: str, set_default: bool) -> dict[str, Any]:
    """Keeps a method whose challenge has been answered.

    Raises `CustomerNotReady`, `Invalid` for a setup that is not the customer's or did not succeed, and
    `ServiceUnavailable`.
    """
    customer = await _customer(app, actor)
    if customer.processor_customer_id is None:
        raise CustomerNotReady
    try:
        setup = await app.get(PaymentProcessor).get_setup(setup_id)
    except ProcessorUnavailable as silence:
        raise ServiceUnavailable(_UNAVAILABLE) from silence
    is_theirs = setup is not None and setup.customer == customer.processor_customer_id
    if setup is None or not is_theirs or not isinstance(setup.outcome, Succeeded | RequiresAction):
        raise _invalid("setup_intent_id", "Invalid setup_intent_id.", setup_id, type="invalid")
    return await _keep(app, customer, setup, set_default=set_default)


async def delete(app: App, actor: Actor, id: UUID) -> None:
    """Forgets a method, here and then at the processor; what was charged to it is charged to another one.

    That is the customer's default, else the newest. Raises `ResourceNotFound` and
    `PaymentMethodInUseByActiveSubscription`.
    """
    if await app.database.fetchrow(queries.GET, id=id, **actor.binds()) is None:
        raise ResourceNotFound
    async with app.transaction(actor.organization_id) as tx:
        customer = await _lock(tx, actor)
        method = await tx.lock(PaymentMethod, id)
        if method is None or method.deleted_at is not None:
            raise ResourceNotFound
        await _charge_to_another(tx, customer, method)
        await tx.save(method, replace(method, deleted_at=tx.now, modified_at=tx.now))
        default = customer.default_payment_method_id
        await set_default_payment_method(tx, customer, None if default == method.id else default)
        tx.enqueue("detach_payment_method", payload={"processor_id": method.processor_id})


async def detach_payment_method(app: App, work: Work) -> None:
    """Kind of work: the processor forgets a method. Safe to run again."""
    id = str(work.payload["processor_id"])
    try:
        await app.get(PaymentProcessor).detach_method(id, idempotency_key=f"{id}-detach-{work.id}")
    except ProcessorUnavailable:
        raise Later(app.clock.now() + app.kinds[work.kind].backoff(work.attempts)) from None


async def _keep(app: App, customer: Customer, setup: Setup, *, set_default: bool) -> dict[str, Any]:
    """Stores the method of a setup, if that has succeeded; who the customer is at the processor in any case."""
    async with app.transaction(customer.organization_id) as tx:
        locked = await tx.lock(Customer, customer.id)
        assert locked is not None
        if locked.processor_customer_id != setup.customer:
            locked = await set_processor_customer(tx, locked, setup.customer)
        if isinstance(setup.outcome, RequiresAction):
            return {"status": "requires_action", "client_secret": setup.outcome.client_secret}
        method = await keep_method(app, tx, customer.id, setup.method)
        if set_default and locked.default_payment_method_id != method.id:
            await set_default_payment_method(tx, locked, method.id)
    return {"status": "succeeded", "payment_method": queries.render(asdict(method))}


async def _charge_to_another(tx: Tx, customer: Customer, method: PaymentMethod) -> None:
    charged = await queries.charged_subscriptions(tx, method)
    if not charged:
        return
    others = await queries.others(tx, method)
    if not others:
        raise PaymentMethodInUseByActiveSubscription
    default = customer.default_payment_method_id
    other = default if default in others else others[0]
    for id in charged:
        subscription = await tx.lock(Subscription, id)
        assert subscription is not None
        await tx.save(subscription, replace(subscription, payment_method_id=other, modified_at=tx.now))


async def _customer(app: App, actor: Actor) -> Customer:
    customer = await find_customer(app.database, organization_id=actor.organization_id, id=actor.customer_id)
    if customer is None:
        raise ResourceNotFound
    return customer


async def _lock(tx: Tx, actor: Actor) -> Customer:
    assert actor.customer_id is not None
    customer = await tx.lock(Customer, actor.customer_id)
    if customer is None or customer.deleted_at is not None:
        raise ResourceNotFound
    return customer


def _invalid(name: str, message: str, given: str, *, type: str = "value_error") -> Invalid:
    return Invalid(Fault(("body", name), message, type, given))
