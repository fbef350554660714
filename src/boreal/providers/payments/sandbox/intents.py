"""Payments and setups of the sandbox, within one transaction each.

A kept method (one with a customer) counts as set up for off-session payments.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from boreal.kit.db import Record, Row
from boreal.providers.payments.sandbox import behaviours, disputes, vault
from boreal.providers.payments.sandbox.amounts import check_amount
from boreal.providers.payments.sandbox.behaviours import BEHAVIOURS, Approve, Ask, Decline, Refuse, Verdict
from boreal.providers.payments.sandbox.records import SELECT_INTENTS, load_intent, with_method
from boreal.providers.payments.sandbox.step import Step
from boreal.providers.payments.sandbox.tables import SandboxCustomerRow, SandboxIntentRow
from boreal.providers.ports import (
    ChallengeAnswer,
    Payment,
    PaymentRequest,
    ProcessorRefused,
    SavedMethod,
    Setup,
    SetupRequest,
)

_STATE = ("status", "charge_id", "failure_code", "failure_decline_code", "failure_message", "settles_at")
_ASKED = (
    *("id", "kind", "client_secret", "idempotency_key", "customer_id", "method_id", "amount", "currency"),
    *("off_session", "save_for_later", "description", "statement_suffix", "return_url", "metadata", "created_at"),
)
_CUSTOMER_EXISTS = sa.select(SandboxCustomerRow.c.id).where(SandboxCustomerRow.c.id == sa.bindparam("id"))
_INSERT = (
    sa.insert(SandboxIntentRow)
    .values({name: sa.bindparam(name, type_=SandboxIntentRow.c[name].type) for name in _ASKED + _STATE})
    .returning(SandboxIntentRow)
)
_MOVE = (
    sa.update(SandboxIntentRow)
    .where(SandboxIntentRow.c.id == sa.bindparam("intent"))
    .values({name: sa.bindparam(f"new_{name}", type_=SandboxIntentRow.c[name].type) for name in _STATE})
)

BY_ID = SELECT_INTENTS.where(SandboxIntentRow.c.id == sa.bindparam("id"))
BY_KEY = SELECT_INTENTS.where(
    SandboxIntentRow.c.idempotency_key == sa.bindparam("key"),
    SandboxIntentRow.c.customer_id == sa.bindparam("customer"),
)
BY_SECRET = SELECT_INTENTS.where(SandboxIntentRow.c.client_secret == sa.bindparam("client_secret"))
LOCK_BY_ID = BY_ID.with_for_update(of=SandboxIntentRow)
_LOCK_BY_SECRET = BY_SECRET.with_for_update(of=SandboxIntentRow)
_LOCK_DUE = (
    SELECT_INTENTS.where(SandboxIntentRow.c.settles_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .order_by(SandboxIntentRow.c.settles_at, SandboxIntentRow.c.id)
    .limit(100)
    .with_for_update(of=SandboxIntentRow, skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class _State:
    """Where an intent stands: the columns that change."""

    status: Literal["requires_action", "processing", "succeeded", "declined", "canceled"]
    charge_id: str | None = None
    decline: Decline | None = None
    settles_at: datetime | None = None

    def columns(self, prefix: str = "") -> dict[str, Any]:
        """The values by column name."""
        decline = self.decline
        values = {
            "status": self.status,
            "charge_id": self.charge_id,
            "failure_code": decline and decline.code,
            "failure_decline_code": decline and decline.decline_code,
            "failure_message": decline and decline.message,
            "settles_at": self.settles_at,
        }
        return {prefix + name: value for name, value in values.items()}


async def pay(step: Step, request: PaymentRequest, *, key: str, processing: bool) -> Payment:
    """Makes the payment; with `processing`, one that is approved succeeds later only."""
    check_amount(request.amount, request.currency)
    method = await _method(step, request, key=key)
    verdict = behaviours.charge(
        BEHAVIOURS[method["behaviour"]],
        off_session=request.off_session,
        set_up=method["customer_id"] is not None,
        authenticated=False,
    )
    intent = step.identity.new_id("pi", key)
    asked = {
        "kind": "payment",
        "amount": request.amount,
        "currency": request.currency,
        "off_session": request.off_session,
        "save_for_later": request.save_for_later,
        "statement_suffix": request.statement_suffix,
    }
    state = _payment_state(step, intent, verdict, processing=processing)
    payment = await _create(step, intent, request, asked, method, state, key=key)
    assert isinstance(payment, Payment)
    return payment


async def set_up(step: Step, request: SetupRequest, *, key: str) -> Setup:
    """Keeps the method, or asks for a challenge first."""
    method = await _method(step, request, key=key)
    verdict = behaviours.keep(BEHAVIOURS[method["behaviour"]], authenticated=False)
    asked = {
        "kind": "setup",
        "amount": None,
        "currency": None,
        "off_session": False,
        "save_for_later": True,
        "statement_suffix": None,
    }
    state = _setup_state(verdict)
    setup = await _create(step, step.identity.new_id("seti", key), request, asked, method, state, key=key)
    assert isinstance(setup, Setup)
    return setup


async def answer(
    step: Step, client_secret: str, answered: ChallengeAnswer, *, processing: bool
) -> Payment | Setup | None:
    """Moves an intent that waits for its customer; any other stays as it is. None for an unknown secret."""
    row = await step.connection.fetchrow(_LOCK_BY_SECRET, client_secret=client_secret)
    if row is None:
        return None
    if row["status"] != "requires_action":
        return load_intent(row)
    behaviour = BEHAVIOURS[row["method_behaviour"]]
    if row["kind"] == "setup":
        return await _move(step, row, _setup_state(_answered_setup(behaviour, answered)))
    if answered == "accept":
        verdict = behaviours.charge(behaviour, off_session=False, set_up=False, authenticated=True)
        return await _move(step, row, _payment_state(step, row["id"], verdict, processing=processing))
    failed = answered == "refuse"
    decline = behaviours.PAYMENT_CHALLENGE_FAILED if failed else behaviours.PAYMENT_CHALLENGE_ABANDONED
    return await _move(step, row, _State("declined", decline=decline))


async def cancel_payment(step: Step, payment: str) -> Payment:
    """Stops a payment that waits for its customer; any other stays as it is."""
    canceled = await _cancel(step, payment)
    if not isinstance(canceled, Payment):
        raise ProcessorRefused("resource_missing", "There is no such payment.")
    return canceled


async def cancel_setup(step: Step, setup: str) -> Setup:
    """Stops a setup that waits for its customer; any other stays as it is."""
    canceled = await _cancel(step, setup)
    if not isinstance(canceled, Setup):
        raise ProcessorRefused("resource_missing", "There is no such setup.")
    return canceled


async def settle_due(step: Step) -> None:
    """Lets every processing payment succeed whose time has come."""
    for row in await step.connection.fetch(_LOCK_DUE, now=step.now):
        await _move(step, row, _State("succeeded", charge_id=row["charge_id"]))


async def _cancel(step: Step, intent: str) -> Payment | Setup | None:
    row = await step.connection.fetchrow(LOCK_BY_ID, id=intent)
    if row is None:
        return None
    if row["status"] != "requires_action":
        return load_intent(row)
    return await _move(step, row, _State("canceled"))


def _answered_setup(behaviour: behaviours.Behaviour, answered: ChallengeAnswer) -> Verdict:
    if answered == "accept":
        return behaviours.keep(behaviour, authenticated=True)
    failed = answered == "refuse"
    return Refuse(behaviours.SETUP_CHALLENGE_FAILED if failed else behaviours.SETUP_CHALLENGE_ABANDONED)


def _payment_state(step: Step, intent: str, verdict: Verdict, *, processing: bool) -> _State:
    charge = step.identity.new_id("ch", intent)
    match verdict:
        case Ask():
            return _State("requires_action")
        case Approve() if processing:
            return _State("processing", charge_id=charge, settles_at=step.settles_at)
        case Approve():
            return _State("succeeded", charge_id=charge)
        case Refuse(decline):
            # who was not asked never got as far as a charge
            reached = decline is not behaviours.AUTHENTICATION_REQUIRED
            return _State("declined", charge_id=charge if reached else None, decline=decline)


def _setup_state(verdict: Verdict) -> _State:
    match verdict:
        case Ask():
            return _State("requires_action")
        case Approve():
            return _State("succeeded")
        case Refuse(decline):
            return _State("declined", decline=decline)


async def _method(step: Step, request: PaymentRequest | SetupRequest, *, key: str) -> Record:
    """The method to use; whoever has a kept one is a customer."""
    if isinstance(request.source, SavedMethod):
        kept = await vault.find_kept(step, request.source.id, customer=request.customer)
        if kept is not None:
            return kept
    if await step.connection.fetchval(_CUSTOMER_EXISTS, id=request.customer) is None:
        raise ProcessorRefused("resource_missing", "There is no such customer.")
    return await vault.resolve(step, request.source, customer=request.customer, origin=key)


async def _create(
    step: Step,
    intent: str,
    request: PaymentRequest | SetupRequest,
    asked: dict[str, Any],
    method: Record,
    state: _State,
    *,
    key: str,
) -> Payment | Setup:
    row = await step.connection.fetchrow(
        _INSERT,
        id=intent,
        client_secret=step.identity.client_secret(intent),
        idempotency_key=key,
        customer_id=request.customer,
        method_id=method["id"],
        description=request.description,
        return_url=request.return_url,
        metadata=dict(request.metadata),
        created_at=step.now,
        **asked,
        **state.columns(),
    )
    assert row is not None
    return await _arrive(step, with_method(row, method))


async def _move(step: Step, row: Row, state: _State) -> Payment | Setup:
    await step.connection.execute(_MOVE, intent=row["id"], **state.columns("new_"))
    return await _arrive(step, {**dict(row), **state.columns()})


async def _arrive(step: Step, row: Row) -> Payment | Setup:
    """What an intent's new state brings with it: a method that is kept, an event, disputes."""
    intent = row["id"]
    if row["status"] == "succeeded" and row["save_for_later"] and row["method_customer_id"] is None:
        await vault.keep(step, row["method_id"], customer=row["customer_id"])
        row = {**dict(row), "method_customer_id": row["customer_id"]}
    await step.changed(row["kind"], intent)
    if row["status"] == "succeeded" and row["kind"] == "payment":
        await disputes.arise(step, row)
    return load_intent(row)
